/* train_toy.h: a small network and random rows to train it on; trainings that are taken
 * up again. SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_TRAIN_TOY_H
#define TESTS_TRAIN_TOY_H

#include "net_toy.h"

#include "base/hash.h"
#include "nn/trainer.h"

struct toy_training {
    struct toy_net toy;
    struct nastl_xy xy;
    float *y;
    int32_t *rows; /* 0, 1, … */
    struct nastl_train_params params;
};

/* `rows` random rows of classes: the first `train` are trained on, the others are
 * validation rows. */
static inline void toy_training_create(struct toy_training *out,
                                       const char *const *settings,
                                       const struct nastl_shape *shape,
                                       const struct nastl_recipe *recipe, size_t rows,
                                       size_t train, uint64_t seed)
{
    toy_net_create(&out->toy, settings, shape, seed);
    toy_xy_create(&out->xy, shape, rows, seed);
    out->y = toy_labels(NASTL_LOSS_CROSS_ENTROPY, rows, shape->outputs, seed);
    out->rows = toy_rows(rows);
    out->params = (struct nastl_train_params){.recipe = *recipe,
                                              .loss = NASTL_LOSS_CROSS_ENTROPY,
                                              .seed = seed,
                                              .trial = 7,
                                              .xy = &out->xy,
                                              .y = out->y,
                                              .train = out->rows,
                                              .train_count = train,
                                              .valid = out->rows + train,
                                              .valid_count = rows - train};
}

static inline void toy_training_destroy(struct toy_training *training)
{
    toy_net_destroy(&training->toy);
    toy_xy_destroy(&training->xy);
    free(training->y);
    free(training->rows);
}

/* Trains by the parameters, which must succeed. */
static inline struct nastl_train_result toy_train(struct toy_training *training)
{
    struct nastl_train_result result;
    assert_int_equal(nastl_train(&result, training->toy.net, &training->params), 0);
    return result;
}

/* All numbers of a network, running statistics too, as one hash. */
static inline uint64_t toy_weights_hash(const struct nastl_net *net)
{
    uint64_t hash = NASTL_HASH_START;
    for (size_t i = 0; i < nastl_net_tensor_count(net); i++) {
        const struct nastl_tensor *t = nastl_net_tensor(net, i);
        hash =
            nastl_hash_bytes(hash, t->data, t->shape[0] * t->shape[1] * sizeof *t->data);
    }
    return hash;
}

/* ---- taken up again ---- */

static const double toy_kept_seconds = 1000.0;

/* Has a copy of a training as it was after some epochs. */
struct toy_keeper {
    size_t at;    /* the epoch after which it is made; 0: never */
    size_t looks; /* how many there were */
    struct nastl_trainer_state state;
    float *numbers, *parameters; /* NULL: nothing is kept yet */
};

static inline float *toy_copy(const float *numbers, size_t count)
{
    float *copy = malloc((count + 1) * sizeof *copy);
    assert_non_null(copy);
    return memcpy(copy, numbers, count * sizeof *copy);
}

static inline void toy_restore(double *seconds, struct nastl_trainer *trainer,
                               void *payload)
{
    const struct toy_keeper *kept = payload;
    size_t n, p;
    float *numbers = nastl_trainer_numbers(trainer, &n);
    float *parameters = nastl_trainer_parameters(trainer, &p);
    if (!kept->numbers)
        return;
    *nastl_trainer_state(trainer) = kept->state;
    memcpy(numbers, kept->numbers, n * sizeof *numbers);
    memcpy(parameters, kept->parameters, p * sizeof *parameters);
    *seconds = toy_kept_seconds;
}

static inline void toy_look(struct nastl_trainer *trainer, double seconds, void *payload)
{
    struct toy_keeper *kept = payload;
    size_t n, p;
    const float *numbers = nastl_trainer_numbers(trainer, &n);
    const float *parameters = nastl_trainer_parameters(trainer, &p);
    assert_true(seconds >= 0.0);
    kept->looks++;
    if (nastl_trainer_state(trainer)->epoch != kept->at)
        return;
    kept->state = *nastl_trainer_state(trainer);
    kept->numbers = toy_copy(numbers, n);
    kept->parameters = toy_copy(parameters, p);
}

/* Of two trainings that are the same, one runs to its end, and the other goes on from a
 * copy of the first after `at` epochs: they end with the same bits. */
static inline void toy_check_taken_up(struct toy_training *whole,
                                      struct toy_training *rest, size_t at)
{
    struct toy_keeper kept = {.at = at};
    const struct nastl_keeper keeper = {toy_restore, toy_look, &kept};
    whole->params.keeper = &keeper;
    rest->params.keeper = &keeper;
    const struct nastl_train_result one = toy_train(whole);
    assert_int_equal(kept.looks, one.epochs);
    kept.at = kept.looks = 0;
    const struct nastl_train_result other = toy_train(rest);
    assert_int_equal(kept.looks, one.epochs - at);
    assert_true(other.seconds >= toy_kept_seconds);
    assert_int_equal(one.epochs, other.epochs);
    assert_int_equal(one.best_epoch, other.best_epoch);
    assert_int_equal(one.steps, other.steps);
    assert_true(one.score == other.score);
    assert_true(toy_weights_hash(whole->toy.net) == toy_weights_hash(rest->toy.net));
    free(kept.numbers);
    free(kept.parameters);
}

#endif
