/* budget.c: see budget.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/budget.h"

#include "base/clock.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

/* What reading the last rows and writing the files takes. */
static double for_files(double time)
{
    return 1 + 0.05 * time;
}

void nastl_budget_start(struct nastl_budget *budget, double time,
                        const struct nastl_hooks *hooks)
{
    *budget = (struct nastl_budget){
        .hooks = hooks,
        .start = nastl_clock_seconds(),
        .time = time,
        .reserve = for_files(time),
    };
}

void nastl_budget_reserve(struct nastl_budget *budget, double seconds)
{
    budget->reserve = for_files(budget->time) + seconds;
}

double nastl_budget_left(const struct nastl_budget *budget)
{
    return budget->time > 0
               ? budget->time - for_files(budget->time) - nastl_budget_elapsed(budget)
               : INFINITY;
}

const struct nastl_log *nastl_budget_log(const struct nastl_budget *budget)
{
    return budget->hooks ? &budget->hooks->log : NULL;
}

double nastl_budget_elapsed(const struct nastl_budget *budget)
{
    return nastl_clock_seconds() - budget->start;
}

bool nastl_budget_interrupted(const struct nastl_budget *budget)
{
    return budget->hooks && budget->hooks->stop &&
           budget->hooks->stop(budget->hooks->payload);
}

double nastl_budget_end(const struct nastl_budget *budget, double share)
{
    return budget->time > 0 ? share * (budget->time - budget->reserve) : INFINITY;
}

bool nastl_budget_over(const struct nastl_budget *budget, double share)
{
    return nastl_budget_elapsed(budget) > nastl_budget_end(budget, share);
}

void nastl_budget_tell(const struct nastl_budget *budget, const char *phase, double done,
                       double total, double rate, double left, const char *best)
{
    if (!budget->hooks || !budget->hooks->progress)
        return;
    const struct nastl_progress progress = {
        .phase = phase,
        .done = done,
        .total = total,
        .seconds = nastl_budget_elapsed(budget),
        .seconds_left = left,
        .rate = rate,
        .best = best,
    };
    budget->hooks->progress(&progress, budget->hooks->payload);
}

void nastl_epochs_note(double score, struct nastl_epochs *epochs)
{
    if (!epochs->is_begun || score > epochs->best)
        epochs->best = score;
    epochs->is_begun = true;
}

void nastl_epochs_tell(size_t epoch, size_t of, double score, void *payload)
{
    struct nastl_epochs *epochs = payload;
    char best[64];
    nastl_epochs_note(score, epochs);
    snprintf(best, sizeof best, "%s %.4f", epochs->metric, fabs(epochs->best));
    nastl_budget_tell(epochs->budget, epochs->phase, (double)epoch, (double)of, 0, NAN,
                      best);
}
