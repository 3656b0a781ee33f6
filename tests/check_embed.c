/* check_embed.c: networks with numeric embeddings: gradients of the oracle against
 * central differences, of the engine against the oracle, single rows against batches; the
 * bins; what they cost. The seed is printed; NASTL_TEST_SEED sets another.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net_toy.h"

#include <math.h>
#include <stdio.h>

#include <omp.h>

#include "base/alloc.h"
#include "nn/loss.h"
#include "nn/net_impl.h"
#include "oracle.h"

enum { ROWS = 60, NUMERIC = 6 };

static const struct {
    const char *embedding, *width, *pieces;
} cases[] = {
    {"piecewise_linear", "1", "2"},
    {"piecewise_linear", "8", "16"},
    {"piecewise_linear", "5", "33"},
    {"periodic", "1", "1"},
    {"periodic", "8", "16"},
    {"periodic", "5", "7"},
    {"pbld", "2", "1"},
    {"pbld", "4", "16"},
    {"pbld", "7", "5"},
};
enum { CASES = sizeof cases / sizeof *cases };

static uint64_t test_seed;

struct rig {
    struct toy_net toy;
    struct nastl_xy xy;
    float *y;
    int32_t *rows;
    struct oracle oracle;
};

static void rig_net(struct rig *rig, int i, const struct nastl_shape *shape)
{
    char embedding[64], width[64], bins[64], frequencies[64];
    snprintf(embedding, sizeof embedding, "input.numeric_embedding=%s",
             cases[i].embedding);
    snprintf(width, sizeof width, "input.embedding_width=%s", cases[i].width);
    snprintf(bins, sizeof bins, "input.embedding_bins=%s", cases[i].pieces);
    snprintf(frequencies, sizeof frequencies, "input.embedding_frequencies=%s",
             cases[i].pieces);
    toy_net_create(&rig->toy,
                   SETTINGS("mlp.layers=1", "mlp.width=12", "mlp.activation=gelu",
                            embedding, width, bins, frequencies,
                            "input.embedding_scale=0.5"),
                   shape, test_seed);
}

/* Column 1 has one value, column 2 two, column 3 is far away; the others are normal. */
static void rig_create(struct rig *rig, int i)
{
    static const size_t cardinality[] = {20, 3};
    const struct nastl_shape shape = {
        .numeric = NUMERIC, .categorical = 2, .cardinality = cardinality, .outputs = 3};
    rig_net(rig, i, &shape);
    toy_xy_create(&rig->xy, &shape, ROWS, test_seed);
    for (size_t r = 0; r < ROWS; r++) {
        float *x = rig->xy.x + r * NUMERIC;
        x[1] = 0.25f;
        x[2] = x[2] > 0.0f;
        x[3] = 40.0f * x[3] + 7.0f;
    }
    rig->y = toy_labels(NASTL_LOSS_CROSS_ENTROPY, ROWS, 3, test_seed);
    rig->rows = toy_rows(ROWS);
    /* Two thirds of the rows: the others lie beyond the bins, too. */
    assert_int_equal(
        nastl_net_fit(rig->toy.net, &rig->xy, rig->y, rig->rows, 2 * ROWS / 3), 0);
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

static void for_all_cases(check_case check)
{
    for (int i = 0; i < CASES; i++) {
        struct rig rig;
        rig_create(&rig, i);
        check(&rig);
        rig_destroy(&rig);
    }
}

static double oracle_gradients(struct rig *rig)
{
    struct oracle *oracle = &rig->oracle;
    oracle_forward(oracle, &rig->xy, rig->rows, ROWS, true);
    const double sum = oracle_loss(NASTL_LOSS_CROSS_ENTROPY, oracle_output_delta(oracle),
                                   oracle_output(oracle), rig->y, ROWS, 3);
    oracle_backward(oracle, &rig->xy, rig->rows);
    return sum;
}

/* ---- the oracle against differences ---- */

static const double STEP = 1e-6, DIFFERENCE_TOLERANCE = 1e-5;

/* Nearer to a kink than this, two ways of computing may take two sides. */
static const double KINK = 2e-5;

static double loss_at(struct rig *rig, double *p, double value)
{
    const double kept = *p;
    *p = value;
    const double loss = oracle_mean_loss(&rig->oracle, NASTL_LOSS_CROSS_ENTROPY, &rig->xy,
                                         rig->rows, rig->y, ROWS);
    *p = kept;
    return loss;
}

static void check_differences(struct rig *rig)
{
    const struct nastl_graph *graph = rig->toy.graph;
    struct nastl_rng rng;
    nastl_rng_init(&rng, test_seed, 2, NASTL_RNG_TEST);
    oracle_gradients(rig);
    if (rig->oracle.margin < KINK)
        return;
    for (size_t i = 0; i < graph->tensor_count; i++) {
        if (!nastl_role_trainable(graph->tensors[i].role))
            continue;
        for (int draw = 0; draw < 12; draw++) {
            const size_t at =
                (size_t)nastl_rng_below(&rng, nastl_tensor_size(&graph->tensors[i]));
            const double wanted = rig->oracle.grad[i][at];
            double *p = &rig->oracle.param[i][at];
            const double got =
                (loss_at(rig, p, *p + STEP) - loss_at(rig, p, *p - STEP)) / (2.0 * STEP);
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

/* Of float against double, relative to the largest number of a tensor; a frequency times
 * 100 loses two digits of its phase. */
static const double TOLERANCE = 2e-4;

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
        nastl_plan_create(&plan, graph, net->dnnl, ROWS + 4, &params, &grads), 0);
    assert_int_equal(nastl_plan_forward(plan, &step), 0);
    const double sum = nastl_loss_gradient(NASTL_LOSS_CROSS_ENTROPY, plan->output_delta,
                                           plan->output, rig->y, ROWS, plan->batch, 3);
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

static void check_deployed(struct rig *rig)
{
    float out[ROWS * 3], row[3];
    oracle_forward(&rig->oracle, &rig->xy, NULL, ROWS, false);
    assert_int_equal(nastl_net_forward(rig->toy.net, &rig->xy, NULL, ROWS, out), 0);
    assert_close(out, oracle_output(&rig->oracle), ROWS * 3, 1.0, "outputs");
    assert_int_equal(nastl_net_prepare_row(rig->toy.net), 0);
    for (size_t i = 0; i < ROWS; i++) {
        nastl_net_forward_row(rig->toy.net, rig->xy.x + i * NUMERIC, rig->xy.code + i * 2,
                              row);
        for (int c = 0; c < 3; c++)
            assert_true(fabsf(row[c] - out[i * 3 + c]) < 1e-5f);
    }
}

static void deployed_is_as_the_oracle(void **state)
{
    (void)state;
    for_all_cases(check_deployed);
}

/* ---- bins ---- */

static void bins_are_quantiles(void **state)
{
    (void)state;
    enum { N = 101, EDGES = 5 };
    const struct nastl_shape shape = {.numeric = 3, .outputs = 1};
    struct toy_net toy;
    float x[N * 3];
    for (int i = 0; i < N; i++) {
        x[3 * i] = (float)((i * 37) % N); /* 0 … 100 in some order */
        x[3 * i + 1] = 2.0f;
        x[3 * i + 2] = i % 2 ? 1.0f : 0.0f;
    }
    const struct nastl_xy xy = {.rows = N, .numeric = 3, .x = x};
    int32_t *rows = toy_rows(N);
    toy_net_create(
        &toy,
        SETTINGS("input.numeric_embedding=piecewise_linear", "input.embedding_bins=4"),
        &shape, 1);
    assert_int_equal(nastl_net_fit(toy.net, &xy, NULL, rows, N), 0);
    const struct nastl_tensor *bins = nastl_net_find(toy.net, "embeddings.numeric.bins");
    const float wanted[3][EDGES] = {
        {0, 25, 50, 75, 100}, {2, 2, 2, 2, 2}, {0, 1, 1, 1, 1}};
    assert_false(bins->trainable);
    assert_memory_equal(bins->data, wanted, sizeof wanted);
    nastl_alloc_fail_from(1);
    assert_true(nastl_net_fit(toy.net, &xy, NULL, rows, N) < 0);
    nastl_alloc_fail_from(0);
    toy_net_destroy(&toy);
    free(rows);
}

/* Columns D = 4, E = 3: T = 5 bins; K = 2 frequencies; a head with 2 outputs. */
static void embeddings_are_counted(void **state)
{
    (void)state;
    const struct nastl_shape shape = {.numeric = 4, .outputs = 2};
    struct toy_net toy;
    const size_t head = 4 * 3 * 2 + 2;
    toy_net_create(&toy,
                   SETTINGS("mlp.layers=0", "input.numeric_embedding=piecewise_linear",
                            "input.embedding_width=3", "input.embedding_bins=5"),
                   &shape, 1);
    assert_int_equal(nastl_graph_parameters(toy.graph), 4 * (5 * 3 + 3) + head);
    assert_true(nastl_graph_flops(toy.graph) == 4 * (4 + 2 + 2 * 3) + 2 * (2 * 12 + 1));
    assert_int_equal(nastl_graph_memory(toy.graph),
                     4 * (4 * (5 * 3 + 3 + 6) + head + 12 + 4));
    toy_net_destroy(&toy);
    toy_net_create(&toy,
                   SETTINGS("mlp.layers=0", "input.numeric_embedding=periodic",
                            "input.embedding_width=3", "input.embedding_frequencies=2"),
                   &shape, 1);
    assert_int_equal(nastl_graph_parameters(toy.graph), 4 * (2 + 4 * 3 + 3) + head);
    assert_true(nastl_graph_flops(toy.graph) ==
                4 * (3 * 2 + (4 * 2 + 1) * 3) + 2 * (2 * 12 + 1));
    toy_net_destroy(&toy);
}

/* Without numbers there is nothing to embed. */
static void categories_alone_have_no_embedding_of_numbers(void **state)
{
    (void)state;
    static const size_t cardinality[] = {4};
    const struct nastl_shape shape = {
        .categorical = 1, .cardinality = cardinality, .outputs = 2};
    struct toy_net toy;
    toy_net_create(&toy, SETTINGS("input.numeric_embedding=periodic"), &shape, 1);
    assert_null(nastl_net_find(toy.net, "embeddings.numeric.weight"));
    toy_net_destroy(&toy);
}

int main(void)
{
    omp_set_num_threads(1);
    const char *given = getenv("NASTL_TEST_SEED");
    test_seed = given ? strtoull(given, NULL, 10) : 20240301;
    print_message("NASTL_TEST_SEED=%llu\n", (unsigned long long)test_seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oracle_is_as_differences),
        cmocka_unit_test(engine_is_as_the_oracle),
        cmocka_unit_test(deployed_is_as_the_oracle),
        cmocka_unit_test(bins_are_quantiles),
        cmocka_unit_test(embeddings_are_counted),
        cmocka_unit_test(categories_alone_have_no_embedding_of_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
