/* budget.h: when to stop, and what to tell meanwhile.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_BUDGET_H
#define RUN_BUDGET_H

#include <nastl/run.h>

struct nastl_budget {
    const struct nastl_hooks *hooks; /* may be NULL */
    double start;                    /* nastl_clock_seconds() */
    double time;                     /* seconds in all; 0: unlimited */
    _Atomic double reserve;          /* seconds kept for what comes after, and files */
};

void nastl_budget_start(struct nastl_budget *budget, double time,
                        const struct nastl_hooks *hooks);
const struct nastl_log *nastl_budget_log(const struct nastl_budget *budget);
double nastl_budget_elapsed(const struct nastl_budget *budget);

/* Keeps `seconds` for the guard, refit and measuring, besides what files take. Any thread
 * may ask nastl_budget_over() meanwhile. */
void nastl_budget_reserve(struct nastl_budget *budget, double seconds);

/* Seconds until the time is over, files written; infinite without a limit. */
double nastl_budget_left(const struct nastl_budget *budget);

/* Asked to stop from outside; the time that search may take is over (`share` of it: 1/3
 * for the source). */
bool nastl_budget_interrupted(const struct nastl_budget *budget);
bool nastl_budget_over(const struct nastl_budget *budget, double share);
/* When that time is over, in elapsed seconds; infinite without a limit. */
double nastl_budget_end(const struct nastl_budget *budget, double share);

/* Tells the progress hook; `left` NaN: unknown. */
void nastl_budget_tell(const struct nastl_budget *budget, const char *phase, double done,
                       double total, double rate, double left, const char *best);

/* The epochs of one training, told with the best score so far: a nastl_training.epoch.
 * Noting one that is not told keeps the best score right. */
struct nastl_epochs {
    const struct nastl_budget *budget;
    const char *phase, *metric;
    double best; /* greater is better, as early stopping sees it */
    bool is_begun;
};
void nastl_epochs_note(double score, struct nastl_epochs *epochs);
void nastl_epochs_tell(size_t epoch, size_t of, double score, void *payload);

#endif
