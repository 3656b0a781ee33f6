/* test_score.c: Cholesky's factors, H-score and LogME: against their definitions on small
 * matrices, and what they must prefer.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>

#include "base/cholesky.h"
#include "base/rng.h"
#include "transfer/score.h"

enum { N = 60, D = 5, C = 3 };

struct sample {
    float values[N * D];
    double label[N];
    struct nastl_features features;
};

static double noise(struct nastl_rng *rng)
{
    return nastl_rng_normal(rng);
}

/* Features that tell the label as far as `signal` says. */
static void fill(struct sample *sample, size_t classes, double signal, uint64_t seed)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    for (size_t n = 0; n < N; n++) {
        const double y = classes ? (double)(n % classes) : noise(&rng);
        sample->label[n] = y;
        for (size_t d = 0; d < D; d++)
            sample->values[n * D + d] =
                (float)(noise(&rng) + signal * (classes ? (double)(d == (size_t)y) : y));
    }
    sample->features = (struct nastl_features){.values = sample->values,
                                               .label = sample->label,
                                               .rows = N,
                                               .width = D,
                                               .classes = classes};
}

static void shuffle(struct sample *sample)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, 99, 1, NASTL_RNG_TEST);
    for (size_t n = N; n-- > 1;) {
        const size_t other = (size_t)nastl_rng_below(&rng, n + 1);
        const double label = sample->label[n];
        sample->label[n] = sample->label[other];
        sample->label[other] = label;
    }
}

/* ---- factors ---- */

static void factors_multiply_to_the_matrix(void **state)
{
    (void)state;
    struct sample sample;
    double a[D * D] = {0}, l[D * D], x[D] = {1, -2, 3, 0, 5}, b[D] = {0};
    fill(&sample, C, 1, 7);
    for (size_t n = 0; n < N; n++)
        for (size_t i = 0; i < D; i++)
            for (size_t j = 0; j < D; j++)
                a[i * D + j] += sample.values[n * D + i] * sample.values[n * D + j];
    memcpy(l, a, sizeof a);
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < D; j++)
            b[i] += a[i * D + j] * x[j];
    assert_true(nastl_cholesky(l, D));
    nastl_cholesky_solve(l, b, D);
    for (size_t i = 0; i < D; i++)
        assert_true(fabs(b[i] - x[i]) < 1e-9);
    const double two[4] = {4, 0, 2, 5}; /* determinant 16 */
    memcpy(l, two, sizeof two);
    assert_true(nastl_cholesky(l, 2));
    assert_true(fabs(nastl_cholesky_log_determinant(l, 2) - log(16)) < 1e-12);
    const double indefinite[4] = {1, 0, 2, 1};
    memcpy(l, indefinite, sizeof indefinite);
    assert_false(nastl_cholesky(l, 2));
}

/* ---- LogME ---- */

/* ln N(y | 0, I / beta + F F^T / alpha), the evidence by its definition. */
static double evidence_of(const struct sample *sample, size_t c, double alpha,
                          double beta)
{
    static double k[N * N];
    double y[N], square = 0;
    for (size_t i = 0; i < N; i++) {
        y[i] =
            sample->features.classes ? sample->label[i] == (double)c : sample->label[i];
        for (size_t j = 0; j < N; j++) {
            double product = 0;
            for (size_t d = 0; d < D; d++)
                product += (double)sample->values[i * D + d] * sample->values[j * D + d];
            k[i * N + j] = product / alpha + (i == j ? 1 / beta : 0);
        }
    }
    assert_true(nastl_cholesky(k, N));
    nastl_cholesky_forward(k, y, N);
    for (size_t i = 0; i < N; i++)
        square += y[i] * y[i];
    return -0.5 *
           (square + nastl_cholesky_log_determinant(k, N) + N * log(6.283185307179586));
}

/* Over a grid of both variances, in quarters and tenths of a decade. */
static double best_on_grid(const struct sample *sample, size_t c)
{
    double best = -INFINITY;
    for (int i = -8; i <= 16; i++)
        for (int j = -5; j <= 20; j++)
            best =
                fmax(best, evidence_of(sample, c, pow(10, 0.25 * i), pow(10, 0.1 * j)));
    return best / N;
}

static void logme_is_the_best_evidence_of_numbers(void **state)
{
    (void)state;
    struct sample sample;
    double score;
    fill(&sample, 0, 0.7, 3);
    assert_ok(nastl_score_logme(&score, &sample.features));
    const double grid = best_on_grid(&sample, 0);
    assert_true(score >= grid - 1e-9);
    assert_true(score <= grid + 0.01);
}

static void logme_is_the_mean_over_classes(void **state)
{
    (void)state;
    struct sample sample;
    double score, grid = 0;
    fill(&sample, C, 1.5, 4);
    for (size_t c = 0; c < C; c++)
        grid += best_on_grid(&sample, c) / C;
    assert_ok(nastl_score_logme(&score, &sample.features));
    assert_true(score >= grid - 1e-9);
    assert_true(score <= grid + 0.01);
}

/* A feature that answers to a class's only row tells it for certain. */
static void a_class_of_one_row_decides_little(void **state)
{
    (void)state;
    struct sample sample;
    double before, after;
    fill(&sample, C, 0, 4);
    for (size_t n = 0; n < N; n++) {
        sample.values[n * D] = n == 5 ? 1 : 0;
        sample.label[n] = (double)(n % (C - 1));
    }
    assert_ok(nastl_score_logme(&before, &sample.features));
    sample.label[5] = C - 1;
    assert_ok(nastl_score_logme(&after, &sample.features));
    assert_true(fabs(after - before) < 30.0 / N);
}

/* ---- both ---- */

typedef int (*scorer)(double *out, const struct nastl_features *features);
static const scorer scorers[] = {nastl_score_h, nastl_score_logme};

static void shuffled_labels_score_less(void **state)
{
    (void)state;
    for (size_t s = 0; s < 2; s++)
        for (size_t classes = 0; classes <= C; classes += C)
            for (uint64_t seed = 1; seed <= 20; seed++) {
                struct sample sample;
                double as_is, shuffled;
                fill(&sample, classes, 1.5, seed);
                assert_ok(scorers[s](&as_is, &sample.features));
                shuffle(&sample);
                assert_ok(scorers[s](&shuffled, &sample.features));
                assert_true(as_is > shuffled);
            }
}

static void more_signal_scores_more(void **state)
{
    (void)state;
    for (size_t s = 0; s < 2; s++)
        for (size_t classes = 0; classes <= C; classes += C) {
            double last = -INFINITY, score;
            for (double signal = 0.5; signal < 4; signal *= 2, last = score) {
                struct sample sample;
                fill(&sample, classes, signal, 11);
                assert_ok(scorers[s](&score, &sample.features));
                assert_true(score > last);
            }
        }
}

static void h_score_lies_between_0_and_classes_less_one(void **state)
{
    (void)state;
    for (double signal = 0; signal < 100; signal = 3 * signal + 1) {
        struct sample sample;
        double score;
        fill(&sample, C, signal, 5);
        assert_ok(nastl_score_h(&score, &sample.features));
        assert_true(score >= 0);
        assert_true(score <= 1.1 * (C - 1));
    }
}

static void features_that_do_not_vary_are_scored(void **state)
{
    (void)state;
    for (size_t s = 0; s < 2; s++) {
        struct sample sample;
        double score;
        fill(&sample, C, 1, 6);
        for (size_t i = 0; i < N * D; i++)
            sample.values[i] = i % D ? 0.0f : 1.0f;
        assert_ok(scorers[s](&score, &sample.features));
        assert_true(isfinite(score));
    }
}

static void features_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    for (size_t s = 0; s < 2; s++) {
        struct sample sample;
        double score;
        fill(&sample, C, 1, 6);
        sample.values[2 * D] = NAN;
        assert_error(scorers[s](&score, &sample.features), NASTL_ENUMERIC, "row 2");
    }
}

static void lack_of_memory_is_told(void **state)
{
    (void)state;
    for (size_t s = 0; s < 2; s++) {
        struct sample sample;
        double score;
        int status = NASTL_ENOMEM;
        fill(&sample, C, 1, 6);
        for (size_t n = 1; status == NASTL_ENOMEM; n++) {
            nastl_alloc_fail_from(n);
            status = scorers[s](&score, &sample.features);
            nastl_alloc_fail_from(0);
        }
        assert_int_equal(status, NASTL_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(factors_multiply_to_the_matrix),
        cmocka_unit_test(logme_is_the_best_evidence_of_numbers),
        cmocka_unit_test(logme_is_the_mean_over_classes),
        cmocka_unit_test(a_class_of_one_row_decides_little),
        cmocka_unit_test(shuffled_labels_score_less),
        cmocka_unit_test(more_signal_scores_more),
        cmocka_unit_test(h_score_lies_between_0_and_classes_less_one),
        cmocka_unit_test(features_that_do_not_vary_are_scored),
        cmocka_unit_test(features_that_are_not_finite_are_refused),
        cmocka_unit_test(lack_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
