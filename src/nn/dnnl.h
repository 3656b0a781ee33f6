/* dnnl.h: the only door to oneDNN: dnnl_2.c knows generation 2.6, dnnl_3.c generation 3.
 *
 * A product is planned once for its shape, bound to its blocks, and then run any number
 * of times. oneDNN keeps one cache of compiled kernels for the process, keyed by shape
 * and guarded by its own lock: a second product of the same shape costs microseconds,
 * also for the next candidate and in another thread, so that no cache of ours is needed.
 * Objects belong to one thread at a time. A worker calls omp_set_num_threads(1) before it
 * creates or runs a product, else the product may use every core.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_DNNL_H
#define NN_DNNL_H

#include <stdbool.h>
#include <stddef.h>

/* Version ("2.6.3") and the instruction set that it uses ("avx512_core_bf16"). */
void nastl_dnnl_describe(char version[32], char isa[64]);
/* Whether it uses AVX-512: it has it, and ONEDNN_MAX_CPU_ISA allows it. */
bool nastl_dnnl_has_avx512(void);

/* An engine and a stream on this processor. */
struct nastl_dnnl;
int nastl_dnnl_create(struct nastl_dnnl **out);
void nastl_dnnl_destroy(struct nastl_dnnl *dnnl);

/* C (M, N) = op(A) (M, K) op(B) (K, N), row-major, op the identity or the transpose;
 * then + bias (N), then the larger of that and 0. lda, ldb and ldc are distances between
 * rows as they are stored; 0: dense. */
struct nastl_matmul_params {
    size_t m, n, k;
    bool a_transposed, b_transposed; /* A is stored as (K, M), B as (N, K) */
    size_t lda, ldb, ldc;
    bool bias, relu;
};

struct nastl_matmul;
int nastl_matmul_create(struct nastl_matmul **out, struct nastl_dnnl *dnnl,
                        const struct nastl_matmul_params *params);
void nastl_matmul_destroy(struct nastl_matmul *matmul);

/* Bytes that a run needs beside its operands; products of one thread may share them. */
size_t nastl_matmul_scratch(const struct nastl_matmul *matmul);

/* `bias` NULL where there is none. The blocks must outlive the last run. */
int nastl_matmul_bind(struct nastl_matmul *matmul, const float *a, const float *b,
                      const float *bias, float *c, void *scratch);
int nastl_matmul_run(const struct nastl_matmul *matmul);

/* Tests: primitives that the calling thread has created so far. */
size_t nastl_dnnl_created(void);

#endif
