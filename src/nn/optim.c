/* optim.c: AdamW and clipping by the norm of the whole gradient.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/optim.h"

#include <math.h>

#include "nn/kernel.h"

static const double EPSILON = 1e-8;

/* What one step multiplies with, worked out once in double. */
struct factors {
    float beta1, beta2, rest1, rest2;
    float rate; /* learning rate / (1 - beta1^t) */
    float root; /* 1 / sqrt(1 - beta2^t) */
    float epsilon;
    float scale; /* of the gradient */
};

/*   g = scale * grad
 *   m = beta1 m + (1 - beta1) g         v = beta2 v + (1 - beta2) g^2
 *   p = keep p - rate m / (sqrt(v) root + epsilon) */
NASTL_HOT static void update(float *restrict p, const float *restrict grad,
                             float *restrict m, float *restrict v, size_t n, float keep,
                             const struct factors *factors)
{
    const struct factors f = *factors;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float g = f.scale * grad[i];
        const float m1 = f.beta1 * m[i] + f.rest1 * g;
        const float v1 = f.beta2 * v[i] + f.rest2 * (g * g);
        m[i] = m1;
        v[i] = v1;
        p[i] = keep * p[i] - f.rate * m1 / (sqrtf(v1) * f.root + f.epsilon);
    }
}

/* p = p + share (towards - p) */
NASTL_HOT static void pull(float *restrict p, const float *restrict towards, size_t n,
                           float share)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        p[i] += share * (towards[i] - p[i]);
}

static void step_group(float *params, const float *grads,
                       const struct nastl_moments *moments,
                       const struct nastl_group *group, const struct nastl_recipe *recipe,
                       uint64_t steps, float scale)
{
    const double b1 = recipe->beta1, b2 = recipe->beta2;
    const double rate = recipe->learning_rate * group->rate;
    const uint64_t t = steps - group->waits;
    const struct factors factors = {
        .beta1 = (float)b1,
        .beta2 = (float)b2,
        .rest1 = (float)(1.0 - b1),
        .rest2 = (float)(1.0 - b2),
        .rate = (float)(rate / (1.0 - pow(b1, (double)t))),
        .root = (float)(1.0 / sqrt(1.0 - pow(b2, (double)t))),
        .epsilon = (float)(EPSILON * group->epsilon),
        .scale = scale,
    };
    const float keep =
        (float)(1.0 - recipe->learning_rate * group->decay * recipe->weight_decay);
    const size_t at = group->at;
    if (group->pull > 0.0)
        pull(params + at, moments->towards + at, group->count,
             (float)fmin(recipe->learning_rate * group->pull, 1.0));
    update(params + at, grads + at, moments->m + at, moments->v + at, group->count, keep,
           &factors);
}

void nastl_adamw(float *params, const float *grads, const struct nastl_moments *moments,
                 const struct nastl_group *groups, size_t count,
                 const struct nastl_recipe *recipe, uint64_t t, float scale)
{
    for (size_t i = 0; i < count; i++)
        if (!groups[i].is_frozen)
            step_group(params, grads, moments, &groups[i], recipe, t, scale);
}

float nastl_clip_scale(const float *grads, size_t n, double clip)
{
    if (clip <= 0.0)
        return 1.0f;
    const double norm = sqrt(nastl_sum_of_squares(grads, n));
    return norm > clip ? (float)(clip / (norm + 1e-6)) : 1.0f;
}
