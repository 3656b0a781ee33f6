/* problem.c: from options to a problem: data, parts, folds, objectives.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/problem.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/opt.h"
#include "base/strbuf.h"
#include "cell/generator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- data ---------------------------------------------------------------------------
 */

/* The embedded default: many rows of macro cells, few labelled ones of small cells. */
#define GENERATED "generated:"
enum { SOURCE_ROWS = 6000, TARGET_ROWS = 4000, TARGET_LABELLED = 200 };

static int parse_split(double split[3], const struct nastl_list *list)
{
    if (list->count == 0)
        return NASTL_OK;
    double sum = 0;
    for (size_t i = 0; i < list->count && i < 3; i++) {
        const char *text = list->items[i];
        if (!nastl_number_parse(&split[i], text, strlen(text)) || !(split[i] >= 0))
            return nastl_error(NASTL_EINVAL,
                               "--split: '%s' is no fraction; give three "
                               "numbers such as 0.6,0.2,0.2",
                               text);
        sum += split[i];
    }
    if (list->count != 3 || fabs(sum - 1) > 1e-6 || !(split[0] > 0))
        return nastl_error(NASTL_EINVAL,
                           "--split: needs three fractions that add up to 1, "
                           "the first above 0; give for example 0.6,0.2,0.2");
    return NASTL_OK;
}

static enum nastl_task task_of(const char *name)
{
    for (int task = 0; task < NASTL_TASK_COUNT; task++)
        if (name && strcmp(name, nastl_task_name((enum nastl_task)task)) == 0)
            return (enum nastl_task)task;
    return NASTL_TASK_AUTO;
}

/* "generated:DOMAIN" is the built-in generator's; everything else is a file. */
static int open_data(struct nastl_table **out, const char *data, const char *folder,
                     void *payload)
{
    const struct nastl_search_params *params = payload;
    const size_t prefix = strlen(GENERATED);
    if (strncmp(data, GENERATED, prefix) != 0)
        return nastl_table_load(out, data, folder);
    const bool is_source = strcmp(data + prefix, "macro") == 0;
    return nastl_cell_table(out, data + prefix, is_source ? SOURCE_ROWS : TARGET_ROWS,
                            (uint64_t)params->seed);
}

static int dataset_params(struct nastl_dataset_params *out,
                          const struct nastl_search_params *params)
{
    *out = (struct nastl_dataset_params){
        .target = params->target,
        .source = params->source,
        .test = params->test,
        .label = params->label,
        .task = task_of(params->task),
        .domain_column = params->domain_column,
        .source_domain = params->source_domain,
        .target_domain = params->target_domain,
        .drop = params->drop,
        .target_rows = params->target_rows,
        .split_column = params->split_column,
        .group_column = params->group_column,
        .time_column = params->time_column,
        .data_dir = params->data_dir,
        .seed = (uint64_t)params->seed,
        .open = open_data,
        .payload = (void *)params,
    };
    return parse_split(out->split, &params->split);
}

/* Without --target: from macro cells to small cells, with few labels. */
static void ask_for_generated(struct nastl_dataset_params *asked)
{
    static char *targets[] = {GENERATED "small"}, *sources[] = {GENERATED "macro"};
    asked->target = (struct nastl_list){targets, 1};
    asked->source = (struct nastl_list){sources, 1};
    if (asked->target_rows == 0)
        asked->target_rows = TARGET_LABELLED;
}

int nastl_problem_data(struct nastl_dataset **out,
                       const struct nastl_search_params *params,
                       const struct nastl_log *log)
{
    struct nastl_dataset_params asked;
    TRY(dataset_params(&asked, params));
    if (params->target.count == 0 && (params->source.count || params->test))
        return nastl_error(NASTL_EINVAL, "--target: missing; give the rows of the domain "
                                         "that the model is for");
    if (params->target.count == 0)
        ask_for_generated(&asked);
    return nastl_dataset_load(out, &asked, log);
}

/* ---- objectives ---------------------------------------------------------------------
 */

static unsigned task_bit(enum nastl_task task)
{
    return task == NASTL_TASK_REGRESSION ? NASTL_FOR_VALUES : NASTL_FOR_CLASSES;
}

/* What this version cannot measure yet is not offered. */
static bool is_offered(const struct nastl_objective *objective)
{
    return strcmp(objective->name, "training_energy") != 0;
}

static int unknown_objective(const char *name, unsigned tasks)
{
    struct nastl_strbuf names;
    nastl_strbuf_init(&names);
    for (const struct nastl_objective *at = nastl_objectives(); at->name; at++)
        if ((at->tasks & tasks) && is_offered(at))
            nastl_strbuf_addf(&names, " %s", at->name);
    const char *text = nastl_strbuf_text(&names);
    const int status = nastl_error(
        NASTL_EINVAL, "--objectives %s: not available for this task; give some of%s",
        name, text ? text : "");
    nastl_strbuf_finish(&names);
    return status;
}

static int add_objective(struct nastl_problem *problem, const char *name)
{
    const unsigned tasks = task_bit(problem->dataset->task);
    const struct nastl_objective *objective = nastl_objective_find(name);
    if (!objective || !(objective->tasks & tasks) || !is_offered(objective))
        return unknown_objective(name, tasks);
    for (size_t j = 0; j < problem->objective_count; j++)
        if (problem->objectives[j] == objective)
            return nastl_error(NASTL_EINVAL,
                               "--objectives: %s is there twice; give it once", name);
    if (problem->objective_count == NASTL_OBJECTIVES)
        return nastl_error(NASTL_EINVAL, "--objectives: more than %d; give fewer",
                           NASTL_OBJECTIVES);
    problem->objectives[problem->objective_count++] = objective;
    return NASTL_OK;
}

static int add_energy(struct nastl_problem *problem, bool by_name,
                      const struct nastl_log *log)
{
    const int status = problem->energy ? NASTL_OK : nastl_energy_open(&problem->energy);
    if (status == NASTL_OK)
        return add_objective(problem, "energy");
    if (by_name || status != NASTL_ENOTSUP)
        return status;
    const char *why = nastl_error_last();
    const size_t name = strlen("energy: ");
    nastl_log_warning(log, "energy is left out of the objectives: %s",
                      strncmp(why, "energy: ", name) == 0 ? why + name : why);
    return NASTL_OK;
}

static int default_objectives(struct nastl_problem *problem, const struct nastl_log *log)
{
    const bool values = problem->dataset->task == NASTL_TASK_REGRESSION;
    TRY(add_objective(problem, values ? "rmse" : "accuracy"));
    TRY(add_objective(problem, "latency"));
    TRY(add_objective(problem, "flops"));
    return add_energy(problem, false, log);
}

/* Early stopping looks at the first score that is asked for. */
static void choose_metric(struct nastl_problem *problem)
{
    const bool values = problem->dataset->task == NASTL_TASK_REGRESSION;
    problem->metric = values ? NASTL_METRIC_RMSE : NASTL_METRIC_ACCURACY;
    for (size_t j = problem->objective_count; j-- > 0;)
        if (problem->objectives[j]->source == NASTL_FROM_SCORES)
            problem->metric =
                (enum nastl_metric)nastl_metric_from_name(problem->objectives[j]->name);
}

static void need_measuring(struct nastl_problem *problem,
                           const struct nastl_objective *figure)
{
    problem->wants_latency |= figure->source == NASTL_FROM_METER;
    problem->times_training |= figure->source == NASTL_FROM_TRAINING;
}

/* A figure that a constraint names: it must exist for this task, and if it is measured,
 * it is so for every trial. */
static int need_figure(struct nastl_problem *problem, const char *constraint,
                       const char *name)
{
    const struct nastl_objective *figure = nastl_objective_find(name);
    const unsigned tasks = task_bit(problem->dataset->task);
    if (!figure || !(figure->tasks & tasks) || !is_offered(figure))
        return nastl_error(NASTL_EINVAL,
                           "constraint '%s': %s is not available for this task (%s); "
                           "name another figure",
                           constraint, name, nastl_task_name(problem->dataset->task));
    need_measuring(problem, figure);
    return strcmp(name, "energy") == 0 && !problem->energy
               ? nastl_energy_open(&problem->energy)
               : NASTL_OK;
}

static int choose_measurements(struct nastl_problem *problem)
{
    const struct nastl_space *space = problem->space;
    for (size_t j = 0; j < problem->objective_count; j++)
        need_measuring(problem, problem->objectives[j]);
    for (size_t i = 0; i < nastl_space_constraints(space); i++) {
        const char *names[8];
        const size_t count = nastl_space_constraint_names(space, i, names, 8);
        for (size_t n = 0; n < count && n < 8; n++)
            TRY(need_figure(problem, nastl_space_constraint_text(space, i), names[n]));
    }
    return NASTL_OK;
}

static int choose_objectives(struct nastl_problem *problem,
                             const struct nastl_list *names, const struct nastl_log *log)
{
    if (names->count == 0)
        TRY(default_objectives(problem, log));
    for (size_t i = 0; i < names->count; i++)
        TRY(strcmp(names->items[i], "energy") == 0
                ? add_energy(problem, true, log)
                : add_objective(problem, names->items[i]));
    choose_metric(problem);
    return choose_measurements(problem);
}

/* ---- space --------------------------------------------------------------------------
 */

static bool is_preset(const char *space)
{
    return space && strncmp(space, NASTL_PRESET_SPACE, strlen(NASTL_PRESET_SPACE)) == 0;
}

static int open_space(struct nastl_problem *problem, const char *space)
{
    if (is_preset(space))
        return nastl_space_preset(&problem->space, space + strlen(NASTL_PRESET_SPACE),
                                  problem->dataset->task == NASTL_TASK_REGRESSION);
    return space ? nastl_space_read(&problem->space, space)
                 : nastl_space_default(&problem->space);
}

static int load_space(struct nastl_problem *problem,
                      const struct nastl_search_params *params)
{
    TRY(open_space(problem, params->space));
    for (size_t i = 0; i < params->constraint.count; i++)
        TRY(nastl_space_constrain(problem->space, params->constraint.items[i]));
    return NASTL_OK;
}

/* Classes are not transformed and have no loss of numbers; numbers have no classes. */
static int fit_task(struct nastl_problem *problem)
{
    if (problem->dataset->task == NASTL_TASK_REGRESSION) {
        TRY(nastl_space_fix(problem->space, "training.label_smoothing", NULL, 0));
        return nastl_space_fix(problem->space, "training.class_weights", "none", 0);
    }
    TRY(nastl_space_fix(problem->space, "training.loss", "squared", 0));
    return nastl_space_fix(problem->space, "training.label_transform", "none", 0);
}

static const struct nastl_dim *dim_of(const struct nastl_space *space, const char *key)
{
    for (size_t i = 0; i < nastl_space_dims(space); i++)
        if (strcmp(nastl_space_dim(space, i)->key, key) == 0)
            return nastl_space_dim(space, i);
    return NULL;
}

/* A space that insists on a source is not quietly trained from scratch. */
static int start_from_scratch(struct nastl_space *space)
{
    const struct nastl_dim *strategy = dim_of(space, "transfer.strategy");
    bool may = !strategy || !strategy->given;
    for (size_t i = 0; !may && i < strategy->count; i++)
        may = strcmp(strategy->choices[i].text, "scratch") == 0;
    if (!may)
        return nastl_error(NASTL_EINVAL,
                           "transfer.strategy: the space leaves no choice but %s, and "
                           "there is nothing to start from; give --source or "
                           "--warm-start, or add scratch to the choices",
                           strategy->choices[0].text);
    return nastl_space_fix(space, "transfer.strategy", "scratch", 0);
}

/* A network is there, but no rows: nothing can be fitted to them. */
static int need_no_rows(struct nastl_space *space)
{
    static const struct {
        const char *key, *word;
    } dropped[] = {{"transfer.strategy", "pooled"}, {"transfer.normalizer", "both"}};
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++) {
        const int status = nastl_space_drop(space, dropped[i].key, dropped[i].word);
        if (status == NASTL_EINVAL)
            return nastl_error(status,
                               "%s: the space leaves no choice but %s, which takes rows "
                               "of the source, and --warm-start has none; give --source "
                               "instead, or add to the choices",
                               dropped[i].key, dropped[i].word);
        TRY(status);
    }
    return NASTL_OK;
}

/* What the data decides: without a source there is nothing to start from. */
static int fit_space(struct nastl_problem *problem,
                     const struct nastl_search_params *params)
{
    const bool has_rows =
        nastl_dataset_count(problem->dataset, NASTL_PART_SOURCE_TRAIN) > 0;
    if (!has_rows)
        TRY(params->warm_start ? need_no_rows(problem->space)
                               : start_from_scratch(problem->space));
    return fit_task(problem);
}

/* ---- parts and folds ----------------------------------------------------------------
 */

struct rows {
    int32_t *row;
    size_t count;
};

static int rows_of(struct rows *out, const struct nastl_dataset *dataset,
                   enum nastl_part part)
{
    return nastl_dataset_rows(&out->row, &out->count, dataset, part);
}

/* a then b; frees neither. */
static int join_rows(struct rows *out, const struct rows *a, const struct rows *b)
{
    out->count = a->count + b->count;
    out->row = nastl_alloc(out->count, sizeof *out->row);
    if (!out->row)
        return nastl_error_nomem("rows");
    if (a->count)
        memcpy(out->row, a->row, a->count * sizeof *a->row);
    if (b->count)
        memcpy(out->row + a->count, b->row, b->count * sizeof *b->row);
    return NASTL_OK;
}

static int fold_view(struct nastl_problem *problem, const int32_t *fold_of,
                     const struct rows *labelled, int32_t fold)
{
    int32_t *train = nastl_alloc(labelled->count, sizeof *train);
    int32_t *valid = nastl_alloc(labelled->count, sizeof *valid);
    size_t trains = 0, valids = 0;
    int status = train && valid ? NASTL_OK : nastl_error_nomem("a fold");
    for (size_t i = 0; status == NASTL_OK && i < labelled->count; i++) {
        const int32_t row = labelled->row[i];
        if (fold_of[row] == fold)
            valid[valids++] = row;
        else
            train[trains++] = row;
    }
    if (status == NASTL_OK)
        status = nastl_view_create(&problem->folds[fold], problem->dataset,
                                   problem->layout, train, trains, valid, valids);
    free(train);
    free(valid);
    return status;
}

/* A view a fold, over the rows of both parts. */
static int cross_validation(struct nastl_problem *problem, const struct rows *labelled)
{
    int32_t *fold_of;
    TRY(nastl_dataset_folds(&fold_of, problem->dataset, problem->fold_count,
                            problem->seed));
    int status = NASTL_OK;
    for (size_t k = 0; status == NASTL_OK && k < problem->fold_count; k++)
        status = fold_view(problem, fold_of, labelled, (int32_t)k);
    free(fold_of);
    return status;
}

/* A number, or 0 for "auto". */
static int parse_folds(size_t *out, const char *asked)
{
    double folds;
    *out = 0;
    if (!asked || strcmp(asked, "auto") == 0)
        return NASTL_OK;
    if (!nastl_number_parse(&folds, asked, strlen(asked)) || folds != rint(folds) ||
        folds < 1 || folds > 20)
        return nastl_error(NASTL_EINVAL,
                           "--folds %s: not accepted; give auto or a whole "
                           "number from 1 to 20",
                           asked);
    *out = (size_t)folds;
    return NASTL_OK;
}

/* Where rows are few, not more folds than rows. */
static size_t auto_folds(size_t labelled)
{
    if (labelled >= NASTL_AUTO_FOLDS_BELOW)
        return 1;
    return labelled < NASTL_AUTO_FOLDS ? labelled : NASTL_AUTO_FOLDS;
}

static int make_target_views(struct nastl_problem *problem, const struct rows *train,
                             const struct rows *valid)
{
    problem->folds = nastl_alloc_zero(problem->fold_count, sizeof *problem->folds);
    if (!problem->folds)
        return nastl_error_nomem("folds");
    struct rows labelled;
    TRY(join_rows(&labelled, train, valid));
    int status = nastl_view_create(&problem->full, problem->dataset, problem->layout,
                                   labelled.row, labelled.count, NULL, 0);
    if (status == NASTL_OK)
        status =
            problem->fold_count > 1
                ? cross_validation(problem, &labelled)
                : nastl_view_create(&problem->folds[0], problem->dataset, problem->layout,
                                    train->row, train->count, valid->row, valid->count);
    free(labelled.row);
    return status;
}

/* The layout is fitted on the training rows of both domains, so that their networks fit
 * together; validation rows take part, too: the refit trains on them. */
static int make_layout(struct nastl_problem *problem, const struct rows part[])
{
    struct rows target, both;
    TRY(join_rows(&target, &part[NASTL_PART_TRAIN], &part[NASTL_PART_VALID]));
    int status = join_rows(&both, &target, &part[NASTL_PART_SOURCE_TRAIN]);
    free(target.row);
    TRY(status);
    status = nastl_layout_fit(&problem->layout, problem->dataset, both.row, both.count);
    free(both.row);
    return status;
}

int nastl_problem_view_source(struct nastl_problem *problem)
{
    struct rows train = {0}, valid = {0};
    nastl_view_destroy(problem->source);
    problem->source = NULL;
    int status = rows_of(&train, problem->dataset, NASTL_PART_SOURCE_TRAIN);
    if (status == NASTL_OK)
        status = rows_of(&valid, problem->dataset, NASTL_PART_SOURCE_VALID);
    if (status == NASTL_OK && train.count)
        status = nastl_view_create(&problem->source, problem->dataset, problem->layout,
                                   train.row, train.count, valid.row, valid.count);
    for (size_t k = 0; k < problem->fold_count; k++)
        problem->folds[k]->source = problem->source;
    problem->full->source = problem->source;
    free(train.row);
    free(valid.row);
    return status;
}

static int make_views(struct nastl_problem *problem)
{
    struct rows part[NASTL_PART_COUNT] = {0};
    int status = NASTL_OK;
    for (int p = 0; p < NASTL_PART_COUNT; p++)
        TRY_GOTO(status, rows_of(&part[p], problem->dataset, (enum nastl_part)p), done);
    if (problem->fold_count == 0)
        problem->fold_count =
            auto_folds(part[NASTL_PART_TRAIN].count + part[NASTL_PART_VALID].count);
    TRY_GOTO(status, make_layout(problem, part), done);
    TRY_GOTO(status,
             make_target_views(problem, &part[NASTL_PART_TRAIN], &part[NASTL_PART_VALID]),
             done);
    TRY_GOTO(status, nastl_problem_view_source(problem), done);
    problem->test = part[NASTL_PART_TEST].row;
    problem->test_count = part[NASTL_PART_TEST].count;
    part[NASTL_PART_TEST].row = NULL;
done:
    for (int p = 0; p < NASTL_PART_COUNT; p++)
        free(part[p].row);
    return status;
}

/* ---- all of it ----------------------------------------------------------------------
 */

static uint64_t identity_of(const struct nastl_problem *problem)
{
    const struct nastl_dataset *data = problem->dataset;
    uint64_t hash = nastl_hash_u64(NASTL_HASH_START, problem->seed);
    hash = nastl_hash_u64(hash, problem->fold_count);
    hash = nastl_hash_bytes(hash, data->label, data->rows * sizeof *data->label);
    return nastl_hash_bytes(hash, data->part, data->rows * sizeof *data->part);
}

static int create_parts(struct nastl_problem *problem,
                        const struct nastl_search_params *params,
                        const struct nastl_log *log)
{
    TRY(parse_folds(&problem->fold_count, params->folds));
    const bool waits = is_preset(params->space); /* for the task */
    if (!waits)
        TRY(load_space(problem, params));
    TRY(nastl_problem_data(&problem->dataset, params, log));
    if (waits)
        TRY(load_space(problem, params));
    TRY(fit_space(problem, params));
    TRY(make_views(problem));
    problem->identity = identity_of(problem);
    return choose_objectives(problem, &params->objectives, log);
}

int nastl_problem_create(struct nastl_problem **out,
                         const struct nastl_search_params *params,
                         const struct nastl_log *log)
{
    struct nastl_problem *problem = nastl_alloc_zero(1, sizeof *problem);
    if (!problem)
        return nastl_error_nomem("the search");
    problem->seed = (uint64_t)params->seed;
    const int status = create_parts(problem, params, log);
    if (status < 0) {
        nastl_problem_destroy(problem);
        return status;
    }
    *out = problem;
    return NASTL_OK;
}

const struct nastl_model *nastl_problem_warm(const struct nastl_problem *problem,
                                             const char *family)
{
    for (size_t i = 0; i < problem->warm_count; i++) {
        const struct nastl_candidate *candidate = &problem->warm[i]->candidate;
        if (strcmp(nastl_candidate_text(candidate, "family", "mlp"), family) == 0)
            return problem->warm[i];
    }
    return NULL;
}

int nastl_problem_add_warm(struct nastl_problem *problem, struct nastl_model *model)
{
    const size_t count = problem->warm_count + 1;
    struct nastl_model **warm = nastl_alloc_resize(problem->warm, count, sizeof *warm);
    if (!warm)
        return nastl_error_nomem("a source network");
    warm[count - 1] = model;
    problem->warm = warm;
    problem->warm_count = count;
    return NASTL_OK;
}

void nastl_problem_tell(const struct nastl_problem *problem, const char *asked,
                        const struct nastl_log *log)
{
    const struct nastl_dataset *data = problem->dataset;
    const char *name = nastl_task_name(data->task);
    if (task_of(asked) != NASTL_TASK_AUTO)
        return;
    if (data->class_count)
        nastl_log_info(log, "task: %s, %zu classes", name, data->class_count);
    else
        nastl_log_info(log, "task: %s", name);
}

void nastl_problem_destroy(struct nastl_problem *problem)
{
    if (!problem)
        return;
    for (size_t i = 0; i < problem->warm_count; i++)
        nastl_model_destroy(problem->warm[i]);
    free(problem->warm);
    free(problem->warm_from);
    json_decref(problem->sources);
    for (size_t k = 0; problem->folds && k < problem->fold_count; k++)
        nastl_view_destroy(problem->folds[k]);
    free(problem->folds);
    nastl_view_destroy(problem->full);
    nastl_view_destroy(problem->source);
    nastl_energy_close(problem->energy);
    free(problem->test);
    nastl_space_destroy(problem->space);
    nastl_layout_destroy(problem->layout);
    nastl_dataset_destroy(problem->dataset);
    free(problem);
}
