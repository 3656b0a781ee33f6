/* source.h: the network that candidates are warm-started from.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_SOURCE_H
#define RUN_SOURCE_H

#include "run/budget.h"
#include "run/problem.h"

/* Gives problem->warm: from --warm-start MODEL; or from PATH where a run before this one
 * left it; or trained on the source rows, the widest network of the space, its neurons
 * sorted by importance, and saved at PATH (group /FAMILY). Without a source: nothing. */
int nastl_source_prepare(struct nastl_problem *problem, const char *warm_start,
                         const char *path, struct nastl_budget *budget);

#endif
