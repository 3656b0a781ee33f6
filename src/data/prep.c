/* prep.c: statistics of numeric features, and rows made ready for a network.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/prep_impl.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/stat.h"
#include "data/quantile.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void nastl_prep_destroy(struct nastl_prep *prep)
{
    if (!prep)
        return;
    free(prep->median);
    free(prep->mean);
    free(prep->scale);
    free(prep->knots);
    free(prep->knots_x);
    free(prep->knots_y);
    free(prep);
}

int nastl_prep_create(struct nastl_prep **out, size_t count, enum nastl_scaling scaling)
{
    const size_t room = scaling == NASTL_SCALING_QUANTILE ? NASTL_KNOTS : 0;
    struct nastl_prep *prep = nastl_alloc_zero(1, sizeof *prep);
    if (!prep)
        return nastl_error_nomem("the preprocessing");
    prep->scaling = scaling;
    prep->count = count;
    prep->median = nastl_alloc_zero(count, sizeof *prep->median);
    prep->mean = nastl_alloc_zero(count, sizeof *prep->mean);
    prep->scale = nastl_alloc_zero(count, sizeof *prep->scale);
    prep->knots = nastl_alloc_zero(count, sizeof *prep->knots);
    prep->knots_x = nastl_alloc_zero(count, room * sizeof *prep->knots_x);
    prep->knots_y = nastl_alloc_zero(count, room * sizeof *prep->knots_y);
    *out = prep;
    if (prep->median && prep->mean && prep->scale && prep->knots && prep->knots_x &&
        prep->knots_y)
        return NASTL_OK;
    nastl_prep_destroy(prep);
    return nastl_error_nomem("the preprocessing");
}

int nastl_prep_copy(struct nastl_prep **out, const struct nastl_prep *prep)
{
    const size_t n = prep->count;
    const size_t room = prep->scaling == NASTL_SCALING_QUANTILE ? n * NASTL_KNOTS : 0;
    TRY(nastl_prep_create(out, n, prep->scaling));
    memcpy((*out)->median, prep->median, n * sizeof *prep->median);
    memcpy((*out)->mean, prep->mean, n * sizeof *prep->mean);
    memcpy((*out)->scale, prep->scale, n * sizeof *prep->scale);
    memcpy((*out)->knots, prep->knots, n * sizeof *prep->knots);
    memcpy((*out)->knots_x, prep->knots_x, room * sizeof *prep->knots_x);
    memcpy((*out)->knots_y, prep->knots_y, room * sizeof *prep->knots_y);
    return NASTL_OK;
}

enum nastl_scaling nastl_prep_scaling(const struct nastl_prep *prep)
{
    return prep->scaling;
}

/* ---- taking over ------------------------------------------------------------------- */

static const struct nastl_layout_feature *find_number(const struct nastl_layout *layout,
                                                      const char *name)
{
    for (size_t i = 0; i < layout->feature_count; i++)
        if (layout->features[i].kind == NASTL_NUMERIC &&
            strcmp(layout->features[i].name, name) == 0)
            return &layout->features[i];
    return NULL;
}

static void adopt_number(struct nastl_prep *prep, size_t to,
                         const struct nastl_prep *from, size_t at)
{
    prep->median[to] = from->median[at];
    prep->mean[to] = from->mean[at];
    prep->scale[to] = from->scale[at];
    prep->knots[to] = from->knots[at];
    if (prep->scaling != NASTL_SCALING_QUANTILE)
        return;
    memcpy(prep->knots_x + to * NASTL_KNOTS, from->knots_x + at * NASTL_KNOTS,
           NASTL_KNOTS * sizeof *prep->knots_x);
    memcpy(prep->knots_y + to * NASTL_KNOTS, from->knots_y + at * NASTL_KNOTS,
           NASTL_KNOTS * sizeof *prep->knots_y);
}

void nastl_prep_adopt(struct nastl_prep *prep, const struct nastl_layout *layout,
                      const struct nastl_prep *from,
                      const struct nastl_layout *from_layout)
{
    assert(prep->scaling == from->scaling);
    for (size_t i = 0; i < layout->feature_count; i++) {
        const struct nastl_layout_feature *feature = &layout->features[i];
        const struct nastl_layout_feature *same =
            feature->kind == NASTL_NUMERIC ? find_number(from_layout, feature->name)
                                           : NULL;
        if (same)
            adopt_number(prep, feature->at, from, same->at);
    }
}

size_t nastl_layout_numbers(const struct nastl_layout *layout)
{
    size_t count = 0;
    for (size_t i = 0; i < layout->feature_count; i++)
        count += layout->features[i].kind == NASTL_NUMERIC;
    return count;
}

/* ---- a layout's features in a dataset ---------------------------------------------- */

/* The dataset's feature of that name and kind, or NULL; `at` is where to look first. */
static const struct nastl_feature *find_feature(const struct nastl_dataset *dataset,
                                                const struct nastl_layout_feature *wanted,
                                                size_t at)
{
    for (size_t i = 0; i < dataset->feature_count; i++) {
        const size_t k = (at + i) % dataset->feature_count;
        const struct nastl_feature *feature = &dataset->features[k];
        if (feature->kind == wanted->kind && strcmp(feature->name, wanted->name) == 0)
            return feature;
    }
    return NULL;
}

/* ---- fitting ----------------------------------------------------------------------- */

static size_t gather(double *values, const struct nastl_dataset *dataset,
                     const struct nastl_feature *feature, const int32_t *rows,
                     size_t count)
{
    size_t n = 0;
    for (size_t i = 0; feature && i < count; i++) {
        const float value =
            dataset->numeric[(size_t)rows[i] * dataset->numeric_count + feature->at];
        if (isfinite(value))
            values[n++] = value;
    }
    nastl_stat_sort(values, n);
    return n;
}

/* Standard deviation over n, as scikit-learn's StandardScaler. */
static double inverse_sd(const double *values, size_t n, double mean)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (values[i] - mean) * (values[i] - mean);
    return sum > 0 ? 1 / sqrt(sum / (double)n) : 0;
}

static double inverse_range(const double *values, size_t n)
{
    const double quartiles =
        nastl_stat_quantile(values, n, 0.75) - nastl_stat_quantile(values, n, 0.25);
    return quartiles > 0 ? 1 / quartiles : 2 / (values[n - 1] - values[0]);
}

static int fit_quantile(struct nastl_prep *prep, size_t at, const double *values,
                        size_t n)
{
    struct nastl_knots knots;
    TRY(nastl_quantile_fit(&knots, values, n));
    prep->knots[at] = knots.count;
    for (size_t i = 0; i < knots.count; i++) {
        prep->knots_x[at * NASTL_KNOTS + i] = (float)knots.x[i];
        prep->knots_y[at * NASTL_KNOTS + i] = (float)knots.y[i];
    }
    return NASTL_OK;
}

/* A column without values or with one value has scale 0, and one knot at 0: it becomes 0
 * whatever comes. */
static int fit_values(struct nastl_prep *prep, size_t at, const double *values, size_t n)
{
    static const double nothing[1] = {0};
    prep->median[at] = n ? nastl_stat_quantile(values, n, 0.5) : 0;
    prep->mean[at] = n ? nastl_stat_mean(values, n) : 0;
    const bool constant = n == 0 || values[0] == values[n - 1];
    prep->scale[at] = constant ? 0 : inverse_sd(values, n, prep->mean[at]);
    if (prep->scaling == NASTL_SCALING_ROBUST) {
        prep->mean[at] = prep->median[at];
        prep->scale[at] = constant ? 0 : inverse_range(values, n);
    }
    if (prep->scaling != NASTL_SCALING_QUANTILE)
        return NASTL_OK;
    return fit_quantile(prep, at, n ? values : nothing, n ? n : 1);
}

static int fit(struct nastl_prep *prep, const struct nastl_layout *layout,
               const struct nastl_dataset *dataset, const int32_t *rows, size_t count)
{
    double *values = nastl_alloc(count, sizeof *values);
    if (!values)
        return nastl_error_nomem("the preprocessing");
    int status = NASTL_OK;
    for (size_t i = 0; status == NASTL_OK && i < layout->feature_count; i++) {
        const struct nastl_layout_feature *feature = &layout->features[i];
        if (feature->kind != NASTL_NUMERIC)
            continue;
        const size_t n =
            gather(values, dataset, find_feature(dataset, feature, i), rows, count);
        status = fit_values(prep, feature->at, values, n);
    }
    free(values);
    return status;
}

int nastl_prep_fit(struct nastl_prep **out, const struct nastl_layout *layout,
                   const struct nastl_dataset *dataset, const int32_t *rows, size_t count,
                   enum nastl_scaling scaling)
{
    struct nastl_prep *prep;
    TRY(nastl_prep_create(&prep, nastl_layout_numbers(layout), scaling));
    const int status = fit(prep, layout, dataset, rows, count);
    if (status < 0)
        nastl_prep_destroy(prep);
    else
        *out = prep;
    return status;
}

/* ---- applying ---------------------------------------------------------------------- */

/* Linear between knots, constant beyond the ends. */
static double interpolate(const float *x, const float *y, size_t count, double value)
{
    if (value <= x[0])
        return y[0];
    if (value >= x[count - 1])
        return y[count - 1];
    size_t low = 0, high = count - 1;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (x[middle] <= value)
            low = middle;
        else
            high = middle;
    }
    const double slope = ((double)y[high] - y[low]) / ((double)x[high] - x[low]);
    return y[low] + slope * (value - x[low]);
}

static float to_float(double value)
{
    return (float)fmin(fmax(value, -(double)FLT_MAX), (double)FLT_MAX);
}

/* Towards -3 and 3 for large numbers, nearly the number itself for small ones. */
static double clip_smoothly(double c)
{
    return c / sqrt(1 + (c / 3) * (c / 3));
}

static float scale_one(const struct nastl_prep *prep, size_t at, double value)
{
    if (prep->scaling == NASTL_SCALING_STANDARD)
        return to_float((value - prep->mean[at]) * prep->scale[at]);
    if (prep->scaling == NASTL_SCALING_ROBUST)
        return (float)clip_smoothly((value - prep->mean[at]) * prep->scale[at]);
    return (float)interpolate(prep->knots_x + at * NASTL_KNOTS,
                              prep->knots_y + at * NASTL_KNOTS, prep->knots[at], value);
}

static void apply_number(struct nastl_xy *out, const struct nastl_prep *prep,
                         const struct nastl_layout_feature *feature,
                         const struct nastl_dataset *dataset,
                         const struct nastl_feature *from, const int32_t *rows)
{
    const size_t at = feature->at, stride = dataset->numeric_count;
    const float imputed = scale_one(prep, at, prep->median[at]);
    for (size_t i = 0; i < out->rows; i++) {
        float *x = out->x + i * out->numeric;
        const float raw =
            from ? dataset->numeric[(size_t)rows[i] * stride + from->at] : (float)NAN;
        const bool missing = !isfinite(raw);
        x[at] = missing ? imputed : scale_one(prep, at, raw);
        if (feature->indicator >= 0)
            x[feature->indicator] = missing;
    }
}

static int by_bytes(const void *key, const void *item)
{
    return strcmp(key, *(char *const *)item);
}

/* The network's code of a text: 0 if it is no level of the layout. */
static int32_t code_of(const struct nastl_layout_feature *feature, const char *text)
{
    char *const *found = feature->level_count
                             ? bsearch(text, feature->levels, feature->level_count,
                                       sizeof *feature->levels, by_bytes)
                             : NULL;
    return found ? (int32_t)(found - feature->levels) + 1 : 0;
}

static int apply_code(struct nastl_xy *out, const struct nastl_layout_feature *feature,
                      const struct nastl_dataset *dataset,
                      const struct nastl_feature *from, const int32_t *rows)
{
    const size_t levels = from ? from->level_count : 0;
    const size_t stride = dataset->categorical_count;
    const int32_t missing =
        feature->missing_level ? (int32_t)feature->level_count + 1 : 0;
    int32_t *to = nastl_alloc(levels, sizeof *to);
    if (!to)
        return nastl_error_nomem(feature->name);
    for (size_t i = 0; i < levels; i++)
        to[i] = code_of(feature, from->levels[i]);
    for (size_t i = 0; i < out->rows; i++) {
        const int32_t raw =
            from ? dataset->code[(size_t)rows[i] * stride + from->at] : -1;
        const int32_t seen = raw >= 0 && (size_t)raw < levels ? to[raw] : 0;
        out->code[i * out->categorical + feature->at] = raw < 0 ? missing : seen;
    }
    free(to);
    return NASTL_OK;
}

static int apply(struct nastl_xy *out, const struct nastl_prep *prep,
                 const struct nastl_layout *layout, const struct nastl_dataset *dataset,
                 const int32_t *rows)
{
    for (size_t i = 0; i < layout->feature_count; i++) {
        const struct nastl_layout_feature *feature = &layout->features[i];
        const struct nastl_feature *from = find_feature(dataset, feature, i);
        if (feature->kind == NASTL_NUMERIC)
            apply_number(out, prep, feature, dataset, from, rows);
        else
            TRY(apply_code(out, feature, dataset, from, rows));
    }
    return NASTL_OK;
}

int nastl_prep_apply(struct nastl_xy *out, const struct nastl_prep *prep,
                     const struct nastl_layout *layout,
                     const struct nastl_dataset *dataset, const int32_t *rows,
                     size_t count)
{
    *out = (struct nastl_xy){
        .rows = count, .numeric = layout->numeric, .categorical = layout->categorical};
    out->x = nastl_alloc_aligned(count, layout->numeric * sizeof *out->x);
    out->code = nastl_alloc_aligned(count, layout->categorical * sizeof *out->code);
    const int status = out->x && out->code ? apply(out, prep, layout, dataset, rows)
                                           : nastl_error_nomem("the rows of a network");
    if (status < 0)
        nastl_xy_finish(out);
    return status;
}

void nastl_xy_finish(struct nastl_xy *xy)
{
    free(xy->x);
    free(xy->code);
    *xy = (struct nastl_xy){0};
}
