/* view.c: see view.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/view.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static size_t row_count(const struct nastl_view *view)
{
    return view->train_count + view->valid_count;
}

static int copy_rows(struct nastl_view *view, const int32_t *train, const int32_t *valid)
{
    const size_t count = row_count(view);
    view->rows = nastl_alloc(count, sizeof *view->rows);
    view->index = nastl_alloc(count, sizeof *view->index);
    view->valid_labels = nastl_alloc(view->valid_count, sizeof *view->valid_labels);
    if (!view->rows || !view->index || !view->valid_labels)
        return nastl_error_nomem("the rows of a split");
    memcpy(view->rows, train, view->train_count * sizeof *train);
    if (view->valid_count)
        memcpy(view->rows + view->train_count, valid, view->valid_count * sizeof *valid);
    for (size_t i = 0; i < count; i++)
        view->index[i] = (int32_t)i;
    for (size_t i = 0; i < view->valid_count; i++)
        view->valid_labels[i] = view->dataset->label[valid[i]];
    return NASTL_OK;
}

int nastl_view_create(struct nastl_view **out, const struct nastl_dataset *dataset,
                      const struct nastl_layout *layout, const int32_t *train,
                      size_t train_count, const int32_t *valid, size_t valid_count)
{
    struct nastl_view *view = nastl_alloc_zero(1, sizeof *view);
    if (!view)
        return nastl_error_nomem("a split");
    view->dataset = dataset;
    view->layout = layout;
    view->train_count = train_count;
    view->valid_count = valid_count;
    pthread_mutex_init(&view->lock, NULL);
    const int status = copy_rows(view, train, valid);
    if (status < 0) {
        nastl_view_destroy(view);
        return status;
    }
    *out = view;
    return NASTL_OK;
}

void nastl_view_destroy(struct nastl_view *view)
{
    if (!view)
        return;
    for (size_t i = 0; i < NASTL_SCALING_COUNT; i++) {
        nastl_prep_destroy(view->scaled[i].prep);
        nastl_xy_finish(&view->scaled[i].xy);
    }
    for (size_t i = 0; i < NASTL_LABEL_TRANSFORM_COUNT; i++)
        free(view->labelled[i].y);
    pthread_mutex_destroy(&view->lock);
    free(view->rows);
    free(view->index);
    free(view->valid_labels);
    free(view);
}

static int make_features(struct nastl_view *view, enum nastl_scaling scaling)
{
    struct nastl_prep *prep;
    TRY(nastl_prep_fit(&prep, view->layout, view->dataset, view->rows, view->train_count,
                       scaling));
    const int status = nastl_prep_apply(&view->scaled[scaling].xy, prep, view->layout,
                                        view->dataset, view->rows, row_count(view));
    if (status < 0) {
        nastl_prep_destroy(prep);
        return status;
    }
    view->scaled[scaling].prep = prep;
    return NASTL_OK;
}

int nastl_view_features(const struct nastl_prep **prep, const struct nastl_xy **xy,
                        struct nastl_view *view, enum nastl_scaling scaling)
{
    pthread_mutex_lock(&view->lock);
    const int status =
        view->scaled[scaling].prep ? NASTL_OK : make_features(view, scaling);
    pthread_mutex_unlock(&view->lock);
    *prep = view->scaled[scaling].prep;
    *xy = &view->scaled[scaling].xy;
    return status;
}

static bool is_regression(const struct nastl_view *view)
{
    return view->dataset->task == NASTL_TASK_REGRESSION;
}

static int fit_label_map(struct nastl_label_map *map, const struct nastl_view *view,
                         enum nastl_label_transform transform)
{
    double *labels = nastl_alloc(view->train_count, sizeof *labels);
    if (!labels)
        return nastl_error_nomem("labels");
    for (size_t i = 0; i < view->train_count; i++)
        labels[i] = view->dataset->label[view->rows[i]];
    const int status = nastl_label_fit(map, labels, view->train_count, transform);
    free(labels);
    return status;
}

static int make_labels(struct nastl_view *view, enum nastl_label_transform transform)
{
    struct nastl_label_map *map = &view->labelled[transform].map;
    if (is_regression(view))
        TRY(fit_label_map(map, view, transform));
    float *y = nastl_alloc(row_count(view), sizeof *y);
    if (!y)
        return nastl_error_nomem("labels");
    for (size_t i = 0; i < row_count(view); i++) {
        const double label = view->dataset->label[view->rows[i]];
        y[i] = (float)(is_regression(view) ? nastl_label_apply(map, label) : label);
    }
    view->labelled[transform].y = y;
    return NASTL_OK;
}

int nastl_view_labels(const struct nastl_label_map **map, const float **y,
                      struct nastl_view *view, enum nastl_label_transform transform)
{
    pthread_mutex_lock(&view->lock);
    const int status =
        view->labelled[transform].y ? NASTL_OK : make_labels(view, transform);
    pthread_mutex_unlock(&view->lock);
    *map = &view->labelled[transform].map;
    *y = view->labelled[transform].y;
    return status;
}
