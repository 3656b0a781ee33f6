/* kernel.h: loops over arrays that several operators share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_KERNEL_H
#define NN_KERNEL_H

#include "base/hot.h"

#include <stddef.h>
#include <stdint.h>

/* exp(x) to 2 units in the last place, clipped to exp(-87) … exp(88); NaN stays NaN. No
 * branch and no call: loops over it become vector code. */
NASTL_HOT_INLINE float nastl_expf(float x)
{
    /* exp(x) = 2^n exp(r), n the whole number nearest to x / ln 2, |r| <= ln 2 / 2.
     * Adding 1.5 * 2^23 rounds and leaves n in the low bits. */
    union {
        float value;
        uint32_t bits;
    } shifted, power;
    float clipped = x < -87.0f ? -87.0f : x;
    clipped = clipped > 88.0f ? 88.0f : clipped;
    shifted.value = clipped * 1.44269504f + 12582912.0f;
    const float n = shifted.value - 12582912.0f;
    const float r = (clipped - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f; /* the polynomial of Cephes, expf.c */
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    power.bits = (shifted.bits << 23) + (UINT32_C(127) << 23);
    return p * power.value;
}

/* 2^x for x <= 0, to 2 units in the last place, clipped to 2^-126; NaN stays NaN. The
 * polynomial is that of Cephes, exp2f.c. */
NASTL_HOT_INLINE float nastl_exp2f_negative(float x)
{
    union {
        float value;
        uint32_t bits;
    } shifted, power;
    const float clipped = x < -126.0f ? -126.0f : x;
    shifted.value = clipped + 12582912.0f;
    const float r = clipped - (shifted.value - 12582912.0f); /* |r| <= 1 / 2 */
    float p = 1.535336188e-4f;
    p = p * r + 1.339887440e-3f;
    p = p * r + 9.618437357e-3f;
    p = p * r + 5.550332471e-2f;
    p = p * r + 2.402264791e-1f;
    p = p * r + 6.931472029e-1f;
    p = p * r + 1.0f;
    power.value = p;
    power.bits += shifted.bits << 23;
    return power.value;
}

/* sum[c] = the sum of column c of x (rows, width). */
void nastl_column_sums(float *sum, const float *x, size_t rows, size_t width);

/* y = x + z; y == x is allowed. */
void nastl_add(float *y, const float *x, const float *z, size_t n);

/* sum = sum + factor * x */
void nastl_add_scaled(float *sum, const float *x, float factor, size_t n);

/* delta = delta * slope, and sum[c] = the sum of column c of the product. */
void nastl_multiply_and_sum(float *delta, float *sum, const float *slope, size_t rows,
                            size_t width);

/* delta = delta where out > 0, else 0, and sum[c] = the sum of column c of that. */
void nastl_mask_and_sum(float *delta, float *sum, const float *out, size_t rows,
                        size_t width);

/* column[r] = x[r stride]: one column of `rows` rows. */
void nastl_take_column(float *column, const float *x, size_t stride, size_t rows);

double nastl_sum_of_squares(const float *x, size_t n);

#endif
