/* train_one.c: training of one architecture: a search of one candidate without a search.
 * SPDX-License-Identifier: Apache-2.0 */
#include <nastl/run.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"
#include "io/file.h"
#include "run/heldout.h"
#include "run/source.h"
#include "run/trial.h"
#include "transfer/strategy.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double measure_seconds = 0.2;

/* One call of nastl_train_run(). */
struct job {
    const struct nastl_train_one_params *params;
    struct nastl_budget budget;
    char *space; /* as the problem is asked for it */
    struct nastl_problem *problem;
    struct nastl_candidate candidate;
    struct nastl_model *model;
    struct nastl_trained trained;
    struct nastl_scores test;
};

/* ---- what is asked ------------------------------------------------------------------
 */

/* The problem speaks of a search's options; strings and lists stay the caller's. */
static struct nastl_search_params
search_params(const struct nastl_train_one_params *params, char *space)
{
    static char *objectives[] = {"flops"}; /* ranks nothing here, and is always known */
    return (struct nastl_search_params){
        .space = space,
        .warm_start = params->warm_start,
        .target = params->target,
        .label = params->label,
        .task = params->task,
        .domain_column = params->domain_column,
        .target_domain = params->target_domain,
        .drop = params->drop,
        .target_rows = params->target_rows,
        .test = params->test,
        .split = params->split,
        .split_column = params->split_column,
        .group_column = params->group_column,
        .time_column = params->time_column,
        .seed = params->seed,
        .data_dir = params->data_dir,
        .folds = "1",
        .objectives = {objectives, 1},
    };
}

/* --arch or --preset, one that exists. */
static int check_network(const struct nastl_train_one_params *params)
{
    struct nastl_space *space;
    if (params->arch && params->preset)
        return nastl_error(NASTL_EINVAL,
                           "--preset: --arch is there, too; give one of them");
    if (!params->arch && !params->preset)
        return nastl_error(NASTL_EINVAL,
                           "--arch: missing; give a YAML file that fixes an "
                           "architecture, or --preset");
    if (!params->preset)
        return NASTL_OK;
    const int status = nastl_space_preset(&space, params->preset, false);
    if (status < 0)
        return nastl_error_prefix(status, "--preset");
    nastl_space_destroy(space);
    return NASTL_OK;
}

static int name_space(char **out, const struct nastl_train_one_params *params)
{
    struct nastl_strbuf name;
    nastl_strbuf_init(&name);
    nastl_strbuf_addf(&name, "%s%s", params->preset ? NASTL_PRESET_SPACE : "",
                      params->preset ? params->preset : params->arch);
    return nastl_strbuf_take(out, &name);
}

static int check_params(const struct nastl_train_one_params *params)
{
    TRY(check_network(params));
    if (!params->target.count)
        return nastl_error(NASTL_EINVAL, "--target: missing; give the rows to train on");
    if (!params->out)
        return nastl_error(NASTL_EINVAL, "--out: missing; name the model file to write");
    TRY(nastl_file_check_place(params->out));
    if (!params->force && nastl_file_exists(params->out))
        return nastl_error(NASTL_EEXIST,
                           "%s: is there already; add --force to write over it",
                           params->out);
    return NASTL_OK;
}

static const char *network_name(const struct nastl_train_one_params *params)
{
    return params->arch ? params->arch : params->preset;
}

/* What the file says; but what there is to start from is used. */
static const char *strategy_name(const struct job *job)
{
    const struct nastl_strategy *strategy = nastl_strategy_of(&job->candidate);
    if (job->problem->warm_count == 0)
        return "scratch";
    return strategy->needs_network ? strategy->name : "fine_tune";
}

static int only_candidate(struct job *job)
{
    const struct nastl_space *space = job->problem->space;
    struct nastl_point *point;
    struct nastl_rng rng;
    if (nastl_space_searched(space))
        return nastl_error(NASTL_EINVAL,
                           "%s: leaves %zu values open; fix each of them, or use "
                           "`nas-tl search`",
                           network_name(job->params), nastl_space_searched(space));
    nastl_rng_init(&rng, job->problem->seed, 0, NASTL_RNG_SEARCH);
    TRY(nastl_point_create(&point, space));
    nastl_space_sample(space, &rng, point);
    int status = nastl_point_candidate(&job->candidate, space, point);
    nastl_point_destroy(point);
    if (status == NASTL_OK)
        status = nastl_candidate_set(&job->candidate, "transfer.strategy",
                                     strategy_name(job), 0);
    if (status == NASTL_OK && !nastl_trial_accepts(job->problem, &job->candidate))
        status = nastl_error(NASTL_EINVAL,
                             "%s: violates its own constraints, or is of another family "
                             "than --warm-start; correct it",
                             network_name(job->params));
    return status;
}

/* ---- work ---------------------------------------------------------------------------
 */

static bool is_interrupted(void *payload)
{
    return nastl_budget_interrupted(payload);
}

/* It was accepted, so where there is a model to start from, it is of its family. */
static const struct nastl_model *warm_of(const struct job *job)
{
    return nastl_problem_warm(job->problem,
                              nastl_candidate_text(&job->candidate, "family", "mlp"));
}

static int train(struct job *job)
{
    const struct nastl_stop stop = {is_interrupted, NULL, &job->budget};
    struct nastl_epochs epochs = {&job->budget, "train",
                                  nastl_metric_name(job->problem->metric)};
    const struct nastl_training training = {
        .problem = job->problem,
        .view = job->problem->folds[0],
        .candidate = &job->candidate,
        .warm = warm_of(job),
        .stop = &stop,
        .epoch = nastl_epochs_tell,
        .epoch_payload = &epochs,
    };
    TRY(nastl_train_model(&job->model, &job->trained, &training));
    TRY(nastl_heldout_calibrate(&job->model->calibration, job->problem, training.view,
                                job->trained.answers));
    return job->problem->test_count
               ? nastl_trial_test(&job->test, job->model, job->problem)
               : NASTL_OK;
}

static int save(const struct job *job)
{
    struct nastl_h5 *file;
    TRY(nastl_h5_create(&file, job->params->out));
    int status = nastl_model_save(job->model, file, "/");
    if (status == NASTL_OK)
        status = nastl_h5_commit(file);
    nastl_h5_close(file);
    return status;
}

/* ---- the report ---------------------------------------------------------------------
 */

static json_t *report_json(struct job *job)
{
    struct nastl_cost cost;
    struct nastl_trial trial = {.state = NASTL_STATE_COMPLETE};
    const enum nastl_task task = job->problem->dataset->task;
    if (nastl_trial_cost(&cost, job->problem, &job->candidate) < 0)
        return NULL;
    trial.details =
        json_pack("{s:{s:f, s:f, s:f}}", "cost", "parameters", cost.parameters, "flops",
                  cost.flops, "memory", cost.memory);
    if (!trial.details ||
        nastl_trial_measure(&trial, job->model, job->problem, measure_seconds) < 0) {
        nastl_trial_finish(&trial);
        return NULL;
    }
    json_t *report = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:O}", "model", job->params->out,
        "task", nastl_task_name(task), "candidate", nastl_candidate_json(&job->candidate),
        "epochs", nastl_json_number((double)job->trained.result.epochs), "best_epoch",
        nastl_json_number((double)job->trained.result.best_epoch), "seconds",
        nastl_json_number(job->trained.result.seconds), "valid",
        nastl_scores_json(&job->trained.scores, task), "test",
        job->problem->test_count ? nastl_scores_json(&job->test, task) : json_null(),
        "cost", json_object_get(trial.details, "cost"));
    nastl_trial_finish(&trial);
    return report;
}

static double number_at(const json_t *report, const char *object, const char *key)
{
    const json_t *value = json_object_get(json_object_get(report, object), key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void put_scores(struct nastl_strbuf *text, const struct job *job)
{
    const enum nastl_task task = job->problem->dataset->task;
    nastl_strbuf_addf(text, "%-20s %10s %10s\n", "", "valid", "test");
    for (int m = 0; m < NASTL_METRIC_COUNT; m++) {
        const enum nastl_metric metric = (enum nastl_metric)m;
        if (!nastl_metric_applies(metric, task))
            continue;
        nastl_strbuf_addf(text, "%-20s %10.4f", nastl_metric_name(metric),
                          job->trained.scores.value[m]);
        if (job->problem->test_count)
            nastl_strbuf_addf(text, " %10.4f\n", job->test.value[m]);
        else
            nastl_strbuf_addf(text, " %10s\n", "-");
    }
}

static int render(char **out, struct job *job, bool json)
{
    struct nastl_strbuf text;
    json_t *report = report_json(job);
    if (!report)
        return nastl_error_prefix(NASTL_EINTERNAL, "the report of the training");
    nastl_strbuf_init(&text);
    if (json) {
        nastl_json_write(&text, report, 2);
        nastl_strbuf_add(&text, "\n");
    } else {
        nastl_strbuf_addf(&text, "%zu epochs, the best one %zu, in %.2f s\n",
                          job->trained.result.epochs, job->trained.result.best_epoch,
                          job->trained.result.seconds);
        put_scores(&text, job);
        nastl_strbuf_addf(
            &text, "parameters %.0f, FLOP %.0f, latency %.1f µs\nmodel %s\n",
            number_at(report, "cost", "parameters"), number_at(report, "cost", "flops"),
            number_at(report, "cost", "latency"), job->params->out);
    }
    json_decref(report);
    return nastl_strbuf_take(out, &text);
}

/* ---- a run --------------------------------------------------------------------------
 */

static int run(char **out, struct job *job, bool json)
{
    const struct nastl_source_params warm = {.warm_start = job->params->warm_start};
    TRY(check_params(job->params));
    TRY(name_space(&job->space, job->params));
    const struct nastl_search_params asked = search_params(job->params, job->space);
    TRY(nastl_problem_create(&job->problem, &asked, nastl_budget_log(&job->budget)));
    if (warm.warm_start) /* a descriptor's source is for searches */
        TRY(nastl_source_prepare(job->problem, &warm));
    TRY(only_candidate(job));
    nastl_problem_tell(job->problem, asked.task, nastl_budget_log(&job->budget));
    TRY(train(job));
    TRY(save(job));
    return render(out, job, json);
}

int nastl_train_run(char **out, const struct nastl_train_one_params *params, bool json,
                    const struct nastl_hooks *hooks)
{
    struct job job = {.params = params};
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    nastl_candidate_init(&job.candidate);
    nastl_budget_start(&job.budget, 0, hooks);
    const int status = run(out, &job, json);
    omp_set_num_threads(threads);
    nastl_model_destroy(job.model);
    free(job.trained.answers);
    nastl_candidate_finish(&job.candidate);
    free(job.space);
    nastl_problem_destroy(job.problem);
    return status;
}
