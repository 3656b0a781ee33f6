/* checkpoint.c: see checkpoint.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/checkpoint.h"

#include <nastl/version.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "io/file.h"
#include "io/h5.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char checkpoint_schema[] = "nas-tl/checkpoint/v1";

static const double first_save = 3;    /* seconds: what a kill may cost at least */
static const double first_look = 0.05; /* the same for an interrupt */
static const double at_most = 0.005;   /* of the time is spent on each */

/* A fold and a trainer's state as numbers, for the file and the digest. */
enum { FOLD_NUMBERS = NASTL_METRIC_COUNT + 4, STATE_COUNTS = 3, STATE_NUMBERS = 4 };

/* A copy of a block of numbers. */
struct block {
    float *data; /* NULL: there is none */
    size_t count;
};

/* When something that costs time may be done again. */
struct pace {
    double least, next;
};

struct nastl_checkpoint {
    char *path; /* NULL: in memory alone */
    uint64_t identity;
    const struct nastl_log *log; /* may be NULL */
    struct nastl_fold folds[NASTL_FOLDS_MOST];
    struct block answers[NASTL_FOLDS_MOST]; /* of each for its validation rows */
    size_t fold_count;
    struct block first; /* the first fold's parameters, tensor after tensor */

    bool is_under_way; /* a fold, and what follows is its snapshot */
    struct nastl_trainer_state state;
    double fold_seconds;
    struct block parameters, numbers;

    double begun, before; /* by the clock; seconds of earlier processes */
    struct pace look, save;
    bool is_broken; /* it could not be written */
};

/* ---- pace ---- */

static bool is_time(const struct pace *pace)
{
    return nastl_clock_seconds() >= pace->next;
}

/* What was begun at `begun` is done. */
static void set_pace(struct pace *pace, double begun)
{
    const double now = nastl_clock_seconds();
    pace->next = now + fmax(pace->least, (now - begun) / at_most);
}

/* ---- blocks ---- */

static int fit_block(struct block *block, size_t count)
{
    if (block->data && block->count == count)
        return NASTL_OK;
    free(block->data);
    *block = (struct block){.data = nastl_alloc(count, sizeof(float)), .count = count};
    return block->data ? NASTL_OK : nastl_error_nomem("a checkpoint");
}

static int copy_block(struct block *block, const float *data, size_t count)
{
    TRY(fit_block(block, count));
    memcpy(block->data, data, count * sizeof *data);
    return NASTL_OK;
}

static void clear_block(struct block *block)
{
    free(block->data);
    *block = (struct block){0};
}

static size_t size_of(const struct nastl_tensor *tensor)
{
    return tensor->shape[0] * (tensor->rank == 2 ? tensor->shape[1] : 1);
}

static size_t count_parameters(const struct nastl_net *net)
{
    size_t count = 0;
    for (size_t t = 0; t < nastl_net_tensor_count(net); t++)
        count += size_of(nastl_net_tensor(net, t));
    return count;
}

static int take_parameters(struct block *block, const struct nastl_net *net)
{
    TRY(fit_block(block, count_parameters(net)));
    float *at = block->data;
    for (size_t t = 0; t < nastl_net_tensor_count(net); t++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(net, t);
        memcpy(at, tensor->data, size_of(tensor) * sizeof *at);
        at += size_of(tensor);
    }
    return NASTL_OK;
}

/* ---- as numbers ---- */

static void fold_to_numbers(double *out, const struct nastl_fold *fold)
{
    memcpy(out, fold->scores.value, sizeof fold->scores.value);
    out += NASTL_METRIC_COUNT;
    out[0] = fold->epochs;
    out[1] = fold->best_epoch;
    out[2] = fold->seconds;
    out[3] = fold->matched;
}

static void fold_from_numbers(struct nastl_fold *fold, const double *in)
{
    memcpy(fold->scores.value, in, sizeof fold->scores.value);
    in += NASTL_METRIC_COUNT;
    fold->epochs = in[0];
    fold->best_epoch = in[1];
    fold->seconds = in[2];
    fold->matched = in[3];
}

/* Everything small that the file holds. */
struct figures {
    double folds[NASTL_FOLDS_MOST * FOLD_NUMBERS];
    int64_t counts[STATE_COUNTS]; /* 0 where no fold is under way */
    double state[STATE_NUMBERS];
    double seconds;
};

static void to_figures(struct figures *out, const struct nastl_checkpoint *from)
{
    const struct nastl_trainer_state *state = &from->state;
    *out = (struct figures){.seconds = nastl_checkpoint_seconds(from)};
    for (size_t k = 0; k < from->fold_count; k++)
        fold_to_numbers(out->folds + k * FOLD_NUMBERS, &from->folds[k]);
    if (!from->is_under_way)
        return;
    out->counts[0] = (int64_t)state->epoch;
    out->counts[1] = (int64_t)state->best_epoch;
    out->counts[2] = (int64_t)state->step;
    out->state[0] = state->train_loss;
    out->state[1] = state->best_score;
    out->state[2] = state->best_loss;
    out->state[3] = from->fold_seconds;
}

static void from_figures(struct nastl_checkpoint *out, const struct figures *from)
{
    for (size_t k = 0; k < out->fold_count; k++)
        fold_from_numbers(&out->folds[k], from->folds + k * FOLD_NUMBERS);
    out->state = (struct nastl_trainer_state){
        .epoch = (size_t)from->counts[0],
        .best_epoch = (size_t)from->counts[1],
        .step = (uint64_t)from->counts[2],
        .train_loss = from->state[0],
        .best_score = from->state[1],
        .best_loss = from->state[2],
    };
    out->fold_seconds = from->state[3];
    out->before = from->seconds;
}

static uint64_t hash_block(uint64_t hash, const struct block *block)
{
    hash = nastl_hash_u64(hash, block->count);
    return block->data ? nastl_hash_bytes(hash, block->data, block->count * sizeof(float))
                       : hash;
}

static uint64_t digest_of(const struct nastl_checkpoint *checkpoint,
                          const struct figures *figures)
{
    uint64_t hash = nastl_hash_u64(NASTL_HASH_START, checkpoint->identity);
    hash = nastl_hash_u64(hash, checkpoint->fold_count);
    hash = nastl_hash_u64(hash, checkpoint->is_under_way);
    hash = nastl_hash_bytes(hash, figures, sizeof *figures);
    hash = hash_block(hash, &checkpoint->first);
    for (size_t k = 0; k < checkpoint->fold_count; k++)
        hash = hash_block(hash, &checkpoint->answers[k]);
    if (!checkpoint->is_under_way)
        return hash;
    hash = hash_block(hash, &checkpoint->parameters);
    return hash_block(hash, &checkpoint->numbers);
}

/* ---- writing ---- */

static int put_block(struct nastl_h5 *file, const char *name, const struct block *block)
{
    return nastl_h5_put_floats(file, name, block->data, 1, &block->count);
}

/* The place of a fold's answers in the file. */
static void name_answers(char name[32], size_t k)
{
    snprintf(name, 32, "/answers/%zu", k);
}

static int put_folds(struct nastl_h5 *file, const struct nastl_checkpoint *from,
                     const struct figures *figures)
{
    const size_t shape[] = {from->fold_count, FOLD_NUMBERS};
    TRY(nastl_h5_put_doubles(file, "/folds", figures->folds, 2, shape));
    for (size_t k = 0; k < from->fold_count; k++) {
        char name[32];
        name_answers(name, k);
        if (from->answers[k].data)
            TRY(put_block(file, name, &from->answers[k]));
    }
    return put_block(file, "/first", &from->first);
}

static int put_under_way(struct nastl_h5 *file, const struct nastl_checkpoint *from,
                         const struct figures *figures)
{
    const size_t counts = STATE_COUNTS, numbers = STATE_NUMBERS;
    TRY(nastl_h5_put_ints(file, "/training/counts", figures->counts, 1, &counts));
    TRY(nastl_h5_put_doubles(file, "/training/figures", figures->state, 1, &numbers));
    TRY(put_block(file, "/training/parameters", &from->parameters));
    return put_block(file, "/training/numbers", &from->numbers);
}

static int put_all(struct nastl_h5 *file, const struct nastl_checkpoint *from)
{
    struct figures figures;
    to_figures(&figures, from);
    TRY(nastl_h5_set_text(file, "/", "schema", checkpoint_schema));
    TRY(nastl_h5_set_text(file, "/", "version", NASTL_VERSION));
    TRY(nastl_h5_set_int(file, "/", "identity", (int64_t)from->identity));
    TRY(nastl_h5_set_int(file, "/", "digest", (int64_t)digest_of(from, &figures)));
    TRY(nastl_h5_set_number(file, "/", "seconds", figures.seconds));
    if (from->fold_count)
        TRY(put_folds(file, from, &figures));
    return from->is_under_way ? put_under_way(file, from, &figures) : NASTL_OK;
}

static int write_file(const struct nastl_checkpoint *from)
{
    struct nastl_h5 *file;
    TRY(nastl_h5_create(&file, from->path));
    int status = put_all(file, from);
    if (status == NASTL_OK)
        status = nastl_h5_commit(file);
    nastl_h5_close(file);
    return status;
}

static void give_up(struct nastl_checkpoint *checkpoint)
{
    checkpoint->is_broken = true;
    nastl_log_warning(checkpoint->log, "no checkpoint is kept: %s", nastl_error_last());
}

void nastl_checkpoint_save(struct nastl_checkpoint *checkpoint)
{
    const double begun = nastl_clock_seconds();
    if (!checkpoint->path || checkpoint->is_broken ||
        (checkpoint->fold_count == 0 && !checkpoint->is_under_way))
        return;
    if (write_file(checkpoint) < 0)
        give_up(checkpoint);
    set_pace(&checkpoint->save, begun);
}

void nastl_checkpoint_keep(struct nastl_checkpoint *checkpoint)
{
    if (nastl_checkpoint_seconds(checkpoint) >= first_save)
        nastl_checkpoint_save(checkpoint);
}

/* ---- reading ---- */

static int damaged(const char *path)
{
    return nastl_error(NASTL_EFORMAT, "%s: is damaged; its training begins again", path);
}

static int get_block(struct block *block, struct nastl_h5 *file, const char *name)
{
    int rank;
    size_t shape[NASTL_H5_RANK];
    TRY(nastl_h5_shape(file, name, &rank, shape));
    if (rank != 1)
        return damaged(nastl_h5_file_path(file));
    TRY(fit_block(block, shape[0]));
    return nastl_h5_get_floats(file, name, block->data, block->count);
}

static int get_folds(struct nastl_checkpoint *out, struct figures *figures,
                     struct nastl_h5 *file)
{
    int rank;
    size_t shape[NASTL_H5_RANK];
    if (!nastl_h5_has(file, "/folds"))
        return NASTL_OK;
    TRY(nastl_h5_shape(file, "/folds", &rank, shape));
    if (rank != 2 || shape[0] > NASTL_FOLDS_MOST || shape[1] != FOLD_NUMBERS)
        return damaged(nastl_h5_file_path(file));
    out->fold_count = shape[0];
    TRY(nastl_h5_get_doubles(file, "/folds", figures->folds, shape[0] * shape[1]));
    for (size_t k = 0; k < out->fold_count; k++) {
        char name[32];
        name_answers(name, k);
        if (nastl_h5_has(file, name))
            TRY(get_block(&out->answers[k], file, name));
    }
    return get_block(&out->first, file, "/first");
}

static int get_under_way(struct nastl_checkpoint *out, struct figures *figures,
                         struct nastl_h5 *file)
{
    if (!nastl_h5_has(file, "/training"))
        return NASTL_OK;
    out->is_under_way = true;
    TRY(nastl_h5_get_ints(file, "/training/counts", figures->counts, STATE_COUNTS));
    TRY(nastl_h5_get_doubles(file, "/training/figures", figures->state, STATE_NUMBERS));
    TRY(get_block(&out->parameters, file, "/training/parameters"));
    return get_block(&out->numbers, file, "/training/numbers");
}

/* The digest is over all numbers and the identity: a file that has it is whole, and was
 * written for this training. */
static int get_all(struct nastl_checkpoint *out, struct nastl_h5 *file)
{
    struct figures figures = {0};
    int64_t identity, digest;
    TRY(nastl_h5_get_int(file, "/", "identity", &identity));
    TRY(nastl_h5_get_int(file, "/", "digest", &digest));
    if ((uint64_t)identity != out->identity)
        return nastl_error(NASTL_EINVAL,
                           "%s: is of another training, or of another version; the "
                           "training begins anew",
                           out->path);
    TRY(nastl_h5_get_number(file, "/", "seconds", &figures.seconds));
    TRY(get_folds(out, &figures, file));
    TRY(get_under_way(out, &figures, file));
    if (digest_of(out, &figures) != (uint64_t)digest)
        return damaged(out->path);
    from_figures(out, &figures);
    return NASTL_OK;
}

static int read_file(struct nastl_checkpoint *out)
{
    struct nastl_h5 *file;
    int status = nastl_h5_open(&file, out->path);
    if (status == NASTL_OK) {
        status = get_all(out, file);
        nastl_h5_close(file);
    }
    const bool is_told = status == NASTL_EINVAL || status == NASTL_ENOMEM;
    return status < 0 && !is_told ? damaged(out->path) : status;
}

static void forget(struct nastl_checkpoint *checkpoint)
{
    checkpoint->fold_count = 0;
    checkpoint->is_under_way = false;
    checkpoint->before = 0;
    for (size_t k = 0; k < NASTL_FOLDS_MOST; k++)
        clear_block(&checkpoint->answers[k]);
    clear_block(&checkpoint->first);
    clear_block(&checkpoint->parameters);
    clear_block(&checkpoint->numbers);
}

/* ---- the checkpoint ---- */

static int take_up(struct nastl_checkpoint *checkpoint)
{
    if (!checkpoint->path || !nastl_file_exists(checkpoint->path))
        return NASTL_OK;
    const int status = read_file(checkpoint);
    if (status == NASTL_OK || status == NASTL_ENOMEM)
        return status;
    nastl_log_warning(checkpoint->log, "%s", nastl_error_last());
    forget(checkpoint);
    return NASTL_OK;
}

int nastl_checkpoint_open(struct nastl_checkpoint **out, const char *path,
                          uint64_t identity, const struct nastl_log *log)
{
    struct nastl_checkpoint *checkpoint = nastl_alloc_zero(1, sizeof *checkpoint);
    const double now = nastl_clock_seconds();
    if (!checkpoint)
        return nastl_error_nomem("a checkpoint");
    checkpoint->identity = nastl_hash_text(identity, NASTL_VERSION);
    checkpoint->log = log;
    checkpoint->begun = now;
    checkpoint->look = (struct pace){first_look, now + first_look};
    checkpoint->save = (struct pace){first_save, now + first_save};
    checkpoint->path = nastl_strdup(path);
    int status = path && !checkpoint->path ? nastl_error_nomem("a checkpoint")
                                           : take_up(checkpoint);
    if (status < 0) {
        nastl_checkpoint_close(checkpoint);
        return status;
    }
    *out = checkpoint;
    return NASTL_OK;
}

void nastl_checkpoint_close(struct nastl_checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    forget(checkpoint);
    free(checkpoint->path);
    free(checkpoint);
}

size_t nastl_checkpoint_folds(const struct nastl_checkpoint *checkpoint)
{
    return checkpoint->fold_count;
}

const struct nastl_fold *nastl_checkpoint_fold(const struct nastl_checkpoint *checkpoint,
                                               size_t k)
{
    assert(k < checkpoint->fold_count);
    return &checkpoint->folds[k];
}

const float *nastl_checkpoint_answers(const struct nastl_checkpoint *checkpoint, size_t k,
                                      size_t *count)
{
    assert(k < checkpoint->fold_count);
    *count = checkpoint->answers[k].count;
    return checkpoint->answers[k].data;
}

double nastl_checkpoint_seconds(const struct nastl_checkpoint *checkpoint)
{
    return checkpoint->before + nastl_clock_seconds() - checkpoint->begun;
}

int nastl_checkpoint_fill(struct nastl_model *model,
                          const struct nastl_checkpoint *checkpoint)
{
    const float *at = checkpoint->first.data;
    if (checkpoint->first.count != count_parameters(model->net))
        return damaged(checkpoint->path);
    for (size_t t = 0; t < nastl_net_tensor_count(model->net); t++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(model->net, t);
        memcpy(tensor->data, at, size_of(tensor) * sizeof *at);
        at += size_of(tensor);
    }
    return NASTL_OK;
}

void nastl_checkpoint_add(struct nastl_checkpoint *checkpoint,
                          const struct nastl_fold *fold, const struct nastl_model *model,
                          float *answers, size_t count)
{
    assert(checkpoint->fold_count < NASTL_FOLDS_MOST);
    const bool is_kept = checkpoint->path && !checkpoint->is_broken;
    if (is_kept && checkpoint->fold_count == 0 &&
        take_parameters(&checkpoint->first, model->net) < 0)
        give_up(checkpoint);
    checkpoint->answers[checkpoint->fold_count] = (struct block){answers, count};
    checkpoint->folds[checkpoint->fold_count++] = *fold;
    checkpoint->is_under_way = false;
}

/* ---- the fold under way ---- */

/* The digest holds, so only an engine that has changed since may have other counts. */
static bool fits(const struct nastl_checkpoint *checkpoint, size_t parameters,
                 size_t numbers)
{
    return checkpoint->parameters.count == parameters &&
           checkpoint->numbers.count == numbers;
}

static void restore(double *seconds, struct nastl_trainer *trainer, void *payload)
{
    struct nastl_checkpoint *checkpoint = payload;
    size_t parameter_count, number_count;
    float *parameters = nastl_trainer_parameters(trainer, &parameter_count);
    float *numbers = nastl_trainer_numbers(trainer, &number_count);
    *seconds = 0;
    if (!checkpoint->is_under_way)
        return;
    if (!fits(checkpoint, parameter_count, number_count)) {
        checkpoint->is_under_way = false;
        nastl_log_warning(checkpoint->log,
                          "%s: does not fit its network; the fold "
                          "begins again",
                          checkpoint->path);
        return;
    }
    *nastl_trainer_state(trainer) = checkpoint->state;
    memcpy(parameters, checkpoint->parameters.data, parameter_count * sizeof *parameters);
    memcpy(numbers, checkpoint->numbers.data, number_count * sizeof *numbers);
    *seconds = checkpoint->fold_seconds;
}

static int take_snapshot(struct nastl_checkpoint *checkpoint,
                         struct nastl_trainer *trainer, double seconds)
{
    const double begun = nastl_clock_seconds();
    size_t parameter_count, number_count;
    const float *parameters = nastl_trainer_parameters(trainer, &parameter_count);
    const float *numbers = nastl_trainer_numbers(trainer, &number_count);
    checkpoint->is_under_way = false;
    TRY(copy_block(&checkpoint->parameters, parameters, parameter_count));
    TRY(copy_block(&checkpoint->numbers, numbers, number_count));
    checkpoint->state = *nastl_trainer_state(trainer);
    checkpoint->state.stopped = false;
    checkpoint->fold_seconds = seconds;
    checkpoint->is_under_way = true;
    set_pace(&checkpoint->look, begun);
    return NASTL_OK;
}

static void look(struct nastl_trainer *trainer, double seconds, void *payload)
{
    struct nastl_checkpoint *checkpoint = payload;
    const bool saves = is_time(&checkpoint->save);
    if (!checkpoint->path || checkpoint->is_broken ||
        !(nastl_trainer_state(trainer)->stopped || saves || is_time(&checkpoint->look)))
        return;
    if (take_snapshot(checkpoint, trainer, seconds) < 0)
        give_up(checkpoint);
    else if (saves)
        nastl_checkpoint_save(checkpoint);
}

struct nastl_keeper nastl_checkpoint_keeper(struct nastl_checkpoint *checkpoint)
{
    return (struct nastl_keeper){restore, look, checkpoint};
}
