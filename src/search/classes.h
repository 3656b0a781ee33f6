/* classes.h: what the searchers of this folder share with the registry.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SEARCH_CLASSES_H
#define SEARCH_CLASSES_H

#include "search/searcher.h"

extern const struct nastl_searcher_class nastl_search_random;
extern const struct nastl_searcher_class nastl_search_nsga2;

/* The random numbers of one proposal: the same however many others took. */
void nastl_search_stream(struct nastl_rng *rng, uint64_t seed, size_t trial,
                         size_t attempt);

/* Those of one table that a searcher draws once, `item` for item. */
void nastl_search_table_stream(struct nastl_rng *rng, uint64_t seed, size_t item);

#endif
