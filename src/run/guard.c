/* guard.c: see guard.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/guard.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "io/file.h"
#include "io/folder.h"
#include "run/gain.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAIRS = 2 }; /* of trainings, where there is one split */

/* A side of the comparison: the trial or its twin. */
struct arm {
    struct nastl_trial trial; /* its number's streams; the candidate is a copy */
    bool is_twin;
    bool is_known;                   /* its scores are in the ledger */
    double scores[NASTL_FOLDS_MOST]; /* on each fold */
    double *predictions[PAIRS];      /* of one split: (valid, width) */
};

/* One training; any thread. */
struct run {
    struct arm *arm;
    size_t k; /* the fold; of one split, the pair */
    int status;
    char error[512]; /* the worker's sentence, if it failed */
};

struct comparison {
    const struct nastl_guard_params *params;
    struct nastl_stop stop;
    struct arm arms[2]; /* the trial, the twin */
    struct run runs[2 * NASTL_FOLDS_MOST];
    size_t count, made;
};

static enum nastl_metric metric_of(const struct nastl_problem *problem)
{
    return (enum nastl_metric)nastl_metric_from_name(problem->objectives[0]->name);
}

static bool has_folds(const struct nastl_problem *problem)
{
    return problem->fold_count > 1;
}

double nastl_guard_seconds(const struct nastl_problem *problem,
                           const struct nastl_trial *trial, size_t cores)
{
    const size_t runs = has_folds(problem) ? problem->fold_count : 2 * PAIRS;
    const double trials = has_folds(problem) ? 2 : 3 * PAIRS; /* the twin counts twice */
    if (nastl_candidate_is_scratch(&trial->candidate) ||
        problem->objectives[0]->source != NASTL_FROM_SCORES)
        return 0;
    return trials * trial->seconds / (double)(runs < cores ? runs : cores);
}

/* ---- arms -------------------------------------------------------------------------- */

static int arm_init(struct arm *arm, const struct nastl_problem *problem,
                    const struct nastl_trial *trial, bool is_twin)
{
    const struct nastl_view *view = problem->folds[0];
    const struct nastl_dataset *data = problem->dataset;
    const size_t width = nastl_prediction_width(data->task, data->class_count);
    arm->trial.number = trial->number;
    arm->is_twin = is_twin;
    arm->is_known = !is_twin && nastl_trial_fold_scores(arm->scores, trial, problem);
    TRY(is_twin ? nastl_candidate_from_scratch(&arm->trial.candidate, &trial->candidate)
                : nastl_candidate_copy(&arm->trial.candidate, &trial->candidate));
    if (has_folds(problem))
        return NASTL_OK;
    for (size_t k = 0; k < PAIRS; k++) {
        arm->predictions[k] = nastl_alloc(view->valid_count, width * sizeof(double));
        if (!arm->predictions[k])
            return nastl_error_nomem("predictions");
    }
    return NASTL_OK;
}

static void arm_finish(struct arm *arm)
{
    nastl_trial_finish(&arm->trial);
    for (size_t k = 0; k < PAIRS; k++)
        free(arm->predictions[k]);
}

/* ---- trainings --------------------------------------------------------------------- */

static int open_checkpoint(struct nastl_checkpoint **out, const struct run *run,
                           const struct nastl_guard_params *params)
{
    char name[96], *path;
    const struct arm *arm = run->arm;
    snprintf(name, sizeof name, "guard-%zu%s-%zu.h5", arm->trial.number,
             arm->is_twin ? "-twin" : "", run->k);
    TRY(nastl_file_join(&path, params->checkpoints, name));
    const int status = nastl_checkpoint_open(
        out, path, nastl_trial_identity(params->problem, &arm->trial, name),
        nastl_budget_log(params->budget));
    free(path);
    return status;
}

static int predict(const struct run *run, struct nastl_model *model,
                   const struct nastl_problem *problem)
{
    const struct nastl_view *view = problem->folds[0];
    return nastl_model_predictions(model, problem->dataset,
                                   view->rows + view->train_count, view->valid_count,
                                   run->arm->predictions[run->k]);
}

/* Of one split, the stream that ranked the trial is passed over. */
static int train_and_score(struct run *run, struct nastl_checkpoint *checkpoint,
                           const struct comparison *comparison)
{
    const struct nastl_problem *problem = comparison->params->problem;
    const bool folds = has_folds(problem);
    struct nastl_model *model;
    TRY(nastl_trial_train_fold(&model, &run->arm->trial, problem, folds ? run->k : 0,
                               folds ? run->k : run->k + 1, &comparison->stop,
                               checkpoint));
    nastl_checkpoint_keep(checkpoint); /* until the gain is in the ledger */
    const struct nastl_fold *over = nastl_checkpoint_fold(checkpoint, 0);
    run->arm->scores[run->k] = over->scores.value[metric_of(problem)];
    const int status = folds ? NASTL_OK : predict(run, model, problem);
    nastl_model_destroy(model);
    return status;
}

static int train(struct run *run, const struct comparison *comparison)
{
    struct nastl_checkpoint *checkpoint;
    TRY(open_checkpoint(&checkpoint, run, comparison->params));
    const int status = train_and_score(run, checkpoint, comparison);
    nastl_checkpoint_close(checkpoint);
    return status;
}

/* One more is there; any thread. */
static void tell_made(struct comparison *comparison)
{
#pragma omp critical
    nastl_budget_tell(comparison->params->budget, "guard", (double)++comparison->made,
                      (double)comparison->count, 0, NAN, "");
}

/* Trainings are one a core; which one takes which decides nothing. */
static int train_all(struct comparison *comparison)
{
#pragma omp parallel for schedule(dynamic, 1) num_threads(comparison->params->jobs)
    for (size_t i = 0; i < comparison->count; i++) {
        struct run *run = &comparison->runs[i];
        omp_set_num_threads(1);
        run->status = train(run, comparison);
        if (run->status < 0)
            snprintf(run->error, sizeof run->error, "%s", nastl_error_last());
        tell_made(comparison);
    }
    for (size_t i = 0; i < comparison->count; i++) /* the others are not over */
        if (comparison->runs[i].status == NASTL_EINTERRUPTED)
            return nastl_error(NASTL_EINTERRUPTED, "%s", comparison->runs[i].error);
    for (size_t i = 0; i < comparison->count; i++)
        if (comparison->runs[i].status < 0)
            return nastl_error(comparison->runs[i].status, "%s",
                               comparison->runs[i].error);
    return NASTL_OK;
}

/* ---- a gain ------------------------------------------------------------------------ */

/* The groups of the validation rows; *out NULL: there are none. */
static int groups_of(int32_t **out, const struct nastl_problem *problem)
{
    const struct nastl_view *view = problem->folds[0];
    const int32_t *group = problem->dataset->group;
    *out = NULL;
    if (!group)
        return NASTL_OK;
    int32_t *groups = nastl_alloc(view->valid_count, sizeof *groups);
    if (!groups)
        return nastl_error_nomem("groups");
    for (size_t i = 0; i < view->valid_count; i++)
        groups[i] = group[view->rows[view->train_count + i]];
    *out = groups;
    return NASTL_OK;
}

static int gain_of_rows(struct nastl_gain *out, const struct comparison *comparison)
{
    const struct nastl_problem *problem = comparison->params->problem;
    const struct nastl_dataset *data = problem->dataset;
    int32_t *group;
    TRY(groups_of(&group, problem));
    struct nastl_gain_rows rows = {
        .metric = metric_of(problem),
        .task = data->task,
        .classes = data->class_count,
        .n = problem->folds[0]->valid_count,
        .labels = problem->folds[0]->valid_labels,
        .pairs = PAIRS,
        .group = group,
        .seed = problem->seed,
        .stream = (uint32_t)comparison->arms[0].trial.number,
    };
    for (size_t k = 0; k < PAIRS; k++) {
        rows.a[k] = comparison->arms[0].predictions[k];
        rows.b[k] = comparison->arms[1].predictions[k];
    }
    const int status = nastl_gain_of_rows(out, &rows);
    free(group);
    return status;
}

static int gain_of(struct nastl_gain *out, const struct comparison *comparison)
{
    const struct nastl_problem *problem = comparison->params->problem;
    if (!has_folds(problem))
        return gain_of_rows(out, comparison);
    nastl_gain_of_folds(out, metric_of(problem), comparison->arms[0].scores,
                        comparison->arms[1].scores, problem->fold_count);
    return NASTL_OK;
}

/* A twin that cannot be trained is an answer, too. */
static int train_and_compare(struct nastl_gain *out, struct comparison *comparison)
{
    const int status = train_all(comparison);
    if (!nastl_trial_is_at_fault(status)) {
        TRY(status);
        return gain_of(out, comparison);
    }
    char why[sizeof out->why];
    snprintf(why, sizeof why, "%.150s", nastl_error_last());
    nastl_gain_unknown(out, why);
    return NASTL_OK;
}

static bool is_stopped(void *payload)
{
    const struct nastl_budget *budget = payload;
    return nastl_budget_interrupted(budget) || nastl_budget_over(budget, 1);
}

static void list_runs(struct comparison *comparison)
{
    const struct nastl_problem *problem = comparison->params->problem;
    const size_t runs = has_folds(problem) ? problem->fold_count : PAIRS;
    for (size_t k = 0; k < runs; k++)
        for (size_t a = 0; a < 2; a++)
            if (!comparison->arms[a].is_known)
                comparison->runs[comparison->count++] =
                    (struct run){.arm = &comparison->arms[a], .k = k};
}

static int measure(struct nastl_gain *out, const struct nastl_trial *trial,
                   const struct nastl_guard_params *params)
{
    struct comparison comparison = {
        .params = params,
        .stop = {is_stopped, NULL, params->budget},
    };
    struct arm *arms = comparison.arms;
    int status = arm_init(&arms[0], params->problem, trial, false);
    if (status == NASTL_OK)
        status = arm_init(&arms[1], params->problem, trial, true);
    list_runs(&comparison);
    if (status == NASTL_OK)
        status = train_and_compare(out, &comparison);
    arm_finish(&arms[0]);
    arm_finish(&arms[1]);
    return status;
}

/* ---- all of it --------------------------------------------------------------------- */

static int cut_short(bool *cut, const struct nastl_guard_params *params)
{
    *cut = true;
    return nastl_study_set_fact(params->study, "unguarded",
                                nastl_budget_interrupted(params->budget)
                                    ? "the search was interrupted"
                                    : "--time left no room for it");
}

/* Where nothing is from a source, there is nothing to tell. */
static int conclude(const struct nastl_delivery *delivery,
                    const struct nastl_guard_params *params)
{
    if (delivery->best && !nastl_candidate_is_scratch(&delivery->best->candidate))
        nastl_log_info(nastl_budget_log(params->budget), "delivered: trial %zu, %s",
                       delivery->trial->number, delivery->reason);
    nastl_folder_clear(params->checkpoints, "guard-");
    return nastl_study_set_fact(params->study, "unguarded", NULL);
}

static int decide(bool *cut, const struct nastl_trial *trials, size_t count,
                  const struct nastl_guard_params *params)
{
    for (;;) {
        struct nastl_delivery delivery;
        struct nastl_gain gain;
        TRY(nastl_study_deliver(&delivery, params->study, trials, count));
        if (!delivery.wanted)
            return conclude(&delivery, params);
        const int status = is_stopped(params->budget)
                               ? NASTL_EINTERRUPTED
                               : measure(&gain, delivery.wanted, params);
        if (status == NASTL_EINTERRUPTED)
            return cut_short(cut, params);
        TRY(status);
        TRY(nastl_study_set_gain(params->study, delivery.wanted->number, &gain));
    }
}

int nastl_guard_work(bool *cut, const struct nastl_guard_params *params)
{
    struct nastl_trial *trials;
    size_t count;
    *cut = false;
    TRY(nastl_study_trials(params->study, &trials, &count));
    const int status = decide(cut, trials, count, params);
    for (size_t i = 0; i < count; i++)
        nastl_trial_finish(&trials[i]);
    free(trials);
    return status;
}
