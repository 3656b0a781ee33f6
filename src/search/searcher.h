/* searcher.h: ask and tell. A searcher knows a space, a history of values and a random
 * stream: no network, no file, no thread.
 *
 *   for trial k = 0, 1, …:
 *       tell() has been called for exactly the trials 0 … k - W - 1, in this order
 *       ask(k) -> point
 *
 * Suggestion k is a function of the space, the seed, the points of trials before k and
 * the outcomes told so far. W is fixed by the study, so what is suggested does not depend
 * on how many workers there are. SPDX-License-Identifier: Apache-2.0 */
#ifndef SEARCH_SEARCHER_H
#define SEARCH_SEARCHER_H

#include "space/space.h"

enum { NASTL_SEARCH_WINDOW = 16 };

enum nastl_outcome {
    NASTL_OUTCOME_COMPLETE,
    NASTL_OUTCOME_INFEASIBLE, /* `violation` says how much; values may be missing */
    NASTL_OUTCOME_PRUNED,
    NASTL_OUTCOME_FAILED
};

/* Decides before training whether a point may become a trial; false is drawn again. */
typedef bool (*nastl_accept)(const struct nastl_point *point, void *payload);

struct nastl_searcher_params {
    const struct nastl_space *space; /* must outlive the searcher */
    uint64_t seed;
    size_t objectives;   /* M; all told values are minimised */
    size_t trials;       /* the budget, 0 if unknown: for choosing a population. A resumed
                            study gives the one it began with */
    nastl_accept accept; /* NULL: everything */
    void *payload;
};

struct nastl_searcher;

/* A variant: one entry of the registry. */
struct nastl_searcher_class {
    const char *name;        /* "nsga2" */
    const char *description; /* one sentence with the paper */
    int (*create)(void **self, const struct nastl_searcher_params *params);
    void (*destroy)(void *self);
    /* Fills `point` for trial k; need not care for accept or duplicates. `attempt` counts
     * how often this trial was refused before: 0, 1, … */
    int (*propose)(void *self, struct nastl_point *point, size_t k, size_t attempt);
    /* `point` is borrowed and lives as long as `self`, `values` for the call. */
    int (*tell)(void *self, size_t k, const struct nastl_point *point,
                enum nastl_outcome outcome, const double *values, double violation);
};

const struct nastl_searcher_class *const *
nastl_searcher_classes(void); /* NULL at the end */
const struct nastl_searcher_class *nastl_searcher_find(const char *name);

/* On success the caller owns *out. Whatever a searcher learns stays in it: one a thread.
 * After a failed ask or tell it can only be destroyed; NASTL_ENUMERIC changes nothing. */
int nastl_searcher_create(struct nastl_searcher **out,
                          const struct nastl_searcher_class *kind,
                          const struct nastl_searcher_params *params);
void nastl_searcher_destroy(struct nastl_searcher *searcher);

/* The point of trial k (k counts up from 0 without gaps): accepted, and never asked
 * before. Borrowed: alive as long as the searcher. Returns 1 when no new candidate was
 * found in many draws: the space is exhausted. */
int nastl_searcher_ask(const struct nastl_point **out, struct nastl_searcher *searcher,
                       size_t k);

/* The outcome of trial k, in the order of trials. `values` is (M), minimised; ignored
 * unless COMPLETE. NASTL_ENUMERIC where one of them is not finite. */
int nastl_searcher_tell(struct nastl_searcher *searcher, size_t k,
                        enum nastl_outcome outcome, const double *values,
                        double violation);

/* Candidates refused by `accept` so far (each is shown to it once), and draws of a
 * candidate that had been asked or refused before. */
size_t nastl_searcher_rejected(const struct nastl_searcher *searcher);
size_t nastl_searcher_repeated(const struct nastl_searcher *searcher);

#endif
