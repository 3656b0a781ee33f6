/* optim.h: optimisers over flat blocks.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_OPTIM_H
#define NN_OPTIM_H

#include "nn/train.h"

/* One step of AdamW (Loshchilov and Hutter 2019) as PyTorch computes it, step t = 1, 2, …
 * on n parameters of which the first `decayed` decay. All gradients are first multiplied
 * with `scale`. m and v are the moments. */
void nastl_adamw(float *params, const float *grads, float *m, float *v, size_t n,
                 size_t decayed, const struct nastl_recipe *recipe, uint64_t t,
                 float scale);

/* The factor of the learning rate at a step from 0, with so many steps an epoch: rises
 * over warmup_epochs, then follows the schedule, which ends at max_epochs. */
double nastl_schedule_factor(const struct nastl_recipe *recipe, uint64_t step,
                             size_t epoch_steps);

/* The factor that brings the norm of the gradient down to `clip` (0: 1). */
float nastl_clip_scale(const float *grads, size_t n, double clip);

#endif
