/* listing.h: every candidate of a small finite space, once, in a pseudo-random order.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SEARCH_LISTING_H
#define SEARCH_LISTING_H

#include "space/space.h"

enum { NASTL_LISTING_MOST = 100000 };

struct nastl_listing;

/* Whether the space has few enough candidates. */
bool nastl_listing_possible(const struct nastl_space *space);

/* The order depends on the seed alone. On success the caller owns *out. */
int nastl_listing_create(struct nastl_listing **out, const struct nastl_space *space,
                         uint64_t seed);
void nastl_listing_destroy(struct nastl_listing *listing);

/* Fills `point` with the next candidate, settled; false after the last one. */
bool nastl_listing_next(struct nastl_listing *listing, struct nastl_point *point);

#endif
