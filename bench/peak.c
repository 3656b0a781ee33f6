/* peak.c: what one core can do at most, for others to be a share of. A contender of
 * bench/run, with two kinds of cases:
 *
 *   fma            multiply-adds in registers: CHAINS independent sums, which hide the
 *                  latency; work counts FLOP
 *   stream-BYTES   y += s x over so many bytes in all; work counts bytes read and written
 *
 * Of the vectors that the processor has, the fastest is taken: on some, 512 bits are no
 * faster than 256. SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hot.h"
#include "contender.h"

enum { CHAINS = 12, FMA_PIECE = 100000 };

/* ---- multiply-adds, one function a width of vectors ---- */

/* Equal chains would be computed once, so each starts elsewhere. */
#define DEFINE_FMA(name, target, bytes)                                                  \
    target static float name(size_t times)                                               \
    {                                                                                    \
        typedef float lanes __attribute__((vector_size(bytes)));                         \
        lanes sum[CHAINS], a, b;                                                         \
        for (int i = 0; i < (int)(bytes / sizeof(float)); i++) {                         \
            a[i] = 0.999f;                                                               \
            b[i] = 1e-3f;                                                                \
            for (int j = 0; j < CHAINS; j++)                                             \
                sum[j][i] = (float)(i + 16 * j);                                         \
        }                                                                                \
        for (size_t t = 0; t < times; t++)                                               \
            for (int i = 0; i < CHAINS; i++)                                             \
                sum[i] = sum[i] * a + b;                                                 \
        for (int i = 1; i < CHAINS; i++)                                                 \
            sum[0] += sum[i];                                                            \
        return sum[0][0];                                                                \
    }

struct vectors {
    const char *name;
    size_t lanes;
    float (*run)(size_t times);
    bool (*is_there)(void);
};

static bool always(void)
{
    return true;
}

#if defined(__x86_64__)
DEFINE_FMA(fma_avx512, __attribute__((target("avx512f"))), 64)
DEFINE_FMA(fma_avx2, __attribute__((target("avx2,fma"))), 32)
DEFINE_FMA(fma_sse, , 16)

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f");
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static const struct vectors all_vectors[] = {
    {"AVX-512", 16, fma_avx512, has_avx512},
    {"AVX2", 8, fma_avx2, has_avx2},
    {"SSE", 4, fma_sse, always},
};
#else
DEFINE_FMA(fma_plain, , 16)

static const struct vectors all_vectors[] = {{"128-bit", 4, fma_plain, always}};
#endif

enum { VECTORS = sizeof all_vectors / sizeof *all_vectors };

/* FLOP of one piece; a multiply-add counts 2. */
static double run_fma(const struct vectors *vectors)
{
    volatile float sink = vectors->run(FMA_PIECE);
    (void)sink;
    return (double)FMA_PIECE * CHAINS * (double)vectors->lanes * 2.0;
}

/* FLOP a CPU second, the best of some tries. */
static double rate(const struct vectors *vectors)
{
    double best = 0.0;
    for (int i = 0; i < 20; i++) {
        const double start = nastl_clock_thread_cpu();
        const double work = run_fma(vectors);
        const double now = work / (nastl_clock_thread_cpu() - start);
        best = now > best ? now : best;
    }
    return best;
}

static const struct vectors *fastest(void)
{
    const struct vectors *best = NULL;
    double most = 0.0;
    for (int i = 0; i < VECTORS; i++) {
        const double now = all_vectors[i].is_there() ? rate(&all_vectors[i]) : 0.0;
        if (now > most) {
            most = now;
            best = &all_vectors[i];
        }
    }
    return best;
}

/* ---- memory ---- */

NASTL_HOT static void multiply_add(float *restrict y, const float *restrict x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] += 1e-6f * x[i];
}

/* ---- the contender ---- */

struct limit {
    const struct vectors *vectors;
    float *x, *y; /* (count) each; NULL: multiply-adds are measured */
    size_t count;
};

static void forget(struct limit *limit)
{
    free(limit->x);
    free(limit->y);
    limit->x = limit->y = NULL;
}

static int prepare(void *payload, const char *name, const char *variant)
{
    struct limit *limit = payload;
    size_t bytes;
    (void)variant;
    forget(limit);
    if (strcmp(name, "fma") == 0)
        return 0;
    if (sscanf(name, "stream-%zu", &bytes) != 1 || bytes < 2 * sizeof(float))
        return nastl_error(NASTL_EINVAL, "'%s': no such limit; name fma or stream-BYTES",
                           name);
    limit->count = bytes / (2 * sizeof(float));
    limit->x = nastl_alloc_aligned(limit->count, sizeof(float));
    limit->y = nastl_alloc_aligned(limit->count, sizeof(float));
    if (!limit->x || !limit->y)
        return nastl_error_nomem("a stream");
    memset(limit->x, 0, limit->count * sizeof(float));
    memset(limit->y, 0, limit->count * sizeof(float));
    return 0;
}

static double run_stream(const struct limit *limit)
{
    for (int i = 0; i < 16; i++)
        multiply_add(limit->y, limit->x, limit->count);
    return 16.0 * 3.0 * sizeof(float) * (double)limit->count;
}

static int slice(void *payload, double seconds, struct nastl_strbuf *reply)
{
    struct limit *limit = payload;
    const double end = nastl_clock_seconds() + seconds;
    const double start = nastl_clock_process_cpu();
    double work = 0.0;
    do
        work += limit->x ? run_stream(limit) : run_fma(limit->vectors);
    while (nastl_clock_seconds() < end);
    reply_number(reply, "cpu", nastl_clock_process_cpu() - start);
    reply_number(reply, "work", work);
    return 0;
}

int main(void)
{
    struct limit limit = {.vectors = fastest()};
    const struct contender contender = {.prepare = prepare,
                                        .slice = slice,
                                        .payload = &limit,
                                        .version = limit.vectors->name};
    const int status = contend(&contender);
    forget(&limit);
    return status;
}
