/* op_pbld.c: embeddings of numeric columns by cosines with phases, beside the numbers as
 * they are; embed.h has the formula.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/embed.h"

#include <string.h>

#include "nn/wave.h"

enum { FREQUENCY, PHASE, WEIGHT, BIAS }; /* tensors of the node */

NASTL_HOT_INLINE void waves_of(float *restrict waves, const float *restrict frequency,
                               const float *restrict phase, size_t count, float x)
{
    const float turn = 1.0f / NASTL_TURN;
#pragma omp simd
    for (size_t k = 0; k < count; k++)
        nastl_wave(&waves[k], &waves[count + k], frequency[k] * x + turn * phase[k]);
}

NASTL_HOT void nastl_pbld_row(const struct nastl_pbld *table, float *restrict y,
                              float *restrict waves, const float *restrict x)
{
    const size_t made = table->each - 1, count = table->count;
    for (size_t d = 0; d < table->columns; d++) {
        const float *weight = table->weight + d * made * count;
        float *wave = waves + d * 2 * count;
        waves_of(wave, table->frequency + d * count, table->phase + d * count, count,
                 x[d]);
        for (size_t e = 0; e < made; e++)
            y[e] = table->bias[d * made + e] + nastl_dot(wave, weight + e * count, count);
        y[made] = x[d];
        y += table->each;
    }
}

struct state {
    struct nastl_pbld table;
    float *waves; /* (M, D', 2 K) */
    float *dwave; /* (K) */
};

static void place(struct nastl_op *op, struct nastl_carver *carver)
{
    struct state *state = op->state;
    state->table = (struct nastl_pbld){.columns = op->graph->shape.numeric,
                                       .count = op->node->pieces,
                                       .each = op->node->each,
                                       .frequency = op->param[FREQUENCY],
                                       .phase = op->param[PHASE],
                                       .weight = op->param[WEIGHT],
                                       .bias = op->param[BIAS]};
    state->waves = nastl_carve(
        carver, op->rows * state->table.columns * 2 * state->table.count, sizeof(float));
    state->dwave = nastl_carve(carver, state->table.count, sizeof(float));
}

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const struct state *state = op->state;
    const struct nastl_pbld *table = &state->table;
    const size_t d = table->columns, made = d * table->each;
    for (size_t r = 0; r < op->rows; r++) {
        const float *x = op->in + r * op->inputs;
        float *y = op->out + r * op->width;
        nastl_pbld_row(table, y, state->waves + r * d * 2 * table->count, x);
        memcpy(y + made, x + d, (op->inputs - d) * sizeof *y);
    }
    return 0;
}

/* ---- backward ----
 *
 *   g = dy;  dbias += g;  dW[k] += g cos
 *   dphase[k] -= sin (g . W[k]);  dw[k] -= 2 pi x sin (g . W[k])
 */

/* One of the E - 1 numbers of a column: the gradients of its weights, and its part of
 * those by the cosines. */
NASTL_HOT_INLINE void collect_number(float *restrict dweight, float *restrict dwave,
                                     const float *restrict weight,
                                     const float *restrict wave, float g, size_t count)
{
#pragma omp simd
    for (size_t k = 0; k < count; k++) {
        dweight[k] += g * wave[k];
        dwave[k] += g * weight[k];
    }
}

NASTL_HOT_INLINE void collect_angles(float *restrict dfrequency, float *restrict dphase,
                                     const float *restrict sine,
                                     const float *restrict dwave, float x, size_t count)
{
    const float turn = NASTL_TURN * x;
#pragma omp simd
    for (size_t k = 0; k < count; k++) {
        const float angle = -sine[k] * dwave[k];
        dphase[k] += angle;
        dfrequency[k] += turn * angle;
    }
}

NASTL_HOT static void collect(const struct nastl_op *op, const float *restrict waves,
                              const float *restrict x, const float *restrict delta)
{
    const struct state *state = op->state;
    const struct nastl_pbld *table = &state->table;
    const size_t made = table->each - 1, count = table->count;
    for (size_t d = 0; d < table->columns; d++, delta += table->each) {
        const float *wave = waves + d * 2 * count;
        memset(state->dwave, 0, count * sizeof(float));
        for (size_t e = 0; e < made; e++) {
            const size_t at = (d * made + e) * count;
            op->grad[BIAS][d * made + e] += delta[e];
            collect_number(op->grad[WEIGHT] + at, state->dwave, table->weight + at, wave,
                           delta[e], count);
        }
        collect_angles(op->grad[FREQUENCY] + d * count, op->grad[PHASE] + d * count,
                       wave + count, state->dwave, x[d], count);
    }
}

static int backward(struct nastl_op *op, const struct nastl_step *step)
{
    const struct state *state = op->state;
    const struct nastl_pbld *table = &state->table;
    const size_t d = table->columns, made = d * (table->each - 1), count = table->count;
    memset(op->grad[FREQUENCY], 0, d * count * sizeof(float));
    memset(op->grad[PHASE], 0, d * count * sizeof(float));
    memset(op->grad[WEIGHT], 0, made * count * sizeof(float));
    memset(op->grad[BIAS], 0, made * sizeof(float));
    for (size_t r = 0; r < step->count; r++)
        collect(op, state->waves + r * d * 2 * count, op->in + r * op->inputs,
                op->delta + r * op->width);
    nastl_pass_rest(op, d, d * table->each);
    return 0;
}

const struct nastl_op_kind nastl_op_pbld = {
    .state = sizeof(struct state),
    .place = place,
    .forward = forward,
    .backward = backward,
};
