/* finish.h: what comes after the search: the delivered weights, the test scores, the
 * files. SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_FINISH_H
#define RUN_FINISH_H

#include "run/budget.h"
#include "run/problem.h"

/* Of measuring and scoring a member, at most; less where the time is nearly over. */
#define NASTL_FINISH_SECONDS 0.2

struct nastl_finish_params {
    const struct nastl_problem *problem;
    struct nastl_study *study;
    struct nastl_budget *budget;
    const char *checkpoints; /* the folder of those that are being trained again */
    size_t jobs;
    bool keep_all;
};

/* For every front member (with keep_all, every complete trial): its weights, trained
 * again on all labelled rows, go to weights.h5; front members are
 * scored on the test rows and their costs are completed. The ledger is brought up to
 * date. */
int nastl_finish_members(const struct nastl_finish_params *params);

#endif
