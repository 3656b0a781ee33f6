/* dnnl_2.c: what is particular to oneDNN 2.6: descriptors are structs, and an operation
 * is described before its primitive is planned.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/dnnl_impl.h"

#include "base/error.h"

const struct nastl_dnnl_isa nastl_dnnl_isas[] = {
    {dnnl_cpu_isa_sse41, "sse4.1"},
    {dnnl_cpu_isa_avx, "avx"},
    {dnnl_cpu_isa_avx2, "avx2"},
    {dnnl_cpu_isa_avx2_vnni, "avx2_vnni"},
    {dnnl_cpu_isa_avx512_core, "avx512_core"},
    {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
    {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
    {dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"},
    {dnnl_cpu_isa_all, NULL},
};

int nastl_dnnl_append_relu(dnnl_post_ops_t ops)
{
    return nastl_dnnl_check(
        dnnl_post_ops_append_eltwise(ops, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f), "a ReLU");
}

struct operands {
    dnnl_memory_desc_t a, b, bias, c;
};

static int describe(dnnl_memory_desc_t *out, size_t rows, size_t columns, bool transposed,
                    size_t stride)
{
    const struct nastl_dnnl_matrix matrix =
        nastl_dnnl_matrix(rows, columns, transposed, stride);
    return nastl_dnnl_check(
        dnnl_memory_desc_init_by_strides(out, 2, matrix.dims, dnnl_f32, matrix.strides),
        "a matrix");
}

static int describe_operands(struct operands *out, const struct nastl_matmul_params *p)
{
    TRY(describe(&out->a, p->m, p->k, p->a_transposed, p->lda));
    TRY(describe(&out->b, p->k, p->n, p->b_transposed, p->ldb));
    TRY(describe(&out->c, p->m, p->n, false, p->ldc));
    return p->bias ? describe(&out->bias, 1, p->n, false, 0) : 0;
}

static int add_argument(struct nastl_matmul *matmul, int what,
                        const dnnl_memory_desc_t *desc)
{
    dnnl_exec_arg_t *argument = &matmul->arguments[matmul->count];
    argument->arg = what;
    TRY(nastl_dnnl_check(dnnl_memory_create(&argument->memory, desc, matmul->dnnl->engine,
                                            DNNL_MEMORY_NONE),
                         "a memory object"));
    matmul->count++;
    return 0;
}

static int add_arguments(struct nastl_matmul *matmul, const struct operands *operands,
                         const_dnnl_primitive_desc_t planned)
{
    TRY(add_argument(matmul, DNNL_ARG_SRC, &operands->a));
    TRY(add_argument(matmul, DNNL_ARG_WEIGHTS, &operands->b));
    TRY(add_argument(matmul, DNNL_ARG_DST, &operands->c));
    if (matmul->has_bias)
        TRY(add_argument(matmul, DNNL_ARG_BIAS, &operands->bias));
    const dnnl_memory_desc_t *scratch =
        dnnl_primitive_desc_query_md(planned, dnnl_query_scratchpad_md, 0);
    matmul->scratch_bytes = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    return matmul->scratch_bytes ? add_argument(matmul, DNNL_ARG_SCRATCHPAD, scratch) : 0;
}

static int plan_primitive(dnnl_primitive_desc_t *out, const struct nastl_matmul *matmul,
                          const struct operands *operands,
                          const_dnnl_primitive_attr_t attribute)
{
    dnnl_matmul_desc_t desc;
    TRY(nastl_dnnl_check(dnnl_matmul_desc_init(&desc, &operands->a, &operands->b,
                                               matmul->has_bias ? &operands->bias : NULL,
                                               &operands->c),
                         "a matrix product"));
    return nastl_dnnl_check(
        dnnl_primitive_desc_create(out, &desc, attribute, matmul->dnnl->engine, NULL),
        "planning a matrix product");
}

int nastl_dnnl_plan(struct nastl_matmul *matmul, const struct nastl_matmul_params *params,
                    const_dnnl_primitive_attr_t attribute)
{
    struct operands operands;
    dnnl_primitive_desc_t planned;
    TRY(describe_operands(&operands, params));
    TRY(plan_primitive(&planned, matmul, &operands, attribute));
    int status = nastl_dnnl_check(dnnl_primitive_create(&matmul->primitive, planned),
                                  "compiling a matrix product");
    if (status == 0)
        status = add_arguments(matmul, &operands, planned);
    dnnl_primitive_desc_destroy(planned);
    return status;
}
