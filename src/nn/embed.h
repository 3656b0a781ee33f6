/* embed.h: numeric columns as several inputs each (Gorishniy et al. 2022), for the
 * operators, for single rows and for the bins.
 *
 * A node reads (D' numbers, the rest) and gives (D', E) numbers, then the rest as it is.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_EMBED_H
#define NN_EMBED_H

#include "nn/op.h"

/* ---- piecewise linear ----
 *
 * Bin t of T of a column goes from b[t] to b[t + 1]. A number v in bin k becomes
 *
 *   e = (1, …, 1, (v - b[k]) / (b[k + 1] - b[k]), 0, …, 0),   y = bias + sum of e[t] W[t]
 *
 * where the first and the last bin go on beyond their ends. With the sums of the whole
 * bins below each one ready, that is y = base[k] + part W[k], whatever T is. Bins from
 * the first on that does not ascend do not count. */
struct nastl_piecewise {
    size_t columns, bins, each; /* D', T, E */
    float *low, *inverse;       /* (D', T) b[t]; 1 / (b[t + 1] - b[t]) */
    size_t stride;              /* T in whole vectors */
    float *limit;               /* (D', stride) b[t]; infinite where no number is */
    float *base;                /* (D', T, E) */
    const float *weight;        /* (D', T, E) */
};

void nastl_piecewise_place(struct nastl_piecewise *table, const struct nastl_graph *graph,
                           const struct nastl_node *node, struct nastl_carver *carver);
/* bias (D', E), edges (D', T + 1). */
void nastl_piecewise_fill(struct nastl_piecewise *table, const float *weight,
                          const float *bias, const float *edges);
/* y (D', E) of x (D'). bin and part (D') say which bin and how far into it. */
void nastl_piecewise_row(const struct nastl_piecewise *table, float *y, int32_t *bin,
                         float *part, const float *x);

/* ---- periodic ----
 *
 *   y = max(0, bias + sum over k of cos(2 pi w[k] x) A[k] + sin(2 pi w[k] x) B[k])
 */
struct nastl_periodic {
    size_t columns, count, each; /* D', K, E */
    const float *frequency;      /* (D', K) w */
    const float *weight;         /* (D', E, 2 K): A, then B */
    const float *bias;           /* (D', E) */
};

/* y (D', E) of x (D'); waves (D', 2 K): cosines, then sines. */
void nastl_periodic_row(const struct nastl_periodic *table, float *y, float *waves,
                        const float *x);

/* ---- periodic, biased, linear, dense (Holzmüller et al. 2024) ----
 *
 *   y[e] = bias[e] + sum over k of cos(2 pi w[k] x + phase[k]) W[e, k],   e < E - 1
 *   y[E - 1] = x
 */
struct nastl_pbld {
    size_t columns, count, each; /* D', K, E */
    const float *frequency;      /* (D', K) w */
    const float *phase;          /* (D', K) */
    const float *weight;         /* (D', E - 1, K) */
    const float *bias;           /* (D', E - 1) */
};

/* As nastl_periodic_row(). */
void nastl_pbld_row(const struct nastl_pbld *table, float *y, float *waves,
                    const float *x);

#endif
