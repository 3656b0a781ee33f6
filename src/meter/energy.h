/* energy.h: joules of a call, above the idle baseline, read from a counter that lives.
 *
 * One backend: PAPI through perf_event_uncore (rapl::, amd64_rapl::). Where none passes
 * the liveness gate, energy is unavailable with a reason; it is never 0 and never a
 * constant. One thread at a time measures, and the machine should be quiet: a package's
 * energy is that of everything that runs on it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef METER_ENERGY_H
#define METER_ENERGY_H

#include "meter/latency.h"

struct nastl_energy;

/* Opens the first backend that passes the gate. NASTL_ENOTSUP: none does;
 * nastl_error_last() says why and how to enable it. */
int nastl_energy_open(struct nastl_energy **out);
void nastl_energy_close(struct nastl_energy *energy);
const char *nastl_energy_source(const struct nastl_energy *energy);

/* Joules since open, summed over packages. */
int nastl_energy_read(double *joules, struct nastl_energy *energy);

struct nastl_energy_figure {
    double net, gross; /* µJ a call: above idle, and as read */
    double low, high;  /* 95 % interval of net, Student's t over blocks */
    bool resolved;     /* net > 2 * half width; else it is below resolution */
    size_t blocks;
};

/* Blocks of at least 250 ms, idle and active alternating, from tick to tick of the
 * counter; ends at 30 active blocks, from 8 on where half the interval's width is below
 * 3 % of net, or when `seconds` are over (two active blocks are made in any case: about
 * 1.3 s). NASTL_EIO: the counter stood still or went back; then there is no figure. */
int nastl_energy_measure(struct nastl_energy_figure *out, struct nastl_energy *energy,
                         nastl_call call, void *payload, double seconds);

#endif
