/* op_piecewise.c: piecewise-linear embeddings of numeric columns; embed.h has the
 * formula. SPDX-License-Identifier: Apache-2.0 */
#include "nn/embed.h"

#include <math.h>
#include <string.h>

#include "base/hot.h"

enum { WEIGHT, BIAS, BINS }; /* tensors of the node */

/* Limits fill whole vectors. */
enum { LANES = 16 };

/* ---- tables made of the weights ---- */

void nastl_piecewise_place(struct nastl_piecewise *table, const struct nastl_graph *graph,
                           const struct nastl_node *node, struct nastl_carver *carver)
{
    table->columns = graph->shape.numeric;
    table->bins = node->pieces;
    table->each = node->each;
    const size_t bins = table->columns * table->bins;
    table->low = nastl_carve(carver, bins, sizeof(float));
    table->inverse = nastl_carve(carver, bins, sizeof(float));
    table->stride = (table->bins + LANES - 1) / LANES * LANES;
    table->limit = nastl_carve(carver, table->columns * table->stride, sizeof(float));
    table->base = nastl_carve(carver, bins * table->each, sizeof(float));
}

static void fill_bins(struct nastl_piecewise *table, size_t column, const float *edges)
{
    const size_t first = column * table->bins;
    float *limit = table->limit + column * table->stride;
    bool ascends = true;
    for (size_t t = 0; t < table->bins; t++) {
        ascends = ascends && edges[t + 1] > edges[t];
        table->low[first + t] = edges[t];
        table->inverse[first + t] = ascends ? 1.0f / (edges[t + 1] - edges[t]) : 0.0f;
        limit[t] = ascends ? edges[t] : INFINITY;
    }
    limit[0] = -INFINITY;
    for (size_t t = table->bins; t < table->stride; t++)
        limit[t] = INFINITY;
}

void nastl_piecewise_fill(struct nastl_piecewise *table, const float *weight,
                          const float *bias, const float *edges)
{
    const size_t each = table->each;
    table->weight = weight;
    for (size_t d = 0; d < table->columns; d++) {
        fill_bins(table, d, edges + d * (table->bins + 1));
        const float *below = bias + d * each;
        for (size_t t = 0; t < table->bins; t++) {
            const size_t at = (d * table->bins + t) * each;
            for (size_t c = 0; c < each; c++)
                table->base[at + c] =
                    below[c] + (t ? table->weight[at - each + c] : 0.0f);
            below = table->base + at;
        }
    }
}

/* ---- forward ---- */

/* As many limits after the first as v has reached. The first is reached by all but what
 * is no number. */
NASTL_HOT_INLINE int32_t bin_of(const float *limit, size_t count, float v)
{
    int32_t reached = 0;
#pragma omp simd reduction(+ : reached)
    for (size_t t = 0; t < count; t++)
        reached += v >= limit[t];
    return reached > 0 ? reached - 1 : 0;
}

NASTL_HOT void nastl_piecewise_row(const struct nastl_piecewise *table, float *restrict y,
                                   int32_t *restrict bin, float *restrict part,
                                   const float *restrict x)
{
    const size_t each = table->each, bins = table->bins;
    for (size_t d = 0; d < table->columns; d++) {
        bin[d] = bin_of(table->limit + d * table->stride, table->stride, x[d]);
        const size_t at = d * bins + (size_t)bin[d];
        const float p = (x[d] - table->low[at]) * table->inverse[at];
        const float *base = table->base + at * each, *w = table->weight + at * each;
        float *out = y + d * each;
        part[d] = p;
#pragma omp simd
        for (size_t c = 0; c < each; c++)
            out[c] = base[c] + p * w[c];
    }
}

struct state {
    struct nastl_piecewise table;
    int32_t *bin; /* (M, D') */
    float *part;  /* (M, D') */
    float *whole; /* (D', T, E) sums of deltas of the numbers in each bin */
};

static void place(struct nastl_op *op, struct nastl_carver *carver)
{
    struct state *state = op->state;
    nastl_piecewise_place(&state->table, op->graph, op->node, carver);
    const struct nastl_piecewise *t = &state->table;
    state->bin = nastl_carve(carver, op->rows * t->columns, sizeof *state->bin);
    state->part = nastl_carve(carver, op->rows * t->columns, sizeof *state->part);
    if (op->training)
        state->whole =
            nastl_carve(carver, t->columns * t->bins * t->each, sizeof *state->whole);
}

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    struct state *state = op->state;
    struct nastl_piecewise *table = &state->table;
    const size_t d = table->columns, made = d * table->each;
    nastl_piecewise_fill(table, op->param[WEIGHT], op->param[BIAS], op->param[BINS]);
    for (size_t r = 0; r < op->rows; r++) {
        const float *x = op->in + r * op->inputs;
        float *y = op->out + r * op->width;
        nastl_piecewise_row(table, y, state->bin + r * d, state->part + r * d, x);
        memcpy(y + made, x + d, (op->inputs - d) * sizeof *y);
    }
    return 0;
}

/* ---- backward ----
 *
 *   dW[t] = sum of part dy of the numbers in bin t + sum of dy of those in the bins above
 *   dbias = sum of dy of all
 */

NASTL_HOT static void collect(const struct state *state, float *restrict dweight,
                              const float *restrict delta, const int32_t *bin,
                              const float *part)
{
    const struct nastl_piecewise *table = &state->table;
    const size_t each = table->each;
    for (size_t d = 0; d < table->columns; d++) {
        const size_t at = (d * table->bins + (size_t)bin[d]) * each;
        const float *dy = delta + d * each;
        float *restrict dw = dweight + at, *restrict whole = state->whole + at;
#pragma omp simd
        for (size_t c = 0; c < each; c++) {
            dw[c] += part[d] * dy[c];
            whole[c] += dy[c];
        }
    }
}

/* The sums of the bins above each one, from the top down, end in the bias. */
static void sum_above(const struct nastl_piecewise *table, float *dweight, float *dbias,
                      const float *whole)
{
    const size_t each = table->each;
    for (size_t d = 0; d < table->columns; d++) {
        float *above = dbias + d * each;
        memset(above, 0, each * sizeof *above);
        for (size_t t = table->bins; t-- > 0;) {
            const size_t at = (d * table->bins + t) * each;
            for (size_t c = 0; c < each; c++) {
                dweight[at + c] += above[c];
                above[c] += whole[at + c];
            }
        }
    }
}

static int backward(struct nastl_op *op, const struct nastl_step *step)
{
    const struct state *state = op->state;
    const struct nastl_piecewise *table = &state->table;
    const size_t d = table->columns, made = d * table->each;
    const size_t size = made * table->bins;
    memset(op->grad[WEIGHT], 0, size * sizeof(float));
    memset(state->whole, 0, size * sizeof(float));
    for (size_t r = 0; r < step->count; r++)
        collect(state, op->grad[WEIGHT], op->delta + r * op->width, state->bin + r * d,
                state->part + r * d);
    sum_above(table, op->grad[WEIGHT], op->grad[BIAS], state->whole);
    nastl_pass_rest(op, d, made);
    return 0;
}

const struct nastl_op_kind nastl_op_piecewise = {
    .state = sizeof(struct state),
    .place = place,
    .forward = forward,
    .backward = backward,
};
