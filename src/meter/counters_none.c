/* counters_none.c: counters.h in a build without PAPI.
 * SPDX-License-Identifier: Apache-2.0 */
#include "meter/counters.h"

#include <stdio.h>

bool nastl_counters_probe(char reason[NASTL_COUNTERS_REASON])
{
    snprintf(reason, NASTL_COUNTERS_REASON,
             "this build has no PAPI; install libpapi-dev and build again");
    return false;
}
