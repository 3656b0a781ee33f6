/* counters.h: hardware counters, by PAPI where the build has it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef METER_COUNTERS_H
#define METER_COUNTERS_H

#include <stdbool.h>

enum { NASTL_COUNTERS_REASON = 256 };

/* Whether cycles can be counted; if not, `reason` says why and how to enable it. */
bool nastl_counters_probe(char reason[NASTL_COUNTERS_REASON]);

/* Starts PAPI once in the process, silently, with no component but perf_event and
 * perf_event_uncore: others read registers that may be missing, and one of them ends the
 * process then. Returns PAPI's status, 0 if it runs. For the files that include papi.h;
 * a build without PAPI has no such function. */
int nastl_papi_start(void);

#endif
