/* searcher.c: the registry, and what every searcher shares: drawing until a candidate is
 * new and accepted, keeping what was asked, and holding the order of ask and tell.
 * SPDX-License-Identifier: Apache-2.0 */
#include "search/searcher.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strmap.h"
#include "search/classes.h"
#include "search/listing.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How often a trial is drawn before the space counts as exhausted; where what is left can
 * be listed, that is done much earlier. */
enum { MOST_DRAWS = 10000, MOST_DRAWS_LISTED = 200 };

enum { UNKNOWN = 0, ASKED, REFUSED }; /* in `known` */

struct nastl_searcher {
    const struct nastl_searcher_class *kind;
    struct nastl_searcher_params params;
    void *self;
    struct nastl_point **asked; /* (count) */
    size_t count, capacity, told;
    struct nastl_point *draft;     /* what is being drawn; NULL when it was handed out */
    struct nastl_strmap known;     /* hash of a point -> ASKED or REFUSED */
    struct nastl_listing *listing; /* made when drawing no longer helps */
    bool is_exhausted;
    size_t rejected, repeated;
};

/* ---- registry ---------------------------------------------------------------------- */

static const struct nastl_searcher_class *const classes[] = {
    &nastl_search_random,
    &nastl_search_nsga2,
    NULL,
};

const struct nastl_searcher_class *const *nastl_searcher_classes(void)
{
    return classes;
}

const struct nastl_searcher_class *nastl_searcher_find(const char *name)
{
    for (const struct nastl_searcher_class *const *at = classes; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}

/* ---- random numbers ---------------------------------------------------------------- */

/* A proposal takes far fewer than 2^24 blocks of numbers. */
void nastl_search_stream(struct nastl_rng *rng, uint64_t seed, size_t trial,
                         size_t attempt)
{
    nastl_rng_init(rng, seed, (uint32_t)trial, NASTL_RNG_SEARCH);
    nastl_rng_seek(rng, (uint64_t)attempt << 24);
}

/* No study reaches the last trial number. */
void nastl_search_table_stream(struct nastl_rng *rng, uint64_t seed, size_t item)
{
    nastl_search_stream(rng, seed, UINT32_MAX, item);
}

/* ---- asking ------------------------------------------------------------------------ */

static int prepare(struct nastl_searcher *searcher)
{
    if (searcher->count == searcher->capacity) {
        const size_t capacity = searcher->capacity ? 2 * searcher->capacity : 64;
        struct nastl_point **asked =
            nastl_alloc_resize(searcher->asked, capacity, sizeof(struct nastl_point *));
        if (!asked)
            return nastl_error_nomem("the trials of a search");
        searcher->asked = asked;
        searcher->capacity = capacity;
    }
    if (!searcher->draft)
        TRY(nastl_point_create(&searcher->draft, searcher->params.space));
    return NASTL_OK;
}

/* Returns 1 where the draft is a candidate to ask. Each candidate is shown to `accept` at
 * most once. */
static int examine(struct nastl_searcher *searcher)
{
    const struct nastl_searcher_params *params = &searcher->params;
    nastl_space_settle(params->space, searcher->draft);
    const uint64_t hash = nastl_point_hash(params->space, searcher->draft);
    const char *key = (const char *)&hash;
    if (nastl_strmap_get(&searcher->known, key, sizeof hash, UNKNOWN) != UNKNOWN) {
        searcher->repeated++;
        return 0;
    }
    const bool accepted =
        !params->accept || params->accept(searcher->draft, params->payload);
    TRY(nastl_strmap_set(&searcher->known, key, sizeof hash, accepted ? ASKED : REFUSED));
    searcher->rejected += !accepted;
    return accepted;
}

static int draw_listed(struct nastl_searcher *searcher)
{
    const struct nastl_searcher_params *params = &searcher->params;
    if (!searcher->listing)
        TRY(nastl_listing_create(&searcher->listing, params->space, params->seed));
    while (nastl_listing_next(searcher->listing, searcher->draft)) {
        const int found = examine(searcher);
        if (found)
            return found;
    }
    return 0;
}

/* Returns 1 when the draft is a new candidate, 0 when there is none. */
static int draw(struct nastl_searcher *searcher, size_t k)
{
    const bool is_listable = nastl_listing_possible(searcher->params.space);
    const size_t most = is_listable ? MOST_DRAWS_LISTED : MOST_DRAWS;
    for (size_t attempt = 0; attempt < most; attempt++) {
        TRY(searcher->kind->propose(searcher->self, searcher->draft, k, attempt));
        const int found = examine(searcher);
        if (found)
            return found;
    }
    return is_listable ? draw_listed(searcher) : 0;
}

int nastl_searcher_ask(const struct nastl_point **out, struct nastl_searcher *searcher,
                       size_t k)
{
    assert(k == searcher->count);
    assert(searcher->told == (k > NASTL_SEARCH_WINDOW ? k - NASTL_SEARCH_WINDOW : 0));
    if (searcher->is_exhausted)
        return 1;
    TRY(prepare(searcher));
    const int found = draw(searcher, k);
    if (found < 0)
        return found;
    searcher->is_exhausted = !found;
    if (!found)
        return 1;
    *out = searcher->asked[searcher->count++] = searcher->draft;
    searcher->draft = NULL;
    return NASTL_OK;
}

/* ---- telling ----------------------------------------------------------------------- */

int nastl_searcher_tell(struct nastl_searcher *searcher, size_t k,
                        enum nastl_outcome outcome, const double *values,
                        double violation)
{
    assert(k == searcher->told && k < searcher->count);
    for (size_t j = 0;
         outcome == NASTL_OUTCOME_COMPLETE && j < searcher->params.objectives; j++)
        if (!isfinite(values[j]))
            return nastl_error(
                NASTL_ENUMERIC,
                "trial %zu: objective %zu is not finite; tell it as failed", k, j);
    TRY(searcher->kind->tell(searcher->self, k, searcher->asked[k], outcome, values,
                             violation));
    searcher->told++;
    return NASTL_OK;
}

size_t nastl_searcher_rejected(const struct nastl_searcher *searcher)
{
    return searcher->rejected;
}

size_t nastl_searcher_repeated(const struct nastl_searcher *searcher)
{
    return searcher->repeated;
}

/* ---- life -------------------------------------------------------------------------- */

int nastl_searcher_create(struct nastl_searcher **out,
                          const struct nastl_searcher_class *kind,
                          const struct nastl_searcher_params *params)
{
    assert(params->objectives > 0);
    struct nastl_searcher *searcher = nastl_alloc_zero(1, sizeof *searcher);
    if (!searcher)
        return nastl_error_nomem("a search");
    searcher->kind = kind;
    searcher->params = *params;
    nastl_strmap_init(&searcher->known);
    const int status = kind->create(&searcher->self, &searcher->params);
    if (status < 0) {
        nastl_searcher_destroy(searcher);
        return status;
    }
    *out = searcher;
    return NASTL_OK;
}

void nastl_searcher_destroy(struct nastl_searcher *searcher)
{
    if (!searcher)
        return;
    searcher->kind->destroy(searcher->self);
    for (size_t k = 0; k < searcher->count; k++)
        nastl_point_destroy(searcher->asked[k]);
    free(searcher->asked);
    nastl_point_destroy(searcher->draft);
    nastl_listing_destroy(searcher->listing);
    nastl_strmap_finish(&searcher->known);
    free(searcher);
}
