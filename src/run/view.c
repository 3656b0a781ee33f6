/* view.c: see view.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/view.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of the source's rows, beside few target rows and for each of many. */
enum { POOLED_LEAST = 20000, POOLED_EACH = 10 };

/* Of an epoch, the same: with few target rows one of the whole source would cost many
 * times what a candidate from scratch does, and be judged too seldom. */
enum { EPOCH_LEAST = 1024, EPOCH_EACH = 4 };

int nastl_normalizer_from_name(const char *name)
{
    static const char *const names[] = {"target", "source", "both"};
    _Static_assert(sizeof names / sizeof *names == NASTL_NORMALIZER_COUNT, "one each");
    for (int i = 0; i < NASTL_NORMALIZER_COUNT; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

/* ---- rows -------------------------------------------------------------------------- */

/* Rows of the dataset, `times` one after another. */
struct run {
    const int32_t *rows;
    size_t count, times;
};

static size_t length_of(const struct run *run)
{
    return run->count * run->times;
}

static int32_t *append(int32_t *to, const struct run *run)
{
    for (size_t t = 0; t < run->times && run->count; t++, to += run->count)
        memcpy(to, run->rows, run->count * sizeof *to);
    return to;
}

/* What a view is made of. */
struct plan {
    struct run own, source, valid, seen; /* seen: by what is fitted alone */
    struct run basis[2];
};

static int allocate(struct nastl_view *view)
{
    view->rows = nastl_alloc(view->row_count, sizeof *view->rows);
    view->index = nastl_alloc(view->row_count, sizeof *view->index);
    view->fit = nastl_alloc(view->fit_count, sizeof *view->fit);
    view->basis = nastl_alloc(view->basis_count, sizeof *view->basis);
    view->valid_labels = nastl_alloc(view->valid_count, sizeof *view->valid_labels);
    if (!view->rows || !view->index || !view->fit || !view->basis || !view->valid_labels)
        return nastl_error_nomem("the rows of a split");
    return NASTL_OK;
}

static void fill_rows(struct nastl_view *view, const struct plan *plan)
{
    const size_t trained = view->train_count, judged = trained + view->valid_count;
    append(append(append(append(view->rows, &plan->own), &plan->source), &plan->valid),
           &plan->seen);
    append(append(view->basis, &plan->basis[0]), &plan->basis[1]);
    for (size_t i = 0; i < view->row_count; i++)
        view->index[i] = (int32_t)i;
    for (size_t i = 0; i < view->fit_count; i++)
        view->fit[i] = (int32_t)(i < trained ? i : i - trained + judged);
    for (size_t i = 0; i < view->valid_count; i++)
        view->valid_labels[i] = view->dataset->label[view->rows[trained + i]];
}

static int create(struct nastl_view **out, const struct nastl_dataset *dataset,
                  const struct nastl_layout *layout, const struct plan *plan)
{
    struct nastl_view *view = nastl_alloc_zero(1, sizeof *view);
    if (!view)
        return nastl_error_nomem("a split");
    view->dataset = dataset;
    view->layout = layout;
    view->own_count = length_of(&plan->own);
    view->train_count = view->own_count + length_of(&plan->source);
    view->valid_count = plan->valid.count;
    view->fit_count = view->train_count + plan->seen.count;
    view->row_count = view->fit_count + view->valid_count;
    view->basis_count = plan->basis[0].count + plan->basis[1].count;
    pthread_mutex_init(&view->lock, NULL);
    const int status = allocate(view);
    if (status < 0) {
        nastl_view_destroy(view);
        return status;
    }
    fill_rows(view, plan);
    *out = view;
    return NASTL_OK;
}

int nastl_view_create(struct nastl_view **out, const struct nastl_dataset *dataset,
                      const struct nastl_layout *layout, const int32_t *train,
                      size_t train_count, const int32_t *valid, size_t valid_count)
{
    const struct run own = {train, train_count, 1};
    const struct plan plan = {
        .own = own, .valid = {valid, valid_count, 1}, .basis[0] = own};
    return create(out, dataset, layout, &plan);
}

void nastl_view_destroy(struct nastl_view *view)
{
    if (!view)
        return;
    while (view->variants) {
        struct nastl_view *variant = view->variants;
        view->variants = variant->next;
        nastl_view_destroy(variant);
    }
    for (size_t i = 0; i < NASTL_SCALING_COUNT; i++) {
        nastl_prep_destroy(view->scaled[i].prep);
        nastl_xy_finish(&view->scaled[i].xy);
    }
    for (size_t i = 0; i < NASTL_LABEL_TRANSFORM_COUNT; i++)
        free(view->labelled[i].y);
    pthread_mutex_destroy(&view->lock);
    free(view->rows);
    free(view->index);
    free(view->fit);
    free(view->basis);
    free(view->valid_labels);
    free(view);
}

/* ---- variants ---------------------------------------------------------------------- */

size_t nastl_view_pooled(size_t source, size_t own)
{
    const size_t most =
        own > POOLED_LEAST / POOLED_EACH ? own * POOLED_EACH : POOLED_LEAST;
    return source < most ? source : most;
}

static size_t epoch_of(size_t own)
{
    return own > EPOCH_LEAST / EPOCH_EACH ? own * EPOCH_EACH : EPOCH_LEAST;
}

/* The same ones whoever asks, in the order of the source's. */
static int draw_rows(int32_t **out, size_t *count, const struct nastl_view *view)
{
    const struct nastl_view *source = view->source;
    struct nastl_rng rng;
    *count = nastl_view_pooled(source->train_count, view->train_count);
    *out = nastl_alloc(source->train_count, sizeof **out);
    if (!*out)
        return nastl_error_nomem("the rows of a split");
    memcpy(*out, source->rows, source->train_count * sizeof **out);
    nastl_rng_init(&rng, 0, 0, NASTL_RNG_POOL);
    if (*count < source->train_count)
        nastl_rng_shuffle(&rng, *out, source->train_count);
    return NASTL_OK;
}

static size_t times_of(size_t few, size_t many)
{
    return few && many > few ? many / few : 1;
}

static struct plan plan_of(const struct nastl_view *view,
                           const struct nastl_variant *which, const int32_t *drawn,
                           size_t count)
{
    const size_t own = view->train_count;
    const struct run all = {view->rows, own, 1};
    const struct run none = {NULL, 0, 1};
    const struct run source =
        view->source ? (struct run){view->source->rows, view->source->train_count, 1}
                     : none;
    struct plan plan = {
        .own = all, .valid = {view->rows + own, view->valid_count, 1}, .basis = {all}};
    if (which->pooled) {
        plan.own.times = times_of(own, count);
        plan.source = (struct run){drawn, count, times_of(count, own)};
    } else if (which->normalizer == NASTL_NORMALIZER_BOTH)
        plan.seen = (struct run){drawn, count, 1};
    if (which->normalizer == NASTL_NORMALIZER_BOTH)
        plan.basis[1] = source;
    else if (which->normalizer == NASTL_NORMALIZER_SOURCE && !which->warm)
        plan.basis[0] = source;
    return plan;
}

static bool needs_rows(const struct nastl_variant *which)
{
    return which->pooled || which->normalizer == NASTL_NORMALIZER_BOTH ||
           (which->normalizer == NASTL_NORMALIZER_SOURCE && !which->warm);
}

static int create_variant(struct nastl_view **out, struct nastl_view *view,
                          const struct nastl_variant *which)
{
    int32_t *drawn = NULL;
    size_t count = 0;
    if (needs_rows(which) && !view->source)
        return nastl_error(NASTL_EINVAL, "transfer: the candidate takes rows of the "
                                         "source, and there are none; give --source");
    if (needs_rows(which))
        TRY(draw_rows(&drawn, &count, view));
    const struct plan plan = plan_of(view, which, drawn, count);
    const int status = create(out, view->dataset, view->layout, &plan);
    free(drawn);
    TRY(status);
    (*out)->source = view->source;
    (*out)->which = *which;
    (*out)->epoch_rows = which->pooled ? epoch_of(view->train_count) : 0;
    return NASTL_OK;
}

static bool is_same(const struct nastl_variant *a, const struct nastl_variant *b)
{
    return a->normalizer == b->normalizer && a->warm == b->warm && a->pooled == b->pooled;
}

static int find_variant(struct nastl_view **out, struct nastl_view *view,
                        const struct nastl_variant *which)
{
    for (*out = view->variants; *out; *out = (*out)->next)
        if (is_same(&(*out)->which, which))
            return NASTL_OK;
    TRY(create_variant(out, view, which));
    (*out)->next = view->variants;
    view->variants = *out;
    return NASTL_OK;
}

int nastl_view_variant(struct nastl_view **out, struct nastl_view *view,
                       const struct nastl_variant *which)
{
    struct nastl_variant wanted = *which;
    *out = view;
    if (wanted.normalizer != NASTL_NORMALIZER_SOURCE || wanted.pooled)
        wanted.warm = NULL;
    if (is_same(&wanted, &(struct nastl_variant){0}))
        return NASTL_OK;
    pthread_mutex_lock(&view->lock);
    const int status = find_variant(out, view, &wanted);
    pthread_mutex_unlock(&view->lock);
    return status;
}

int nastl_view_weights(float **out, const struct nastl_view *view, double share)
{
    const double rows = (double)view->train_count, own = (double)view->own_count;
    *out = nastl_alloc(view->row_count, sizeof **out);
    if (!*out)
        return nastl_error_nomem("the weights of rows");
    for (size_t i = 0; i < view->row_count; i++)
        (*out)[i] = (float)(i < view->own_count ? (1 - share) * rows / own
                                                : share * rows / (rows - own));
    return NASTL_OK;
}

/* ---- features ---------------------------------------------------------------------- */

/* Whether the source's training rows have statistics of their own. */
static bool is_split(const struct nastl_view *view)
{
    return view->which.pooled && view->which.normalizer == NASTL_NORMALIZER_TARGET;
}

static int fit_features(struct nastl_prep **out, const struct nastl_view *view,
                        enum nastl_scaling scaling)
{
    const struct nastl_model *warm = view->which.warm;
    TRY(nastl_prep_fit(out, view->layout, view->dataset, view->basis, view->basis_count,
                       warm ? nastl_prep_scaling(warm->prep) : scaling));
    if (warm)
        nastl_prep_adopt(*out, view->layout, warm->prep, warm->layout);
    return NASTL_OK;
}

/* The rows of the source as the source's statistics make them. */
static int scale_source(struct nastl_xy *xy, const struct nastl_view *view,
                        enum nastl_scaling scaling)
{
    const size_t first = view->own_count, count = view->train_count - first;
    struct nastl_prep *prep;
    struct nastl_xy part;
    TRY(nastl_prep_fit(&prep, view->layout, view->dataset, view->source->rows,
                       view->source->train_count, scaling));
    const int status = nastl_prep_apply(&part, prep, view->layout, view->dataset,
                                        view->rows + first, count);
    nastl_prep_destroy(prep);
    TRY(status);
    if (count && part.numeric)
        memcpy(xy->x + first * xy->numeric, part.x,
               count * part.numeric * sizeof *part.x);
    nastl_xy_finish(&part);
    return NASTL_OK;
}

static int make_features(struct nastl_view *view, enum nastl_scaling scaling)
{
    struct nastl_prep *prep;
    struct nastl_xy *xy = &view->scaled[scaling].xy;
    TRY(fit_features(&prep, view, scaling));
    int status = nastl_prep_apply(xy, prep, view->layout, view->dataset, view->rows,
                                  view->row_count);
    if (status == NASTL_OK && is_split(view))
        status = scale_source(xy, view, scaling);
    if (status < 0) {
        nastl_prep_destroy(prep);
        nastl_xy_finish(xy);
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

/* ---- labels ------------------------------------------------------------------------ */

static bool is_regression(const struct nastl_view *view)
{
    return view->dataset->task == NASTL_TASK_REGRESSION;
}

static int fit_label_map(struct nastl_label_map *map, const struct nastl_dataset *data,
                         const int32_t *rows, size_t count,
                         enum nastl_label_transform transform)
{
    double *labels = nastl_alloc(count, sizeof *labels);
    if (!labels)
        return nastl_error_nomem("labels");
    for (size_t i = 0; i < count; i++)
        labels[i] = data->label[rows[i]];
    const int status = nastl_label_fit(map, labels, count, transform);
    free(labels);
    return status;
}

/* Whether two labels are the same figure in the same unit. */
static bool same_label(const struct nastl_layout *a, const struct nastl_layout *b)
{
    return a->task == b->task && a->label_scale == b->label_scale &&
           strcmp(a->label_name, b->label_name) == 0 &&
           strcmp(a->label_transform, b->label_transform) == 0;
}

/* The source's, but for the range of answers: labels of both domains are in it. */
static void adopt_map(struct nastl_label_map *map, const struct nastl_view *view)
{
    const struct nastl_model *warm = view->which.warm;
    const double low = map->low, high = map->high;
    if (!warm || !same_label(warm->layout, view->layout))
        return;
    *map = warm->label;
    map->low = fmin(map->low, low);
    map->high = fmax(map->high, high);
}

static int fit_labels(struct nastl_label_map *map, struct nastl_label_map *source,
                      const struct nastl_view *view, enum nastl_label_transform transform)
{
    TRY(fit_label_map(map, view->dataset, view->basis, view->basis_count, transform));
    adopt_map(map, view);
    *source = *map;
    return is_split(view) ? fit_label_map(source, view->dataset, view->source->rows,
                                          view->source->train_count, transform)
                          : NASTL_OK;
}

static int make_labels(struct nastl_view *view, enum nastl_label_transform transform)
{
    struct nastl_label_map *map = &view->labelled[transform].map, source;
    if (is_regression(view))
        TRY(fit_labels(map, &source, view, transform));
    float *y = nastl_alloc(view->row_count, sizeof *y);
    if (!y)
        return nastl_error_nomem("labels");
    for (size_t i = 0; i < view->row_count; i++) {
        const double label = view->dataset->label[view->rows[i]];
        const bool is_own = i < view->own_count || i >= view->train_count;
        y[i] =
            (float)(is_regression(view) ? nastl_label_apply(is_own ? map : &source, label)
                                        : label);
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
