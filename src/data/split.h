/* split.h: rows divided into shares: by fraction and at random, evenly over strata, with
 * groups kept whole, or in the order of time.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_SPLIT_H
#define DATA_SPLIT_H

#include <stddef.h>
#include <stdint.h>

enum { NASTL_SHARES = 250 }; /* the most there can be */

/* What is known of the rows. */
struct nastl_division {
    size_t count;           /* n rows */
    const int32_t *stratum; /* (n) from 0, or NULL: spread evenly over the shares */
    const int32_t *group;   /* (n) or NULL: kept in one share */
    const double *time;     /* (n) or NULL: shares follow each other in time */
    uint64_t seed;
    uint32_t trial; /* one number a use of the seed */
};

/* share[i] is that of row i; fractions are >= 0 and add up to 1. A share whose fraction
 * is above 0 gets a row (a group) if there are enough of them. */
int nastl_divide(uint8_t *share, const struct nastl_division *division,
                 const double *fractions, size_t shares);

/* An order of the rows of which every prefix holds each stratum in proportion. */
int nastl_stratified_order(int32_t *order, const struct nastl_division *division);

#endif
