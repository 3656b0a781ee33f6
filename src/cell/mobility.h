/* mobility.h: a user who moves, with a memory of speed and direction.
 *
 * The Gauss-Markov model of Liang and Haas, "Predictive distance-based mobility
 * management for PCS networks", INFOCOM 1999, on a torus: who leaves on one side enters
 * on the other. SPDX-License-Identifier: Apache-2.0 */
#ifndef CELL_MOBILITY_H
#define CELL_MOBILITY_H

#include "base/rng.h"
#include "cell/domain.h"

struct nastl_cell_area {
    double width, height; /* m */
};

struct nastl_cell_mover {
    double x, y;    /* m, inside the area */
    double speed;   /* m/s */
    double heading; /* rad */
    double mean;    /* m/s, this user's own */
    enum nastl_cell_traveller traveller;
};

/* Anywhere in the area, in any direction; `mean` is the mean speed of such travellers. */
void nastl_cell_mover_start(struct nastl_cell_mover *out,
                            const struct nastl_cell_area *area,
                            enum nastl_cell_traveller traveller, double mean,
                            struct nastl_rng *rng);

/* Moves on by `seconds`; returns the metres covered. */
double nastl_cell_mover_step(struct nastl_cell_mover *mover,
                             const struct nastl_cell_area *area, double seconds,
                             struct nastl_rng *rng);

/* The shortest way from one place to another on the torus, each in (-size/2, size/2]. */
void nastl_cell_way(double *dx, double *dy, const struct nastl_cell_area *area,
                    double from_x, double from_y, double to_x, double to_y);

#endif
