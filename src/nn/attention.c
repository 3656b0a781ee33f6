/* attention.c: see attention.h. For one head and one block of queries, with s = 1 /
 * sqrt(width), M the mask of dropout with its factor in it, and all of it transposed:
 *
 *   S = K (s Q)^T           P = exp(S - max) / sum         O^T = V^T (M P)
 *   dP = M (V dO^T)         dS = P (dP - sum of dO O)
 *   dQ^T = s K^T dS         dK += dS (s Q)                 dV += (M P) dO
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/attention.h"

#include <math.h>
#include <string.h>

#include "nn/kernel.h"

/* A vector of floats that may stand anywhere; the compiler splits it where registers are
 * narrower. */
typedef float lanes __attribute__((vector_size(64), aligned(4)));
enum { LANES = 16, BLOCK = NASTL_ATTENTION_BLOCK, TILE = 4 };
_Static_assert(BLOCK == 2 * LANES, "a number of the stream serves two vectors");

/* Where the blocks of scratch are. */
struct work {
    float *query, *delta; /* (width, BLOCK) s Q^T; dO^T, or O^T */
    float *score, *slope; /* (T, BLOCK) M P; dP, then dS */
    float *plain;         /* (T, BLOCK) P: where nothing is dropped, `score` */
    float *rows;          /* (BLOCK, padded) dO */
    float *dk, *dv;       /* (T, padded) */
    float *dq;            /* (width, BLOCK) */
    uint32_t *noise;      /* (T, LANES) */
};

static size_t padded(size_t width)
{
    return (width + LANES - 1) / LANES * LANES;
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
    return shape->heads * blocks_of(shape) * shape->tokens * LANES / 4;
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
                            shape->tokens * LANES};
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

/* C (count, vectors) = or += A B over `depth`; `count` <= TILE and `vectors` <= 2 are
 * known when it is compiled, so that the sums stay in registers. */
NASTL_HOT_INLINE void tile(float *c, size_t ldc, struct operand a, const float *b,
                           size_t ldb, size_t depth, size_t count, size_t vectors,
                           _Bool add)
{
    lanes sum[TILE][2];
#pragma GCC unroll 4
    for (size_t m = 0; m < count; m++)
#pragma GCC unroll 2
        for (size_t v = 0; v < vectors; v++)
            sum[m][v] = add ? *(const lanes *)(c + m * ldc + v * LANES) : (lanes){0};
    for (size_t k = 0; k < depth; k++) {
#pragma GCC unroll 4
        for (size_t m = 0; m < count; m++)
#pragma GCC unroll 2
            for (size_t v = 0; v < vectors; v++)
                sum[m][v] += *(const lanes *)(b + k * ldb + v * LANES) *
                             a.at[m * a.row + k * a.column];
    }
#pragma GCC unroll 4
    for (size_t m = 0; m < count; m++)
#pragma GCC unroll 2
        for (size_t v = 0; v < vectors; v++)
            *(lanes *)(c + m * ldc + v * LANES) = sum[m][v];
}

/* C (rows, vectors * LANES) = or += A (rows, depth) B. */
NASTL_HOT_INLINE void strip(float *c, size_t ldc, struct operand a, const float *b,
                            size_t ldb, size_t rows, size_t depth, size_t vectors,
                            _Bool add)
{
    size_t m = 0;
    for (; m + TILE <= rows; m += TILE, a.at += TILE * a.row)
        tile(c + m * ldc, ldc, a, b, ldb, depth, TILE, vectors, add);
    for (; m < rows; m++, a.at += a.row)
        tile(c + m * ldc, ldc, a, b, ldb, depth, 1, vectors, add);
}

/* As strip(), over a block of queries of which `count` are there. */
NASTL_HOT_INLINE void by_query(float *c, struct operand a, const float *b, size_t rows,
                               size_t depth, size_t count)
{
    if (count > LANES)
        strip(c, BLOCK, a, b, BLOCK, rows, depth, 2, 0);
    else
        strip(c, BLOCK, a, b, BLOCK, rows, depth, 1, 0);
}

/* C (rows, width) += A B, over the columns of a head. */
NASTL_HOT_INLINE void by_column(float *c, size_t ldc, struct operand a, const float *b,
                                size_t ldb, size_t rows, size_t depth, size_t width)
{
    size_t n = 0;
    for (; n + LANES < width; n += 2 * LANES)
        strip(c + n, ldc, a, b + n, ldb, rows, depth, 2, 1);
    if (n < width)
        strip(c + n, ldc, a, b + n, ldb, rows, depth, 1, 1);
}

/* ---- one block of queries ---- */

/* What a block works on. */
struct place {
    const struct nastl_attention *shape;
    const float *q, *k, *v; /* of the head; rows are 3 d apart */
    size_t first, count;    /* queries */
    size_t lanes;           /* `count` in whole vectors */
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

NASTL_HOT_INLINE float scale_of(const struct nastl_attention *shape)
{
    return 1.0f / sqrtf((float)shape->width);
}

NASTL_HOT_INLINE void make_scores(const struct work *work, const struct place *at,
                                  float *scores)
{
    const struct nastl_attention *shape = at->shape;
    const size_t stride = row_width(shape);
    transpose(work->query, at->q + at->first * stride, stride, at->count, shape->width,
              scale_of(shape));
    by_query(scores, (struct operand){at->k, stride, 1}, work->query, shape->tokens,
             shape->width, at->count);
}

/* Scores become exp(score - largest); largest and 1 / sum are kept. */
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
            const float e = nastl_expf(scores[j * BLOCK + i] - most[i]);
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
                nastl_expf(scores[j * BLOCK + i] - kept[i]) * kept[BLOCK + i];
}

/* out = in where kept, 0 where dropped: lane i by the low half of a number of the stream,
 * lane LANES + i by its high half. */
NASTL_HOT_INLINE void mask(float *out, const float *in, const uint32_t *restrict noise,
                           uint32_t drop, float factor, size_t tokens)
{
    for (size_t j = 0; j < tokens; j++) {
        const uint32_t *bits = noise + j * LANES;
        const float *x = in + j * BLOCK;
        float *y = out + j * BLOCK;
#pragma omp simd
        for (size_t i = 0; i < LANES; i++)
            y[i] = (bits[i] & 0xffff) >= drop ? factor * x[i] : 0.0f;
#pragma omp simd
        for (size_t i = 0; i < LANES; i++)
            y[LANES + i] = bits[i] >> 16 >= drop ? factor * x[LANES + i] : 0.0f;
    }
}

NASTL_HOT_INLINE float drop_factor(uint32_t drop)
{
    return 65536.0f / (float)(65536 - drop);
}

/* ---- forward ---- */

NASTL_HOT static void forward_block(const struct work *work, const struct place *at,
                                    float *out)
{
    const struct nastl_attention *shape = at->shape;
    const size_t d = shape->heads * shape->width, tokens = shape->tokens;
    make_scores(work, at, work->score);
    exponentials(work->score, at->kept, tokens, at->lanes);
    if (shape->drop)
        mask(work->score, work->score, work->noise, shape->drop, drop_factor(shape->drop),
             tokens);
    by_query(work->delta, (struct operand){at->v, 1, row_width(shape)}, work->score,
             shape->width, tokens, at->count);
    transpose_back(out + at->first * d, d, work->delta, at->kept + BLOCK, at->count,
                   shape->width);
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
        .lanes = count > LANES ? BLOCK : LANES,
        .kept = kept + (head * blocks_of(shape) + block) * 2 * BLOCK,
    };
}

static void draw(const struct work *work, const struct nastl_attention *shape,
                 struct nastl_rng *noise)
{
    if (shape->drop)
        nastl_rng_fill(noise, work->noise, shape->tokens * LANES / 4);
}

void nastl_attention_forward(const struct nastl_attention *shape, float *out, float *kept,
                             const float *qkv, float *scratch,
                             const struct nastl_rng *noise)
{
    float unused[2 * BLOCK];
    struct work work;
    struct nastl_rng stream = *noise;
    cut(&work, shape, scratch);
    for (size_t h = 0; h < shape->heads; h++) {
        for (size_t b = 0; b < blocks_of(shape); b++) {
            struct place at = block_at(shape, qkv, kept, h, b);
            at.kept = kept ? at.kept : unused;
            draw(&work, shape, &stream);
            forward_block(&work, &at, out + h * shape->width);
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
NASTL_HOT static void backward_block(const struct work *work, const struct place *at,
                                     float *delta_in, const float *delta,
                                     const float *out)
{
    const struct nastl_attention *shape = at->shape;
    const size_t d = shape->heads * shape->width, tokens = shape->tokens;
    const size_t width = shape->width, stride = row_width(shape), pad = padded(width);
    float *plain = shape->drop ? work->plain : work->score, dot[BLOCK], scale[BLOCK];
    take_deltas(work, at, delta + at->first * d, out + at->first * d, dot);
    make_scores(work, at, plain);
    probabilities(plain, at->kept, tokens, at->lanes);
    by_query(work->slope, (struct operand){at->v, stride, 1}, work->delta, tokens, width,
             at->count);
    if (shape->drop) {
        const float factor = drop_factor(shape->drop);
        mask(work->score, plain, work->noise, shape->drop, factor, tokens);
        mask(work->slope, work->slope, work->noise, shape->drop, factor, tokens);
    }
    by_column(work->dv, pad, (struct operand){work->score, BLOCK, 1}, work->rows, pad,
              tokens, at->count, width);
    score_slopes(work->slope, plain, dot, tokens, at->lanes);
    by_column(work->dk, pad, (struct operand){work->slope, BLOCK, 1},
              at->q + at->first * stride, stride, tokens, at->count, width);
    by_query(work->dq, (struct operand){at->k, 1, stride}, work->slope, width, tokens,
             at->count);
    for (size_t i = 0; i < BLOCK; i++)
        scale[i] = scale_of(shape);
    transpose_back(delta_in + at->first * stride, stride, work->dq, scale, at->count,
                   width);
}

/* delta_in: of the head. Tokens that do not ask have no dQ. */
static void store_head(const struct work *work, const struct nastl_attention *shape,
                       float *delta_in)
{
    const size_t d = shape->heads * shape->width, width = shape->width;
    const size_t pad = padded(width);
    const float scale = scale_of(shape);
    for (size_t j = 0; j < shape->tokens; j++) {
        float *row = delta_in + j * row_width(shape);
        if (j >= shape->queries)
            memset(row, 0, width * sizeof *row);
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
            backward_block(&work, &at, delta_in + column, delta + column, out + column);
        }
        store_head(&work, shape, delta_in + column);
    }
}
