/* check_embed.c: networks with numeric embeddings: gradients of the oracle against
 * central differences, of the engine against the oracle, single rows against batches; the
 * bins; what they cost. The seed is printed; NASTL_TEST_SEED sets another.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check_rig.h"

#include <stdio.h>

#include "base/alloc.h"

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

/* A frequency times 100 loses two digits of its phase. */
static const struct precision precision = {
    .step = 1e-6, .difference = 1e-5, .kink = 2e-5, .engine = 2e-4};

static void rig_net(struct check_rig *rig, int i, const struct nastl_shape *shape)
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
                   shape, check_seed());
}

/* Column 1 has one value, column 2 two, column 3 is far away; the others are normal. */
static void rig_create(struct check_rig *rig, int i)
{
    static const size_t cardinality[] = {20, 3};
    const struct nastl_shape shape = {
        .numeric = NUMERIC, .categorical = 2, .cardinality = cardinality, .outputs = 3};
    rig_net(rig, i, &shape);
    check_rig_fill(rig, ROWS, NASTL_LOSS_CROSS_ENTROPY, &precision);
    for (size_t r = 0; r < ROWS; r++) {
        float *x = rig->xy.x + r * NUMERIC;
        x[1] = 0.25f;
        x[2] = x[2] > 0.0f;
        x[3] = 40.0f * x[3] + 7.0f;
    }
    /* Two thirds of the rows: the others lie beyond the bins, too. */
    assert_int_equal(
        nastl_net_fit(rig->toy.net, &rig->xy, rig->y, rig->rows, 2 * ROWS / 3), 0);
    check_rig_ask(rig);
}

static void for_all_cases(void (*check)(struct check_rig *rig))
{
    for (int i = 0; i < CASES; i++) {
        struct check_rig rig;
        rig_create(&rig, i);
        check(&rig);
        check_rig_destroy(&rig);
    }
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
    check_begin();
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
