/* op_stack.c: the rows of two outputs, one after the other: how the networks of an
 * ensemble come together. For each row of the data
 *
 *   out   | rows of `other` | rows of `from` |
 *
 * Nobody else reads the two, so that going back each gets its part and no sum is made.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/op.h"

#include <assert.h>
#include <string.h>

/* Numbers that a row of the data has in the output of an operator. */
static size_t numbers_of(const struct nastl_op *op)
{
    return op->node->rows * op->width;
}

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const size_t mine = numbers_of(op), last = numbers_of(op->from), first = mine - last;
    for (size_t b = 0; b * mine < op->rows * op->width; b++) {
        memcpy(op->out + b * mine, op->other->out + b * first, first * sizeof *op->out);
        memcpy(op->out + b * mine + first, op->in + b * last, last * sizeof *op->out);
    }
    return 0;
}

static int backward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const size_t mine = numbers_of(op), last = numbers_of(op->from), first = mine - last;
    assert(op->merge == NASTL_MERGE_NONE && op->merge_other == NASTL_MERGE_COPY);
    for (size_t b = 0; b * mine < op->rows * op->width; b++) {
        const float *delta = op->delta + b * mine;
        memcpy(op->other->delta + b * first, delta, first * sizeof *delta);
        memcpy(op->delta_in + b * last, delta + first, last * sizeof *delta);
    }
    return 0;
}

const struct nastl_op_kind nastl_op_stack = {
    .splits = true,
    .forward = forward,
    .backward = backward,
};
