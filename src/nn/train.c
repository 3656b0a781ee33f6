/* train.c: mini batches, early stopping, the best epoch kept.
 *
 * The rows that a whole number of batches leaves over make one smaller batch, as in
 * PyTorch, with a plan of its own. Under batch normalisation a batch of a single row has
 * no variance: it is left out, another row every epoch.
 *
 * Where rows have tokens, a batch is worked on in parts that fit the cache, and their
 * gradients are summed: the same step, but for rounding.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/trainer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/rng.h"
#include "nn/course.h"
#include "nn/kernel.h"
#include "nn/loss.h"
#include "nn/loss_form.h"
#include "nn/net_impl.h"
#include "nn/optim.h"

/* A rest is planned for whole multiples of this, so that rests of many sizes share their
 * products; a rest above 3 / 4 of a batch runs in the plan of the whole batch. */
enum { REST_STEP = 16 };

struct nastl_trainer {
    struct nastl_net *net;
    struct nastl_train_params params;
    struct nastl_trainer_state state;
    size_t outputs;             /* C */
    size_t batch, rest;         /* rows of a batch; of the last one, 0: none */
    struct nastl_plan *plan[2]; /* for a batch, for the rest (may be NULL) */
    size_t part;                /* rows of a batch that are worked on at once */
    float *grads;               /* (trainable) */
    float *part_grads;          /* (trainable) of a part; NULL: it is the whole batch */
    float *numbers;             /* m, v (trainable each), best, latest, scores */
    float *m, *v, *best;        /* best: (total) */
    float *latest;              /* (weight_average, total): of the last epochs, in turn */
    float *scores;              /* (score_window): of the last epochs, in turn */
    struct nastl_loss_form form;
    struct nastl_course course;
    int32_t *order; /* (train_count) rows in this epoch's order */
    float *labels;  /* (batch members): each member has its loss */
    float *weights; /* the same, of the rows; NULL: 1 */
    float *soft;    /* (batch members, C) soft targets beside them; NULL: none */
    float *valid, *valid_work, *valid_labels; /* outputs (valid_count, C), again, (…) */
};

static size_t count_numbers(const struct nastl_trainer *trainer)
{
    const struct nastl_net *net = trainer->net;
    const struct nastl_recipe *recipe = &trainer->params.recipe;
    return 2 * net->trainable + (1 + recipe->weight_average) * net->total +
           recipe->score_window;
}

/* ---- making one ---- */

static size_t epoch_rows(const struct nastl_trainer *trainer)
{
    const struct nastl_train_params *params = &trainer->params;
    return params->epoch_rows > 0 && params->epoch_rows < params->train_count
               ? params->epoch_rows
               : params->train_count;
}

static int decide_batches(struct nastl_trainer *trainer)
{
    const size_t wanted = trainer->params.recipe.batch_size, rows = epoch_rows(trainer);
    if (rows == 0)
        return nastl_error(NASTL_EINVAL,
                           "training: there are no rows to train on; give some");
    if (wanted == 0)
        return nastl_error(NASTL_EINVAL,
                           "training.batch_size: 0 rows cannot be trained on; give 1 or "
                           "more");
    trainer->batch = wanted < rows ? wanted : rows;
    trainer->part = nastl_net_part(trainer->net, trainer->batch);
    trainer->rest = rows % trainer->batch;
    if (!nastl_graph_has(trainer->net->graph, NASTL_NODE_BATCH_NORM))
        return 0;
    if (trainer->batch == 1)
        return nastl_error(NASTL_EINVAL, "training: batch normalisation has no variance "
                                         "over 1 row; give larger batches or more rows");
    trainer->rest = trainer->rest == 1 ? 0 : trainer->rest;
    return 0;
}

static const struct nastl_hold *hold_of(const struct nastl_trainer *trainer)
{
    const struct nastl_guide *guide = trainer->params.guide;
    return guide && guide->hold.wanted ? &guide->hold : NULL;
}

static const float *soft_of(const struct nastl_trainer *trainer)
{
    return trainer->params.guide ? trainer->params.guide->soft.values : NULL;
}

/* Of as many rows as a plan runs, with their members. */
static int allocate_labels(struct nastl_trainer *trainer, size_t count)
{
    const bool weighs = trainer->params.weights != NULL;
    trainer->labels = nastl_alloc(count, sizeof(float));
    if (weighs)
        trainer->weights = nastl_alloc(count, sizeof(float));
    if (soft_of(trainer))
        trainer->soft = nastl_alloc(count, trainer->outputs * sizeof(float));
    return trainer->labels && (trainer->weights || !weighs) &&
                   (trainer->soft || !soft_of(trainer))
               ? 0
               : nastl_error_nomem("a training");
}

static int create_plans(struct nastl_trainer *trainer)
{
    struct nastl_net *net = trainer->net;
    const struct nastl_block params = {.data = net->params, .at = net->at};
    const struct nastl_block grads = {.data = trainer->part_grads ? trainer->part_grads
                                                                  : trainer->grads,
                                      .at = net->at};
    TRY(nastl_plan_create_holding(&trainer->plan[0], net->graph, net->dnnl, trainer->part,
                                  &params, &grads, hold_of(trainer)));
    TRY(allocate_labels(trainer, trainer->part * trainer->plan[0]->members));
    if (trainer->part_grads || trainer->rest == 0 ||
        4 * trainer->rest > 3 * trainer->batch)
        return 0;
    const size_t rows = (trainer->rest + REST_STEP - 1) / REST_STEP * REST_STEP;
    if (rows >= trainer->batch)
        return 0;
    return nastl_plan_create_holding(&trainer->plan[1], net->graph, net->dnnl, rows,
                                     &params, &grads, hold_of(trainer));
}

static int allocate(struct nastl_trainer *trainer)
{
    const struct nastl_net *net = trainer->net;
    const struct nastl_train_params *params = &trainer->params;
    trainer->grads = nastl_alloc_aligned(net->trainable, sizeof(float));
    if (trainer->part < trainer->batch) {
        trainer->part_grads = nastl_alloc_aligned(net->trainable, sizeof(float));
        if (!trainer->part_grads)
            return nastl_error_nomem("a training");
    }
    trainer->numbers = nastl_alloc_aligned(count_numbers(trainer), sizeof(float));
    trainer->order = nastl_alloc(params->train_count, sizeof *trainer->order);
    const size_t numbers = params->valid_count * trainer->outputs;
    trainer->valid = nastl_alloc(numbers, sizeof(float));
    trainer->valid_work = nastl_alloc(numbers, sizeof(float));
    trainer->valid_labels = nastl_alloc(params->valid_count, sizeof(float));
    if (!trainer->grads || !trainer->numbers || !trainer->order || !trainer->valid ||
        !trainer->valid_work || !trainer->valid_labels)
        return nastl_error_nomem("a training");
    trainer->m = trainer->numbers;
    trainer->v = trainer->m + net->trainable;
    trainer->best = trainer->v + net->trainable;
    trainer->latest = trainer->best + net->total;
    trainer->scores = trainer->latest + params->recipe.weight_average * net->total;
    for (size_t i = 0; i < params->valid_count; i++)
        trainer->valid_labels[i] = params->y[params->valid[i]];
    return 0;
}

/* ---- validation ---- */

static int not_finite(const struct nastl_trainer *trainer)
{
    return nastl_error(NASTL_ENUMERIC,
                       "training: the loss is not finite at step %zu (epoch %zu); lower "
                       "the learning rate",
                       (size_t)trainer->state.step, trainer->state.epoch);
}

/* Score and mean loss of the weights as they are; 1: stopped by the poll. */
static int validate(struct nastl_trainer *trainer, double *score, double *loss)
{
    const struct nastl_train_params *params = &trainer->params;
    const size_t n = params->valid_count;
    const int status =
        nastl_net_forward_while(trainer->net, params->xy, params->valid, n,
                                trainer->valid, params->poll, params->poll_payload);
    if (status != 0)
        return status;
    *loss = nastl_loss_value(params->loss, trainer->valid_work, trainer->valid,
                             trainer->valid_labels, n, trainer->outputs) /
            (double)n;
    if (!isfinite(*loss))
        return not_finite(trainer);
    *score =
        params->score ? params->score(trainer->valid, params->score_payload) : -*loss;
    return 0;
}

/* Of two epochs with the same score, the one with the lower loss is better, or the later
 * one. A score that is not a number is the worst. */
static bool is_better(const struct nastl_trainer *trainer, double score, double loss)
{
    const struct nastl_trainer_state *state = &trainer->state;
    if (trainer->params.recipe.keeps_newest)
        return true;
    if (isnan(score) != isnan(state->best_score))
        return isnan(state->best_score);
    if (isnan(score) || score == state->best_score)
        return trainer->params.recipe.keeps_last || loss < state->best_loss;
    return score > state->best_score;
}

static void keep(struct nastl_trainer *trainer, double score, double loss)
{
    struct nastl_trainer_state *state = &trainer->state;
    memcpy(trainer->best, trainer->net->params, trainer->net->total * sizeof(float));
    state->best_epoch = state->epoch;
    state->best_score = score;
    state->best_loss = loss;
}

/* The mean of the scores of the last epochs; as floats, so that a training that is taken
 * up again sees the same. */
static double mean_score(struct nastl_trainer *trainer, double score)
{
    const size_t window = trainer->params.recipe.score_window;
    const size_t epoch = trainer->state.epoch, count = epoch < window ? epoch : window;
    if (count < 1 || window < 2)
        return score;
    double sum = 0.0;
    trainer->scores[epoch % window] = (float)score;
    for (size_t i = 0; i < count; i++)
        sum += (double)trainer->scores[(epoch - i) % window];
    return sum / (double)count;
}

/* Looks at the validation rows after an epoch, or at the start; 1: stopped. */
static int judge(struct nastl_trainer *trainer, double *score)
{
    double loss = NAN;
    *score = NAN;
    if (trainer->params.valid_count == 0) {
        keep(trainer, *score, loss);
        return 0;
    }
    const int status = validate(trainer, score, &loss);
    if (status != 0)
        return status;
    const double mean = mean_score(trainer, *score);
    if (trainer->state.epoch == 0 || is_better(trainer, mean, loss))
        keep(trainer, mean, loss);
    return 0;
}

/* ---- averages of weights ---- */

/* How many epochs a mean takes in: those that first find their way are left out. */
static size_t averaged_epochs(const struct nastl_trainer *trainer)
{
    const size_t half = (trainer->state.epoch + 1) / 2;
    const size_t most = trainer->params.recipe.weight_average;
    return half < most ? half : most;
}

/* The network's parameters become the mean of those of the last epochs. */
static void average(struct nastl_trainer *trainer)
{
    const size_t total = trainer->net->total, epochs = averaged_epochs(trainer);
    const size_t most = trainer->params.recipe.weight_average;
    for (size_t i = 0; i < total; i++) {
        double sum = 0.0;
        for (size_t e = 0; e < epochs; e++)
            sum += (double)trainer->latest[(trainer->state.epoch - e) % most * total + i];
        trainer->net->params[i] = (float)(sum / (double)epochs);
    }
}

/* Looks at the weights of an epoch and at the mean with those before it; 1: stopped. */
static int judge_epoch(struct nastl_trainer *trainer, double *score)
{
    const size_t most = trainer->params.recipe.weight_average;
    const size_t epoch = trainer->state.epoch, total = trainer->net->total;
    int status = judge(trainer, score);
    if (status != 0 || most == 0)
        return status;
    double averaged;
    float *now = trainer->latest + epoch % most * total;
    memcpy(now, trainer->net->params, total * sizeof *now);
    if (averaged_epochs(trainer) == 1)
        return 0;
    average(trainer);
    status = judge(trainer, &averaged);
    memcpy(trainer->net->params, now, total * sizeof *now);
    if (status != 0)
        return status;
    *score = averaged > *score ? averaged : *score;
    return 0;
}

/* ---- steps ---- */

static struct nastl_plan *plan_for(const struct nastl_trainer *trainer, size_t count)
{
    struct nastl_plan *rest = trainer->plan[1];
    return rest && count <= rest->batch ? rest : trainer->plan[0];
}

static size_t epoch_steps(const struct nastl_trainer *trainer)
{
    return epoch_rows(trainer) / trainer->batch + (trainer->rest > 0);
}

/* What the rows of a step are to be, once for each member. */
static void gather_labels(struct nastl_trainer *trainer, const struct nastl_step *step,
                          size_t members)
{
    const size_t width = trainer->outputs;
    for (size_t i = 0; i < step->count * members; i++) {
        const size_t row = (size_t)step->rows[i / members];
        trainer->labels[i] = trainer->params.y[row];
        if (trainer->weights)
            trainer->weights[i] = trainer->params.weights[row];
        if (trainer->soft)
            memcpy(trainer->soft + i * width, soft_of(trainer) + row * width,
                   width * sizeof *trainer->soft);
    }
}

/* Forward and back over some rows of a batch of `total`: *loss grows by their sum, the
 * gradients by their share. */
static int run_part(struct nastl_trainer *trainer, const struct nastl_step *step,
                    size_t total, double *loss)
{
    struct nastl_plan *plan = plan_for(trainer, step->count);
    const size_t members = plan->members;
    gather_labels(trainer, step, members);
    TRY(nastl_plan_forward(plan, step));
    const double sum =
        nastl_loss_form_gradient(&trainer->form, plan->output_delta, plan->output,
                                 trainer->labels, trainer->weights, trainer->soft,
                                 step->count * members, plan->batch * members,
                                 trainer->outputs) /
        (double)members;
    if (!isfinite(sum))
        return not_finite(trainer);
    *loss += sum;
    TRY(nastl_plan_backward(plan, step));
    *loss += plan->hold_loss;
    if (trainer->part_grads)
        nastl_add_scaled(trainer->grads, trainer->part_grads,
                         (float)step->count / (float)total, trainer->net->trainable);
    return 0;
}

/* How much of the training the steps so far are, if no early stop comes. */
static double progress(const struct nastl_trainer *trainer)
{
    const double steps =
        (double)epoch_steps(trainer) * (double)trainer->params.recipe.max_epochs;
    return steps > 0.0 ? fmin((double)trainer->state.step / steps, 1.0) : 0.0;
}

/* All parts of a batch, one after another; parts have dropout masks of their own. */
static int run_parts(struct nastl_trainer *trainer, const int32_t *rows, size_t count,
                     double *loss)
{
    const struct nastl_train_params *params = &trainer->params;
    const struct nastl_recipe *recipe = &params->recipe;
    struct nastl_step step = {
        .spared = 1.0 - nastl_schedule_at(recipe->dropout_schedule, progress(trainer)),
        .xy = params->xy,
        .seed = params->seed,
        .index = trainer->state.step++,
        .trial = params->trial};
    if (trainer->part_grads)
        memset(trainer->grads, 0, trainer->net->trainable * sizeof(float));
    for (size_t at = 0; at < count; at += step.count) {
        step.rows = rows + at;
        step.count = count - at < trainer->part ? count - at : trainer->part;
        TRY(run_part(trainer, &step, count, loss));
        step.noise += trainer->plan[0]->noise_blocks;
    }
    return 0;
}

/* The plans run as the phase of this epoch wants it. */
static const struct nastl_stage *enter_stage(struct nastl_trainer *trainer)
{
    const struct nastl_stage *stage =
        nastl_course_at(&trainer->course, trainer->state.epoch);
    for (size_t i = 0; i < 2; i++)
        if (trainer->plan[i])
            nastl_plan_freeze(trainer->plan[i], &stage->phase);
    return stage;
}

/* They count as 0 where the norm of the gradient is taken. */
static void clear_frozen(struct nastl_trainer *trainer, const struct nastl_stage *stage)
{
    for (size_t i = 0; i < stage->group_count && stage->freezes; i++)
        if (stage->groups[i].is_frozen)
            memset(trainer->grads + stage->groups[i].at, 0,
                   stage->groups[i].count * sizeof *trainer->grads);
}

int nastl_trainer_step(struct nastl_trainer *trainer, const int32_t *rows, size_t count,
                       double *loss)
{
    assert(count > 0 && count <= trainer->batch);
    const struct nastl_recipe *recipe = &trainer->params.recipe;
    const struct nastl_net *net = trainer->net;
    struct nastl_recipe now = *recipe;
    now.weight_decay *= nastl_schedule_at(recipe->decay_schedule, progress(trainer));
    const struct nastl_stage *stage = enter_stage(trainer);
    TRY(run_parts(trainer, rows, count, loss));
    clear_frozen(trainer, stage);
    const uint64_t step = trainer->state.step - 1;
    now.learning_rate *= nastl_schedule_factor(recipe, step, epoch_steps(trainer)) *
                         nastl_stage_rate(stage, step, epoch_steps(trainer));
    const struct nastl_moments moments = {
        .m = trainer->m,
        .v = trainer->v,
        .towards = trainer->params.guide ? trainer->params.guide->anchor.towards : NULL};
    nastl_adamw(net->params, trainer->grads, &moments, stage->groups, stage->group_count,
                &now, trainer->state.step,
                nastl_clip_scale(trainer->grads, net->trainable, recipe->clip));
    return 0;
}

/* The order depends on the epoch alone, so that a training can be taken up again; an
 * epoch of some rows takes the first ones. */
static void shuffle(struct nastl_trainer *trainer)
{
    const struct nastl_train_params *params = &trainer->params;
    struct nastl_rng rng;
    nastl_rng_init(&rng, params->seed, params->trial, NASTL_RNG_SHUFFLE);
    nastl_rng_seek(&rng, (uint64_t)trainer->state.epoch << 32);
    memcpy(trainer->order, params->train, params->train_count * sizeof *trainer->order);
    nastl_rng_shuffle(&rng, trainer->order, params->train_count);
}

static bool may_go_on(const struct nastl_trainer *trainer)
{
    const struct nastl_train_params *params = &trainer->params;
    return !params->poll || params->poll(params->poll_payload);
}

/* All steps of an epoch, as long as the poll says so. */
static int run_steps(struct nastl_trainer *trainer)
{
    const size_t rows = epoch_rows(trainer);
    size_t done = 0;
    double loss = 0.0;
    while (done < rows) {
        const size_t count =
            rows - done < trainer->batch ? trainer->rest : trainer->batch;
        if (count == 0)
            break;
        if (!may_go_on(trainer)) {
            trainer->state.stopped = true;
            return 0;
        }
        TRY(nastl_trainer_step(trainer, trainer->order + done, count, &loss));
        done += count;
    }
    trainer->state.train_loss = loss / (double)done;
    return 0;
}

/* ---- the trainer ---- */

int nastl_trainer_create(struct nastl_trainer **out, struct nastl_net *net,
                         const struct nastl_train_params *params)
{
    struct nastl_trainer *trainer = nastl_alloc_zero(1, sizeof *trainer);
    if (!trainer)
        return nastl_error_nomem("a training");
    trainer->net = net;
    trainer->params = *params;
    trainer->outputs = net->graph->shape.outputs;
    int status;
    double score;
    TRY_GOTO(status, decide_batches(trainer), fail);
    TRY_GOTO(status, nastl_loss_form_init(&trainer->form, params, trainer->outputs),
             fail);
    TRY_GOTO(status,
             nastl_course_init(&trainer->course, net, &trainer->params.recipe,
                               params->guide, epoch_steps(trainer)),
             fail);
    TRY_GOTO(status, allocate(trainer), fail);
    TRY_GOTO(status, create_plans(trainer), fail);
    TRY_GOTO(status, judge(trainer, &score), fail);
    if (status > 0) {
        trainer->state.stopped = true;
        keep(trainer, NAN, NAN);
    }
    *out = trainer;
    return 0;
fail:
    nastl_trainer_destroy(trainer);
    return status;
}

void nastl_trainer_destroy(struct nastl_trainer *trainer)
{
    if (!trainer)
        return;
    nastl_plan_destroy(trainer->plan[0]);
    nastl_plan_destroy(trainer->plan[1]);
    nastl_loss_form_finish(&trainer->form);
    nastl_course_finish(&trainer->course);
    free(trainer->grads);
    free(trainer->part_grads);
    free(trainer->numbers);
    free(trainer->order);
    free(trainer->labels);
    free(trainer->weights);
    free(trainer->soft);
    free(trainer->valid);
    free(trainer->valid_work);
    free(trainer->valid_labels);
    free(trainer);
}

bool nastl_trainer_done(const struct nastl_trainer *trainer)
{
    const struct nastl_recipe *recipe = &trainer->params.recipe;
    const struct nastl_trainer_state *state = &trainer->state;
    const size_t last = nastl_course_last(&trainer->course);
    const size_t from = state->best_epoch > last ? state->best_epoch : last;
    const bool patient = recipe->patience == 0 || trainer->params.valid_count == 0 ||
                         state->epoch < from + recipe->patience;
    return state->stopped || state->epoch >= recipe->max_epochs || !patient;
}

int nastl_trainer_epoch(struct nastl_trainer *trainer)
{
    const struct nastl_train_params *params = &trainer->params;
    struct nastl_trainer_state *state = &trainer->state;
    const uint64_t step = state->step;
    double score;
    state->epoch++;
    state->in_epoch = true;
    shuffle(trainer);
    TRY(run_steps(trainer));
    const int status = state->stopped ? 1 : judge_epoch(trainer, &score);
    TRY(status);
    if (status > 0) {
        state->stopped = true;
        if (state->best_epoch < state->epoch) { /* else it was looked at, and kept */
            state->epoch--;
            state->step = step;
        }
        return 0;
    }
    state->in_epoch = false;
    state->stopped = params->epoch && !params->epoch(state->epoch, state->train_loss,
                                                     score, params->epoch_payload);
    return 0;
}

void nastl_trainer_finish(struct nastl_trainer *trainer)
{
    memcpy(trainer->net->params, trainer->best, trainer->net->total * sizeof(float));
}

const float *nastl_trainer_gradient(const struct nastl_trainer *trainer, size_t tensor)
{
    assert(nastl_role_trainable(trainer->net->graph->tensors[tensor].role));
    return trainer->grads + trainer->net->at[tensor];
}

struct nastl_trainer_state *nastl_trainer_state(struct nastl_trainer *trainer)
{
    return &trainer->state;
}

float *nastl_trainer_numbers(struct nastl_trainer *trainer, size_t *count)
{
    *count = count_numbers(trainer);
    return trainer->numbers;
}

float *nastl_trainer_parameters(struct nastl_trainer *trainer, size_t *count)
{
    *count = trainer->net->total;
    return trainer->net->params;
}

/* ---- the loop over epochs ---- */

static int run_epochs(double *seconds, struct nastl_trainer *trainer)
{
    const struct nastl_keeper *keeper = trainer->params.keeper;
    const double start = nastl_clock_seconds();
    double before = 0.0;
    if (keeper)
        keeper->restore(&before, trainer, keeper->payload);
    while (!nastl_trainer_done(trainer)) {
        TRY(nastl_trainer_epoch(trainer));
        *seconds = before + nastl_clock_seconds() - start;
        if (keeper && !trainer->state.in_epoch)
            keeper->look(trainer, *seconds, keeper->payload);
    }
    *seconds = before + nastl_clock_seconds() - start;
    return 0;
}

int nastl_train(struct nastl_train_result *out, struct nastl_net *net,
                const struct nastl_train_params *params)
{
    struct nastl_trainer *trainer;
    TRY(nastl_trainer_create(&trainer, net, params));
    const struct nastl_trainer_state *state = &trainer->state;
    double seconds;
    const int status = run_epochs(&seconds, trainer);
    if (status == 0) {
        nastl_trainer_finish(trainer);
        *out = (struct nastl_train_result){.epochs = state->epoch,
                                           .best_epoch = state->best_epoch,
                                           .steps = (size_t)state->step,
                                           .score = state->best_score,
                                           .seconds = seconds,
                                           .stopped = state->stopped};
    }
    nastl_trainer_destroy(trainer);
    return status;
}
