/* wave.h: cosines and sines of whole turns, and what embeddings by them share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_WAVE_H
#define NN_WAVE_H

#include <stddef.h>

#include "base/hot.h"

static const float NASTL_TURN = 6.28318530717958647692f; /* 2 pi */

/* sin(2 pi r) for |r| <= 1/4, to 1e-7: Taylor's series up to the 11th power. */
NASTL_HOT_INLINE float nastl_sine_of_turn(float r)
{
    const float a = NASTL_TURN * r, s = a * a;
    float p = -2.50521084e-8f;
    p = p * s + 2.75573192e-6f;
    p = p * s - 1.98412698e-4f;
    p = p * s + 8.33333333e-3f;
    p = p * s - 1.66666667e-1f;
    return p * s * a + a;
}

/* Cosine and sine of u turns. Adding 1.5 * 2^23 rounds: r is what is left of a whole
 * turn, -1/2 … 1/2. */
NASTL_HOT_INLINE void nastl_wave(float *cosine, float *sine, float u)
{
    const float whole = (u + 12582912.0f) - 12582912.0f, r = u - whole;
    const float size = r < 0.0f ? -r : r;
    const float folded = size > 0.25f ? 0.5f - size : size;
    *cosine = nastl_sine_of_turn(0.25f - size);
    *sine = nastl_sine_of_turn(r < 0.0f ? -folded : folded);
}

NASTL_HOT_INLINE float nastl_dot(const float *restrict a, const float *restrict b,
                                 size_t n)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (size_t k = 0; k < n; k++)
        sum += a[k] * b[k];
    return sum;
}

#endif
