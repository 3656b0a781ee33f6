/* problem.h: what a search works on: the data with its parts, the space, the objectives,
 * the source model. Made once; read by all workers.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_PROBLEM_H
#define RUN_PROBLEM_H

#include <nastl/pareto.h>
#include <nastl/run.h>

#include "meter/energy.h"
#include "nn/model.h"
#include "run/view.h"
#include "space/space.h"
#include "study/study.h"

enum { NASTL_AUTO_FOLDS = 5, NASTL_AUTO_FOLDS_BELOW = 2000 };

struct nastl_problem {
    struct nastl_dataset *dataset;
    struct nastl_layout *layout;
    struct nastl_space *space;
    uint64_t seed;
    uint64_t identity; /* the same for the same seed, labels, parts and folds */

    struct nastl_view **folds; /* (fold_count): one split, or a view a fold */
    size_t fold_count;
    struct nastl_view *full;   /* training and validation rows together: for the refit */
    struct nastl_view *source; /* NULL without a source */
    int32_t *test;             /* rows of the test part */
    size_t test_count;

    const struct nastl_objective *objectives[NASTL_OBJECTIVES];
    size_t objective_count;
    enum nastl_metric metric; /* what early stopping looks at */

    struct nastl_model **warm; /* (warm_count): the source networks or --warm-start, one a
                                  family; none: from scratch */
    size_t warm_count;
    char *warm_from; /* what they were trained on, for people */
    json_t *sources; /* the ranking of several sources (rank.h); NULL: none was made */

    bool wants_latency;          /* an objective or a constraint is measured */
    bool times_training;         /* or is measured while a candidate trains */
    struct nastl_energy *energy; /* NULL: not asked for, or no counter lives */
};

/* A space whose name begins so is a preset of that name. */
#define NASTL_PRESET_SPACE "preset:"

/* Everything but `warm`. Errors speak of options and files. */
int nastl_problem_create(struct nastl_problem **out,
                         const struct nastl_search_params *params,
                         const struct nastl_log *log);
void nastl_problem_destroy(struct nastl_problem *problem);

/* Makes the source's view, and the other ones know it, from the rows that are of the
 * source by now: before the first variant is asked for. */
int nastl_problem_view_source(struct nastl_problem *problem);

/* What candidates of a family start from: NULL where there is nothing. Adding gives the
 * model away, unless it fails. */
const struct nastl_model *nastl_problem_warm(const struct nastl_problem *problem,
                                             const char *family);
int nastl_problem_add_warm(struct nastl_problem *problem, struct nastl_model *model);

/* Tells which task was chosen, where that was left to the data. */
void nastl_problem_tell(const struct nastl_problem *problem, const char *asked,
                        const struct nastl_log *log);

/* Loads the data that a search is asked for: files, or the built-in generator's. */
int nastl_problem_data(struct nastl_dataset **out,
                       const struct nastl_search_params *params,
                       const struct nastl_log *log);

#endif
