/* prep_impl.h: what struct nastl_prep holds, for prep.c and prep_h5.c.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_PREP_IMPL_H
#define DATA_PREP_IMPL_H

#include "data/prep.h"

/* F numeric features, in the order of their columns in x. */
struct nastl_prep {
    enum nastl_scaling scaling;
    size_t count;             /* F */
    double *median;           /* (F) stands for what is missing */
    double *mean, *scale;     /* (F) STANDARD, ROBUST: (v - mean) * scale */
    size_t *knots;            /* (F) QUANTILE: how many are used */
    float *knots_x, *knots_y; /* (F, NASTL_KNOTS) */
};

/* All zero, with room for the knots where there are any. */
int nastl_prep_create(struct nastl_prep **out, size_t count, enum nastl_scaling scaling);

size_t nastl_layout_numbers(const struct nastl_layout *layout); /* F */

#endif
