/* op_piecewise.c: piecewise-linear embeddings of numeric columns; embed.h has the
 * formula. SPDX-License-Identifier: Apache-2.0 */
#include "nn/embed.h"

#include <math.h>
#include <string.h>

#include "nn/kernel.h"

enum { WEIGHT, BIAS, BINS }; /* tensors of the node */

/* Limits fill whole vectors. */
enum { LANES = NASTL_LANES_MOST };

/* Rows of a tile: in it, vectors run over the rows, column by column. */
enum { TILE = 64 };

/* Embeddings have few numbers, mostly a multiple of 4. */
enum { FEW = 4 };
typedef float few
    __attribute__((vector_size(FEW * sizeof(float)), aligned(sizeof(float)), may_alias));

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

/* y = base + p w */
NASTL_HOT_INLINE void put_part(float *restrict y, const float *restrict base,
                               const float *restrict w, float p, size_t each)
{
    size_t c = 0;
    for (; c + FEW <= each; c += FEW)
        *(few *)(y + c) = *(const few *)(base + c) + p * *(const few *)(w + c);
    for (; c < each; c++)
        y[c] = base[c] + p * w[c];
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
        part[d] = p;
        put_part(y + d * each, table->base + at * each, table->weight + at * each, p,
                 each);
    }
}

struct state {
    struct nastl_piecewise table;
    float *x;     /* (TILE) a column of the rows */
    int32_t *bin; /* (D', M) */
    float *part;  /* (D', M) */
    float *whole; /* (D', T, E) sums of deltas of the numbers in each bin */
};

static void place(struct nastl_op *op, struct nastl_carver *carver)
{
    struct state *state = op->state;
    nastl_piecewise_place(&state->table, op->graph, op->node, carver);
    const struct nastl_piecewise *t = &state->table;
    state->x = nastl_carve(carver, TILE, sizeof *state->x);
    state->bin = nastl_carve(carver, op->rows * t->columns, sizeof *state->bin);
    state->part = nastl_carve(carver, op->rows * t->columns, sizeof *state->part);
    if (op->training)
        state->whole =
            nastl_carve(carver, t->columns * t->bins * t->each, sizeof *state->whole);
}

/* The bins of `rows` numbers of a column; as bin_of(). */
NASTL_HOT static void find_bins(int32_t *restrict bin, const float *restrict x,
                                const float *restrict limit, size_t bins, size_t rows)
{
    memset(bin, 0, rows * sizeof *bin);
    for (size_t t = 1; t < bins; t++) {
        const float least = limit[t];
#pragma omp simd
        for (size_t r = 0; r < rows; r++)
            bin[r] += x[r] >= least;
    }
}

/* y (rows, E), `stride` apart, of column d; `from` is its first bin of the tables. */
NASTL_HOT static void put_column(const struct nastl_piecewise *table, size_t from,
                                 float *restrict y, size_t stride,
                                 const int32_t *restrict bin, float *restrict part,
                                 const float *restrict x, size_t rows)
{
    const size_t each = table->each;
    for (size_t r = 0; r < rows; r++) {
        const size_t at = from + (size_t)bin[r];
        const float p = (x[r] - table->low[at]) * table->inverse[at];
        part[r] = p;
        put_part(y + r * stride, table->base + at * each, table->weight + at * each, p,
                 each);
    }
}

static void forward_tile(const struct nastl_op *op, size_t first, size_t rows)
{
    const struct state *state = op->state;
    const struct nastl_piecewise *table = &state->table;
    for (size_t d = 0; d < table->columns; d++) {
        int32_t *bin = state->bin + d * op->rows + first;
        nastl_take_column(state->x, op->in + first * op->inputs + d, op->inputs, rows);
        find_bins(bin, state->x, table->limit + d * table->stride, table->bins, rows);
        put_column(table, d * table->bins, op->out + first * op->width + d * table->each,
                   op->width, bin, state->part + d * op->rows + first, state->x, rows);
    }
}

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    struct nastl_piecewise *table = &((struct state *)op->state)->table;
    const size_t d = table->columns, made = d * table->each;
    nastl_piecewise_fill(table, op->param[WEIGHT], op->param[BIAS], op->param[BINS]);
    for (size_t r = 0; r < op->rows; r += TILE)
        forward_tile(op, r, op->rows - r < TILE ? op->rows - r : TILE);
    for (size_t r = 0; r < op->rows; r++)
        memcpy(op->out + r * op->width + made, op->in + r * op->inputs + d,
               (op->inputs - d) * sizeof *op->out);
    return 0;
}

/* ---- backward ----
 *
 *   dW[t] = sum of part dy of the numbers in bin t + sum of dy of those in the bins above
 *   dbias = sum of dy of all
 */

/* dw += p dy; whole += dy */
NASTL_HOT_INLINE void add_part(float *restrict dw, float *restrict whole,
                               const float *restrict dy, float p, size_t each)
{
    size_t c = 0;
    for (; c + FEW <= each; c += FEW) {
        const few g = *(const few *)(dy + c);
        *(few *)(dw + c) += p * g;
        *(few *)(whole + c) += g;
    }
    for (; c < each; c++) {
        dw[c] += p * dy[c];
        whole[c] += dy[c];
    }
}

/* Column by column, whose bins stay in the first cache. delta (rows, E), `stride` apart.
 */
NASTL_HOT static void collect(float *restrict dweight, float *restrict whole,
                              const float *restrict delta, size_t stride,
                              const int32_t *restrict bin, const float *restrict part,
                              size_t each, size_t rows)
{
    for (size_t r = 0; r < rows; r++) {
        const size_t at = (size_t)bin[r] * each;
        add_part(dweight + at, whole + at, delta + r * stride, part[r], each);
    }
}

static void backward_tile(const struct nastl_op *op, size_t first, size_t rows)
{
    const struct state *state = op->state;
    const struct nastl_piecewise *table = &state->table;
    const size_t each = table->each;
    for (size_t d = 0; d < table->columns; d++) {
        const size_t at = d * table->bins * each, from = d * op->rows + first;
        collect(op->grad[WEIGHT] + at, state->whole + at,
                op->delta + first * op->width + d * each, op->width, state->bin + from,
                state->part + from, each, rows);
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
    for (size_t r = 0; r < step->count; r += TILE)
        backward_tile(op, r, step->count - r < TILE ? step->count - r : TILE);
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
