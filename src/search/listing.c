/* listing.c: the candidates of a finite space, found by walking its dimensions in order.
 *
 * A dimension stands after those its condition needs, so when the walk arrives at one it
 * is known whether it is active; inactive ones are passed by:
 *
 *   family = mlp - mlp.layers = 1 - mlp.width.0 = 16 -> row 0
 *                                                 32 -> row 1
 *                  mlp.layers = 2 - …
 *
 * A row keeps for each searched dimension which of its values was taken.
 * SPDX-License-Identifier: Apache-2.0 */
#include "search/listing.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strmap.h"
#include "search/classes.h"

#include <stdlib.h>
#include <string.h>

struct nastl_listing {
    const struct nastl_space *space;
    size_t *searched; /* (S) the dimensions that are not fixed */
    size_t width;     /* S */
    uint32_t *rows;   /* (count, S) */
    size_t count, capacity;
    int32_t *order; /* (count) */
    size_t next;
};

/* ---- the walk ---------------------------------------------------------------------- */

struct walk {
    struct nastl_listing *listing;
    struct nastl_point *point;
    uint32_t *row;             /* (S) */
    struct nastl_strmap known; /* hashes of the rows */
};

static double value_at(const struct nastl_dim *dim, uint32_t i)
{
    const double step = dim->step > 0 ? dim->step : 1;
    return dim->kind == NASTL_DIM_CHOICE ? i : dim->low + i * step;
}

static int reserve_row(struct nastl_listing *listing)
{
    if (listing->count < listing->capacity)
        return NASTL_OK;
    const size_t capacity = listing->capacity ? 2 * listing->capacity : 64;
    uint32_t *rows = nastl_alloc_resize(listing->rows, capacity,
                                        (listing->width + 1) * sizeof *listing->rows);
    if (!rows)
        return nastl_error_nomem("the candidates of a space");
    listing->rows = rows;
    listing->capacity = capacity;
    return NASTL_OK;
}

/* Values that the space snaps to the same one are the same candidate. */
static int add_row(struct walk *walk)
{
    struct nastl_listing *listing = walk->listing;
    const uint64_t hash = nastl_point_hash(listing->space, walk->point);
    const char *key = (const char *)&hash;
    if (nastl_strmap_get(&walk->known, key, sizeof hash, 0))
        return NASTL_OK;
    TRY(nastl_strmap_set(&walk->known, key, sizeof hash, 1));
    TRY(reserve_row(listing));
    if (listing->width)
        memcpy(listing->rows + listing->count * listing->width, walk->row,
               listing->width * sizeof *walk->row);
    listing->count++;
    return NASTL_OK;
}

/* All rows that begin with the values of the first `s` searched dimensions. */
static int walk_from(struct walk *walk, size_t s)
{
    const struct nastl_listing *listing = walk->listing;
    while (s < listing->width && !walk->point->active[listing->searched[s]])
        walk->row[s++] = 0;
    if (s == listing->width)
        return add_row(walk);
    const size_t i = listing->searched[s];
    const struct nastl_dim *dim = nastl_space_dim(listing->space, i);
    const size_t count = (size_t)nastl_dim_values(dim);
    for (uint32_t v = 0; v < count; v++) {
        walk->row[s] = v;
        walk->point->value[i] = value_at(dim, v);
        nastl_space_settle(listing->space, walk->point);
        TRY(walk_from(walk, s + 1));
    }
    return NASTL_OK;
}

/* ---- the listing ------------------------------------------------------------------- */

bool nastl_listing_possible(const struct nastl_space *space)
{
    return nastl_space_size(space) <= NASTL_LISTING_MOST;
}

void nastl_listing_destroy(struct nastl_listing *listing)
{
    if (!listing)
        return;
    free(listing->searched);
    free(listing->rows);
    free(listing->order);
    free(listing);
}

static int find_searched(struct nastl_listing *listing)
{
    const size_t dims = nastl_space_dims(listing->space);
    listing->searched = nastl_alloc(dims, sizeof *listing->searched);
    if (!listing->searched)
        return nastl_error_nomem("the candidates of a space");
    for (size_t i = 0; i < dims; i++)
        if (!nastl_space_dim(listing->space, i)->fixed)
            listing->searched[listing->width++] = i;
    return NASTL_OK;
}

static int walk_space(struct nastl_listing *listing, uint64_t seed)
{
    struct walk walk = {.listing = listing};
    nastl_strmap_init(&walk.known);
    int status;
    TRY_GOTO(status, nastl_point_create(&walk.point, listing->space), done);
    walk.row = nastl_alloc(listing->width, sizeof *walk.row);
    if (!walk.row) {
        status = nastl_error_nomem("the candidates of a space");
        goto done;
    }
    struct nastl_rng rng;
    nastl_search_table_stream(&rng, seed, 0);
    nastl_space_sample(listing->space, &rng, walk.point);
    nastl_space_settle(listing->space, walk.point);
    status = walk_from(&walk, 0);
done:
    free(walk.row);
    nastl_point_destroy(walk.point);
    nastl_strmap_finish(&walk.known);
    return status;
}

static int shuffle_rows(struct nastl_listing *listing, uint64_t seed)
{
    listing->order = nastl_alloc(listing->count, sizeof *listing->order);
    if (!listing->order)
        return nastl_error_nomem("the candidates of a space");
    for (size_t i = 0; i < listing->count; i++)
        listing->order[i] = (int32_t)i;
    struct nastl_rng rng;
    nastl_search_table_stream(&rng, seed, 0);
    nastl_rng_shuffle(&rng, listing->order, listing->count);
    return NASTL_OK;
}

int nastl_listing_create(struct nastl_listing **out, const struct nastl_space *space,
                         uint64_t seed)
{
    struct nastl_listing *listing = nastl_alloc_zero(1, sizeof *listing);
    if (!listing)
        return nastl_error_nomem("the candidates of a space");
    listing->space = space;
    int status;
    TRY_GOTO(status, find_searched(listing), failed);
    TRY_GOTO(status, walk_space(listing, seed), failed);
    TRY_GOTO(status, shuffle_rows(listing, seed), failed);
    *out = listing;
    return NASTL_OK;
failed:
    nastl_listing_destroy(listing);
    return status;
}

bool nastl_listing_next(struct nastl_listing *listing, struct nastl_point *point)
{
    if (listing->next == listing->count)
        return false;
    const size_t row = (size_t)listing->order[listing->next++];
    for (size_t s = 0; s < listing->width; s++) {
        const size_t i = listing->searched[s];
        point->value[i] = value_at(nastl_space_dim(listing->space, i),
                                   listing->rows[row * listing->width + s]);
    }
    nastl_space_settle(listing->space, point);
    return true;
}
