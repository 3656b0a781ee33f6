/* calibrate.c: see calibrate.h.
 *
 * With b = 1 / T, the loss of n rows of logits z and labels y is convex in b:
 *
 *   L(b) = sum over rows of log(sum over c of exp(b z[c])) - b z[y]
 *          + the same for one row more, spread evenly over all rows and classes
 *
 * The second line is not in the paper. Where every label is right, the first alone is
 * least at T = 0: a model that is never in doubt. One more row, of any class, lets the
 * doubt about n right answers be of the size of 1 / n (Laplace's rule of succession); it
 * weighs nothing where rows are many.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/calibrate.h"

#include "base/error.h"
#include "base/stat.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

static const double levels[NASTL_INTERVAL_LEVELS] = {0.8, 0.9, 0.95};
static const double most_temperature = 100, least_temperature = 0.01;

double nastl_interval_level(size_t level)
{
    assert(level < NASTL_INTERVAL_LEVELS);
    return levels[level];
}

int nastl_interval_find(double share)
{
    for (int level = 0; level < NASTL_INTERVAL_LEVELS; level++)
        if (fabs(levels[level] - share) < 1e-9)
            return level;
    return -1;
}

/* ---- temperature ------------------------------------------------------------------- */

/* What the loss is computed from. */
struct rows {
    const float *logits; /* (n, C), or (n, 1) of the second of two classes */
    const double *labels;
    size_t n, classes, used;
};

static bool is_used(const struct rows *rows, size_t i)
{
    return rows->labels[i] >= 0 && rows->labels[i] < (double)rows->classes;
}

static double logit(const struct rows *rows, size_t i, size_t c)
{
    if (rows->classes == 2)
        return c ? rows->logits[i] : 0;
    return rows->logits[i * rows->classes + c];
}

/* Of one row's logits, less the highest h: their mean and variance with the probabilities
 * that b gives, and their plain mean. */
struct moments {
    double highest, mean, variance, plain;
};

static struct moments moments_of(const struct rows *rows, size_t i, double b)
{
    struct moments m = {.highest = logit(rows, i, 0)};
    double weight = 0, sum = 0, squares = 0, plain = 0;
    for (size_t c = 1; c < rows->classes; c++)
        m.highest = fmax(m.highest, logit(rows, i, c));
    for (size_t c = 0; c < rows->classes; c++) {
        const double z = logit(rows, i, c) - m.highest, p = exp(b * z);
        weight += p;
        sum += p * z;
        squares += p * z * z;
        plain += z;
    }
    m.mean = sum / weight;
    m.variance = fmax(squares / weight - m.mean * m.mean, 0);
    m.plain = plain / (double)rows->classes;
    return m;
}

/* dL/db = sum of (1 + 1/n) mean - z[y] - plain / n; d2L/db2 = sum of (1 + 1/n) variance.
 */
static double slope_of(double *curvature, const struct rows *rows, double b)
{
    const double share = 1 / (double)rows->used;
    double slope = 0;
    *curvature = 0;
    for (size_t i = 0; i < rows->n; i++) {
        if (!is_used(rows, i))
            continue;
        const struct moments m = moments_of(rows, i, b);
        const double own = logit(rows, i, (size_t)rows->labels[i]) - m.highest;
        slope += (1 + share) * m.mean - own - share * m.plain;
        *curvature += (1 + share) * m.variance;
    }
    return slope;
}

/* Newton's step, or half of the bracket where that leads out of it. */
static double next_b(double b, double low, double high, double slope, double curvature)
{
    const double newton = curvature > 0 ? b - slope / curvature : high;
    return newton > low && newton < high ? newton : sqrt(low * high);
}

/* The slope ascends: its zero, or the end of the range that is nearest to it. */
static double least_b(const struct rows *rows)
{
    enum { STEPS_MOST = 100 };
    const double close = 1e-10;
    double low = 1 / most_temperature, high = 1 / least_temperature, b = 1, curvature;
    double slope = slope_of(&curvature, rows, b);
    if (slope == 0)
        return b;
    const double end = slope > 0 ? low : high,
                 end_slope = slope_of(&(double){0}, rows, end);
    if ((slope > 0) == (end_slope >= 0))
        return end;
    for (int step = 0; step < STEPS_MOST; step++) {
        if (slope > 0)
            high = b;
        else
            low = b;
        const double next = next_b(b, low, high, slope, curvature);
        if (fabs(next - b) <= close * b)
            return next;
        b = next;
        slope = slope_of(&curvature, rows, b);
    }
    return b;
}

void nastl_calibrate_classes(struct nastl_calibration *out, const float *logits,
                             const double *labels, size_t n, size_t classes)
{
    struct rows rows = {logits, labels, n, classes, 0};
    for (size_t i = 0; i < n; i++)
        rows.used += is_used(&rows, i);
    *out = (struct nastl_calibration){.rows = rows.used, .temperature = 1};
    if (rows.used)
        out->temperature = 1 / least_b(&rows);
}

double nastl_calibration_temperature(const struct nastl_calibration *calibration)
{
    return calibration->rows ? calibration->temperature : 1;
}

/* ---- intervals --------------------------------------------------------------------- */

/* Of m exchangeable distances, a further one is at most the k-th smallest with
 * probability k / (m + 1): k = ceil((m + 1) level), infinite where k > m. Of rows that
 * were predicted several times, the same share of all. */
static double half_width(const double *sorted, size_t n, size_t distinct, double level)
{
    const double rounding = 1e-9, m = (double)distinct;
    const double k = ceil((m + 1) * level - rounding);
    if (k > m)
        return INFINITY;
    const double at = ceil(k / m * (double)n - rounding);
    return sorted[(size_t)fmax(at, 1) - 1];
}

void nastl_calibrate_values(struct nastl_calibration *out, double *distances, size_t n,
                            size_t distinct)
{
    *out = (struct nastl_calibration){.rows = n ? distinct : 0, .temperature = 1};
    nastl_stat_sort(distances, n);
    for (size_t level = 0; n && level < NASTL_INTERVAL_LEVELS; level++)
        out->half_widths[level] = half_width(distances, n, distinct, levels[level]);
}

double nastl_label_distance(const struct nastl_label_map *map, double label,
                            double prediction)
{
    return fabs(nastl_label_apply(map, label) - nastl_label_apply(map, prediction)) *
           map->sd;
}

void nastl_label_interval(double *low, double *high, const struct nastl_label_map *map,
                          double prediction, double half_width)
{
    const double at = nastl_label_apply(map, prediction), step = half_width / map->sd;
    *low = fmin(nastl_label_invert(map, at - step), prediction);
    *high = fmax(nastl_label_invert(map, at + step), prediction);
}

/* ---- files ------------------------------------------------------------------------- */

/* "half_width_80" */
static void name_level(char name[32], size_t level)
{
    snprintf(name, 32, "half_width_%.0f", 100 * levels[level]);
}

int nastl_calibration_save(const struct nastl_calibration *calibration,
                           enum nastl_task task, struct nastl_h5 *file, const char *group)
{
    TRY(nastl_h5_group(file, group));
    TRY(nastl_h5_set_int(file, group, "rows", (int64_t)calibration->rows));
    if (task != NASTL_TASK_REGRESSION)
        return nastl_h5_set_number(file, group, "temperature", calibration->temperature);
    for (size_t level = 0; level < NASTL_INTERVAL_LEVELS; level++) {
        char name[32];
        name_level(name, level);
        TRY(nastl_h5_set_number(file, group, name, calibration->half_widths[level]));
    }
    return NASTL_OK;
}

static int wrong(const char *group, const char *what, double value)
{
    return nastl_error(NASTL_EFORMAT,
                       "%s: %s is %g; the file is damaged, make the model again", group,
                       what, value);
}

static int load_widths(struct nastl_calibration *out, struct nastl_h5 *file,
                       const char *group)
{
    double least = 0;
    for (size_t level = 0; level < NASTL_INTERVAL_LEVELS; level++) {
        char name[32];
        name_level(name, level);
        TRY(nastl_h5_get_number(file, group, name, &out->half_widths[level]));
        if (!(out->half_widths[level] >= least))
            return wrong(group, name, out->half_widths[level]);
        least = out->half_widths[level];
    }
    return NASTL_OK;
}

int nastl_calibration_load(struct nastl_calibration *out, enum nastl_task task,
                           struct nastl_h5 *file, const char *group)
{
    int64_t rows;
    *out = (struct nastl_calibration){.temperature = 1};
    TRY(nastl_h5_get_int(file, group, "rows", &rows));
    if (rows < 1)
        return wrong(group, "rows", (double)rows);
    out->rows = (size_t)rows;
    if (task == NASTL_TASK_REGRESSION)
        return load_widths(out, file, group);
    TRY(nastl_h5_get_number(file, group, "temperature", &out->temperature));
    return isfinite(out->temperature) && out->temperature > 0
               ? NASTL_OK
               : wrong(group, "temperature", out->temperature);
}
