/* op_norm.c: layer normalisation (Ba, Kiros and Hinton 2016) over each row, and batch
 * normalisation (Ioffe and Szegedy 2015) over each column.
 *
 *   xhat = (x - mean) * rstd,  rstd = 1 / sqrt(variance + NASTL_NORM_EPSILON)
 *   y = xhat * weight + bias
 *
 * Going back, with g = dy * weight and means over what was normalised together:
 *   dx = rstd * (g - mean(g) - xhat * mean(g * xhat))
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/op.h"

#include <math.h>
#include <string.h>

#include "nn/kernel.h"

enum { WEIGHT, BIAS, MEAN, VARIANCE }; /* tensors of the node */

static const float MOMENTUM = 0.1f; /* of running statistics, as PyTorch */

struct state {
    float *mean, *rstd; /* (M) for layers, (width) for batches */
    float *a, *b;       /* (width) batches: coefficients */
};

/* ---- layer ---- */

static void layer_place(struct nastl_op *op, struct nastl_carver *carver)
{
    struct state *state = op->state;
    if (!op->training)
        return;
    state->mean = nastl_carve(carver, op->rows, sizeof(float));
    state->rstd = nastl_carve(carver, op->rows, sizeof(float));
}

/* Normalises one row; y == x is allowed. */
NASTL_HOT_INLINE void layer_row(float *y, const float *x, const float *weight,
                                const float *bias, size_t width, float *mean, float *rstd)
{
    float sum = 0.0f, squares = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (size_t c = 0; c < width; c++)
        sum += x[c];
    const float m = sum / (float)width;
#pragma omp simd reduction(+ : squares)
    for (size_t c = 0; c < width; c++)
        squares += (x[c] - m) * (x[c] - m);
    const float s = 1.0f / sqrtf(squares / (float)width + NASTL_NORM_EPSILON);
#pragma omp simd
    for (size_t c = 0; c < width; c++)
        y[c] = (x[c] - m) * s * weight[c] + bias[c];
    *mean = m;
    *rstd = s;
}

/* mean and rstd (rows), or NULL. */
NASTL_HOT static void layer_rows(float *y, const float *x, const float *weight,
                                 const float *bias, size_t rows, size_t width,
                                 float *mean, float *rstd)
{
    float unused[2];
    for (size_t r = 0; r < rows; r++)
        layer_row(y + r * width, x + r * width, weight, bias, width,
                  mean ? &mean[r] : &unused[0], rstd ? &rstd[r] : &unused[1]);
}

void nastl_layer_norm(float *y, const float *x, const float *weight, const float *bias,
                      size_t rows, size_t width)
{
    layer_rows(y, x, weight, bias, rows, width, NULL, NULL);
}

static int layer_forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const struct state *state = op->state;
    layer_rows(op->out, op->in, op->param[WEIGHT], op->param[BIAS], op->rows, op->width,
               state->mean, state->rstd);
    return 0;
}

/* dy becomes dx in place. */
NASTL_HOT_INLINE void layer_row_backward(float *restrict dy, const float *restrict x,
                                         const float *restrict weight,
                                         float *restrict dweight, float *restrict dbias,
                                         size_t width, float mean, float rstd)
{
    float sum = 0.0f, dot = 0.0f;
#pragma omp simd reduction(+ : sum, dot)
    for (size_t c = 0; c < width; c++) {
        const float xhat = (x[c] - mean) * rstd, g = dy[c] * weight[c];
        dweight[c] += dy[c] * xhat;
        dbias[c] += dy[c];
        sum += g;
        dot += g * xhat;
    }
    const float a = sum / (float)width, b = dot / (float)width;
#pragma omp simd
    for (size_t c = 0; c < width; c++) {
        const float xhat = (x[c] - mean) * rstd;
        dy[c] = rstd * (dy[c] * weight[c] - a - xhat * b);
    }
}

NASTL_HOT static void layer_rows_backward(const struct nastl_op *op)
{
    const struct state *state = op->state;
    memset(op->grad[WEIGHT], 0, op->width * sizeof(float));
    memset(op->grad[BIAS], 0, op->width * sizeof(float));
    for (size_t r = 0; r < op->rows; r++)
        layer_row_backward(op->delta + r * op->width, op->in + r * op->width,
                           op->param[WEIGHT], op->grad[WEIGHT], op->grad[BIAS], op->width,
                           state->mean[r], state->rstd[r]);
}

static int layer_backward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    layer_rows_backward(op);
    return 0;
}

const struct nastl_op_kind nastl_op_layer_norm = {
    .state = sizeof(struct state),
    .in_place = true,
    .place = layer_place,
    .forward = layer_forward,
    .backward = layer_backward,
};

/* ---- batch ---- */

static void batch_place(struct nastl_op *op, struct nastl_carver *carver)
{
    struct state *state = op->state;
    float **const blocks[] = {&state->mean, &state->rstd, &state->a, &state->b};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        *blocks[i] = nastl_carve(carver, op->width, sizeof(float));
}

/* variance[c] = mean of (x - mean[c])^2 over n rows. */
NASTL_HOT static void column_variances(float *restrict variance, const float *restrict x,
                                       const float *restrict mean, size_t n, size_t width)
{
    memset(variance, 0, width * sizeof *variance);
    for (size_t r = 0; r < n; r++) {
        const float *row = x + r * width;
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            variance[c] += (row[c] - mean[c]) * (row[c] - mean[c]);
    }
    for (size_t c = 0; c < width; c++)
        variance[c] /= (float)n;
}

/* y = x * a + b; y == x is allowed. */
NASTL_HOT static void scale_columns(float *y, const float *x, const float *restrict a,
                                    const float *restrict b, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++) {
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            y[r * width + c] = x[r * width + c] * a[c] + b[c];
    }
}

/* Mean and variance of this batch; the running ones follow, the variance unbiased. */
static void batch_statistics(struct nastl_op *op, size_t n)
{
    struct state *state = op->state;
    float *variance = state->rstd;
    nastl_column_sums(state->mean, op->in, n, op->width);
    for (size_t c = 0; c < op->width; c++)
        state->mean[c] /= (float)n;
    column_variances(variance, op->in, state->mean, n, op->width);
    const float unbiased = n > 1 ? (float)n / (float)(n - 1) : 1.0f;
    for (size_t c = 0; c < op->width; c++) {
        float *mean = &op->param[MEAN][c], *running = &op->param[VARIANCE][c];
        *mean += MOMENTUM * (state->mean[c] - *mean);
        *running += MOMENTUM * (variance[c] * unbiased - *running);
    }
}

static int batch_forward(struct nastl_op *op, const struct nastl_step *step)
{
    struct state *state = op->state;
    const bool by_batch = op->training && !op->is_frozen;
    if (by_batch)
        batch_statistics(op, step->count * op->node->rows);
    for (size_t c = 0; c < op->width; c++) {
        const float mean = by_batch ? state->mean[c] : op->param[MEAN][c];
        const float variance = by_batch ? state->rstd[c] : op->param[VARIANCE][c];
        state->rstd[c] = 1.0f / sqrtf(variance + NASTL_NORM_EPSILON);
        state->a[c] = state->rstd[c] * op->param[WEIGHT][c];
        state->b[c] = op->param[BIAS][c] - mean * state->a[c];
    }
    scale_columns(op->out, op->in, state->a, state->b, op->rows, op->width);
    return 0;
}

/* dbias = sum of dy, dweight = sum of dy * xhat. */
NASTL_HOT static void batch_sums(float *restrict dweight, float *restrict dbias,
                                 const float *restrict dy, const float *restrict x,
                                 const struct state *state, size_t n, size_t width)
{
    const float *restrict mean = state->mean, *restrict rstd = state->rstd;
    memset(dweight, 0, width * sizeof *dweight);
    memset(dbias, 0, width * sizeof *dbias);
    for (size_t r = 0; r < n; r++) {
#pragma omp simd
        for (size_t c = 0; c < width; c++) {
            const float d = dy[r * width + c];
            dbias[c] += d;
            dweight[c] += d * ((x[r * width + c] - mean[c]) * rstd[c]);
        }
    }
}

/* dx = weight * rstd * (dy - dbias / n - xhat * dweight / n), in place. */
NASTL_HOT static void batch_deltas(float *restrict dy, const float *restrict x,
                                   const float *restrict dweight,
                                   const float *restrict dbias, const struct state *state,
                                   size_t n, size_t width)
{
    const float *restrict mean = state->mean, *restrict rstd = state->rstd;
    const float *restrict a = state->a;
    const float share = 1.0f / (float)n;
    for (size_t r = 0; r < n; r++) {
#pragma omp simd
        for (size_t c = 0; c < width; c++) {
            const float xhat = (x[r * width + c] - mean[c]) * rstd[c];
            float *d = &dy[r * width + c];
            *d = a[c] * (*d - share * (dbias[c] + xhat * dweight[c]));
        }
    }
}

/* Frozen: y = a x + b, whatever the batch is; dx = a dy in place. */
static void frozen_deltas(const struct nastl_op *op)
{
    const struct state *state = op->state;
    for (size_t r = 0; r < op->rows; r++)
        for (size_t c = 0; c < op->width; c++)
            op->delta[r * op->width + c] *= state->a[c];
}

static int batch_backward(struct nastl_op *op, const struct nastl_step *step)
{
    if (op->is_frozen) {
        frozen_deltas(op);
        return 0;
    }
    const size_t n = step->count * op->node->rows;
    batch_sums(op->grad[WEIGHT], op->grad[BIAS], op->delta, op->in, op->state, n,
               op->width);
    batch_deltas(op->delta, op->in, op->grad[WEIGHT], op->grad[BIAS], op->state, n,
                 op->width);
    return 0;
}

const struct nastl_op_kind nastl_op_batch_norm = {
    .state = sizeof(struct state),
    .in_place = true,
    .place = batch_place,
    .forward = batch_forward,
    .backward = batch_backward,
};
