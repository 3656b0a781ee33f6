/* loss.c: softmax cross-entropy, binary cross-entropy with logits, squared error, Huber.
 *
 * Each has one function that writes the unscaled gradient of a few rows and returns the
 * sum of their losses; it needs the gradient's block as its working space anyway.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/loss.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "nn/kernel.h"

/* A sum of logarithms is the logarithm of a product: one call serves so many factors,
 * each below 2^31, without leaving the range of double. */
enum { FACTORS = 32 };

/* ---- softmax cross-entropy: log(sum of exp(o)) - o[y]; gradient softmax(o) - onehot(y)
 */

/* delta = o - max(o), row by row; a NaN in a row makes its maximum NaN or stays. */
static void subtract_most(float *restrict delta, const float *restrict outputs,
                          size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++) {
        const float *o = outputs + r * width;
        float most = o[0];
        for (size_t c = 1; c < width; c++)
            most = o[c] > most ? o[c] : most;
        for (size_t c = 0; c < width; c++)
            delta[r * width + c] = o[c] - most;
    }
}

NASTL_HOT static void exponentials(float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        x[i] = nastl_expf(x[i]);
}

/* One row of exponentials becomes probabilities; returns the sum that it had. */
NASTL_HOT_INLINE float normalise(float *p, size_t width)
{
    float sum = 0.0f;
    for (size_t c = 0; c < width; c++)
        sum += p[c];
    const float share = 1.0f / sum;
    for (size_t c = 0; c < width; c++)
        p[c] *= share;
    return sum;
}

/* The sum of the logarithms of the rows' sums; rows become probabilities. */
NASTL_HOT static double normalise_rows(float *delta, size_t rows, size_t width)
{
    double total = 0.0;
    for (size_t at = 0; at < rows; at += FACTORS) {
        const size_t end = rows - at < FACTORS ? rows : at + FACTORS;
        double product = 1.0;
        for (size_t r = at; r < end; r++)
            product *= (double)normalise(delta + r * width, width);
        total += log(product);
    }
    return total;
}

static double cross_entropy(float *restrict delta, const float *restrict outputs,
                            const float *restrict y, size_t rows, size_t width)
{
    double chosen = 0.0;
    subtract_most(delta, outputs, rows, width);
    for (size_t r = 0; r < rows; r++) {
        assert(y[r] >= 0.0f && y[r] < (float)width);
        chosen += (double)delta[r * width + (size_t)y[r]];
    }
    exponentials(delta, rows * width);
    const double total = normalise_rows(delta, rows, width) - chosen;
    for (size_t r = 0; r < rows; r++)
        delta[r * width + (size_t)y[r]] -= 1.0f;
    return total;
}

/* ---- binary cross-entropy: max(o, 0) - o y + log(1 + exp(-|o|)); sigmoid(o) - y ---- */

NASTL_HOT static double binary_rows(float *restrict delta, const float *restrict outputs,
                                    const float *restrict y, size_t rows)
{
    double sum = 0.0, product = 1.0;
#pragma omp simd reduction(+ : sum) reduction(* : product)
    for (size_t r = 0; r < rows; r++) {
        const float o = outputs[r], e = nastl_expf(-fabsf(o)), p = 1.0f / (1.0f + e);
        sum += (double)((o > 0.0f ? o : 0.0f) - o * y[r]);
        product *= 1.0 + (double)e;
        delta[r] = (o > 0.0f ? p : e * p) - y[r];
    }
    return sum + log(product);
}

static double binary_cross_entropy(float *restrict delta, const float *restrict outputs,
                                   const float *restrict y, size_t rows, size_t width)
{
    assert(width == 1);
    (void)width;
    double total = 0.0;
    for (size_t at = 0; at < rows; at += FACTORS) {
        const size_t n = rows - at < FACTORS ? rows - at : FACTORS;
        total += binary_rows(delta + at, outputs + at, y + at, n);
    }
    return total;
}

/* ---- squared error: (o - y)^2; 2 (o - y) ---- */

static double squared_error(float *restrict delta, const float *restrict outputs,
                            const float *restrict y, size_t rows, size_t width)
{
    assert(width == 1);
    double total = 0.0;
    for (size_t r = 0; r < rows * width; r++) {
        const float error = outputs[r] - y[r];
        total += (double)error * error;
        delta[r] = 2.0f * error;
    }
    return total;
}

/* ---- Huber 1964, as PyTorch with delta 1: e^2 / 2 where |e| <= 1, else |e| - 1/2; e,
 * at most 1 ---- */

static double huber(float *restrict delta, const float *restrict outputs,
                    const float *restrict y, size_t rows, size_t width)
{
    assert(width == 1);
    double total = 0.0;
    for (size_t r = 0; r < rows * width; r++) {
        const float error = outputs[r] - y[r], size = fabsf(error);
        total += size <= 1.0f ? 0.5 * (double)error * error : (double)size - 0.5;
        delta[r] = size <= 1.0f ? error : copysignf(1.0f, error);
    }
    return total;
}

typedef double (*loss_rows)(float *restrict delta, const float *restrict outputs,
                            const float *restrict y, size_t rows, size_t width);

static const loss_rows losses[] = {cross_entropy, binary_cross_entropy, squared_error,
                                   huber};
_Static_assert(sizeof losses / sizeof *losses == NASTL_LOSS_COUNT, "one a loss");

double nastl_loss_gradient(enum nastl_loss loss, float *delta, const float *outputs,
                           const float *y, size_t count, size_t batch, size_t width)
{
    const double total = losses[loss](delta, outputs, y, count, width);
    const float share = 1.0f / (float)count;
    for (size_t i = 0; i < count * width; i++)
        delta[i] *= share;
    memset(delta + count * width, 0, (batch - count) * width * sizeof *delta);
    return total;
}

double nastl_loss_value(enum nastl_loss loss, float *work, const float *outputs,
                        const float *y, size_t count, size_t width)
{
    return losses[loss](work, outputs, y, count, width);
}
