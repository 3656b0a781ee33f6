/* view.h: rows prepared for training: one pair of training and validation rows, with the
 * statistics fitted on its training rows. A study has one view a fold, one for the source
 * and one for the refit; candidates that share a view's scaling and label transform share
 * its arrays.
 *
 *   xy rows   0 … own_count - 1              training rows of the view's domain
 *             own_count … train_count - 1    of the source, where both are trained on
 *             then valid_count               validation rows, of the view's domain
 *             then                           rows that statistics alone see
 *
 * A view that knows the source's has variants: the same validation rows, with training
 * rows or statistics of both domains or of the other one.
 *
 * Any thread may ask; each array is made once, on first use.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_VIEW_H
#define RUN_VIEW_H

#include <pthread.h>

#include "data/prep.h"
#include "nn/model.h"

/* Whose rows the statistics come from: of numbers, of a regression's label. */
enum nastl_normalizer {
    NASTL_NORMALIZER_TARGET,
    NASTL_NORMALIZER_SOURCE,
    NASTL_NORMALIZER_BOTH, /* all training rows of both domains */
    NASTL_NORMALIZER_COUNT
};
int nastl_normalizer_from_name(const char *name); /* -1 if unknown */

/* How a variant differs; all zero: the view itself. */
struct nastl_variant {
    enum nastl_normalizer normalizer;
    /* SOURCE: the network whose own statistics are used, with its scaling and its label
     * transform, for what its layout has, too; borrowed. NULL: those of the source rows.
     */
    const struct nastl_model *warm;
    /* Source rows are trained on beside the own ones: all of them, or as many as
     * nastl_view_pooled() says, drawn once. The rows of the domain that has fewer are
     * repeated until both are about as many, and an epoch is epoch_rows of them all. With
     * TARGET, each domain's are scaled by the statistics of that domain. */
    bool pooled;
};

struct nastl_view {
    const struct nastl_dataset *dataset; /* borrowed */
    const struct nastl_layout *layout;   /* borrowed */
    int32_t *rows;                       /* of the dataset, those of xy */
    int32_t *index;                      /* 0, 1, …: rows of xy */
    size_t own_count, train_count, valid_count;
    size_t row_count;     /* of xy */
    size_t epoch_rows;    /* training rows in an epoch; 0: all */
    double *valid_labels; /* (valid_count) */
    int32_t *fit;         /* (fit_count) rows of xy that networks are fitted to */
    size_t fit_count;

    struct nastl_view *source;  /* borrowed, NULL: none; set it before the first use */
    struct nastl_variant which; /* of the base's variants this is */
    int32_t *basis;             /* (basis_count) of the dataset: statistics come from */
    size_t basis_count;

    pthread_mutex_t lock; /* of what follows */
    struct {
        struct nastl_prep *prep; /* NULL: not made yet */
        struct nastl_xy xy;
    } scaled[NASTL_SCALING_COUNT];
    struct {
        float *y; /* NULL: not made yet; (rows) class index or standardised label */
        struct nastl_label_map map;
    } labelled[NASTL_LABEL_TRANSFORM_COUNT];
    struct nastl_view *variants, *next; /* owned; next of the base's */
};

int nastl_view_create(struct nastl_view **out, const struct nastl_dataset *dataset,
                      const struct nastl_layout *layout, const int32_t *train,
                      size_t train_count, const int32_t *valid, size_t valid_count);
void nastl_view_destroy(struct nastl_view *view);

/* *out is borrowed, alive as long as the view. NASTL_EINVAL: it takes source rows, and
 * there are none. */
int nastl_view_variant(struct nastl_view **out, struct nastl_view *view,
                       const struct nastl_variant *which);

/* How many of the source's rows are trained on beside `own` target rows: each variant has
 * a copy of them. */
size_t nastl_view_pooled(size_t source, size_t own);

/* How much each row of xy counts where source rows are trained on: these have `share` of
 * the sum together, which is the number of training rows. The caller frees *out. */
int nastl_view_weights(float **out, const struct nastl_view *view, double share);

/* Borrowed, alive as long as the view. */
int nastl_view_features(const struct nastl_prep **prep, const struct nastl_xy **xy,
                        struct nastl_view *view, enum nastl_scaling scaling);
int nastl_view_labels(const struct nastl_label_map **map, const float **y,
                      struct nastl_view *view, enum nastl_label_transform transform);

#endif
