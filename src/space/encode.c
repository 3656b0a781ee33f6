/* encode.c: a dimension's values as numbers in [0, 1], and the lattice they lie on.
 *
 *   linear  | 16 | 32 | 48 | 64 |            equal cells
 *   log     |   16   |  32  | 48 | 64 |      cell borders half a step beside each value,
 *                                            lengths as their logarithms
 *   unit    0                        1
 *
 * Drawing a unit uniformly and taking its cell's value is the dimension's distribution.
 * SPDX-License-Identifier: Apache-2.0 */
#include "space/space_impl.h"

#include <math.h>

/* The distance of neighbours, 0 where values are continuous. */
static double step_of(const struct nastl_dim *dim)
{
    if (dim->step > 0.0)
        return dim->step;
    return dim->kind == NASTL_DIM_FLOAT ? 0.0 : 1.0;
}

double nastl_dim_values(const struct nastl_dim *dim)
{
    const double step = step_of(dim);
    if (dim->low == dim->high)
        return 1.0;
    return step > 0.0 ? round((dim->high - dim->low) / step) + 1.0 : INFINITY;
}

/* 0.1 + 2 * 0.1 is 0.30000000000000004; people write 0.3, and so do the files. */
static double tidy(double value, double step)
{
    const double decimals = 1e12;
    if (step < 1e-6 || fabs(value) >= 1000.0)
        return value;
    return round(value * decimals) / decimals;
}

double nastl_dim_at(const struct nastl_dim *dim, double index)
{
    if (index <= 0.0)
        return dim->low;
    if (index >= nastl_dim_values(dim) - 1.0)
        return dim->high;
    const double step = step_of(dim);
    const double value = dim->low + index * step;
    return dim->kind == NASTL_DIM_FLOAT ? tidy(value, step) : value;
}

/* Also for NaN, which becomes `low`. */
static double clamp(double value, double low, double high)
{
    if (!(value > low))
        return low;
    return value < high ? value : high;
}

double nastl_dim_snap(const struct nastl_dim *dim, double value)
{
    const double step = step_of(dim), inside = clamp(value, dim->low, dim->high);
    return step > 0.0 ? nastl_dim_at(dim, round((inside - dim->low) / step)) : inside;
}

bool nastl_dim_allows(const struct nastl_dim *dim, double value)
{
    const double step = step_of(dim);
    const double slack = step > 0.0 ? 1e-9 * step : 0.0;
    return fabs(nastl_dim_snap(dim, value) - value) <= slack;
}

/* The ends of the scale in logarithm: those of a lattice lie half a step outside, but not
 * nearer to 0 than half of the lowest value. */
static double log_low(const struct nastl_dim *dim)
{
    const double half = step_of(dim) / 2.0;
    return log(half > 0.0 ? fmax(dim->low - half, dim->low / 2.0) : dim->low);
}

static double log_high(const struct nastl_dim *dim)
{
    return log(dim->high + step_of(dim) / 2.0);
}

static double log_to_unit(const struct nastl_dim *dim, double value)
{
    const double low = log_low(dim);
    return (log(value) - low) / (log_high(dim) - low);
}

static double log_from_unit(const struct nastl_dim *dim, double unit)
{
    const double low = log_low(dim);
    return exp(low + unit * (log_high(dim) - low));
}

double nastl_dim_to_unit(const struct nastl_dim *dim, double value)
{
    const double step = step_of(dim);
    value = clamp(value, dim->low, dim->high);
    if (dim->low == dim->high)
        return 0.5;
    if (dim->log)
        return clamp(log_to_unit(dim, value), 0.0, 1.0);
    if (step == 0.0)
        return (value - dim->low) / (dim->high - dim->low);
    return ((value - dim->low) / step + 0.5) / nastl_dim_values(dim);
}

double nastl_dim_from_unit(const struct nastl_dim *dim, double unit)
{
    unit = clamp(unit, 0.0, 1.0);
    if (dim->low == dim->high)
        return dim->low;
    if (dim->log)
        return nastl_dim_snap(dim, log_from_unit(dim, unit));
    if (step_of(dim) == 0.0)
        return nastl_dim_snap(dim, dim->low + unit * (dim->high - dim->low));
    return nastl_dim_at(dim, floor(unit * nastl_dim_values(dim)));
}
