/* loss.h: losses of a batch and their gradients by the outputs.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_LOSS_H
#define NN_LOSS_H

#include "nn/train.h"

/* Returns the sum over `count` rows of the loss of outputs (count, C) with labels y
 * (count). delta (batch, C) becomes the gradient of the mean over these rows, and zero in
 * the rows after them. */
double nastl_loss_gradient(enum nastl_loss loss, float *delta, const float *outputs,
                           const float *y, size_t count, size_t batch, size_t width);

/* The sum alone; `work` (count, C) is overwritten. */
double nastl_loss_value(enum nastl_loss loss, float *work, const float *outputs,
                        const float *y, size_t count, size_t width);

#endif
