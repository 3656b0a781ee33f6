/* domain.h: what makes one cellular domain differ from the other.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CELL_DOMAIN_H
#define CELL_DOMAIN_H

#include "cell/propagation.h"

enum nastl_cell_traveller {
    NASTL_CELL_PEDESTRIAN,
    NASTL_CELL_CYCLIST,
    NASTL_CELL_CAR,
    NASTL_CELL_TRAVELLER_COUNT
};

enum nastl_cell_terminal {
    NASTL_CELL_SENSOR, /* one receive antenna: one spatial layer */
    NASTL_CELL_PHONE,  /* two */
    NASTL_CELL_ROUTER, /* four */
    NASTL_CELL_TERMINAL_COUNT
};

struct nastl_cell_domain {
    const char *name;
    enum nastl_cell_scenario scenario;
    int sectors;        /* a site; 1 is an omnidirectional antenna */
    double spacing;     /* m between sites, hexagonal grid */
    double mast;        /* m */
    double carrier;     /* GHz */
    double bandwidth;   /* MHz */
    double subcarriers; /* in use; spread the power evenly */
    double subcarrier;  /* kHz */
    double power;       /* dBm of a cell */
    double gain;        /* dBi, antenna, in its main direction */

    double load;        /* of a cell, median, 0 to 1 */
    double load_spread; /* of cells and hours, sd in logits */
    double load_swing;  /* within seconds, sd in logits */
    double load_memory; /* s, of the swing */

    double travellers[NASTL_CELL_TRAVELLER_COUNT]; /* shares of users */
    double terminals[NASTL_CELL_TERMINAL_COUNT];   /* shares of users */
    double speed[NASTL_CELL_TRAVELLER_COUNT];      /* m/s, mean */
};

/* Ends with an entry whose name is NULL. */
extern const struct nastl_cell_domain nastl_cell_domain_table[];

#endif
