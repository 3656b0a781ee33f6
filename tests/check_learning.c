/* check_learning.c: losses, the optimiser and its groups of parameters against their
 * formulas. The seed is printed; NASTL_TEST_SEED sets another.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check_rig.h"

#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/kernel.h"
#include "nn/loss.h"
#include "nn/net_impl.h"
#include "nn/optim.h"

/* The largest error relative to the largest number of a block: float sums over a few
 * hundred terms, each rounded to 6e-8. */
static const double TOLERANCE = 1e-5;

enum { SHAPES = 12 };

/* ---- losses ---- */

static void losses_are_as_the_oracle(void **state)
{
    (void)state;
    struct nastl_rng rng = check_stream(13);
    for (int loss = 0; loss < NASTL_LOSS_COUNT; loss++) {
        for (int i = 0; i < SHAPES; i++) {
            const size_t n = between(&rng, 1, 90), batch = n + between(&rng, 0, 5);
            const size_t c = loss == NASTL_LOSS_CROSS_ENTROPY ? between(&rng, 2, 30) : 1;
            float *outputs = malloc(n * c * sizeof *outputs);
            float *delta = malloc(batch * c * sizeof *delta);
            double *exact = malloc(n * c * sizeof *exact);
            double *wanted = calloc(batch * c, sizeof *wanted);
            float *y = toy_labels((enum nastl_loss)loss, n, c, nastl_rng_u32(&rng));
            fill_normal(outputs, n * c, &rng);
            for (size_t j = 0; j < n * c; j++)
                exact[j] = outputs[j] *= 10.0f;
            const double sum = oracle_loss((enum nastl_loss)loss, wanted, exact, y, n, c);
            assert_true(fabs(nastl_loss_gradient((enum nastl_loss)loss, delta, outputs, y,
                                                 n, batch, c) -
                             sum) < TOLERANCE * (sum + 1.0));
            assert_close(delta, wanted, batch * c, 1.0 / (double)n, TOLERANCE,
                         "gradient of the loss");
            assert_true(
                fabs(nastl_loss_value((enum nastl_loss)loss, delta, outputs, y, n, c) -
                     sum) < TOLERANCE * (sum + 1.0));
            free(outputs);
            free(delta);
            free(exact);
            free(wanted);
            free(y);
        }
    }
}

static void losses_of_extreme_outputs_are_finite(void **state)
{
    (void)state;
    const float outputs[] = {1e4f, -1e4f, 300.0f}, y[] = {1.0f};
    float delta[3];
    assert_true(isfinite(
        nastl_loss_gradient(NASTL_LOSS_CROSS_ENTROPY, delta, outputs, y, 1, 1, 3)));
    assert_true(
        fabs(nastl_loss_gradient(NASTL_LOSS_CROSS_ENTROPY, delta, outputs, y, 1, 1, 3) -
             2e4) < 1.0);
    assert_true(fabs(nastl_loss_gradient(NASTL_LOSS_BINARY_CROSS_ENTROPY, delta,
                                         outputs + 1, y, 1, 1, 1) -
                     1e4) < 1.0);
    const float bad[] = {0.0f, NAN};
    assert_true(
        isnan(nastl_loss_gradient(NASTL_LOSS_CROSS_ENTROPY, delta, bad, y, 1, 1, 2)));
    assert_true(isnan(nastl_loss_gradient(NASTL_LOSS_BINARY_CROSS_ENTROPY, delta, bad + 1,
                                          y, 1, 1, 1)));
}

/* ---- the optimiser ---- */

static void adamw_is_as_the_formula(void **state)
{
    (void)state;
    enum { N = 100, DECAYED = 37, FAST = 60, STEPS = 20 };
    const struct nastl_group groups[] = {
        {.at = 0, .count = DECAYED, .rate = 1.0, .decay = 1.0, .epsilon = 1.0},
        {.at = DECAYED, .count = FAST - DECAYED, .rate = 1.0, .epsilon = 1.0},
        {.at = FAST, .count = N - FAST, .rate = 6.0, .decay = 6.0, .epsilon = 1.0}};
    struct nastl_rng rng = check_stream(14);
    const struct nastl_recipe recipe = {
        .learning_rate = 0.01, .weight_decay = 0.1, .beta1 = 0.9, .beta2 = 0.999};
    struct nastl_recipe fast = recipe;
    fast.learning_rate *= 6.0;
    float p[N], g[N], m[N] = {0}, v[N] = {0};
    const struct nastl_moments moments = {.m = m, .v = v};
    double wanted[N], wanted_m[N] = {0}, wanted_v[N] = {0};
    fill_normal(p, N, &rng);
    for (int i = 0; i < N; i++)
        wanted[i] = p[i];
    for (int t = 1; t <= STEPS; t++) {
        fill_normal(g, N, &rng);
        nastl_adamw(p, g, &moments, groups, 3, &recipe, (uint64_t)t, 0.5f);
        for (int i = 0; i < N; i++)
            oracle_adamw(&wanted[i], &wanted_m[i], &wanted_v[i], 0.5 * g[i],
                         i < DECAYED || i >= FAST ? 0.1 : 0.0, i < FAST ? &recipe : &fast,
                         t);
    }
    assert_close(p, wanted, N, 1.0, TOLERANCE, "parameters");
}

static void clipping_bounds_the_norm(void **state)
{
    (void)state;
    struct nastl_rng rng = check_stream(15);
    float g[5000];
    double squares = 0.0;
    fill_normal(g, 5000, &rng);
    for (int i = 0; i < 5000; i++)
        squares += (double)g[i] * g[i];
    assert_true(fabs(nastl_sum_of_squares(g, 5000) - squares) < 1e-6 * squares);
    assert_true(fabs(nastl_clip_scale(g, 5000, 1.0) * sqrt(squares) - 1.0) < 1e-5);
    assert_true(nastl_clip_scale(g, 5000, 1e4) == 1.0f);
    assert_true(nastl_clip_scale(g, 5000, 0.0) == 1.0f);
}

/* ---- groups ---- */

/* Every number of each tensor stands in one group, with the factors that its role has. */
static void check_groups(const struct nastl_net *net, const struct nastl_group *groups,
                         size_t count, const char *name, double rate, double decay,
                         double epsilon)
{
    const struct nastl_tensor *tensor = nastl_net_find(net, name);
    assert_non_null(tensor);
    const size_t at = (size_t)(tensor->data - net->params);
    const size_t end = at + tensor->shape[0] * tensor->shape[1];
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (groups[i].at > at || groups[i].at + groups[i].count < end)
            continue;
        found++;
        assert_true(fabs(groups[i].rate - rate) < 1e-12);
        assert_true(fabs(groups[i].decay - decay) < 1e-12);
        assert_true(fabs(groups[i].epsilon - epsilon) < 1e-12);
    }
    assert_int_equal(found, 1);
}

static void a_plain_network_has_two_groups(void **state)
{
    (void)state;
    const struct nastl_shape shape = {.numeric = 9, .outputs = 3};
    const struct nastl_recipe recipe = {.learning_rate = 1.0};
    const struct nastl_group_params params = {.recipe = &recipe};
    struct nastl_group *groups;
    struct toy_net toy;
    size_t count;
    toy_net_create(&toy, SETTINGS("mlp.layers=3", "mlp.normalization=batch"), &shape, 1);
    assert_int_equal(nastl_groups_create(&groups, &count, toy.net, &params), 0);
    assert_int_equal(count, 2);
    assert_int_equal(groups[0].count, toy.net->decayed);
    assert_int_equal(groups[1].at + groups[1].count, toy.net->trainable);
    assert_true(groups[0].decay == 1.0 && groups[1].decay == 0.0);
    free(groups);
    toy_net_destroy(&toy);
}

static void groups_have_the_factors_of_the_recipe(void **state)
{
    (void)state;
    static const size_t cardinality[] = {40};
    const struct nastl_shape shape = {
        .numeric = 7, .categorical = 1, .cardinality = cardinality, .outputs = 3};
    const struct nastl_recipe recipe = {.decays_all = true,
                                        .bias_rate = 0.1,
                                        .front_rate = 6.0,
                                        .embedding_rate = 0.2,
                                        .share_rate = 0.3};
    const struct nastl_group_params params = {.recipe = &recipe};
    struct nastl_group *groups;
    struct toy_net toy;
    size_t count;
    toy_net_create(&toy,
                   SETTINGS("mlp.layers=1", "mlp.width=16", "mlp.parametrization=ntk",
                            "mlp.activation_share=learned", "mlp.normalization=layer",
                            "input.numeric_embedding=pbld", "input.embedding_width=4",
                            "input.front_scale=learned"),
                   &shape, 1);
    assert_int_equal(nastl_groups_create(&groups, &count, toy.net, &params), 0);
    const double root =
        sqrt((double)nastl_net_find(toy.net, "blocks.0.weight")->shape[1]);
    const struct nastl_net *net = toy.net;
    check_groups(net, groups, count, "blocks.0.weight", 1.0 / root, 1.0, root);
    check_groups(net, groups, count, "head.weight", 0.25, 1.0, 4.0);
    check_groups(net, groups, count, "blocks.0.bias", 0.1, 0.0, 1.0);
    check_groups(net, groups, count, "blocks.0.norm.weight", 1.0, 0.0, 1.0);
    check_groups(net, groups, count, "blocks.0.activation.share", 0.3, 0.3, 1.0);
    check_groups(net, groups, count, "front.scale", 6.0, 6.0, 1.0);
    check_groups(net, groups, count, "embeddings.numeric.phases", 0.2, 0.2, 1.0);
    check_groups(net, groups, count, "embeddings.0.weight", 1.0, 1.0, 1.0);
    free(groups);
    nastl_alloc_fail_from(1);
    assert_int_equal(nastl_groups_create(&groups, &count, toy.net, &params),
                     NASTL_ENOMEM);
    nastl_alloc_fail_from(0);
    toy_net_destroy(&toy);
}

int main(void)
{
    check_begin();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_as_the_oracle),
        cmocka_unit_test(losses_of_extreme_outputs_are_finite),
        cmocka_unit_test(adamw_is_as_the_formula),
        cmocka_unit_test(clipping_bounds_the_norm),
        cmocka_unit_test(a_plain_network_has_two_groups),
        cmocka_unit_test(groups_have_the_factors_of_the_recipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
