/* crew.h: the workers of one machine: OpenMP threads that take candidates from a
 * searcher, train one each, and drain for the quiet lane.
 *
 * Suggestion k is asked for when the trials before k - W are done and told, whatever the
 * number of workers. A trial with timed objectives is done after it was measured; trials
 * are measured when no worker trains: when the window is full, or at the end.
 *
 *   trials  0 ....... told | done, not told yet | trained, unmeasured | training | next
 *                          `------------------- at most W + 1 -------------------'
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_CREW_H
#define RUN_CREW_H

#include "run/budget.h"
#include "run/trial.h"
#include "search/searcher.h"

struct nastl_crew_params {
    const struct nastl_problem *problem;
    struct nastl_study *study; /* guarded by the crew's lock while it works */
    const struct nastl_searcher_class *sampler;
    size_t trials;  /* 0: without limit */
    size_t planned; /* what the study was begun with: the searcher plans for it */
    size_t jobs;
    struct nastl_budget *budget;
    const char *checkpoints; /* the folder of running trials' */
    bool
        keep_all; /* dominated trials will be trained again, too: time for that is kept */
};

struct nastl_crew_result {
    const char *stop; /* trials, time, exhausted, interrupted */
    size_t rejected;
    double after; /* seconds that refits and measuring will take */
};

/* NASTL_EINVAL where the constraints leave nothing to train. */
int nastl_crew_check(const struct nastl_problem *problem);

/* Works until a budget is used up. What the ledger knows already is taken from it. */
int nastl_crew_work(struct nastl_crew_result *out,
                    const struct nastl_crew_params *params);

#endif
