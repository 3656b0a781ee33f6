/* hot.h: how loops that take the time are compiled.
 *
 * A hot function is compiled three times, for AVX-512, AVX2 and what every x86-64 has;
 * the loader takes what the processor offers. Sums have the order that the loop has in
 * that version: the same build on the same instruction set gives the same bits.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_HOT_H
#define BASE_HOT_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define NASTL_HOT                                                                        \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define NASTL_HOT
#endif

/* Where vectors are written out, one type does not suit all: an array of vectors wider
 * than the registers lives in memory. Such functions are compiled apart for
 * NASTL_LANES_MOST numbers in a vector (AVX-512), half of that (AVX2), and a quarter
 * (what every processor has); nastl_lanes() says which to take. */
enum { NASTL_LANES_MOST = 16 };
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define NASTL_TARGET_16 __attribute__((target("arch=x86-64-v4")))
#define NASTL_TARGET_8  __attribute__((target("arch=x86-64-v3")))
static inline int nastl_lanes(void)
{
    return __builtin_cpu_supports("x86-64-v4")   ? NASTL_LANES_MOST
           : __builtin_cpu_supports("x86-64-v3") ? NASTL_LANES_MOST / 2
                                                 : NASTL_LANES_MOST / 4;
}
#else
#define NASTL_TARGET_16
#define NASTL_TARGET_8
static inline int nastl_lanes(void)
{
    return NASTL_LANES_MOST / 4;
}
#endif

/* A helper of hot functions: becomes a part of them, and so is compiled as they are. */
#if defined(__GNUC__)
#define NASTL_HOT_INLINE static inline __attribute__((always_inline))
#else
#define NASTL_HOT_INLINE static inline
#endif

#endif
