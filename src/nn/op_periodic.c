/* op_periodic.c: periodic embeddings of numeric columns; embed.h has the formula.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/embed.h"

#include <string.h>

#include "base/hot.h"

enum { FREQUENCY, WEIGHT, BIAS }; /* tensors of the node */

static const float TURN = 6.28318530717958647692f; /* 2 pi */

/* ---- cosines and sines of whole turns ---- */

/* sin(2 pi r) for |r| <= 1/4, to 1e-7: Taylor's series up to the 11th power. */
NASTL_HOT_INLINE float sine_of_turn(float r)
{
    const float a = TURN * r, s = a * a;
    float p = -2.50521084e-8f;
    p = p * s + 2.75573192e-6f;
    p = p * s - 1.98412698e-4f;
    p = p * s + 8.33333333e-3f;
    p = p * s - 1.66666667e-1f;
    return p * s * a + a;
}

/* Cosine and sine of u turns. Adding 1.5 * 2^23 rounds: r is what is left of a whole
 * turn, -1/2 … 1/2. */
NASTL_HOT_INLINE void wave(float *cosine, float *sine, float u)
{
    const float whole = (u + 12582912.0f) - 12582912.0f, r = u - whole;
    const float size = r < 0.0f ? -r : r;
    const float folded = size > 0.25f ? 0.5f - size : size;
    *cosine = sine_of_turn(0.25f - size);
    *sine = sine_of_turn(r < 0.0f ? -folded : folded);
}

NASTL_HOT_INLINE void waves_of(float *restrict waves, const float *restrict frequency,
                               size_t count, float x)
{
#pragma omp simd
    for (size_t k = 0; k < count; k++)
        wave(&waves[k], &waves[count + k], frequency[k] * x);
}

/* ---- forward ---- */

NASTL_HOT void nastl_periodic_row(const struct nastl_periodic *table, float *restrict y,
                                  float *restrict waves, const float *restrict x)
{
    const size_t each = table->each, count = table->count;
    for (size_t d = 0; d < table->columns; d++) {
        float *restrict wave = waves + d * 2 * count, *restrict out = y + d * each;
        const float *weight = table->weight + d * 2 * count * each;
        waves_of(wave, table->frequency + d * count, count, x[d]);
        memcpy(out, table->bias + d * each, each * sizeof *out);
        for (size_t k = 0; k < 2 * count; k++)
#pragma omp simd
            for (size_t c = 0; c < each; c++)
                out[c] += wave[k] * weight[k * each + c];
#pragma omp simd
        for (size_t c = 0; c < each; c++)
            out[c] = out[c] > 0.0f ? out[c] : 0.0f;
    }
}

struct state {
    struct nastl_periodic table;
    float *waves; /* (M, D', 2 K) */
};

static void place(struct nastl_op *op, struct nastl_carver *carver)
{
    struct state *state = op->state;
    state->table = (struct nastl_periodic){.columns = op->graph->shape.numeric,
                                           .count = op->node->pieces,
                                           .each = op->node->each,
                                           .frequency = op->param[FREQUENCY],
                                           .weight = op->param[WEIGHT],
                                           .bias = op->param[BIAS]};
    state->waves = nastl_carve(
        carver, op->rows * state->table.columns * 2 * state->table.count, sizeof(float));
}

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const struct state *state = op->state;
    const struct nastl_periodic *table = &state->table;
    const size_t d = table->columns, made = d * table->each;
    for (size_t r = 0; r < op->rows; r++) {
        const float *x = op->in + r * op->inputs;
        float *y = op->out + r * op->width;
        nastl_periodic_row(table, y, state->waves + r * d * 2 * table->count, x);
        memcpy(y + made, x + d, (op->inputs - d) * sizeof *y);
    }
    return 0;
}

/* ---- backward ----
 *
 *   g = dy where y > 0, else 0;  dbias += g;  dA[k] += cos g;  dB[k] += sin g
 *   dw[k] += 2 pi x (cos (g . B[k]) - sin (g . A[k]))
 */

NASTL_HOT_INLINE float collect_wave(float *restrict dweight, const float *restrict g,
                                    const float *restrict weight, float wave, size_t each)
{
    float dot = 0.0f;
#pragma omp simd reduction(+ : dot)
    for (size_t c = 0; c < each; c++) {
        dweight[c] += wave * g[c];
        dot += weight[c] * g[c];
    }
    return dot;
}

NASTL_HOT static void collect(const struct nastl_op *op, const float *restrict waves,
                              const float *restrict x, const float *restrict y,
                              float *restrict g)
{
    const struct nastl_periodic *table = &((const struct state *)op->state)->table;
    const size_t each = table->each, count = table->count;
    for (size_t d = 0; d < table->columns; d++, y += each, g += each) {
        const float *cosine = waves + d * 2 * count, *sine = cosine + count;
        const size_t at = d * 2 * count * each, half = count * each;
        for (size_t c = 0; c < each; c++) {
            g[c] = y[c] > 0.0f ? g[c] : 0.0f;
            op->grad[BIAS][d * each + c] += g[c];
        }
        for (size_t k = 0; k < count; k++) {
            const size_t a = at + k * each, b = a + half;
            const float by_cosine =
                collect_wave(op->grad[WEIGHT] + a, g, table->weight + a, cosine[k], each);
            const float by_sine =
                collect_wave(op->grad[WEIGHT] + b, g, table->weight + b, sine[k], each);
            op->grad[FREQUENCY][d * count + k] +=
                TURN * x[d] * (cosine[k] * by_sine - sine[k] * by_cosine);
        }
    }
}

static int backward(struct nastl_op *op, const struct nastl_step *step)
{
    const struct state *state = op->state;
    const struct nastl_periodic *table = &state->table;
    const size_t d = table->columns, made = d * table->each, waves = d * 2 * table->count;
    memset(op->grad[FREQUENCY], 0, d * table->count * sizeof(float));
    memset(op->grad[WEIGHT], 0, waves * table->each * sizeof(float));
    memset(op->grad[BIAS], 0, made * sizeof(float));
    for (size_t r = 0; r < step->count; r++)
        collect(op, state->waves + r * waves, op->in + r * op->inputs,
                op->out + r * op->width, op->delta + r * op->width);
    nastl_pass_rest(op, d, made);
    return 0;
}

const struct nastl_op_kind nastl_op_periodic = {
    .state = sizeof(struct state),
    .place = place,
    .forward = forward,
    .backward = backward,
};
