/* training.c: one training of one candidate on one view.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/trial.h"

#include "base/alloc.h"
#include "base/error.h"
#include "run/heldout.h"
#include "transfer/ensemble.h"
#include "transfer/strategy.h"
#include "transfer/warm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum nastl_scaling scaling_of(const struct nastl_candidate *candidate)
{
    const char *name =
        nastl_candidate_text(candidate, "input.numeric_scaling", "standard");
    if (strcmp(name, "robust") == 0)
        return NASTL_SCALING_ROBUST;
    return strcmp(name, "quantile") == 0 ? NASTL_SCALING_QUANTILE
                                         : NASTL_SCALING_STANDARD;
}

static enum nastl_label_transform transform_of(const struct nastl_candidate *candidate)
{
    const char *name =
        nastl_candidate_text(candidate, "training.label_transform", "none");
    if (strcmp(name, "log1p") == 0)
        return NASTL_LABEL_LOG1P;
    return strcmp(name, "quantile") == 0 ? NASTL_LABEL_QUANTILE : NASTL_LABEL_NONE;
}

static enum nastl_loss loss_of(enum nastl_task task, const struct nastl_recipe *recipe)
{
    switch (task) {
    case NASTL_TASK_BINARY:
        return NASTL_LOSS_BINARY_CROSS_ENTROPY;
    case NASTL_TASK_MULTICLASS:
        return NASTL_LOSS_CROSS_ENTROPY;
    default:
        return recipe->huber ? NASTL_LOSS_HUBER : NASTL_LOSS_SQUARED_ERROR;
    }
}

/* ---- validation -------------------------------------------------------------------- */

/* What early stopping needs after each epoch, and the weights of rows beside it. */
struct validation {
    const struct nastl_training *training;
    const struct nastl_label_map *map;
    double *predictions; /* (valid, width) */
    float *weights;      /* of the view's rows; NULL: all the same */
    size_t epochs, epoch;
};

static double score_outputs(const float *outputs, void *payload)
{
    const struct validation *valid = payload;
    const struct nastl_problem *problem = valid->training->problem;
    const struct nastl_dataset *data = problem->dataset;
    const struct nastl_view *view = valid->training->view;
    double score;
    nastl_outputs_to_predictions(valid->predictions, outputs, view->valid_count,
                                 data->task, data->class_count, valid->map);
    if (nastl_score_one(&score, problem->metric, data->task, data->class_count,
                        view->valid_labels, valid->predictions, view->valid_count) < 0)
        return -HUGE_VAL;
    return nastl_metric_maximized(problem->metric) ? score : -score;
}

static bool is_stopped(const struct nastl_stop *stop)
{
    return stop && stop->stop && stop->stop(stop->payload);
}

static bool is_enough(const struct nastl_stop *stop)
{
    return stop && stop->enough && stop->enough(stop->payload);
}

/* Between steps, so that an interrupt does not wait for a long epoch. */
static bool goes_on(void *payload)
{
    const struct validation *valid = payload;
    return !is_stopped(valid->training->stop) && !is_enough(valid->training->stop);
}

static bool after_epoch(size_t epoch, double train_loss, double score, void *payload)
{
    struct validation *valid = payload;
    const struct nastl_training *training = valid->training;
    (void)train_loss;
    if (training->epoch)
        training->epoch(epoch, valid->epochs, score, training->epoch_payload);
    return goes_on(payload);
}

/* ---- training ---------------------------------------------------------------------- */

static void recipe_of(struct nastl_recipe *recipe, const struct nastl_training *training)
{
    nastl_recipe_of(recipe, training->candidate);
    if (training->epochs) {
        recipe->max_epochs = training->epochs;
        recipe->patience = 0;
    }
}

/* Whether a class of the target that is trained has no validation row. */
static int lacks_class(bool *out, const struct nastl_view *view, const float *y,
                       size_t classes)
{
    bool *judged = nastl_alloc_zero(classes, sizeof *judged);
    if (!judged)
        return nastl_error_nomem("classes");
    const int32_t *valid = view->index + view->train_count;
    for (size_t i = 0; i < view->valid_count; i++)
        judged[(size_t)y[valid[i]]] = true;
    *out = false;
    for (size_t i = 0; i < view->own_count; i++)
        *out = *out || !judged[(size_t)y[view->index[i]]];
    free(judged);
    return NASTL_OK;
}

/* Validation rows that lack a class can pick no epoch. */
static int decide_kept(struct nastl_recipe *recipe, const struct nastl_training *training,
                       const float *y)
{
    const size_t classes = training->problem->dataset->class_count;
    if (!recipe->judged || classes == 0 || training->view->valid_count == 0)
        return NASTL_OK;
    return lacks_class(&recipe->keeps_newest, training->view, y, classes);
}

/* What the strategy makes of the training; nothing from scratch. */
static int guide_of(struct nastl_guidance *out, const struct nastl_trained *trained,
                    const struct nastl_model *model,
                    const struct nastl_training *training,
                    const struct nastl_train_params *params)
{
    struct nastl_lesson lesson = {
        .candidate = training->candidate,
        .net = model->net,
        .layout = model->layout,
        .matched = trained->matched,
        .source = training->warm,
        .xy = params->xy,
        .y = params->y,
    };
    const struct nastl_prep *prep;
    const float *y;
    *out = (struct nastl_guidance){0};
    if (!training->warm)
        return NASTL_OK;
    TRY(nastl_view_features(&prep, &lesson.source_xy, training->view,
                            scaling_of(&training->warm->candidate)));
    TRY(nastl_view_labels(&lesson.map, &y, training->view,
                          transform_of(training->candidate)));
    TRY(nastl_view_labels(&lesson.source_map, &y, training->view,
                          transform_of(&training->warm->candidate)));
    return nastl_strategy_guide(out, &lesson);
}

static int train_guided(struct nastl_trained *trained, struct nastl_model *model,
                        const struct nastl_training *training,
                        struct nastl_train_params *params)
{
    struct nastl_guidance guidance;
    int status = guide_of(&guidance, trained, model, training, params);
    params->guide = &guidance.guide;
    if (status == NASTL_OK)
        status = nastl_train(&trained->result, model->net, params);
    nastl_guidance_finish(&guidance);
    return status;
}

static int train_on_view(struct nastl_trained *trained, struct nastl_model *model,
                         const struct nastl_training *training, struct validation *valid)
{
    struct nastl_view *view = training->view;
    const struct nastl_dataset *data = training->problem->dataset;
    const struct nastl_prep *prep;
    const struct nastl_keeper keeper = nastl_checkpoint_keeper(training->checkpoint);
    struct nastl_train_params params = {
        .seed = training->problem->seed,
        .trial = training->stream,
        .weights = valid->weights,
        .train = view->index,
        .train_count = view->train_count,
        .epoch_rows = view->epoch_rows,
        .valid = view->index + view->train_count,
        .valid_count = view->valid_count,
        .score = score_outputs,
        .score_payload = valid,
        .epoch = after_epoch,
        .epoch_payload = valid,
        .poll = goes_on,
        .poll_payload = valid,
        .keeper = training->checkpoint ? &keeper : NULL,
    };
    recipe_of(&params.recipe, training);
    params.loss = loss_of(data->task, &params.recipe);
    valid->epochs = params.recipe.max_epochs;
    TRY(nastl_view_features(&prep, &params.xy, view, scaling_of(training->candidate)));
    TRY(nastl_view_labels(&valid->map, &params.y, view,
                          transform_of(training->candidate)));
    TRY(decide_kept(&params.recipe, training, params.y));
    TRY(train_guided(trained, model, training, &params));
    if (trained->result.stopped && is_stopped(training->stop))
        return nastl_error(NASTL_EINTERRUPTED,
                           "training: stopped on request; start it again");
    model->label = *valid->map;
    return NASTL_OK;
}

/* Every metric of the kept epoch, and the answers that it has them from. */
static int score_model(struct nastl_trained *trained, struct nastl_model *model,
                       const struct nastl_training *training)
{
    const struct nastl_view *view = training->view;
    const struct nastl_dataset *data = training->problem->dataset;
    const size_t width = nastl_prediction_width(data->task, data->class_count);
    const size_t numbers = nastl_heldout_width(model->layout);
    if (view->valid_count == 0 || training->is_unscored)
        return NASTL_OK;
    double *predictions = nastl_alloc(view->valid_count, width * sizeof *predictions);
    trained->answers = nastl_alloc(view->valid_count, numbers * sizeof(float));
    int status =
        predictions && trained->answers ? NASTL_OK : nastl_error_nomem("predictions");
    if (status == NASTL_OK)
        status = nastl_heldout_answer(trained->answers, predictions, model, view);
    if (status == NASTL_OK)
        status = nastl_scores_compute(&trained->scores, data->task, data->class_count,
                                      view->valid_labels, predictions, view->valid_count);
    free(predictions);
    return status;
}

/* NULL where all count the same. */
static int weigh_rows(float **out, const struct nastl_training *training)
{
    *out = NULL;
    if (!training->view->which.pooled)
        return NASTL_OK;
    return nastl_view_weights(
        out, training->view,
        nastl_candidate_number(training->candidate, "transfer.source_weight", 0.5));
}

static int run_training(struct nastl_trained *trained, struct nastl_model *model,
                        const struct nastl_training *training)
{
    const struct nastl_dataset *data = training->problem->dataset;
    const size_t width = nastl_prediction_width(data->task, data->class_count);
    struct validation valid = {.training = training};
    valid.predictions =
        nastl_alloc(training->view->valid_count, width * sizeof *valid.predictions);
    if (!valid.predictions)
        return nastl_error_nomem("predictions");
    int status = weigh_rows(&valid.weights, training);
    if (status == NASTL_OK)
        status = train_on_view(trained, model, training, &valid);
    free(valid.predictions);
    free(valid.weights);
    TRY(status);
    return score_model(trained, model, training);
}

/* ---- models ------------------------------------------------------------------------ */

static int build_net(struct nastl_model *model, const struct nastl_candidate *candidate)
{
    const struct nastl_shape shape = nastl_model_shape(model->layout);
    TRY(nastl_arch_build(&model->graph, candidate, &shape));
    return nastl_net_create(&model->net, model->graph);
}

/* A model that owns copies of what the problem shares. */
static int build_model(struct nastl_model *model, const struct nastl_training *training)
{
    const struct nastl_problem *problem = training->problem;
    const struct nastl_prep *prep;
    const struct nastl_xy *xy;
    const enum nastl_scaling scaling = scaling_of(training->candidate);
    TRY(nastl_view_features(&prep, &xy, training->view, scaling));
    TRY(nastl_layout_copy(&model->layout, problem->layout));
    TRY(nastl_prep_copy(&model->prep, prep));
    TRY(nastl_candidate_copy(&model->candidate, training->candidate));
    return build_net(model, &model->candidate);
}

/* Weights from scratch. */
static int begin_net(struct nastl_net *net, const struct nastl_training *training)
{
    struct nastl_view *view = training->view;
    const struct nastl_label_map *map;
    const struct nastl_prep *prep;
    const struct nastl_xy *xy;
    const float *y;
    TRY(nastl_view_features(&prep, &xy, view, scaling_of(training->candidate)));
    TRY(nastl_view_labels(&map, &y, view, transform_of(training->candidate)));
    nastl_net_init(net, training->problem->seed, training->stream);
    return nastl_net_fit(net, xy, y, view->fit, view->fit_count);
}

/* What the source has. Where numbers are scaled as its own are, its bins are right, too.
 */
static int inherit(struct nastl_trained *trained, struct nastl_model *model,
                   const struct nastl_training *training)
{
    TRY(nastl_warm_start(&trained->matched, model->net, model->layout, training->warm));
    return training->view->which.warm
               ? nastl_warm_bins(model->net, model->layout, training->warm)
               : NASTL_OK;
}

/* One network of those that answer together, warm-started; all start from it. */
static int start_member(struct nastl_trained *trained, struct nastl_model *one,
                        const struct nastl_training *training)
{
    TRY(begin_net(one->net, training));
    return inherit(trained, one, training);
}

static int warm_members(struct nastl_trained *trained, struct nastl_model *model,
                        const struct nastl_training *training)
{
    struct nastl_candidate candidate;
    struct nastl_model one = {.layout = model->layout};
    nastl_candidate_init(&candidate);
    int status = nastl_candidate_copy(&candidate, training->candidate);
    if (status == NASTL_OK)
        status = nastl_candidate_set(&candidate, "ensemble", NULL, 1);
    if (status == NASTL_OK)
        status = build_net(&one, &candidate);
    if (status == NASTL_OK)
        status = start_member(trained, &one, training);
    if (status == NASTL_OK)
        nastl_ensemble_start(model->net, one.net);
    nastl_net_destroy(one.net);
    nastl_graph_destroy(one.graph);
    nastl_candidate_finish(&candidate);
    return status;
}

/* The weights to start from. */
static int start(struct nastl_trained *trained, struct nastl_model *model,
                 const struct nastl_training *training)
{
    TRY(begin_net(model->net, training));
    if (!training->warm)
        return NASTL_OK;
    return nastl_candidate_number(training->candidate, "ensemble", 1) > 1
               ? warm_members(trained, model, training)
               : inherit(trained, model, training);
}

static int train_model(struct nastl_model **out, struct nastl_trained *trained,
                       const struct nastl_training *training)
{
    struct nastl_model *model = nastl_alloc_zero(1, sizeof *model);
    if (!model)
        return nastl_error_nomem("a model");
    *trained = (struct nastl_trained){0};
    int status = build_model(model, training);
    if (status == NASTL_OK)
        status = start(trained, model, training);
    if (status == NASTL_OK)
        status = run_training(trained, model, training);
    if (status < 0) {
        free(trained->answers);
        trained->answers = NULL;
        nastl_model_destroy(model);
        return status;
    }
    *out = model;
    return NASTL_OK;
}

/* `out` is the training on the rows that the candidate is trained on, with the statistics
 * that it asks for: a candidate from scratch knows only those of its own domain. */
static int choose_view(struct nastl_training *out, const struct nastl_training *training)
{
    const struct nastl_candidate *candidate = training->candidate;
    const int normalizer = nastl_normalizer_from_name(
        nastl_candidate_text(candidate, "transfer.normalizer", "target"));
    struct nastl_variant which = {.warm = training->warm,
                                  .pooled = nastl_strategy_of(candidate)->needs_rows};
    if ((which.warm || which.pooled) && normalizer >= 0)
        which.normalizer = (enum nastl_normalizer)normalizer;
    *out = *training;
    return nastl_view_variant(&out->view, training->view, &which);
}

int nastl_train_model(struct nastl_model **out, struct nastl_trained *trained,
                      const struct nastl_training *training)
{
    struct nastl_training chosen;
    TRY(choose_view(&chosen, training));
    return train_model(out, trained, &chosen);
}

/* ---- with a checkpoint ------------------------------------------------------------- */

static struct nastl_fold fold_of(const struct nastl_trained *trained)
{
    return (struct nastl_fold){
        .scores = trained->scores,
        .epochs = (double)trained->result.epochs,
        .best_epoch = (double)trained->result.best_epoch,
        .seconds = trained->result.seconds,
        .matched = trained->matched,
    };
}

/* The first fold's model as it was when its training was over. */
static int recall_model(struct nastl_model **out, const struct nastl_training *asked)
{
    struct nastl_training chosen, *training = &chosen;
    const struct nastl_label_map *map;
    const float *y;
    struct nastl_model *model = nastl_alloc_zero(1, sizeof *model);
    if (!model)
        return nastl_error_nomem("a model");
    int status = choose_view(training, asked);
    if (status == NASTL_OK)
        status = build_model(model, training);
    if (status == NASTL_OK)
        status = nastl_view_labels(&map, &y, training->view,
                                   transform_of(training->candidate));
    if (status == NASTL_OK)
        status = nastl_checkpoint_fill(model, training->checkpoint);
    if (status < 0) {
        nastl_model_destroy(model);
        return status;
    }
    model->label = *map;
    *out = model;
    return NASTL_OK;
}

int nastl_train_fold(struct nastl_model **out, const struct nastl_training *training,
                     size_t fold)
{
    struct nastl_checkpoint *checkpoint = training->checkpoint;
    struct nastl_trained trained;
    *out = NULL;
    if (fold < nastl_checkpoint_folds(checkpoint))
        return fold == 0 ? recall_model(out, training) : NASTL_OK;
    const int status = nastl_train_model(out, &trained, training);
    if (status == NASTL_EINTERRUPTED)
        nastl_checkpoint_save(checkpoint);
    TRY(status);
    const struct nastl_fold over = fold_of(&trained);
    const size_t numbers = nastl_heldout_width((*out)->layout);
    nastl_checkpoint_add(checkpoint, &over, *out, trained.answers,
                         trained.answers ? training->view->valid_count * numbers : 0);
    return NASTL_OK;
}
