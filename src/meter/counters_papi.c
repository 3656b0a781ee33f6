/* counters_papi.c: see counters.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "meter/counters.h"

#include "base/clock.h"
#include "meter/sysfs.h"

#include <papi.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* ---- starting PAPI ----------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int started; /* PAPI's status, written once */

static unsigned long thread_number(void)
{
    return (unsigned long)pthread_self();
}

static bool is_wanted(const PAPI_component_info_t *component)
{
    return strcmp(component->name, "perf_event") == 0 ||
           strcmp(component->name, "perf_event_uncore") == 0;
}

static void start(void)
{
    PAPI_set_debug(PAPI_QUIET);
    for (int i = 0; i < PAPI_num_components(); i++) {
        const PAPI_component_info_t *component = PAPI_get_component_info(i);
        if (component && !is_wanted(component))
            PAPI_disable_component(i);
    }
    const int version = PAPI_library_init(PAPI_VER_CURRENT);
    if (version != PAPI_VER_CURRENT)
        started = version < 0 ? version : PAPI_EINVAL;
    else
        started = PAPI_thread_init(thread_number);
}

int nastl_papi_start(void)
{
    pthread_once(&once, start);
    return started;
}

/* ---- counting ---------------------------------------------------------------------- */

/* PAPI's status of counting this thread's cycles for a millisecond. */
static int count_cycles(long long *cycles)
{
    int set = PAPI_NULL;
    int status = PAPI_create_eventset(&set);
    if (status != PAPI_OK)
        return status;
    status = PAPI_add_named_event(set, "PAPI_TOT_CYC");
    if (status == PAPI_OK)
        status = PAPI_start(set);
    if (status == PAPI_OK) {
        const double end = nastl_clock_seconds() + 1e-3;
        while (nastl_clock_seconds() < end)
            ;
        status = PAPI_stop(set, cycles);
    }
    PAPI_cleanup_eventset(set);
    PAPI_destroy_eventset(&set);
    return status;
}

static void explain(char reason[NASTL_COUNTERS_REASON], const char *why)
{
    const long paranoid = nastl_sysfs_paranoid(2);
    if (paranoid >= 0)
        snprintf(reason, NASTL_COUNTERS_REASON,
                 "kernel.perf_event_paranoid is %ld; sudo sysctl "
                 "kernel.perf_event_paranoid=2 lets a user count",
                 paranoid);
    else if (nastl_sysfs_is_virtual())
        snprintf(reason, NASTL_COUNTERS_REASON,
                 "this virtual machine has none (%s); run on the machine itself, or "
                 "give the virtual machine a PMU",
                 why);
    else
        snprintf(reason, NASTL_COUNTERS_REASON,
                 "PAPI cannot count cycles (%s); papi_avail lists what it can", why);
}

bool nastl_counters_probe(char reason[NASTL_COUNTERS_REASON])
{
    long long cycles = 0;
    reason[0] = '\0';
    int status = nastl_papi_start();
    if (status == PAPI_OK)
        status = count_cycles(&cycles);
    if (status != PAPI_OK)
        explain(reason, PAPI_strerror(status));
    else if (cycles <= 0)
        explain(reason, "the counter stands still");
    return reason[0] == '\0';
}
