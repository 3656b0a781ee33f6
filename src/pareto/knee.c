/* knee.c: the member of a front where giving up a little of one objective stops paying
 * in the others.
 *
 * Objectives are scaled to [0, 1]. The extremes are the members that are best in one
 * objective; the hyperplane through them is w . x = 1. With fewer distinct extremes than
 * objectives (the smallest network is the best in every cost) many planes pass: the one
 * with the shortest w is taken, which counts objectives that rise together as one. Two
 * extremes that nearly coincide can tilt the plane so that worse is better (w_j <= 0):
 * then they are merged. What remains undefined uses the plane x_1 + … + x_M = 1.
 * SPDX-License-Identifier: Apache-2.0 */
#include "pareto/pareto.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double tiny = 1e-9; /* pivots, weights and distances below it are noise */

struct plane {
    size_t n, m;
    double *x;          /* (N, M) scaled */
    bool *varies;       /* (M) */
    size_t count;       /* distinct extremes */
    const double **ext; /* (count) rows of x */
    double *system;     /* (count, count + 1) */
    double *factor;     /* (count) */
    double *w;          /* (M) */
};

/* ---- scaling ----------------------------------------------------------------------- */

static bool all_positive(const double *points, size_t n, size_t m, size_t j)
{
    for (size_t i = 0; i < n; i++)
        if (!(points[i * m + j] > 0))
            return false;
    return true;
}

/* Halves keep high - low finite. */
static void scale_objective(struct plane *plane, const double *points, size_t j,
                            bool use_log)
{
    const size_t n = plane->n, m = plane->m;
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        const double value = points[i * m + j];
        const double half = (use_log ? log(value) : value) / 2;
        plane->x[i * m + j] = half;
        low = fmin(low, half);
        high = fmax(high, half);
    }
    plane->varies[j] = high > low;
    for (size_t i = 0; i < n; i++) {
        double *x = &plane->x[i * m + j];
        *x = high > low ? (*x - low) / (high - low) : 0;
    }
}

/* ---- extremes ---------------------------------------------------------------------- */

static double total(const double *x, size_t m)
{
    double sum = 0;
    for (size_t j = 0; j < m; j++)
        sum += x[j];
    return sum;
}

/* Whether row a is the better extreme of objective j: lower there, else in sum, else in
 * order, so that the choice does not depend on the rows' places. */
static bool better_extreme(const double *a, const double *b, size_t j, size_t m)
{
    if (a[j] != b[j])
        return a[j] < b[j];
    const double sum_a = total(a, m), sum_b = total(b, m);
    if (sum_a != sum_b)
        return sum_a < sum_b;
    return nastl_pareto_order(a, b, m) < 0;
}

static void find_extremes(struct plane *plane)
{
    const size_t m = plane->m;
    for (size_t j = 0; j < m; j++) {
        const double *best = plane->x;
        for (size_t i = 1; i < plane->n; i++)
            if (better_extreme(plane->x + i * m, best, j, m))
                best = plane->x + i * m;
        bool known = !plane->varies[j];
        for (size_t e = 0; e < plane->count; e++)
            known = known || nastl_pareto_order(plane->ext[e], best, m) == 0;
        if (!known)
            plane->ext[plane->count++] = best;
    }
}

static double dot(const double *a, const double *b, size_t m)
{
    double sum = 0;
    for (size_t j = 0; j < m; j++)
        sum += a[j] * b[j];
    return sum;
}

/* Drops the second of the two that are nearest to each other. */
static void merge_nearest(struct plane *plane)
{
    double least = INFINITY;
    size_t drop = plane->count - 1;
    for (size_t a = 0; a < plane->count; a++)
        for (size_t b = a + 1; b < plane->count; b++) {
            const double *x = plane->ext[a], *y = plane->ext[b];
            const double distance =
                dot(x, x, plane->m) - 2 * dot(x, y, plane->m) + dot(y, y, plane->m);
            if (distance < least) {
                least = distance;
                drop = b;
            }
        }
    for (size_t e = drop; e + 1 < plane->count; e++)
        plane->ext[e] = plane->ext[e + 1];
    plane->count--;
}

/* ---- the plane --------------------------------------------------------------------- */

static void swap_rows(double *a, double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

/* Gauss and Jordan with row pivots on (K, K + 1); false where it is singular. */
static bool solve(double *factor, double *system, size_t k)
{
    const size_t width = k + 1;
    for (size_t c = 0; c < k; c++) {
        size_t pivot = c;
        for (size_t r = c + 1; r < k; r++)
            if (fabs(system[r * width + c]) > fabs(system[pivot * width + c]))
                pivot = r;
        if (fabs(system[pivot * width + c]) < tiny)
            return false;
        swap_rows(system + c * width, system + pivot * width, width);
        for (size_t r = 0; r < k; r++) {
            const double share = system[r * width + c] / system[c * width + c];
            for (size_t i = c; r != c && i < width; i++)
                system[r * width + i] -= share * system[c * width + i];
        }
    }
    for (size_t c = 0; c < k; c++)
        factor[c] = system[c * width + k] / system[c * width + c];
    return true;
}

/* The shortest w with w . e = 1 for each extreme e: w = sum a_i e_i, where
 * sum_j (e_i . e_j) a_j = 1. False where it is none that grows with every objective. */
static bool fit(struct plane *plane)
{
    const size_t k = plane->count, m = plane->m;
    for (size_t r = 0; r < k; r++) {
        for (size_t c = 0; c < k; c++)
            plane->system[r * (k + 1) + c] = dot(plane->ext[r], plane->ext[c], m);
        plane->system[r * (k + 1) + k] = 1;
    }
    if (!solve(plane->factor, plane->system, k))
        return false;
    bool grows = true;
    for (size_t j = 0; j < m; j++) {
        plane->w[j] = 0;
        for (size_t e = 0; e < k; e++)
            plane->w[j] += plane->factor[e] * plane->ext[e][j];
        grows = grows && (!plane->varies[j] || plane->w[j] > tiny);
    }
    return grows;
}

static void choose_plane(struct plane *plane)
{
    find_extremes(plane);
    while (plane->count > 1) {
        if (fit(plane))
            return;
        merge_nearest(plane);
    }
    for (size_t j = 0; j < plane->m; j++)
        plane->w[j] = 1;
}

/* The distance below the plane is (1 - w . x) / |w|: the lowest w . x wins; among equal
 * ones the first in order. */
static size_t lowest(const struct plane *plane)
{
    const size_t m = plane->m;
    size_t best = 0;
    double height = dot(plane->w, plane->x, m);
    for (size_t i = 1; i < plane->n; i++) {
        const double *x = plane->x + i * m;
        const double at = dot(plane->w, x, m);
        const bool equal = fabs(at - height) <= tiny;
        if (equal ? nastl_pareto_order(x, plane->x + best * m, m) < 0 : at < height) {
            best = i;
            height = at;
        }
    }
    return best;
}

static bool allocate(struct plane *plane, struct nastl_arena *arena)
{
    const size_t n = plane->n, m = plane->m;
    plane->x = nastl_arena_alloc(arena, n, m * sizeof *plane->x);
    plane->varies = nastl_arena_alloc(arena, m, sizeof *plane->varies);
    plane->ext = nastl_arena_alloc(arena, m, sizeof *plane->ext);
    plane->system = nastl_arena_alloc(arena, m, (m + 1) * sizeof *plane->system);
    plane->factor = nastl_arena_alloc(arena, m, sizeof *plane->factor);
    plane->w = nastl_arena_alloc(arena, m, sizeof *plane->w);
    return plane->x && plane->varies && plane->ext && plane->system && plane->factor &&
           plane->w;
}

static int check_finite(const double *points, size_t n, size_t m)
{
    if (n == 0)
        return nastl_error(NASTL_EINVAL, "knee: the front is empty; give one member");
    TRY(nastl_pareto_check(points, n, m));
    for (size_t i = 0; i < n * m; i++)
        if (!isfinite(points[i]))
            return nastl_error(NASTL_ENUMERIC,
                               "knee: objective %zu of point %zu is infinite; leave out "
                               "points that were not measured",
                               i % m, i / m);
    return NASTL_OK;
}

int nastl_pareto_knee(size_t *knee, const double *points, size_t n, size_t m,
                      const bool *is_cost)
{
    TRY(check_finite(points, n, m));
    struct nastl_arena arena;
    nastl_arena_init(&arena);
    struct plane plane = {.n = n, .m = m};
    int status = NASTL_OK;
    if (allocate(&plane, &arena)) {
        for (size_t j = 0; j < m; j++)
            scale_objective(&plane, points, j,
                            is_cost[j] && all_positive(points, n, m, j));
        choose_plane(&plane);
        *knee = lowest(&plane);
    } else {
        status = nastl_error_nomem("the knee of a front");
    }
    nastl_arena_finish(&arena);
    return status;
}
