/* radio.h: what one user's terminal hears from all cells while the user moves.
 *
 *   sites on a hexagonal grid   o   o   o      every site sees the user over path loss,
 *   (a torus, 3 x 4)              o   o   o    line of sight and shadowing of its own,
 *                               o   o   o      all correlated along the user's way;
 *                                 o   o   o    cell = site * sectors + sector
 *
 * Measured values pass the layer-3 filter of 3GPP TS 36.331, 5.5.3.2; a handover follows
 * event A3 held for the time to trigger.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CELL_RADIO_H
#define CELL_RADIO_H

#include "cell/mobility.h"

enum {
    NASTL_CELL_SITES = 12,
    NASTL_CELL_CELLS = 3 * NASTL_CELL_SITES, /* at most */
    NASTL_CELL_NEIGHBOURS = 3
};

/* The state of the air around one user. */
struct nastl_cell_radio {
    const struct nastl_cell_domain *domain;
    struct nastl_cell_area area;
    double site_x[NASTL_CELL_SITES], site_y[NASTL_CELL_SITES]; /* m */
    double sight[NASTL_CELL_SITES];  /* standard normal; small: in line of sight */
    double shadow[NASTL_CELL_SITES]; /* standard normal */
    bool in_sight[NASTL_CELL_SITES];
    int cells;
    double usual[NASTL_CELL_CELLS]; /* logits: a cell's load in the long run */
    double swing[NASTL_CELL_CELLS]; /* logits: around it */
    double load[NASTL_CELL_CELLS];  /* 0 to 1, used by others */
    double level[NASTL_CELL_CELLS]; /* dBm a subcarrier, at the user */
    double power[NASTL_CELL_CELLS]; /* the same in mW */
    double rsrp[NASTL_CELL_CELLS];  /* dBm, filtered */
    double rsrq, sinr;              /* dB of the serving cell, filtered */
    double fading;                  /* dB: what the terminal makes of its SINR */
    int serving, better_for;        /* cell; ticks in which A3 held */
    double since;                   /* s since the last handover */
    enum nastl_cell_terminal terminal;
};

/* What stands in a measurement report, and what becomes of the user. */
struct nastl_cell_tick {
    double rsrp, rsrq, sinr; /* dBm, dB, dB: filtered, in the steps of a report */
    double neighbour[NASTL_CELL_NEIGHBOURS]; /* dB to the serving cell; NaN: not heard */
    double load;                             /* of the serving cell, 0 to 1 */
    double distance;                         /* m to the serving site */
    double since;                            /* s since the last handover */
    double speed;                            /* m/s */
    double rate;                             /* Mbit/s that the user would get */
    bool better; /* a neighbour exceeds the serving cell by 3 dB (A3) */
};

/* The metres of a domain's torus. */
struct nastl_cell_area nastl_cell_area_of(const struct nastl_cell_domain *domain);

/* Places the sites, draws the loads and attaches the user to the strongest cell. */
void nastl_cell_radio_start(struct nastl_cell_radio *out,
                            const struct nastl_cell_domain *domain,
                            const struct nastl_cell_mover *mover,
                            enum nastl_cell_terminal terminal, struct nastl_rng *rng);

/* One tick later, `moved` metres on. */
void nastl_cell_radio_step(struct nastl_cell_tick *out, struct nastl_cell_radio *radio,
                           const struct nastl_cell_mover *mover, double moved,
                           double seconds, struct nastl_rng *rng);

/* bit/s/Hz of a terminal with up to `layers` layers: Shannon's bound, attenuated and
 * truncated (TR 36.942, annex A.2), `sinr` linear. */
double nastl_cell_efficiency(double sinr, int layers);

/* The channel quality indicator, 0 to 15 (TS 36.213, table 7.2.3-1). */
int nastl_cell_cqi(double sinr);

#endif
