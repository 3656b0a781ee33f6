/* gain.h: how much better one training is than another, with a 95 % interval: from their
 * scores on the same folds, or from their predictions of the same rows.
 *
 * Both are differences of pairs: what makes a fold or a row hard for both falls out.
 * Folds share training rows, which no interval sees: by that it is somewhat narrow
 * (Nadeau and Bengio 2003). SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_GAIN_H
#define RUN_GAIN_H

#include "nn/metric.h"
#include "study/study.h"

/* Student's t interval of the mean of a - b (negated for a metric to be minimised), n
 * folds, 2 at least. */
void nastl_gain_of_folds(struct nastl_gain *out, enum nastl_metric metric,
                         const double *a, const double *b, size_t n);

enum { NASTL_GAIN_PAIRS = 4 };

/* Pairs of trainings, each with their predictions of the same rows (n), as
 * nastl_scores_compute() takes them. */
struct nastl_gain_rows {
    enum nastl_metric metric;
    enum nastl_task task;
    size_t classes, n;
    const double *labels, *a[NASTL_GAIN_PAIRS], *b[NASTL_GAIN_PAIRS];
    size_t pairs;
    const int32_t
        *group; /* (n): rows of one group are drawn together; NULL: each alone */
    uint64_t seed;
    uint32_t stream; /* the same stream draws the same rows */
};

/* The mean difference of the score, and the percentile interval of its bootstrap: a pair
 * is drawn, and its rows (or whole groups), with replacement, the same for both (Efron
 * 1979). 200 to 2,000 draws, fewer where one is dear. */
int nastl_gain_of_rows(struct nastl_gain *out, const struct nastl_gain_rows *rows);

/* Nothing is known, and why. */
void nastl_gain_unknown(struct nastl_gain *out, const char *why);

#endif
