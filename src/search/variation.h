/* variation.h: how evolutionary searchers make new points of a mixed space out of old
 * ones.
 *
 * INT and FLOAT values are varied in the unit interval of their dimension, so that a
 * logarithmic scale is one; a CHOICE has no order. No call settles its result.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SEARCH_VARIATION_H
#define SEARCH_VARIATION_H

#include "space/space.h"

/* Puts one child of `a` and `b` into `child`: simulated binary crossover for numbers (K.
 * Deb, R. Agrawal, 1995), uniform crossover for choices, active or not. */
void nastl_vary_cross(const struct nastl_space *space, struct nastl_rng *rng,
                      struct nastl_point *child, const struct nastl_point *a,
                      const struct nastl_point *b);

/* Changes each active, searched value with a probability of 1 / (how many there are), and
 * `least` of them at least (as far as there are so many): polynomial mutation for numbers
 * (K. Deb, M. Goyal, 1996), another one for choices. */
void nastl_vary_mutate(const struct nastl_space *space, struct nastl_rng *rng,
                       struct nastl_point *point, size_t least);

#endif
