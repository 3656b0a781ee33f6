/* trial.c: the life of a trial: accepted, trained on every fold, judged, measured,
 * refitted and tested. SPDX-License-Identifier: Apache-2.0 */
#include "run/trial.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/stat.h"
#include "nn/optim.h"
#include "run/heldout.h"
#include "transfer/strategy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STREAMS = NASTL_FOLDS_MOST + 1, /* of a trial: one a fold; the last is the refit's */
    CONSTRAINT_NAMES = 8
};

/* The network of the source. */
static bool wants_source(const struct nastl_candidate *candidate)
{
    return nastl_strategy_of(candidate)->needs_network;
}

static const char *family_of(const struct nastl_candidate *candidate)
{
    return nastl_candidate_text(candidate, "family", "mlp");
}

/* What it starts from; NULL: from scratch. */
static const struct nastl_model *warm_of(const struct nastl_problem *problem,
                                         const struct nastl_candidate *candidate)
{
    return wants_source(candidate) ? nastl_problem_warm(problem, family_of(candidate))
                                   : NULL;
}

/* ---- before training ----------------------------------------------------------------
 */

int nastl_trial_cost(struct nastl_cost *out, const struct nastl_problem *problem,
                     const struct nastl_candidate *candidate)
{
    const struct nastl_shape shape = nastl_model_shape(problem->layout);
    struct nastl_graph *graph;
    TRY(nastl_arch_build(&graph, candidate, &shape));
    out->parameters = (double)nastl_graph_parameters(graph);
    out->flops = nastl_graph_flops(graph);
    out->memory = (double)nastl_graph_memory(graph);
    nastl_graph_destroy(graph);
    return NASTL_OK;
}

static bool lookup_cost(double *out, const char *name, void *payload)
{
    const struct nastl_cost *cost = payload;
    if (strcmp(name, "parameters") == 0)
        *out = cost->parameters;
    else if (strcmp(name, "flops") == 0)
        *out = cost->flops;
    else if (strcmp(name, "memory") == 0)
        *out = cost->memory;
    else
        return false;
    return true;
}

bool nastl_trial_accepts(const struct nastl_problem *problem,
                         const struct nastl_candidate *candidate)
{
    struct nastl_cost cost;
    if (wants_source(candidate) && problem->warm_count && !warm_of(problem, candidate))
        return false; /* without any, they are still to be trained or loaded */
    if (nastl_trial_cost(&cost, problem, candidate) < 0)
        return false;
    for (size_t i = 0; i < nastl_space_constraints(problem->space); i++) {
        double violation;
        if (nastl_space_check(problem->space, i, candidate, lookup_cost, &cost,
                              &violation) == NASTL_VIOLATED)
            return false;
    }
    return true;
}

uint64_t nastl_trial_identity(const struct nastl_problem *problem,
                              const struct nastl_trial *trial, const char *what)
{
    uint64_t hash = nastl_hash_u64(problem->identity, trial->number);
    hash = nastl_hash_u64(hash, nastl_candidate_hash(&trial->candidate));
    return nastl_hash_text(hash, what);
}

/* ---- folds --------------------------------------------------------------------------
 */

/* Values of a metric, fold by fold. */
static void fold_values(double *values, const struct nastl_checkpoint *folds,
                        size_t metric)
{
    for (size_t k = 0; k < nastl_checkpoint_folds(folds); k++)
        values[k] = nastl_checkpoint_fold(folds, k)->scores.value[metric];
}

static struct nastl_scores mean_scores(const struct nastl_checkpoint *folds)
{
    struct nastl_scores mean;
    double values[NASTL_FOLDS_MOST];
    for (size_t metric = 0; metric < NASTL_METRIC_COUNT; metric++) {
        fold_values(values, folds, metric);
        mean.value[metric] = nastl_stat_mean(values, nastl_checkpoint_folds(folds));
    }
    return mean;
}

/* All folds together. */
struct effort {
    double epochs, seconds, best_epoch, matched;
};

static struct effort effort_of(const struct nastl_checkpoint *folds)
{
    struct effort effort = {0};
    double best[NASTL_FOLDS_MOST];
    const size_t count = nastl_checkpoint_folds(folds);
    for (size_t k = 0; k < count; k++) {
        const struct nastl_fold *fold = nastl_checkpoint_fold(folds, k);
        effort.epochs += fold->epochs;
        effort.seconds += fold->seconds;
        effort.matched = fold->matched;
        best[k] = fold->best_epoch;
    }
    effort.best_epoch = round(nastl_stat_mean(best, count));
    return effort;
}

/* One a fold; those that are left over are free. */
static uint32_t stream_of(const struct nastl_trial *trial, size_t k)
{
    return (uint32_t)(trial->number * STREAMS + k);
}

static struct nastl_training training_of(const struct nastl_trial *trial,
                                         const struct nastl_problem *problem, size_t fold,
                                         const struct nastl_stop *stop,
                                         struct nastl_checkpoint *checkpoint)
{
    return (struct nastl_training){
        .problem = problem,
        .view = problem->folds[fold],
        .candidate = &trial->candidate,
        .stream = stream_of(trial, fold),
        .warm = warm_of(problem, &trial->candidate),
        .stop = stop,
        .checkpoint = checkpoint,
    };
}

static int train_folds(struct nastl_checkpoint *folds, struct nastl_model **first,
                       const struct nastl_trial *trial,
                       const struct nastl_problem *problem, const struct nastl_stop *stop)
{
    for (size_t k = 0; k < problem->fold_count; k++) {
        const struct nastl_training training =
            training_of(trial, problem, k, stop, folds);
        struct nastl_model *model;
        TRY(nastl_train_fold(&model, &training, k));
        if (k == 0)
            *first = model;
        else
            nastl_model_destroy(model);
    }
    return NASTL_OK;
}

/* ---- the record ---------------------------------------------------------------------
 */

json_t *nastl_scores_json(const struct nastl_scores *scores, enum nastl_task task)
{
    json_t *object = json_object();
    for (int m = 0; object && m < NASTL_METRIC_COUNT; m++) {
        const enum nastl_metric metric = (enum nastl_metric)m;
        if (nastl_metric_applies(metric, task))
            nastl_json_set(object, nastl_metric_name(metric),
                           nastl_json_number(scores->value[m]));
    }
    return object;
}

static json_t *warm_json(const struct nastl_trial *trial,
                         const struct nastl_problem *problem, double matched)
{
    if (!wants_source(&trial->candidate))
        return json_null();
    return json_pack(
        "{s:s, s:s, s:o}", "from", problem->warm_from, "strategy",
        nastl_candidate_text(&trial->candidate, "transfer.strategy", "fine_tune"),
        "matched", nastl_json_number(matched));
}

/* Of training it once more when its best epoch is known. */
static size_t refit_epochs(const struct nastl_candidate *candidate, size_t best_epoch)
{
    struct nastl_recipe recipe;
    nastl_recipe_of(&recipe, candidate);
    return nastl_schedule_match(&recipe, best_epoch ? best_epoch : 1);
}

/* Measured keys are null until they are measured; they keep their places. */
static json_t *cost_json(const struct nastl_cost *cost, const struct effort *effort,
                         size_t refit)
{
    return json_pack("{s:o, s:o, s:o, s:n, s:n, s:n, s:n, s:o, s:n, s:o, s:o, s:o}",
                     "parameters", nastl_json_number(cost->parameters), "flops",
                     nastl_json_number(cost->flops), "memory",
                     nastl_json_number(cost->memory), "latency", "latency_p99", "energy",
                     "energy_source", "training_time", nastl_json_number(effort->seconds),
                     "training_energy", "epochs", nastl_json_number(effort->epochs),
                     "best_epoch", nastl_json_number(effort->best_epoch), "refit_epochs",
                     nastl_json_number((double)refit));
}

static double known_value(const struct nastl_objective *objective,
                          const struct nastl_checkpoint *folds,
                          const struct nastl_cost *cost, double *error)
{
    const size_t count = nastl_checkpoint_folds(folds);
    double value, values[NASTL_FOLDS_MOST];
    *error = NAN;
    if (objective->source == NASTL_FROM_SCORES) {
        fold_values(values, folds, (size_t)nastl_metric_from_name(objective->name));
        if (count > 1)
            *error = nastl_stat_standard_error(values, count);
        return nastl_stat_mean(values, count);
    }
    if (objective->source == NASTL_FROM_TRAINING)
        return effort_of(folds).seconds;
    return lookup_cost(&value, objective->name, (void *)cost) ? value : NAN;
}

/* Pairs of them tell more than two means. */
static bool has_fold_scores(const struct nastl_problem *problem)
{
    return problem->fold_count > 1 && problem->objectives[0]->source == NASTL_FROM_SCORES;
}

static json_t *fold_scores_json(const struct nastl_problem *problem,
                                const struct nastl_checkpoint *folds)
{
    double values[NASTL_FOLDS_MOST];
    json_t *list = json_array();
    fold_values(values, folds,
                (size_t)nastl_metric_from_name(problem->objectives[0]->name));
    for (size_t k = 0; list && k < nastl_checkpoint_folds(folds); k++)
        json_array_append_new(list, nastl_json_number(values[k]));
    return list;
}

bool nastl_trial_fold_scores(double *out, const struct nastl_trial *trial,
                             const struct nastl_problem *problem)
{
    const json_t *list = json_object_get(trial->details, "fold_scores");
    if (!has_fold_scores(problem) || json_array_size(list) != problem->fold_count)
        return false;
    for (size_t k = 0; k < problem->fold_count; k++)
        out[k] = json_number_value(json_array_get(list, k));
    return true;
}

static int fill_record(struct nastl_trial *trial, const struct nastl_problem *problem,
                       const struct nastl_checkpoint *folds)
{
    struct nastl_cost cost;
    const struct nastl_scores mean = mean_scores(folds);
    const struct effort effort = effort_of(folds);
    const size_t refit = refit_epochs(&trial->candidate, (size_t)effort.best_epoch);
    TRY(nastl_trial_cost(&cost, problem, &trial->candidate));
    for (size_t j = 0; j < problem->objective_count; j++)
        trial->values[j] =
            known_value(problem->objectives[j], folds, &cost, &trial->errors[j]);
    trial->details = json_pack("{s:o, s:o, s:o}", "valid",
                               nastl_scores_json(&mean, problem->dataset->task), "cost",
                               cost_json(&cost, &effort, refit), "warm_start",
                               warm_json(trial, problem, effort.matched));
    if (!trial->details)
        return nastl_error_nomem("a trial's record");
    return has_fold_scores(problem) ? nastl_json_set(trial->details, "fold_scores",
                                                     fold_scores_json(problem, folds))
                                    : NASTL_OK;
}

/* For the weights that are delivered. */
static int record_calibration(struct nastl_trial *trial,
                              const struct nastl_problem *problem,
                              const struct nastl_checkpoint *folds)
{
    struct nastl_calibration calibration;
    TRY(nastl_heldout_calibrate_folds(&calibration, problem, folds));
    return nastl_json_set(trial->details, "calibration",
                          nastl_calibration_json(&calibration, problem->dataset->task));
}

static int set_reason(struct nastl_trial *trial, enum nastl_state state,
                      const char *reason)
{
    free(trial->reason);
    trial->state = state;
    trial->reason = nastl_strdup(reason);
    return trial->reason ? NASTL_OK : nastl_error_nomem("a trial's record");
}

/* A complete trial has every objective that is known without measuring. */
static int check_values(struct nastl_trial *trial, const struct nastl_problem *problem)
{
    for (size_t j = 0; j < problem->objective_count; j++) {
        const struct nastl_objective *objective = problem->objectives[j];
        char reason[128];
        if (objective->source == NASTL_FROM_METER || isfinite(trial->values[j]))
            continue;
        snprintf(reason, sizeof reason, "%s could not be computed on the validation rows",
                 objective->name);
        return set_reason(trial, NASTL_STATE_FAILED, reason);
    }
    return NASTL_OK;
}

/* A candidate that cannot be trained is a failed trial; the search goes on. */
bool nastl_trial_is_at_fault(int status)
{
    return status == NASTL_ENUMERIC || status == NASTL_EINVAL || status == NASTL_ENOMEM;
}

int nastl_trial_train(struct nastl_trial *trial, struct nastl_model **model,
                      const struct nastl_problem *problem, const struct nastl_stop *stop,
                      struct nastl_checkpoint *checkpoint)
{
    *model = NULL;
    for (size_t j = 0; j < NASTL_OBJECTIVES; j++)
        trial->values[j] = trial->errors[j] = NAN;
    int status = set_reason(trial, NASTL_STATE_COMPLETE, "");
    if (status == NASTL_OK)
        status = train_folds(checkpoint, model, trial, problem, stop);
    if (status == NASTL_OK)
        status = fill_record(trial, problem, checkpoint);
    if (status == NASTL_OK)
        status = record_calibration(trial, problem, checkpoint);
    if (status == NASTL_OK)
        status = check_values(trial, problem);
    if (status < 0 && nastl_trial_is_at_fault(status))
        status = set_reason(trial, NASTL_STATE_FAILED, nastl_error_last());
    if (status < 0 || trial->state != NASTL_STATE_COMPLETE) {
        nastl_model_destroy(*model);
        *model = NULL;
    } else if (problem->wants_latency)
        nastl_checkpoint_keep(checkpoint); /* it waits for the quiet lane */
    trial->seconds = nastl_checkpoint_seconds(checkpoint);
    return status;
}

int nastl_trial_train_fold(struct nastl_model **model, const struct nastl_trial *trial,
                           const struct nastl_problem *problem, size_t fold,
                           size_t stream, const struct nastl_stop *stop,
                           struct nastl_checkpoint *checkpoint)
{
    struct nastl_training training = training_of(trial, problem, fold, stop, checkpoint);
    training.stream = stream_of(trial, stream);
    return nastl_train_fold(model, &training, 0);
}

/* ---- the quiet lane -----------------------------------------------------------------
 */

struct row_call {
    struct nastl_net *net;
    const float *x;
    const int32_t *code;
    float *out;
};

static void call_row(void *payload)
{
    const struct row_call *call = payload;
    nastl_net_forward_row(call->net, call->x, call->code, call->out);
}

static void set_value(struct nastl_trial *trial, const struct nastl_problem *problem,
                      const char *name, double value, double error)
{
    for (size_t j = 0; j < problem->objective_count; j++)
        if (strcmp(problem->objectives[j]->name, name) == 0) {
            trial->values[j] = value;
            trial->errors[j] = error;
        }
    json_t *cost = json_object_get(trial->details, "cost");
    nastl_json_set(cost, name, nastl_json_number(value));
}

/* Half the width of a 95 % interval in standard errors. */
static double interval_error(double low, double high)
{
    return (high - low) / (2 * 1.959964);
}

static int measure_latency(struct nastl_trial *trial, const struct nastl_problem *problem,
                           struct row_call *call, double seconds)
{
    const struct nastl_latency_params params = {.seconds = seconds};
    struct nastl_latency figure;
    TRY(nastl_latency_measure(&figure, call_row, call, &params));
    set_value(trial, problem, "latency", figure.median,
              interval_error(figure.low, figure.high));
    set_value(trial, problem, "latency_p99", figure.p99, NAN);
    json_t *cost = json_object_get(trial->details, "cost");
    nastl_json_set(cost, "latency_interval",
                   json_pack("[o, o]", nastl_json_number(figure.low),
                             nastl_json_number(figure.high)));
    if (figure.disturbed)
        nastl_json_set(cost, "latency_disturbed", json_true());
    return NASTL_OK;
}

/* A first figure with a wide interval: four blocks. */
static int measure_energy(struct nastl_trial *trial, const struct nastl_problem *problem,
                          struct row_call *call)
{
    const double seconds = 2.5;
    struct nastl_energy_figure figure;
    TRY(nastl_energy_measure(&figure, problem->energy, call_row, call, seconds));
    if (!figure.resolved)
        return set_reason(trial, NASTL_STATE_FAILED,
                          "energy is below the resolution of the counter");
    set_value(trial, problem, "energy", figure.net,
              interval_error(figure.low, figure.high));
    json_t *cost = json_object_get(trial->details, "cost");
    return nastl_json_set(cost, "energy_source",
                          json_string(nastl_energy_source(problem->energy)));
}

/* Any row will do: the work does not depend on its values. */
static int first_row(struct row_call *call, const struct nastl_problem *problem,
                     const struct nastl_model *model)
{
    const struct nastl_prep *prep;
    const struct nastl_xy *xy;
    TRY(nastl_view_features(&prep, &xy, problem->folds[0], NASTL_SCALING_STANDARD));
    call->out =
        nastl_alloc_zero(nastl_model_shape(model->layout).outputs, sizeof *call->out);
    if (!call->out)
        return nastl_error_nomem("an output");
    call->net = model->net;
    call->x = xy->x;
    call->code = xy->code;
    return NASTL_OK;
}

int nastl_trial_measure(struct nastl_trial *trial, struct nastl_model *model,
                        const struct nastl_problem *problem, double seconds)
{
    struct row_call call;
    TRY(nastl_net_prepare_row(model->net));
    TRY(first_row(&call, problem, model));
    int status = measure_latency(trial, problem, &call, seconds);
    if (status == NASTL_OK && problem->energy)
        status = measure_energy(trial, problem, &call);
    free(call.out);
    return status;
}

/* ---- constraints after training -----------------------------------------------------
 */

static bool lookup_record(double *out, const char *name, void *payload)
{
    const struct nastl_trial *trial = payload;
    const json_t *cost = json_object_get(trial->details, "cost");
    const json_t *valid = json_object_get(trial->details, "valid");
    const json_t *value = json_object_get(cost, name);
    if (!value)
        value = json_object_get(valid, name);
    if (!json_is_number(value))
        return false;
    *out = json_number_value(value);
    return true;
}

/* What the constraints say together. */
struct judgement {
    double violation; /* summed */
    const char *first_violated, *first_undecided;
};

static struct judgement weigh(struct nastl_trial *trial, const struct nastl_space *space)
{
    struct judgement judgement = {0};
    for (size_t i = 0; i < nastl_space_constraints(space); i++) {
        const char *text = nastl_space_constraint_text(space, i);
        double violation = 0;
        const enum nastl_verdict verdict = nastl_space_check(
            space, i, &trial->candidate, lookup_record, trial, &violation);
        if (verdict == NASTL_VIOLATED && !judgement.first_violated)
            judgement.first_violated = text;
        if (verdict == NASTL_UNDECIDED && !judgement.first_undecided)
            judgement.first_undecided = text;
        judgement.violation += violation;
    }
    return judgement;
}

int nastl_trial_judge(struct nastl_trial *trial, const struct nastl_problem *problem)
{
    char reason[256];
    if (trial->state != NASTL_STATE_COMPLETE)
        return NASTL_OK;
    const struct judgement judgement = weigh(trial, problem->space);
    if (judgement.first_undecided) {
        snprintf(reason, sizeof reason, "cannot decide %s", judgement.first_undecided);
        return set_reason(trial, NASTL_STATE_FAILED, reason);
    }
    if (!judgement.first_violated)
        return NASTL_OK;
    snprintf(reason, sizeof reason, "violates %s", judgement.first_violated);
    trial->violation = judgement.violation;
    return set_reason(trial, NASTL_STATE_INFEASIBLE, reason);
}

/* ---- after the search ----------------------------------------------------------------
 */

int nastl_trial_refit(struct nastl_model **out, const struct nastl_problem *problem,
                      const struct nastl_trial *trial, size_t epochs,
                      struct nastl_checkpoint *checkpoint)
{
    const struct nastl_training training = {
        .problem = problem,
        .view = problem->full,
        .candidate = &trial->candidate,
        .stream = (uint32_t)(trial->number * STREAMS + STREAMS - 1),
        .epochs = refit_epochs(&trial->candidate, epochs),
        .warm = warm_of(problem, &trial->candidate),
        .checkpoint = checkpoint,
    };
    TRY(nastl_train_fold(out, &training, 0));
    nastl_calibration_from_json(&(*out)->calibration,
                                json_object_get(trial->details, "calibration"));
    nastl_checkpoint_keep(checkpoint); /* until it stands in weights.h5 */
    return NASTL_OK;
}

int nastl_trial_test(struct nastl_scores *out, struct nastl_model *model,
                     const struct nastl_problem *problem)
{
    const struct nastl_dataset *data = problem->dataset;
    const size_t n = problem->test_count;
    const size_t width = nastl_prediction_width(data->task, data->class_count);
    if (n == 0)
        return nastl_error(NASTL_ENOENT,
                           "test rows: there are none; give --test or --split");
    double *predictions = nastl_alloc(n, width * sizeof *predictions);
    double *labels = nastl_alloc(n, sizeof *labels);
    int status = predictions && labels ? NASTL_OK : nastl_error_nomem("predictions");
    for (size_t i = 0; status == NASTL_OK && i < n; i++)
        labels[i] = data->label[problem->test[i]];
    if (status == NASTL_OK)
        status = nastl_model_predictions(model, data, problem->test, n, predictions);
    if (status == NASTL_OK)
        status = nastl_scores_compute(out, data->task, data->class_count, labels,
                                      predictions, n);
    free(predictions);
    free(labels);
    return status;
}
