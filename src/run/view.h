/* view.h: rows prepared for training: one pair of training and validation rows, with the
 * statistics fitted on its training rows. A study has one view a fold, one for the source
 * and one for the refit; candidates that share a view's scaling and label transform share
 * its arrays.
 *
 *   xy rows   0 … train_count - 1        training rows
 *             train_count … rows - 1     validation rows
 *
 * Any thread may ask; each array is made once, on first use.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_VIEW_H
#define RUN_VIEW_H

#include <pthread.h>

#include "data/prep.h"

struct nastl_view {
    const struct nastl_dataset *dataset; /* borrowed */
    const struct nastl_layout *layout;   /* borrowed */
    int32_t *rows;                       /* of the dataset: training, then validation */
    int32_t *index;                      /* 0, 1, …: rows of xy */
    size_t train_count, valid_count;
    double *valid_labels; /* (valid_count) */

    pthread_mutex_t lock; /* of what follows */
    struct {
        struct nastl_prep *prep; /* NULL: not made yet */
        struct nastl_xy xy;
    } scaled[NASTL_SCALING_COUNT];
    struct {
        float *y; /* NULL: not made yet; (rows) class index or standardised label */
        struct nastl_label_map map;
    } labelled[NASTL_LABEL_TRANSFORM_COUNT];
};

int nastl_view_create(struct nastl_view **out, const struct nastl_dataset *dataset,
                      const struct nastl_layout *layout, const int32_t *train,
                      size_t train_count, const int32_t *valid, size_t valid_count);
void nastl_view_destroy(struct nastl_view *view);

/* Borrowed, alive as long as the view. */
int nastl_view_features(const struct nastl_prep **prep, const struct nastl_xy **xy,
                        struct nastl_view *view, enum nastl_scaling scaling);
int nastl_view_labels(const struct nastl_label_map **map, const float **y,
                      struct nastl_view *view, enum nastl_label_transform transform);

#endif
