/* oracle_embed.c: embeddings of numeric columns, by their definitions.
 * SPDX-License-Identifier: Apache-2.0 */
#include "oracle.h"

#include <math.h>
#include <string.h>

static const double PI = 3.14159265358979323846;

/* ---- piecewise linear: every bin has its share of v, from 0 to 1; the first may be
 * below, the last above ---- */

static void shares(double *e, double v, const double *edges, size_t bins)
{
    size_t used = 0;
    while (used < bins && edges[used + 1] > edges[used])
        used++;
    for (size_t t = 0; t < bins; t++) {
        e[t] = t < used ? (v - edges[t]) / (edges[t + 1] - edges[t]) : 0.0;
        if (t > 0 && e[t] < 0.0)
            e[t] = 0.0;
        if (t + 1 < used && e[t] > 1.0)
            e[t] = 1.0;
    }
}

/* ---- periodic ---- */

static void waves(double *e, double v, const double *frequency, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        e[k] = cos(2.0 * PI * frequency[k] * v);
        e[count + k] = sin(2.0 * PI * frequency[k] * v);
    }
}

/* ---- both: y = e W + b, for PERIODIC max(0, ·) of it ---- */

/* What a number becomes before it is weighed; returns how many. */
static size_t encode(double *e, const struct nastl_node *node, double **p, double v,
                     size_t column)
{
    const size_t pieces = node->pieces;
    if (node->kind == NASTL_NODE_PIECEWISE) {
        shares(e, v, p[2] + column * (pieces + 1), pieces);
        return pieces;
    }
    waves(e, v, p[0] + column * pieces, pieces);
    return 2 * pieces;
}

/* Where the weight of piece t and number c of column d stands. */
static size_t weight_at(const struct nastl_node *node, size_t d, size_t t, size_t c)
{
    const size_t pieces = node->pieces, each = node->each;
    return node->kind == NASTL_NODE_PIECEWISE ? (d * pieces + t) * each + c
                                              : (d * each + c) * 2 * pieces + t;
}

void oracle_embed(double *y, const double *x, const struct nastl_node *node, double **p,
                  size_t n, size_t columns, size_t inputs, double *margin)
{
    const bool periodic = node->kind == NASTL_NODE_PERIODIC;
    const double *w = p[periodic ? 1 : 0], *b = p[periodic ? 2 : 1];
    double e[256];
    for (size_t i = 0; i < n; i++, x += inputs, y += node->width) {
        for (size_t d = 0; d < columns; d++) {
            const size_t count = encode(e, node, p, x[d], d);
            for (size_t c = 0; c < node->each; c++) {
                const size_t at = d * node->each + c;
                y[at] = b[at];
                for (size_t t = 0; t < count; t++)
                    y[at] += e[t] * w[weight_at(node, d, t, c)];
                *margin = periodic ? fmin(*margin, fabs(y[at])) : *margin;
                y[at] = periodic ? fmax(y[at], 0.0) : y[at];
            }
        }
        memcpy(y + columns * node->each, x + columns, (inputs - columns) * sizeof *x);
    }
}

static void frequency_backward(double *g, const struct nastl_node *node, const double *e,
                               const double *w, double v, double dy)
{
    const size_t count = node->pieces;
    for (size_t k = 0; k < count; k++)
        g[k] += 2.0 * PI * v * dy * (e[k] * w[count + k] - e[count + k] * w[k]);
}

void oracle_embed_backward(double *dx, const double *dy, const double *x, const double *y,
                           const struct nastl_node *node, double **p, double **g,
                           size_t n, size_t columns, size_t inputs)
{
    const bool periodic = node->kind == NASTL_NODE_PERIODIC;
    const size_t each = node->each, count = periodic ? 2 * node->pieces : node->pieces;
    double *dw = g[periodic ? 1 : 0], *db = g[periodic ? 2 : 1], e[256];
    memset(dw, 0, columns * count * each * sizeof *dw);
    memset(db, 0, columns * each * sizeof *db);
    memset(dx, 0, n * inputs * sizeof *dx);
    if (periodic)
        memset(g[0], 0, columns * node->pieces * sizeof **g);
    for (size_t i = 0; i < n; i++) {
        const double *row = x + i * inputs, *delta = dy + i * node->width;
        for (size_t at = 0; at < columns * each; at++) {
            const size_t d = at / each, c = at % each;
            if (periodic && y[i * node->width + at] <= 0.0)
                continue;
            encode(e, node, p, row[d], d);
            db[at] += delta[at];
            for (size_t t = 0; t < count; t++)
                dw[weight_at(node, d, t, c)] += e[t] * delta[at];
            if (periodic)
                frequency_backward(g[0] + d * node->pieces, node, e,
                                   p[1] + weight_at(node, d, 0, c), row[d], delta[at]);
        }
        memcpy(dx + i * inputs + columns, delta + columns * each,
               (inputs - columns) * sizeof *dx);
    }
}

/* ---- PBLD: p are frequencies (D', K), phases, weight (D', E - 1, K), bias (D', E - 1);
 * the last number of each is x ---- */

static double angle(double **p, size_t at, double x)
{
    return 2.0 * PI * p[0][at] * x + p[1][at];
}

void oracle_pbld(double *y, const double *x, const struct nastl_node *node, double **p,
                 size_t n, size_t columns, size_t inputs)
{
    const size_t made = node->each - 1, count = node->pieces;
    for (size_t i = 0; i < n; i++, x += inputs, y += node->width) {
        for (size_t d = 0; d < columns; d++) {
            for (size_t e = 0; e < made; e++) {
                double sum = p[3][d * made + e];
                for (size_t k = 0; k < count; k++)
                    sum += cos(angle(p, d * count + k, x[d])) *
                           p[2][(d * made + e) * count + k];
                y[d * node->each + e] = sum;
            }
            y[d * node->each + made] = x[d];
        }
        memcpy(y + columns * node->each, x + columns, (inputs - columns) * sizeof *x);
    }
}

static void pbld_number_backward(double **g, double **p, const double *dy, double x,
                                 size_t d, size_t made, size_t count)
{
    for (size_t e = 0; e < made; e++) {
        g[3][d * made + e] += dy[e];
        for (size_t k = 0; k < count; k++) {
            const size_t at = d * count + k, weight = (d * made + e) * count + k;
            const double slope = -sin(angle(p, at, x)) * p[2][weight] * dy[e];
            g[2][weight] += cos(angle(p, at, x)) * dy[e];
            g[1][at] += slope;
            g[0][at] += 2.0 * PI * x * slope;
        }
    }
}

void oracle_pbld_backward(double *dx, const double *dy, const double *x,
                          const struct nastl_node *node, double **p, double **g, size_t n,
                          size_t columns, size_t inputs)
{
    const size_t made = node->each - 1, count = node->pieces;
    memset(g[0], 0, columns * count * sizeof **g);
    memset(g[1], 0, columns * count * sizeof **g);
    memset(g[2], 0, columns * made * count * sizeof **g);
    memset(g[3], 0, columns * made * sizeof **g);
    memset(dx, 0, n * inputs * sizeof *dx);
    for (size_t i = 0; i < n; i++, dy += node->width) {
        for (size_t d = 0; d < columns; d++)
            pbld_number_backward(g, p, dy + d * node->each, x[i * inputs + d], d, made,
                                 count);
        memcpy(dx + i * inputs + columns, dy + columns * node->each,
               (inputs - columns) * sizeof *dx);
    }
}
