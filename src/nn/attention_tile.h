/* attention_tile.h: the product of attention.c for vectors of LANES numbers; included
 * once for each, with TILE_OF(name). SPDX-License-Identifier: Apache-2.0 */

/* A vector of floats that may stand anywhere. */
typedef float TILE_OF(vector)
    __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float))));

/* C (count, vectors) = or += A B over `depth`; `count` and `vectors`, at most SUMS
 * together, are known when it is compiled, so that the sums stay in registers; fewer than
 * SUMS would wait for each other. */
NASTL_HOT_INLINE void TILE_OF(tile)(float *c, size_t ldc, struct operand a,
                                    const float *b, size_t ldb, size_t depth,
                                    size_t count, size_t vectors, _Bool add)
{
    typedef TILE_OF(vector) vector;
    vector sum[SUMS][2];
#pragma GCC unroll 8
    for (size_t m = 0; m < count; m++)
#pragma GCC unroll 2
        for (size_t v = 0; v < vectors; v++)
            sum[m][v] = add ? *(const vector *)(c + m * ldc + v * LANES) : (vector){0};
    for (size_t k = 0; k < depth; k++) {
#pragma GCC unroll 8
        for (size_t m = 0; m < count; m++)
#pragma GCC unroll 2
            for (size_t v = 0; v < vectors; v++)
                sum[m][v] += *(const vector *)(b + k * ldb + v * LANES) *
                             a.at[m * a.row + k * a.column];
    }
#pragma GCC unroll 8
    for (size_t m = 0; m < count; m++)
#pragma GCC unroll 2
        for (size_t v = 0; v < vectors; v++)
            *(vector *)(c + m * ldc + v * LANES) = sum[m][v];
}

/* C (rows, vectors * LANES) = or += A (rows, depth) B. */
NASTL_HOT_INLINE void TILE_OF(strip)(float *c, size_t ldc, struct operand a,
                                     const float *b, size_t ldb, size_t rows,
                                     size_t depth, size_t vectors, _Bool add)
{
    const size_t count = SUMS / vectors;
    size_t m = 0;
    for (; m + count <= rows; m += count, a.at += count * a.row)
        TILE_OF(tile)(c + m * ldc, ldc, a, b, ldb, depth, count, vectors, add);
    for (; m < rows; m++, a.at += a.row)
        TILE_OF(tile)(c + m * ldc, ldc, a, b, ldb, depth, 1, vectors, add);
}

/* Two vectors at a time, then one. */
NASTL_HOT_INLINE void TILE_OF(strips)(float *c, size_t ldc, struct operand a,
                                      const float *b, size_t ldb, size_t rows,
                                      size_t depth, size_t columns, _Bool add)
{
    size_t n = 0;
    for (; n + 2 * LANES <= columns; n += 2 * LANES)
        TILE_OF(strip)(c + n, ldc, a, b + n, ldb, rows, depth, 2, add);
    if (n < columns)
        TILE_OF(strip)(c + n, ldc, a, b + n, ldb, rows, depth, 1, add);
}

#undef LANES
#undef TILE_OF
