/* net.h: a network: a graph with weights, planned once for running many times.
 *
 * Parameters are one aligned block with a named slice a tensor. A network belongs to one
 * thread at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_NET_H
#define NN_NET_H

#include "arch/arch.h"
#include "data/prep.h"

struct nastl_net;

/* A tensor of the network, row-major; a dense layer's weight is (out, in) as in PyTorch.
 * Names: "embeddings.0.weight" …, "blocks.0.weight", "blocks.0.bias",
 * "blocks.0.norm.weight", "blocks.0.norm.bias", "blocks.0.norm.running_mean" …,
 * "head.weight", "head.bias". */
struct nastl_tensor {
    const char *name;
    int rank; /* 1 or 2 */
    size_t shape[2];
    bool trainable; /* false: a buffer, such as running means */
    float *data;
};

/* The network keeps a pointer to the graph, which must outlive it. Weights are zero until
 * nastl_net_init() or until the caller has filled the tensors. */
int nastl_net_create(struct nastl_net **out, const struct nastl_graph *graph);
void nastl_net_destroy(struct nastl_net *net);
const struct nastl_graph *nastl_net_graph(const struct nastl_net *net);

/* Weights as PyTorch draws them (uniform, Kaiming He 2015 with a = sqrt 5), norms at one
 * and zero, tables normal with variance 1 / width, so that a category is as long as a
 * one-hot one, tokens uniform on ±1 / sqrt(width); layers with the
 * neural tangent kernel's parametrisation normal with variance 1 / inputs, biases 0; from
 * the stream (seed, trial,
 * NASTL_RNG_INIT). */
void nastl_net_init(struct nastl_net *net, uint64_t seed, uint32_t trial);

/* What a network takes from the training rows before it is trained: the bins of
 * piecewise-linear embeddings, by quantiles or by the labels y (xy->rows) as training
 * takes them (until then they are equal parts of -3 … 3); then the size of the weights
 * and the biases of layers that ask for it. Its draws are of the stream that
 * nastl_net_init() was given. */
int nastl_net_fit(struct nastl_net *net, const struct nastl_xy *xy, const float *y,
                  const int32_t *rows, size_t count);

/* All numbers of all tensors, with gaps, as one block. Borrowed. */
const float *nastl_net_numbers(const struct nastl_net *net, size_t *count);

size_t nastl_net_tensor_count(const struct nastl_net *net);
const struct nastl_tensor *nastl_net_tensor(const struct nastl_net *net, size_t i);
const struct nastl_tensor *nastl_net_find(const struct nastl_net *net, const char *name);

/* Outputs (logits, or standardised values) of the given rows of `xy`, in deployed mode:
 * out is (count, outputs). rows NULL: rows 0 … count - 1. */
int nastl_net_forward(struct nastl_net *net, const struct nastl_xy *xy,
                      const int32_t *rows, size_t count, float *out);

/* What node `node` of the graph gives for rows, in deployed mode: out is (count, rows of
 * the node, width). */
int nastl_net_node_outputs(const struct nastl_net *net, size_t node,
                           const struct nastl_xy *xy, const int32_t *rows, size_t count,
                           float *out);

/* One row by the shortest way, without any allocation: out is (outputs). Prepared on the
 * first call. The same numbers as nastl_net_forward to 1e-5. */
int nastl_net_prepare_row(struct nastl_net *net);
void nastl_net_forward_row(struct nastl_net *net, const float *x, const int32_t *code,
                           float *out);

#endif
