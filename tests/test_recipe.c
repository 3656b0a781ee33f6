/* test_recipe.c: what a recipe adds to plain training: smoothed labels, weighted classes,
 * schedules, averages of weights.
 * SPDX-License-Identifier: Apache-2.0 */
#include "train_toy.h"

#include <math.h>

#include <omp.h>

#include "nn/loss_form.h"
#include "nn/net_impl.h"
#include "nn/optim.h"

enum { N = 40, MOST = 7 };

/* Sums of N float terms against double. */
static const double TOLERANCE = 1e-5;

/* ---- losses ---- */

/* -w sum over c of t[c] log p[c], the target t smoothed; `o` (C) logits, 1 of binary. */
static double smoothed_row(const double *o, size_t c, size_t label, double s, double w)
{
    const double two[2] = {0.0, *o};
    const double *logits = c > 1 ? o : two;
    const size_t classes = c > 1 ? c : 2;
    double sum = 0.0, loss = 0.0;
    for (size_t j = 0; j < classes; j++)
        sum += exp(logits[j]);
    for (size_t j = 0; j < classes; j++)
        loss -= ((1.0 - s) * (j == label) + s / (double)classes) * (logits[j] - log(sum));
    return w * loss;
}

static double smoothed(const double *o, size_t c, const float *y, const float *rows,
                       const struct nastl_loss_form *form)
{
    double total = 0.0;
    for (size_t i = 0; i < N; i++)
        total += smoothed_row(o + i * c, c, (size_t)y[i], form->smoothing,
                              (form->weights ? form->weights[(size_t)y[i]] : 1.0) *
                                  (rows ? rows[i] : 1.0));
    return total;
}

static void check_form(const struct nastl_loss_form *form, const float *y,
                       const float *rows, size_t c)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, 11, (uint32_t)c, NASTL_RNG_TEST);
    float outputs[N * MOST], delta[(N + 3) * MOST];
    double exact[N * MOST];
    for (size_t i = 0; i < N * c; i++)
        exact[i] = outputs[i] = 3.0f * (float)nastl_rng_normal(&rng);
    const double got =
        nastl_loss_form_gradient(form, delta, outputs, y, rows, NULL, N, N + 3, c);
    const double wanted = smoothed(exact, c, y, rows, form);
    assert_true(fabs(got - wanted) <= TOLERANCE * wanted);
    for (size_t i = 0; i < N * c; i++) {
        const double kept = exact[i], step = 1e-5;
        exact[i] = kept + step;
        const double above = smoothed(exact, c, y, rows, form);
        exact[i] = kept - step;
        const double below = smoothed(exact, c, y, rows, form);
        exact[i] = kept;
        const double slope = (above - below) / (2.0 * step) / N;
        assert_true(fabs(delta[i] - slope) < TOLERANCE);
    }
    for (size_t i = N * c; i < (N + 3) * c; i++)
        assert_true(delta[i] == 0.0f);
}

static void check_classes(enum nastl_loss loss, size_t outputs)
{
    float *y = toy_labels(loss, N, outputs, 5);
    int32_t *rows = toy_rows(N);
    float weights[N];
    for (size_t i = 0; i < N; i++)
        weights[i] = 0.1f + 0.3f * (float)(i % 4);
    for (int kind = 1; kind < 8; kind++) {
        const struct nastl_train_params params = {
            .recipe = {.label_smoothing = kind & 1 ? 0.15 : 0.0, .balanced = kind & 2},
            .loss = loss,
            .y = y,
            .weights = kind & 4 ? weights : NULL,
            .train = rows,
            .train_count = N};
        struct nastl_loss_form form;
        assert_int_equal(nastl_loss_form_init(&form, &params, outputs), 0);
        check_form(&form, y, params.weights, outputs);
        nastl_loss_form_finish(&form);
    }
    free(rows);
    free(y);
}

static void smoothed_and_weighted_losses_have_their_gradients(void **state)
{
    (void)state;
    check_classes(NASTL_LOSS_CROSS_ENTROPY, 2);
    check_classes(NASTL_LOSS_CROSS_ENTROPY, MOST);
    check_classes(NASTL_LOSS_BINARY_CROSS_ENTROPY, 1);
}

static void balanced_classes_weigh_the_same(void **state)
{
    (void)state;
    const float y[] = {0, 0, 0, 0, 0, 2, 2, 3};
    const int32_t rows[] = {0, 1, 2, 3, 4, 5, 6, 7};
    const struct nastl_train_params params = {.recipe = {.balanced = true},
                                              .loss = NASTL_LOSS_CROSS_ENTROPY,
                                              .y = y,
                                              .train = rows,
                                              .train_count = 8};
    struct nastl_loss_form form;
    assert_int_equal(nastl_loss_form_init(&form, &params, 4), 0);
    const double each = 8.0 / 3.0;
    assert_true(fabs(5.0 * form.weights[0] - each) < 1e-5);
    assert_true(form.weights[1] == 0.0f);
    assert_true(fabs(2.0 * form.weights[2] - each) < 1e-5);
    assert_true(fabs(1.0 * form.weights[3] - each) < 1e-5);
    nastl_loss_form_finish(&form);
}

/* Rows that weigh w count as w rows: for the classes' weights, and for these the sum of
 * all is still the number of rows. */
static void balanced_classes_count_rows_by_their_weights(void **state)
{
    (void)state;
    const float y[] = {0, 0, 1, 1}, weights[] = {1.5f, 1.5f, 0.25f, 0.75f};
    const int32_t rows[] = {0, 1, 2, 3};
    const struct nastl_train_params params = {.recipe = {.balanced = true},
                                              .loss = NASTL_LOSS_CROSS_ENTROPY,
                                              .y = y,
                                              .weights = weights,
                                              .train = rows,
                                              .train_count = 4};
    struct nastl_loss_form form;
    assert_int_equal(nastl_loss_form_init(&form, &params, 2), 0);
    assert_true(fabs(3.0 * form.weights[0] - 2.0) < 1e-6);
    assert_true(fabs(1.0 * form.weights[1] - 2.0) < 1e-6);
    nastl_loss_form_finish(&form);
}

/* ---- schedules ---- */

static void schedules_rise_and_fall(void **state)
{
    (void)state;
    struct nastl_recipe r = {.max_epochs = 12, .warmup_epochs = 2};
    for (int s = 0; s < NASTL_SCHEDULE_COSLOG4; s++) {
        r.schedule = (enum nastl_schedule)s;
        assert_true(fabs(nastl_schedule_factor(&r, 0, 10) - 0.05) < 1e-12);
        assert_true(nastl_schedule_factor(&r, 19, 10) == 1.0);
        assert_true(nastl_schedule_factor(&r, 20, 10) == 1.0);
        double last = 1.0;
        for (uint64_t step = 20; step < 200; step++) {
            const double factor = nastl_schedule_factor(&r, step, 10);
            assert_true(factor >= 0.0 && factor <= last);
            last = factor;
        }
    }
    r.schedule = NASTL_SCHEDULE_COSINE;
    assert_true(fabs(nastl_schedule_factor(&r, 70, 10) - 0.5) < 1e-12);
    r.schedule = NASTL_SCHEDULE_FLAT_COSINE;
    assert_true(nastl_schedule_factor(&r, 69, 10) == 1.0);
    assert_true(fabs(nastl_schedule_factor(&r, 95, 10) - 0.5) < 1e-12);
    r.schedule = NASTL_SCHEDULE_CONSTANT;
    r.warmup_epochs = 0;
    assert_true(nastl_schedule_factor(&r, 0, 10) == 1.0);
    assert_true(nastl_schedule_factor(&r, 5000, 10) == 1.0);
}

/* Four waves between 0 and 1, each twice as long as the one before. */
static void coslog4_has_four_waves(void **state)
{
    (void)state;
    for (int wave = 0; wave < 4; wave++) {
        const double from = (pow(2.0, wave) - 1.0) / 15.0;
        const double top = (pow(2.0, wave + 0.5) - 1.0) / 15.0;
        assert_true(nastl_schedule_at(NASTL_SCHEDULE_COSLOG4, from) < 1e-12);
        assert_true(nastl_schedule_at(NASTL_SCHEDULE_COSLOG4, top) > 1.0 - 1e-12);
    }
    assert_true(nastl_schedule_at(NASTL_SCHEDULE_COSLOG4, 1.0) < 1e-12);
    const struct nastl_recipe r = {.max_epochs = 15, .schedule = NASTL_SCHEDULE_COSLOG4};
    assert_true(nastl_schedule_factor(&r, 0, 10) == 0.0);
    assert_true(nastl_schedule_factor(&r, 10, 10) < 1e-12);
    assert_true(nastl_schedule_factor(&r, 149, 10) < 0.01);
}

/* A whole course has the sum of the first epochs of the planned one, as near as whole
 * epochs come. */
static void matched_courses_have_the_same_sum(void **state)
{
    (void)state;
    for (int s = 0; s < NASTL_SCHEDULE_COUNT; s++)
        for (size_t warmup = 0; warmup < 8; warmup += 4)
            for (size_t epochs = 1; epochs <= 60; epochs++) {
                struct nastl_recipe r = {.max_epochs = 60,
                                         .warmup_epochs = warmup,
                                         .schedule = (enum nastl_schedule)s};
                const size_t whole = nastl_schedule_match(&r, epochs);
                double sum = 0, own = 0;
                for (uint64_t step = 0; step < 100 * epochs; step++)
                    sum += nastl_schedule_factor(&r, step, 100) / 100;
                r.max_epochs = whole;
                for (uint64_t step = 0; step < 100 * whole; step++)
                    own += nastl_schedule_factor(&r, step, 100) / 100;
                assert_true(whole >= 1 && whole <= 4 * epochs);
                assert_true(fabs(own - sum) < 0.6);
                if (s == NASTL_SCHEDULE_CONSTANT || epochs == 60)
                    assert_int_equal(whole, epochs);
            }
}

/* ---- averages ---- */

enum { TRAIN = 100, VALID = 50 };

static void rig_create(struct toy_training *rig, size_t average, size_t valid)
{
    const struct nastl_shape shape = {.numeric = 5, .outputs = 3};
    const struct nastl_recipe recipe = {.learning_rate = 0.02,
                                        .beta1 = 0.9,
                                        .beta2 = 0.99,
                                        .batch_size = 32,
                                        .max_epochs = 12,
                                        .schedule = NASTL_SCHEDULE_COSINE,
                                        .label_smoothing = 0.1,
                                        .balanced = true,
                                        .weight_average = average};
    toy_training_create(
        rig, SETTINGS("mlp.layers=1", "mlp.width=16", "mlp.normalization=batch"), &shape,
        &recipe, TRAIN + valid, TRAIN, 3);
}

/* The sum of the weights after each epoch but the first ones. */
struct sum {
    size_t after; /* so many epochs are left out */
    double *of;   /* NULL before them */
};

static void nothing_to_restore(double *seconds, struct nastl_trainer *trainer,
                               void *payload)
{
    (void)seconds, (void)trainer, (void)payload;
}

static void add_weights(struct nastl_trainer *trainer, double seconds, void *payload)
{
    struct sum *sum = payload;
    size_t total;
    const float *now = nastl_trainer_parameters(trainer, &total);
    (void)seconds;
    if (nastl_trainer_state(trainer)->epoch <= sum->after)
        return;
    sum->of = sum->of ? sum->of : calloc(total, sizeof *sum->of);
    for (size_t i = 0; i < total; i++)
        sum->of[i] += (double)now[i];
}

/* Without validation rows: the mean of the last ones, `most` at most and never more than
 * the later half of the 12. */
static void assert_average(size_t most, size_t epochs)
{
    struct toy_training rig;
    struct sum sum = {.after = 12 - epochs};
    const struct nastl_keeper keeper = {nothing_to_restore, add_weights, &sum};
    rig_create(&rig, most, 0);
    rig.params.keeper = &keeper;
    toy_train(&rig);
    const struct nastl_net *net = rig.toy.net;
    for (size_t i = 0; i < net->total; i++)
        assert_float_equal(net->params[i], sum.of[i] / (double)epochs, 1e-6);
    free(sum.of);
    toy_training_destroy(&rig);
}

static void the_last_epochs_are_averaged(void **state)
{
    (void)state;
    assert_average(3, 3);
    assert_average(10, 6);
    assert_average(32, 6);
}

static double best_loss(size_t average, size_t *best_epoch)
{
    struct toy_training rig;
    rig_create(&rig, average, VALID);
    const struct nastl_train_result result = toy_train(&rig);
    *best_epoch = result.best_epoch;
    toy_training_destroy(&rig);
    return -result.score;
}

/* Training goes on from the same weights, so the mean can only be better or not be taken.
 */
static void averaging_never_makes_validation_worse(void **state)
{
    (void)state;
    size_t best_epoch;
    const double plain = best_loss(0, &best_epoch);
    for (size_t n = 1; n < 6; n++)
        assert_true(best_loss(n, &best_epoch) <= plain);
    assert_true(best_loss(1, &best_epoch) == plain);
}

static void a_restored_average_goes_on_with_the_same_bits(void **state)
{
    (void)state;
    struct toy_training whole, rest;
    rig_create(&whole, 4, VALID);
    rig_create(&rest, 4, VALID);
    toy_check_taken_up(&whole, &rest, 5);
    toy_training_destroy(&whole);
    toy_training_destroy(&rest);
}

/* ---- keys ---- */

static void keys_reach_the_recipe(void **state)
{
    (void)state;
    struct nastl_candidate candidate;
    struct nastl_recipe recipe;
    toy_candidate(&candidate,
                  SETTINGS("training.schedule=flat_cosine", "training.warmup_epochs=3",
                           "training.label_smoothing=0.1", "training.beta2=0.95",
                           "training.class_weights=balanced", "training.loss=huber",
                           "training.weight_average=5", "training.clip=0"));
    nastl_recipe_of(&recipe, &candidate);
    assert_int_equal(recipe.schedule, NASTL_SCHEDULE_FLAT_COSINE);
    assert_int_equal(recipe.warmup_epochs, 3);
    assert_true(recipe.label_smoothing == 0.1 && recipe.beta2 == 0.95);
    assert_true(recipe.balanced && recipe.huber && recipe.clip == 0.0);
    assert_int_equal(recipe.weight_average, 5);
    nastl_candidate_finish(&candidate);
    toy_candidate(&candidate, SETTINGS("training.learning_rate=0.1"));
    nastl_recipe_of(&recipe, &candidate);
    assert_int_equal(recipe.schedule, NASTL_SCHEDULE_CONSTANT);
    assert_true(!recipe.balanced && !recipe.huber && recipe.label_smoothing == 0.0);
    assert_true(recipe.warmup_epochs == 0 && recipe.weight_average == 0);
    nastl_candidate_finish(&candidate);
}

int main(void)
{
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smoothed_and_weighted_losses_have_their_gradients),
        cmocka_unit_test(balanced_classes_weigh_the_same),
        cmocka_unit_test(balanced_classes_count_rows_by_their_weights),
        cmocka_unit_test(schedules_rise_and_fall),
        cmocka_unit_test(coslog4_has_four_waves),
        cmocka_unit_test(matched_courses_have_the_same_sum),
        cmocka_unit_test(the_last_epochs_are_averaged),
        cmocka_unit_test(averaging_never_makes_validation_worse),
        cmocka_unit_test(a_restored_average_goes_on_with_the_same_bits),
        cmocka_unit_test(keys_reach_the_recipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
