/* random.c: every trial drawn anew from the space's own distributions: the searcher that
 * the others have to beat (J. Bergstra, Y. Bengio, "Random search for hyper-parameter
 * optimization", 2012).
 * SPDX-License-Identifier: Apache-2.0 */
#include "search/classes.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdlib.h>

struct random_search {
    const struct nastl_space *space;
    uint64_t seed;
};

static int create(void **self, const struct nastl_searcher_params *params)
{
    struct random_search *search = nastl_alloc(1, sizeof *search);
    if (!search)
        return nastl_error_nomem("a random search");
    *search = (struct random_search){params->space, params->seed};
    *self = search;
    return NASTL_OK;
}

static int propose(void *self, struct nastl_point *point, size_t k, size_t attempt)
{
    const struct random_search *search = self;
    struct nastl_rng rng;
    nastl_search_stream(&rng, search->seed, k, attempt);
    nastl_space_sample(search->space, &rng, point);
    return NASTL_OK;
}

static int tell(void *self, size_t k, const struct nastl_point *point,
                enum nastl_outcome outcome, const double *values, double violation)
{
    (void)self, (void)k, (void)point, (void)outcome, (void)values, (void)violation;
    return NASTL_OK;
}

const struct nastl_searcher_class nastl_search_random = {
    .name = "random",
    .description = "draws every trial anew (Bergstra and Bengio 2012)",
    .create = create,
    .destroy = free,
    .propose = propose,
    .tell = tell,
};
