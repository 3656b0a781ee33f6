/* dnnl.c: oneDNN through its C API: what is the same in all its generations.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/dnnl_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"

static _Thread_local size_t created;

size_t nastl_dnnl_created(void)
{
    return created;
}

int nastl_dnnl_check(dnnl_status_t status, const char *what)
{
    if (status == dnnl_success)
        return 0;
    if (status == dnnl_out_of_memory)
        return nastl_error_nomem(what);
    return nastl_error(NASTL_EINTERNAL, "oneDNN: %s failed with status %d; report it",
                       what, (int)status);
}

void nastl_dnnl_describe(char version[32], char isa[64])
{
    const dnnl_version_t *v = dnnl_version();
    snprintf(version, 32, "%d.%d.%d", v->major, v->minor, v->patch);
    const dnnl_cpu_isa_t best = dnnl_get_effective_cpu_isa();
    snprintf(isa, 64, "unknown");
    for (const struct nastl_dnnl_isa *at = nastl_dnnl_isas; at->name; at++)
        if (at->isa == best)
            snprintf(isa, 64, "%s", at->name);
}

bool nastl_dnnl_has_avx512(void)
{
    const dnnl_cpu_isa_t best = dnnl_get_effective_cpu_isa();
    return (best & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core;
}

/* ---- the engine ---- */

int nastl_dnnl_create(struct nastl_dnnl **out)
{
    struct nastl_dnnl *dnnl = nastl_alloc_zero(1, sizeof *dnnl);
    if (!dnnl)
        return nastl_error_nomem("an engine of oneDNN");
    int status =
        nastl_dnnl_check(dnnl_engine_create(&dnnl->engine, dnnl_cpu, 0), "an engine");
    if (status == 0)
        status = nastl_dnnl_check(
            dnnl_stream_create(&dnnl->stream, dnnl->engine, dnnl_stream_default_flags),
            "a stream");
    if (status < 0) {
        nastl_dnnl_destroy(dnnl);
        return status;
    }
    *out = dnnl;
    return 0;
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

struct nastl_dnnl_matrix nastl_dnnl_matrix(size_t rows, size_t columns, bool transposed,
                                           size_t stride)
{
    const dnnl_dim_t step = (dnnl_dim_t)(stride ? stride : transposed ? rows : columns);
    return (struct nastl_dnnl_matrix){
        .dims = {(dnnl_dim_t)rows, (dnnl_dim_t)columns},
        .strides = {transposed ? 1 : step, transposed ? step : 1},
    };
}

static int add_relu(dnnl_primitive_attr_t attribute)
{
    dnnl_post_ops_t ops = NULL;
    TRY(nastl_dnnl_check(dnnl_post_ops_create(&ops), "a post-op"));
    int status = nastl_dnnl_append_relu(ops);
    if (status == 0)
        status = nastl_dnnl_check(dnnl_primitive_attr_set_post_ops(attribute, ops),
                                  "a post-op");
    dnnl_post_ops_destroy(ops);
    return status;
}

/* The attribute of every product: scratch memory is ours, perhaps a ReLU after it. */
static int create_attribute(dnnl_primitive_attr_t *out, bool relu)
{
    TRY(nastl_dnnl_check(dnnl_primitive_attr_create(out), "an attribute"));
    TRY(nastl_dnnl_check(
        dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user),
        "an attribute"));
    return relu ? add_relu(*out) : 0;
}

static int plan(struct nastl_matmul *matmul, const struct nastl_matmul_params *params)
{
    dnnl_primitive_attr_t attribute = NULL;
    int status = create_attribute(&attribute, params->relu);
    if (status == 0)
        status = nastl_dnnl_plan(matmul, params, attribute);
    if (attribute)
        dnnl_primitive_attr_destroy(attribute);
    return status;
}

int nastl_matmul_create(struct nastl_matmul **out, struct nastl_dnnl *dnnl,
                        const struct nastl_matmul_params *params)
{
    struct nastl_matmul *matmul = nastl_alloc_zero(1, sizeof *matmul);
    if (!matmul)
        return nastl_error_nomem("a matrix product");
    matmul->dnnl = dnnl;
    matmul->has_bias = params->bias;
    const int status = plan(matmul, params);
    if (status < 0) {
        nastl_matmul_destroy(matmul);
        return status;
    }
    created++;
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
    return nastl_dnnl_check(
        dnnl_memory_set_data_handle(matmul->arguments[at].memory, (void *)block),
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
    return nastl_dnnl_check(dnnl_primitive_execute(matmul->primitive,
                                                   matmul->dnnl->stream, matmul->count,
                                                   matmul->arguments),
                            "a matrix product");
}
