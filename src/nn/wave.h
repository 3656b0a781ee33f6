/* wave.h: cosines and sines of whole turns.
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

/* What is left of a whole turn, -1/2 … 1/2. Adding 1.5 * 2^23 rounds. */
NASTL_HOT_INLINE float nastl_part_of_turn(float u)
{
    return u - ((u + 12582912.0f) - 12582912.0f);
}

NASTL_HOT_INLINE float nastl_cosine(float u)
{
    const float r = nastl_part_of_turn(u);
    return nastl_sine_of_turn(0.25f - (r < 0.0f ? -r : r));
}

/* Cosine and sine of u turns. */
NASTL_HOT_INLINE void nastl_wave(float *cosine, float *sine, float u)
{
    const float r = nastl_part_of_turn(u), size = r < 0.0f ? -r : r;
    const float folded = size > 0.25f ? 0.5f - size : size;
    *cosine = nastl_sine_of_turn(0.25f - size);
    *sine = nastl_sine_of_turn(r < 0.0f ? -folded : folded);
}

#endif
