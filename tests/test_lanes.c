/* test_lanes.c: what is compiled apart for wide and narrow vectors gives the same numbers
 * in each version that this processor can run; the tests of nn hold one of them against
 * the oracle. The functions are static, hence the sources are included.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "nn/attention.c"
#include "nn/row.c"

static const double TOLERANCE = 1e-5; /* other orders of sums, float32 */

enum { VERSIONS = 3 };

/* Version 0 is the narrow one. */
static bool can_run(int version)
{
    return nastl_lanes() >= NASTL_LANES_MOST / 4 << version;
}

static float *normal_numbers(size_t n, struct nastl_rng *rng)
{
    float *numbers = nastl_alloc_aligned(n, sizeof *numbers);
    assert_non_null(numbers);
    for (size_t i = 0; i < n; i++)
        numbers[i] = (float)nastl_rng_normal(rng);
    return numbers;
}

static void assert_same(const float *a, const float *b, size_t n)
{
    double error = 0.0, most = 1e-3;
    for (size_t i = 0; i < n; i++) {
        error = fmax(error, fabs((double)a[i] - (double)b[i]));
        most = fmax(most, fabs((double)a[i]));
    }
    if (!(error <= TOLERANCE * most))
        fail_msg("differs by %g of %g", error, most);
}

/* ---- attention ---- */

/* All blocks of one head, forwards and back: out, dQKV. */
static void run_version(int version, const struct nastl_attention *shape, float *out,
                        float *delta_in, float *kept, const float *qkv,
                        const float *delta, float *scratch)
{
    static const forward_function forwards[VERSIONS] = {forward_4, forward_8, forward_16};
    static const backward_function backs[VERSIONS] = {backward_4, backward_8,
                                                      backward_16};
    struct work work;
    cut(&work, shape, scratch);
    memset(scratch, 0, nastl_attention_scratch(shape) * sizeof *scratch);
    for (size_t b = 0; b < blocks_of(shape); b++) {
        const struct place at = block_at(shape, qkv, kept, 0, b);
        forwards[version](&work, &at, out);
        backs[version](&work, &at, delta_in, delta, out);
    }
    store_head(&work, shape, delta_in);
}

static void compare_attention(const struct nastl_attention *shape, struct nastl_rng *rng)
{
    const size_t in = shape->tokens * row_width(shape) + NASTL_LANES_MOST;
    const size_t queries = shape->queries * shape->width;
    float *qkv = normal_numbers(in, rng), *delta = normal_numbers(queries, rng);
    float *kept = normal_numbers(nastl_attention_kept(shape), rng);
    float *scratch = normal_numbers(nastl_attention_scratch(shape), rng);
    float *out[VERSIONS], *delta_in[VERSIONS];
    for (int v = 0; v < VERSIONS; v++) {
        out[v] = normal_numbers(queries, rng);
        delta_in[v] = nastl_alloc_zero(in, sizeof(float));
        if (can_run(v)) {
            run_version(v, shape, out[v], delta_in[v], kept, qkv, delta, scratch);
            assert_same(out[0], out[v], queries);
            assert_same(delta_in[0], delta_in[v], in);
        }
    }
    for (int v = 0; v < VERSIONS; v++) {
        free(out[v]);
        free(delta_in[v]);
    }
    free(qkv);
    free(delta);
    free(kept);
    free(scratch);
}

static void attention_is_the_same_in_every_width(void **state)
{
    (void)state;
    struct nastl_rng rng;
    nastl_rng_init(&rng, 1, 0, NASTL_RNG_TEST);
    for (int i = 0; i < 60; i++) {
        struct nastl_attention shape = {.tokens = 1 + nastl_rng_below(&rng, 80),
                                        .heads = 1,
                                        .width = 1 + nastl_rng_below(&rng, 40)};
        shape.queries = i % 3 ? shape.tokens : 1;
        compare_attention(&shape, &rng);
    }
}

/* ---- one row ---- */

static void compare_products(size_t inputs, size_t width, struct nastl_rng *rng)
{
    static const product_function products[VERSIONS] = {product_4, product_8, product_16};
    const size_t filled = padded_width(width);
    struct stage stage = {.inputs = inputs,
                          .width = width,
                          .padded = filled,
                          .weight = normal_numbers(filled * inputs, rng),
                          .bias = normal_numbers(filled, rng)};
    float *x = normal_numbers(inputs, rng), *y[VERSIONS];
    uint32_t *list = nastl_alloc(inputs, sizeof *list);
    for (size_t i = 0; i < inputs; i++)
        if (nastl_rng_below(rng, 2) && width % 2)
            x[i] = 0.0f;
    for (int v = 0; v < VERSIONS; v++) {
        y[v] = normal_numbers(filled, rng);
        if (can_run(v)) {
            products[v](y[v], &stage, x, list);
            assert_same(y[0], y[v], filled);
        }
    }
    for (int v = 0; v < VERSIONS; v++)
        free(y[v]);
    free(list);
    free(x);
    free(stage.weight);
    free(stage.bias);
}

static void products_of_a_row_are_the_same_in_every_width(void **state)
{
    (void)state;
    struct nastl_rng rng;
    nastl_rng_init(&rng, 2, 0, NASTL_RNG_TEST);
    for (int i = 0; i < 100; i++)
        compare_products(1 + nastl_rng_below(&rng, 200), 1 + nastl_rng_below(&rng, 200),
                         &rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_is_the_same_in_every_width),
        cmocka_unit_test(products_of_a_row_are_the_same_in_every_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
