/* source.h: the networks that candidates are warm-started from.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_SOURCE_H
#define RUN_SOURCE_H

#include "run/budget.h"
#include "run/problem.h"

struct nastl_source_params {
    const char *warm_start;  /* MODEL, or NULL */
    const char *path;        /* source.h5: of a run before this one, or to be written */
    const char *checkpoints; /* the folder of what is being trained */
    size_t jobs;
    struct nastl_budget *budget;
};

/* Gives problem->warm: from --warm-start MODEL, for its own family (a source.h5: for each
 * that it has); or from `path`; or trained on the source rows, and saved at `path`, a
 * group a family. Each family that the space can draw with a strategy other than scratch
 * has one: its widest network, the neurons sorted by importance. Training all of them
 * takes at most a third of the time, of which each has an equal share; an interrupted one
 * goes on from its checkpoint. Without a source: nothing. */
int nastl_source_prepare(struct nastl_problem *problem,
                         const struct nastl_source_params *params);

#endif
