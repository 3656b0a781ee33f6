/* product_none.c: in place of product_512.c where the compiler cannot make it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/product.h"

#include <assert.h>

enum nastl_by_hand nastl_product_512_suits(const struct nastl_matmul_params *params)
{
    (void)params;
    return NASTL_BY_HAND_NEVER;
}

size_t nastl_product_512_scratch(const struct nastl_matmul_params *params)
{
    (void)params;
    return 0;
}

void nastl_product_512_run(const struct nastl_matmul_params *params,
                           const struct nastl_operands *operands)
{
    (void)params;
    (void)operands;
    assert(!"a product that suits no shape");
}

bool nastl_product_512_is_sparse(const struct nastl_matmul_params *params, const float *a)
{
    (void)params;
    (void)a;
    return false;
}
