/* widest.h: the candidate of a family that the others of it can inherit from.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_WIDEST_H
#define RUN_WIDEST_H

#include "run/problem.h"

/* The families of a space, by the names that candidates have. */
size_t nastl_widest_families(const struct nastl_space *space);
const char *nastl_widest_family(const struct nastl_space *space, size_t i);

/* Whether the space can draw a candidate of the family that does not start from scratch.
 */
int nastl_widest_is_needed(bool *out, const struct nastl_space *space,
                           const char *family);

/* The widest network of a family with a recipe from the middle of the space, to be
 * trained on problem->source. Where rows are many and the network is slow, it has fewer
 * epochs, so that training takes minutes; where these were too few, it is narrower. `out`
 * is initialised, the caller finishes it. */
int nastl_widest_candidate(struct nastl_candidate *out,
                           const struct nastl_problem *problem, const char *family);

#endif
