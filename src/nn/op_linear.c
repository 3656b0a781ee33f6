/* op_linear.c: y = x W^T + b, perhaps with a ReLU, by three products of oneDNN:
 *
 *   Y (M, out)  = X (M, in)     W^T (in, out) + b
 *   dX (M, in)  = dY (M, out)   W (out, in)
 *   dW (out, in) = dY^T (out, M) X (M, in)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/op.h"

#include "nn/kernel.h"

#include "base/error.h"

enum { WEIGHT, BIAS }; /* tensors of the node */

struct state {
    struct nastl_matmul *forward, *data, *weight;
};

static int create_backward(struct nastl_op *op, struct nastl_plan *plan)
{
    struct state *state = op->state;
    const struct nastl_matmul_params weight = {
        .m = op->width, .n = op->inputs, .k = op->rows, .a_transposed = true};
    TRY(nastl_matmul_create(&state->weight, plan->dnnl, &weight));
    const struct nastl_matmul_params data = {.m = op->rows,
                                             .n = op->inputs - op->grad_from,
                                             .k = op->width,
                                             .ldb = op->inputs};
    return op->passes_on ? nastl_matmul_create(&state->data, plan->dnnl, &data) : 0;
}

static void need_scratch(struct nastl_plan *plan, const struct nastl_matmul *product)
{
    const size_t bytes = product ? nastl_matmul_scratch(product) : 0;
    plan->scratch_bytes = bytes > plan->scratch_bytes ? bytes : plan->scratch_bytes;
}

static int create(struct nastl_op *op, struct nastl_plan *plan)
{
    struct state *state = op->state;
    const struct nastl_matmul_params forward = {.m = op->rows,
                                                .n = op->width,
                                                .k = op->inputs,
                                                .b_transposed = true,
                                                .bias = true,
                                                .relu = op->activation ==
                                                        NASTL_ACTIVATION_RELU};
    TRY(nastl_matmul_create(&state->forward, plan->dnnl, &forward));
    if (op->training)
        TRY(create_backward(op, plan));
    need_scratch(plan, state->forward);
    need_scratch(plan, state->data);
    need_scratch(plan, state->weight);
    return 0;
}

static void destroy(struct nastl_op *op)
{
    struct state *state = op->state;
    nastl_matmul_destroy(state->forward);
    nastl_matmul_destroy(state->data);
    nastl_matmul_destroy(state->weight);
}

static int bind(struct nastl_op *op, void *scratch)
{
    struct state *state = op->state;
    TRY(nastl_matmul_bind(state->forward, op->in, op->param[WEIGHT], op->param[BIAS],
                          op->out, scratch));
    if (state->data)
        TRY(nastl_matmul_bind(state->data, op->delta, op->param[WEIGHT] + op->grad_from,
                              NULL, op->delta_in, scratch));
    return state->weight ? nastl_matmul_bind(state->weight, op->delta, op->in, NULL,
                                             op->grad[WEIGHT], scratch)
                         : 0;
}

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    return nastl_matmul_run(((struct state *)op->state)->forward);
}

static int backward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    struct state *state = op->state;
    if (op->activation == NASTL_ACTIVATION_RELU)
        nastl_mask_and_sum(op->delta, op->grad[BIAS], op->out, op->rows, op->width);
    else if (!op->bias_done)
        nastl_column_sums(op->grad[BIAS], op->delta, op->rows, op->width);
    TRY(nastl_matmul_run(state->weight));
    return state->data ? nastl_matmul_run(state->data) : 0;
}

const struct nastl_op_kind nastl_op_linear = {
    .state = sizeof(struct state),
    .create = create,
    .destroy = destroy,
    .bind = bind,
    .forward = forward,
    .backward = backward,
};
