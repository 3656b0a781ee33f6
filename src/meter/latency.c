/* latency.c: see latency.h.
 *
 * A try is thrown away when the thread did not have the processor to itself; the best of
 * three stands.
 * SPDX-License-Identifier: Apache-2.0 */
#include "meter/latency.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/stat.h"

#include <math.h>
#include <stdlib.h>

static const double default_seconds = 0.05;
static const double quiet = 0.98;        /* of the wall time, on the processor */
static const double warm_up_share = 0.1; /* of a try's time */
static const double sample_ns = 1000;    /* shorter calls are grouped up to this */

enum {
    DEFAULT_CALLS = 200,
    WARM_UP_CALLS = 10, /* at least */
    TIMER_PAIRS = 1001,
    MOST_SAMPLES = 20000,
    TRIES = 3
};

/* ---- the timer --------------------------------------------------------------------- */

/* The median of what the timer measures when nothing is between its two calls, ns. */
static double timer_overhead(double *scratch)
{
    for (int i = 0; i < TIMER_PAIRS; i++) {
        const int64_t start = nastl_clock_nanoseconds();
        scratch[i] = (double)(nastl_clock_nanoseconds() - start);
    }
    return nastl_stat_median(scratch, TIMER_PAIRS);
}

/* ns a group, the timer included. */
static double time_group(nastl_call call, void *payload, size_t group)
{
    const int64_t start = nastl_clock_nanoseconds();
    for (size_t i = 0; i < group; i++)
        call(payload);
    return (double)(nastl_clock_nanoseconds() - start);
}

/* Runs the call for `seconds` and WARM_UP_CALLS times at least; the shortest, ns. */
static double warm_up(nastl_call call, void *payload, double seconds)
{
    const double end = nastl_clock_seconds() + seconds;
    double shortest = INFINITY;
    for (int calls = 0; calls < WARM_UP_CALLS || nastl_clock_seconds() < end; calls++)
        shortest = fmin(shortest, time_group(call, payload, 1));
    return shortest;
}

/* ---- one try ----------------------------------------------------------------------- */

struct lane {
    nastl_call call;
    void *payload;
    size_t group, at_least;   /* calls a sample, samples */
    double seconds, overhead; /* s, ns */
    double *samples;          /* µs a call */
};

/* Takes samples until the time is up, and returns how many. */
static size_t sample(const struct lane *lane, size_t most)
{
    const double end = nastl_clock_seconds() + lane->seconds;
    size_t count = 0;
    while (count < most && (count < lane->at_least || nastl_clock_seconds() < end)) {
        const double ns = time_group(lane->call, lane->payload, lane->group);
        lane->samples[count++] =
            fmax(ns - lane->overhead, 0) / (double)lane->group * 1e-3;
    }
    return count;
}

/* The ranks, from 0, that enclose the median with 95 % confidence: n/2 -+ 1.96 sqrt(n)/2
 * (Conover, "Practical nonparametric statistics", 3.2: the sign test turned round). */
static void median_interval(double *low, double *high, const double *sorted, size_t n)
{
    const double half = 1.959964 * sqrt((double)n) / 2;
    const double first = floor((double)n / 2 - half) - 1;
    const double last = ceil((double)n / 2 + half);
    *low = sorted[first < 0 ? 0 : (size_t)first];
    *high = sorted[last > (double)(n - 1) ? n - 1 : (size_t)last];
}

static void try_once(struct nastl_latency *out, const struct lane *lane, size_t most)
{
    const double cpu = nastl_clock_thread_cpu(), wall = nastl_clock_seconds();
    const size_t count = sample(lane, most);
    const double passed = nastl_clock_seconds() - wall;
    out->busy = passed > 0 ? (nastl_clock_thread_cpu() - cpu) / passed : 0;
    out->disturbed = out->busy < quiet;
    out->calls = count * lane->group;
    out->median = nastl_stat_median(lane->samples, count);
    out->p99 = nastl_stat_quantile(lane->samples, count, 0.99);
    median_interval(&out->low, &out->high, lane->samples, count);
}

/* ---- public ------------------------------------------------------------------------ */

int nastl_latency_measure(struct nastl_latency *out, nastl_call call, void *payload,
                          const struct nastl_latency_params *params)
{
    struct lane lane = {.call = call, .payload = payload};
    lane.seconds = params && params->seconds > 0 ? params->seconds : default_seconds;
    lane.at_least = params && params->at_least ? params->at_least : DEFAULT_CALLS;
    const size_t most = lane.at_least > MOST_SAMPLES ? lane.at_least : MOST_SAMPLES;
    lane.samples = nastl_alloc(most, sizeof *lane.samples);
    if (!lane.samples)
        return nastl_error_nomem("samples of a latency");
    lane.overhead = timer_overhead(lane.samples);
    const double once = warm_up(call, payload, warm_up_share * lane.seconds);
    const double alone = fmax(once - lane.overhead, 1);
    lane.group = alone < sample_ns ? (size_t)ceil(sample_ns / alone) : 1;
    try_once(out, &lane, most);
    for (int tries = 1; tries < TRIES && out->disturbed; tries++) {
        struct nastl_latency again;
        try_once(&again, &lane, most);
        if (again.busy > out->busy)
            *out = again;
    }
    free(lane.samples);
    return NASTL_OK;
}
