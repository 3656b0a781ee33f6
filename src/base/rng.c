/* rng.c: the only place that includes Random123.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"

#include "base/hot.h"

#include <math.h>

#include <Random123/philox.h>

void nastl_rng_init(struct nastl_rng *rng, uint64_t seed, uint32_t trial,
                    enum nastl_rng_purpose purpose)
{
    *rng = (struct nastl_rng){.seed = seed, .trial = trial, .purpose = (uint32_t)purpose};
}

void nastl_rng_seek(struct nastl_rng *rng, uint64_t block)
{
    rng->block = block;
    rng->left = 0;
}

static void refill(struct nastl_rng *rng)
{
    const philox4x32_ctr_t counter = {
        {(uint32_t)rng->block, (uint32_t)(rng->block >> 32), rng->trial, rng->purpose}};
    const philox4x32_key_t key = {{(uint32_t)rng->seed, (uint32_t)(rng->seed >> 32)}};
    const philox4x32_ctr_t numbers = philox4x32(counter, key);
    for (int i = 0; i < 4; i++)
        rng->buffer[i] = numbers.v[i];
    rng->block++;
    rng->left = 4;
}

/* Each block depends on its counter alone, so that the loop becomes vector code. */
NASTL_HOT static void fill(const struct nastl_rng *rng, uint32_t *restrict out,
                           size_t blocks)
{
    const philox4x32_key_t key = {{(uint32_t)rng->seed, (uint32_t)(rng->seed >> 32)}};
    const uint64_t first = rng->block;
    const uint32_t trial = rng->trial, purpose = rng->purpose;
#pragma omp simd
    for (size_t i = 0; i < blocks; i++) {
        const uint64_t block = first + i;
        const philox4x32_ctr_t counter = {
            {(uint32_t)block, (uint32_t)(block >> 32), trial, purpose}};
        const philox4x32_ctr_t numbers = philox4x32_R(10, counter, key);
        out[4 * i] = numbers.v[0];
        out[4 * i + 1] = numbers.v[1];
        out[4 * i + 2] = numbers.v[2];
        out[4 * i + 3] = numbers.v[3];
    }
}

void nastl_rng_fill(struct nastl_rng *rng, uint32_t *out, size_t blocks)
{
    fill(rng, out, blocks);
    nastl_rng_seek(rng, rng->block + blocks);
}

uint32_t nastl_rng_u32(struct nastl_rng *rng)
{
    if (rng->left == 0)
        refill(rng);
    return rng->buffer[4 - rng->left--];
}

uint64_t nastl_rng_u64(struct nastl_rng *rng)
{
    const uint64_t high = nastl_rng_u32(rng);
    return high << 32 | nastl_rng_u32(rng);
}

double nastl_rng_uniform(struct nastl_rng *rng)
{
    return (double)(nastl_rng_u64(rng) >> 11) * 0x1p-53;
}

/* Box and Muller (1958): sqrt(-2 ln u) cos(2 pi v), u in (0, 1]. */
double nastl_rng_normal(struct nastl_rng *rng)
{
    const double pi = 3.14159265358979323846;
    const double u = 1.0 - nastl_rng_uniform(rng);
    const double v = nastl_rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(2.0 * pi * v);
}

/* Numbers at the upper end that would favour small remainders are drawn again. */
uint64_t nastl_rng_below(struct nastl_rng *rng, uint64_t n)
{
    const uint64_t limit = UINT64_MAX - UINT64_MAX % n;
    uint64_t draw;
    do
        draw = nastl_rng_u64(rng);
    while (draw >= limit);
    return draw % n;
}

/* Fisher and Yates, from the end. */
void nastl_rng_shuffle(struct nastl_rng *rng, int32_t *items, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        const size_t j = (size_t)nastl_rng_below(rng, i);
        const int32_t kept = items[i - 1];
        items[i - 1] = items[j];
        items[j] = kept;
    }
}
