/* hypervolume.c: the exact volume that a set of points dominates within a reference.
 *
 * Two objectives: a sweep. Three: the sweep of N. Beume, C. Fonseca, M. López-Ibáñez,
 * L. Paquete, J. Vahrenhold, "On the complexity of computing the hypervolume indicator",
 * 2009, with a sorted array in place of the balanced tree: moving its tail is faster than
 * a tree up to some 100,000 points. Beyond: L. While, L. Bradstreet, L. Barone, "A fast
 * way of calculating exact hypervolumes" (WFG), 2012.
 *
 * Only positive pieces are added in the sweeps, and none for a point that others cover,
 * so neither the order of the points nor dominated ones change a bit of the result.
 * SPDX-License-Identifier: Apache-2.0 */
#include "pareto/pareto.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- two and three objectives ------------------------------------------------------ */

/* Steps of the points seen so far, x rising and y falling:
 *
 *   y |  +-----------+ reference
 *     |  #0#########|     The area above and right of the steps is what
 *     |     #1######|     they dominate.
 *     |         #2##|
 *     +---------------- x */
struct stair {
    double *x, *y; /* room for every point */
    size_t count;
    double right, top; /* the reference */
};

static size_t first_not_left(const struct stair *stair, double x)
{
    size_t low = 0, high = stair->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (stair->x[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Puts a step at `at` in place of the steps from there up to `end`. */
static void replace(struct stair *stair, size_t at, size_t end, double x, double y)
{
    const size_t tail = stair->count - end;
    memmove(stair->x + at + 1, stair->x + end, tail * sizeof *stair->x);
    memmove(stair->y + at + 1, stair->y + end, tail * sizeof *stair->y);
    stair->x[at] = x;
    stair->y[at] = y;
    stair->count = at + 1 + tail;
}

/* Adds a point and returns the area it gains, 0 where it is covered. */
static double add_step(struct stair *stair, double x, double y)
{
    const size_t at = first_not_left(stair, x);
    if ((at > 0 && stair->y[at - 1] <= y) ||
        (at < stair->count && stair->x[at] == x && stair->y[at] <= y))
        return 0;
    double gained = 0, left = x, top = at > 0 ? stair->y[at - 1] : stair->top;
    size_t end = at;
    for (; end < stair->count && stair->y[end] >= y; end++) {
        gained += (stair->x[end] - left) * (top - y);
        left = stair->x[end];
        top = stair->y[end];
    }
    gained += ((end < stair->count ? stair->x[end] : stair->right) - left) * (top - y);
    replace(stair, at, end, x, y);
    return gained;
}

/* Rows in order (the second number rising). */
static double sweep_2d(const double *const *rows, size_t n, const double *reference)
{
    double volume = 0, left = reference[0];
    for (size_t i = 0; i < n; i++) {
        if (rows[i][0] >= left)
            continue;
        volume += (left - rows[i][0]) * (reference[1] - rows[i][1]);
        left = rows[i][0];
    }
    return volume;
}

/* Rows in order (the third number rising): the area grows, and is constant in between. */
static double sweep_3d(struct stair *stair, const double *const *rows, size_t n,
                       const double *reference)
{
    *stair = (struct stair){stair->x, stair->y, 0, reference[0], reference[1]};
    double volume = 0, area = 0, depth = 0;
    for (size_t i = 0; i < n; i++) {
        const double gained = add_step(stair, rows[i][0], rows[i][1]);
        if (!(gained > 0))
            continue;
        volume += area * (rows[i][2] - depth);
        area += gained;
        depth = rows[i][2];
    }
    return volume + area * (reference[2] - depth);
}

/* ---- more objectives --------------------------------------------------------------- */

/* Memory of one depth of the recursion: the points in the first `m` objectives. */
struct level {
    double *points;      /* (N, m) */
    const double **rows; /* (N) */
};

struct wfg {
    const double *reference; /* (M) */
    struct stair stair;
    struct level *levels; /* [m] for m objectives, 3 … M - 1 */
};

/* Removes covered rows from rows in order, in place; equal ones but for the first. */
static size_t keep_front(const double **rows, size_t n, size_t m)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool covered = false;
        for (size_t k = 0; k < kept && !covered; k++)
            covered = nastl_pareto_covers(rows[k], rows[i], m);
        if (!covered)
            rows[kept++] = rows[i];
    }
    return kept;
}

/* What row `i` dominates together with the rows before it, in the first `m` objectives:
 * the front of the joins max(p, row), sorted. */
static size_t limit(const struct level *level, const double *const *rows, size_t i,
                    size_t m)
{
    for (size_t k = 0; k < i; k++) {
        double *joined = level->points + k * m;
        for (size_t j = 0; j < m; j++)
            joined[j] = fmax(rows[k][j], rows[i][j]);
        level->rows[k] = joined;
    }
    nastl_pareto_sort(level->rows, i, m);
    return m > 3 ? keep_front(level->rows, i, m) : i;
}

static double box(const double *row, const double *reference, size_t m)
{
    double volume = 1;
    for (size_t j = 0; j < m; j++)
        volume *= reference[j] - row[j];
    return volume;
}

/* Rows in order (the last number rising). The volume is the sum over rows of what each
 * dominates and no row before it does. No row before it is worse in the last objective,
 * so the joins are equal there and one objective less has to be looked at:
 *
 *   exclusive(p) = (r_m - p_m) (box(p) - volume of the joins), both in m - 1 objectives
 */
static double volume_of(struct wfg *wfg, const double *const *rows, size_t n, size_t m)
{
    if (m == 3)
        return sweep_3d(&wfg->stair, rows, n, wfg->reference);
    const size_t less = m - 1;
    const struct level *level = &wfg->levels[less];
    double volume = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t joins = limit(level, rows, i, less);
        const double all = box(rows[i], wfg->reference, less);
        const double shared = volume_of(wfg, level->rows, joins, less);
        volume += (wfg->reference[less] - rows[i][less]) * (all - shared);
    }
    return volume;
}

static int run_wfg(double *volume, const double **rows, size_t n, size_t m,
                   const double *reference)
{
    struct nastl_arena arena;
    nastl_arena_init(&arena);
    struct wfg wfg = {.reference = reference};
    wfg.stair.x = nastl_arena_alloc(&arena, n, sizeof *wfg.stair.x);
    wfg.stair.y = nastl_arena_alloc(&arena, n, sizeof *wfg.stair.y);
    wfg.levels = nastl_arena_alloc(&arena, m, sizeof *wfg.levels);
    bool ready = wfg.stair.x && wfg.stair.y && wfg.levels;
    for (size_t j = 3; j < m && ready; j++) {
        struct level *level = &wfg.levels[j];
        level->points = nastl_arena_alloc(&arena, n, j * sizeof *level->points);
        level->rows = nastl_arena_alloc(&arena, n, sizeof *level->rows);
        ready = level->points && level->rows;
    }
    if (ready)
        *volume = volume_of(&wfg, rows, m > 3 ? keep_front(rows, n, m) : n, m);
    nastl_arena_finish(&arena);
    return ready ? NASTL_OK : nastl_error_nomem("a hypervolume");
}

/* ---- any number of objectives ------------------------------------------------------ */

/* Rows strictly inside the reference; they alone dominate a volume. */
static size_t inside(const double **rows, const double *points, size_t n, size_t m,
                     const double *reference)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_inside = true;
        for (size_t j = 0; j < m; j++)
            is_inside = is_inside && points[i * m + j] < reference[j];
        if (is_inside)
            rows[count++] = points + i * m;
    }
    return count;
}

static int dispatch(double *volume, const double **rows, size_t n, size_t m,
                    const double *reference)
{
    nastl_pareto_sort(rows, n, m);
    *volume = 0;
    if (n == 0)
        return NASTL_OK;
    if (m > 2)
        return run_wfg(volume, rows, n, m, reference);
    *volume = m == 2 ? sweep_2d(rows, n, reference) : reference[0] - rows[0][0];
    return NASTL_OK;
}

int nastl_pareto_hypervolume(double *volume, const double *points, size_t n, size_t m,
                             const double *reference)
{
    TRY(nastl_pareto_check(points, n, m));
    TRY(nastl_pareto_check(reference, 1, m));
    const double **rows = nastl_alloc(n, sizeof *rows);
    if (!rows)
        return nastl_error_nomem("a hypervolume");
    const size_t count = inside(rows, points, n, m, reference);
    const int status = dispatch(volume, rows, count, m, reference);
    free(rows);
    if (status == NASTL_OK && !isfinite(*volume))
        return nastl_error(NASTL_ENUMERIC, "hypervolume: it is not finite; leave out "
                                           "points and references at infinity");
    return status;
}
