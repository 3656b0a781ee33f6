/* gain.c: see gain.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/gain.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/stat.h"
#include "nn/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DRAWS = 2000, LEAST_DRAWS = 200 };
static const double numbers_drawn = 4e7; /* of predictions: about a second */

void nastl_gain_unknown(struct nastl_gain *out, const char *why)
{
    *out = (struct nastl_gain){.gain = NAN, .low = NAN, .high = NAN};
    snprintf(out->why, sizeof out->why, "%s", why);
}

static double better(enum nastl_metric metric, double a, double b)
{
    return nastl_metric_maximized(metric) ? a - b : b - a;
}

/* ---- folds ------------------------------------------------------------------------- */

/* mean +- t(n - 1) * sd / sqrt(n) */
void nastl_gain_of_folds(struct nastl_gain *out, enum nastl_metric metric,
                         const double *a, const double *b, size_t n)
{
    double mean = 0, squares = 0;
    for (size_t k = 0; k < n; k++)
        mean += better(metric, a[k], b[k]) / (double)n;
    for (size_t k = 0; k < n; k++) {
        const double rest = better(metric, a[k], b[k]) - mean;
        squares += rest * rest;
    }
    if (n < 2 || !isfinite(squares)) {
        nastl_gain_unknown(out, "the score of a fold is not known");
        return;
    }
    const double error = sqrt(squares / (double)(n - 1) / (double)n);
    const double half = nastl_stat_student_t95(n - 1) * error;
    *out = (struct nastl_gain){.gain = mean, .low = mean - half, .high = mean + half};
}

/* ---- rows -------------------------------------------------------------------------- */

/* What is drawn as one: unit u has rows row[begin[u]] … row[begin[u + 1] - 1].
 *
 *   group  7 2 7 7 2      row  1 4 | 0 2 3      begin  0 2 5
 */
struct units {
    size_t *row, *begin;
    size_t count;
};

/* A draw: its rows, copied. */
struct draw {
    double *labels, *a, *b;
    size_t n, capacity;
};

struct bootstrap {
    const struct nastl_gain_rows *rows;
    size_t width; /* of predictions */
    struct units units;
    size_t *picks; /* (units.count) */
    struct draw draw;
    double *gains; /* of draws that have a score */
    size_t count;
};

static int by_group(const void *a, const void *b, void *payload)
{
    const int32_t *group = payload;
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    if (group[x] != group[y])
        return group[x] < group[y] ? -1 : 1;
    return (x > y) - (x < y);
}

static int make_units(struct units *units, const struct nastl_gain_rows *rows)
{
    const int32_t *group = rows->group;
    units->row = nastl_alloc(rows->n, sizeof *units->row);
    units->begin = nastl_alloc(rows->n + 1, sizeof *units->begin);
    if (!units->row || !units->begin)
        return nastl_error_nomem("a bootstrap");
    for (size_t i = 0; i < rows->n; i++)
        units->row[i] = i;
    if (group)
        qsort_r(units->row, rows->n, sizeof *units->row, by_group, (void *)group);
    for (size_t i = 0; i < rows->n; i++)
        if (i == 0 || !group || group[units->row[i]] != group[units->row[i - 1]])
            units->begin[units->count++] = i;
    units->begin[units->count] = rows->n;
    return NASTL_OK;
}

static int make_room(struct draw *draw, size_t n, size_t width)
{
    if (n <= draw->capacity)
        return NASTL_OK;
    double *labels = nastl_alloc_resize(draw->labels, n, sizeof *labels);
    draw->labels = labels ? labels : draw->labels;
    double *a = nastl_alloc_resize(draw->a, n, width * sizeof *a);
    draw->a = a ? a : draw->a;
    double *b = nastl_alloc_resize(draw->b, n, width * sizeof *b);
    draw->b = b ? b : draw->b;
    if (!labels || !a || !b)
        return nastl_error_nomem("a bootstrap");
    draw->capacity = n;
    return NASTL_OK;
}

static void take_row(struct draw *draw, const struct nastl_gain_rows *rows, size_t pair,
                     size_t width, size_t row)
{
    const size_t to = draw->n * width, from = row * width, size = width * sizeof(double);
    draw->labels[draw->n++] = rows->labels[row];
    memcpy(draw->a + to, rows->a[pair] + from, size);
    memcpy(draw->b + to, rows->b[pair] + from, size);
}

static int draw_rows(struct bootstrap *boot, struct nastl_rng *rng)
{
    const struct units *units = &boot->units;
    const size_t pair = nastl_rng_below(rng, boot->rows->pairs);
    size_t n = 0;
    for (size_t u = 0; u < units->count; u++) {
        boot->picks[u] = nastl_rng_below(rng, units->count);
        n += units->begin[boot->picks[u] + 1] - units->begin[boot->picks[u]];
    }
    TRY(make_room(&boot->draw, n, boot->width));
    boot->draw.n = 0;
    for (size_t u = 0; u < units->count; u++)
        for (size_t i = units->begin[boot->picks[u]];
             i < units->begin[boot->picks[u] + 1]; i++)
            take_row(&boot->draw, boot->rows, pair, boot->width, units->row[i]);
    return NASTL_OK;
}

static int gain_on(double *out, const struct nastl_gain_rows *rows, const double *labels,
                   const double *a, const double *b, size_t n)
{
    double x, y;
    TRY(nastl_score_one(&x, rows->metric, rows->task, rows->classes, labels, a, n));
    TRY(nastl_score_one(&y, rows->metric, rows->task, rows->classes, labels, b, n));
    *out = better(rows->metric, x, y);
    return NASTL_OK;
}

static size_t draws_of(const struct bootstrap *boot)
{
    const double numbers = (double)boot->rows->n * (double)boot->width;
    return (size_t)fmin(fmax(numbers_drawn / numbers, LEAST_DRAWS), MOST_DRAWS);
}

/* A draw may lack a class that the score needs: it says nothing. */
static int draw_gains(struct bootstrap *boot)
{
    const struct nastl_gain_rows *rows = boot->rows;
    const struct draw *draw = &boot->draw;
    const size_t draws = draws_of(boot);
    struct nastl_rng rng;
    nastl_rng_init(&rng, rows->seed, rows->stream, NASTL_RNG_BOOTSTRAP);
    boot->picks = nastl_alloc(boot->units.count, sizeof *boot->picks);
    boot->gains = nastl_alloc(draws, sizeof *boot->gains);
    if (!boot->picks || !boot->gains)
        return nastl_error_nomem("a bootstrap");
    for (size_t r = 0; r < draws; r++) {
        double gain;
        TRY(draw_rows(boot, &rng));
        TRY(gain_on(&gain, rows, draw->labels, draw->a, draw->b, draw->n));
        if (isfinite(gain))
            boot->gains[boot->count++] = gain;
    }
    return NASTL_OK;
}

static int mean_gain(double *out, const struct nastl_gain_rows *rows)
{
    *out = 0;
    for (size_t pair = 0; pair < rows->pairs; pair++) {
        double gain;
        TRY(gain_on(&gain, rows, rows->labels, rows->a[pair], rows->b[pair], rows->n));
        *out += gain / (double)rows->pairs;
    }
    return NASTL_OK;
}

/* The estimate is part of its interval. */
static void conclude(struct nastl_gain *out, struct bootstrap *boot, double gain)
{
    if (!isfinite(gain) || 2 * boot->count < draws_of(boot)) {
        nastl_gain_unknown(out, "the validation rows are too few for its interval");
        return;
    }
    nastl_stat_sort(boot->gains, boot->count);
    *out = (struct nastl_gain){
        .gain = gain,
        .low = fmin(nastl_stat_quantile(boot->gains, boot->count, 0.025), gain),
        .high = fmax(nastl_stat_quantile(boot->gains, boot->count, 0.975), gain),
    };
}

static int bootstrap(struct nastl_gain *out, struct bootstrap *boot)
{
    const struct nastl_gain_rows *rows = boot->rows;
    double gain;
    TRY(make_units(&boot->units, rows));
    TRY(mean_gain(&gain, rows));
    if (boot->units.count > 1)
        TRY(draw_gains(boot));
    conclude(out, boot, gain);
    return NASTL_OK;
}

int nastl_gain_of_rows(struct nastl_gain *out, const struct nastl_gain_rows *rows)
{
    struct bootstrap boot = {
        .rows = rows,
        .width = nastl_prediction_width(rows->task, rows->classes),
    };
    const int status = bootstrap(out, &boot);
    free(boot.units.row);
    free(boot.units.begin);
    free(boot.picks);
    free(boot.draw.labels);
    free(boot.draw.a);
    free(boot.draw.b);
    free(boot.gains);
    return status;
}
