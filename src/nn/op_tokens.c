/* op_tokens.c: rows become tokens (Gorishniy et al. 2021), and tokens a row again.
 *
 *   token of a row   0 class   1 … D number c           D + 1 … D + K column k
 *                    cls       x[c] weight[c] + bias[c]  table k [code] + bias[k]
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/op.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/kernel.h"

struct state {
    float **table, **grad;                /* (K) of the categorical columns */
    size_t numbers, columns;              /* D, K: tokens of each kind */
    size_t cls, weight, bias, table_bias; /* tensors of the node */
};

static int create(struct nastl_op *op, struct nastl_plan *plan)
{
    struct state *state = op->state;
    state->numbers = op->inputs;
    state->columns = op->node->rows - 1 - op->inputs;
    state->weight = 1;
    state->bias = 2;
    state->table_bias = op->inputs > 0 ? 3 : 1;
    state->table = nastl_alloc_zero(state->columns, sizeof *state->table);
    state->grad = nastl_alloc_zero(state->columns, sizeof *state->grad);
    if (!state->table || !state->grad)
        return nastl_error_nomem("an operator");
    for (size_t k = 0; k < state->columns; k++) {
        const size_t tensor = op->graph->encodings[k].tensor;
        state->table[k] = plan->params.data + plan->params.at[tensor];
        if (op->training)
            state->grad[k] = plan->grads.data + plan->grads.at[tensor];
    }
    return 0;
}

static void destroy(struct nastl_op *op)
{
    struct state *state = op->state;
    free(state->table);
    free(state->grad);
}

static const int32_t *codes_of(const struct nastl_step *step, size_t i)
{
    const size_t row = step->rows ? (size_t)step->rows[i] : step->first + i;
    return step->xy->code + row * step->xy->categorical;
}

/* ---- forward ---- */

NASTL_HOT static void number_tokens(float *restrict out, const float *restrict x,
                                    const float *restrict weight,
                                    const float *restrict bias, size_t count,
                                    size_t width)
{
    for (size_t c = 0; c < count; c++)
#pragma omp simd
        for (size_t i = 0; i < width; i++)
            out[c * width + i] = x[c] * weight[c * width + i] + bias[c * width + i];
}

/* Rows that are left have the bias alone. */
static void table_tokens(const struct nastl_op *op, const struct nastl_step *step,
                         float *out, size_t row)
{
    const struct state *state = op->state;
    const size_t width = op->width;
    memcpy(out, op->param[state->table_bias], state->columns * width * sizeof *out);
    if (row >= step->count)
        return;
    const int32_t *code = codes_of(step, row);
    for (size_t k = 0; k < state->columns; k++)
        for (size_t i = 0; i < width; i++)
            out[k * width + i] += state->table[k][(size_t)code[k] * width + i];
}

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    const struct state *state = op->state;
    const size_t width = op->width, tokens = op->node->rows;
    for (size_t r = 0; r < op->rows / tokens; r++) {
        float *out = op->out + r * tokens * width;
        memcpy(out, op->param[state->cls], width * sizeof *out);
        if (state->numbers > 0)
            number_tokens(out + width, op->in + r * op->inputs, op->param[state->weight],
                          op->param[state->bias], state->numbers, width);
        if (state->columns > 0)
            table_tokens(op, step, out + (1 + state->numbers) * width, r);
    }
    return 0;
}

/* ---- backward ---- */

NASTL_HOT static void add(float *restrict sum, const float *restrict x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        sum[i] += x[i];
}

NASTL_HOT static void number_sums(float *restrict weight, float *restrict bias,
                                  const float *restrict delta, const float *restrict x,
                                  size_t count, size_t width)
{
    for (size_t c = 0; c < count; c++)
#pragma omp simd
        for (size_t i = 0; i < width; i++) {
            const size_t at = c * width + i;
            weight[at] += x[c] * delta[at];
            bias[at] += delta[at];
        }
}

NASTL_HOT static void number_deltas(float *restrict dx, const float *restrict delta,
                                    const float *restrict weight, size_t count,
                                    size_t width)
{
    for (size_t c = 0; c < count; c++) {
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < width; i++)
            sum += delta[c * width + i] * weight[c * width + i];
        dx[c] = sum;
    }
}

static void numbers_backward(struct nastl_op *op, const float *delta, size_t row)
{
    const struct state *state = op->state;
    number_sums(op->grad[state->weight], op->grad[state->bias], delta,
                op->in + row * op->inputs, state->numbers, op->width);
    if (op->passes_on)
        number_deltas(op->delta_in + row * op->inputs, delta, op->param[state->weight],
                      state->numbers, op->width);
}

static void tables_backward(struct nastl_op *op, const struct nastl_step *step,
                            const float *delta, size_t row)
{
    const struct state *state = op->state;
    const size_t width = op->width;
    add(op->grad[state->table_bias], delta, state->columns * width);
    if (row >= step->count)
        return;
    const int32_t *code = codes_of(step, row);
    for (size_t k = 0; k < state->columns; k++)
        add(state->grad[k] + (size_t)code[k] * width, delta + k * width, width);
}

static void clear_gradients(struct nastl_op *op)
{
    const struct state *state = op->state;
    for (size_t i = 0; i < op->node->tensor_count; i++) {
        const size_t tensor = op->node->tensor + i;
        memset(op->grad[i], 0,
               nastl_tensor_size(&op->graph->tensors[tensor]) * sizeof(float));
    }
    for (size_t k = 0; k < state->columns; k++)
        memset(state->grad[k], 0,
               op->graph->shape.cardinality[k] * op->width * sizeof(float));
}

static int backward(struct nastl_op *op, const struct nastl_step *step)
{
    const struct state *state = op->state;
    const size_t width = op->width, tokens = op->node->rows;
    clear_gradients(op);
    for (size_t r = 0; r < op->rows / tokens; r++) {
        const float *delta = op->delta + r * tokens * width;
        add(op->grad[state->cls], delta, width);
        if (state->numbers > 0)
            numbers_backward(op, delta + width, r);
        if (state->columns > 0)
            tables_backward(op, step, delta + (1 + state->numbers) * width, r);
    }
    return 0;
}

const struct nastl_op_kind nastl_op_tokens = {
    .state = sizeof(struct state),
    .create = create,
    .destroy = destroy,
    .forward = forward,
    .backward = backward,
};

/* ---- the first token of each row ---- */

static int first_forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const size_t stride = op->from->node->rows * op->width;
    for (size_t r = 0; r < op->rows; r++)
        memcpy(op->out + r * op->width, op->in + r * stride, op->width * sizeof(float));
    return 0;
}

static int first_backward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const size_t stride = op->from->node->rows * op->width;
    memset(op->delta_in, 0, op->rows * stride * sizeof(float));
    for (size_t r = 0; r < op->rows; r++)
        memcpy(op->delta_in + r * stride, op->delta + r * op->width,
               op->width * sizeof(float));
    return 0;
}

const struct nastl_op_kind nastl_op_first = {
    .forward = first_forward,
    .backward = first_backward,
};
