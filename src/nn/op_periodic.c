/* op_periodic.c: periodic embeddings of numeric columns; embed.h has the formula.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/embed.h"

#include <string.h>

#include "nn/wave.h"

enum { FREQUENCY, WEIGHT, BIAS }; /* tensors of the node */

/* ---- forward ---- */

NASTL_HOT_INLINE void waves_of(float *restrict waves, const float *restrict frequency,
                               size_t count, float x)
{
#pragma omp simd
    for (size_t k = 0; k < count; k++)
        nastl_wave(&waves[k], &waves[count + k], frequency[k] * x);
}

NASTL_HOT void nastl_periodic_row(const struct nastl_periodic *table, float *restrict y,
                                  float *restrict waves, const float *restrict x)
{
    const size_t each = table->each, count = table->count;
    for (size_t d = 0; d < table->columns; d++) {
        float *wave = waves + d * 2 * count;
        waves_of(wave, table->frequency + d * count, count, x[d]);
        for (size_t c = d * each; c < (d + 1) * each; c++) {
            const float sum = table->bias[c] +
                              nastl_dot(wave, table->weight + c * 2 * count, 2 * count);
            y[c] = sum > 0.0f ? sum : 0.0f;
        }
    }
}

struct state {
    struct nastl_periodic table;
    float *waves; /* (M, D', 2 K) */
    float *dwave; /* (2 K) */
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
    state->dwave = nastl_carve(carver, 2 * state->table.count, sizeof(float));
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
 *   g = dy where y > 0, else 0;  dbias += g;  dA[k] += g cos;  dB[k] += g sin
 *   dw[k] += 2 pi x (cos (g . B[k]) - sin (g . A[k]))
 */

/* One of the E numbers of a column: the gradients of its weights, and its part of those
 * by the waves. */
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

/* dfrequency[k] += 2 pi x (cos dsin - sin dcos) */
NASTL_HOT_INLINE void collect_frequencies(float *restrict dfrequency,
                                          const float *restrict wave,
                                          const float *restrict dwave, float x,
                                          size_t count)
{
    const float turn = NASTL_TURN * x;
#pragma omp simd
    for (size_t k = 0; k < count; k++)
        dfrequency[k] += turn * (wave[k] * dwave[count + k] - wave[count + k] * dwave[k]);
}

NASTL_HOT static void collect(const struct nastl_op *op, const float *restrict waves,
                              const float *restrict x, const float *restrict y,
                              const float *restrict delta)
{
    const struct state *state = op->state;
    const struct nastl_periodic *table = &state->table;
    const size_t each = table->each, count = table->count;
    for (size_t d = 0; d < table->columns; d++) {
        const float *wave = waves + d * 2 * count;
        memset(state->dwave, 0, 2 * count * sizeof(float));
        for (size_t c = d * each; c < (d + 1) * each; c++) {
            if (!(y[c] > 0.0f))
                continue;
            op->grad[BIAS][c] += delta[c];
            collect_number(op->grad[WEIGHT] + c * 2 * count, state->dwave,
                           table->weight + c * 2 * count, wave, delta[c], 2 * count);
        }
        collect_frequencies(op->grad[FREQUENCY] + d * count, wave, state->dwave, x[d],
                            count);
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
