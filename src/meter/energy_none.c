/* energy_none.c: the counter of a build without PAPI: none.
 * SPDX-License-Identifier: Apache-2.0 */
#include "meter/backend.h"

#include "base/error.h"

static int open_none(void **state, char source[NASTL_ENERGY_SOURCE])
{
    (void)state;
    (void)source;
    return nastl_error(NASTL_ENOTSUP, "energy: this build has no PAPI; install "
                                      "libpapi-dev and build again");
}

const struct nastl_energy_backend nastl_energy_papi = {.open = open_none};
