/* test_product.c: products by hand and by oneDNN against three loops, on random shapes,
 * with zeros and without. Where there is no AVX-512, the tests by hand are skipped. The
 * seed is printed; NASTL_TEST_SEED sets another. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "base/alloc.h"
#include "base/hot.h"
#include "base/rng.h"
#include "nn/product.h"

/* Relative to the largest number of C: float sums of a few hundred terms, each rounded to
 * 6e-8. */
static const double TOLERANCE = 1e-5;

enum { SHAPES = 240, GUARD = 16 };
static const float UNTOUCHED = 12345.0f;

static uint64_t test_seed;

static struct nastl_rng stream(uint32_t trial)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, test_seed, trial, NASTL_RNG_TEST);
    return rng;
}

static size_t between(struct nastl_rng *rng, size_t low, size_t high)
{
    return low + (size_t)nastl_rng_below(rng, high - low + 1);
}

/* `zeros`: how many of them are 0, in tenths. */
static float *numbers(size_t n, unsigned zeros, struct nastl_rng *rng)
{
    float *x = nastl_alloc_aligned(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = nastl_rng_below(rng, 10) < zeros ? 0.0f : (float)nastl_rng_normal(rng);
    return x;
}

/* ---- one case ---- */

struct rig {
    struct nastl_matmul_params params;
    struct nastl_operands operands;
    float *a, *b, *bias, *mask, *c;
    void *scratch;
    size_t c_count;
};

static void rig_create(struct rig *rig, const struct nastl_matmul_params *params,
                       unsigned zeros, bool masked, struct nastl_rng *rng)
{
    const struct nastl_matmul_params *p = params;
    *rig = (struct rig){.params = *p, .c_count = p->m * p->ldc};
    rig->a = numbers((p->a_transposed ? p->k : p->m) * p->lda, zeros, rng);
    rig->b = numbers((p->b_transposed ? p->n : p->k) * p->ldb, 0, rng);
    rig->bias = numbers(p->n, 0, rng);
    rig->mask = numbers(rig->c_count, 3, rng);
    rig->c = numbers(rig->c_count + GUARD, 0, rng);
    for (size_t i = 0; i < rig->c_count + GUARD; i++)
        rig->c[i] = UNTOUCHED;
    rig->operands = (struct nastl_operands){.a = rig->a,
                                            .b = rig->b,
                                            .bias = p->bias ? rig->bias : NULL,
                                            .mask = masked ? rig->mask : NULL,
                                            .c = rig->c};
}

static void rig_scratch(struct rig *rig, size_t bytes)
{
    rig->scratch = nastl_alloc_aligned(bytes + 1, 1);
    assert_non_null(rig->scratch);
    rig->operands.scratch = rig->scratch;
}

static void rig_destroy(struct rig *rig)
{
    free(rig->a);
    free(rig->b);
    free(rig->bias);
    free(rig->mask);
    free(rig->c);
    free(rig->scratch);
}

static double wanted(const struct rig *rig, size_t i, size_t j)
{
    const struct nastl_matmul_params *p = &rig->params;
    double sum = rig->operands.bias ? (double)rig->bias[j] : 0.0;
    for (size_t k = 0; k < p->k; k++)
        sum += (double)rig->a[p->a_transposed ? k * p->lda + i : i * p->lda + k] *
               (double)rig->b[p->b_transposed ? j * p->ldb + k : k * p->ldb + j];
    if (rig->operands.mask && !(rig->mask[i * p->ldc + j] > 0.0f))
        return 0.0;
    return p->relu && sum < 0.0 ? 0.0 : sum;
}

/* All of C, and what lies between its rows and behind it. */
static void rig_check(const struct rig *rig)
{
    const struct nastl_matmul_params *p = &rig->params;
    double error = 0.0, most = 1.0;
    for (size_t i = 0; i < p->m; i++)
        for (size_t j = 0; j < p->ldc; j++) {
            const float got = rig->c[i * p->ldc + j];
            if (j >= p->n) {
                assert_true(got == UNTOUCHED);
                continue;
            }
            const double right = wanted(rig, i, j);
            assert_true(isfinite(got));
            most = fmax(most, fabs(right));
            error = fmax(error, fabs((double)got - right));
        }
    for (size_t i = 0; i < GUARD; i++)
        assert_true(rig->c[rig->c_count + i] == UNTOUCHED);
    if (error > TOLERANCE * most)
        fail_msg("%zu x %zu x %zu, A%s B%s: off by %g of %g", p->m, p->n, p->k,
                 p->a_transposed ? "^T" : "", p->b_transposed ? "^T" : "", error, most);
}

/* Single rows and columns, whole vectors and panels, more than a chunk and a block. */
static size_t dimension(struct nastl_rng *rng)
{
    static const size_t special[] = {1, 2, 15, 16, 17, 48, 64, 65, 128, 257};
    const size_t count = sizeof special / sizeof *special;
    return nastl_rng_below(rng, 2) ? special[nastl_rng_below(rng, count)]
                                   : between(rng, 1, 150);
}

static struct nastl_matmul_params shape(unsigned i, struct nastl_rng *rng)
{
    struct nastl_matmul_params p = {.m = dimension(rng),
                                    .n = dimension(rng),
                                    .k = dimension(rng),
                                    .a_transposed = i & 1,
                                    .b_transposed = i & 2,
                                    .bias = i & 4,
                                    .relu = i & 8};
    const size_t wider = i & 16 ? 5 : 0;
    p.lda = (p.a_transposed ? p.m : p.k) + wider;
    p.ldb = (p.b_transposed ? p.k : p.n) + wider;
    p.ldc = p.n + wider;
    return p;
}

/* ---- by hand ---- */

static void skip_without_avx512(void)
{
    const struct nastl_matmul_params p = {
        .m = 64, .n = 64, .k = 64, .lda = 64, .ldb = 64, .ldc = 64};
    if (nastl_lanes() < NASTL_LANES_MOST ||
        nastl_product_512_suits(&p) == NASTL_BY_HAND_NEVER)
        skip();
}

static void products_by_hand_are_as_three_loops(void **state)
{
    (void)state;
    skip_without_avx512();
    struct nastl_rng rng = stream(0);
    for (unsigned i = 0; i < SHAPES; i++) {
        const struct nastl_matmul_params p = shape(i, &rng);
        const unsigned zeros[] = {0, 5, 9, 10};
        struct rig rig;
        rig_create(&rig, &p, zeros[i / 5 % 4], i % 3 == 0, &rng);
        rig_scratch(&rig, nastl_product_512_scratch(&p));
        nastl_product_512_run(&p, &rig.operands);
        rig_check(&rig);
        rig_destroy(&rig);
    }
}

/* The same rows, alone and before others without a zero. */
static void zeros_that_are_passed_over_change_no_bit(void **state)
{
    (void)state;
    skip_without_avx512();
    enum { FEW = 48, MANY = 48 * 8 };
    struct nastl_rng rng = stream(1);
    struct rig rig;
    struct nastl_matmul_params p = {
        .m = MANY, .n = 128, .k = 130, .bias = true, .lda = 130, .ldb = 128, .ldc = 128};
    rig_create(&rig, &p, 0, false, &rng);
    for (size_t i = 0; i < FEW * p.lda; i++)
        rig.a[i] = nastl_rng_below(&rng, 2) ? 0.0f : rig.a[i];
    rig_scratch(&rig, nastl_product_512_scratch(&p));
    assert_false(nastl_product_512_is_sparse(&p, rig.a));
    nastl_product_512_run(&p, &rig.operands);
    float *many = numbers(FEW * p.ldc, 0, &rng);
    memcpy(many, rig.c, FEW * p.ldc * sizeof *many);
    p.m = FEW;
    assert_true(nastl_product_512_is_sparse(&p, rig.a));
    nastl_product_512_run(&p, &rig.operands);
    assert_memory_equal(many, rig.c, FEW * p.ldc * sizeof *many);
    free(many);
    rig_destroy(&rig);
}

static void a_nan_is_no_zero(void **state)
{
    (void)state;
    skip_without_avx512();
    struct nastl_rng rng = stream(2);
    const struct nastl_matmul_params p = {
        .m = 33, .n = 64, .k = 40, .relu = true, .lda = 40, .ldb = 64, .ldc = 64};
    struct rig rig;
    rig_create(&rig, &p, 6, false, &rng);
    rig.a[7 * p.lda + 3] = NAN;
    rig_scratch(&rig, nastl_product_512_scratch(&p));
    nastl_product_512_run(&p, &rig.operands);
    for (size_t i = 0; i < rig.c_count; i++)
        assert_int_equal(isnan(rig.c[i]) != 0, i / p.ldc == 7);
    rig_destroy(&rig);
}

/* ---- whichever is chosen ---- */

static void products_that_are_chosen_are_as_three_loops(void **state)
{
    (void)state;
    struct nastl_rng rng = stream(3);
    struct nastl_dnnl *dnnl;
    assert_int_equal(nastl_dnnl_create(&dnnl), 0);
    for (unsigned i = 0; i < SHAPES; i++) {
        const struct nastl_matmul_params p = shape(i, &rng);
        struct nastl_product *product;
        struct rig rig;
        rig_create(&rig, &p, i / 5 % 2 ? 5 : 0, i % 3 == 0, &rng);
        assert_int_equal(nastl_product_create(&product, dnnl, &p), 0);
        rig_scratch(&rig, nastl_product_scratch(product));
        assert_int_equal(nastl_product_bind(product, &rig.operands), 0);
        assert_int_equal(nastl_product_run(product), 0);
        rig_check(&rig);
        nastl_product_destroy(product);
        rig_destroy(&rig);
    }
    nastl_dnnl_destroy(dnnl);
}

int main(void)
{
    omp_set_num_threads(1);
    const char *given = getenv("NASTL_TEST_SEED");
    test_seed = given ? strtoull(given, NULL, 10) : 20261122;
    print_message("NASTL_TEST_SEED=%llu\n", (unsigned long long)test_seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_by_hand_are_as_three_loops),
        cmocka_unit_test(zeros_that_are_passed_over_change_no_bit),
        cmocka_unit_test(a_nan_is_no_zero),
        cmocka_unit_test(products_that_are_chosen_are_as_three_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
