/* net_impl.h: what a network consists of, private to nn.
 *
 *   params  | weights, which decay | biases, norms, tables | running statistics |
 *           0                      decayed                 trainable            total
 *
 * Tensors start on cache lines; the gaps are zero and stay zero.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_NET_IMPL_H
#define NN_NET_IMPL_H

#include "nn/net.h"
#include "nn/op.h"

struct nastl_row; /* row.c */

struct nastl_net {
    const struct nastl_graph *graph;
    struct nastl_dnnl *dnnl;
    struct nastl_tensor *tensors; /* in the order of the graph */
    size_t *at;                   /* (tensors) start in params */
    size_t decayed, trainable, total;
    float *params;
    uint64_t seed; /* of nastl_net_init(), for draws that wait for rows */
    uint32_t trial;
    struct nastl_plan *large, *small; /* for forward runs; made when first needed */
    struct nastl_row *row;
    struct nastl_plan *single; /* instead of `row`, where rows have tokens */
};

/* Of a batch, so many rows are worked on at once: all, but where rows have tokens, as
 * many as keep what is worked on near (and no memory grows with the batch). */
size_t nastl_net_part(const struct nastl_net *net, size_t batch);

/* nastl_net_forward(), asking `poll` (may be NULL) now and then; 1 where it says to stop:
 * `out` is not complete. */
int nastl_net_forward_while(struct nastl_net *net, const struct nastl_xy *xy,
                            const int32_t *rows, size_t count, float *out,
                            bool (*poll)(void *payload), void *payload);

/* nastl_net_fit() for linear nodes that are fitted to rows: each neuron gets a variance
 * of 1 over the rows, and minus a random mean of five of them as its bias (the
 * initialisations "std" and "he+5" of Holzmüller et al. 2024). */
int nastl_fit_layers(struct nastl_net *net, const struct nastl_xy *xy,
                     const int32_t *rows, size_t count);

int nastl_row_create(struct nastl_row **out, const struct nastl_net *net);
void nastl_row_destroy(struct nastl_row *row);
/* Copies the weights of now. */
void nastl_row_refresh(struct nastl_row *row);
void nastl_row_run(struct nastl_row *row, const float *x, const int32_t *code,
                   float *out);

#endif
