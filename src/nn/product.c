/* product.c: see product.h. SPDX-License-Identifier: Apache-2.0 */
#include "nn/product.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hot.h"

struct nastl_product {
    struct nastl_matmul_params params; /* every distance between rows is given */
    enum nastl_by_hand by_hand;
    struct nastl_matmul *matmul; /* NULL: always by hand */
    struct nastl_operands operands;
};

static void give_distances(struct nastl_matmul_params *p)
{
    p->lda = p->lda ? p->lda : p->a_transposed ? p->m : p->k;
    p->ldb = p->ldb ? p->ldb : p->b_transposed ? p->k : p->n;
    p->ldc = p->ldc ? p->ldc : p->n;
}

static enum nastl_by_hand choose(const struct nastl_matmul_params *params)
{
    return nastl_lanes() == NASTL_LANES_MOST && nastl_dnnl_has_avx512()
               ? nastl_product_512_suits(params)
               : NASTL_BY_HAND_NEVER;
}

int nastl_product_create(struct nastl_product **out, struct nastl_dnnl *dnnl,
                         const struct nastl_matmul_params *params)
{
    struct nastl_product *product = nastl_alloc_zero(1, sizeof *product);
    if (!product)
        return nastl_error_nomem("a matrix product");
    product->params = *params;
    give_distances(&product->params);
    product->by_hand = choose(&product->params);
    const int status = product->by_hand == NASTL_BY_HAND_ALWAYS
                           ? 0
                           : nastl_matmul_create(&product->matmul, dnnl, params);
    if (status < 0) {
        nastl_product_destroy(product);
        return status;
    }
    *out = product;
    return 0;
}

void nastl_product_destroy(struct nastl_product *product)
{
    if (!product)
        return;
    nastl_matmul_destroy(product->matmul);
    free(product);
}

size_t nastl_product_scratch(const struct nastl_product *product)
{
    const size_t ours = product->by_hand == NASTL_BY_HAND_NEVER
                            ? 0
                            : nastl_product_512_scratch(&product->params);
    const size_t theirs = product->matmul ? nastl_matmul_scratch(product->matmul) : 0;
    return ours > theirs ? ours : theirs;
}

int nastl_product_bind(struct nastl_product *product,
                       const struct nastl_operands *operands)
{
    product->operands = *operands;
    return product->matmul
               ? nastl_matmul_bind(product->matmul, operands->a, operands->b,
                                   operands->bias, operands->c, operands->scratch)
               : 0;
}

NASTL_HOT static void apply_mask(float *restrict c, const float *restrict mask,
                                 size_t rows, size_t width, size_t stride)
{
    for (size_t r = 0; r < rows; r++)
#pragma omp simd
        for (size_t i = r * stride; i < r * stride + width; i++)
            c[i] = mask[i] > 0.0f ? c[i] : 0.0f;
}

static bool runs_by_hand(const struct nastl_product *product)
{
    return product->by_hand == NASTL_BY_HAND_ALWAYS ||
           (product->by_hand == NASTL_BY_HAND_SPARSE &&
            nastl_product_512_is_sparse(&product->params, product->operands.a));
}

int nastl_product_run(const struct nastl_product *product)
{
    const struct nastl_matmul_params *params = &product->params;
    const struct nastl_operands *operands = &product->operands;
    if (runs_by_hand(product)) {
        nastl_product_512_run(params, operands);
        return 0;
    }
    TRY(nastl_matmul_run(product->matmul));
    if (operands->mask)
        apply_mask(operands->c, operands->mask, params->m, params->n, params->ldc);
    return 0;
}
