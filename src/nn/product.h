/* product.h: the products of linear operators: by hand where that is faster
 * (product_512.c), else by oneDNN. Which one, the instruction set (that of oneDNN, so
 * that ONEDNN_MAX_CPU_ISA holds both), the shape and the zeros of A decide: never a
 * clock. SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_PRODUCT_H
#define NN_PRODUCT_H

#include "nn/dnnl.h"

/* What a product works on, see nastl_matmul_params; the blocks must outlive the last run.
 */
struct nastl_operands {
    const float *a, *b;
    const float *bias; /* (N), or NULL */
    const float *mask; /* (M, N), as C, or NULL: where it is not above 0, C becomes 0 */
    float *c;
    void *scratch;
};

struct nastl_product;
int nastl_product_create(struct nastl_product **out, struct nastl_dnnl *dnnl,
                         const struct nastl_matmul_params *params);
void nastl_product_destroy(struct nastl_product *product);

/* Bytes that a run needs beside its operands; products of one thread may share them. */
size_t nastl_product_scratch(const struct nastl_product *product);

int nastl_product_bind(struct nastl_product *product,
                       const struct nastl_operands *operands);
int nastl_product_run(const struct nastl_product *product);

/* ---- by hand: product_512.c, or product_none.c where the compiler cannot ---- */

/* When that is faster, of a shape; every distance between rows is given, here and below.
 */
enum nastl_by_hand { NASTL_BY_HAND_NEVER, NASTL_BY_HAND_SPARSE, NASTL_BY_HAND_ALWAYS };
enum nastl_by_hand nastl_product_512_suits(const struct nastl_matmul_params *params);

/* Any shape, on processors with AVX-512. */
size_t nastl_product_512_scratch(const struct nastl_matmul_params *params);
void nastl_product_512_run(const struct nastl_matmul_params *params,
                           const struct nastl_operands *operands);
/* Whether A has so many zeros that passing over them pays: looks at a few rows. */
bool nastl_product_512_is_sparse(const struct nastl_matmul_params *params,
                                 const float *a);

#endif
