/* op_attention.c: self-attention over the tokens of each row; the work is in attention.h.
 * Its input has Q, K and V side by side. It has one token out for each in, or, where the
 * node has a single row, that of the first token alone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/op.h"

#include "nn/attention.h"

struct state {
    struct nastl_attention shape;
    float *kept;    /* (B, …); NULL: deployed */
    float *scratch; /* of one row */
};

static size_t batch_of(const struct nastl_op *op)
{
    return op->rows / op->node->rows;
}

static int create(struct nastl_op *op, struct nastl_plan *plan)
{
    struct state *state = op->state;
    (void)plan;
    state->shape = (struct nastl_attention){
        .tokens = op->graph->nodes[op->node->from].rows,
        .queries = op->node->rows,
        .heads = op->node->heads,
        .width = op->width / op->node->heads,
    };
    op->noise_blocks = batch_of(op) * nastl_attention_noise(&state->shape);
    return 0;
}

static void place(struct nastl_op *op, struct nastl_carver *carver)
{
    struct state *state = op->state;
    const size_t kept = batch_of(op) * nastl_attention_kept(&state->shape);
    state->kept = op->training ? nastl_carve(carver, kept, sizeof(float)) : NULL;
    state->scratch =
        nastl_carve(carver, nastl_attention_scratch(&state->shape), sizeof(float));
}

/* The stream of row i of the batch. */
static struct nastl_rng noise_of(const struct nastl_op *op, const struct nastl_step *step,
                                 size_t i)
{
    const struct state *state = op->state;
    return nastl_op_noise(op, step, i * nastl_attention_noise(&state->shape));
}

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    struct state *state = op->state;
    const struct nastl_attention *shape = &state->shape;
    const size_t kept = nastl_attention_kept(shape);
    state->shape.drop = nastl_op_drop(op, step);
    for (size_t i = 0; i < batch_of(op); i++) {
        const struct nastl_rng noise = noise_of(op, step, i);
        nastl_attention_forward(shape, op->out + i * shape->queries * op->width,
                                state->kept ? state->kept + i * kept : NULL,
                                op->in + i * shape->tokens * op->inputs, state->scratch,
                                &noise);
    }
    return 0;
}

static int backward(struct nastl_op *op, const struct nastl_step *step)
{
    const struct state *state = op->state;
    const struct nastl_attention *shape = &state->shape;
    const size_t kept = nastl_attention_kept(shape);
    const size_t in = shape->tokens * op->inputs, out = shape->queries * op->width;
    for (size_t i = 0; i < batch_of(op); i++) {
        const struct nastl_rng noise = noise_of(op, step, i);
        nastl_attention_backward(shape, op->delta_in + i * in, op->delta + i * out,
                                 op->out + i * out, state->kept + i * kept,
                                 op->in + i * in, state->scratch, &noise);
    }
    return 0;
}

const struct nastl_op_kind nastl_op_attention = {
    .state = sizeof(struct state),
    .create = create,
    .place = place,
    .forward = forward,
    .backward = backward,
};
