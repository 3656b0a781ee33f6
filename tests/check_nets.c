/* check_nets.c: whole networks: gradients of the oracle against central differences, of
 * the engine against the oracle, single rows against batches, for every activation, norm
 * and loss, with tables, one-hot columns and numbers. The seed is printed;
 * NASTL_TEST_SEED sets another. SPDX-License-Identifier: Apache-2.0 */
#include "net_toy.h"

#include <math.h>
#include <stdio.h>

#include <omp.h>

#include "nn/loss.h"
#include "nn/net_impl.h"
#include "oracle.h"

static const char *const norms[] = {"none", "layer", "batch"};
enum { NORMS = 3, ROWS = 24, WIDTH = 12 };

static uint64_t test_seed;

/* ---- one case: a network, rows, labels ---- */

struct rig {
    struct toy_net toy;
    struct nastl_xy xy;
    float *y;
    int32_t *rows;
    enum nastl_loss loss;
    struct oracle oracle;
};

static void rig_create(struct rig *rig, const char *const *settings, enum nastl_loss loss)
{
    static const size_t cardinality[] = {5, 20, 3};
    const struct nastl_shape shape = {.numeric = 7,
                                      .categorical = 3,
                                      .cardinality = cardinality,
                                      .outputs = loss == NASTL_LOSS_CROSS_ENTROPY ? 4 : 1,
                                      .values = loss == NASTL_LOSS_SQUARED_ERROR};
    toy_net_create(&rig->toy, settings, &shape, test_seed);
    toy_xy_create(&rig->xy, &shape, ROWS, test_seed);
    rig->loss = loss;
    rig->y = toy_labels(loss, ROWS, shape.outputs, test_seed);
    rig->rows = toy_rows(ROWS);
    oracle_create(&rig->oracle, rig->toy.net, ROWS);
}

static void rig_destroy(struct rig *rig)
{
    oracle_destroy(&rig->oracle);
    toy_net_destroy(&rig->toy);
    toy_xy_destroy(&rig->xy);
    free(rig->y);
    free(rig->rows);
}

typedef void (*check_case)(struct rig *rig);

static void for_all_losses(check_case check, const char *const *settings)
{
    for (int loss = 0; loss < NASTL_LOSS_COUNT; loss++) {
        struct rig rig;
        rig_create(&rig, settings, (enum nastl_loss)loss);
        check(&rig);
        rig_destroy(&rig);
    }
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

static double oracle_gradients(struct rig *rig)
{
    struct oracle *oracle = &rig->oracle;
    oracle_forward(oracle, &rig->xy, rig->rows, ROWS, true);
    const double sum = oracle_run_loss(oracle, rig->loss, rig->y);
    oracle_backward(oracle, &rig->xy, rig->rows);
    return sum;
}

/* ---- the oracle against (f(p + h) - f(p - h)) / 2h ---- */

/* Small, so that hardly a ReLU changes its side; rounding then costs 1e-16 / h. */
static const double STEP = 1e-7, DIFFERENCE_TOLERANCE = 1e-6;

/* Nearer to the kink of a ReLU than this, two ways of computing may take two sides. */
static const double KINK = 1e-5;

static double difference(struct rig *rig, double *p)
{
    const double kept = *p;
    *p = kept + STEP;
    const double above =
        oracle_mean_loss(&rig->oracle, rig->loss, &rig->xy, rig->rows, rig->y, ROWS);
    *p = kept - STEP;
    const double below =
        oracle_mean_loss(&rig->oracle, rig->loss, &rig->xy, rig->rows, rig->y, ROWS);
    *p = kept;
    return (above - below) / (2.0 * STEP);
}

/* A few numbers of each tensor, of tables those that the rows use too. */
static void check_differences(struct rig *rig)
{
    const struct nastl_graph *graph = rig->toy.graph;
    struct nastl_rng rng;
    nastl_rng_init(&rng, test_seed, 2, NASTL_RNG_TEST);
    oracle_gradients(rig);
    if (rig->oracle.margin < KINK)
        return;
    for (size_t i = 0; i < graph->tensor_count; i++) {
        const size_t size = nastl_tensor_size(&graph->tensors[i]);
        if (!nastl_role_trainable(graph->tensors[i].role))
            continue;
        for (int draw = 0; draw < 12; draw++) {
            const size_t at = (size_t)nastl_rng_below(&rng, size);
            const double wanted = rig->oracle.grad[i][at];
            const double got = difference(rig, &rig->oracle.param[i][at]);
            if (fabs(got - wanted) > DIFFERENCE_TOLERANCE * (1.0 + fabs(wanted)))
                fail_msg("%s[%zu]: %g, by differences %g", graph->tensors[i].name, at,
                         wanted, got);
        }
    }
}

static void oracle_is_as_differences(void **state)
{
    (void)state;
    for_all_cases(check_differences);
}

/* ---- the engine against the oracle ---- */

/* Of float against double, relative to the largest number of a tensor, or to `scale`. */
static const double TOLERANCE = 2e-5;

static void assert_close(const float *got, const double *wanted, size_t n, double scale,
                         const char *what)
{
    double most = scale, error = 0.0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs(wanted[i]));
        error = fmax(error, fabs((double)got[i] - wanted[i]));
    }
    if (!(error <= TOLERANCE * most))
        fail_msg("%s: off by %g of %g", what, error, most);
}

static void check_engine(struct rig *rig)
{
    struct nastl_net *net = rig->toy.net;
    const struct nastl_graph *graph = rig->toy.graph;
    const struct nastl_block params = {.data = net->params, .at = net->at};
    const struct nastl_block grads = {.data = calloc(net->trainable, sizeof(float)),
                                      .at = net->at};
    const struct nastl_step step = {.xy = &rig->xy, .rows = rig->rows, .count = ROWS};
    struct nastl_plan *plan;
    assert_int_equal(
        nastl_plan_create(&plan, graph, net->dnnl, ROWS + 8, &params, &grads), 0);
    assert_int_equal(nastl_plan_forward(plan, &step), 0);
    const size_t members = plan->members;
    float *y = malloc(ROWS * members * sizeof *y);
    for (size_t i = 0; i < ROWS * members; i++)
        y[i] = rig->y[i / members];
    const double sum =
        nastl_loss_gradient(rig->loss, plan->output_delta, plan->output, y,
                            ROWS * members, plan->batch * members, graph->shape.outputs) /
        (double)members;
    free(y);
    assert_int_equal(nastl_plan_backward(plan, &step), 0);
    const double wanted = oracle_gradients(rig);
    assert_true(fabs(sum - wanted) < TOLERANCE * wanted);
    for (size_t i = 0; i < graph->tensor_count; i++)
        if (nastl_role_trainable(graph->tensors[i].role) && rig->oracle.margin > KINK)
            assert_close(grads.data + net->at[i], rig->oracle.grad[i],
                         nastl_tensor_size(&graph->tensors[i]), 1e-2,
                         graph->tensors[i].name);
    nastl_plan_destroy(plan);
    free(grads.data);
}

static void engine_is_as_the_oracle(void **state)
{
    (void)state;
    for_all_cases(check_engine);
}

/* ---- deployed: batches, single rows, the oracle ---- */

/* Running statistics as after some training. */
static void draw_statistics(struct rig *rig)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, test_seed, 3, NASTL_RNG_TEST);
    for (size_t i = 0; i < rig->toy.graph->tensor_count; i++) {
        const struct nastl_tensor *t = nastl_net_tensor(rig->toy.net, i);
        const bool statistic = t->rank == 1 || t->shape[0] == 1;
        for (size_t j = 0; j < t->shape[0] * t->shape[1] && statistic; j++)
            t->data[j] += 0.5f * (float)nastl_rng_uniform(&rng);
    }
    oracle_destroy(&rig->oracle);
    oracle_create(&rig->oracle, rig->toy.net, ROWS);
}

static void check_deployed(struct rig *rig)
{
    const size_t width = rig->toy.graph->shape.outputs;
    float out[ROWS * 4], row[4];
    draw_statistics(rig);
    oracle_forward(&rig->oracle, &rig->xy, NULL, ROWS, false);
    assert_int_equal(nastl_net_forward(rig->toy.net, &rig->xy, NULL, ROWS, out), 0);
    assert_close(out, oracle_output(&rig->oracle), ROWS * width, 1.0, "outputs");
    assert_int_equal(nastl_net_prepare_row(rig->toy.net), 0);
    for (size_t i = 0; i < ROWS; i++) {
        nastl_net_forward_row(rig->toy.net, rig->xy.x + i * rig->xy.numeric,
                              rig->xy.code + i * rig->xy.categorical, row);
        assert_close(row, oracle_output(&rig->oracle) + i * width, width, 1.0, "one row");
    }
}

static void deployed_is_as_the_oracle(void **state)
{
    (void)state;
    for_all_cases(check_deployed);
}

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
    struct nastl_rng rng;
    nastl_rng_init(&rng, test_seed, 4, NASTL_RNG_TEST);
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
    omp_set_num_threads(1);
    const char *given = getenv("NASTL_TEST_SEED");
    test_seed = given ? strtoull(given, NULL, 10) : 20240229;
    print_message("NASTL_TEST_SEED=%llu\n", (unsigned long long)test_seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oracle_is_as_differences),
        cmocka_unit_test(engine_is_as_the_oracle),
        cmocka_unit_test(deployed_is_as_the_oracle),
        cmocka_unit_test(rows_of_any_width_are_as_batches),
        cmocka_unit_test(any_rows_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
