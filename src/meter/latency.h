/* latency.h: the time of one call, measured in a quiet lane.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef METER_LATENCY_H
#define METER_LATENCY_H

#include <stddef.h>

#include <nastl/meter.h>

/* What is measured: one forward pass of one row. */
typedef void (*nastl_call)(void *payload);

struct nastl_latency_params {
    double seconds;  /* for one try, at_least permitting; 0: 0.05 */
    size_t at_least; /* calls; 0: 200 */
};

struct nastl_latency {
    double median, p99; /* µs a call, the timer's own time taken off */
    double low, high;   /* µs: 95 % interval of the median (order statistics) */
    size_t calls;
    double busy;    /* CPU time / wall time of the measuring thread */
    bool disturbed; /* busy < 0.98 after three tries: not to be trusted */
};

/* Warms up, then times single calls on the calling thread. Calls of less than about 1 µs
 * are timed in small groups, since the timer itself takes tens of ns: then each sample is
 * the mean of a group, and `p99` is that of such means. */
int nastl_latency_measure(struct nastl_latency *out, nastl_call call, void *payload,
                          const struct nastl_latency_params *params);

#endif
