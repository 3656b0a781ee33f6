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

/* A helper of hot functions: becomes a part of them, and so is compiled as they are. */
#if defined(__GNUC__)
#define NASTL_HOT_INLINE static inline __attribute__((always_inline))
#else
#define NASTL_HOT_INLINE static inline
#endif

#endif
