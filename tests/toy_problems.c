/* toy_problems.c: see toy_problems.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "toy_problems.h"

#include <math.h>

enum { MOST_VARIABLES = 64 };

static const double pi = 3.14159265358979323846;

#define HEAD "schema: nas-tl/space/v1\nname: toy\nfamily: mlp\n"

static const char plane[] =
    HEAD "mlp: {layers: 1, width: 8, dropout: {float: [0.0, 0.9]}}\n"
         "training: {learning_rate: {float: [1.0e-5, 1.0e-1], scale: log}}\n";

static const char eleven_numbers[] =
    HEAD "mlp:\n"
         "  layers: 8\n"
         "  width: {int: [1, 2048], per: layer}\n"
         "  dropout: {float: [0.0, 0.9]}\n"
         "training:\n"
         "  learning_rate: {float: [1.0e-5, 1.0e-1], scale: log}\n"
         "  weight_decay: {float: [0.0, 1.0]}\n";

static const char conditional[] =
    HEAD "mlp:\n"
         "  layers: {int: [1, 6]}\n"
         "  width: {int: [16, 512], scale: log, per: layer}\n"
         "  activation: {choice: [relu, gelu, silu]}\n"
         "  normalization: {choice: [none, layer, batch]}\n"
         "  dropout: {float: [0.0, 0.5]}\n"
         "training:\n"
         "  learning_rate: {float: [1.0e-4, 1.0e-1], scale: log}\n"
         "  batch_size: {choice: [128, 256, 512]}\n";

/* The active searched values as numbers in [0, 1]; returns how many. */
static size_t variables(double *x, const struct nastl_space *space,
                        const struct nastl_point *point)
{
    size_t n = 0;
    for (size_t i = 0; i < nastl_space_dims(space) && n < MOST_VARIABLES; i++) {
        const struct nastl_dim *dim = nastl_space_dim(space, i);
        if (point->active[i] && !dim->fixed)
            x[n++] = nastl_dim_to_unit(dim, point->value[i]);
    }
    return n;
}

static void sphere(double *values, const struct nastl_space *space,
                   const struct nastl_point *point)
{
    double x[MOST_VARIABLES];
    const size_t n = variables(x, space, point);
    values[0] = 0;
    for (size_t i = 0; i < n; i++)
        values[0] += (x[i] - 0.3) * (x[i] - 0.3);
}

/* Its least value is 0.397887, in three places. */
static void branin(double *values, const struct nastl_space *space,
                   const struct nastl_point *point)
{
    double x[MOST_VARIABLES];
    variables(x, space, point);
    const double a = 15 * x[0] - 5, b = 15 * x[1];
    const double bend = b - 5.1 / (4 * pi * pi) * a * a + 5 / pi * a - 6;
    values[0] = bend * bend + 10 * (1 - 1 / (8 * pi)) * cos(a) + 10;
}

/* E. Zitzler, K. Deb, L. Thiele, 2000. */
static void zdt1(double *values, const struct nastl_space *space,
                 const struct nastl_point *point)
{
    double x[MOST_VARIABLES], sum = 0;
    const size_t n = variables(x, space, point);
    for (size_t i = 1; i < n; i++)
        sum += x[i];
    const double g = 1 + 9 * sum / (double)(n - 1);
    values[0] = x[0];
    values[1] = g * (1 - sqrt(x[0] / g));
}

/* K. Deb, L. Thiele, M. Laumanns, E. Zitzler, 2002. */
static void dtlz2(double *values, size_t m, const struct nastl_space *space,
                  const struct nastl_point *point)
{
    double x[MOST_VARIABLES], g = 0;
    const size_t n = variables(x, space, point);
    for (size_t i = m - 1; i < n; i++)
        g += (x[i] - 0.5) * (x[i] - 0.5);
    for (size_t j = 0; j < m; j++) {
        values[j] = 1 + g;
        for (size_t i = 0; i + j + 1 < m; i++)
            values[j] *= cos(x[i] * pi / 2);
        if (j > 0)
            values[j] *= sin(x[m - j - 1] * pi / 2);
    }
}

static void dtlz2_of_3(double *values, const struct nastl_space *space,
                       const struct nastl_point *point)
{
    dtlz2(values, 3, space, point);
}

static void dtlz2_of_4(double *values, const struct nastl_space *space,
                       const struct nastl_point *point)
{
    dtlz2(values, 4, space, point);
}

/* Like a network: depth helps, each width has a best value that rises with the layer, two
 * choices matter, the rate has an optimum; the cost is that of the weights. */
static void network(double *values, const struct nastl_space *space,
                    const struct nastl_point *point)
{
    double error = 0.05, cost = 0, before = 64, layer = 0;
    for (size_t i = 0; i < nastl_space_dims(space); i++) {
        const struct nastl_dim *dim = nastl_space_dim(space, i);
        if (!point->active[i] || dim->fixed)
            continue;
        const double value = point->value[i], unit = nastl_dim_to_unit(dim, value);
        if (dim->kind == NASTL_DIM_CHOICE) {
            error += value == 1 ? 0 : 0.04;
        } else if (dim->log && dim->kind == NASTL_DIM_INT) {
            const double off = unit - 0.4 - 0.1 * layer++;
            error += 0.15 * off * off;
            cost += before * value;
            before = value;
        } else if (dim->kind == NASTL_DIM_FLOAT) {
            error += 0.3 * (unit - 0.6) * (unit - 0.6);
        }
    }
    values[0] = error + 0.4 * exp(-0.7 * layer);
    values[1] = log10(cost);
}

const struct toy_problem toy_problems[] = {
    [TOY_SPHERE] = {"sphere", eleven_numbers, 1, sphere, {2}, 1.5, 2},
    [TOY_BRANIN] = {"branin", plane, 1, branin, {20}, 19, 19.6021},
    [TOY_ZDT1] = {"zdt1", eleven_numbers, 2, zdt1, {1, 8}, 5, 7.66},
    [TOY_NETWORK] = {"network", conditional, 2, network, {0.6, 6}, 1.15, 1.5},
    {"dtlz2 of 3", eleven_numbers, 3, dtlz2_of_3, {2, 2, 2}, 5.7, 7.45},
    {"dtlz2 of 4", eleven_numbers, 4, dtlz2_of_4, {2, 2, 2, 2}, 12.5, 15.6},
    {NULL},
};
