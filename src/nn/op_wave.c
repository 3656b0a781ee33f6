/* op_wave.c: embeddings of numeric columns by cosines and sines; embed.h has the formula.
 *
 * Rows are worked on in tiles, and in a tile column by column, so that vectors run over
 * the rows: what a column needs stays in the first cache.
 *
 *   x (n) | waves (2 K, n): K rows of cosines, K of sines | numbers (made, n) | sum (n)
 *
 * Going back, the waves are made once more, which is less work than to keep those of the
 * whole batch. SPDX-License-Identifier: Apache-2.0 */
#include "nn/embed.h"

#include <string.h>

#include "nn/kernel.h"
#include "nn/wave.h"

/* Rows of a tile; of the last one, so many that vectors are whole. */
enum { TILE = 128, MULTIPLE = NASTL_LANES_MOST };

void nastl_waves_of(struct nastl_waves *out, const struct nastl_graph *graph,
                    const struct nastl_node *node, const float *const *tensors)
{
    const bool phased = node->kind == NASTL_NODE_PBLD;
    *out = (struct nastl_waves){.columns = graph->shape.numeric,
                                .count = node->pieces,
                                .each = node->each,
                                .made = node->each - phased,
                                .used = phased ? node->pieces : 2 * node->pieces,
                                .frequency = tensors[0],
                                .phase = phased ? tensors[1] : NULL,
                                .weight = tensors[1 + phased],
                                .bias = tensors[2 + phased]};
}

/* Turns of the wave k of a column, but for x. */
static float shift_of(const struct nastl_waves *table, size_t d, size_t k)
{
    return table->phase ? 1.0f / NASTL_TURN * table->phase[d * table->count + k] : 0.0f;
}

/* ---- one row ---- */

NASTL_HOT_INLINE void waves_of_number(float *restrict waves, const float *restrict w,
                                      const float *restrict phase, size_t count, float x)
{
    const float turn = 1.0f / NASTL_TURN;
    if (phase) {
#pragma omp simd
        for (size_t k = 0; k < count; k++)
            waves[k] = nastl_cosine(w[k] * x + turn * phase[k]);
    } else {
#pragma omp simd
        for (size_t k = 0; k < count; k++)
            nastl_wave(&waves[k], &waves[count + k], w[k] * x);
    }
}

NASTL_HOT_INLINE float dot(const float *restrict a, const float *restrict b, size_t n)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (size_t k = 0; k < n; k++)
        sum += a[k] * b[k];
    return sum;
}

NASTL_HOT void nastl_waves_row(const struct nastl_waves *table, float *restrict y,
                               float *restrict waves, const float *restrict x)
{
    const size_t made = table->made, count = table->count, used = table->used;
    const float *weight = table->weight, *bias = table->bias;
    for (size_t d = 0; d < table->columns; d++, y += table->each) {
        const float *phase = table->phase ? table->phase + d * count : NULL;
        waves_of_number(waves, table->frequency + d * count, phase, count, x[d]);
        for (size_t e = 0; e < made; e++, weight += used) {
            const float sum = *bias++ + dot(waves, weight, used);
            y[e] = phase || sum > 0.0f ? sum : 0.0f;
        }
        if (phase)
            y[made] = x[d];
    }
}

/* ---- a column of a tile: n rows ---- */

struct state {
    struct nastl_waves table;
    float *x;       /* (TILE) */
    float *waves;   /* (2 K, TILE) */
    float *numbers; /* (made, TILE): going back, their deltas */
    float *sum;     /* (2, TILE): going back, what comes to the waves k */
};

static void place(struct nastl_op *op, struct nastl_carver *carver)
{
    struct state *state = op->state;
    const float *const tensors[] = {op->param[0], op->param[1], op->param[2],
                                    op->param[3]};
    nastl_waves_of(&state->table, op->graph, op->node, tensors);
    const struct nastl_waves *table = &state->table;
    state->x = nastl_carve(carver, TILE, sizeof(float));
    state->waves = nastl_carve(carver, 2 * table->count * TILE, sizeof(float));
    state->numbers = nastl_carve(carver, table->made * TILE, sizeof(float));
    state->sum = nastl_carve(carver, 2 * (size_t)TILE, sizeof(float));
}

/* Whole vectors: n is rows, or a little more. */
static size_t whole(size_t rows)
{
    return (rows + MULTIPLE - 1) / MULTIPLE * MULTIPLE;
}

/* One number of each row, then zeros. */
static void take_column(float *column, const float *x, size_t stride, size_t rows)
{
    nastl_take_column(column, x, stride, rows);
    for (size_t r = rows; r < whole(rows); r++)
        column[r] = 0.0f;
}

NASTL_HOT static void cosines(float *restrict cosine, const float *restrict x, float w,
                              float shift, size_t n)
{
#pragma omp simd
    for (size_t r = 0; r < n; r++)
        cosine[r] = nastl_cosine(w * x[r] + shift);
}

NASTL_HOT static void waves(float *restrict cosine, float *restrict sine,
                            const float *restrict x, float w, float shift, size_t n)
{
#pragma omp simd
    for (size_t r = 0; r < n; r++)
        nastl_wave(&cosine[r], &sine[r], w * x[r] + shift);
}

/* y += sum over j of a[j stride] x[j], x (m, TILE). */
NASTL_HOT static void add_multiples(float *restrict y, const float *restrict x,
                                    const float *restrict a, size_t stride, size_t m,
                                    size_t n)
{
    size_t j = 0;
    for (; j + 4 <= m; j += 4, x += 4 * (size_t)TILE, a += 4 * stride) {
        const float a0 = a[0], a1 = a[stride], a2 = a[2 * stride], a3 = a[3 * stride];
#pragma omp simd
        for (size_t r = 0; r < n; r++)
            y[r] += (a0 * x[r] + a1 * x[TILE + r]) +
                    (a2 * x[2 * TILE + r] + a3 * x[3 * TILE + r]);
    }
    for (; j < m; j++, x += TILE, a += stride) {
        const float a0 = *a;
#pragma omp simd
        for (size_t r = 0; r < n; r++)
            y[r] += a0 * x[r];
    }
}

/* sum[j] += x[j] . g, x (m, TILE). */
NASTL_HOT static void add_dots(float *restrict sum, const float *restrict x,
                               const float *restrict g, size_t m, size_t n)
{
    size_t j = 0;
    for (; j + 4 <= m; j += 4, x += 4 * (size_t)TILE) {
        float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
        for (size_t r = 0; r < n; r++) {
            s0 += g[r] * x[r];
            s1 += g[r] * x[TILE + r];
            s2 += g[r] * x[2 * TILE + r];
            s3 += g[r] * x[3 * TILE + r];
        }
        sum[j] += s0;
        sum[j + 1] += s1;
        sum[j + 2] += s2;
        sum[j + 3] += s3;
    }
    for (; j < m; j++, x += TILE)
        sum[j] += dot(x, g, n);
}

/* ---- forward ---- */

static void fill(float *y, float value, size_t n)
{
    for (size_t r = 0; r < n; r++)
        y[r] = value;
}

/* Column d of the tile. */
static void make_waves(const struct state *state, size_t d, size_t n)
{
    const struct nastl_waves *table = &state->table;
    for (size_t k = 0; k < table->count; k++) {
        const float w = table->frequency[d * table->count + k];
        float *cosine = state->waves + k * TILE;
        if (table->phase)
            cosines(cosine, state->x, w, shift_of(table, d, k), n);
        else
            waves(cosine, cosine + table->count * TILE, state->x, w, 0.0f, n);
    }
}

/* y (made) of each row, `stride` apart, then x where that is one of them. */
static void put(const struct state *state, float *restrict y, size_t stride, size_t rows)
{
    const struct nastl_waves *table = &state->table;
    const float *restrict number = state->numbers;
    for (size_t e = 0; e < table->made; e++, number += TILE)
        for (size_t r = 0; r < rows; r++)
            y[r * stride + e] = table->phase || number[r] > 0.0f ? number[r] : 0.0f;
    for (size_t r = 0; r < rows && table->phase; r++)
        y[r * stride + table->made] = state->x[r];
}

static void forward_tile(const struct nastl_op *op, size_t first, size_t rows)
{
    const struct state *state = op->state;
    const struct nastl_waves *table = &state->table;
    const size_t n = whole(rows), used = table->used;
    for (size_t d = 0; d < table->columns; d++) {
        take_column(state->x, op->in + first * op->inputs + d, op->inputs, rows);
        make_waves(state, d, n);
        for (size_t e = 0; e < table->made; e++) {
            const size_t at = d * table->made + e;
            float *number = state->numbers + e * TILE;
            fill(number, table->bias[at], n);
            add_multiples(number, state->waves, table->weight + at * used, 1, used, n);
        }
        put(state, op->out + first * op->width + d * table->each, op->width, rows);
    }
}

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const struct nastl_waves *table = &((struct state *)op->state)->table;
    const size_t d = table->columns, made = d * table->each;
    for (size_t r = 0; r < op->rows; r += TILE)
        forward_tile(op, r, op->rows - r < TILE ? op->rows - r : TILE);
    for (size_t r = 0; r < op->rows; r++)
        memcpy(op->out + r * op->width + made, op->in + r * op->inputs + d,
               (op->inputs - d) * sizeof *op->out);
    return 0;
}

/* ---- backward ----
 *
 *   g = dy, without a phase 0 where y is;  dbias += g;  dA[k] += g cos;  dB[k] += g sin
 *   a[k] = cos (g . B[k]) - sin (g . A[k]);  dphase[k] += a[k];  dw[k] += 2 pi x a[k]
 */

/* The deltas of column d, of which the numbers that a ReLU held back have none. */
static void take_deltas(const struct nastl_op *op, size_t first, size_t d, size_t rows)
{
    const struct state *state = op->state;
    const struct nastl_waves *table = &state->table;
    for (size_t e = 0; e < table->made; e++) {
        const size_t at = first * op->width + d * table->each + e;
        float *g = state->numbers + e * TILE;
        take_column(g, op->delta + at, op->width, rows);
        for (size_t r = 0; r < rows && !table->phase; r++)
            g[r] = op->out[at + r * op->width] > 0.0f ? g[r] : 0.0f;
    }
}

/* The sums of angles a, and of x a. */
NASTL_HOT static void angles(float *restrict sum, float *restrict product,
                             const float *restrict cosine, const float *restrict sine,
                             const float *restrict by_cosine,
                             const float *restrict by_sine, const float *restrict x,
                             size_t n)
{
    float total = 0.0f, weighed = 0.0f;
#pragma omp simd reduction(+ : total, weighed)
    for (size_t r = 0; r < n; r++) {
        const float a = cosine[r] * by_sine[r] - sine[r] * by_cosine[r];
        total += a;
        weighed += x[r] * a;
    }
    *sum += total;
    *product += NASTL_TURN * weighed;
}

/* `frequency` and `phase`: gradients by those of wave k of column d. */
static void collect_wave(const struct state *state, float *frequency, float *phase,
                         size_t d, size_t k, size_t n)
{
    const struct nastl_waves *table = &state->table;
    const float *weight = table->weight + d * table->made * table->used + k;
    const float *cosine = state->waves + k * TILE, *sine = cosine + table->count * TILE;
    float *by_cosine = state->sum, *by_sine = by_cosine + TILE;
    memset(state->sum, 0, 2 * TILE * sizeof *state->sum);
    add_multiples(by_cosine, state->numbers, weight, table->used, table->made, n);
    if (!table->phase)
        add_multiples(by_sine, state->numbers, weight + table->count, table->used,
                      table->made, n);
    angles(phase, frequency, cosine, sine, by_cosine, by_sine, state->x, n);
}

NASTL_HOT static float total(const float *x, size_t n)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (size_t r = 0; r < n; r++)
        sum += x[r];
    return sum;
}

/* Gradients of the tensors, in their order; without a phase, the second is not one. */
struct gradients {
    float *frequency, *phase, *weight, *bias;
};

static struct gradients gradients_of(const struct nastl_op *op)
{
    const bool phased = op->node->kind == NASTL_NODE_PBLD;
    return (struct gradients){.frequency = op->grad[0],
                              .phase = phased ? op->grad[1] : NULL,
                              .weight = op->grad[1 + phased],
                              .bias = op->grad[2 + phased]};
}

static void backward_tile(const struct nastl_op *op, size_t first, size_t rows)
{
    const struct state *state = op->state;
    const struct nastl_waves *table = &state->table;
    const struct gradients grad = gradients_of(op);
    const size_t n = whole(rows), count = table->count, used = table->used;
    for (size_t d = 0; d < table->columns; d++) {
        take_column(state->x, op->in + first * op->inputs + d, op->inputs, rows);
        take_deltas(op, first, d, rows);
        for (size_t k = 0; k < count; k++) {
            float unused = 0.0f, *cosine = state->waves + k * TILE;
            waves(cosine, cosine + count * TILE, state->x,
                  table->frequency[d * count + k], shift_of(table, d, k), n);
            collect_wave(state, grad.frequency + d * count + k,
                         grad.phase ? grad.phase + d * count + k : &unused, d, k, n);
        }
        for (size_t e = 0; e < table->made; e++) {
            const size_t at = d * table->made + e;
            const float *g = state->numbers + e * TILE;
            grad.bias[at] += total(g, n);
            add_dots(grad.weight + at * used, state->waves, g, used, n);
        }
    }
}

static int backward(struct nastl_op *op, const struct nastl_step *step)
{
    const struct nastl_waves *table = &((struct state *)op->state)->table;
    const struct gradients grad = gradients_of(op);
    const size_t d = table->columns, made = d * table->made;
    memset(grad.frequency, 0, d * table->count * sizeof(float));
    if (grad.phase)
        memset(grad.phase, 0, d * table->count * sizeof(float));
    memset(grad.weight, 0, made * table->used * sizeof(float));
    memset(grad.bias, 0, made * sizeof(float));
    for (size_t r = 0; r < step->count; r += TILE)
        backward_tile(op, r, step->count - r < TILE ? step->count - r : TILE);
    nastl_pass_rest(op, d, d * table->each);
    return 0;
}

const struct nastl_op_kind nastl_op_wave = {
    .state = sizeof(struct state),
    .place = place,
    .forward = forward,
    .backward = backward,
};
