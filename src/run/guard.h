/* guard.h: the guard against harm: trains what has to be known before a member that
 * started from a source is delivered.
 *
 * A member's twin is the same candidate from scratch; it is trained on the same folds,
 * with the member's own streams, so that both see the same rows in the same order. The
 * twin is no trial: the study has those that were asked for. nastl_study_deliver() says
 * what is to be measured and what follows from it.
 *
 *   folds      the trial's scores are known: one training a fold, of the twin
 *   one split  two of the trial and two of the twin, with streams that did not rank: the
 *              luck of the training that made it the best is not counted as its gain
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_GUARD_H
#define RUN_GUARD_H

#include "run/budget.h"
#include "run/trial.h"

struct nastl_guard_params {
    const struct nastl_problem *problem;
    struct nastl_study *study;
    struct nastl_budget *budget; /* what it reserves is kept for what comes after */
    const char *checkpoints;     /* the folder of what is being trained */
    size_t jobs;
};

/* What the guard takes for a trial on so many cores: an estimate, for a twin may take
 * twice as many epochs. 0 where there is nothing to be measured. */
double nastl_guard_seconds(const struct nastl_problem *problem,
                           const struct nastl_trial *trial, size_t cores);

/* Measures what decides what is delivered; each gain is in the ledger when it is known.
 * *cut: the time was over or the search was interrupted; the trainings have checkpoints,
 * and the fact "unguarded" says why. */
int nastl_guard_work(bool *cut, const struct nastl_guard_params *params);

#endif
