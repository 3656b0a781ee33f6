/* dnnl_impl.h: what dnnl.c, which both generations of oneDNN share, and the file of one
 * generation (dnnl_2.c or dnnl_3.c) know of each other. Nothing else includes it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_DNNL_IMPL_H
#define NN_DNNL_IMPL_H

#include "nn/dnnl.h"

#include <oneapi/dnnl/dnnl.h>

enum { NASTL_DNNL_ARGUMENTS = 5 };

struct nastl_dnnl {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

/* Arguments: A, B, C, then the bias and the scratch, where there are. */
struct nastl_matmul {
    struct nastl_dnnl *dnnl;
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[NASTL_DNNL_ARGUMENTS];
    int count;
    bool has_bias;
    size_t scratch_bytes;
};

/* A failed call of oneDNN as a status of ours. */
int nastl_dnnl_check(dnnl_status_t status, const char *what);

/* A (rows, columns) matrix as the product sees it; `transposed`: stored the other way
 * round, with `stride` between its stored rows (0: dense). */
struct nastl_dnnl_matrix {
    dnnl_dims_t dims, strides;
};
struct nastl_dnnl_matrix nastl_dnnl_matrix(size_t rows, size_t columns, bool transposed,
                                           size_t stride);

/* ---- what a generation gives ---- */

/* Its instruction sets, up to a name of NULL. */
struct nastl_dnnl_isa {
    dnnl_cpu_isa_t isa;
    const char *name;
};
extern const struct nastl_dnnl_isa nastl_dnnl_isas[];

int nastl_dnnl_append_relu(dnnl_post_ops_t ops);

/* Fills `primitive`, `arguments` and their count, and `scratch_bytes`; what there is when
 * it fails, nastl_matmul_destroy() frees. */
int nastl_dnnl_plan(struct nastl_matmul *matmul, const struct nastl_matmul_params *params,
                    const_dnnl_primitive_attr_t attribute);

#endif
