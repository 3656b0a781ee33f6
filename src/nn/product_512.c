/* product_512.c: C = A B for AVX-512. B is copied into panels of up to four vectors,
 * which the registers' sums are as wide as:
 *
 *   panel p   | B[0][64p … 64p+63] | B[1][64p … 64p+63] | …     a row of 64 each k
 *
 * Half of what a ReLU gives, and of the gradients that pass it, is 0. So the first look
 * is at a few rows of A: where zeros are many, each row becomes a list of what is not,
 * and only that is multiplied; else six rows are multiplied at once. Both ways sum over k
 * in its order, from the bias on, and so give the same numbers. SPDX-License-Identifier:
 * Apache-2.0 */
#include "nn/product.h"

#include <stdint.h>

#include <immintrin.h>

#include "base/hot.h"

#pragma GCC target("arch=x86-64-v4")

enum { LANES = 16, VECTORS = 4, PANEL = VECTORS * LANES };

/* Rows at once, of A that has few zeros; rows that are listed, or multiplied with one
 * panel after the other; k that a block of B has: where rows are listed, its panel stays
 * in the first cache. A list is written in whole vectors. */
enum { TILE = 6, CHUNK = 48, DEPTH = 256, DEPTH_LISTED = 64 };

/* Rows of A that are looked at, and how many numbers in 8 must be 0: of them, that the
 * others are looked at; of a chunk, that only what is not 0 is multiplied. */
enum { PROBES = 16, ZEROS = 2, ZEROS_LISTED = 3 };

/* Narrow panels have too few sums to be listed: each would wait for the one before. */
enum { LISTED_VECTORS = 3 };

/* One bit for each number of a row of A's block, set where it is not 0. */
struct lists {
    uint64_t bits[CHUNK];
    size_t count; /* of bits that are set */
    /* Of A, where that is stored transposed; panels of B follow. */
    _Alignas(LANES * sizeof(float)) float rows[CHUNK][DEPTH_LISTED];
};

/* One row, or the first of several, and one panel. */
struct place {
    float *c;
    const float *mask;  /* as c, or NULL */
    const float *start; /* the sums before this block */
    size_t stride, start_stride;
    const float *panel;
    size_t depth;
    __mmask16 tail; /* of the last vector */
    bool relu;
};

/* (m, k) is at[m * row + k * column]. */
struct operand {
    const float *at;
    size_t row, column;
};

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static __mmask16 first_lanes(size_t count)
{
    return count >= LANES ? (__mmask16)0xffff : (__mmask16)((1u << count) - 1);
}

/* ---- panels of B ---- */

/* All panels have as many vectors as the others, or one less. */
static size_t panel_count(size_t n)
{
    return (n + PANEL - 1) / PANEL;
}

static size_t first_column(size_t n, size_t panel)
{
    const size_t vectors = (n + LANES - 1) / LANES, panels = panel_count(n);
    return vectors * panel / panels * LANES;
}

/* A 16 by 16 block: pairs of rows, then fours, then halves, then quarters change places.
 */
NASTL_HOT_INLINE void transpose_registers(__m512 r[LANES])
{
    __m512 t[LANES];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4)
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++) {
            const __m512d low = (__m512d)t[i + j], high = (__m512d)t[i + j + 2];
            r[i + 2 * j] = (__m512)_mm512_unpacklo_pd(low, high);
            r[i + 2 * j + 1] = (__m512)_mm512_unpackhi_pd(low, high);
        }
#pragma GCC unroll 2
    for (int i = 0; i < 16; i += 8)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            t[i + j] = _mm512_shuffle_f32x4(r[i + j], r[i + j + 4], 0x88);
            t[i + j + 4] = _mm512_shuffle_f32x4(r[i + j], r[i + j + 4], 0xdd);
        }
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
        r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
    }
}

/* The same of what is stored: `rows` and `columns` of `in`, the rest zeros; rows of `out`
 * are whole vectors. */
NASTL_HOT_INLINE void transpose_block(float *out, size_t out_stride, const float *in,
                                      size_t stride, size_t rows, size_t columns)
{
    __m512 r[LANES];
#pragma GCC unroll 16
    for (size_t a = 0; a < LANES; a++)
        r[a] = a < rows ? _mm512_maskz_loadu_ps(first_lanes(columns), in + a * stride)
                        : _mm512_setzero_ps();
    transpose_registers(r);
#pragma GCC unroll 16
    for (size_t a = 0; a < LANES; a++)
        if (a < columns)
            _mm512_storeu_ps(out + a * out_stride, r[a]);
}

/* out (columns, rows) = in^T, rows of `out` filled up with zeros to whole vectors. */
static void transpose(float *out, size_t out_stride, const float *in, size_t stride,
                      size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i += LANES)
        for (size_t j = 0; j < columns; j += LANES) {
            float *to = out + j * out_stride + i;
            const float *from = in + i * stride + j;
            if (i + LANES <= rows && j + LANES <= columns)
                transpose_block(to, out_stride, from, stride, LANES, LANES);
            else
                transpose_block(to, out_stride, from, stride, rows - i, columns - j);
        }
}

static void copy(float *out, const float *in, size_t stride, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j += LANES)
            _mm512_store_ps(
                out + i * PANEL + j,
                _mm512_maskz_loadu_ps(first_lanes(columns - j), in + i * stride + j));
}

/* B's rows k0 … k0 + depth - 1 in panels; B itself where it is one. */
static const float *pack(float *out, const struct nastl_matmul_params *p, const float *b,
                         size_t k0, size_t depth)
{
    if (!p->b_transposed && p->n == PANEL && p->ldb == PANEL &&
        (uintptr_t)b % (LANES * sizeof *b) == 0)
        return b + k0 * PANEL;
    for (size_t i = 0; i < panel_count(p->n); i++) {
        const size_t first = first_column(p->n, i);
        const size_t end = first_column(p->n, i + 1);
        const size_t columns = (end < p->n ? end : p->n) - first;
        float *panel = out + i * depth * PANEL;
        if (p->b_transposed)
            transpose(panel, PANEL, b + first * p->ldb + k0, p->ldb, columns, depth);
        else
            copy(panel, b + k0 * p->ldb + first, p->ldb, depth, columns);
    }
    return out;
}

/* ---- sums ---- */

NASTL_HOT_INLINE void begin(__m512 sum[VECTORS], const struct place *at, size_t row,
                            size_t vectors)
{
    const float *start = at->start + row * at->start_stride;
#pragma GCC unroll 4
    for (size_t v = 0; v < vectors; v++)
        sum[v] = v + 1 < vectors ? _mm512_loadu_ps(start + v * LANES)
                                 : _mm512_maskz_loadu_ps(at->tail, start + v * LANES);
}

/* The larger of a NaN and 0 is NaN. */
NASTL_HOT_INLINE void end(const struct place *at, const __m512 sum[VECTORS], size_t row,
                          size_t vectors)
{
    float *c = at->c + row * at->stride;
#pragma GCC unroll 4
    for (size_t v = 0; v < vectors; v++) {
        const __mmask16 lanes = v + 1 < vectors ? (__mmask16)0xffff : at->tail;
        __m512 y = at->relu ? _mm512_max_ps(_mm512_setzero_ps(), sum[v]) : sum[v];
        if (at->mask) {
            const __m512 mask =
                _mm512_maskz_loadu_ps(lanes, at->mask + row * at->stride + v * LANES);
            const __mmask16 kept =
                _mm512_cmp_ps_mask(mask, _mm512_setzero_ps(), _CMP_GT_OQ);
            y = _mm512_maskz_mov_ps(kept, y);
        }
        _mm512_mask_storeu_ps(c + v * LANES, lanes, y);
    }
}

/* `rows` rows from `row` on; rows and vectors are known when it is compiled. */
NASTL_HOT_INLINE void tile(const struct place *at, struct operand a, size_t row,
                           size_t rows, size_t vectors)
{
    __m512 sum[TILE][VECTORS];
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++)
        begin(sum[r], at, row + r, vectors);
    const float *x = a.at + row * a.row;
    for (size_t k = 0; k < at->depth; k++) {
        const float *b = at->panel + k * PANEL;
#pragma GCC unroll 6
        for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 4
            for (size_t v = 0; v < vectors; v++)
                sum[r][v] = _mm512_fmadd_ps(_mm512_set1_ps(x[r * a.row + k * a.column]),
                                            _mm512_load_ps(b + v * LANES), sum[r][v]);
    }
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++)
        end(at, sum[r], row + r, vectors);
}

NASTL_HOT_INLINE void tiles(const struct place *at, struct operand a, size_t rows,
                            size_t vectors)
{
    size_t r = 0;
    for (; r + TILE <= rows; r += TILE)
        tile(at, a, r, TILE, vectors);
    for (; r + 2 <= rows; r += 2)
        tile(at, a, r, 2, vectors);
    if (r < rows)
        tile(at, a, r, 1, vectors);
}

static void multiply(const struct place *at, struct operand a, size_t rows,
                     size_t vectors)
{
    switch (vectors) {
    case 1:
        tiles(at, a, rows, 1);
        break;
    case 2:
        tiles(at, a, rows, 2);
        break;
    case 3:
        tiles(at, a, rows, 3);
        break;
    default:
        tiles(at, a, rows, VECTORS);
        break;
    }
}

/* ---- lists ---- */

/* A NaN is not 0. */
static uint64_t list_row(const float *x, size_t depth)
{
    uint64_t bits = 0;
    for (size_t k = 0; k < depth; k += LANES) {
        const __m512 v = _mm512_maskz_loadu_ps(first_lanes(depth - k), x + k);
        const uint64_t kept = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
        bits |= kept << k;
    }
    return bits;
}

/* Returns the rows of A's block, which are as far apart as `row` says. */
static struct operand list_rows(struct lists *lists, const struct nastl_matmul_params *p,
                                struct operand a, size_t rows, size_t depth)
{
    if (p->a_transposed) {
        transpose(lists->rows[0], DEPTH_LISTED, a.at, p->lda, depth, rows);
        a = (struct operand){.at = lists->rows[0], .row = DEPTH_LISTED, .column = 1};
    }
    lists->count = 0;
    for (size_t r = 0; r < rows; r++) {
        lists->bits[r] = list_row(a.at + r * a.row, depth);
        lists->count += (size_t)__builtin_popcountll(lists->bits[r]);
    }
    return a;
}

NASTL_HOT_INLINE void listed_rows(const struct place *at, struct operand a,
                                  const struct lists *lists, size_t rows, size_t vectors)
{
    for (size_t r = 0; r < rows; r++) {
        __m512 sum[VECTORS];
        begin(sum, at, r, vectors);
        for (uint64_t left = lists->bits[r]; left; left &= left - 1) {
            const size_t k = (size_t)__builtin_ctzll(left);
            const __m512 factor = _mm512_set1_ps(a.at[r * a.row + k]);
            const float *b = at->panel + k * PANEL;
            __asm__("" : "+r"(b)); /* one address, not one each vector */
#pragma GCC unroll 4
            for (size_t v = 0; v < vectors; v++)
                sum[v] = _mm512_fmadd_ps(factor, _mm512_load_ps(b + v * LANES), sum[v]);
        }
        end(at, sum, r, vectors);
    }
}

static void multiply_listed(const struct place *at, struct operand a,
                            const struct lists *lists, size_t rows, size_t vectors)
{
    if (vectors == VECTORS)
        listed_rows(at, a, lists, rows, VECTORS);
    else
        listed_rows(at, a, lists, rows, LISTED_VECTORS);
}

/* Rows as they are stored. */
bool nastl_product_512_is_sparse(const struct nastl_matmul_params *p, const float *a)
{
    const size_t rows = p->a_transposed ? p->k : p->m;
    const size_t width = p->a_transposed ? p->m : p->k;
    const size_t step = rows > PROBES ? rows / PROBES : 1;
    size_t zeros = 0, seen = 0;
    if (p->n <= (LISTED_VECTORS - 1) * LANES)
        return false;
    for (size_t r = 0; r < rows; r += step, seen += width)
        for (size_t c = 0; c < width; c += LANES) {
            const __mmask16 lanes = first_lanes(width - c);
            const __m512 v = _mm512_maskz_loadu_ps(lanes, a + r * p->lda + c);
            zeros += (size_t)_mm_popcnt_u32(
                _mm512_mask_cmp_ps_mask(lanes, v, _mm512_setzero_ps(), _CMP_EQ_OQ));
        }
    return 8 * zeros >= ZEROS * seen;
}

/* ---- a product ---- */

/* A block of B in panels, and rows of A. */
struct block {
    const struct nastl_matmul_params *params;
    const struct nastl_operands *operands;
    const float *panels;
    struct lists *lists; /* NULL: few zeros */
    size_t k0, depth;
};

static const float no_bias[PANEL];

static struct place place_of(const struct block *block, size_t row, size_t column,
                             size_t columns)
{
    const struct nastl_matmul_params *p = block->params;
    const struct nastl_operands *operands = block->operands;
    const bool last = block->k0 + block->depth == p->k;
    const float *bias = operands->bias ? operands->bias + column : no_bias;
    const size_t at = row * p->ldc + column;
    return (struct place){
        .c = operands->c + at,
        .mask = last && operands->mask ? operands->mask + at : NULL,
        .start = block->k0 ? operands->c + at : bias,
        .stride = p->ldc,
        .start_stride = block->k0 ? p->ldc : 0,
        .depth = block->depth,
        .tail = first_lanes((columns - 1) % LANES + 1),
        .relu = last && p->relu,
    };
}

static void run_chunk(const struct block *block, size_t row, size_t rows)
{
    const struct nastl_matmul_params *p = block->params;
    struct operand a = {.row = p->a_transposed ? 1 : p->lda,
                        .column = p->a_transposed ? p->lda : 1};
    a.at = block->operands->a + row * a.row + block->k0 * a.column;
    if (block->lists)
        a = list_rows(block->lists, p, a, rows, block->depth);
    const bool listed = block->lists && 8 * block->lists->count <=
                                            (8 - ZEROS_LISTED) * rows * block->depth;
    for (size_t i = 0; i < panel_count(p->n); i++) {
        const size_t first = first_column(p->n, i);
        const size_t limit = first_column(p->n, i + 1);
        const size_t columns = (limit < p->n ? limit : p->n) - first;
        const size_t vectors = (columns + LANES - 1) / LANES;
        struct place at = place_of(block, row, first, columns);
        at.panel = block->panels + i * block->depth * PANEL;
        if (listed && vectors >= LISTED_VECTORS)
            multiply_listed(&at, a, block->lists, rows, vectors);
        else
            multiply(&at, a, rows, vectors);
    }
}

void nastl_product_512_run(const struct nastl_matmul_params *p,
                           const struct nastl_operands *operands)
{
    struct lists *lists = operands->scratch;
    float *panels = (float *)(lists + 1);
    const bool sparse = nastl_product_512_is_sparse(p, operands->a);
    const size_t most = sparse ? DEPTH_LISTED : DEPTH;
    const size_t blocks = (p->k + most - 1) / most;
    const size_t depth = round_up((p->k + blocks - 1) / blocks, LANES);
    for (size_t k0 = 0; k0 < p->k; k0 += depth) {
        struct block block = {.params = p,
                              .operands = operands,
                              .lists = sparse ? lists : NULL,
                              .k0 = k0,
                              .depth = p->k - k0 < depth ? p->k - k0 : depth};
        block.panels = pack(panels, p, operands->b, k0, block.depth);
        for (size_t row = 0; row < p->m; row += CHUNK)
            run_chunk(&block, row, p->m - row < CHUNK ? p->m - row : CHUNK);
    }
}

/* Measured on a Zen 4 core. One panel of B, perhaps used where it stands: 1.0 to 1.3
 * times as fast as oneDNN. More panels: 0.9 to 1.0 of its speed, but 1.2 to 1.35 times as
 * fast where half of A is 0, given rows that are worth packing B for. */
enum nastl_by_hand nastl_product_512_suits(const struct nastl_matmul_params *p)
{
    enum { ROWS_LEAST = 32 };
    return p->n <= PANEL        ? NASTL_BY_HAND_ALWAYS
           : p->m >= ROWS_LEAST ? NASTL_BY_HAND_SPARSE
                                : NASTL_BY_HAND_NEVER;
}

size_t nastl_product_512_scratch(const struct nastl_matmul_params *p)
{
    const size_t depth = p->k < DEPTH ? round_up(p->k, LANES) : DEPTH;
    return sizeof(struct lists) + panel_count(p->n) * depth * PANEL * sizeof(float);
}
