/* test_pareto.c: ranks against dominance, hypervolumes against slicing, the knee on
 * fronts whose knee is known. SPDX-License-Identifier: Apache-2.0 */
#include "pareto/pareto.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_POINTS = 10000, MOST_OBJECTIVES = 6 };

static const double volume_tolerance = 1e-9; /* relative: differences of boxes cancel */

static double points[MOST_POINTS * MOST_OBJECTIVES], other[MOST_POINTS * MOST_OBJECTIVES];
static size_t rank[MOST_POINTS];
static double distance[MOST_POINTS];

/* ---- fronts to test with ----------------------------------------------------------- */

static struct nastl_rng stream(uint32_t trial)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, 5, trial, NASTL_RNG_TEST);
    return rng;
}

static void draw_uniform(struct nastl_rng *rng, size_t n, size_t m)
{
    for (size_t i = 0; i < n * m; i++)
        points[i] = nastl_rng_uniform(rng);
}

/* Few distinct values: many ties and duplicates. */
static void draw_grid(struct nastl_rng *rng, size_t n, size_t m)
{
    for (size_t i = 0; i < n * m; i++)
        points[i] = (double)nastl_rng_below(rng, 4) / 4;
}

/* On the sphere's lower left: no point dominates another. */
static void draw_front(struct nastl_rng *rng, size_t n, size_t m)
{
    for (size_t i = 0; i < n; i++) {
        double *row = points + i * m, norm = 0;
        for (size_t j = 0; j < m; j++) {
            row[j] = fabs(nastl_rng_normal(rng));
            norm += row[j] * row[j];
        }
        for (size_t j = 0; j < m; j++)
            row[j] = 1 - row[j] / sqrt(norm);
    }
}

typedef void (*draw)(struct nastl_rng *rng, size_t n, size_t m);
static const draw draws[] = {draw_uniform, draw_grid, draw_front};
enum { DRAWS = sizeof draws / sizeof *draws };

static bool dominates(const double *a, const double *b, size_t m)
{
    return nastl_pareto_covers(a, b, m) && !nastl_pareto_covers(b, a, m);
}

static size_t keep_rank_zero(double *out, size_t n, size_t m)
{
    size_t kept = 0;
    assert_int_equal(nastl_pareto_rank(rank, points, n, m), NASTL_OK);
    for (size_t i = 0; i < n; i++)
        if (rank[i] == 0)
            memcpy(out + kept++ * m, points + i * m, m * sizeof *out);
    return kept;
}

static void shuffle(struct nastl_rng *rng, double *rows, size_t n, size_t m)
{
    double kept[MOST_OBJECTIVES];
    for (size_t i = n; i > 1; i--) {
        const size_t j = (size_t)nastl_rng_below(rng, i);
        memcpy(kept, rows + j * m, m * sizeof *rows);
        memmove(rows + j * m, rows + (i - 1) * m, m * sizeof *rows);
        memcpy(rows + (i - 1) * m, kept, m * sizeof *rows);
    }
}

static void assert_near(double value, double expected)
{
    assert_true(fabs(value - expected) <= 1e-12);
}

/* ---- objectives -------------------------------------------------------------------- */

static void objectives_are_found_by_their_names(void **state)
{
    (void)state;
    size_t count = 0;
    for (const struct nastl_objective *at = nastl_objectives(); at->name; at++, count++) {
        assert_ptr_equal(nastl_objective_find(at->name), at);
        assert_true(at->unit && *at->unit && at->help && *at->help);
        assert_true(at->tasks & (NASTL_FOR_CLASSES | NASTL_FOR_VALUES));
        assert_false(at->maximize && at->source != NASTL_FROM_SCORES);
    }
    assert_int_equal(count, 18);
    assert_null(nastl_objective_find("speed"));
    assert_null(nastl_objective_find(""));
    assert_true(nastl_objective_find("macro_f1")->maximize);
    assert_string_equal(nastl_objective_find("latency")->unit, "µs");
    assert_int_equal(nastl_objective_find("rmse")->tasks, NASTL_FOR_VALUES);
    assert_int_equal(nastl_objective_find("flops")->source, NASTL_FROM_GRAPH);
}

/* ---- ranks ------------------------------------------------------------------------- */

/* A point's rank is one more than the highest rank of those that dominate it. */
static void check_ranks(size_t n, size_t m)
{
    assert_int_equal(nastl_pareto_rank(rank, points, n, m), NASTL_OK);
    for (size_t i = 0; i < n; i++) {
        size_t expected = 0;
        for (size_t k = 0; k < n; k++)
            if (dominates(points + k * m, points + i * m, m) && rank[k] + 1 > expected)
                expected = rank[k] + 1;
        assert_int_equal(rank[i], expected);
    }
}

static void rank_is_consistent_with_dominance(void **state)
{
    (void)state;
    for (size_t m = 1; m <= 5; m++)
        for (size_t d = 0; d < DRAWS; d++)
            for (uint32_t seed = 0; seed < 5; seed++) {
                struct nastl_rng rng = stream(seed);
                const size_t n = 1 + (size_t)nastl_rng_below(&rng, 200);
                draws[d](&rng, n, m);
                check_ranks(n, m);
            }
}

static void front_of_front_is_itself(void **state)
{
    (void)state;
    for (size_t m = 1; m <= 5; m++)
        for (size_t d = 0; d < DRAWS; d++) {
            struct nastl_rng rng = stream((uint32_t)m);
            draws[d](&rng, 300, m);
            const size_t n = keep_rank_zero(points, 300, m);
            assert_int_equal(keep_rank_zero(other, n, m), n);
        }
}

static void equal_points_share_a_rank(void **state)
{
    (void)state;
    for (size_t i = 0; i < 60; i++)
        points[i] = (double)(i / 20);
    assert_int_equal(nastl_pareto_rank(rank, points, 30, 2), NASTL_OK);
    for (size_t i = 0; i < 30; i++)
        assert_int_equal(rank[i], i / 10);
}

static void ten_thousand_points_are_ranked_in_time(void **state)
{
    (void)state;
    for (size_t m = 2; m <= 4; m++)
        for (size_t d = 0; d < DRAWS; d++) {
            struct nastl_rng rng = stream(1);
            draws[d](&rng, MOST_POINTS, m);
            const double start = nastl_clock_thread_cpu();
            assert_int_equal(nastl_pareto_rank(rank, points, MOST_POINTS, m), NASTL_OK);
            assert_true(nastl_clock_thread_cpu() - start < 5);
        }
}

/* ---- crowding ---------------------------------------------------------------------- */

static void crowding_is_that_of_the_paper(void **state)
{
    (void)state;
    const double front[] = {0, 10, 4, 1, 1, 6, 2, 4, 5, 5, 9, 0, 6, 6};
    const size_t expected_rank[] = {0, 0, 0, 0, 1, 0, 2};
    assert_int_equal(nastl_pareto_rank(rank, front, 7, 2), NASTL_OK);
    assert_memory_equal(rank, expected_rank, sizeof expected_rank);
    assert_int_equal(nastl_pareto_crowding(distance, rank, front, 7, 2), NASTL_OK);
    assert_true(isinf(distance[0]) && isinf(distance[5]));
    assert_true(isinf(distance[4]) && isinf(distance[6])); /* alone in their ranks */
    assert_near(distance[1], 7.0 / 9 + 4.0 / 10);
    assert_near(distance[2], 2.0 / 9 + 6.0 / 10);
    assert_near(distance[3], 3.0 / 9 + 5.0 / 10);
}

static void a_constant_objective_has_no_extremes(void **state)
{
    (void)state;
    const double front[] = {0, 7, 3, 7, 1, 7, 4, 7};
    const size_t one_rank[4] = {0};
    assert_int_equal(nastl_pareto_crowding(distance, one_rank, front, 4, 2), NASTL_OK);
    assert_true(isinf(distance[0]) && isinf(distance[3]));
    assert_near(distance[1], 0.75);
    assert_near(distance[2], 0.75);
}

/* ---- hypervolume ------------------------------------------------------------------- */

/* Slices between neighbouring values of the last objective, each the volume of the points
 * that reach it in one objective less. */
static double slices(const double *rows, size_t n, size_t stride, size_t m,
                     const double *reference)
{
    double volume = 0;
    if (m == 1) {
        for (size_t i = 0; i < n; i++)
            volume = fmax(volume, reference[0] - rows[i * stride]);
        return volume;
    }
    double *reaching = malloc((n * stride + 1) * sizeof *reaching);
    double low = -INFINITY;
    for (;;) {
        double at = reference[m - 1], next = reference[m - 1];
        for (size_t i = 0; i < n; i++)
            if (rows[i * stride + m - 1] > low)
                at = fmin(at, rows[i * stride + m - 1]);
        size_t count = 0;
        for (size_t i = 0; i < n; i++) {
            const double *row = rows + i * stride;
            if (row[m - 1] > at)
                next = fmin(next, row[m - 1]);
            else
                memcpy(reaching + count++ * stride, row, stride * sizeof *row);
        }
        if (at >= reference[m - 1])
            break;
        volume += (next - at) * slices(reaching, count, stride, m - 1, reference);
        low = at;
    }
    free(reaching);
    return volume;
}

static double oracle(size_t n, size_t m, const double *reference)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        bool inside = true;
        for (size_t j = 0; j < m; j++)
            inside = inside && points[i * m + j] < reference[j];
        if (inside)
            memcpy(other + count++ * m, points + i * m, m * sizeof *other);
    }
    return slices(other, count, m, m, reference);
}

static double volume_of(const double *rows, size_t n, size_t m, const double *reference)
{
    double volume = -1;
    assert_int_equal(nastl_pareto_hypervolume(&volume, rows, n, m, reference), NASTL_OK);
    return volume;
}

static const double ones[MOST_OBJECTIVES] = {1, 1, 1, 1, 1, 1};

static void hypervolume_equals_slicing(void **state)
{
    (void)state;
    const double near[MOST_OBJECTIVES] = {0.8, 0.9, 0.7, 1, 0.6, 0.9};
    const size_t most[] = {0, 60, 60, 60, 30, 14};
    for (size_t m = 1; m <= 5; m++)
        for (size_t d = 0; d < DRAWS; d++)
            for (uint32_t seed = 0; seed < 8; seed++) {
                struct nastl_rng rng = stream(seed);
                const size_t n = 1 + (size_t)nastl_rng_below(&rng, most[m]);
                const double *reference = seed % 2 ? ones : near;
                draws[d](&rng, n, m);
                const double expected = oracle(n, m, reference);
                assert_true(fabs(volume_of(points, n, m, reference) - expected) <=
                            volume_tolerance * expected);
            }
}

static void hypervolume_does_not_depend_on_the_order(void **state)
{
    (void)state;
    for (size_t m = 1; m <= 5; m++)
        for (size_t d = 0; d < DRAWS; d++) {
            struct nastl_rng rng = stream((uint32_t)m);
            draws[d](&rng, 40, m);
            const double volume = volume_of(points, 40, m, ones);
            for (int turn = 0; turn < 5; turn++) {
                shuffle(&rng, points, 40, m);
                assert_true(volume_of(points, 40, m, ones) == volume);
            }
        }
}

/* Copies, points that others dominate, and points on or beyond the reference. */
static void what_is_covered_or_outside_changes_no_bit(void **state)
{
    (void)state;
    for (size_t m = 1; m <= 5; m++) {
        struct nastl_rng rng = stream((uint32_t)m);
        draw_uniform(&rng, 30, m);
        const double volume = volume_of(points, 30, m, ones);
        memcpy(points + 30 * m, points, 30 * m * sizeof *points);
        memcpy(points + 60 * m, points, 30 * m * sizeof *points);
        memcpy(points + 90 * m, points, 30 * m * sizeof *points);
        for (size_t i = 60 * m; i < 90 * m; i++)
            points[i] += nastl_rng_uniform(&rng) * (1 - points[i]);
        for (size_t i = 90; i < 120; i++)
            points[i * m + i % m] = 1 + (double)(i % 3);
        shuffle(&rng, points, 120, m);
        assert_true(volume_of(points, 120, m, ones) == volume);
    }
}

static void hypervolume_of_few_points(void **state)
{
    (void)state;
    for (size_t m = 1; m <= MOST_OBJECTIVES; m++) {
        for (size_t j = 0; j < m; j++)
            points[j] = 0.5;
        assert_true(volume_of(points, 0, m, ones) == 0);
        assert_true(volume_of(points, 1, m, ones) == ldexp(1, -(int)m));
        points[m - 1] = 1;
        assert_true(volume_of(points, 1, m, ones) == 0);
        points[m - 1] = INFINITY;
        assert_true(volume_of(points, 1, m, ones) == 0);
    }
}

static void large_fronts_take_less_than_a_second(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 0, MOST_POINTS, MOST_POINTS, 400, 100};
    for (size_t m = 2; m <= 5; m++) {
        struct nastl_rng rng = stream(2);
        draw_front(&rng, sizes[m], m);
        const double start = nastl_clock_thread_cpu();
        const double volume = volume_of(points, sizes[m], m, ones);
        assert_true(volume > 0 && volume < 1);
        assert_true(nastl_clock_thread_cpu() - start < 5); /* room for a sanitizer */
    }
}

/* ---- reference point --------------------------------------------------------------- */

static void reference_lies_outside_by_a_tenth(void **state)
{
    (void)state;
    const double rows[] = {1, 5, -3, 0.2, 3, 5, -3, 0.2, 2, 5, -3, 0.2};
    double reference[4];
    nastl_pareto_reference(reference, rows, 3, 4);
    assert_near(reference[0], 3.2);
    assert_near(reference[1], 5.5);
    assert_near(reference[2], -2.7);
    assert_near(reference[3], 0.3);
}

/* ---- knee -------------------------------------------------------------------------- */

static size_t knee_of(const double *rows, size_t n, size_t m, const bool *is_cost)
{
    size_t knee = n;
    assert_int_equal(nastl_pareto_knee(&knee, rows, n, m, is_cost), NASTL_OK);
    assert_true(knee < n);
    return knee;
}

static const bool no_costs[MOST_OBJECTIVES] = {false};
static const bool all_costs[MOST_OBJECTIVES] = {true, true, true, true, true, true};

static void knee_of_a_convex_front(void **state)
{
    (void)state;
    const double plain[] = {0, 1, 0.1, 0.5, 0.3, 0.2, 0.6, 0.1, 1, 0};
    assert_int_equal(knee_of(plain, 5, 2, no_costs), 2);
    const double error_and_cost[] = {0.1, 10000, 0.11, 100, 0.3, 20, 0.5, 1};
    const bool second[] = {false, true};
    assert_int_equal(knee_of(error_and_cost, 4, 2, second), 1);
    const double corner[] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0.2, 0.2, 0.2, 0.5, 0.5, 0.01};
    assert_int_equal(knee_of(corner, 5, 3, no_costs), 3);
}

/* x y = 1: with logarithms the front is a line, without its knee is (1, 1). */
static void logarithms_are_taken_of_positive_costs_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < 41; i++) {
        points[2 * i] = exp2(((double)i - 20) / 4);
        points[2 * i + 1] = 1 / points[2 * i];
    }
    assert_int_equal(knee_of(points, 41, 2, no_costs), 20);
    points[2 * 35] *= 0.9; /* the one bend that the logarithms leave */
    assert_int_equal(knee_of(points, 41, 2, all_costs), 35);
    points[2 * 0] = 0; /* one cost of zero: no logarithm for that objective */
    points[2 * 40 + 1] = -1;
    assert_int_equal(knee_of(points, 41, 2, all_costs), knee_of(points, 41, 2, no_costs));
}

static void costs_that_rise_together_count_once(void **state)
{
    (void)state;
    const double error[] = {0, 0.1, 0.3, 0.62, 1}, cost[] = {1, 0.75, 0.31, 0.1, 0};
    for (size_t m = 2; m <= 4; m++) {
        for (size_t i = 0; i < 5; i++)
            for (size_t j = 0; j < m; j++)
                points[i * m + j] = j ? cost[i] : error[i];
        assert_int_equal(knee_of(points, 5, m, no_costs), 2);
        points[3 * m + m - 1] += 0.001; /* nor when the extremes differ a little */
        assert_int_equal(knee_of(points, 5, m, no_costs), 2);
    }
}

static void knee_of_few_or_equal_points(void **state)
{
    (void)state;
    const double two[] = {0, 1, 1, 0}, constant[] = {3, 1, 2, 1, 1, 1}, one[] = {-1, 0};
    assert_int_equal(knee_of(one, 1, 2, all_costs), 0);
    assert_int_equal(knee_of(two, 2, 2, no_costs), 1);
    assert_int_equal(knee_of(constant, 3, 2, all_costs), 2);
    assert_int_equal(knee_of(constant, 6, 1, all_costs), 1);
    for (size_t i = 0; i < 12; i++)
        points[i] = 4;
    assert_int_equal(knee_of(points, 4, 3, all_costs), 0);
    const double huge[] = {-1.7e308, 1.7e308, 1.7e308, -1.7e308, -1e308, -1e308};
    assert_int_equal(knee_of(huge, 3, 2, no_costs), 2);
}

static void knee_does_not_depend_on_the_order(void **state)
{
    (void)state;
    for (size_t m = 2; m <= 5; m++)
        for (uint32_t seed = 0; seed < 10; seed++) {
            struct nastl_rng rng = stream(seed);
            draws[seed % DRAWS](&rng, 200, m);
            const size_t n = keep_rank_zero(points, 200, m);
            double before[MOST_OBJECTIVES];
            memcpy(before, points + m * knee_of(points, n, m, no_costs),
                   m * sizeof(double));
            shuffle(&rng, points, n, m);
            assert_memory_equal(before, points + m * knee_of(points, n, m, no_costs),
                                m * sizeof(double));
        }
}

/* ---- wrong input ------------------------------------------------------------------- */

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    const double bad[] = {1, 2, NAN, 4}, good[] = {1, 2, 3, 4}, far[] = {1, -INFINITY};
    double out;
    size_t knee;
    assert_int_equal(nastl_pareto_rank(rank, bad, 2, 2), NASTL_ENUMERIC);
    assert_non_null(strstr(nastl_error_last(), "objective 0 of point 1"));
    assert_int_equal(nastl_pareto_crowding(distance, rank, bad, 2, 2), NASTL_ENUMERIC);
    assert_int_equal(nastl_pareto_hypervolume(&out, bad, 2, 2, good), NASTL_ENUMERIC);
    assert_int_equal(nastl_pareto_hypervolume(&out, good, 2, 2, bad + 2), NASTL_ENUMERIC);
    assert_int_equal(nastl_pareto_hypervolume(&out, far, 1, 2, good + 1), NASTL_ENUMERIC);
    assert_int_equal(nastl_pareto_knee(&knee, bad, 2, 2, no_costs), NASTL_ENUMERIC);
    assert_int_equal(nastl_pareto_knee(&knee, far, 1, 2, no_costs), NASTL_ENUMERIC);
    assert_int_equal(nastl_pareto_knee(&knee, good, 0, 2, no_costs), NASTL_EINVAL);
    assert_int_equal(nastl_pareto_rank(rank, good, 2, 0), NASTL_EINVAL);
    assert_int_equal(nastl_pareto_rank(rank, good, 0, 2), NASTL_OK);
}

static int all_calls(size_t m)
{
    double out;
    size_t knee;
    int status = nastl_pareto_rank(rank, points, 20, m);
    if (status == NASTL_OK)
        status = nastl_pareto_crowding(distance, rank, points, 20, m);
    if (status == NASTL_OK)
        status = nastl_pareto_hypervolume(&out, points, 20, m, ones);
    if (status == NASTL_OK)
        status = nastl_pareto_knee(&knee, points, 20, m, no_costs);
    return status;
}

static void a_failed_allocation_is_reported(void **state)
{
    (void)state;
    struct nastl_rng rng = stream(3);
    draw_front(&rng, 20, 5);
    int status = NASTL_ENOMEM;
    for (size_t n = 1; status != NASTL_OK && n < 100; n++) {
        nastl_alloc_fail_from(n);
        status = all_calls(5);
        nastl_alloc_fail_from(0);
        assert_true(status == NASTL_OK || status == NASTL_ENOMEM);
    }
    assert_int_equal(status, NASTL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objectives_are_found_by_their_names),
        cmocka_unit_test(rank_is_consistent_with_dominance),
        cmocka_unit_test(front_of_front_is_itself),
        cmocka_unit_test(equal_points_share_a_rank),
        cmocka_unit_test(ten_thousand_points_are_ranked_in_time),
        cmocka_unit_test(crowding_is_that_of_the_paper),
        cmocka_unit_test(a_constant_objective_has_no_extremes),
        cmocka_unit_test(hypervolume_equals_slicing),
        cmocka_unit_test(hypervolume_does_not_depend_on_the_order),
        cmocka_unit_test(what_is_covered_or_outside_changes_no_bit),
        cmocka_unit_test(hypervolume_of_few_points),
        cmocka_unit_test(large_fronts_take_less_than_a_second),
        cmocka_unit_test(reference_lies_outside_by_a_tenth),
        cmocka_unit_test(knee_of_a_convex_front),
        cmocka_unit_test(logarithms_are_taken_of_positive_costs_only),
        cmocka_unit_test(costs_that_rise_together_count_once),
        cmocka_unit_test(knee_of_few_or_equal_points),
        cmocka_unit_test(knee_does_not_depend_on_the_order),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(a_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
