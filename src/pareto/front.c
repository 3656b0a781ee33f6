/* front.c: ranks, crowding, the reference point and the knee.
 *
 * Ranks: K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, "A fast and elitist multiobjective
 * genetic algorithm: NSGA-II", 2002; computed by efficient non-dominated sorting with
 * binary search (X. Zhang, Y. Tian, R. Cheng, Y. Jin, "An efficient approach to
 * non-dominated sorting for evolutionary multiobjective optimization", 2015).
 * SPDX-License-Identifier: Apache-2.0 */
#include "pareto/pareto.h"

#include "base/alloc.h"
#include "base/error.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows -------------------------------------------------------------------------- */

int nastl_pareto_check(const double *points, size_t n, size_t m)
{
    if (m == 0)
        return nastl_error(NASTL_EINVAL, "front: no objective; give at least one");
    for (size_t i = 0; i < n * m; i++)
        if (isnan(points[i]))
            return nastl_error(NASTL_ENUMERIC,
                               "front: objective %zu of point %zu is not a number; leave "
                               "out points that were not measured",
                               i % m, i / m);
    return NASTL_OK;
}

int nastl_pareto_order(const double *a, const double *b, size_t m)
{
    for (size_t j = m; j-- > 0;)
        if (a[j] != b[j])
            return a[j] < b[j] ? -1 : 1;
    return 0;
}

static int by_order(const void *a, const void *b, void *m)
{
    const double *x = *(const double *const *)a, *y = *(const double *const *)b;
    const int order = nastl_pareto_order(x, y, *(const size_t *)m);
    return order ? order : (x > y) - (x < y);
}

void nastl_pareto_sort(const double **rows, size_t n, size_t m)
{
    if (n)
        qsort_r(rows, n, sizeof *rows, by_order, &m);
}

bool nastl_pareto_covers(const double *a, const double *b, size_t m)
{
    for (size_t j = 0; j < m; j++)
        if (a[j] > b[j])
            return false;
    return true;
}

/* ---- ranks ------------------------------------------------------------------------- */

/* Rows are placed in sorted order: none dominates one placed before it. A front is a
 * chain of rows, the last placed first:
 *
 *   last[f] -> previous[last[f]] -> … -> SIZE_MAX */
struct fronts {
    const double **rows;
    size_t m, count;
    size_t *last, *previous;
};

/* With two objectives the row placed last is the lowest in the first one: where it does
 * not cover `row`, no member of its front does. */
static bool front_covers(const struct fronts *fronts, size_t front, const double *row)
{
    size_t at = fronts->last[front];
    while (at != SIZE_MAX) {
        if (nastl_pareto_covers(fronts->rows[at], row, fronts->m))
            return true;
        at = fronts->m > 2 ? fronts->previous[at] : SIZE_MAX;
    }
    return false;
}

/* The first front that has no dominator of row i. A dominator in one front has one of its
 * own in each earlier front, so the search can be binary. */
static size_t place(struct fronts *fronts, size_t i)
{
    size_t low = 0, high = fronts->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (front_covers(fronts, middle, fronts->rows[i]))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == fronts->count)
        fronts->last[fronts->count++] = SIZE_MAX;
    fronts->previous[i] = fronts->last[low];
    fronts->last[low] = i;
    return low;
}

static void rank_rows(size_t *rank, struct fronts *fronts, const double *points, size_t n)
{
    const double **rows = fronts->rows;
    const size_t m = fronts->m;
    for (size_t i = 0; i < n; i++)
        rows[i] = points + i * m;
    nastl_pareto_sort(rows, n, m);
    size_t front = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || nastl_pareto_order(rows[i - 1], rows[i], m) != 0)
            front = place(fronts, i);
        rank[(size_t)(rows[i] - points) / m] = front;
    }
}

int nastl_pareto_rank(size_t *rank, const double *points, size_t n, size_t m)
{
    TRY(nastl_pareto_check(points, n, m));
    struct fronts fronts = {.m = m};
    fronts.rows = nastl_alloc(n, sizeof *fronts.rows);
    fronts.last = nastl_alloc(n, sizeof *fronts.last);
    fronts.previous = nastl_alloc(n, sizeof *fronts.previous);
    int status = NASTL_OK;
    if (fronts.rows && fronts.last && fronts.previous)
        rank_rows(rank, &fronts, points, n);
    else
        status = nastl_error_nomem("non-dominated ranks");
    free(fronts.previous);
    free(fronts.last);
    free(fronts.rows);
    return status;
}

/* ---- crowding ---------------------------------------------------------------------- */

struct place_in_rank {
    size_t rank, index;
    double value;
};

static int by_rank_and_value(const void *a, const void *b)
{
    const struct place_in_rank *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* The members of one rank in the order of one objective. distance += (next - previous) /
 * range. Where all are equal the objective has no extremes. */
static void add_gaps(double *distance, const struct place_in_rank *members, size_t n)
{
    const double range = members[n - 1].value - members[0].value;
    if (!(range > 0) && n > 2)
        return;
    distance[members[0].index] = INFINITY;
    distance[members[n - 1].index] = INFINITY;
    if (isinf(range))
        return;
    for (size_t i = 1; i + 1 < n; i++)
        distance[members[i].index] +=
            (members[i + 1].value - members[i - 1].value) / range;
}

static void add_objective(double *distance, struct place_in_rank *places, size_t n)
{
    qsort(places, n, sizeof *places, by_rank_and_value);
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && places[end].rank == places[begin].rank;)
            end++;
        add_gaps(distance, places + begin, end - begin);
    }
}

int nastl_pareto_crowding(double *distance, const size_t *rank, const double *points,
                          size_t n, size_t m)
{
    TRY(nastl_pareto_check(points, n, m));
    struct place_in_rank *places = nastl_alloc(n, sizeof *places);
    if (!places)
        return nastl_error_nomem("crowding distances");
    for (size_t i = 0; i < n; i++)
        distance[i] = 0;
    for (size_t j = 0; j < m; j++) {
        for (size_t i = 0; i < n; i++)
            places[i] = (struct place_in_rank){rank[i], i, points[i * m + j]};
        add_objective(distance, places, n);
    }
    free(places);
    return NASTL_OK;
}

/* ---- reference point --------------------------------------------------------------- */

static void bounds(double *low, double *high, const double *points, size_t n, size_t m,
                   size_t j)
{
    *low = *high = points[j];
    for (size_t i = 1; i < n; i++) {
        *low = fmin(*low, points[i * m + j]);
        *high = fmax(*high, points[i * m + j]);
    }
}

void nastl_pareto_reference(double *reference, const double *points, size_t n, size_t m)
{
    assert(n > 0);
    const double outwards = 0.1;
    for (size_t j = 0; j < m; j++) {
        double low, high;
        bounds(&low, &high, points, n, m, j);
        const double range = high > low ? high - low : fmax(fabs(high), 1);
        reference[j] = high + outwards * range;
    }
}
