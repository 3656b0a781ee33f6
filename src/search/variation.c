/* variation.c: see variation.h.
 *
 * Of the two children that the paper's crossover makes, one is made here, either with the
 * same probability. A mutated INT or stepped value moves by one step at least: rounding
 * would undo most mutations of a dimension with few values.
 * SPDX-License-Identifier: Apache-2.0 */
#include "search/variation.h"

#include <math.h>

/* The larger, the nearer are children to their parents. The paper of NSGA-II has 20 and
 * 20; on ZDT1 to 3 with 5,000 trials, 10 and 10 came nearer to the front in every one. */
static const double eta_cross = 10, eta_mutate = 10;
static const double equal_units = 1e-14;

static bool flip(struct nastl_rng *rng)
{
    return nastl_rng_uniform(rng) < 0.5;
}

static double clamp_unit(double unit)
{
    return unit < 0 ? 0 : unit > 1 ? 1 : unit;
}

/* ---- crossover --------------------------------------------------------------------- */

/* The spread of a child towards a bound that is `room` away from the nearer parent:
 *   alpha = 2 - (1 + 2 room / gap)^-(eta + 1)
 *   beta = (u alpha)^(1 / (eta + 1))        for u <= 1 / alpha
 *          (1 / (2 - u alpha))^(1 / (eta + 1)) beyond */
static double spread(double room, double gap, double u)
{
    const double power = 1 / (eta_cross + 1);
    const double alpha = 2 - pow(1 + 2 * room / gap, -(eta_cross + 1));
    const double at = u * alpha;
    return at <= 1 ? pow(at, power) : pow(1 / (2 - at), power);
}

/* low, high = ((x + y) -+ beta (y - x)) / 2 for units x < y of the parents */
static double cross_units(struct nastl_rng *rng, double a, double b)
{
    const double x = fmin(a, b), y = fmax(a, b), gap = y - x;
    const double u = nastl_rng_uniform(rng);
    const bool is_low = flip(rng);
    const double beta = spread(is_low ? x : 1 - y, gap, u);
    return clamp_unit((x + y + (is_low ? -beta : beta) * gap) / 2);
}

void nastl_vary_cross(const struct nastl_space *space, struct nastl_rng *rng,
                      struct nastl_point *child, const struct nastl_point *a,
                      const struct nastl_point *b)
{
    nastl_point_copy(child, a, space);
    for (size_t i = 0; i < nastl_space_dims(space); i++) {
        const struct nastl_dim *dim = nastl_space_dim(space, i);
        if (dim->fixed || flip(rng))
            continue;
        child->value[i] = b->value[i];
        const double x = nastl_dim_to_unit(dim, a->value[i]);
        const double y = nastl_dim_to_unit(dim, b->value[i]);
        if (dim->kind != NASTL_DIM_CHOICE && fabs(x - y) > equal_units)
            child->value[i] = nastl_dim_from_unit(dim, cross_units(rng, x, y));
    }
}

/* ---- mutation ---------------------------------------------------------------------- */

/* Bounded polynomial mutation of x in [0, 1]:
 *   delta = (2 u + (1 - 2 u) (1 - x)^(eta + 1))^(1 / (eta + 1)) - 1          for u < 1/2
 *   delta = 1 - (2 (1 - u) + (2 u - 1) x^(eta + 1))^(1 / (eta + 1))          beyond */
static double mutate_unit(struct nastl_rng *rng, double x)
{
    const double power = eta_mutate + 1;
    const double u = nastl_rng_uniform(rng);
    const double delta =
        u < 0.5 ? pow(2 * u + (1 - 2 * u) * pow(1 - x, power), 1 / power) - 1
                : 1 - pow(2 * (1 - u) + (2 * u - 1) * pow(x, power), 1 / power);
    return clamp_unit(x + delta);
}

/* The neighbouring value in the direction of the mutation, or the other one at a bound.
 */
static double next_step(const struct nastl_dim *dim, double value, bool is_up)
{
    const double step = dim->step > 0 ? dim->step : 1;
    const double next = value + (is_up ? step : -step);
    const bool is_inside = next >= dim->low && next <= dim->high;
    return is_inside ? next : value + (is_up ? -step : step);
}

static double mutate_number(const struct nastl_dim *dim, struct nastl_rng *rng,
                            double value)
{
    const double unit = nastl_dim_to_unit(dim, value);
    const double mutant = mutate_unit(rng, unit);
    const double mutated = nastl_dim_from_unit(dim, mutant);
    const bool has_steps = dim->kind == NASTL_DIM_INT || dim->step > 0;
    return has_steps && mutated == value ? next_step(dim, value, mutant > unit) : mutated;
}

static double mutate_choice(const struct nastl_dim *dim, struct nastl_rng *rng,
                            double value)
{
    const double other = (double)nastl_rng_below(rng, dim->count - 1);
    return other < value ? other : other + 1;
}

static bool may_mutate(const struct nastl_space *space, const struct nastl_point *point,
                       size_t i)
{
    return point->active[i] && !nastl_space_dim(space, i)->fixed;
}

/* The n-th dimension that may mutate. */
static size_t nth(const struct nastl_space *space, const struct nastl_point *point,
                  size_t n)
{
    size_t i = 0;
    while (!may_mutate(space, point, i) || n-- > 0)
        i++;
    return i;
}

static void mutate_dim(const struct nastl_space *space, struct nastl_rng *rng,
                       struct nastl_point *point, size_t i)
{
    const struct nastl_dim *dim = nastl_space_dim(space, i);
    const bool is_choice = dim->kind == NASTL_DIM_CHOICE;
    point->value[i] =
        (is_choice ? mutate_choice : mutate_number)(dim, rng, point->value[i]);
}

void nastl_vary_mutate(const struct nastl_space *space, struct nastl_rng *rng,
                       struct nastl_point *point, size_t least)
{
    size_t most = 0, mutated = 0;
    for (size_t i = 0; i < nastl_space_dims(space); i++)
        most += may_mutate(space, point, i);
    for (size_t i = 0; i < nastl_space_dims(space); i++)
        if (may_mutate(space, point, i) && nastl_rng_uniform(rng) * (double)most < 1) {
            mutate_dim(space, rng, point, i);
            mutated++;
        }
    for (; most > 0 && mutated < least; mutated++)
        mutate_dim(space, rng, point,
                   nth(space, point, (size_t)nastl_rng_below(rng, most)));
}
