/* energy_papi.c: joules of all processor packages, by PAPI's perf_event_uncore.
 *
 * The kernel keeps a 64-bit count a package: it does not wrap. One event a package, on
 * the package's first processor; DRAM, cores and psys are not added (a package contains
 * its cores, psys overlaps everything).
 * SPDX-License-Identifier: Apache-2.0 */
#include "meter/backend.h"

#include "base/alloc.h"
#include "base/error.h"
#include "meter/counters.h"
#include "meter/sysfs.h"

#include <papi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_PACKAGES = 64 };

static const char power[] = "/sys/bus/event_source/devices/power";

/* Intel's and AMD's names of the same. */
static const char *const events[] = {"rapl::RAPL_ENERGY_PKG",
                                     "amd64_rapl::RAPL_ENERGY_PKG"};

struct state {
    int set;      /* PAPI's event set */
    int packages; /* events in it */
    double unit;  /* J a count */
};

/* ---- why there is none ------------------------------------------------------------- */

static int no_counter(void)
{
    if (nastl_sysfs_is_virtual())
        return nastl_error(NASTL_ENOTSUP,
                           "energy: this virtual machine has no energy counter (no PMU "
                           "'power'); run on the machine itself");
    return nastl_error(NASTL_ENOTSUP,
                       "energy: the kernel offers no energy counter (no PMU 'power'); "
                       "sudo modprobe rapl, where the processor has RAPL");
}

/* Permission first: it is what can be mended. */
static int explain(const char *why)
{
    const long paranoid = nastl_sysfs_paranoid(0);
    if (access(power, F_OK) != 0)
        return no_counter();
    if (paranoid >= 0)
        return nastl_error(NASTL_ENOTSUP,
                           "energy: kernel.perf_event_paranoid is %ld; sudo sysctl "
                           "kernel.perf_event_paranoid=0, or give the program "
                           "CAP_PERFMON (setcap cap_perfmon+ep)",
                           paranoid);
    return nastl_error(NASTL_ENOTSUP,
                       "energy: PAPI cannot read RAPL_ENERGY_PKG (%s); "
                       "papi_native_avail lists what it can",
                       why);
}

/* ---- opening ----------------------------------------------------------------------- */

/* The first processor of each package. Dies of one package mirror one counter. */
static int first_processors(long *out)
{
    long seen[MOST_PACKAGES];
    int count = 0;
    const long processors = sysconf(_SC_NPROCESSORS_CONF);
    for (long cpu = 0; cpu < processors && count < MOST_PACKAGES; cpu++) {
        long package;
        if (!nastl_sysfs_number(
                &package, "/sys/devices/system/cpu/cpu%ld/topology/physical_package_id",
                cpu))
            continue; /* it is off */
        int known = 0;
        while (known < count && seen[known] != package)
            known++;
        if (known < count)
            continue;
        seen[count] = package;
        out[count++] = cpu;
    }
    return count;
}

/* Adds an event of every package; PAPI's status. */
static int add_packages(struct state *state, const char *event, const long *processors,
                        int count)
{
    for (int p = 0; p < count; p++) {
        char name[64];
        snprintf(name, sizeof name, "%s:cpu=%ld", event, processors[p]);
        const int status = PAPI_add_named_event(state->set, name);
        if (status != PAPI_OK) {
            PAPI_cleanup_eventset(state->set);
            return status;
        }
    }
    state->packages = count;
    return PAPI_OK;
}

/* The first kind of event that this machine has. */
static int add_events(struct state *state, char source[NASTL_ENERGY_SOURCE])
{
    long processors[MOST_PACKAGES];
    const int count = first_processors(processors);
    int status = count ? PAPI_ENOEVNT : PAPI_ENOCMP;
    for (size_t e = 0; count && e < sizeof events / sizeof *events; e++) {
        const int added = add_packages(state, events[e], processors, count);
        if (added == PAPI_OK) {
            snprintf(source, NASTL_ENERGY_SOURCE, "papi:%s", events[e]);
            return PAPI_OK;
        }
        if (added != PAPI_ENOEVNT) /* it exists, and does not open */
            status = added;
    }
    return status;
}

/* Joules a count, as the kernel states it; 2^-32 on every machine known. */
static double unit_of_count(void)
{
    char path[128], line[64];
    double unit = 0;
    snprintf(path, sizeof path, "%s/events/energy-pkg.scale", power);
    if (nastl_sysfs_line(line, sizeof line, path))
        unit = strtod(line, NULL);
    return unit > 0 ? unit : 0x1p-32;
}

static int start(struct state *state, char source[NASTL_ENERGY_SOURCE])
{
    int status = nastl_papi_start();
    if (status != PAPI_OK)
        return status;
    const int component = PAPI_get_component_index("perf_event_uncore");
    if (component < 0)
        return component;
    status = PAPI_create_eventset(&state->set);
    if (status == PAPI_OK)
        status = PAPI_assign_eventset_component(state->set, component);
    if (status == PAPI_OK)
        status = add_events(state, source);
    if (status == PAPI_OK)
        status = PAPI_start(state->set);
    return status;
}

/* ---- the backend ------------------------------------------------------------------- */

static void close_papi(void *opaque)
{
    struct state *state = opaque;
    long long counts[MOST_PACKAGES];
    if (state->set != PAPI_NULL) {
        PAPI_stop(state->set, counts);
        PAPI_cleanup_eventset(state->set);
        PAPI_destroy_eventset(&state->set);
    }
    free(state);
}

static int open_papi(void **out, char source[NASTL_ENERGY_SOURCE])
{
    struct state *state = nastl_alloc_zero(1, sizeof *state);
    if (!state)
        return nastl_error_nomem("an energy counter");
    state->set = PAPI_NULL;
    state->unit = unit_of_count();
    const int status = start(state, source);
    if (status != PAPI_OK) {
        close_papi(state);
        return explain(PAPI_strerror(status));
    }
    *out = state;
    return NASTL_OK;
}

static int read_papi(double *joules, void *opaque)
{
    const struct state *state = opaque;
    long long counts[MOST_PACKAGES];
    const int status = PAPI_read(state->set, counts);
    if (status != PAPI_OK)
        return nastl_error(NASTL_EIO, "energy: PAPI stopped reading (%s); try again",
                           PAPI_strerror(status));
    *joules = 0;
    for (int p = 0; p < state->packages; p++)
        *joules += (double)counts[p] * state->unit;
    return NASTL_OK;
}

const struct nastl_energy_backend nastl_energy_papi = {open_papi, read_papi, close_papi};
