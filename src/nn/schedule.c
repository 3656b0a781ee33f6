/* schedule.c: how a learning rate, dropout or weight decay changes over a training.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/optim.h"

#include <math.h>
#include <string.h>

static const double PI = 3.14159265358979323846;

static const char *const names[] = {"constant", "cosine", "flat_cosine", "coslog4"};
_Static_assert(sizeof names / sizeof *names == NASTL_SCHEDULE_COUNT, "one a schedule");

int nastl_schedule_from_name(const char *name)
{
    for (int i = 0; i < NASTL_SCHEDULE_COUNT; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

/* From 1 at t = 0 to 0 at t = 1 (Loshchilov and Hutter 2017). */
static double cosine(double t)
{
    return 0.5 * (1.0 + cos(PI * fmin(t, 1.0)));
}

double nastl_schedule_at(enum nastl_schedule schedule, double t)
{
    switch (schedule) {
    case NASTL_SCHEDULE_COSINE:
        return cosine(t);
    case NASTL_SCHEDULE_FLAT_COSINE: /* as coslog4, of Holzmüller et al. 2024 */
        return t < 0.5 ? 1.0 : cosine(2.0 * t - 1.0);
    case NASTL_SCHEDULE_COSLOG4:
        return 0.5 * (1.0 - cos(2.0 * PI * log2(1.0 + 15.0 * fmin(t, 1.0))));
    default:
        return 1.0;
    }
}

double nastl_schedule_factor(const struct nastl_recipe *recipe, uint64_t step,
                             size_t epoch_steps)
{
    const double steps = (double)epoch_steps;
    const double warm = steps * (double)recipe->warmup_epochs;
    const double rest = steps * (double)recipe->max_epochs - warm;
    if ((double)step < warm)
        return ((double)step + 1.0) / warm;
    const double t = rest > 0.0 ? ((double)step - warm) / rest : 0.0;
    return nastl_schedule_at(recipe->schedule, t);
}
