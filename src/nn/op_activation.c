/* op_activation.c: activations, dropout (Srivastava et al. 2014), or both in one pass. A
 * neuron may have a share a of its activation, which it learns:
 *
 *   y = x + a (f(x) - x);   dy / dx = 1 + a (f'(x) - 1);   da = sum of dy (f(x) - x)
 *
 * Going forward in training, the slope d out / d in of each element is kept, with the
 * factor of dropout in it; going back is then one product, whatever the function.
 * A dropped element has factor 0, a kept one 1 / (1 - rate).
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/op.h"

#include <math.h>
#include <string.h>

#include "nn/kernel.h"

enum { SHARE }; /* tensor of the node; it may be missing */

/* Elements that are worked on at once: slope and out stay in the first cache. Each number
 * of the stream serves two elements: i in its low half, i + HALF in its high half. */
enum { TILE = NASTL_NOISE_TILE, HALF = TILE / 2 };

struct state {
    float *slope;    /* (M, width) */
    float *bend;     /* (M, width) f(x) - x, with the factor of dropout; NULL: no share */
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

/* scale (max(x, 0) + alpha (exp(min(x, 0)) - 1)) */
static const float SELU_SCALE = 1.05070098f, SELU_ALPHA = 1.67326324f;

NASTL_HOT static void selu(float *y, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float v = x[i];
        const float low = SELU_ALPHA * (nastl_expf(v < 0.0f ? v : 0.0f) - 1.0f);
        y[i] = SELU_SCALE * (v > 0.0f ? v : low);
    }
}

NASTL_HOT static void selu_slope(float *y, float *s, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float v = x[i];
        const float e = SELU_ALPHA * nastl_expf(v < 0.0f ? v : 0.0f);
        y[i] = SELU_SCALE * (v > 0.0f ? v : e - SELU_ALPHA);
        s[i] = SELU_SCALE * (v > 0.0f ? 1.0f : e);
    }
}

/* x t, t = tanh(log(1 + e)) = q / (q + 2) with e = exp(x), q = e (e + 2); beyond x = 20,
 * t is 1. */
NASTL_HOT static void mish(float *y, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float v = x[i], e = nastl_expf(v < 20.0f ? v : 20.0f);
        const float q = e * (e + 2.0f);
        y[i] = v * (q / (q + 2.0f));
    }
}

/* t + x (1 - t^2) sigmoid(x), and 1 - t^2 = 4 (1 + e)^2 / (q + 2)^2. */
NASTL_HOT static void mish_slope(float *y, float *s, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float v = x[i], e = nastl_expf(v < 20.0f ? v : 20.0f);
        const float share = 1.0f / (e * (e + 2.0f) + 2.0f);
        const float t = e * (e + 2.0f) * share;
        y[i] = v * t;
        s[i] = t + v * (4.0f * e * share) * ((1.0f + e) * share);
    }
}

static const struct {
    void (*value)(float *y, const float *x, size_t n);
    void (*slope)(float *y, float *s, const float *x, size_t n);
} functions[] = {{relu, relu_slope},
                 {gelu, gelu_slope},
                 {silu, silu_slope},
                 {selu, selu_slope},
                 {mish, mish_slope}};
_Static_assert(sizeof functions / sizeof *functions == NASTL_ACTIVATION_COUNT,
               "one an activation");

void nastl_activate(enum nastl_activation activation, float *y, const float *x, size_t n)
{
    functions[activation].value(y, x, n);
}

void nastl_activate_share(enum nastl_activation activation, float *y, const float *x,
                          const float *share, size_t width)
{
    enum { CHUNK = 64 };
    float f[CHUNK];
    for (size_t at = 0; at < width; at += CHUNK) {
        const size_t n = width - at < CHUNK ? width - at : CHUNK;
        functions[activation].value(f, x + at, n);
        for (size_t i = 0; i < n; i++)
            y[at + i] = x[at + i] + share[at + i] * (f[i] - x[at + i]);
    }
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

NASTL_HOT static void drop_bend(float *restrict bend, const uint32_t *restrict noise,
                                unsigned shift, uint32_t drop, size_t n)
{
    const float factor = 65536.0f / (float)(65536 - drop);
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        bend[i] *= (noise[i] >> shift & 0xffff) >= drop ? factor : 0.0f;
}

/* ---- shares ---- */

/* `bend` holds x, y and s are those of f. */
NASTL_HOT static void take_share(float *restrict y, float *restrict s,
                                 float *restrict bend, const float *restrict share,
                                 size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float x = bend[i], b = y[i] - x;
        y[i] = x + share[i] * b;
        s[i] = 1.0f + share[i] * (s[i] - 1.0f);
        bend[i] = b;
    }
}

/* The function of a tile that begins at element `at`, of which each neuron takes its
 * share. */
static void share_tile(const struct nastl_op *op, size_t at, size_t n)
{
    const struct state *state = op->state;
    memcpy(state->bend + at, op->in + at, n * sizeof(float));
    functions[op->activation].slope(op->out + at, state->slope + at, op->in + at, n);
    for (size_t i = at; i < at + n;) {
        const size_t column = i % op->width, left = at + n - i;
        const size_t m = op->width - column < left ? op->width - column : left;
        take_share(op->out + i, state->slope + i, state->bend + i,
                   op->param[SHARE] + column, m);
        i += m;
    }
}

/* sum[c] = the sum of delta bend over the rows. */
NASTL_HOT static void share_sums(float *restrict sum, const float *restrict delta,
                                 const float *restrict bend, size_t rows, size_t width)
{
    memset(sum, 0, width * sizeof *sum);
    for (size_t r = 0; r < rows; r++) {
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            sum[c] += delta[r * width + c] * bend[r * width + c];
    }
}

/* ---- the operator ---- */

/* The slope may take the place of what is read, if nobody else reads that and it is not
 * held. */
static void place(struct nastl_op *op, struct nastl_carver *carver)
{
    struct state *state = op->state;
    if (!op->training)
        return;
    const bool alone = op->from->readers == 1 && op->from->from && !op->from->is_held;
    state->slope =
        alone ? op->in : nastl_carve(carver, op->rows * op->width, sizeof(float));
    if (op->param[SHARE])
        state->bend = nastl_carve(carver, op->rows * op->width, sizeof(float));
    if (op->rate > 0.0)
        state->noise = nastl_carve(carver, HALF, sizeof *state->noise);
}

static void forward_training(struct nastl_op *op, const struct nastl_step *step)
{
    struct state *state = op->state;
    const size_t total = op->rows * op->width;
    const uint32_t drop = nastl_op_drop(op, step);
    struct nastl_rng rng = nastl_op_noise(op, step, 0);
    for (size_t at = 0; at < total; at += TILE) {
        const size_t n = total - at < TILE ? total - at : TILE;
        float *y = op->out + at, *s = state->slope + at;
        if (op->activation == NASTL_NO_ACTIVATION)
            identity_slope(y, s, op->in + at, n);
        else if (state->bend)
            share_tile(op, at, n);
        else
            functions[op->activation].slope(y, s, op->in + at, n);
        if (drop == 0)
            continue;
        const size_t low = n < HALF ? n : HALF;
        nastl_rng_fill(&rng, state->noise, NASTL_NOISE_BLOCKS);
        drop_out(y, s, state->noise, 0, drop, low);
        drop_out(y + low, s + low, state->noise, 16, drop, n - low);
        if (!state->bend)
            continue;
        drop_bend(state->bend + at, state->noise, 0, drop, low);
        drop_bend(state->bend + at + low, state->noise, 16, drop, n - low);
    }
}

static void forward_deployed(struct nastl_op *op)
{
    const enum nastl_activation activation = (enum nastl_activation)op->activation;
    if (!op->param[SHARE]) {
        nastl_activate(activation, op->out, op->in, op->rows * op->width);
        return;
    }
    for (size_t r = 0; r < op->rows; r++)
        nastl_activate_share(activation, op->out + r * op->width, op->in + r * op->width,
                             op->param[SHARE], op->width);
}

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    if (op->training)
        forward_training(op, step);
    else
        forward_deployed(op);
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
    if (state->bend)
        share_sums(op->grad[SHARE], op->delta, state->bend, op->rows, op->width);
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
