/* kernel.c: loops over arrays that several operators share.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/kernel.h"

#include <string.h>

NASTL_HOT void nastl_column_sums(float *restrict sum, const float *restrict x,
                                 size_t rows, size_t width)
{
    memset(sum, 0, width * sizeof *sum);
    for (size_t r = 0; r < rows; r++) {
        const float *row = x + r * width;
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            sum[c] += row[c];
    }
}

NASTL_HOT void nastl_add(float *y, const float *x, const float *z, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] + z[i];
}

NASTL_HOT void nastl_add_scaled(float *restrict sum, const float *restrict x,
                                float factor, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        sum[i] += factor * x[i];
}

NASTL_HOT void nastl_multiply_and_sum(float *restrict delta, float *restrict sum,
                                      const float *restrict slope, size_t rows,
                                      size_t width)
{
    memset(sum, 0, width * sizeof *sum);
    for (size_t r = 0; r < rows; r++) {
        float *d = delta + r * width;
        const float *s = slope + r * width;
#pragma omp simd
        for (size_t c = 0; c < width; c++) {
            d[c] *= s[c];
            sum[c] += d[c];
        }
    }
}

NASTL_HOT void nastl_mask_and_sum(float *restrict delta, float *restrict sum,
                                  const float *restrict out, size_t rows, size_t width)
{
    memset(sum, 0, width * sizeof *sum);
    for (size_t r = 0; r < rows; r++) {
        float *d = delta + r * width;
        const float *o = out + r * width;
#pragma omp simd
        for (size_t c = 0; c < width; c++) {
            const float masked = o[c] > 0.0f ? d[c] : 0.0f;
            d[c] = masked;
            sum[c] += masked;
        }
    }
}

void nastl_take_column(float *restrict column, const float *restrict x, size_t stride,
                       size_t rows)
{
    for (size_t r = 0; r < rows; r++)
        column[r] = x[r * stride];
}

/* Floats within a piece, doubles over the pieces: no error grows with n. */
NASTL_HOT double nastl_sum_of_squares(const float *x, size_t n)
{
    enum { PIECE = 1024 };
    double total = 0.0;
    for (size_t at = 0; at < n; at += PIECE) {
        const size_t end = n - at < PIECE ? n : at + PIECE;
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (size_t i = at; i < end; i++)
            sum += x[i] * x[i];
        total += (double)sum;
    }
    return total;
}
