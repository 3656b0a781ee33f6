/* prep.h: from raw columns to what a network reads.
 *
 * The layout says which inputs there are; it is shared by the source and the target of a
 * transfer, so that their networks fit together. The statistics say how a number becomes
 * an input; each domain has its own. Both are fitted on training rows alone and saved
 * inside the model.
 *
 *   raw numeric, raw code  --layout-->  columns  --statistics-->  x (N, D'), code (N, K)
 *
 * D' = numeric features, scaled, then one 0/1 indicator for each that had missing values;
 * code: 0 unseen, 1 … levels; a missing category is a level of its own if it occurred.
 *
 * In a file (all that is needed to do the same with h5py and NumPy; F numeric features
 * stand in columns 0 … F - 1 of x, L is the number of all levels):
 *
 *   LAYOUT       attributes schema "nas-tl/layout/v1", numeric = D', categorical = K,
 *                task, label, label_scale, label_transform
 *     features       (F + K) names; the arrays below are in their order
 *     kind           (F + K) 0 numeric, 1 categorical
 *     at             (F + K) column of x or of code
 *     indicator      (F + K) column of x that is 1 where the number is missing, or -1
 *     levels_of      (F + K) how many of `levels` are this feature's
 *     missing_level  (F + K) 1: code levels_of + 1 stands for missing; else missing is 0
 *     levels         (L) texts, feature after feature; the i-th of its own has code i + 1
 *     classes        (C) names, in the order of the outputs; absent for regression
 *
 *   PREP         attributes schema "nas-tl/prep/v1", scaling, numbers = F; with F = 0
 *                there is nothing else
 *     median, mean, scale   (F) double
 *     knots                 (F) how many of the following are used; and for "quantile"
 *     knots_x, knots_y      (F, 256) float
 *
 *   LABEL        attributes transform, mean, sd, low, high; and for "quantile"
 *     from, to              (n) double
 *
 * A number v is rounded to float first; missing (or infinite as a float) is the median.
 *   "standard":  x = (v - mean) * scale                    (scale 0: a constant column)
 *   "robust":    x = c / sqrt(1 + (c / 3)^2), c = (v - mean) * scale; mean: the median
 *   "quantile":  x = np.interp(v, knots_x[:knots], knots_y[:knots])
 * An output o of regression stands for the label
 *   t = o * sd + mean;  none: y = t;  log1p: y = sign(t) * expm1(|t|);
 *   quantile: y = t along (to -> from), straight on beyond the ends
 * clipped to [low, high]; the label is label_scale * column of the table, and the log1p
 * of that where label_transform says so. SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_PREP_H
#define DATA_PREP_H

#include "data/dataset.h"
#include "io/h5.h"

/* ---- layout ---- */

struct nastl_layout_feature {
    char *name;
    enum nastl_kind kind;
    size_t at;      /* NUMERIC: column of x; CATEGORICAL: column of code */
    long indicator; /* NUMERIC: column of its missing indicator in x, or -1 */
    char **levels;  /* CATEGORICAL: sorted by bytes; network code i + 1 */
    size_t level_count;
    bool missing_level; /* CATEGORICAL: code level_count + 1 stands for missing */
};

struct nastl_layout {
    struct nastl_layout_feature *features;
    size_t feature_count;
    size_t numeric;      /* D': columns of x */
    size_t categorical;  /* K: columns of code */
    size_t *cardinality; /* (K) number of codes: levels + 1 (unseen) [+ 1 missing] */
    enum nastl_task task;
    char *label_name;
    double label_scale;
    char *label_transform;
    char **classes;
    size_t class_count;
};

/* Fitted on `rows` (training rows of every domain that takes part). */
int nastl_layout_fit(struct nastl_layout **out, const struct nastl_dataset *dataset,
                     const int32_t *rows, size_t count);
int nastl_layout_copy(struct nastl_layout **out, const struct nastl_layout *layout);
void nastl_layout_destroy(struct nastl_layout *layout);
int nastl_layout_save(const struct nastl_layout *layout, struct nastl_h5 *file,
                      const char *group);
int nastl_layout_load(struct nastl_layout **out, struct nastl_h5 *file,
                      const char *group);

/* ---- statistics of features ---- */

enum nastl_scaling {
    NASTL_SCALING_STANDARD,
    NASTL_SCALING_QUANTILE,
    NASTL_SCALING_ROBUST,
    NASTL_SCALING_COUNT
};
/* "standard": (v - mean) / sd. "robust": (v - median) / (q75 - q25), by half the range
 * where the quartiles are the same, then clipped smoothly to -3 … 3 (Holzmüller et al.
 * 2024). "quantile": to a normal distribution, as scikit-learn's
 * QuantileTransformer, as a piecewise-linear map of at most 256 knots: exportable
 * exactly. Missing numbers are imputed with the median. Constant columns become 0. */

enum { NASTL_KNOTS = 256 };

struct nastl_prep; /* opaque: medians, means, knots of each numeric feature */

int nastl_prep_fit(struct nastl_prep **out, const struct nastl_layout *layout,
                   const struct nastl_dataset *dataset, const int32_t *rows, size_t count,
                   enum nastl_scaling scaling);
int nastl_prep_copy(struct nastl_prep **out, const struct nastl_prep *prep);
enum nastl_scaling nastl_prep_scaling(const struct nastl_prep *prep);
/* Each number that both layouts have, by its name, is treated as `from` does, whose
 * scaling is the same; the others stay as they are. */
void nastl_prep_adopt(struct nastl_prep *prep, const struct nastl_layout *layout,
                      const struct nastl_prep *from,
                      const struct nastl_layout *from_layout);
void nastl_prep_destroy(struct nastl_prep *prep);
int nastl_prep_save(const struct nastl_prep *prep, struct nastl_h5 *file,
                    const char *group);
int nastl_prep_load(struct nastl_prep **out, const struct nastl_layout *layout,
                    struct nastl_h5 *file, const char *group);

/* Rows ready for a network. */
struct nastl_xy {
    size_t rows;        /* n */
    size_t numeric;     /* D' */
    size_t categorical; /* K */
    float *x;           /* (n, D') */
    int32_t *code;      /* (n, K), every one below its cardinality */
};

/* Prepares the given rows of the dataset, in that order; finish with nastl_xy_finish().
 */
int nastl_prep_apply(struct nastl_xy *out, const struct nastl_prep *prep,
                     const struct nastl_layout *layout,
                     const struct nastl_dataset *dataset, const int32_t *rows,
                     size_t count);
void nastl_xy_finish(struct nastl_xy *xy);

/* ---- the label of regression ---- */

enum nastl_label_transform {
    NASTL_LABEL_NONE,
    NASTL_LABEL_LOG1P,
    NASTL_LABEL_QUANTILE,
    NASTL_LABEL_TRANSFORM_COUNT
};

/* y -> (t(y) - mean) / sd, fitted on training labels; the inverse is clamped to the range
 * of training labels widened by 10 % (log1p and quantile: exactly invertible inside).
 * log1p of labels below 0: sign(y) * log1p(|y|). */
struct nastl_label_map {
    enum nastl_label_transform transform;
    double mean, sd, low, high;
    size_t knots; /* QUANTILE */
    double from[NASTL_KNOTS], to[NASTL_KNOTS];
};

int nastl_label_fit(struct nastl_label_map *out, const double *labels, size_t count,
                    enum nastl_label_transform transform);
double nastl_label_apply(const struct nastl_label_map *map, double label);
double nastl_label_invert(const struct nastl_label_map *map, double output);
int nastl_label_save(const struct nastl_label_map *map, struct nastl_h5 *file,
                     const char *group);
int nastl_label_load(struct nastl_label_map *out, struct nastl_h5 *file,
                     const char *group);

#endif
