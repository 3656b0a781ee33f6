/* backend.h: what reads joules. The gate and the protocol of energy.c know no more of a
 * counter than this; the tests bring counters of their own.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef METER_BACKEND_H
#define METER_BACKEND_H

#include "meter/energy.h"

enum { NASTL_ENERGY_SOURCE = 64 };

struct nastl_energy_backend {
    /* NASTL_ENOTSUP: not on this machine, with the reason and the remedy. */
    int (*open)(void **state, char source[NASTL_ENERGY_SOURCE]);
    int (*read)(double *joules, void *state); /* of all packages, since open */
    void (*close)(void *state);
};

/* energy_papi.c, or energy_none.c in a build without PAPI. */
extern const struct nastl_energy_backend nastl_energy_papi;

/* nastl_energy_open() with another counter, which passes the same gate. */
int nastl_energy_open_with(struct nastl_energy **out,
                           const struct nastl_energy_backend *backend);

#endif
