/* check_nets.c: whole networks: gradients of the oracle against central differences, of
 * the engine against the oracle, single rows against batches, for every activation, norm
 * and loss, with tables, one-hot columns and numbers. The seed is printed;
 * NASTL_TEST_SEED sets another. SPDX-License-Identifier: Apache-2.0 */
#include "check_rig.h"

#include <math.h>
#include <stdio.h>

static const char *const norms[] = {"none", "layer", "batch"};
enum { NORMS = 3, ROWS = 24, WIDTH = 12 };

/* Steps so small that hardly a ReLU changes its side; rounding costs 1e-16 / h. */
static const struct precision precision = {
    .step = 1e-7, .difference = 1e-6, .kink = 1e-5, .engine = 2e-5};

typedef void (*check_case)(struct check_rig *rig);

static void check_loss(check_case check, const char *const *settings,
                       enum nastl_loss loss)
{
    static const size_t cardinality[] = {5, 20, 3};
    const struct nastl_shape shape = {.numeric = 7,
                                      .categorical = 3,
                                      .cardinality = cardinality,
                                      .outputs = loss == NASTL_LOSS_CROSS_ENTROPY ? 4 : 1,
                                      .values = loss == NASTL_LOSS_SQUARED_ERROR};
    struct check_rig rig;
    toy_net_create(&rig.toy, settings, &shape, check_seed());
    check_rig_fill(&rig, ROWS, loss, &precision);
    check_rig_ask(&rig);
    check(&rig);
    check_rig_destroy(&rig);
}

static void for_all_losses(check_case check, const char *const *settings)
{
    for (int loss = 0; loss < NASTL_LOSS_COUNT; loss++)
        check_loss(check, settings, (enum nastl_loss)loss);
}

static void for_all_perceptrons(check_case check)
{
    char width[32], activation[40], norm[40];
    snprintf(width, sizeof width, "mlp.width=%d", WIDTH);
    for (int a = 0; a < NASTL_ACTIVATION_COUNT; a++) {
        snprintf(activation, sizeof activation, "mlp.activation=%s",
                 nastl_activation_name((enum nastl_activation)a));
        for (int n = 0; n < NORMS; n++) {
            snprintf(norm, sizeof norm, "mlp.normalization=%s", norms[n]);
            for_all_losses(check, SETTINGS("mlp.layers=2", width, activation, norm));
        }
    }
}

static void for_all_cases(check_case check)
{
    static const char width[] = "mlp.width=12";
    for_all_perceptrons(check);
    for_all_losses(check,
                   SETTINGS("mlp.layers=2", width, "mlp.activation=mish",
                            "mlp.activation_share=learned", "mlp.parametrization=ntk",
                            "input.numeric_embedding=pbld", "input.embedding_width=4",
                            "input.front_scale=learned"));
    for_all_losses(check,
                   SETTINGS("mlp.layers=1", width, "mlp.activation=selu",
                            "mlp.activation_share=learned", "mlp.normalization=batch",
                            "mlp.parametrization=ntk", "input.front_scale=learned"));
    for_all_losses(check, SETTINGS("mlp.layers=0", "input.front_scale=learned"));
    for_all_losses(check, SETTINGS("family=tabm", "tabm.members=3", "tabm.layers=1",
                                   "tabm.width=12", "input.front_scale=learned"));
    for_all_losses(check, SETTINGS("family=resnet", "resnet.blocks=3", "resnet.width=12",
                                   "resnet.expansion=1.5"));
    for_all_losses(check, SETTINGS("family=resnet", "resnet.blocks=0", "resnet.width=9"));
    for_all_losses(check, SETTINGS("family=tabm", "tabm.kind=mini", "tabm.members=5",
                                   "tabm.layers=2", "tabm.width=12"));
    for_all_losses(check, SETTINGS("family=tabm", "tabm.kind=full", "tabm.members=4",
                                   "tabm.layers=3", "tabm.width=12"));
    for_all_losses(check, SETTINGS("family=tabm", "tabm.members=1", "tabm.layers=0"));
    for_all_losses(check, SETTINGS("ensemble=3", "mlp.layers=2", width));
    for_all_losses(check, SETTINGS("ensemble=2", "mlp.layers=1", width,
                                   "input.numeric_embedding=piecewise_linear",
                                   "mlp.normalization=layer"));
    for_all_losses(check, SETTINGS("ensemble=2", "family=resnet", "resnet.blocks=2",
                                   "resnet.width=12"));
    for_all_losses(check, SETTINGS("ensemble=2", "family=tabm", "tabm.kind=full",
                                   "tabm.members=3", "tabm.layers=2", "tabm.width=12"));
    for_all_losses(check,
                   SETTINGS("family=ft_transformer", "ft_transformer.blocks=3",
                            "ft_transformer.token_width=12", "ft_transformer.heads=3",
                            "ft_transformer.attention_dropout=0",
                            "ft_transformer.ffn_dropout=0"));
    for_all_losses(check,
                   SETTINGS("family=ft_transformer", "ft_transformer.blocks=1",
                            "ft_transformer.token_width=10", "ft_transformer.heads=1",
                            "ft_transformer.activation=gelu",
                            "ft_transformer.attention_dropout=0",
                            "ft_transformer.ffn_dropout=0"));
}

static void oracle_is_as_differences(void **state)
{
    (void)state;
    for_all_cases(check_differences);
}

static void engine_is_as_the_oracle(void **state)
{
    (void)state;
    for_all_cases(check_engine);
}

static void deployed_is_as_the_oracle(void **state)
{
    (void)state;
    for_all_cases(check_deployed);
}

/* ---- rows alone and in batches ---- */

/* Widths around the panels of 64 and 16, one input, one output. */
static void rows_of_any_width_are_as_batches(void **state)
{
    (void)state;
    const size_t widths[] = {1, 15, 16, 17, 63, 64, 65, 100, 128, 200};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        const struct nastl_shape shape = {.numeric = 1 + i * 9, .outputs = 1 + i * 7};
        struct toy_net toy;
        struct nastl_xy xy;
        char width[32];
        float *out = malloc(shape.outputs * sizeof *out);
        float *row = malloc(shape.outputs * sizeof *row);
        snprintf(width, sizeof width, "mlp.width=%zu", widths[i]);
        toy_net_create(&toy, SETTINGS("mlp.layers=2", width), &shape, i);
        toy_xy_create(&xy, &shape, 1, i);
        assert_int_equal(nastl_net_forward(toy.net, &xy, NULL, 1, out), 0);
        assert_int_equal(nastl_net_prepare_row(toy.net), 0);
        nastl_net_forward_row(toy.net, xy.x, xy.code, row);
        for (size_t c = 0; c < shape.outputs; c++)
            assert_true(fabsf(out[c] - row[c]) < 1e-5f);
        toy_net_destroy(&toy);
        toy_xy_destroy(&xy);
        free(out);
        free(row);
    }
}

/* The grouping into batches does not change what comes out, order and repeats neither. */
static void any_rows_in_any_order(void **state)
{
    (void)state;
    enum { TOTAL = 700 };
    const struct nastl_shape shape = {.numeric = 9, .outputs = 3};
    struct toy_net toy;
    struct nastl_xy xy;
    static float all[TOTAL * 3], some[TOTAL * 3];
    int32_t *rows = toy_rows(TOTAL);
    struct nastl_rng rng = check_stream(4);
    toy_net_create(&toy, SETTINGS("mlp.layers=1", "mlp.width=20"), &shape, 1);
    toy_xy_create(&xy, &shape, TOTAL, 1);
    assert_int_equal(nastl_net_forward(toy.net, &xy, NULL, TOTAL, all), 0);
    const size_t counts[] = {0, 1, 31, 32, 33, 128, 129, 256, 257, 600, 700};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (int j = 0; j < TOTAL; j++)
            rows[j] = (int32_t)nastl_rng_below(&rng, TOTAL);
        assert_int_equal(nastl_net_forward(toy.net, &xy, rows, counts[i], some), 0);
        for (size_t j = 0; j < counts[i] * 3; j++)
            assert_true(fabsf(some[j] - all[(size_t)rows[j / 3] * 3 + j % 3]) < 1e-5f);
    }
    toy_net_destroy(&toy);
    toy_xy_destroy(&xy);
    free(rows);
}

int main(void)
{
    check_begin();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oracle_is_as_differences),
        cmocka_unit_test(engine_is_as_the_oracle),
        cmocka_unit_test(deployed_is_as_the_oracle),
        cmocka_unit_test(rows_of_any_width_are_as_batches),
        cmocka_unit_test(any_rows_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
