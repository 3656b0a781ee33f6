/* arch.h: from a candidate to a graph of operators, and what the graph costs.
 *
 * A graph is immutable: operators in order, and the tensors that they need, by name and
 * shape. It holds no weights and does no work; nn makes a network of it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include "arch/graph.h"
#include "space/candidate.h"

/* One family of architectures: a registry entry. */
struct nastl_family {
    const char *name; /* "mlp" */
    const char *description;
    const char *members_key; /* of an ensemble: says how many members; else NULL */
    int (*build)(struct nastl_graph *graph, const struct nastl_candidate *candidate);
};
const struct nastl_family *const *nastl_families(void); /* NULL at the end */
const struct nastl_family *nastl_family_find(const char *name);

/* Networks of a candidate that answer together, at most. */
enum { NASTL_ENSEMBLE_MOST = 32 };

/* Builds the graph of a candidate: one network of its family, or with "ensemble" several,
 * trained side by side on the mean of their losses, with the same batches, from weights
 * of their own (deep ensembles, Lakshminarayanan et al. 2017; stopped together, as TabM's
 * authors found better). Deployed, their probabilities or values are averaged.
 * NASTL_EINVAL names a key with a value that cannot be
 * built. The caller owns *out. */
int nastl_arch_build(struct nastl_graph **out, const struct nastl_candidate *candidate,
                     const struct nastl_shape *shape);

/* Of the deployed model: trainable numbers; FLOP of one forward pass of one row, a
 * multiply-add counts 2; bytes of parameters (4 a number, buffers too) and of the peak
 * activations of one row. Dropout is the identity when deployed. */
size_t nastl_graph_parameters(const struct nastl_graph *graph);
double nastl_graph_flops(const struct nastl_graph *graph);
size_t nastl_graph_memory(const struct nastl_graph *graph);

#endif
