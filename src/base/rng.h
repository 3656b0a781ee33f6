/* rng.h: counter-based random numbers, Philox4x32-10 of Random123 (Salmon, Moraes, Dror,
 * Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * A stream is (seed, trial, purpose): its numbers are the same whatever thread draws them
 * and in whatever order streams are used.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* What a stream is for. One number is used for one thing in the whole program. */
enum nastl_rng_purpose {
    NASTL_RNG_SEARCH = 1,
    NASTL_RNG_INIT,
    NASTL_RNG_SHUFFLE,
    NASTL_RNG_DROPOUT,
    NASTL_RNG_SPLIT,
    NASTL_RNG_CELL,
    NASTL_RNG_BOOTSTRAP,
    NASTL_RNG_METER,
    NASTL_RNG_TEST,
    NASTL_RNG_POOL
};

struct nastl_rng {
    uint64_t seed;
    uint32_t trial, purpose;
    uint64_t block;     /* next counter */
    uint32_t buffer[4]; /* numbers of the last block */
    unsigned left;      /* unused numbers in buffer */
};

void nastl_rng_init(struct nastl_rng *rng, uint64_t seed, uint32_t trial,
                    enum nastl_rng_purpose purpose);

/* Jumps to block `block` of the stream: the numbers from there on depend on it alone. */
void nastl_rng_seek(struct nastl_rng *rng, uint64_t block);

/* The next 4 * blocks numbers of the stream, from the next whole block on: those that
 * nastl_rng_u32() would give, many times as fast. */
void nastl_rng_fill(struct nastl_rng *rng, uint32_t *out, size_t blocks);

uint32_t nastl_rng_u32(struct nastl_rng *rng);
uint64_t nastl_rng_u64(struct nastl_rng *rng);
double nastl_rng_uniform(struct nastl_rng *rng); /* in [0, 1), 53 bits */
double nastl_rng_normal(struct nastl_rng *rng);  /* mean 0, variance 1 */
uint64_t nastl_rng_below(struct nastl_rng *rng,
                         uint64_t n); /* in [0, n), unbiased; n > 0 */
void nastl_rng_shuffle(struct nastl_rng *rng, int32_t *items, size_t count);

#endif
