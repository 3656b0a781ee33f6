/* test_bins.c: the bins of piecewise-linear embeddings: quantiles, and trees of the
 * labels against all cuts tried one by one. SPDX-License-Identifier: Apache-2.0 */
#include "net_toy.h"

#include <math.h>

#include <omp.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "nn/bins.h"
#include "nn/net_impl.h"

static uint64_t test_seed;

enum { N = 240, BINS = 8, CLASSES = 3 };

struct column {
    struct nastl_labelled sorted[N];
    double left[CLASSES], right[CLASSES], cuts[BINS + 1];
    struct nastl_bin_leaf leaves[BINS];
    struct nastl_bin_tree tree;
};

/* Numbers with ties; labels that are noise but for a step. */
static void fill(struct column *column, size_t classes, uint64_t seed)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    double value = 0;
    for (size_t i = 0; i < N; i++) {
        value += (double)nastl_rng_below(&rng, 3);
        const double noise = classes > 1 ? (double)nastl_rng_below(&rng, classes)
                                         : nastl_rng_uniform(&rng);
        column->sorted[i] = (struct nastl_labelled){value, noise};
    }
    column->tree = (struct nastl_bin_tree){.classes = classes,
                                           .left = column->left,
                                           .right = column->right,
                                           .leaves = column->leaves};
}

static size_t grow(struct column *column, size_t bins)
{
    return nastl_bins_tree(column->cuts, bins, column->sorted, N, &column->tree);
}

/* Squared error of the one-hot labels (or numbers) of some rows about their mean. */
static double impurity(const struct nastl_labelled *rows, size_t n, size_t classes)
{
    double sum = 0;
    for (size_t c = 0; c < classes; c++) {
        double mean = 0;
        for (size_t i = 0; i < n; i++)
            mean +=
                (classes > 1 ? rows[i].label == (double)c : rows[i].label) / (double)n;
        for (size_t i = 0; i < n; i++) {
            const double y = classes > 1 ? rows[i].label == (double)c : rows[i].label;
            sum += (y - mean) * (y - mean);
        }
    }
    return sum;
}

/* The error that is left when the sorted rows are cut at `cut`. */
static double error_cut_at(const struct column *column, double cut)
{
    size_t before = 0;
    while (before < N && column->sorted[before].value < cut)
        before++;
    return impurity(column->sorted, before, column->tree.classes) +
           impurity(column->sorted + before, N - before, column->tree.classes);
}

static double least_error(const struct column *column, size_t least)
{
    double best = INFINITY;
    for (size_t i = least; i + least <= N; i++)
        if (column->sorted[i - 1].value < column->sorted[i].value)
            best = fmin(best, error_cut_at(column, column->sorted[i].value));
    return best;
}

static void check_first_cut(size_t classes)
{
    struct column column;
    for (uint64_t k = 0; k < 20; k++) {
        fill(&column, classes, test_seed + k);
        const size_t least = 1 + N / 8; /* a quarter of one of two bins */
        assert_int_equal(grow(&column, 2), 3);
        assert_float_equal(error_cut_at(&column, column.cuts[1]),
                           least_error(&column, least), 1e-9);
    }
}

static void first_cut_of_classes_leaves_least_error(void **state)
{
    (void)state;
    check_first_cut(CLASSES);
}

static void first_cut_of_numbers_leaves_least_error(void **state)
{
    (void)state;
    check_first_cut(1);
}

static void steps_of_the_label_are_found(void **state)
{
    (void)state;
    struct column column;
    fill(&column, 1, test_seed);
    for (size_t i = 0; i < N; i++) {
        const double value = (double)(int)(i / 2);
        column.sorted[i] = (struct nastl_labelled){value, value < 30   ? 0
                                                          : value < 50 ? 5
                                                                       : 1};
    }
    assert_int_equal(grow(&column, BINS), 4);
    assert_float_equal(column.cuts[0], 0, 0);
    assert_float_equal(column.cuts[1], 29.5, 0);
    assert_float_equal(column.cuts[2], 49.5, 0);
    assert_float_equal(column.cuts[3], N / 2 - 1, 0);
}

static void labels_that_are_all_the_same_are_not_cut(void **state)
{
    (void)state;
    struct column column;
    fill(&column, CLASSES, test_seed);
    for (size_t i = 0; i < N; i++)
        column.sorted[i].label = 1;
    assert_int_equal(grow(&column, BINS), 2);
}

static void cuts_ascend_and_every_bin_has_rows(void **state)
{
    (void)state;
    struct column column;
    for (uint64_t k = 0; k < 20; k++) {
        fill(&column, k % 2 ? CLASSES : 1, test_seed + k);
        const size_t cuts = grow(&column, BINS);
        size_t row = 0;
        assert_in_range(cuts, 2, BINS + 1);
        for (size_t t = 1; t < cuts; t++) {
            size_t rows = 0;
            assert_true(column.cuts[t] > column.cuts[t - 1]);
            while (row < N &&
                   (column.sorted[row].value < column.cuts[t] || t + 1 == cuts))
                row++, rows++;
            assert_true(rows >= 1 + N / (4 * BINS));
        }
        assert_int_equal(row, N);
    }
}

/* ---- in a network ---- */

/* Column 0 decides the class, column 1 is noise with one value, column 2 is noise. */
static void networks_take_edges_from_labels(void **state)
{
    (void)state;
    const struct nastl_shape shape = {.numeric = 3, .outputs = CLASSES};
    struct toy_net toy;
    struct nastl_xy xy;
    float y[N];
    int32_t *rows = toy_rows(N);
    toy_xy_create(&xy, &shape, N, test_seed);
    for (size_t i = 0; i < N; i++) {
        float *x = xy.x + 3 * i;
        x[0] = (float)(i % 60);
        x[1] = 2.0f;
        y[i] = x[0] < 9.5f ? 2 : x[0] < 41.5f ? 0 : 1;
    }
    toy_net_create(&toy,
                   SETTINGS("input.numeric_embedding=piecewise_linear",
                            "input.embedding_bins=4", "input.embedding_edges=tree"),
                   &shape, 1);
    assert_int_equal(nastl_net_fit(toy.net, &xy, y, rows, N), 0);
    const float wanted[2][5] = {{0, 9.5f, 41.5f, 59, 59}, {2, 2, 2, 2, 2}};
    const struct nastl_tensor *bins = nastl_net_find(toy.net, "embeddings.numeric.bins");
    assert_memory_equal(bins->data, wanted, sizeof wanted);
    int status = NASTL_ENOMEM;
    for (size_t n = 1; status == NASTL_ENOMEM; n++) {
        nastl_alloc_fail_from(n);
        status = nastl_net_fit(toy.net, &xy, y, rows, N);
        nastl_alloc_fail_from(0);
    }
    assert_int_equal(status, NASTL_OK);
    toy_net_destroy(&toy);
    toy_xy_destroy(&xy);
    free(rows);
}

int main(void)
{
    omp_set_num_threads(1);
    const char *given = getenv("NASTL_TEST_SEED");
    test_seed = given ? strtoull(given, NULL, 10) : 20240301;
    print_message("NASTL_TEST_SEED=%llu\n", (unsigned long long)test_seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_cut_of_classes_leaves_least_error),
        cmocka_unit_test(first_cut_of_numbers_leaves_least_error),
        cmocka_unit_test(steps_of_the_label_are_found),
        cmocka_unit_test(labels_that_are_all_the_same_are_not_cut),
        cmocka_unit_test(cuts_ascend_and_every_bin_has_rows),
        cmocka_unit_test(networks_take_edges_from_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
