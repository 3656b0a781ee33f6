/* hold.c: outputs of inner nodes that are held near given numbers: the mean of
 * weight (output - wanted)^2 over all of them; see guide.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/kernel.h"
#include "nn/op.h"

/* One row of the data: returns the sum of squares, and adds scale * (out - wanted) to its
 * delta; where this one is masked (the ReLU was off), nothing passes. */
NASTL_HOT static double hold_row(float *restrict delta, const float *restrict out,
                                 const float *restrict wanted, size_t n, float scale,
                                 bool masked)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        const float off = out[i] - wanted[i];
        sum += (double)off * (double)off;
        if (!masked || out[i] > 0.0f)
            delta[i] += scale * off;
    }
    return sum;
}

double nastl_hold_add(const struct nastl_op *op, const struct nastl_step *step,
                      const struct nastl_hold *hold)
{
    const size_t numbers = op->node->rows * op->width;
    const double weight = hold->weight / (double)(hold->count * numbers);
    const float scale = (float)(2.0 * weight / (double)step->count);
    double sum = 0.0;
    for (size_t i = 0; i < step->count; i++) {
        const size_t row = step->rows ? (size_t)step->rows[i] : step->first + i;
        sum += hold_row(op->delta + i * numbers, op->out + i * numbers,
                        hold->wanted + row * numbers, numbers, scale, op->masked);
    }
    return weight * sum;
}
