/* domain.c: the two domains.
 *
 * Spacing, mast heights and carriers follow table 7.2-1 of TR 38.901 and its calibration
 * cases; the shares of users and the loads are ours: many vehicles and busy cells under
 * macro masts, mostly pedestrians and idle cells in the street.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cell/domain.h"

#include <stddef.h>

const struct nastl_cell_domain nastl_cell_domain_table[] = {
    {
        .name = "macro",
        .scenario = NASTL_CELL_UMA,
        .sectors = 3,
        .spacing = 500,
        .mast = 25,
        .carrier = 2.0,
        .bandwidth = 20,
        .subcarriers = 1200,
        .subcarrier = 15,
        .power = 46,
        .gain = 14,
        .load = 0.55,
        .load_spread = 0.8,
        .load_swing = 0.4,
        .load_memory = 15,
        .travellers = {0.25, 0.15, 0.60},
        .terminals = {0.15, 0.60, 0.25},
        .speed = {1.4, 5.0, 14.0},
    },
    {
        .name = "small",
        .scenario = NASTL_CELL_UMI,
        .sectors = 1,
        .spacing = 200,
        .mast = 10,
        .carrier = 3.5,
        .bandwidth = 40,
        .subcarriers = 1272,
        .subcarrier = 30,
        .power = 30,
        .gain = 5,
        .load = 0.5,
        .load_spread = 0.9,
        .load_swing = 0.5,
        .load_memory = 10,
        .travellers = {0.65, 0.20, 0.15},
        .terminals = {0.35, 0.50, 0.15},
        .speed = {1.2, 4.0, 8.0},
    },
    {.name = NULL},
};
