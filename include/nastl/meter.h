/* meter.h: what this machine offers, and measured figures with their intervals.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NASTL_METER_H
#define NASTL_METER_H

#include <stdbool.h>
#include <stddef.h>

#include <nastl/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the machine is. Strings are inside the struct. */
struct nastl_hardware {
    char cpu[128];   /* model name */
    int threads;     /* that this process may use (affinity) */
    int cores;       /* physical, 0 if unknown */
    char isa[64];    /* the best of sse4.1, avx2, avx512_core … that oneDNN uses */
    char onednn[32]; /* version */
    long cache[3];   /* L1d, L2, L3 in bytes, 0 if unknown */
    long memory;     /* bytes */
    bool counters;   /* hardware counters (cycles) can be read */
    char counters_reason[256]; /* why not, and the remedy */
    bool energy;               /* an energy counter lives */
    char energy_source[64];    /* "papi:rapl::RAPL_ENERGY_PKG" */
    char energy_reason[256];   /* why not, and the remedy */
};

/* Probes the machine; the liveness check of an energy counter takes half a second where
 * there is one. Never fails for lack of a counter. */
NASTL_API int nastl_hardware_probe(struct nastl_hardware *out);

/* `nas-tl hardware`: as text for people, or one JSON document. The caller frees *out. */
NASTL_API int nastl_hardware_text(char **out, const struct nastl_hardware *hardware,
                                  bool json);

#ifdef __cplusplus
}
#endif
#endif
