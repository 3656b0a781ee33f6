/* attention.c: see attention.h. For one head and one block of queries, with s = 1 /
 * sqrt(width), M the mask of dropout with its factor in it, and all of it transposed:
 *
 *   S = K (s Q)^T           P = exp(S - max) / sum         O^T = V^T (M P)
 *   dP = M (V dO^T)         dS = P (dP - sum of dO O)
 *   dQ^T = s K^T dS         dK += dS (s Q)                 dV += (M P) dO
 *
 * Scores stand as S / ln 2, since 2^x is quicker than e^x.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/attention.h"

#include <math.h>
#include <string.h>

#include "nn/kernel.h"

/* Dropout has one number of the stream for two queries, HALF apart. */
enum { BLOCK = NASTL_ATTENTION_BLOCK, HALF = 16, FILL = 8, SUMS = 8 };
_Static_assert(BLOCK == 2 * HALF, "a number of the stream serves two queries");

/* Where the blocks of scratch are. */
struct work {
    float *query, *delta; /* (width, BLOCK) s Q^T; dO^T, or O^T */
    float *score, *slope; /* (T, BLOCK) M P; dP, then dS */
    float *plain;         /* (T, BLOCK) P: where nothing is dropped, `score` */
    float *rows;          /* (BLOCK, padded) dO */
    float *dk, *dv;       /* (T, padded) */
    float *dq;            /* (width, BLOCK) */
    uint32_t *noise;      /* (T, HALF) */
};

static size_t padded(size_t width)
{
    return (width + NASTL_LANES_MOST - 1) / NASTL_LANES_MOST * NASTL_LANES_MOST;
}

static size_t blocks_of(const struct nastl_attention *shape)
{
    return (shape->queries + BLOCK - 1) / BLOCK;
}

/* The largest score and 1 / the sum, one each a query. */
size_t nastl_attention_kept(const struct nastl_attention *shape)
{
    return shape->heads * blocks_of(shape) * 2 * BLOCK;
}

size_t nastl_attention_noise(const struct nastl_attention *shape)
{
    return shape->heads * blocks_of(shape) * shape->tokens * HALF / 4;
}

/* Cuts the pieces; returns their sum in numbers. */
static size_t cut(struct work *out, const struct nastl_attention *shape, float *scratch)
{
    const size_t w = shape->width * BLOCK, t = shape->tokens * BLOCK;
    const size_t p = padded(shape->width);
    const size_t sizes[] = {w,
                            w,
                            t,
                            t,
                            t,
                            BLOCK * p,
                            shape->tokens * p,
                            shape->tokens * p,
                            w,
                            shape->tokens * HALF};
    float *piece[sizeof sizes / sizeof *sizes];
    size_t used = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        piece[i] = scratch ? scratch + used : NULL;
        used += sizes[i];
    }
    *out = (struct work){.query = piece[0],
                         .delta = piece[1],
                         .score = piece[2],
                         .slope = piece[3],
                         .plain = piece[4],
                         .rows = piece[5],
                         .dk = piece[6],
                         .dv = piece[7],
                         .dq = piece[8],
                         .noise = (uint32_t *)piece[9]};
    return used;
}

size_t nastl_attention_scratch(const struct nastl_attention *shape)
{
    struct work unused;
    return cut(&unused, shape, NULL);
}

/* ---- products ---- */

/* An operand that is read number by number: (m, k) is at[m * row + k * column]. */
struct operand {
    const float *at;
    size_t row, column;
};

#define LANES         16
#define TILE_OF(name) name##_16
#include "nn/attention_tile.h"
#define LANES         8
#define TILE_OF(name) name##_8
#include "nn/attention_tile.h"
#define LANES         4
#define TILE_OF(name) name##_4
#include "nn/attention_tile.h"

/* Queries and columns are filled up to whole vectors. */
NASTL_HOT_INLINE size_t fill_up(size_t count)
{
    return (count + FILL - 1) / FILL * FILL;
}

/* C (rows, columns) = or += A (rows, depth) B, columns filled up, in vectors of `lanes`,
 * which is known when it is compiled. */
NASTL_HOT_INLINE void product(size_t lanes, float *c, size_t ldc, struct operand a,
                              const float *b, size_t ldb, size_t rows, size_t depth,
                              size_t columns, _Bool add)
{
    const size_t whole = lanes == 16 ? columns / 16 * 16 : 0;
    if (lanes == 16)
        strips_16(c, ldc, a, b, ldb, rows, depth, whole, add);
    if (lanes >= 8)
        strips_8(c + whole, ldc, a, b + whole, ldb, rows, depth, columns - whole, add);
    else
        strips_4(c, ldc, a, b, ldb, rows, depth, columns, add);
}

/* ---- one block of queries ---- */

/* What a block works on. */
struct place {
    const struct nastl_attention *shape;
    const float *q, *k, *v; /* of the head; rows are 3 d apart */
    size_t first, count;    /* queries */
    size_t filled;          /* `count`, filled up */
    float *kept;            /* (2, BLOCK): largest, 1 / sum */
};

static size_t row_width(const struct nastl_attention *shape)
{
    return 3 * shape->heads * shape->width;
}

/* out (width, BLOCK) = factor * rows^T; lanes without a query are 0. */
NASTL_HOT_INLINE void transpose(float *out, const float *rows, size_t stride,
                                size_t count, size_t width, float factor)
{
    if (count < BLOCK)
        memset(out, 0, width * BLOCK * sizeof *out);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < width; c++)
            out[c * BLOCK + i] = factor * rows[i * stride + c];
}

/* rows (count, width) = factor[i] * in^T. */
NASTL_HOT_INLINE void transpose_back(float *rows, size_t stride, const float *in,
                                     const float *factor, size_t count, size_t width)
{
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < width; c++)
            rows[i * stride + c] = factor[i] * in[c * BLOCK + i];
}

static const float LOG2_E = 1.44269504f;

NASTL_HOT_INLINE float scale_of(const struct nastl_attention *shape)
{
    return 1.0f / sqrtf((float)shape->width);
}

NASTL_HOT_INLINE void make_scores(size_t lanes, const struct work *work,
                                  const struct place *at, float *scores)
{
    const struct nastl_attention *shape = at->shape;
    const size_t stride = row_width(shape);
    transpose(work->query, at->q + at->first * stride, stride, at->count, shape->width,
              LOG2_E * scale_of(shape));
    product(lanes, scores, BLOCK, (struct operand){at->k, stride, 1}, work->query, BLOCK,
            shape->tokens, shape->width, at->filled, 0);
}

/* Scores become 2^(score - largest); largest and 1 / sum are kept. */
NASTL_HOT_INLINE void exponentials(float *restrict scores, float *restrict kept,
                                   size_t tokens, size_t width)
{
    float *restrict most = kept, *restrict sum = kept + BLOCK;
    memcpy(most, scores, width * sizeof *most);
    memset(sum, 0, width * sizeof *sum);
    for (size_t j = 1; j < tokens; j++)
#pragma omp simd
        for (size_t i = 0; i < width; i++) {
            const float score = scores[j * BLOCK + i];
            most[i] = score > most[i] ? score : most[i];
        }
    for (size_t j = 0; j < tokens; j++)
#pragma omp simd
        for (size_t i = 0; i < width; i++) {
            const float e = nastl_exp2f_negative(scores[j * BLOCK + i] - most[i]);
            scores[j * BLOCK + i] = e;
            sum[i] += e;
        }
#pragma omp simd
    for (size_t i = 0; i < width; i++)
        sum[i] = 1.0f / sum[i];
}

/* Scores become probabilities by what forward has kept. */
NASTL_HOT_INLINE void probabilities(float *restrict scores, const float *restrict kept,
                                    size_t tokens, size_t width)
{
    for (size_t j = 0; j < tokens; j++)
#pragma omp simd
        for (size_t i = 0; i < width; i++)
            scores[j * BLOCK + i] =
                nastl_exp2f_negative(scores[j * BLOCK + i] - kept[i]) * kept[BLOCK + i];
}

/* out = in where kept, 0 where dropped: lane i by the low half of a number of the stream,
 * lane HALF + i by its high half. */
NASTL_HOT_INLINE void mask(float *out, const float *in, const uint32_t *restrict noise,
                           uint32_t drop, float factor, size_t tokens)
{
    for (size_t j = 0; j < tokens; j++) {
        const uint32_t *bits = noise + j * HALF;
        const float *x = in + j * BLOCK;
        float *y = out + j * BLOCK;
#pragma omp simd
        for (size_t i = 0; i < HALF; i++)
            y[i] = (bits[i] & 0xffff) >= drop ? factor * x[i] : 0.0f;
#pragma omp simd
        for (size_t i = 0; i < HALF; i++)
            y[HALF + i] = bits[i] >> 16 >= drop ? factor * x[HALF + i] : 0.0f;
    }
}

NASTL_HOT_INLINE float drop_factor(uint32_t drop)
{
    return 65536.0f / (float)(65536 - drop);
}

/* ---- forward ---- */

NASTL_HOT_INLINE void forward_block(size_t lanes, const struct work *work,
                                    const struct place *at, float *out)
{
    const struct nastl_attention *shape = at->shape;
    const size_t d = shape->heads * shape->width, tokens = shape->tokens;
    make_scores(lanes, work, at, work->score);
    exponentials(work->score, at->kept, tokens, at->filled);
    if (shape->drop)
        mask(work->score, work->score, work->noise, shape->drop, drop_factor(shape->drop),
             tokens);
    product(lanes, work->delta, BLOCK, (struct operand){at->v, 1, row_width(shape)},
            work->score, BLOCK, shape->width, tokens, at->filled, 0);
    transpose_back(out + at->first * d, d, work->delta, at->kept + BLOCK, at->count,
                   shape->width);
}

typedef void (*forward_function)(const struct work *work, const struct place *at,
                                 float *out);

NASTL_TARGET_16 static void forward_16(const struct work *work, const struct place *at,
                                       float *out)
{
    forward_block(16, work, at, out);
}

NASTL_TARGET_8 static void forward_8(const struct work *work, const struct place *at,
                                     float *out)
{
    forward_block(8, work, at, out);
}

static void forward_4(const struct work *work, const struct place *at, float *out)
{
    forward_block(4, work, at, out);
}

static forward_function choose_forward(void)
{
    const int lanes = nastl_lanes();
    return lanes == 16 ? forward_16 : lanes == 8 ? forward_8 : forward_4;
}

/* The block of one head; `kept` is that of the row. */
static struct place block_at(const struct nastl_attention *shape, const float *qkv,
                             float *kept, size_t head, size_t block)
{
    const size_t d = shape->heads * shape->width;
    const size_t first = block * BLOCK, left = shape->queries - first;
    const size_t count = left < BLOCK ? left : BLOCK;
    return (struct place){
        .shape = shape,
        .q = qkv + head * shape->width,
        .k = qkv + d + head * shape->width,
        .v = qkv + 2 * d + head * shape->width,
        .first = first,
        .count = count,
        .filled = fill_up(count),
        .kept = kept + (head * blocks_of(shape) + block) * 2 * BLOCK,
    };
}

static void draw(const struct work *work, const struct nastl_attention *shape,
                 struct nastl_rng *noise)
{
    if (shape->drop)
        nastl_rng_fill(noise, work->noise, shape->tokens * HALF / 4);
}

void nastl_attention_forward(const struct nastl_attention *shape, float *out, float *kept,
                             const float *qkv, float *scratch,
                             const struct nastl_rng *noise)
{
    const forward_function forward = choose_forward();
    float unused[2 * BLOCK];
    struct work work;
    struct nastl_rng stream = *noise;
    cut(&work, shape, scratch);
    for (size_t h = 0; h < shape->heads; h++) {
        for (size_t b = 0; b < blocks_of(shape); b++) {
            struct place at = block_at(shape, qkv, kept, h, b);
            at.kept = kept ? at.kept : unused;
            draw(&work, shape, &stream);
            forward(&work, &at, out + h * shape->width);
        }
    }
}

/* ---- backward ---- */

/* dS = P (M dP - sum of dO O), in place of dP. */
NASTL_HOT_INLINE void score_slopes(float *restrict slope, const float *restrict plain,
                                   const float *restrict dot, size_t tokens, size_t width)
{
    for (size_t j = 0; j < tokens; j++)
#pragma omp simd
        for (size_t i = 0; i < width; i++)
            slope[j * BLOCK + i] = plain[j * BLOCK + i] * (slope[j * BLOCK + i] - dot[i]);
}

/* dot[i] = sum over the columns of dO O; and dO as rows and transposed. */
NASTL_HOT_INLINE void take_deltas(const struct work *work, const struct place *at,
                                  const float *delta, const float *out, float *dot)
{
    const size_t d = at->shape->heads * at->shape->width, width = at->shape->width;
    const size_t stride = padded(width);
    transpose(work->delta, delta, d, at->count, width, 1.0f);
    for (size_t i = 0; i < BLOCK; i++)
        dot[i] = 0.0f;
    for (size_t i = 0; i < at->count; i++) {
        for (size_t c = 0; c < width; c++) {
            work->rows[i * stride + c] = delta[i * d + c];
            dot[i] += delta[i * d + c] * out[i * d + c];
        }
    }
}

/* Adds to dK and dV of the head and sets dQ of the block's queries. delta and out: of the
 * head, from its first query on. */
NASTL_HOT_INLINE void backward_block(size_t lanes, const struct work *work,
                                     const struct place *at, float *delta_in,
                                     const float *delta, const float *out)
{
    const struct nastl_attention *shape = at->shape;
    const size_t d = shape->heads * shape->width, tokens = shape->tokens;
    const size_t width = shape->width, stride = row_width(shape), pad = padded(width);
    float *plain = shape->drop ? work->plain : work->score, dot[BLOCK], scale[BLOCK];
    take_deltas(work, at, delta + at->first * d, out + at->first * d, dot);
    make_scores(lanes, work, at, plain);
    probabilities(plain, at->kept, tokens, at->filled);
    product(lanes, work->slope, BLOCK, (struct operand){at->v, stride, 1}, work->delta,
            BLOCK, tokens, width, at->filled, 0);
    if (shape->drop) {
        const float factor = drop_factor(shape->drop);
        mask(work->score, plain, work->noise, shape->drop, factor, tokens);
        mask(work->slope, work->slope, work->noise, shape->drop, factor, tokens);
    }
    product(lanes, work->dv, pad, (struct operand){work->score, BLOCK, 1}, work->rows,
            pad, tokens, at->count, fill_up(width), 1);
    score_slopes(work->slope, plain, dot, tokens, at->filled);
    product(lanes, work->dk, pad, (struct operand){work->slope, BLOCK, 1},
            at->q + at->first * stride, stride, tokens, at->count, fill_up(width), 1);
    product(lanes, work->dq, BLOCK, (struct operand){at->k, 1, stride}, work->slope,
            BLOCK, width, tokens, at->filled, 0);
    for (size_t i = 0; i < BLOCK; i++)
        scale[i] = scale_of(shape);
    transpose_back(delta_in + at->first * stride, stride, work->dq, scale, at->count,
                   width);
}

typedef void (*backward_function)(const struct work *work, const struct place *at,
                                  float *delta_in, const float *delta, const float *out);

NASTL_TARGET_16 static void backward_16(const struct work *work, const struct place *at,
                                        float *delta_in, const float *delta,
                                        const float *out)
{
    backward_block(16, work, at, delta_in, delta, out);
}

NASTL_TARGET_8 static void backward_8(const struct work *work, const struct place *at,
                                      float *delta_in, const float *delta,
                                      const float *out)
{
    backward_block(8, work, at, delta_in, delta, out);
}

static void backward_4(const struct work *work, const struct place *at, float *delta_in,
                       const float *delta, const float *out)
{
    backward_block(4, work, at, delta_in, delta, out);
}

static backward_function choose_backward(void)
{
    const int lanes = nastl_lanes();
    return lanes == 16 ? backward_16 : lanes == 8 ? backward_8 : backward_4;
}

/* delta_in: of the head. Tokens that do not ask have no dQ. */
NASTL_HOT static void store_head(const struct work *work,
                                 const struct nastl_attention *shape, float *delta_in)
{
    const size_t d = shape->heads * shape->width, width = shape->width;
    const size_t pad = padded(width);
    const float scale = scale_of(shape);
    for (size_t j = 0; j < shape->tokens; j++) {
        float *row = delta_in + j * row_width(shape);
        if (j >= shape->queries)
            memset(row, 0, width * sizeof *row);
#pragma omp simd
        for (size_t c = 0; c < width; c++) {
            row[d + c] = scale * work->dk[j * pad + c];
            row[2 * d + c] = work->dv[j * pad + c];
        }
    }
}

void nastl_attention_backward(const struct nastl_attention *shape, float *delta_in,
                              const float *delta, const float *out, const float *kept,
                              const float *qkv, float *scratch,
                              const struct nastl_rng *noise)
{
    const backward_function backward = choose_backward();
    struct work work;
    struct nastl_rng stream = *noise;
    cut(&work, shape, scratch);
    const size_t numbers = shape->tokens * padded(shape->width);
    memset(work.rows, 0, BLOCK * padded(shape->width) * sizeof *work.rows);
    for (size_t h = 0; h < shape->heads; h++) {
        const size_t column = h * shape->width;
        memset(work.dk, 0, numbers * sizeof *work.dk);
        memset(work.dv, 0, numbers * sizeof *work.dv);
        for (size_t b = 0; b < blocks_of(shape); b++) {
            const struct place at = block_at(shape, qkv, (float *)kept, h, b);
            draw(&work, shape, &stream);
            backward(&work, &at, delta_in + column, delta + column, out + column);
        }
        store_head(&work, shape, delta_in + column);
    }
}
