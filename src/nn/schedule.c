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

/* Of the factors of the first `epochs` of a course over max_epochs. */
static double sum_of(const struct nastl_recipe *recipe, size_t max_epochs, size_t epochs)
{
    enum { STEPS = 8 }; /* an epoch: the sum is as good as an integral */
    struct nastl_recipe course = *recipe;
    double sum = 0;
    course.max_epochs = max_epochs;
    for (size_t step = 0; step < STEPS * epochs; step++)
        sum += nastl_schedule_factor(&course, step, STEPS);
    return sum / STEPS;
}

size_t nastl_schedule_match(const struct nastl_recipe *recipe, size_t epochs)
{
    if (recipe->schedule == NASTL_SCHEDULE_CONSTANT || epochs == 0)
        return epochs ? epochs : 1;
    const double wanted = sum_of(recipe, recipe->max_epochs, epochs);
    size_t low = 0, high = 4 * epochs; /* of what is too short, or long enough */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (sum_of(recipe, middle, middle) < wanted)
            low = middle;
        else
            high = middle;
    }
    const double less = wanted - sum_of(recipe, low, low);
    return low && less < sum_of(recipe, high, high) - wanted ? low : high;
}
