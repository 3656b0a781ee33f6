/* dnnl_2.c: oneDNN 2.6 through its C API; nothing else includes its header.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/dnnl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <oneapi/dnnl/dnnl.h>

#include "base/alloc.h"
#include "base/error.h"

enum { ARGUMENTS_MOST = 5 };

struct nastl_dnnl {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

struct nastl_matmul {
    struct nastl_dnnl *dnnl;
    dnnl_memory_desc_t a, b, bias, c, scratch; /* scratch.ndims 0: none needed */
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[ARGUMENTS_MOST];
    int count;
    bool has_bias;
    size_t scratch_bytes;
};

static _Thread_local size_t created;

size_t nastl_dnnl_created(void)
{
    return created;
}

/* A failed call of oneDNN as a status of ours. */
static int check(dnnl_status_t status, const char *what)
{
    if (status == dnnl_success)
        return 0;
    if (status == dnnl_out_of_memory)
        return nastl_error_nomem(what);
    return nastl_error(NASTL_EINTERNAL, "oneDNN: %s failed with status %d; report it",
                       what, (int)status);
}

/* ---- what it is ---- */

static const struct {
    dnnl_cpu_isa_t isa;
    const char *name;
} isa_names[] = {
    {dnnl_cpu_isa_sse41, "sse4.1"},
    {dnnl_cpu_isa_avx, "avx"},
    {dnnl_cpu_isa_avx2, "avx2"},
    {dnnl_cpu_isa_avx2_vnni, "avx2_vnni"},
    {dnnl_cpu_isa_avx512_core, "avx512_core"},
    {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
    {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
    {dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"},
};

void nastl_dnnl_describe(char version[32], char isa[64])
{
    const dnnl_version_t *v = dnnl_version();
    snprintf(version, 32, "%d.%d.%d", v->major, v->minor, v->patch);
    const dnnl_cpu_isa_t best = dnnl_get_effective_cpu_isa();
    snprintf(isa, 64, "unknown");
    for (size_t i = 0; i < sizeof isa_names / sizeof *isa_names; i++)
        if (isa_names[i].isa == best)
            snprintf(isa, 64, "%s", isa_names[i].name);
}

int nastl_dnnl_create(struct nastl_dnnl **out)
{
    struct nastl_dnnl *dnnl = nastl_alloc_zero(1, sizeof *dnnl);
    if (!dnnl)
        return nastl_error_nomem("an engine of oneDNN");
    int status;
    TRY_GOTO(status, check(dnnl_engine_create(&dnnl->engine, dnnl_cpu, 0), "an engine"),
             fail);
    TRY_GOTO(
        status,
        check(dnnl_stream_create(&dnnl->stream, dnnl->engine, dnnl_stream_default_flags),
              "a stream"),
        fail);
    *out = dnnl;
    return 0;
fail:
    nastl_dnnl_destroy(dnnl);
    return status;
}

void nastl_dnnl_destroy(struct nastl_dnnl *dnnl)
{
    if (!dnnl)
        return;
    if (dnnl->stream)
        dnnl_stream_destroy(dnnl->stream);
    if (dnnl->engine)
        dnnl_engine_destroy(dnnl->engine);
    free(dnnl);
}

/* ---- products ---- */

/* A (rows, columns) matrix as the product sees it; `transposed`: stored the other way
 * round, with `stride` between its stored rows (0: dense). */
static int describe_matrix(dnnl_memory_desc_t *out, size_t rows, size_t columns,
                           bool transposed, size_t stride)
{
    const dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)columns};
    const dnnl_dim_t step = (dnnl_dim_t)(stride ? stride : transposed ? rows : columns);
    const dnnl_dims_t strides = {transposed ? 1 : step, transposed ? step : 1};
    return check(dnnl_memory_desc_init_by_strides(out, 2, dims, dnnl_f32, strides),
                 "a matrix");
}

static int describe_operands(struct nastl_matmul *matmul,
                             const struct nastl_matmul_params *p)
{
    TRY(describe_matrix(&matmul->a, p->m, p->k, p->a_transposed, p->lda));
    TRY(describe_matrix(&matmul->b, p->k, p->n, p->b_transposed, p->ldb));
    TRY(describe_matrix(&matmul->c, p->m, p->n, false, p->ldc));
    return p->bias ? describe_matrix(&matmul->bias, 1, p->n, false, 0) : 0;
}

/* The attribute of every product: scratch memory is ours, perhaps a ReLU after it. */
static int create_attribute(dnnl_primitive_attr_t *out, bool relu)
{
    TRY(check(dnnl_primitive_attr_create(out), "an attribute"));
    TRY(check(dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user),
              "an attribute"));
    if (!relu)
        return 0;
    dnnl_post_ops_t ops = NULL;
    TRY(check(dnnl_post_ops_create(&ops), "a post-op"));
    int status = check(
        dnnl_post_ops_append_eltwise(ops, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f), "a ReLU");
    if (status == 0)
        status = check(dnnl_primitive_attr_set_post_ops(*out, ops), "a post-op");
    dnnl_post_ops_destroy(ops);
    return status;
}

static int create_primitive(struct nastl_matmul *matmul, dnnl_primitive_attr_t attribute)
{
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t planned = NULL;
    TRY(check(dnnl_matmul_desc_init(&desc, &matmul->a, &matmul->b,
                                    matmul->has_bias ? &matmul->bias : NULL, &matmul->c),
              "a matrix product"));
    TRY(check(dnnl_primitive_desc_create(&planned, &desc, attribute, matmul->dnnl->engine,
                                         NULL),
              "planning a matrix product"));
    const dnnl_memory_desc_t *scratch =
        dnnl_primitive_desc_query_md(planned, dnnl_query_scratchpad_md, 0);
    if (scratch) {
        matmul->scratch = *scratch;
        matmul->scratch_bytes = dnnl_memory_desc_get_size(scratch);
    }
    const int status = check(dnnl_primitive_create(&matmul->primitive, planned),
                             "compiling a matrix product");
    dnnl_primitive_desc_destroy(planned);
    created++;
    return status;
}

static int add_argument(struct nastl_matmul *matmul, int what,
                        const dnnl_memory_desc_t *desc)
{
    dnnl_exec_arg_t *argument = &matmul->arguments[matmul->count];
    argument->arg = what;
    TRY(check(dnnl_memory_create(&argument->memory, desc, matmul->dnnl->engine,
                                 DNNL_MEMORY_NONE),
              "a memory object"));
    matmul->count++;
    return 0;
}

/* In the order in which nastl_matmul_bind() takes them. */
static int add_arguments(struct nastl_matmul *matmul)
{
    TRY(add_argument(matmul, DNNL_ARG_SRC, &matmul->a));
    TRY(add_argument(matmul, DNNL_ARG_WEIGHTS, &matmul->b));
    TRY(add_argument(matmul, DNNL_ARG_DST, &matmul->c));
    if (matmul->has_bias)
        TRY(add_argument(matmul, DNNL_ARG_BIAS, &matmul->bias));
    return matmul->scratch_bytes
               ? add_argument(matmul, DNNL_ARG_SCRATCHPAD, &matmul->scratch)
               : 0;
}

static int plan_matmul(struct nastl_matmul *matmul,
                       const struct nastl_matmul_params *params)
{
    TRY(describe_operands(matmul, params));
    dnnl_primitive_attr_t attribute = NULL;
    int status = create_attribute(&attribute, params->relu);
    if (status == 0)
        status = create_primitive(matmul, attribute);
    if (attribute)
        dnnl_primitive_attr_destroy(attribute);
    return status < 0 ? status : add_arguments(matmul);
}

int nastl_matmul_create(struct nastl_matmul **out, struct nastl_dnnl *dnnl,
                        const struct nastl_matmul_params *params)
{
    struct nastl_matmul *matmul = nastl_alloc_zero(1, sizeof *matmul);
    if (!matmul)
        return nastl_error_nomem("a matrix product");
    matmul->dnnl = dnnl;
    matmul->has_bias = params->bias;
    const int status = plan_matmul(matmul, params);
    if (status < 0) {
        nastl_matmul_destroy(matmul);
        return status;
    }
    *out = matmul;
    return 0;
}

void nastl_matmul_destroy(struct nastl_matmul *matmul)
{
    if (!matmul)
        return;
    for (int i = 0; i < matmul->count; i++)
        dnnl_memory_destroy(matmul->arguments[i].memory);
    if (matmul->primitive)
        dnnl_primitive_destroy(matmul->primitive);
    free(matmul);
}

size_t nastl_matmul_scratch(const struct nastl_matmul *matmul)
{
    return matmul->scratch_bytes;
}

static int bind_argument(struct nastl_matmul *matmul, int at, const void *block)
{
    return check(dnnl_memory_set_data_handle(matmul->arguments[at].memory, (void *)block),
                 "binding a matrix");
}

int nastl_matmul_bind(struct nastl_matmul *matmul, const float *a, const float *b,
                      const float *bias, float *c, void *scratch)
{
    int at = 0;
    TRY(bind_argument(matmul, at++, a));
    TRY(bind_argument(matmul, at++, b));
    TRY(bind_argument(matmul, at++, c));
    if (matmul->has_bias)
        TRY(bind_argument(matmul, at++, bias));
    return matmul->scratch_bytes ? bind_argument(matmul, at, scratch) : 0;
}

int nastl_matmul_run(const struct nastl_matmul *matmul)
{
    return check(dnnl_primitive_execute(matmul->primitive, matmul->dnnl->stream,
                                        matmul->count, matmul->arguments),
                 "a matrix product");
}
