/* op.h: operators and plans, private to nn.
 *
 * A plan is a graph made ready to run on at most B rows: a list of operators, each bound
 * to its blocks in one workspace. The nodes of a graph become operators one to one, but
 * for what is fused: a ReLU goes into the linear operator before it, a dropout into the
 * activation before it.
 *
 *   workspace  | out of op 0 | out of op 1 | … | delta A | delta B | scratch of oneDNN |
 *
 * `out` of an operator is (M, width), M = B * rows of the node. `delta`, of the same
 * shape, is the gradient of the loss by it. Operators that work in place there share the
 * delta of what they read; the others write into that one of the two blocks in which
 * their own delta is not. An output that several operators read, or one further on, has a
 * block of its own for its delta, in which those of its readers are summed.
 *
 * Fewer than B rows: the input operator zeroes what is left, everything runs over all B,
 * and the loss gives what is left a zero gradient. Only batch normalisation looks at the
 * count.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_OP_H
#define NN_OP_H

#include <stdint.h>

#include "arch/arch.h"
#include "base/rng.h"
#include "data/prep.h"
#include "nn/dnnl.h"
#include "nn/guide.h"

enum { NASTL_OP_TENSORS = 4, NASTL_NO_ACTIVATION = -1 };

/* Dropout draws for this many elements at once, 16 bits each: so many blocks of 4 numbers
 * of 32 bits. */
enum { NASTL_NOISE_TILE = 2048, NASTL_NOISE_BLOCKS = NASTL_NOISE_TILE / 8 };

/* What one run works on. */
struct nastl_step {
    const struct nastl_xy *xy;
    const int32_t *rows;  /* (count) rows of xy; NULL: first … first + count - 1 */
    size_t first, count;  /* count <= B */
    uint64_t seed, index; /* of dropout's stream, and the step in it */
    uint32_t trial;
    uint64_t noise; /* blocks of the stream that earlier parts of the step took */
    double spared;  /* share of every rate of dropout that does not count; 0: none */
};

/* One number a parameter of the graph: tensor i starts at data + at[i]. */
struct nastl_block {
    float *data;
    const size_t *at; /* (tensors) */
};

/* Hands out aligned pieces of a block; with a NULL base it only counts. */
struct nastl_carver {
    char *base;
    size_t used; /* bytes */
};
void *nastl_carve(struct nastl_carver *carver, size_t count, size_t size);

struct nastl_op;
struct nastl_plan;

struct nastl_op_kind {
    size_t state;  /* bytes of op->state */
    bool in_place; /* backward: `delta` becomes the delta of what it reads */
    bool splits;   /* backward: gives `other` its own share of `delta` */
    /* Creates what is no block; may be NULL, as the three that follow. */
    int (*create)(struct nastl_op *op, struct nastl_plan *plan);
    void (*destroy)(struct nastl_op *op);
    /* Takes blocks of its own beside `out`. */
    void (*place)(struct nastl_op *op, struct nastl_carver *carver);
    /* Called when every block is known. */
    int (*bind)(struct nastl_op *op, void *scratch);
    int (*forward)(struct nastl_op *op, const struct nastl_step *step);
    int (*backward)(struct nastl_op *op, const struct nastl_step *step);
};

/* What a reader's share does in a delta that readers sum: it is written there anyway, is
 * the first, or comes to what is there. */
enum nastl_merge { NASTL_MERGE_NONE, NASTL_MERGE_COPY, NASTL_MERGE_ADD };

struct nastl_op {
    const struct nastl_op_kind *kind;
    const struct nastl_graph *graph;
    const struct nastl_node *node;
    struct nastl_op *from;  /* NULL for the input */
    struct nastl_op *other; /* ADD, STACK: the second that it reads, else NULL */
    bool training;
    size_t rows;          /* M */
    size_t inputs, width; /* of `in`, of `out` */
    int activation;       /* ACTIVATION: which; LINEAR: ReLU if fused; or none */
    double rate;          /* of dropout */
    uint64_t noise_block; /* dropout: its place in the step's stream */
    size_t noise_blocks;  /* and how much it takes; 0: as many as `out` has elements */

    size_t readers;                 /* how often operators read `out` */
    bool passes_on;                 /* delta_in is wanted */
    float *in;                      /* (M, inputs) */
    float *out;                     /* (M, width) */
    float *delta;                   /* (M, width) */
    float *delta_in;                /* (M, inputs - grad_from) */
    enum nastl_merge merge;         /* how delta_in gets into the delta of `from` */
    enum nastl_merge merge_other;   /* how `delta` gets into that of `other` */
    bool owns_delta, reached;       /* placing: see plan.c */
    size_t grad_from;               /* delta_in lacks the columns before this one */
    float *param[NASTL_OP_TENSORS]; /* in the order of the node's tensors */
    float *grad[NASTL_OP_TENSORS];  /* NULL where not trained */
    float *bias_grad;               /* of the linear before it, which this one sums */
    bool bias_done;                 /* LINEAR: the one after it sums it */
    bool masks_in, masked; /* LINEAR: makes delta_in 0 where `in` is; has it so itself */
    bool is_held;          /* its output is: see guide.h */
    bool is_frozen;        /* its tensors are; it may have none */
    void *state;
};

extern const struct nastl_op_kind nastl_op_input, nastl_op_linear, nastl_op_layer_norm,
    nastl_op_batch_norm, nastl_op_activation, nastl_op_piecewise, nastl_op_wave,
    nastl_op_add, nastl_op_tokens, nastl_op_attention, nastl_op_reglu, nastl_op_first,
    nastl_op_members, nastl_op_scale, nastl_op_member_linear, nastl_op_stack,
    nastl_op_average;

struct nastl_plan {
    const struct nastl_graph *graph;
    struct nastl_dnnl *dnnl;
    struct nastl_block params, grads; /* grads.data NULL: forward only */
    size_t batch;                     /* B */
    struct nastl_op *ops;             /* (count) */
    size_t count;
    size_t scratch_bytes;
    uint64_t noise_blocks; /* of the stream, a run */
    void *workspace;
    size_t members;      /* k in training, where each has a loss of its own; else 1 */
    float *output;       /* (B members, outputs) */
    float *output_delta; /* (B members, outputs): filled by the loss */
    size_t first;        /* operators before it do not run backwards */
    const struct nastl_hold *hold; /* NULL: nothing is held */
    double hold_loss;              /* of the last run backwards, the sum over its rows */
};

/* `params` and `grads` are borrowed. grads NULL: for deployed mode. */
int nastl_plan_create(struct nastl_plan **out, const struct nastl_graph *graph,
                      struct nastl_dnnl *dnnl, size_t batch,
                      const struct nastl_block *params, const struct nastl_block *grads);
/* The same of a training that holds outputs of nodes; `hold` may be NULL, and is
 * borrowed.
 */
int nastl_plan_create_holding(struct nastl_plan **out, const struct nastl_graph *graph,
                              struct nastl_dnnl *dnnl, size_t batch,
                              const struct nastl_block *params,
                              const struct nastl_block *grads,
                              const struct nastl_hold *hold);
void nastl_plan_destroy(struct nastl_plan *plan);

/* What is frozen in a phase is so from now on. Gradients of frozen tensors are not
 * worked out, or mean nothing. */
void nastl_plan_freeze(struct nastl_plan *plan, const struct nastl_phase *phase);
bool nastl_is_frozen(const struct nastl_phase *phase, size_t tensor);

int nastl_plan_forward(struct nastl_plan *plan, const struct nastl_step *step);
/* From output_delta to every gradient. */
int nastl_plan_backward(struct nastl_plan *plan, const struct nastl_step *step);

/* Adds the gradient by an operator that is held to its delta; returns the sum over the
 * rows of what that adds to their loss. */
double nastl_hold_add(const struct nastl_op *op, const struct nastl_step *step,
                      const struct nastl_hold *hold);

/* The stream of an operator's dropout in this step, `offset` blocks on. */
struct nastl_rng nastl_op_noise(const struct nastl_op *op, const struct nastl_step *step,
                                uint64_t offset);

/* How many of 65536 elements an operator drops in this step; 0 when deployed. */
uint32_t nastl_op_drop(const struct nastl_op *op, const struct nastl_step *step);

/* ---- shared with the path for single rows ---- */

/* One categorical value of one row of the input, which is zero there: from `table`
 * (cardinality, width), or one-hot. */
void nastl_encode(float *out, const struct nastl_encoding *encoding, const float *table,
                  size_t value);

/* Backward of an embedding of numbers: the gradient by what the input has behind its
 * `columns` numbers is that by what the output has behind the `made` ones. */
void nastl_pass_rest(struct nastl_op *op, size_t columns, size_t made);

/* As PyTorch. */
#define NASTL_NORM_EPSILON 1e-5f

/* Both: y == x is allowed. */
void nastl_layer_norm(float *y, const float *x, const float *weight, const float *bias,
                      size_t rows, size_t width);
void nastl_activate(enum nastl_activation activation, float *y, const float *x, size_t n);
/* y = x + share * (f(x) - x) over one row; y == x is allowed. */
void nastl_activate_share(enum nastl_activation activation, float *y, const float *x,
                          const float *share, size_t width);

/* One row of a member: y = x * scale[m] + bias[m], bias or NULL; y == x is allowed. And
 * y (width) = x (inputs) W[m]^T + bias[m]. */
void nastl_member_scale(float *y, const float *x, const float *scale, const float *bias,
                        size_t member, size_t width);
void nastl_member_linear(float *y, const float *x, const float *weight, const float *bias,
                         size_t member, size_t inputs, size_t width);
/* x: (members, width), rows `stride` apart; work (width). See nastl_graph_average(). */
void nastl_average(float *out, const float *x, size_t members, size_t stride,
                   size_t width, bool values, double *work);

#endif
