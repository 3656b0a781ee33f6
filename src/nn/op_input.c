/* op_input.c: gathers rows of the data: numbers, then each categorical column one-hot or
 * from its table.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/op.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

/* Where the tables and their gradients are, one entry a categorical column. */
struct state {
    const float **table; /* (K), NULL where one-hot */
    float **grad;        /* (K) */
};

static int create(struct nastl_op *op, struct nastl_plan *plan)
{
    struct state *state = op->state;
    const size_t columns = op->graph->shape.categorical;
    state->table = nastl_alloc_zero(columns, sizeof *state->table);
    state->grad = nastl_alloc_zero(columns, sizeof *state->grad);
    if (!state->table || !state->grad)
        return nastl_error_nomem("an operator");
    for (size_t k = 0; k < columns; k++) {
        const struct nastl_encoding *encoding = &op->graph->encodings[k];
        if (!encoding->embedded)
            continue;
        state->table[k] = plan->params.data + plan->params.at[encoding->tensor];
        if (op->training)
            state->grad[k] = plan->grads.data + plan->grads.at[encoding->tensor];
    }
    return 0;
}

static void destroy(struct nastl_op *op)
{
    struct state *state = op->state;
    free(state->table);
    free(state->grad);
}

static size_t row_of(const struct nastl_step *step, size_t i)
{
    return step->rows ? (size_t)step->rows[i] : step->first + i;
}

void nastl_encode(float *out, const struct nastl_encoding *encoding, const float *table,
                  size_t value)
{
    if (table)
        memcpy(out + encoding->at, table + value * encoding->width,
               encoding->width * sizeof *out);
    else
        out[encoding->at + value] = 1.0f;
}

/* Rows are wherever the shuffle put them: asked for a little before they are needed. */
static void prefetch(const struct nastl_step *step, size_t i)
{
    enum { AHEAD = 12, LINE = NASTL_ALIGN / sizeof(float), MOST = 8 * LINE };
    if (i + AHEAD >= step->count)
        return;
    const size_t row = row_of(step, i + AHEAD), numeric = step->xy->numeric;
    for (size_t c = 0; c < numeric && c < MOST; c += LINE)
        __builtin_prefetch(step->xy->x + row * numeric + c);
}

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    const struct nastl_xy *xy = step->xy;
    const struct state *state = op->state;
    for (size_t i = 0; i < step->count; i++) {
        prefetch(step, i);
        const size_t row = row_of(step, i);
        const int32_t *code = xy->code + row * xy->categorical;
        float *out = op->out + i * op->width;
        memcpy(out, xy->x + row * xy->numeric, xy->numeric * sizeof *out);
        memset(out + xy->numeric, 0, (op->width - xy->numeric) * sizeof *out);
        for (size_t k = 0; k < xy->categorical; k++)
            nastl_encode(out, &op->graph->encodings[k], state->table[k], (size_t)code[k]);
    }
    memset(op->out + step->count * op->width, 0,
           (op->rows - step->count) * op->width * sizeof *op->out);
    return 0;
}

/* A row of a table collects the deltas of the rows that read it, in their order. */
static void collect(const struct nastl_op *op, const struct nastl_step *step, size_t k)
{
    const struct nastl_encoding *e = &op->graph->encodings[k];
    const size_t stride = op->width - op->grad_from;
    float *grad = ((struct state *)op->state)->grad[k];
    memset(grad, 0, op->graph->shape.cardinality[k] * e->width * sizeof *grad);
    for (size_t i = 0; i < step->count; i++) {
        const int32_t *code = step->xy->code + row_of(step, i) * step->xy->categorical;
        const float *delta = op->delta + i * stride + (e->at - op->grad_from);
        float *into = grad + (size_t)code[k] * e->width;
        for (size_t c = 0; c < e->width; c++)
            into[c] += delta[c];
    }
}

static int backward(struct nastl_op *op, const struct nastl_step *step)
{
    for (size_t k = 0; k < op->graph->shape.categorical; k++)
        if (op->graph->encodings[k].embedded)
            collect(op, step, k);
    return 0;
}

void nastl_pass_rest(struct nastl_op *op, size_t columns, size_t made)
{
    const size_t rest = op->inputs - columns;
    for (size_t r = 0; r < op->rows && op->passes_on; r++)
        memcpy(op->delta_in + r * op->inputs + columns, op->delta + r * op->width + made,
               rest * sizeof *op->delta);
}

const struct nastl_op_kind nastl_op_input = {
    .state = sizeof(struct state),
    .create = create,
    .destroy = destroy,
    .forward = forward,
    .backward = backward,
};
