/* op_linear.c: y = x W^T + b, perhaps with a ReLU, by three products of oneDNN:
 *
 *   Y (M, out)  = X (M, in)     W^T (in, out) + b
 *   dX (M, in)  = dY (M, out)   W (out, in)
 *   dW (out, in) = dY^T (out, M) X (M, in)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/op.h"

#include "nn/kernel.h"
#include "nn/product.h"

#include "base/error.h"

enum { WEIGHT, BIAS }; /* tensors of the node */

/* Up to so many outputs, a loop of ours goes forward. */
enum { FEW_OUTPUTS = 4 };

struct state {
    struct nastl_product *forward; /* NULL: few_outputs() */
    struct nastl_product *data;    /* NULL: no gradient of the input is wanted */
    struct nastl_product *weight;  /* NULL: deployed */
};

static int create_backward(struct nastl_op *op, struct nastl_plan *plan)
{
    struct state *state = op->state;
    const struct nastl_matmul_params weight = {
        .m = op->width, .n = op->inputs, .k = op->rows, .a_transposed = true};
    TRY(nastl_product_create(&state->weight, plan->dnnl, &weight));
    const struct nastl_matmul_params data = {.m = op->rows,
                                             .n = op->inputs - op->grad_from,
                                             .k = op->width,
                                             .ldb = op->inputs};
    return op->passes_on ? nastl_product_create(&state->data, plan->dnnl, &data) : 0;
}

static void need_scratch(struct nastl_plan *plan, const struct nastl_product *product)
{
    const size_t bytes = product ? nastl_product_scratch(product) : 0;
    plan->scratch_bytes = bytes > plan->scratch_bytes ? bytes : plan->scratch_bytes;
}

static int create(struct nastl_op *op, struct nastl_plan *plan)
{
    struct state *state = op->state;
    const struct nastl_matmul_params forward = {.m = op->rows,
                                                .n = op->width,
                                                .k = op->inputs,
                                                .b_transposed = true,
                                                .bias = op->param[BIAS] != NULL,
                                                .relu = op->activation ==
                                                        NASTL_ACTIVATION_RELU};
    if (op->width > FEW_OUTPUTS || forward.relu)
        TRY(nastl_product_create(&state->forward, plan->dnnl, &forward));
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
    nastl_product_destroy(state->forward);
    nastl_product_destroy(state->data);
    nastl_product_destroy(state->weight);
}

static int bind(struct nastl_op *op, void *scratch)
{
    struct state *state = op->state;
    const struct nastl_operands forward = {.a = op->in,
                                           .b = op->param[WEIGHT],
                                           .bias = op->param[BIAS],
                                           .c = op->out,
                                           .scratch = scratch};
    const struct nastl_operands data = {.a = op->delta,
                                        .b = op->param[WEIGHT] + op->grad_from,
                                        .mask = op->masks_in ? op->in : NULL,
                                        .c = op->delta_in,
                                        .scratch = scratch};
    const struct nastl_operands weight = {
        .a = op->delta, .b = op->in, .c = op->grad[WEIGHT], .scratch = scratch};
    if (state->forward)
        TRY(nastl_product_bind(state->forward, &forward));
    if (state->data)
        TRY(nastl_product_bind(state->data, &data));
    return state->weight ? nastl_product_bind(state->weight, &weight) : 0;
}

/* With few outputs most lanes of a vector would be idle in a product: y = x . w + b row
 * by row, four rows at a time. */
NASTL_HOT static void few_outputs(float *restrict y, const float *restrict x,
                                  const float *restrict w, float b, size_t rows,
                                  size_t inputs, size_t width)
{
    size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const float *restrict x0 = x + r * inputs, *restrict x1 = x0 + inputs;
        const float *restrict x2 = x1 + inputs, *restrict x3 = x2 + inputs;
        float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
        for (size_t c = 0; c < inputs; c++) {
            s0 += x0[c] * w[c];
            s1 += x1[c] * w[c];
            s2 += x2[c] * w[c];
            s3 += x3[c] * w[c];
        }
        y[r * width] = s0 + b;
        y[(r + 1) * width] = s1 + b;
        y[(r + 2) * width] = s2 + b;
        y[(r + 3) * width] = s3 + b;
    }
    for (; r < rows; r++) {
        float s = 0.0f;
#pragma omp simd reduction(+ : s)
        for (size_t c = 0; c < inputs; c++)
            s += x[r * inputs + c] * w[c];
        y[r * width] = s + b;
    }
}

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const struct state *state = op->state;
    if (state->forward)
        return nastl_product_run(state->forward);
    for (size_t o = 0; o < op->width; o++)
        few_outputs(op->out + o, op->in, op->param[WEIGHT] + o * op->inputs,
                    op->param[BIAS] ? op->param[BIAS][o] : 0.0f, op->rows, op->inputs,
                    op->width);
    return 0;
}

static int backward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    struct state *state = op->state;
    if (op->activation == NASTL_ACTIVATION_RELU && !op->masked)
        nastl_mask_and_sum(op->delta, op->grad[BIAS], op->out, op->rows, op->width);
    else if (op->grad[BIAS] && !op->bias_done)
        nastl_column_sums(op->grad[BIAS], op->delta, op->rows, op->width);
    TRY(nastl_product_run(state->weight));
    return state->data ? nastl_product_run(state->data) : 0;
}

const struct nastl_op_kind nastl_op_linear = {
    .state = sizeof(struct state),
    .create = create,
    .destroy = destroy,
    .bind = bind,
    .forward = forward,
    .backward = backward,
};
