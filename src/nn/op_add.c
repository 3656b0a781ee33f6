/* op_add.c: the sum of two outputs: a branch, and what goes past it.
 *
 * Going back, the delta of the sum is that of both: the branch goes on with the same
 * block, and the plan brings it to the other.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/op.h"

#include "nn/kernel.h"

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    nastl_add(op->out, op->in, op->other->out, op->rows * op->width);
    return 0;
}

static int backward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)op;
    (void)step;
    return 0;
}

const struct nastl_op_kind nastl_op_add = {
    .in_place = true,
    .forward = forward,
    .backward = backward,
};
