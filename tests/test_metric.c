/* test_metric.c: the scores against scikit-learn's, and what must hold for any input.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/metric.h"

#include "base/clock.h"
#include "base/rng.h"
#include "check.h"
#include "golden/metrics.h"

#include <math.h>

/* Sums of at most 60 terms in another order than NumPy's. */
static const double TOLERANCE = 1e-12;

static void assert_close(double got, double expected, const char *what)
{
    const bool same = isnan(expected)
                          ? isnan(got)
                          : fabs(got - expected) <= TOLERANCE * fmax(1, fabs(expected));
    if (!same)
        fail_msg("%s: %.17g, not %.17g", what, got, expected);
}

static void scores_are_those_of_scikit_learn(void **state)
{
    (void)state;
    for (size_t g = 0; g < sizeof golden / sizeof *golden; g++) {
        const struct golden *it = &golden[g];
        struct nastl_scores scores;
        assert_int_equal(nastl_scores_compute(&scores, it->task, it->classes, it->labels,
                                              it->predictions, it->n),
                         NASTL_OK);
        for (int m = 0; m < NASTL_METRIC_COUNT; m++) {
            char what[64];
            snprintf(what, sizeof what, "%s %s", it->name, nastl_metric_name(m));
            const bool applies = nastl_metric_applies(m, it->task);
            assert_close(scores.value[m], applies ? it->score[m] : NAN, what);
        }
    }
}

static void one_score_is_that_of_all(void **state)
{
    (void)state;
    for (size_t g = 0; g < sizeof golden / sizeof *golden; g++) {
        const struct golden *it = &golden[g];
        struct nastl_scores all;
        assert_int_equal(nastl_scores_compute(&all, it->task, it->classes, it->labels,
                                              it->predictions, it->n),
                         NASTL_OK);
        for (int m = 0; m < NASTL_METRIC_COUNT; m++) {
            double one = -1;
            assert_int_equal(nastl_score_one(&one, m, it->task, it->classes, it->labels,
                                             it->predictions, it->n),
                             NASTL_OK);
            assert_true(isnan(one) ? isnan(all.value[m]) : one == all.value[m]);
        }
    }
}

static void names_read_back(void **state)
{
    (void)state;
    for (int m = 0; m < NASTL_METRIC_COUNT; m++)
        assert_int_equal(nastl_metric_from_name(nastl_metric_name(m)), m);
    assert_int_equal(nastl_metric_from_name("acuracy"), -1);
    assert_true(nastl_metric_maximized(NASTL_METRIC_MACRO_F1));
    assert_false(nastl_metric_maximized(NASTL_METRIC_LOG_LOSS));
    assert_true(nastl_metric_maximized(NASTL_METRIC_R2));
    assert_false(nastl_metric_applies(NASTL_METRIC_R2, NASTL_TASK_BINARY));
}

/* ---- what must hold ---- */

enum { N = 10000, C = 5 };

struct sample {
    double *labels, *probabilities; /* (N), (N, C) */
};

static void sample_init(struct sample *sample)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, 3, 0, NASTL_RNG_TEST);
    sample->labels = malloc(N * sizeof(double));
    sample->probabilities = malloc(N * C * sizeof(double));
    for (size_t i = 0; i < N; i++) {
        double sum = 0, *p = sample->probabilities + i * C;
        sample->labels[i] = (double)nastl_rng_below(&rng, C);
        for (size_t c = 0; c < C; c++)
            sum += p[c] = nastl_rng_uniform(&rng);
        for (size_t c = 0; c < C; c++)
            p[c] /= sum;
    }
}

static void sample_finish(struct sample *sample)
{
    free(sample->labels);
    free(sample->probabilities);
}

static void perfect_answers_have_perfect_scores(void **state)
{
    (void)state;
    struct sample sample;
    sample_init(&sample);
    for (size_t i = 0; i < N; i++)
        for (size_t c = 0; c < C; c++)
            sample.probabilities[i * C + c] = (double)c == sample.labels[i];
    struct nastl_scores s;
    assert_int_equal(nastl_scores_compute(&s, NASTL_TASK_MULTICLASS, C, sample.labels,
                                          sample.probabilities, N),
                     NASTL_OK);
    assert_true(s.value[NASTL_METRIC_ACCURACY] == 1);
    assert_true(s.value[NASTL_METRIC_BALANCED_ACCURACY] == 1);
    assert_true(s.value[NASTL_METRIC_MACRO_F1] == 1);
    assert_true(s.value[NASTL_METRIC_AUC] == 1);
    assert_true(s.value[NASTL_METRIC_LOG_LOSS] < 1e-14);
    assert_true(s.value[NASTL_METRIC_ECE] == 0);
    sample_finish(&sample);
}

/* Reversing the order of the rows changes nothing but rounding. */
static void order_of_rows_does_not_matter(void **state)
{
    (void)state;
    struct sample a, b;
    sample_init(&a);
    sample_init(&b);
    for (size_t i = 0; i < N; i++) {
        b.labels[i] = a.labels[N - 1 - i];
        memcpy(b.probabilities + i * C, a.probabilities + (N - 1 - i) * C,
               C * sizeof(double));
    }
    struct nastl_scores x, y;
    assert_int_equal(
        nastl_scores_compute(&x, NASTL_TASK_MULTICLASS, C, a.labels, a.probabilities, N),
        NASTL_OK);
    assert_int_equal(
        nastl_scores_compute(&y, NASTL_TASK_MULTICLASS, C, b.labels, b.probabilities, N),
        NASTL_OK);
    for (int m = 0; m < NASTL_METRIC_COUNT; m++)
        assert_close(x.value[m], y.value[m], nastl_metric_name(m));
    sample_finish(&a);
    sample_finish(&b);
}

static void unknown_classes_are_one_class_that_is_always_wrong(void **state)
{
    (void)state;
    const double p[] = {0.5, 0.5, 0, 0.25, 0.25, 0.5, 0, 1, 0, 0, 0, 1};
    const double same[] = {0, 2, 3, 3}, several[] = {0, 2, 3, 1e300};
    struct nastl_scores x, y;
    assert_int_equal(nastl_scores_compute(&x, NASTL_TASK_MULTICLASS, 3, same, p, 4), 0);
    assert_int_equal(nastl_scores_compute(&y, NASTL_TASK_MULTICLASS, 3, several, p, 4),
                     0);
    assert_memory_equal(&x, &y, sizeof x);
    assert_true(x.value[NASTL_METRIC_ACCURACY] == 0.5);
    /* recalls of 0, 2 and the unknown one: 1, 1, 0 */
    assert_close(x.value[NASTL_METRIC_BALANCED_ACCURACY], 2.0 / 3, "recall");
    /* F1 of 0, 1 (predicted only), 2 and the unknown one: 1, 0, 2/3, 0 */
    assert_close(x.value[NASTL_METRIC_MACRO_F1], (1 + 2.0 / 3) / 4, "f1");
}

static void predictions_that_are_not_finite_have_no_score(void **state)
{
    (void)state;
    const double labels[] = {0, 1}, p[] = {0.5, 0.5, NAN, NAN}, values[] = {1, INFINITY};
    struct nastl_scores s;
    assert_int_equal(nastl_scores_compute(&s, NASTL_TASK_BINARY, 2, labels, p, 2), 0);
    for (int m = 0; m < NASTL_METRIC_COUNT; m++)
        assert_true(isnan(s.value[m]));
    assert_int_equal(
        nastl_scores_compute(&s, NASTL_TASK_REGRESSION, 0, labels, values, 2), 0);
    for (int m = 0; m < NASTL_METRIC_COUNT; m++)
        assert_true(isnan(s.value[m]));
}

static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    const struct golden *it = &golden[0];
    struct nastl_scores s;
    int status = NASTL_ENOMEM;
    for (size_t n = 1; status == NASTL_ENOMEM; n++) {
        nastl_alloc_fail_from(n);
        status = nastl_scores_compute(&s, it->task, it->classes, it->labels,
                                      it->predictions, it->n);
        nastl_alloc_fail_from(0);
        assert_true(n > 1 || status == NASTL_ENOMEM);
    }
    assert_int_equal(status, NASTL_OK);
}

/* Early stopping asks after each epoch. The bound is far above what it takes, for
 * sanitizers and busy machines. */
static void one_score_is_cheap(void **state)
{
    (void)state;
    struct sample sample;
    sample_init(&sample);
    double best = INFINITY;
    for (int round = 0; round < 20; round++) {
        double score;
        const double start = nastl_clock_thread_cpu();
        assert_int_equal(nastl_score_one(&score, NASTL_METRIC_MACRO_F1,
                                         NASTL_TASK_MULTICLASS, C, sample.labels,
                                         sample.probabilities, N),
                         NASTL_OK);
        best = fmin(best, nastl_clock_thread_cpu() - start);
    }
    print_message("macro_f1 of %d x %d: %.0f us\n", N, C, best * 1e6);
    sample_finish(&sample);
    assert_true(best < allowed(2e-3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_scikit_learn),
        cmocka_unit_test(one_score_is_that_of_all),
        cmocka_unit_test(names_read_back),
        cmocka_unit_test(perfect_answers_have_perfect_scores),
        cmocka_unit_test(order_of_rows_does_not_matter),
        cmocka_unit_test(unknown_classes_are_one_class_that_is_always_wrong),
        cmocka_unit_test(predictions_that_are_not_finite_have_no_score),
        cmocka_unit_test(memory_that_runs_out_is_said),
        cmocka_unit_test(one_score_is_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
