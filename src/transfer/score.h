/* score.h: how well a source network suits a target before anything is trained: from what
 * its last hidden layer makes of the labelled target rows, in closed form. Higher is
 * better; values of one scorer compare sources of the same rows, and nothing else.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSFER_SCORE_H
#define TRANSFER_SCORE_H

#include <stddef.h>

/* What is scored: `features` (rows, width) as the network gives them; `label` (rows) a
 * class index below `classes`, or a number where `classes` is 0. */
struct nastl_features {
    const float *values;
    const double *label;
    size_t rows, width, classes;
};

/* H-score (Bao et al. 2019), with the shrunk covariance of Ibrahim et al. 2022 (Ledoit
 * and Wolf 2004), as few rows have none that can be inverted: how much of the spread of
 * the features lies between classes; from 0 to classes - 1. Numbers are cut into ten
 * classes by their quantiles. */
int nastl_score_h(double *out, const struct nastl_features *features);

/* LogME (You et al. 2021): the logarithm of the evidence of a linear model of the label,
 * a row, its two variances at their best; the mean over classes by their rows, each
 * against the rest. */
int nastl_score_logme(double *out, const struct nastl_features *features);

#endif
