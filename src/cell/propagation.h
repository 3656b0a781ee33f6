/* propagation.h: path loss, line of sight and shadowing of 3GPP TR 38.901, V16.1.0, for
 * users on the street, 1.5 m above the ground.
 *
 * Distances are in metres, losses in dB, carriers in GHz.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CELL_PROPAGATION_H
#define CELL_PROPAGATION_H

#include <stdbool.h>

enum nastl_cell_scenario {
    NASTL_CELL_UMA, /* urban macro */
    NASTL_CELL_UMI, /* urban micro, street canyon */
    NASTL_CELL_SCENARIO_COUNT
};

/* Median loss between a mast and a user at horizontal distance `distance`
 * (table 7.4.1-1). Distances below 10 m count as 10 m. */
double nastl_cell_path_loss(enum nastl_cell_scenario scenario, double distance,
                            double mast, double carrier, bool in_sight);

/* Probability that the user sees the mast (table 7.4.2-1). */
double nastl_cell_sight_probability(enum nastl_cell_scenario scenario, double distance);

/* Standard deviation of the log-normal shadowing (table 7.4.1-1). */
double nastl_cell_shadow_sd(enum nastl_cell_scenario scenario, bool in_sight);

/* The distance over which shadowing decorrelates to 1/e (table 7.5-6). */
double nastl_cell_shadow_distance(enum nastl_cell_scenario scenario, bool in_sight);

/* The same for the state of line of sight (table 7.6.3.1-2). */
double nastl_cell_sight_distance(enum nastl_cell_scenario scenario);

#endif
