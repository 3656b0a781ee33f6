/* test_realmlp.c: what makes a RealMLP: layers that are fitted to rows, the neural
 * tangent kernel's parametrisation, schedules of dropout, which epoch is kept; and the
 * presets. SPDX-License-Identifier: Apache-2.0 */
#include "train_toy.h"

#include <math.h>
#include <stdio.h>

#include <omp.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/net_impl.h"
#include "nn/optim.h"
#include "space/space.h"

enum { ROWS = 600, WIDTH = 24 };

/* ---- fitted layers ---- */

static const char *const fitted[] = {"mlp.layers=2",
                                     "mlp.width=24",
                                     "mlp.activation=selu",
                                     "mlp.parametrization=ntk",
                                     "mlp.initialization=data",
                                     "input.numeric_embedding=pbld",
                                     "input.embedding_width=4",
                                     "input.front_scale=learned",
                                     NULL};

static const size_t cardinality[] = {5, 40};
static const struct nastl_shape shape = {
    .numeric = 6, .categorical = 2, .cardinality = cardinality, .outputs = 3};

/* What the first layer gives for each row, by its tensors. */
static void first_layer(double *out, const struct nastl_net *net,
                        const struct nastl_xy *xy)
{
    struct nastl_graph until = *nastl_net_graph(net);
    const struct nastl_block params = {.data = net->params, .at = net->at};
    struct nastl_plan *plan;
    const struct nastl_step step = {.xy = xy, .count = ROWS};
    size_t at = 0;
    while (until.nodes[at].kind != NASTL_NODE_LINEAR)
        at++;
    until.node_count = at + 1;
    assert_int_equal(nastl_plan_create(&plan, &until, net->dnnl, ROWS, &params, NULL), 0);
    assert_int_equal(nastl_plan_forward(plan, &step), 0);
    for (size_t i = 0; i < (size_t)ROWS * WIDTH; i++)
        out[i] = plan->output[i];
    nastl_plan_destroy(plan);
}

/* Variance 1 over the rows; less its bias, each neuron's numbers lie on both sides of
 * minus the bias, which is a mean of five of them. */
static void fitted_neurons_have_variance_1(void **state)
{
    (void)state;
    struct toy_net toy;
    struct nastl_xy xy;
    static double out[ROWS * WIDTH];
    int32_t *rows = toy_rows(ROWS);
    toy_net_create(&toy, fitted, &shape, 5);
    toy_xy_create(&xy, &shape, ROWS, 5);
    assert_int_equal(nastl_net_fit(toy.net, &xy, NULL, rows, ROWS), 0);
    first_layer(out, toy.net, &xy);
    for (size_t c = 0; c < WIDTH; c++) {
        double mean = 0.0, variance = 0.0, low = INFINITY, high = -INFINITY;
        for (size_t i = 0; i < ROWS; i++)
            mean += out[i * WIDTH + c] / ROWS;
        for (size_t i = 0; i < ROWS; i++) {
            variance += pow(out[i * WIDTH + c] - mean, 2) / ROWS;
            low = fmin(low, out[i * WIDTH + c]);
            high = fmax(high, out[i * WIDTH + c]);
        }
        assert_true(fabs(variance - 1.0) < 1e-4);
        assert_true(low < 0.0 && high > 0.0);
    }
    toy_xy_destroy(&xy);
    toy_net_destroy(&toy);
    free(rows);
}

/* The same draws give the same bits; a constant column and one row are no trouble. */
static void fitting_is_deterministic_and_safe(void **state)
{
    (void)state;
    struct toy_net a, b;
    struct nastl_xy xy;
    int32_t *rows = toy_rows(ROWS);
    toy_net_create(&a, fitted, &shape, 5);
    toy_net_create(&b, fitted, &shape, 5);
    toy_xy_create(&xy, &shape, ROWS, 5);
    for (size_t i = 0; i < ROWS; i++)
        xy.x[i * shape.numeric] = 0.0f;
    assert_int_equal(nastl_net_fit(a.net, &xy, NULL, rows, ROWS), 0);
    assert_int_equal(nastl_net_fit(b.net, &xy, NULL, rows, ROWS), 0);
    assert_memory_equal(a.net->params, b.net->params, a.net->total * sizeof(float));
    assert_int_equal(nastl_net_fit(a.net, &xy, NULL, rows, 1), 0);
    for (size_t i = 0; i < a.net->total; i++)
        assert_true(isfinite(a.net->params[i]));
    toy_xy_destroy(&xy);
    toy_net_destroy(&a);
    toy_net_destroy(&b);
    free(rows);
}

static void fitting_survives_allocation_failure(void **state)
{
    (void)state;
    struct toy_net toy;
    struct nastl_xy xy;
    int32_t *rows = toy_rows(ROWS);
    int status = NASTL_ENOMEM;
    toy_net_create(&toy, fitted, &shape, 5);
    toy_xy_create(&xy, &shape, ROWS, 5);
    for (size_t n = 1; status != 0; n++) {
        nastl_alloc_fail_from(n);
        status = nastl_net_fit(toy.net, &xy, NULL, rows, ROWS);
        nastl_alloc_fail_from(0);
        assert_true(status == 0 || status == NASTL_ENOMEM);
    }
    toy_xy_destroy(&xy);
    toy_net_destroy(&toy);
    free(rows);
}

/* Weights of every size have a variance of 1 / inputs, biases are 0. */
static void ntk_weights_are_drawn_small(void **state)
{
    (void)state;
    const struct nastl_shape wide = {.numeric = 400, .outputs = 2};
    struct toy_net toy;
    toy_net_create(&toy,
                   SETTINGS("mlp.layers=1", "mlp.width=200", "mlp.parametrization=ntk"),
                   &wide, 1);
    const struct nastl_tensor *weight = nastl_net_find(toy.net, "blocks.0.weight");
    double squares = 0.0;
    for (size_t i = 0; i < 400 * 200; i++)
        squares += (double)weight->data[i] * weight->data[i] / 200.0;
    assert_true(fabs(squares - 1.0) < 0.03);
    toy_net_destroy(&toy);
}

/* ---- training ---- */

static void rig_create(struct toy_training *rig, const char *const *settings,
                       const struct nastl_recipe *recipe)
{
    toy_training_create(rig, settings, &shape, recipe, ROWS, 500, 3);
}

static const struct nastl_recipe plain = {.learning_rate = 0.02,
                                          .beta1 = 0.9,
                                          .beta2 = 0.95,
                                          .batch_size = 64,
                                          .max_epochs = 6};

/* Dropout that a schedule has brought down to nothing is no dropout. */
static void dropout_follows_its_schedule(void **state)
{
    (void)state;
    struct toy_training rig;
    rig_create(&rig,
               SETTINGS("mlp.layers=1", "mlp.width=64", "mlp.dropout=0.5",
                        "mlp.activation=mish", "mlp.activation_share=learned"),
               &plain);
    struct nastl_net *net = rig.toy.net;
    const struct nastl_block params = {.data = net->params, .at = net->at};
    float *grads = calloc(net->trainable, sizeof *grads);
    const struct nastl_block block = {.data = grads, .at = net->at};
    struct nastl_plan *plan;
    assert_int_equal(
        nastl_plan_create(&plan, rig.toy.graph, net->dnnl, 100, &params, &block), 0);
    const double spared[] = {0.0, 0.5, 1.0}, wanted[] = {0.5, 0.25, 0.0};
    for (int i = 0; i < 3; i++) {
        const struct nastl_step step = {
            .xy = &rig.xy, .count = 100, .seed = 1, .spared = spared[i]};
        size_t dropped = 0;
        assert_int_equal(nastl_plan_forward(plan, &step), 0);
        const struct nastl_op *op = &plan->ops[plan->count - 2];
        for (size_t j = 0; j < 100 * 64; j++)
            dropped += op->out[j] == 0.0f;
        assert_true(fabs((double)dropped / 6400.0 - wanted[i]) < 0.03);
    }
    nastl_plan_destroy(plan);
    free(grads);
    toy_training_destroy(&rig);
}

/* Scores are given out in turn. */
struct scores {
    const double *score;
    size_t at;
};

static double next_score(const float *outputs, void *payload)
{
    struct scores *scores = payload;
    (void)outputs;
    return scores->score[scores->at++];
}

static size_t kept_epoch(const struct nastl_recipe *recipe, const double *score)
{
    struct toy_training rig;
    struct scores scores = {.score = score};
    rig_create(&rig, SETTINGS("mlp.layers=0"), recipe);
    rig.params.score = next_score;
    rig.params.score_payload = &scores;
    const struct nastl_train_result result = toy_train(&rig);
    toy_training_destroy(&rig);
    return result.best_epoch;
}

static void the_kept_epoch_is_the_one_that_is_asked_for(void **state)
{
    (void)state;
    const double lucky[] = {0.1, 0.2, 0.9, 0.1, 0.6, 0.7, 0.5};
    const double tied[] = {0.1, 0.2, 0.9, 0.1, 0.9, 0.7, 0.5};
    struct nastl_recipe recipe = plain;
    assert_int_equal(kept_epoch(&recipe, lucky), 2);
    recipe.score_window = 2;
    assert_int_equal(kept_epoch(&recipe, lucky), 5);
    recipe.score_window = 64; /* more than there are */
    assert_int_equal(kept_epoch(&recipe, lucky), 2);
    recipe.score_window = 0;
    recipe.keeps_last = true;
    assert_int_equal(kept_epoch(&recipe, tied), 4);
    recipe.keeps_newest = true;
    assert_int_equal(kept_epoch(&recipe, lucky), 6);
}

/* A training that is taken up again sees the scores of before. */
static void a_restored_window_picks_the_same_epoch(void **state)
{
    (void)state;
    struct nastl_recipe recipe = plain;
    struct toy_training whole, rest;
    recipe.score_window = 3;
    rig_create(&whole, SETTINGS("mlp.layers=1"), &recipe);
    rig_create(&rest, SETTINGS("mlp.layers=1"), &recipe);
    toy_check_taken_up(&whole, &rest, 3);
    toy_training_destroy(&whole);
    toy_training_destroy(&rest);
}

/* ---- presets ---- */

static void check_preset(const char *name, bool values)
{
    struct nastl_space *space;
    struct nastl_point *point;
    struct nastl_candidate candidate;
    struct nastl_graph *graph;
    struct nastl_rng rng;
    struct nastl_shape network = shape;
    network.values = values;
    network.outputs = values ? 1 : 3;
    assert_int_equal(nastl_space_preset(&space, name, values), 0);
    assert_int_equal(nastl_space_searched(space), 0);
    assert_string_equal(nastl_space_name(space), name);
    assert_int_equal(nastl_point_create(&point, space), 0);
    nastl_rng_init(&rng, 1, 0, NASTL_RNG_TEST);
    nastl_space_sample(space, &rng, point);
    assert_int_equal(nastl_point_candidate(&candidate, space, point), 0);
    assert_int_equal(nastl_arch_build(&graph, &candidate, &network), 0);
    nastl_graph_destroy(graph);
    nastl_candidate_finish(&candidate);
    nastl_point_destroy(point);
    nastl_space_destroy(space);
}

static void every_preset_is_one_network(void **state)
{
    (void)state;
    for (size_t i = 0; nastl_preset_at(i); i++) {
        check_preset(nastl_preset_at(i)->name, false);
        check_preset(nastl_preset_at(i)->name, true);
    }
}

static void an_unknown_preset_is_named(void **state)
{
    (void)state;
    struct nastl_space *space;
    assert_int_equal(nastl_space_preset(&space, "realmpl", false), NASTL_EINVAL);
    assert_string_equal(nastl_error_last(),
                        "preset 'realmpl': unknown; give one of: realmlp");
}

static void keys_of_realmlp_reach_the_recipe(void **state)
{
    (void)state;
    struct nastl_candidate candidate;
    struct nastl_recipe recipe;
    toy_candidate(&candidate,
                  SETTINGS("training.schedule=coslog4", "training.kept=judged",
                           "training.dropout_schedule=flat_cosine",
                           "training.weight_decay_schedule=cosine",
                           "training.decayed=all_but_biases", "training.bias_rate=0.1",
                           "training.front_rate=6", "training.embedding_rate=0.2",
                           "training.share_rate=0.3", "training.ties=last",
                           "training.score_window=9"));
    nastl_recipe_of(&recipe, &candidate);
    assert_int_equal(recipe.schedule, NASTL_SCHEDULE_COSLOG4);
    assert_int_equal(recipe.dropout_schedule, NASTL_SCHEDULE_FLAT_COSINE);
    assert_int_equal(recipe.decay_schedule, NASTL_SCHEDULE_COSINE);
    assert_true(recipe.decays_all && recipe.keeps_last && recipe.judged);
    assert_true(recipe.bias_rate == 0.1 && recipe.front_rate == 6.0);
    assert_true(recipe.embedding_rate == 0.2 && recipe.share_rate == 0.3);
    assert_int_equal(recipe.score_window, 9);
    nastl_candidate_finish(&candidate);
}

int main(void)
{
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fitted_neurons_have_variance_1),
        cmocka_unit_test(fitting_is_deterministic_and_safe),
        cmocka_unit_test(fitting_survives_allocation_failure),
        cmocka_unit_test(ntk_weights_are_drawn_small),
        cmocka_unit_test(dropout_follows_its_schedule),
        cmocka_unit_test(the_kept_epoch_is_the_one_that_is_asked_for),
        cmocka_unit_test(a_restored_window_picks_the_same_epoch),
        cmocka_unit_test(every_preset_is_one_network),
        cmocka_unit_test(an_unknown_preset_is_named),
        cmocka_unit_test(keys_of_realmlp_reach_the_recipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
