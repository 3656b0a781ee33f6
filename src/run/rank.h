/* rank.h: which of several sources to take from. On each of them a small network is
 * trained for a moment, from several beginnings; how well its last hidden layer tells the
 * labels of the target's training rows apart is the source's score (transfer/score.h). A
 * source whose networks tell no more than the same ones before they were trained gives
 * nothing.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_RANK_H
#define RUN_RANK_H

#include "run/budget.h"
#include "run/problem.h"

/* Whether there are several sources, and candidates that may take from them. */
bool nastl_rank_is_needed(const struct nastl_problem *problem);

/* *out is the ranking, best first:
 *   [{"name": …, "rows": …, "h_score": …, "logme": …, "used": true}, …]
 * by LogME: of few rows in many features the H-score tells little. The first one is used,
 * and every other one whose gain over untrained networks is above twice its standard
 * error. Takes at most a twelfth of the time. */
int nastl_rank_sources(json_t **out, const struct nastl_problem *problem,
                       const struct nastl_budget *budget);

/* The rows of sources that are not used play no part from now on; the ranking becomes
 * the problem's, whatever is returned. `log` is told. NASTL_EFORMAT: it is none of these
 * sources. */
int nastl_rank_apply(struct nastl_problem *problem, json_t *ranking,
                     const struct nastl_log *log);

#endif
