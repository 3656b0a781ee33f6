/* test_gain.c: differences of two trainings, and their intervals.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/rng.h"
#include "run/gain.h"

#include <math.h>

/* Sums in another order. */
static const double TINY = 1e-12;

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.17g, not %.17g", got, expected);
}

/* ---- folds ------------------------------------------------------------------------- */

static void folds_have_the_interval_of_student(void **state)
{
    (void)state;
    const double a[] = {0.5, 0.8, 0.9}, b[] = {0.4, 0.6, 0.6};
    const double half = 4.3027 * 0.1 / sqrt(3); /* t(2) sd / sqrt(n) */
    struct nastl_gain gain;
    nastl_gain_of_folds(&gain, NASTL_METRIC_MACRO_F1, a, b, 3);
    assert_near(gain.gain, 0.2, TINY);
    assert_near(gain.low, 0.2 - half, 1e-4);
    assert_near(gain.high, 0.2 + half, 1e-4);
    assert_string_equal(gain.why, "");
}

static void what_is_minimised_gains_by_less(void **state)
{
    (void)state;
    const double a[] = {1, 2, 4, 3}, b[] = {2, 2, 5, 5};
    struct nastl_gain more, less, back;
    nastl_gain_of_folds(&more, NASTL_METRIC_R2, a, b, 4);
    nastl_gain_of_folds(&less, NASTL_METRIC_RMSE, a, b, 4);
    nastl_gain_of_folds(&back, NASTL_METRIC_R2, b, a, 4);
    assert_near(less.gain, 1, TINY);
    assert_near(more.gain, -1, TINY);
    assert_near(back.low, less.low, TINY);
    assert_near(back.high, less.high, TINY);
    assert_near(more.low, -less.high, TINY);
}

static void a_fold_without_a_score_tells_nothing(void **state)
{
    (void)state;
    const double a[] = {1, NAN}, b[] = {2, 2};
    struct nastl_gain gain;
    nastl_gain_of_folds(&gain, NASTL_METRIC_AUC, a, b, 2);
    assert_true(isnan(gain.gain) && isnan(gain.low) && isnan(gain.high));
    assert_non_null(strstr(gain.why, "fold"));
    nastl_gain_of_folds(&gain, NASTL_METRIC_AUC, b, b, 1);
    assert_true(isnan(gain.gain));
}

/* ---- rows -------------------------------------------------------------------------- */

enum { ROWS = 120, CLASSES = 3 };

/* Labels, and two classifiers that are right with probability p and q. */
struct rows {
    double labels[ROWS], a[ROWS * CLASSES], b[ROWS * CLASSES];
    int32_t group[ROWS];
};

static void answer(double *out, double label, bool right)
{
    const size_t class = ((size_t)label + !right) % CLASSES;
    for (size_t c = 0; c < CLASSES; c++)
        out[c] = c == class ? 0.8 : 0.1;
}

/* Rows of a group of `size` are answered alike. */
static void make_rows(struct rows *rows, uint64_t seed, double p, double q, size_t size)
{
    struct nastl_rng rng;
    bool x = false, y = false;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    for (size_t i = 0; i < ROWS; i++) {
        if (i % size == 0) {
            x = nastl_rng_uniform(&rng) < p;
            y = nastl_rng_uniform(&rng) < q;
        }
        rows->labels[i] = (double)nastl_rng_below(&rng, CLASSES);
        rows->group[i] = (int32_t)(i / size);
        answer(rows->a + i * CLASSES, rows->labels[i], x);
        answer(rows->b + i * CLASSES, rows->labels[i], y);
    }
}

static struct nastl_gain_rows asked(const struct rows *rows, enum nastl_metric metric)
{
    return (struct nastl_gain_rows){.metric = metric,
                                    .task = NASTL_TASK_MULTICLASS,
                                    .classes = CLASSES,
                                    .n = ROWS,
                                    .labels = rows->labels,
                                    .a = {rows->a},
                                    .b = {rows->b},
                                    .pairs = 1,
                                    .seed = 7,
                                    .stream = 3};
}

static void the_same_stream_gives_the_same_interval(void **state)
{
    (void)state;
    struct rows rows;
    struct nastl_gain one, two, other;
    make_rows(&rows, 1, 0.8, 0.7, 1);
    struct nastl_gain_rows ask = asked(&rows, NASTL_METRIC_MACRO_F1);
    assert_ok(nastl_gain_of_rows(&one, &ask));
    assert_ok(nastl_gain_of_rows(&two, &ask));
    assert_true(one.gain == two.gain && one.low == two.low && one.high == two.high);
    ask.stream++;
    assert_ok(nastl_gain_of_rows(&other, &ask));
    assert_true(one.gain == other.gain);
    assert_true(one.low != other.low || one.high != other.high);
}

static void the_other_way_round_it_is_negated(void **state)
{
    (void)state;
    const enum nastl_metric metrics[] = {NASTL_METRIC_ACCURACY, NASTL_METRIC_MACRO_F1,
                                         NASTL_METRIC_LOG_LOSS, NASTL_METRIC_AUC};
    struct rows rows;
    make_rows(&rows, 2, 0.8, 0.6, 1);
    for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++) {
        struct nastl_gain forth, back;
        struct nastl_gain_rows ask = asked(&rows, metrics[m]);
        assert_ok(nastl_gain_of_rows(&forth, &ask));
        ask.a[0] = rows.b;
        ask.b[0] = rows.a;
        assert_ok(nastl_gain_of_rows(&back, &ask));
        assert_true(forth.gain > 0); /* whatever its direction is */
        assert_true(forth.low < forth.gain && forth.gain < forth.high);
        assert_near(back.gain, -forth.gain, TINY);
        assert_near(back.low, -forth.high, TINY);
        assert_near(back.high, -forth.low, TINY);
    }
}

static void equal_answers_gain_nothing(void **state)
{
    (void)state;
    struct rows rows;
    struct nastl_gain gain;
    make_rows(&rows, 3, 0.7, 0.7, 1);
    struct nastl_gain_rows ask = asked(&rows, NASTL_METRIC_MACRO_F1);
    ask.b[0] = ask.a[0];
    assert_ok(nastl_gain_of_rows(&gain, &ask));
    assert_true(gain.gain == 0 && gain.low == 0 && gain.high == 0);
}

/* The interval holds the true difference, 0.1, about 19 times of 20. */
static void the_interval_covers(void **state)
{
    (void)state;
    enum { TIMES = 60, LEAST = 52 };
    size_t covered = 0;
    for (uint64_t seed = 0; seed < TIMES; seed++) {
        struct rows rows;
        struct nastl_gain gain;
        make_rows(&rows, 100 + seed, 0.8, 0.7, 1);
        const struct nastl_gain_rows ask = asked(&rows, NASTL_METRIC_ACCURACY);
        assert_ok(nastl_gain_of_rows(&gain, &ask));
        covered += gain.low <= 0.1 && 0.1 <= gain.high;
        assert_true(gain.high - gain.low < 0.4);
    }
    print_message("%zu of %d intervals cover\n", covered, TIMES);
    assert_true(covered >= LEAST);
}

/* Pairs that differ tell less than each of them would. */
static void pairs_are_drawn_too(void **state)
{
    (void)state;
    struct rows good, bad;
    struct nastl_gain one, both;
    make_rows(&good, 4, 0.9, 0.5, 1);
    make_rows(&bad, 4, 0.5, 0.5, 1);
    memcpy(bad.labels, good.labels, sizeof bad.labels);
    struct nastl_gain_rows ask = asked(&good, NASTL_METRIC_ACCURACY);
    assert_ok(nastl_gain_of_rows(&one, &ask));
    ask.a[1] = bad.a;
    ask.b[1] = good.b;
    ask.pairs = 2;
    assert_ok(nastl_gain_of_rows(&both, &ask));
    assert_true(both.gain < one.gain && both.low < one.low);
    assert_true(both.high - both.low > 1.2 * (one.high - one.low));
}

/* Ten rows that stand or fall together tell less than ten rows. */
static void groups_are_drawn_whole(void **state)
{
    (void)state;
    struct rows rows;
    struct nastl_gain alone, whole, single;
    make_rows(&rows, 5, 0.8, 0.5, 10);
    struct nastl_gain_rows ask = asked(&rows, NASTL_METRIC_ACCURACY);
    assert_ok(nastl_gain_of_rows(&alone, &ask));
    ask.group = rows.group;
    assert_ok(nastl_gain_of_rows(&whole, &ask));
    assert_true(whole.gain == alone.gain);
    assert_true(whole.high - whole.low > 2 * (alone.high - alone.low));
    for (size_t i = 0; i < ROWS; i++)
        rows.group[i] = (int32_t)i;
    assert_ok(nastl_gain_of_rows(&single, &ask));
    assert_true(single.low == alone.low && single.high == alone.high);
}

static void too_few_rows_tell_nothing(void **state)
{
    (void)state;
    struct rows rows;
    struct nastl_gain gain;
    make_rows(&rows, 6, 0.8, 0.5, ROWS);
    struct nastl_gain_rows ask = asked(&rows, NASTL_METRIC_ACCURACY);
    ask.group = rows.group; /* one */
    assert_ok(nastl_gain_of_rows(&gain, &ask));
    assert_true(isnan(gain.gain));
    assert_non_null(strstr(gain.why, "too few"));
    for (size_t i = 0; i < ROWS; i++)
        rows.labels[i] = 0;
    ask = asked(&rows, NASTL_METRIC_AUC); /* of one class */
    assert_ok(nastl_gain_of_rows(&gain, &ask));
    assert_true(isnan(gain.gain));
}

static void values_gain_by_their_errors(void **state)
{
    (void)state;
    double labels[ROWS], a[ROWS], b[ROWS];
    struct nastl_rng rng;
    struct nastl_gain gain;
    nastl_rng_init(&rng, 9, 0, NASTL_RNG_TEST);
    for (size_t i = 0; i < ROWS; i++) {
        labels[i] = nastl_rng_normal(&rng);
        a[i] = labels[i] + nastl_rng_normal(&rng);
        b[i] = labels[i] + 3 * nastl_rng_normal(&rng);
    }
    const struct nastl_gain_rows ask = {.metric = NASTL_METRIC_RMSE,
                                        .task = NASTL_TASK_REGRESSION,
                                        .n = ROWS,
                                        .labels = labels,
                                        .a = {a},
                                        .b = {b},
                                        .pairs = 1};
    assert_ok(nastl_gain_of_rows(&gain, &ask));
    assert_true(gain.low > 1 && gain.high < 3);
    assert_near(gain.gain, 2, 0.5);
}

/* ---- memory ------------------------------------------------------------------------ */

static void memory_may_run_out(void **state)
{
    (void)state;
    struct rows rows;
    struct nastl_gain gain;
    make_rows(&rows, 8, 0.8, 0.5, 10);
    struct nastl_gain_rows ask = asked(&rows, NASTL_METRIC_ACCURACY);
    ask.group = rows.group;
    int status = NASTL_ENOMEM;
    size_t n = 1;
    for (; n < 30 && status == NASTL_ENOMEM; n++) {
        nastl_alloc_fail_from(n);
        status = nastl_gain_of_rows(&gain, &ask);
    }
    nastl_alloc_fail_from(0);
    assert_true(n > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_have_the_interval_of_student),
        cmocka_unit_test(what_is_minimised_gains_by_less),
        cmocka_unit_test(a_fold_without_a_score_tells_nothing),
        cmocka_unit_test(the_same_stream_gives_the_same_interval),
        cmocka_unit_test(the_other_way_round_it_is_negated),
        cmocka_unit_test(equal_answers_gain_nothing),
        cmocka_unit_test(the_interval_covers),
        cmocka_unit_test(pairs_are_drawn_too),
        cmocka_unit_test(groups_are_drawn_whole),
        cmocka_unit_test(too_few_rows_tell_nothing),
        cmocka_unit_test(values_gain_by_their_errors),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
