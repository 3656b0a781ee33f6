/* test_train.c: properties of training: it learns, stops, keeps the best, repeats itself.
 * SPDX-License-Identifier: Apache-2.0 */
#include "train_toy.h"

#include <math.h>

#include <omp.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/dnnl.h"

static const struct nastl_recipe plain = {.learning_rate = 1e-2,
                                          .beta1 = 0.9,
                                          .beta2 = 0.999,
                                          .batch_size = 64,
                                          .max_epochs = 60,
                                          .clip = 1.0};

/* XOR of the signs of two numbers; a third number is noise. */
static float xor_label(const float *x)
{
    return (x[0] > 0.0f) != (x[1] > 0.0f) ? 1.0f : 0.0f;
}

/* The share of rows whose class is right. */
static double accuracy(struct nastl_net *net, const struct nastl_xy *xy, const float *y)
{
    const size_t outputs = nastl_net_graph(net)->shape.outputs;
    float *out = malloc(xy->rows * outputs * sizeof *out);
    assert_int_equal(nastl_net_forward(net, xy, NULL, xy->rows, out), 0);
    size_t right = 0;
    for (size_t i = 0; i < xy->rows; i++) {
        const float *o = out + i * outputs;
        const bool one = outputs == 1 ? o[0] > 0.0f : o[1] > o[0];
        right += one == (y[i] > 0.5f);
    }
    free(out);
    return (double)right / (double)xy->rows;
}

static void learn_xor(const char *const *settings, enum nastl_loss loss, size_t outputs)
{
    const struct nastl_shape shape = {.numeric = 3, .outputs = outputs};
    struct toy_net toy;
    struct nastl_xy xy;
    toy_net_create(&toy, settings, &shape, 1);
    toy_xy_create(&xy, &shape, 1000, 2);
    float *y = malloc(xy.rows * sizeof *y);
    for (size_t i = 0; i < xy.rows; i++)
        y[i] = xor_label(xy.x + 3 * i);
    int32_t *rows = toy_rows(xy.rows);
    const struct nastl_train_params params = {.recipe = plain,
                                              .loss = loss,
                                              .seed = 3,
                                              .xy = &xy,
                                              .y = y,
                                              .train = rows,
                                              .train_count = 800,
                                              .valid = rows + 800,
                                              .valid_count = 200};
    struct nastl_train_result result;
    assert_int_equal(nastl_train(&result, toy.net, &params), 0);
    assert_int_equal(result.epochs, 60);
    assert_int_equal(result.steps, 60 * 13);
    assert_true(accuracy(toy.net, &xy, y) > 0.95);
    free(rows);
    free(y);
    toy_xy_destroy(&xy);
    toy_net_destroy(&toy);
}

static void xor_is_learnt(void **state)
{
    (void)state;
    learn_xor(SETTINGS("mlp.layers=2", "mlp.width=32"), NASTL_LOSS_CROSS_ENTROPY, 2);
    learn_xor(SETTINGS("mlp.layers=2", "mlp.width=32", "mlp.activation=gelu",
                       "mlp.normalization=layer"),
              NASTL_LOSS_BINARY_CROSS_ENTROPY, 1);
    learn_xor(SETTINGS("mlp.layers=2", "mlp.width=32", "mlp.activation=silu",
                       "mlp.normalization=batch", "mlp.dropout=0.1"),
              NASTL_LOSS_CROSS_ENTROPY, 2);
}

/* ---- a training that can be repeated ---- */

enum { TRAIN = 200, VALID = 100 };

static const char *const plain_settings[] = {"mlp.layers=2", "mlp.width=24",
                                             "mlp.dropout=0.2", NULL};

static void rig_create(struct toy_training *rig, const char *const *settings,
                       uint64_t seed)
{
    static const size_t cardinality[] = {30, 4};
    const struct nastl_shape shape = {
        .numeric = 6, .categorical = 2, .cardinality = cardinality, .outputs = 3};
    toy_training_create(rig, settings, &shape, &plain, TRAIN + VALID, TRAIN, seed);
    rig->params.recipe.max_epochs = 8;
    rig->params.recipe.weight_decay = 0.01;
}

static uint64_t hash_of_training(const char *const *settings, uint64_t seed)
{
    struct toy_training rig;
    struct nastl_train_result result;
    rig_create(&rig, settings, seed);
    assert_int_equal(nastl_train(&result, rig.toy.net, &rig.params), 0);
    const uint64_t hash = toy_weights_hash(rig.toy.net);
    toy_training_destroy(&rig);
    return hash;
}

static void the_same_seed_gives_the_same_bits(void **state)
{
    (void)state;
    const uint64_t one = hash_of_training(plain_settings, 1);
    assert_true(one == hash_of_training(plain_settings, 1));
    assert_true(one != hash_of_training(plain_settings, 2));
}

/* Two trainings at once, in threads of their own, and each alone. */
static void other_threads_change_no_bit(void **state)
{
    (void)state;
    uint64_t alone[2], together[2];
    for (uint64_t i = 0; i < 2; i++)
        alone[i] = hash_of_training(plain_settings, i);
#pragma omp parallel num_threads(2)
    {
        const int thread = omp_get_thread_num();
        omp_set_num_threads(1);
        together[thread] = hash_of_training(plain_settings, (uint64_t)thread);
    }
    assert_true(alone[0] == together[0] && alone[1] == together[1]);
}

/* ---- steps allocate nothing ---- */

static void train_without_allocating(const char *const *settings, size_t weight_average)
{
    struct toy_training rig;
    struct nastl_trainer *trainer;
    rig_create(&rig, settings, 1);
    rig.params.recipe.balanced = true;
    rig.params.recipe.label_smoothing = 0.1;
    rig.params.recipe.weight_average = weight_average;
    assert_int_equal(nastl_trainer_create(&trainer, rig.toy.net, &rig.params), 0);
    const size_t allocations = nastl_alloc_count(), primitives = nastl_dnnl_created();
    for (int epoch = 0; epoch < 3; epoch++)
        assert_int_equal(nastl_trainer_epoch(trainer), 0);
    assert_int_equal(nastl_alloc_count(), allocations);
    assert_int_equal(nastl_dnnl_created(), primitives);
    nastl_trainer_destroy(trainer);
    toy_training_destroy(&rig);
}

/* Tokens so wide that a batch is worked on in parts. */
static void epochs_of_every_family_allocate_and_create_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; nastl_families()[i]; i++) {
        char family[64];
        snprintf(family, sizeof family, "family=%s", nastl_families()[i]->name);
        train_without_allocating(SETTINGS(family, "ft_transformer.token_width=192"), 0);
    }
}

static void epochs_of_every_part_allocate_and_create_nothing(void **state)
{
    (void)state;
    const char *const norms[] = {"mlp.normalization=none", "mlp.normalization=layer",
                                 "mlp.normalization=batch"};
    const char *const embeddings[] = {"input.numeric_embedding=none",
                                      "input.numeric_embedding=piecewise_linear",
                                      "input.numeric_embedding=periodic"};
    for (size_t i = 0; i < 3; i++)
        train_without_allocating(
            SETTINGS("mlp.activation=gelu", "mlp.dropout=0.1", norms[i], embeddings[i]),
            i);
}

/* ---- the best epoch, patience, callbacks ---- */

/* Gives the scores of a list, epoch after epoch, and remembers the callbacks. */
struct script {
    const double *scores;
    size_t asked, epochs, stop_at;
};

static double scripted_score(const float *outputs, void *payload)
{
    struct script *script = payload;
    assert_true(isfinite(outputs[0]));
    return script->scores[script->asked++];
}

static bool scripted_epoch(size_t epoch, double train_loss, double score, void *payload)
{
    struct script *script = payload;
    assert_int_equal(epoch, ++script->epochs);
    assert_true(isfinite(train_loss));
    const double told = script->scores[epoch];
    assert_true(score == told || (isnan(score) && isnan(told)));
    return epoch != script->stop_at;
}

static struct nastl_train_result scripted(struct toy_training *rig, struct script *script)
{
    rig->params.score = scripted_score;
    rig->params.score_payload = script;
    rig->params.epoch = scripted_epoch;
    rig->params.epoch_payload = script;
    return toy_train(rig);
}

/* The weights are those that a training of so many epochs ends with. */
static void the_best_epoch_is_kept(void **state)
{
    (void)state;
    const double scores[] = {0.1, 0.2, 0.5, 0.3, NAN, 0.4, 0.1, 0.45, 0.0};
    struct script script = {.scores = scores};
    struct toy_training rig;
    rig_create(&rig, plain_settings, 3);
    const struct nastl_train_result result = scripted(&rig, &script);
    assert_int_equal(result.epochs, 8);
    assert_int_equal(result.best_epoch, 2);
    assert_true(result.score == 0.5);
    assert_false(result.stopped);
    const uint64_t kept = toy_weights_hash(rig.toy.net);
    toy_training_destroy(&rig);
    rig_create(&rig, plain_settings, 3);
    rig.params.valid_count = 0;
    rig.params.recipe.max_epochs = 2;
    const struct nastl_train_result last = toy_train(&rig);
    assert_int_equal(last.best_epoch, 2);
    assert_true(isnan(last.score));
    assert_true(toy_weights_hash(rig.toy.net) == kept);
    toy_training_destroy(&rig);
}

static void patience_ends_it(void **state)
{
    (void)state;
    const double scores[] = {0.1, 0.2, 0.5, 0.3, 0.4, 0.4, 0.9, 0.9, 0.9};
    struct script script = {.scores = scores};
    struct toy_training rig;
    rig_create(&rig, plain_settings, 3);
    rig.params.recipe.patience = 3;
    const struct nastl_train_result result = scripted(&rig, &script);
    assert_int_equal(result.epochs, 5);
    assert_int_equal(result.best_epoch, 2);
    toy_training_destroy(&rig);
}

static void a_start_that_nothing_beats_is_kept(void **state)
{
    (void)state;
    const double scores[] = {0.9, 0.2, 0.5, 0.3, 0.4, 0.4, 0.1, 0.1, 0.1};
    struct script script = {.scores = scores};
    struct toy_training rig;
    rig_create(&rig, SETTINGS("mlp.normalization=batch"), 3);
    const uint64_t start = toy_weights_hash(rig.toy.net);
    const struct nastl_train_result result = scripted(&rig, &script);
    assert_int_equal(result.best_epoch, 0);
    assert_true(result.score == 0.9);
    assert_true(toy_weights_hash(rig.toy.net) == start);
    toy_training_destroy(&rig);
}

/* Of equal scores, the lower loss on the validation rows: here that of the start, as the
 * labels are noise. */
static void ties_go_to_the_lower_loss(void **state)
{
    (void)state;
    const double scores[] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
    struct script script = {.scores = scores};
    struct toy_training rig;
    rig_create(&rig, SETTINGS("mlp.width=64"), 3);
    const struct nastl_train_result tied = scripted(&rig, &script);
    toy_training_destroy(&rig);
    rig_create(&rig, SETTINGS("mlp.width=64"), 3);
    const struct nastl_train_result by_loss = toy_train(&rig);
    assert_int_equal(tied.best_epoch, by_loss.best_epoch);
    assert_true(by_loss.score < 0.0);
    toy_training_destroy(&rig);
}

static void the_callback_stops_it(void **state)
{
    (void)state;
    const double scores[] = {0.1, 0.2, 0.5, 0.3, 0.4, 0.4, 0.9, 0.9, 0.9};
    struct script script = {.scores = scores, .stop_at = 4};
    struct toy_training rig;
    rig_create(&rig, plain_settings, 3);
    const struct nastl_train_result result = scripted(&rig, &script);
    assert_true(result.stopped);
    assert_int_equal(result.epochs, 4);
    assert_int_equal(result.best_epoch, 2);
    toy_training_destroy(&rig);
}

static bool polled(void *payload)
{
    size_t *left = payload;
    return (*left)-- > 0;
}

/* 200 rows in batches of 64 are 4 steps; the 11th is in the third epoch. */
static void the_poll_stops_it_within_an_epoch(void **state)
{
    (void)state;
    size_t left = 10;
    struct toy_training rig, whole;
    struct nastl_train_result result;
    rig_create(&rig, plain_settings, 3);
    rig.params.valid_count = 0;
    rig.params.poll = polled;
    rig.params.poll_payload = &left;
    assert_int_equal(nastl_train(&result, rig.toy.net, &rig.params), 0);
    assert_true(result.stopped);
    assert_int_equal(result.epochs, 2);
    assert_int_equal(result.best_epoch, 2);
    assert_int_equal(result.steps, 8);
    rig_create(&whole, plain_settings, 3);
    whole.params.valid_count = 0;
    whole.params.recipe.max_epochs = 2;
    assert_int_equal(nastl_train(&result, whole.toy.net, &whole.params), 0);
    assert_true(toy_weights_hash(rig.toy.net) == toy_weights_hash(whole.toy.net));
    toy_training_destroy(&rig);
    toy_training_destroy(&whole);
}

/* Wherever it is stopped, between steps or while it looks at weights or at their mean,
 * what is kept was looked at, and counts as run. */
static void the_poll_stops_it_while_it_looks(void **state)
{
    (void)state;
    size_t stops = 0;
    for (bool stopped = true; stopped; stops++) {
        struct toy_training rig;
        struct nastl_train_result result;
        size_t left = stops;
        rig_create(&rig, plain_settings, 3);
        rig.params.recipe.max_epochs = 4;
        rig.params.recipe.weight_average = 3;
        rig.params.poll = polled;
        rig.params.poll_payload = &left;
        assert_int_equal(nastl_train(&result, rig.toy.net, &rig.params), 0);
        stopped = result.stopped;
        assert_true(result.best_epoch <= result.epochs);
        assert_true(result.epochs <= 4);
        assert_true(stopped || result.epochs == 4);
        toy_training_destroy(&rig);
    }
    assert_true(stops > 4 * 5 + 1);
}

/* ---- taken up again ---- */

static void a_restored_trainer_goes_on_with_the_same_bits(void **state)
{
    (void)state;
    struct toy_training whole, rest;
    const char *const *settings = SETTINGS("mlp.normalization=batch", "mlp.dropout=0.2");
    rig_create(&whole, settings, 5);
    rig_create(&rest, settings, 5);
    toy_check_taken_up(&whole, &rest, 3);
    toy_training_destroy(&whole);
    toy_training_destroy(&rest);
}

/* ---- batches ---- */

/* Every row takes part once an epoch, whatever is left over: with a rate of nearly 0, the
 * mean training loss is that of all rows in one batch. */
static void all_rows_take_part(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 7, 16, 64, 150, 199, 200, 4096};
    double wanted = 0.0;
    for (size_t i = sizeof sizes / sizeof *sizes; i-- > 0;) {
        struct toy_training rig;
        struct nastl_trainer *trainer;
        rig_create(&rig, SETTINGS("mlp.layers=1", "mlp.width=16"), 1);
        rig.params.recipe.batch_size = sizes[i];
        rig.params.recipe.learning_rate = 1e-12;
        assert_int_equal(nastl_trainer_create(&trainer, rig.toy.net, &rig.params), 0);
        assert_int_equal(nastl_trainer_epoch(trainer), 0);
        const double loss = nastl_trainer_state(trainer)->train_loss;
        const size_t batch = sizes[i] < TRAIN ? sizes[i] : TRAIN;
        assert_int_equal(nastl_trainer_state(trainer)->step, (TRAIN + batch - 1) / batch);
        wanted = wanted == 0.0 ? loss : wanted;
        assert_true(fabs(loss - wanted) < 1e-5);
        nastl_trainer_destroy(trainer);
        toy_training_destroy(&rig);
    }
}

static void batch_norm_leaves_a_single_row_out(void **state)
{
    (void)state;
    struct toy_training rig;
    struct nastl_train_result result;
    rig_create(&rig, SETTINGS("mlp.normalization=batch"), 1);
    rig.params.recipe.batch_size = 199;
    assert_int_equal(nastl_train(&result, rig.toy.net, &rig.params), 0);
    assert_int_equal(result.steps, result.epochs);
    rig.params.recipe.batch_size = 1;
    assert_int_equal(nastl_train(&result, rig.toy.net, &rig.params), NASTL_EINVAL);
    toy_training_destroy(&rig);
}

static void empty_parts(void **state)
{
    (void)state;
    struct toy_training rig;
    struct nastl_train_result result;
    rig_create(&rig, plain_settings, 1);
    const uint64_t start = toy_weights_hash(rig.toy.net);
    rig.params.recipe.max_epochs = 0;
    assert_int_equal(nastl_train(&result, rig.toy.net, &rig.params), 0);
    assert_int_equal(result.epochs + result.best_epoch + result.steps, 0);
    assert_true(toy_weights_hash(rig.toy.net) == start);
    rig.params.train_count = 0;
    assert_int_equal(nastl_train(&result, rig.toy.net, &rig.params), NASTL_EINVAL);
    rig.params.train_count = 1;
    rig.params.recipe.max_epochs = 2;
    assert_int_equal(nastl_train(&result, rig.toy.net, &rig.params), 0);
    rig.params.recipe.batch_size = 0;
    assert_int_equal(nastl_train(&result, rig.toy.net, &rig.params), NASTL_EINVAL);
    toy_training_destroy(&rig);
}

/* ---- failures ---- */

static void a_loss_that_is_not_finite_names_the_step(void **state)
{
    (void)state;
    struct toy_training rig;
    struct nastl_train_result result;
    rig_create(&rig, SETTINGS("mlp.layers=3"), 1);
    rig.params.recipe.learning_rate = 1e15;
    rig.params.recipe.clip = 0.0;
    assert_int_equal(nastl_train(&result, rig.toy.net, &rig.params), NASTL_ENUMERIC);
    assert_non_null(
        strstr(nastl_error_last(), "training: the loss is not finite at step "));
    assert_non_null(strstr(nastl_error_last(), "(epoch 1); lower the learning rate"));
    toy_training_destroy(&rig);
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    int status = NASTL_ENOMEM;
    struct toy_training rig;
    rig_create(&rig,
               SETTINGS("mlp.layers=1", "mlp.dropout=0.1",
                        "input.numeric_embedding=piecewise_linear"),
               1);
    rig.params.recipe.max_epochs = 1;
    rig.params.recipe.balanced = true;
    const struct nastl_graph *graph = rig.toy.graph;
    for (size_t n = 1; status != 0; n++) {
        struct nastl_net *net;
        struct nastl_train_result result;
        nastl_alloc_fail_from(n);
        status = nastl_net_create(&net, graph);
        if (status == 0) {
            status = nastl_net_prepare_row(net);
            if (status == 0)
                status = nastl_train(&result, net, &rig.params);
            nastl_net_destroy(net);
        }
        nastl_alloc_fail_from(0);
        assert_true(status == 0 || status == NASTL_ENOMEM);
    }
    toy_training_destroy(&rig);
}

static void recipes_have_defaults(void **state)
{
    (void)state;
    struct nastl_candidate candidate;
    struct nastl_recipe recipe;
    toy_candidate(&candidate,
                  SETTINGS("training.learning_rate=0.5", "training.batch_size=32"));
    nastl_recipe_of(&recipe, &candidate);
    assert_true(recipe.learning_rate == 0.5 && recipe.batch_size == 32);
    assert_true(recipe.beta1 == 0.9 && recipe.beta2 == 0.999 && recipe.clip == 1.0);
    assert_true(recipe.max_epochs == 100 && recipe.patience == 16);
    assert_true(recipe.weight_decay == 1e-4);
    nastl_candidate_finish(&candidate);
}

int main(void)
{
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xor_is_learnt),
        cmocka_unit_test(the_same_seed_gives_the_same_bits),
        cmocka_unit_test(other_threads_change_no_bit),
        cmocka_unit_test(epochs_of_every_family_allocate_and_create_nothing),
        cmocka_unit_test(epochs_of_every_part_allocate_and_create_nothing),
        cmocka_unit_test(the_best_epoch_is_kept),
        cmocka_unit_test(patience_ends_it),
        cmocka_unit_test(a_start_that_nothing_beats_is_kept),
        cmocka_unit_test(ties_go_to_the_lower_loss),
        cmocka_unit_test(the_callback_stops_it),
        cmocka_unit_test(the_poll_stops_it_within_an_epoch),
        cmocka_unit_test(the_poll_stops_it_while_it_looks),
        cmocka_unit_test(a_restored_trainer_goes_on_with_the_same_bits),
        cmocka_unit_test(all_rows_take_part),
        cmocka_unit_test(batch_norm_leaves_a_single_row_out),
        cmocka_unit_test(empty_parts),
        cmocka_unit_test(a_loss_that_is_not_finite_names_the_step),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(recipes_have_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
