/* mobility.c: see mobility.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cell/mobility.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

/* How each kind of traveller moves. */
static const struct {
    double memory;    /* s, of the speed */
    double variation; /* sd of the speed as a share of its mean */
    double turn;      /* rad after one second, sd of the heading */
} habits[] = {
    [NASTL_CELL_PEDESTRIAN] = {5, 0.25, 0.30},
    [NASTL_CELL_CYCLIST] = {8, 0.25, 0.15},
    [NASTL_CELL_CAR] = {12, 0.35, 0.08},
};
_Static_assert(sizeof habits / sizeof *habits == NASTL_CELL_TRAVELLER_COUNT,
               "one row a traveller");

void nastl_cell_mover_start(struct nastl_cell_mover *out,
                            const struct nastl_cell_area *area,
                            enum nastl_cell_traveller traveller, double mean,
                            struct nastl_rng *rng)
{
    out->traveller = traveller;
    out->x = area->width * nastl_rng_uniform(rng);
    out->y = area->height * nastl_rng_uniform(rng);
    out->heading = 2 * pi * nastl_rng_uniform(rng);
    out->mean = mean * (0.8 + 0.4 * nastl_rng_uniform(rng));
    out->speed = out->mean;
}

static double wrap(double x, double size)
{
    x = fmod(x, size);
    return x < 0 ? x + size : x;
}

/* v' = a v + (1 - a) mean + sqrt(1 - a^2) sd n, a = exp(-dt / memory), never below 0;
 * the heading wanders: h' = h + turn sqrt(dt) n. */
double nastl_cell_mover_step(struct nastl_cell_mover *mover,
                             const struct nastl_cell_area *area, double seconds,
                             struct nastl_rng *rng)
{
    const double a = exp(-seconds / habits[mover->traveller].memory);
    const double sd = habits[mover->traveller].variation * mover->mean;
    const double drawn = a * mover->speed + (1 - a) * mover->mean +
                         sqrt(1 - a * a) * sd * nastl_rng_normal(rng);
    mover->speed = fmax(drawn, 0);
    mover->heading +=
        habits[mover->traveller].turn * sqrt(seconds) * nastl_rng_normal(rng);
    const double way = mover->speed * seconds;
    mover->x = wrap(mover->x + way * cos(mover->heading), area->width);
    mover->y = wrap(mover->y + way * sin(mover->heading), area->height);
    return way;
}

static double shortest(double difference, double size)
{
    return difference - size * rint(difference / size);
}

void nastl_cell_way(double *dx, double *dy, const struct nastl_cell_area *area,
                    double from_x, double from_y, double to_x, double to_y)
{
    *dx = shortest(to_x - from_x, area->width);
    *dy = shortest(to_y - from_y, area->height);
}
