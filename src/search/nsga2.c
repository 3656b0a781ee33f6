/* nsga2.c: K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, "A fast and elitist
 * multiobjective genetic algorithm: NSGA-II", 2002, on mixed and conditional spaces.
 *
 * Where we depart from the paper: there are no generations. A trial's outcome arrives by
 * itself, so each one is added to the population as it is told and the worst member is
 * dropped (A. Nebro, J. Durillo, "On the effect of applying a steady-state selection
 * scheme in the multi-objective genetic algorithm NSGA-II", 2009). Crowding is thus
 * recomputed after every removal, which spreads the front more evenly.
 *
 *   members   0 … feasible - 1     feasible: by rank, then crowding
 *             feasible … count - 1 infeasible: by violation, the least first
 *
 * Failed and pruned trials never become members.
 * SPDX-License-Identifier: Apache-2.0 */
#include "search/classes.h"

#include "base/alloc.h"
#include "base/error.h"
#include "search/variation.h"

#include <nastl/pareto.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double cross_probability = 0.9;

enum {
    LEAST_POPULATION = 16,
    MOST_POPULATION = 100,
    USUAL_POPULATION = 50, /* where the budget is unknown */
    BLIND_AFTER = 50       /* refused draws after which every other one is random */
};

struct member {
    const struct nastl_point *point;
    double violation; /* of an infeasible one */
};

struct nsga2 {
    const struct nastl_space *space;
    uint64_t seed;
    size_t m; /* objectives */
    size_t population;
    size_t count, feasible;
    struct member *members; /* (population + 1) */
    double *values;         /* (feasible, M) */
    size_t *rank;           /* (feasible) */
    double *crowding;       /* (feasible) */
    int32_t *strata;        /* (dims, population): a permutation for each dimension */
};

/* ---- the population ---------------------------------------------------------------- */

static int rank_members(struct nsga2 *search)
{
    TRY(nastl_pareto_rank(search->rank, search->values, search->feasible, search->m));
    return nastl_pareto_crowding(search->crowding, search->rank, search->values,
                                 search->feasible, search->m);
}

/* Crowded comparison with constraint domination. */
static bool is_better(const struct nsga2 *search, size_t a, size_t b)
{
    const bool a_fits = a < search->feasible, b_fits = b < search->feasible;
    if (a_fits != b_fits)
        return a_fits;
    if (!a_fits)
        return search->members[a].violation < search->members[b].violation;
    if (search->rank[a] != search->rank[b])
        return search->rank[a] < search->rank[b];
    return search->crowding[a] > search->crowding[b];
}

static void insert_member(struct nsga2 *search, size_t at, struct member member)
{
    struct member *place = search->members + at;
    memmove(place + 1, place, (search->count - at) * sizeof *place);
    *place = member;
    search->count++;
}

static void add_feasible(struct nsga2 *search, const struct nastl_point *point,
                         const double *values)
{
    insert_member(search, search->feasible, (struct member){point, 0});
    memcpy(search->values + search->feasible * search->m, values,
           search->m * sizeof *values);
    search->feasible++;
}

static void add_infeasible(struct nsga2 *search, const struct nastl_point *point,
                           double violation)
{
    size_t at = search->feasible;
    while (at < search->count && search->members[at].violation <= violation)
        at++;
    insert_member(search, at, (struct member){point, violation});
}

static void remove_feasible(struct nsga2 *search, size_t at)
{
    const size_t after = search->feasible - at - 1, m = search->m;
    struct member *member = search->members + at;
    double *values = search->values + at * m;
    memmove(member, member + 1, after * sizeof *member);
    memmove(values, values + m, after * m * sizeof *values);
    search->feasible--;
    search->count--;
}

/* Drops the worst member, the oldest of several. */
static int drop_worst(struct nsga2 *search)
{
    if (search->feasible < search->count) {
        search->count--;
        return NASTL_OK;
    }
    TRY(rank_members(search));
    size_t worst = 0;
    for (size_t i = 1; i < search->feasible; i++)
        if (is_better(search, worst, i))
            worst = i;
    remove_feasible(search, worst);
    return NASTL_OK;
}

static int tell(void *self, size_t k, const struct nastl_point *point,
                enum nastl_outcome outcome, const double *values, double violation)
{
    (void)k;
    struct nsga2 *search = self;
    if (outcome == NASTL_OUTCOME_COMPLETE)
        add_feasible(search, point, values);
    else if (outcome == NASTL_OUTCOME_INFEASIBLE)
        add_infeasible(search, point, isnan(violation) ? INFINITY : violation);
    if (search->count > search->population)
        TRY(drop_worst(search));
    return rank_members(search);
}

/* ---- proposals --------------------------------------------------------------------- */

/* The first population is a Latin hypercube: trial k lies in another one of `population`
 * slices of every dimension. */
static void stratify(const struct nsga2 *search, struct nastl_rng *rng,
                     struct nastl_point *point, size_t k)
{
    for (size_t i = 0; i < nastl_space_dims(search->space); i++) {
        const struct nastl_dim *dim = nastl_space_dim(search->space, i);
        const int32_t slice = search->strata[i * search->population + k];
        const double unit = (slice + nastl_rng_uniform(rng)) / (double)search->population;
        if (!dim->fixed)
            point->value[i] = nastl_dim_from_unit(dim, unit);
    }
}

/* The better one of two different members. */
static size_t tournament(const struct nsga2 *search, struct nastl_rng *rng)
{
    const size_t a = (size_t)nastl_rng_below(rng, search->count);
    size_t b = (size_t)nastl_rng_below(rng, search->count - 1);
    b += b >= a;
    return is_better(search, b, a) ? b : a;
}

static void breed(const struct nsga2 *search, struct nastl_rng *rng,
                  struct nastl_point *child)
{
    const struct nastl_space *space = search->space;
    const struct nastl_point *a = search->members[tournament(search, rng)].point;
    const struct nastl_point *b = search->members[tournament(search, rng)].point;
    if (nastl_rng_uniform(rng) < cross_probability)
        nastl_vary_cross(space, rng, child, a, b);
    else
        nastl_point_copy(child, a, space);
    nastl_space_settle(space, child);
    const uint64_t hash = nastl_point_hash(space, child);
    const bool is_copy =
        hash == nastl_point_hash(space, a) || hash == nastl_point_hash(space, b);
    nastl_vary_mutate(space, rng, child, is_copy);
}

static int propose(void *self, struct nastl_point *point, size_t k, size_t attempt)
{
    const struct nsga2 *search = self;
    const bool can_breed = search->count >= search->population / 2;
    const bool is_blind = attempt >= BLIND_AFTER && attempt % 2;
    struct nastl_rng rng;
    nastl_search_stream(&rng, search->seed, k, attempt);
    if (can_breed && !is_blind) {
        breed(search, &rng, point);
        return NASTL_OK;
    }
    nastl_space_sample(search->space, &rng, point);
    if (k < search->population && attempt == 0)
        stratify(search, &rng, point, k);
    return NASTL_OK;
}

/* ---- life -------------------------------------------------------------------------- */

/* The square root of twice the budget: 100 members for 5,000 trials and more. */
static size_t population_for(size_t trials)
{
    if (trials == 0)
        return USUAL_POPULATION;
    const double root = sqrt(2.0 * (double)trials);
    return (size_t)fmax(LEAST_POPULATION, fmin(MOST_POPULATION, root));
}

static void destroy(void *self)
{
    struct nsga2 *search = self;
    if (!search)
        return;
    free(search->members);
    free(search->values);
    free(search->rank);
    free(search->crowding);
    free(search->strata);
    free(search);
}

static bool allocate(struct nsga2 *search)
{
    const size_t room = search->population + 1;
    search->members = nastl_alloc(room, sizeof *search->members);
    search->values = nastl_alloc(room, search->m * sizeof *search->values);
    search->rank = nastl_alloc(room, sizeof *search->rank);
    search->crowding = nastl_alloc(room, sizeof *search->crowding);
    search->strata = nastl_alloc(nastl_space_dims(search->space),
                                 search->population * sizeof *search->strata);
    return search->members && search->values && search->rank && search->crowding &&
           search->strata;
}

static void shuffle_strata(struct nsga2 *search)
{
    for (size_t i = 0; i < nastl_space_dims(search->space); i++) {
        int32_t *slices = search->strata + i * search->population;
        for (size_t k = 0; k < search->population; k++)
            slices[k] = (int32_t)k;
        struct nastl_rng rng;
        nastl_search_table_stream(&rng, search->seed, 1 + i);
        nastl_rng_shuffle(&rng, slices, search->population);
    }
}

static int create(void **self, const struct nastl_searcher_params *params)
{
    struct nsga2 *search = nastl_alloc_zero(1, sizeof *search);
    if (!search)
        return nastl_error_nomem("NSGA-II");
    search->space = params->space;
    search->seed = params->seed;
    search->m = params->objectives;
    search->population = population_for(params->trials);
    if (!allocate(search)) {
        destroy(search);
        return nastl_error_nomem("NSGA-II");
    }
    shuffle_strata(search);
    *self = search;
    return NASTL_OK;
}

const struct nastl_searcher_class nastl_search_nsga2 = {
    .name = "nsga2",
    .description = "breeds the non-dominated and least crowded trials (Deb et al. 2002)",
    .create = create,
    .destroy = destroy,
    .propose = propose,
    .tell = tell,
};
