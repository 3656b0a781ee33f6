/* op_reglu.c: the gated unit a max(b, 0) of two halves (Shazeer 2020), with a dropout
 * after it in the same pass. An element that was dropped is 0, and is known by that on
 * the way back: one that is 0 for another reason has gate 0, and no gradient either, or a
 * = 0 exactly, which no drawn weight gives. SPDX-License-Identifier: Apache-2.0 */
#include "nn/op.h"

#include "nn/kernel.h"

enum { TILE = NASTL_NOISE_TILE, HALF = TILE / 2 };

struct state {
    uint32_t *noise; /* (HALF) */
    float factor;    /* of what is kept */
};

static void place(struct nastl_op *op, struct nastl_carver *carver)
{
    struct state *state = op->state;
    if (op->training && op->rate > 0.0)
        state->noise = nastl_carve(carver, HALF, sizeof *state->noise);
}

/* in (rows, 2 width): a, b */
NASTL_HOT static void gate(float *restrict out, const float *restrict in, size_t rows,
                           size_t width)
{
    for (size_t r = 0; r < rows; r++) {
        const float *a = in + 2 * r * width, *b = a + width;
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            out[r * width + c] = a[c] * (b[c] > 0.0f ? b[c] : 0.0f);
    }
}

NASTL_HOT static void drop_out(float *restrict y, const uint32_t *restrict noise,
                               unsigned shift, uint32_t drop, float factor, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] = (noise[i] >> shift & 0xffff) >= drop ? factor * y[i] : 0.0f;
}

static void drop_all(struct nastl_op *op, const struct nastl_step *step, uint32_t drop)
{
    const struct state *state = op->state;
    const size_t total = op->rows * op->width;
    struct nastl_rng rng = nastl_op_noise(op, step, 0);
    for (size_t at = 0; at < total; at += TILE) {
        const size_t n = total - at < TILE ? total - at : TILE;
        const size_t low = n < HALF ? n : HALF;
        nastl_rng_fill(&rng, state->noise, NASTL_NOISE_BLOCKS);
        drop_out(op->out + at, state->noise, 0, drop, state->factor, low);
        drop_out(op->out + at + low, state->noise, 16, drop, state->factor, n - low);
    }
}

static int forward(struct nastl_op *op, const struct nastl_step *step)
{
    const uint32_t drop = nastl_op_drop(op, step);
    ((struct state *)op->state)->factor = 65536.0f / (float)(65536 - drop);
    gate(op->out, op->in, op->rows, op->width);
    if (drop)
        drop_all(op, step, drop);
    return 0;
}

/* da = kept dy max(b, 0), db = kept dy a where b > 0 */
NASTL_HOT static void gate_backward(float *restrict din, const float *restrict dy,
                                    const float *restrict out, const float *restrict in,
                                    float factor, size_t rows, size_t width)
{
    const float dropped = factor == 1.0f ? 1.0f : 0.0f;
    for (size_t r = 0; r < rows; r++) {
        const float *a = in + 2 * r * width, *b = a + width;
        float *da = din + 2 * r * width, *db = da + width;
#pragma omp simd
        for (size_t c = 0; c < width; c++) {
            const float kept = out[r * width + c] != 0.0f ? factor : dropped;
            const float d = kept * dy[r * width + c], g = b[c];
            da[c] = g > 0.0f ? d * g : 0.0f;
            db[c] = g > 0.0f ? d * a[c] : 0.0f;
        }
    }
}

static int backward(struct nastl_op *op, const struct nastl_step *step)
{
    const struct state *state = op->state;
    (void)step;
    gate_backward(op->delta_in, op->delta, op->out, op->in, state->factor, op->rows,
                  op->width);
    return 0;
}

const struct nastl_op_kind nastl_op_reglu = {
    .state = sizeof(struct state),
    .place = place,
    .forward = forward,
    .backward = backward,
};
