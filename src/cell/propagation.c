/* propagation.c: the tables of 3GPP TR 38.901, V16.1.0, that the generator needs.
 *
 * Outdoor users alone: no penetration into buildings, user height 1.5 m, for which the
 * effective environment height is 1 m in both scenarios.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cell/propagation.h"

#include <math.h>

static const double user_height = 1.5;   /* m */
static const double environment = 1.0;   /* m, note 1 of table 7.4.1-1 */
static const double least_distance = 10; /* m, where the formulas begin */
static const double light = 0.3;         /* m/ns, rounded as in the standard */

/* One row a scenario; in brackets [not in sight, in sight] where both differ. */
struct scenario {
    /* in sight: near + slope log10(d) + 20 log10(f), beyond the breakpoint with slope 40
     * and a correction of `bend` */
    double near, slope, bend;
    /* not in sight: far + far_slope log10(d) + far_carrier log10(f) */
    double far, far_slope, far_carrier;
    double sight_decay;        /* m, of the probability of line of sight */
    double shadow_sd[2];       /* dB */
    double shadow_distance[2]; /* m */
    double sight_distance;     /* m */
};

static const struct scenario scenarios[] = {
    [NASTL_CELL_UMA] =
        {28.0, 22.0, 9.0, 13.54, 39.08, 20.0, 63, {6.0, 4.0}, {50, 37}, 50},
    [NASTL_CELL_UMI] = {32.4, 21.0, 9.5, 22.4, 35.3, 21.3, 36, {7.82, 4.0}, {13, 10}, 50},
};
_Static_assert(sizeof scenarios / sizeof *scenarios == NASTL_CELL_SCENARIO_COUNT,
               "one row a scenario");

/* d'BP = 4 h'BS h'UT f / c, heights above the environment. */
static double breakpoint(double mast, double carrier)
{
    return 4 * (mast - environment) * (user_height - environment) * carrier / light;
}

/* PL1 = near + slope log10(d3D) + 20 log10(f), up to the breakpoint;
 * PL2 = near + 40 log10(d3D) + 20 log10(f) - bend log10(d'BP^2 + (hBS - hUT)^2). */
static double loss_in_sight(const struct scenario *s, double ground, double mast,
                            double carrier)
{
    const double rise = mast - user_height;
    const double distance = hypot(ground, rise), bp = breakpoint(mast, carrier);
    if (ground <= bp)
        return s->near + s->slope * log10(distance) + 20 * log10(carrier);
    return s->near + 40 * log10(distance) + 20 * log10(carrier) -
           s->bend * log10(bp * bp + rise * rise);
}

/* PL = max(PL in sight, far + far_slope log10(d3D) + far_carrier log10(f)). */
double nastl_cell_path_loss(enum nastl_cell_scenario scenario, double distance,
                            double mast, double carrier, bool in_sight)
{
    const struct scenario *s = &scenarios[scenario];
    const double ground = fmax(distance, least_distance);
    const double sight = loss_in_sight(s, ground, mast, carrier);
    if (in_sight)
        return sight;
    const double direct = hypot(ground, mast - user_height);
    return fmax(sight,
                s->far + s->far_slope * log10(direct) + s->far_carrier * log10(carrier));
}

/* P = 18/d + exp(-d / decay) (1 - 18/d), 1 up to 18 m. */
double nastl_cell_sight_probability(enum nastl_cell_scenario scenario, double distance)
{
    if (distance <= 18)
        return 1;
    const double near = 18 / distance;
    return near + exp(-distance / scenarios[scenario].sight_decay) * (1 - near);
}

double nastl_cell_shadow_sd(enum nastl_cell_scenario scenario, bool in_sight)
{
    return scenarios[scenario].shadow_sd[in_sight];
}

double nastl_cell_shadow_distance(enum nastl_cell_scenario scenario, bool in_sight)
{
    return scenarios[scenario].shadow_distance[in_sight];
}

double nastl_cell_sight_distance(enum nastl_cell_scenario scenario)
{
    return scenarios[scenario].sight_distance;
}
