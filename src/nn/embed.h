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

/* ---- periodic (Gorishniy et al. 2022) ----
 *
 *   y = max(0, bias + sum over k of cos(2 pi w[k] x) A[k] + sin(2 pi w[k] x) B[k])
 *
 * and "periodic, biased, linear, dense" (pbld; Holzmüller et al. 2024):
 *
 *   y[e] = bias[e] + sum over k of cos(2 pi w[k] x + phase[k]) A[e, k],   e < E - 1
 *   y[E - 1] = x
 */
struct nastl_waves {
    size_t columns, count, each; /* D', K, E */
    size_t made;                 /* E; with phases E - 1 */
    size_t used;                 /* waves: 2 K; with phases K */
    const float *frequency;      /* (D', K) w */
    const float *phase;          /* (D', K), or NULL */
    const float *weight;         /* (D', made, used): A, then B */
    const float *bias;           /* (D', made) */
};

/* `tensors` of the node, in their order. */
void nastl_waves_of(struct nastl_waves *out, const struct nastl_graph *graph,
                    const struct nastl_node *node, const float *const *tensors);
/* y (D', E) of x (D'); waves (2 K) is room to work in. */
void nastl_waves_row(const struct nastl_waves *table, float *y, float *waves,
                     const float *x);

#endif
