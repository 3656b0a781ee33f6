/* label.c: how labels of regression become what a network is trained on, and back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/h5_path.h"
#include "data/prep.h"
#include "data/quantile.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/stat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double widened = 0.1; /* of the range of training labels, at each end */

static const char *const transform_names[] = {
    [NASTL_LABEL_NONE] = "none",
    [NASTL_LABEL_LOG1P] = "log1p",
    [NASTL_LABEL_QUANTILE] = "quantile",
};
_Static_assert(sizeof transform_names / sizeof *transform_names ==
                   NASTL_LABEL_TRANSFORM_COUNT,
               "one a transform");

/* ---- transforms -------------------------------------------------------------------- */

/* Linear between knots and beyond the ends; both sequences ascend. */
static double along(const double *from, const double *to, size_t count, double value)
{
    if (count == 1)
        return to[0];
    size_t low = 0, high = count - 1;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (from[middle] <= value)
            low = middle;
        else
            high = middle;
    }
    const double slope = (to[high] - to[low]) / (from[high] - from[low]);
    return to[low] + slope * (value - from[low]);
}

static double transform(const struct nastl_label_map *map, double label)
{
    switch (map->transform) {
    case NASTL_LABEL_LOG1P:
        return copysign(log1p(fabs(label)), label);
    case NASTL_LABEL_QUANTILE:
        return along(map->from, map->to, map->knots, label);
    default:
        return label;
    }
}

static double invert(const struct nastl_label_map *map, double value)
{
    switch (map->transform) {
    case NASTL_LABEL_LOG1P:
        return copysign(expm1(fabs(value)), value);
    case NASTL_LABEL_QUANTILE:
        return along(map->to, map->from, map->knots, value);
    default:
        return value;
    }
}

double nastl_label_apply(const struct nastl_label_map *map, double label)
{
    return (transform(map, label) - map->mean) / map->sd;
}

double nastl_label_invert(const struct nastl_label_map *map, double output)
{
    return fmin(fmax(invert(map, output * map->sd + map->mean), map->low), map->high);
}

/* ---- fitting ----------------------------------------------------------------------- */

static int fit_knots(struct nastl_label_map *out, const double *sorted, size_t count)
{
    struct nastl_knots knots;
    TRY(nastl_quantile_fit_label(&knots, sorted, count));
    out->knots = knots.count;
    memcpy(out->from, knots.x, knots.count * sizeof *out->from);
    memcpy(out->to, knots.y, knots.count * sizeof *out->to);
    return NASTL_OK;
}

static int fit(struct nastl_label_map *out, double *values, size_t count)
{
    nastl_stat_sort(values, count);
    const double low = values[0], high = values[count - 1];
    out->low = low - widened * (high - low);
    out->high = high + widened * (high - low);
    if (out->transform == NASTL_LABEL_QUANTILE)
        TRY(fit_knots(out, values, count));
    for (size_t i = 0; i < count; i++)
        values[i] = transform(out, values[i]);
    out->mean = nastl_stat_mean(values, count);
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (values[i] - out->mean) * (values[i] - out->mean);
    out->sd = sum > 0 ? sqrt(sum / (double)count) : 1;
    return NASTL_OK;
}

int nastl_label_fit(struct nastl_label_map *out, const double *labels, size_t count,
                    enum nastl_label_transform kind)
{
    *out = (struct nastl_label_map){.transform = kind};
    if (count == 0)
        return nastl_error(NASTL_EINVAL, "labels: there are none; give training rows");
    double *values = nastl_alloc(count, sizeof *values);
    if (!values)
        return nastl_error_nomem("the labels");
    memcpy(values, labels, count * sizeof *values);
    const int status = fit(out, values, count);
    free(values);
    return status;
}

/* ---- files ------------------------------------------------------------------------- */

static int damaged(const char *group)
{
    return nastl_error(NASTL_EFORMAT,
                       "%s: the map of the label cannot be; the file is damaged or of "
                       "another version",
                       group);
}

static int save_knots(const struct nastl_label_map *map, struct nastl_h5 *file,
                      const char *group)
{
    char path[NASTL_H5_PATH];
    TRY(nastl_h5_below(path, group, "from"));
    TRY(nastl_h5_put_doubles(file, path, map->from, 1, &map->knots));
    TRY(nastl_h5_below(path, group, "to"));
    return nastl_h5_put_doubles(file, path, map->to, 1, &map->knots);
}

int nastl_label_save(const struct nastl_label_map *map, struct nastl_h5 *file,
                     const char *group)
{
    TRY(nastl_h5_group(file, group));
    TRY(nastl_h5_set_text(file, group, "transform", transform_names[map->transform]));
    TRY(nastl_h5_set_number(file, group, "mean", map->mean));
    TRY(nastl_h5_set_number(file, group, "sd", map->sd));
    TRY(nastl_h5_set_number(file, group, "low", map->low));
    TRY(nastl_h5_set_number(file, group, "high", map->high));
    return map->transform == NASTL_LABEL_QUANTILE ? save_knots(map, file, group)
                                                  : NASTL_OK;
}

static int load_knots(struct nastl_label_map *map, struct nastl_h5 *file,
                      const char *group)
{
    char path[NASTL_H5_PATH];
    size_t shape[NASTL_H5_RANK];
    int rank;
    TRY(nastl_h5_below(path, group, "from"));
    TRY(nastl_h5_shape(file, path, &rank, shape));
    if (rank != 1 || shape[0] == 0 || shape[0] > NASTL_KNOTS)
        return damaged(group);
    map->knots = shape[0];
    TRY(nastl_h5_get_doubles(file, path, map->from, map->knots));
    TRY(nastl_h5_below(path, group, "to"));
    TRY(nastl_h5_get_doubles(file, path, map->to, map->knots));
    for (size_t i = 0; i < map->knots; i++)
        if (!isfinite(map->from[i]) || !isfinite(map->to[i]) ||
            (i && !(map->from[i] > map->from[i - 1] && map->to[i] > map->to[i - 1])))
            return damaged(group);
    return NASTL_OK;
}

static int load_transform(struct nastl_label_map *map, struct nastl_h5 *file,
                          const char *group)
{
    char *text;
    TRY(nastl_h5_get_text(file, group, "transform", &text));
    int found = -1;
    for (int i = 0; i < NASTL_LABEL_TRANSFORM_COUNT; i++)
        if (strcmp(text, transform_names[i]) == 0)
            found = i;
    free(text);
    if (found < 0)
        return damaged(group);
    map->transform = (enum nastl_label_transform)found;
    return NASTL_OK;
}

int nastl_label_load(struct nastl_label_map *out, struct nastl_h5 *file,
                     const char *group)
{
    *out = (struct nastl_label_map){0};
    TRY(load_transform(out, file, group));
    TRY(nastl_h5_get_number(file, group, "mean", &out->mean));
    TRY(nastl_h5_get_number(file, group, "sd", &out->sd));
    TRY(nastl_h5_get_number(file, group, "low", &out->low));
    TRY(nastl_h5_get_number(file, group, "high", &out->high));
    if (!isfinite(out->mean) || !isfinite(out->sd) || !(out->sd > 0) ||
        !isfinite(out->low) || !isfinite(out->high) || !(out->low <= out->high))
        return damaged(group);
    return out->transform == NASTL_LABEL_QUANTILE ? load_knots(out, file, group)
                                                  : NASTL_OK;
}
