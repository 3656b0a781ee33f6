/* energy.c: the gate that a counter must pass, and the protocol of measuring with it.
 *
 *   idle  active  idle  active  idle  ...  idle      each a quarter of a second or more,
 *    p0     a1     p1     a2     p2                  from a counter's tick to a tick
 *
 *   net of a block = (a_k - (p_k-1 + p_k) / 2 * its seconds) / its calls
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "meter/backend.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/stat.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct nastl_energy {
    const struct nastl_energy_backend *backend;
    void *state;
    double last; /* J: a counter never goes back */
    char source[NASTL_ENERGY_SOURCE];
};

/* ---- the gate ---------------------------------------------------------------------- */

static const double gate_spinning = 0.1;                  /* s */
static const double gate_sleeping = 0.4;                  /* s */
static const double least_watts = 0.1, most_watts = 2000; /* of a machine that runs */

static void spin(double seconds)
{
    const double end = nastl_clock_seconds() + seconds;
    while (nastl_clock_seconds() < end)
        ;
}

/* A counter that exists is not a counter that measures. */
static int pass_gate(struct nastl_energy *energy)
{
    double before = 0, after = 0;
    const double start = nastl_clock_seconds();
    TRY(nastl_energy_read(&before, energy));
    spin(gate_spinning);
    nastl_clock_sleep(gate_sleeping);
    TRY(nastl_energy_read(&after, energy));
    const double watts = (after - before) / (nastl_clock_seconds() - start);
    if (watts >= least_watts && watts <= most_watts)
        return NASTL_OK;
    if (after == before)
        return nastl_error(NASTL_ENOTSUP,
                           "energy: the counter %s stands still; run on the machine "
                           "itself, or on another one",
                           energy->source);
    return nastl_error(NASTL_ENOTSUP,
                       "energy: the counter %s reads %.4g W, which no machine draws; run "
                       "on the machine itself, or on another one",
                       energy->source, watts);
}

/* ---- opening and reading ----------------------------------------------------------- */

int nastl_energy_open_with(struct nastl_energy **out,
                           const struct nastl_energy_backend *backend)
{
    struct nastl_energy *energy = nastl_alloc_zero(1, sizeof *energy);
    if (!energy)
        return nastl_error_nomem("an energy counter");
    energy->backend = backend;
    energy->last = -INFINITY;
    int status = backend->open(&energy->state, energy->source);
    if (status < 0) {
        free(energy);
        return status;
    }
    status = pass_gate(energy);
    if (status < 0) {
        nastl_energy_close(energy);
        return status == NASTL_EIO ? NASTL_ENOTSUP : status;
    }
    *out = energy;
    return NASTL_OK;
}

int nastl_energy_open(struct nastl_energy **out)
{
    return nastl_energy_open_with(out, &nastl_energy_papi);
}

void nastl_energy_close(struct nastl_energy *energy)
{
    if (!energy)
        return;
    energy->backend->close(energy->state);
    free(energy);
}

const char *nastl_energy_source(const struct nastl_energy *energy)
{
    return energy->source;
}

int nastl_energy_read(double *joules, struct nastl_energy *energy)
{
    double now;
    TRY(energy->backend->read(&now, energy->state));
    if (!(now >= energy->last))
        return nastl_error(NASTL_EIO,
                           "energy: the counter %s went back from %.9g J to %.9g J; its "
                           "figures are not to be trusted on this machine",
                           energy->source, energy->last, now);
    energy->last = now;
    *joules = now;
    return NASTL_OK;
}

/* ---- blocks ------------------------------------------------------------------------ */

static const double block_seconds = 0.25;
static const double chunk_seconds = 5e-5; /* of calls between two looks at the clock */
static const double tick_timeout = 0.02;  /* s; counters tick each millisecond */
static const double nap_seconds = 1e-4;   /* between two looks when idle */
static const double fine_enough = 0.03;   /* half the interval's width to the net */

enum {
    LEAST_BLOCKS = 2,  /* active; fewer have no interval */
    ENOUGH_BLOCKS = 8, /* from here on the width may end it */
    MOST_BLOCKS = 30
};

/* What runs in active blocks. */
struct work {
    nastl_call call;
    void *payload;
    size_t chunk; /* calls between two looks */
    size_t calls; /* made so far */
};

/* Looks apart from each other: by a chunk of calls, or by a nap when idle (NULL). */
static void pass_time(struct work *work)
{
    if (!work) {
        nastl_clock_sleep(nap_seconds);
        return;
    }
    for (size_t i = 0; i < work->chunk; i++)
        work->call(work->payload);
    work->calls += work->chunk;
}

struct mark {
    double seconds, joules;
    size_t calls;
};

/* Goes on until the counter ticks: there, its reading belongs to the time. */
static int mark_tick(struct mark *out, struct nastl_energy *energy, struct work *work)
{
    double first = 0;
    TRY(nastl_energy_read(&first, energy));
    const double end = nastl_clock_seconds() + tick_timeout;
    do {
        pass_time(work);
        TRY(nastl_energy_read(&out->joules, energy));
        out->seconds = nastl_clock_seconds();
    } while (out->joules == first && out->seconds < end);
    out->calls = work ? work->calls : 0;
    return NASTL_OK;
}

/* One block, idle where `work` is NULL: what passed between its two marks. */
static int run_block(struct mark *out, struct nastl_energy *energy, struct work *work)
{
    struct mark from = {0}, to = {0};
    TRY(mark_tick(&from, energy, work));
    if (!work)
        nastl_clock_sleep(block_seconds);
    while (nastl_clock_seconds() - from.seconds < block_seconds)
        pass_time(work);
    TRY(mark_tick(&to, energy, work));
    out->seconds = to.seconds - from.seconds;
    out->joules = to.joules - from.joules;
    out->calls = to.calls - from.calls;
    if (out->joules > 0)
        return NASTL_OK;
    return nastl_error(NASTL_EIO,
                       "energy: the counter %s stood still for %.2g s; measure again",
                       energy->source, out->seconds);
}

/* Doubles the chunk until it takes long enough; this warms up, too. */
static void find_chunk(struct work *work)
{
    double took;
    work->chunk = 1;
    for (;;) {
        const double start = nastl_clock_seconds();
        pass_time(work);
        took = nastl_clock_seconds() - start;
        if (took >= chunk_seconds)
            return;
        work->chunk *= 2;
    }
}

/* ---- the figure -------------------------------------------------------------------- */

struct ledger {
    double net[MOST_BLOCKS], gross[MOST_BLOCKS]; /* µJ a call */
    size_t count;
};

static void summarize(struct nastl_energy_figure *out, const struct ledger *ledger)
{
    const double half = nastl_stat_student_t95(ledger->count - 1) *
                        nastl_stat_standard_error(ledger->net, ledger->count);
    out->net = nastl_stat_mean(ledger->net, ledger->count);
    out->gross = nastl_stat_mean(ledger->gross, ledger->count);
    out->low = out->net - half;
    out->high = out->net + half;
    out->resolved = out->net > 2 * half;
    out->blocks = ledger->count;
}

static bool is_fine(const struct ledger *ledger)
{
    struct nastl_energy_figure so_far;
    if (ledger->count < ENOUGH_BLOCKS)
        return false;
    summarize(&so_far, ledger);
    return so_far.high - so_far.net < fine_enough * so_far.net;
}

/* One active block and the idle one after it; `idle` is the power of the one before, W,
 * and becomes that of the one after. */
static int add_block(struct ledger *ledger, double *idle, struct nastl_energy *energy,
                     struct work *work)
{
    struct mark active, rest;
    TRY(run_block(&active, energy, work));
    TRY(run_block(&rest, energy, NULL));
    const double after = rest.joules / rest.seconds;
    const double baseline = (*idle + after) / 2 * active.seconds;
    const double calls = (double)active.calls;
    ledger->gross[ledger->count] = active.joules / calls * 1e6;
    ledger->net[ledger->count] = (active.joules - baseline) / calls * 1e6;
    ledger->count++;
    *idle = after;
    return NASTL_OK;
}

int nastl_energy_measure(struct nastl_energy_figure *out, struct nastl_energy *energy,
                         nastl_call call, void *payload, double seconds)
{
    const double end = nastl_clock_seconds() + seconds;
    struct work work = {.call = call, .payload = payload};
    struct ledger ledger = {.count = 0};
    struct mark rest;
    find_chunk(&work);
    TRY(run_block(&rest, energy, NULL));
    double idle = rest.joules / rest.seconds, pair = 0;
    while (ledger.count < MOST_BLOCKS && !is_fine(&ledger)) {
        const double start = nastl_clock_seconds();
        if (ledger.count >= LEAST_BLOCKS && start + pair > end)
            break;
        TRY(add_block(&ledger, &idle, energy, &work));
        pair = nastl_clock_seconds() - start;
    }
    summarize(out, &ledger);
    return NASTL_OK;
}
