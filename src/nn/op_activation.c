/* op_activation.c: activations, dropout (Srivastava et al. 2014), or both in one pass.
 *
 * Going forward in training, the slope d out / d in of each element is kept, with the
 * factor of dropout in it; going back is then one product, whatever the function.
 * A dropped element has factor 0, a kept one 1 / (1 - rate).
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/op.h"

#include <math.h>

#include "nn/kernel.h"

/* Elements that are worked on at once: slope and out stay in the first cache. Each number
 * of the stream serves two elements: i in its low half, i + HALF in its high half. */
enum { TILE = NASTL_NOISE_TILE, HALF = TILE / 2 };

struct state {
    float *slope;    /* (M, width) */
    uint32_t *noise; /* (HALF) */
};

/* ---- functions: y = f(x), s = f'(x); s == x is allowed ---- */

NASTL_HOT static void relu(float *y, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > 0.0f ? x[i] : 0.0f;
}

NASTL_HOT static void relu_slope(float *y, float *s, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float v = x[i];
        y[i] = v > 0.0f ? v : 0.0f;
        s[i] = v > 0.0f ? 1.0f : 0.0f;
    }
}

/* P(X <= x) of the normal distribution, and its density, from one exponential: erfc by
 * Abramowitz and Stegun 7.1.26, to 1.5e-7. */
NASTL_HOT_INLINE float normal(float x, float *density)
{
    const float z = fabsf(x) * 0.70710678f;
    const float e = nastl_expf(-z * z);
    const float t = 1.0f / (1.0f + 0.3275911f * z);
    float p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    const float half = 0.5f * p * t * e;
    *density = 0.39894228f * e;
    return x > 0.0f ? 1.0f - half : half;
}

NASTL_HOT static void gelu(float *y, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float density;
        y[i] = x[i] * normal(x[i], &density);
    }
}

NASTL_HOT static void gelu_slope(float *y, float *s, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float v = x[i];
        float density;
        const float p = normal(v, &density);
        y[i] = v * p;
        s[i] = p + v * density;
    }
}

NASTL_HOT static void silu(float *y, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] / (1.0f + nastl_expf(-x[i]));
}

NASTL_HOT static void silu_slope(float *y, float *s, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float v = x[i];
        const float p = 1.0f / (1.0f + nastl_expf(-v));
        y[i] = v * p;
        s[i] = p * (1.0f + v * (1.0f - p));
    }
}

static const struct {
    void (*value)(float *y, const float *x, size_t n);
    void (*slope)(float *y, float *s, const float *x, size_t n);
} functions[] = {{relu, relu_slope}, {gelu, gelu_slope}, {silu, silu_slope}};
_Static_assert(sizeof functions / sizeof *functions == NASTL_ACTIVATION_COUNT,
               "one an activation");

void nastl_activate(enum nastl_activation activation, float *y, const float *x, size_t n)
{
    functions[activation].value(y, x, n);
}

NASTL_HOT static void identity_slope(float *y, float *s, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        y[i] = x[i];
        s[i] = 1.0f;
    }
}

/* Of 16 bits of noise, those below `drop` drop an element. */
NASTL_HOT static void drop_out(float *restrict y, float *restrict s,
                               const uint32_t *restrict noise, unsigned shift,
                               uint32_t drop, size_t n)
{
    const float factor = 65536.0f / (float)(65536 - drop);
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float kept = (noise[i] >> shift & 0xffff) >= drop ? factor : 0.0f;
        y[i] *= kept;
        s[i] *= kept;
    }
}

/* ---- the operator ---- */

/* The slope may take the place of what is read, if nobody else reads that. */
static void place(struct nastl_op *op, struct nastl_carver *carver)
{
    struct state *state = op->state;
    if (!op->training)
        return;
    const bool alone = op->from->readers == 1 && op->from->from;
    state->slope =
        alone ? op->in : nastl_carve(carver, op->rows * op->width, sizeof(float));
    if (op->rate > 0.0)
        state->noise = nastl_carve(carver, HALF, sizeof *state->noise);
}

static void forward_training(struct nastl_op *op, const struct nastl_step *step)
{
    struct state *state = op->state;
    const size_t total = op->rows * op->width;
    const uint32_t drop = (uint32_t)(op->rate * 65536.0 + 0.5);
    struct nastl_rng rng = nastl_op_noise(op, step, 0);
    for (size_t at = 0; at < total; at += TILE) {
        const size_t n = total - at < TILE ? total - at : TILE;
        float *y = op->out + at, *s = state->slope + at;
        if (op->activation == NASTL_NO_ACTIVATION)
            identity_slope(y, s, op->in + at, n);
        else
            functions[op->activation].slope(y, s, op->in + at, n);
        if (drop == 0)
            continue;
        const size_t low = n < HALF ? n : HALF;
        nastl_rng_fill(&rng, state->noise, NASTL_NOISE_BLOCKS);
        drop_out(y, s, state->noise, 0, drop, low);
        drop_out(y + low, s + low, state->noise, 16, drop, n - low);
    }
}

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    if (op->training)
        forward_training(op, step);
    else
        nastl_activate((enum nastl_activation)op->activation, op->out, op->in,
                       op->rows * op->width);
    return 0;
}

NASTL_HOT static void multiply(float *restrict delta, const float *restrict slope,
                               size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        delta[i] *= slope[i];
}

static int backward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const struct state *state = op->state;
    if (op->bias_grad)
        nastl_multiply_and_sum(op->delta, op->bias_grad, state->slope, op->rows,
                               op->width);
    else
        multiply(op->delta, state->slope, op->rows * op->width);
    return 0;
}

const struct nastl_op_kind nastl_op_activation = {
    .state = sizeof(struct state),
    .in_place = true,
    .place = place,
    .forward = forward,
    .backward = backward,
};
