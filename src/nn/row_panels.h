/* row_panels.h: the product of row.c for vectors of LANES numbers; included once for
 * each, with PANELS_OF(name). SPDX-License-Identifier: Apache-2.0 */

typedef float PANELS_OF(vector)
    __attribute__((vector_size(LANES * sizeof(float)), aligned(LANES * sizeof(float))));

/* y = b + W x over `count` vectors of a whole panel, for the inputs that are listed; the
 * sums are as many as registers hold. */
NASTL_HOT_INLINE void PANELS_OF(whole)(float *y, const float *w, const float *bias,
                                       const float *x, const uint32_t *list, size_t count)
{
    typedef PANELS_OF(vector) vector;
    enum { VECTORS = PANEL / LANES < 8 ? PANEL / LANES : 8 };
    for (size_t first = 0; first < PANEL; first += VECTORS * LANES) {
        vector sum[VECTORS];
#pragma GCC unroll 8
        for (size_t v = 0; v < VECTORS; v++)
            sum[v] = *(const vector *)(bias + first + v * LANES);
        for (size_t k = 0; k < count; k++) {
            const size_t i = listed(list, k);
#pragma GCC unroll 8
            for (size_t v = 0; v < VECTORS; v++)
                sum[v] += *(const vector *)(w + i * PANEL + first + v * LANES) * x[i];
        }
#pragma GCC unroll 8
        for (size_t v = 0; v < VECTORS; v++)
            *(vector *)(y + first + v * LANES) = sum[v];
    }
}

/* One vector of the last panel, `width` wide; two sums in turn hide the latency of the
 * additions. */
NASTL_HOT_INLINE void PANELS_OF(narrow)(float *y, const float *w, const float *bias,
                                        const float *x, const uint32_t *list,
                                        size_t count, size_t width)
{
    typedef PANELS_OF(vector) vector;
    vector even = *(const vector *)bias, odd = {0};
    size_t k = 0;
    for (; k + 1 < count; k += 2) {
        const size_t i = listed(list, k), j = listed(list, k + 1);
        even += *(const vector *)(w + i * width) * x[i];
        odd += *(const vector *)(w + j * width) * x[j];
    }
    if (k < count)
        even += *(const vector *)(w + listed(list, k) * width) * x[listed(list, k)];
    *(vector *)y = even + odd;
}

NASTL_HOT_INLINE void PANELS_OF(panels)(float *y, const struct stage *stage,
                                        const float *x, const uint32_t *list,
                                        size_t count)
{
    const float *weight = stage->weight, *bias = stage->bias;
    size_t o = 0;
    for (; o + PANEL <= stage->padded; o += PANEL)
        PANELS_OF(whole)(y + o, weight + o * stage->inputs, bias + o, x, list, count);
    const size_t width = stage->padded - o;
    for (size_t v = 0; v < width; v += LANES) {
        const float *from = weight + o * stage->inputs + v;
        PANELS_OF(narrow)(y + o + v, from, bias + o + v, x, list, count, width);
    }
}

/* Without zeros, two loops that the compiler makes without the list are faster. */
TARGET static void PANELS_OF(product)(float *y, const struct stage *stage, const float *x,
                                      uint32_t *list)
{
    const size_t count = list_inputs(list, x, stage->inputs);
    if (count < stage->inputs)
        PANELS_OF(panels)(y, stage, x, list, count);
    else
        PANELS_OF(panels)(y, stage, x, NULL, count);
}

#undef LANES
#undef PANELS_OF
#undef TARGET
