/* quantile.h: the map of scikit-learn's QuantileTransformer to a normal distribution, as
 * a piecewise-linear function of few knots.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_QUANTILE_H
#define DATA_QUANTILE_H

#include "data/prep.h"

/* x strictly ascending, y never descending. */
struct nastl_knots {
    size_t count; /* 1 … NASTL_KNOTS */
    double x[NASTL_KNOTS], y[NASTL_KNOTS];
};

/* Fitted on `n` > 0 finite values, ascending. Knots are floats, so that they can be
 * exported exactly. */
int nastl_quantile_fit(struct nastl_knots *out, const double *values, size_t n);

/* For labels: continuous and strictly ascending, so that it can be inverted; equal values
 * are mapped to the middle of their ranks, the ends to half a rank inside (0, 1). */
int nastl_quantile_fit_label(struct nastl_knots *out, const double *values, size_t n);

#endif
