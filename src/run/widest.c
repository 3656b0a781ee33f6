/* widest.c: see widest.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/widest.h"

#include "base/error.h"
#include "run/trial.h"
#include "transfer/strategy.h"

#include <math.h>
#include <string.h>

/* What training a source may cost: minutes on a core. */
static const double source_flops = 6e12;
enum { EPOCHS_LEAST = 4, NARROWEST = 3 /* tenths of the sizes' ranges */ };

/* ---- a dimension ---------------------------------------------------------------------
 */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static bool has_text(const struct nastl_choice *choice, const char *text)
{
    return choice->text && strcmp(choice->text, text) == 0;
}

/* How wide: sizes at this part of their ranges, from 0 to 1; of numbers to choose from
 * the largest, or the first. */
struct extent {
    double unit;
    bool largest;
};

/* Quantile scaling is the safer one for a network that others start from. */
static double choice_of(const struct nastl_dim *dim, const struct extent *extent)
{
    const bool is_size =
        !starts_with(dim->key, "training.") && !ends_with(dim->key, "dropout");
    size_t best = 0;
    for (size_t i = 0; i < dim->count; i++) {
        const struct nastl_choice *choice = &dim->choices[i];
        if (has_text(choice, "quantile") &&
            strcmp(dim->key, "input.numeric_scaling") == 0)
            return (double)i;
        if (extent->largest && is_size && !choice->text &&
            choice->number > dim->choices[best].number)
            best = i;
    }
    return (double)best;
}

/* Recipes are in the middle of their ranges, dropout is low. */
static double widest_value(const struct nastl_dim *dim, const struct extent *extent)
{
    if (dim->kind == NASTL_DIM_CHOICE)
        return choice_of(dim, extent);
    if (ends_with(dim->key, "dropout"))
        return nastl_dim_from_unit(dim, 0.2);
    if (starts_with(dim->key, "training."))
        return nastl_dim_from_unit(dim, 0.5);
    return extent->unit < 1 ? nastl_dim_from_unit(dim, extent->unit) : dim->high;
}

/* ---- a point -------------------------------------------------------------------------
 */

static size_t find_dim(const struct nastl_space *space, const char *key)
{
    size_t i = 0;
    while (i < nastl_space_dims(space) &&
           strcmp(nastl_space_dim(space, i)->key, key) != 0)
        i++;
    return i;
}

/* Sets a choice by its text, if there is such a dimension and choice. */
static void choose(struct nastl_point *point, const struct nastl_space *space,
                   const char *key, const char *text)
{
    const size_t at = find_dim(space, key);
    if (at == nastl_space_dims(space))
        return;
    const struct nastl_dim *dim = nastl_space_dim(space, at);
    for (size_t i = 0; i < dim->count; i++)
        if (has_text(&dim->choices[i], text))
            point->value[at] = (double)i;
}

static void widest_point(struct nastl_point *point, const struct nastl_space *space,
                         const char *family, const struct extent *extent)
{
    for (size_t i = 0; i < nastl_space_dims(space); i++)
        point->value[i] = widest_value(nastl_space_dim(space, i), extent);
    choose(point, space, "family", family);
    nastl_space_settle(space, point);
}

static int candidate_of(struct nastl_candidate *out, const struct nastl_space *space,
                        const char *family, const struct extent *extent)
{
    struct nastl_point *point;
    TRY(nastl_point_create(&point, space));
    widest_point(point, space, family, extent);
    int status = nastl_point_candidate(out, space, point);
    nastl_point_destroy(point);
    if (status == NASTL_OK)
        status = nastl_candidate_set(out, "transfer.strategy", "scratch", 0);
    if (status == NASTL_OK) /* members start from one network */
        status = nastl_candidate_set(out, "ensemble", NULL, 1);
    return status;
}

/* ---- a candidate ---------------------------------------------------------------------
 */

/* *epochs: how many of them cost what training a source may cost. Not every choice goes
 * with every size: where the largest ones cannot be built, the first ones are taken. */
static int widest_built(struct nastl_candidate *out, double *epochs,
                        const struct nastl_problem *problem, const char *family,
                        double unit)
{
    struct nastl_cost cost;
    int status = NASTL_EINVAL;
    for (int first = 0; first < 2 && status == NASTL_EINVAL; first++) {
        const struct extent extent = {unit, !first};
        nastl_candidate_finish(out);
        TRY(candidate_of(out, problem->space, family, &extent));
        status = nastl_trial_cost(&cost, problem, out);
    }
    TRY(status);
    /* Backward costs twice what forward does. */
    *epochs = source_flops / (3 * cost.flops * (double)problem->source->train_count);
    return NASTL_OK;
}

/* Where rows are many and the widest network is slow, it is trained for fewer epochs, and
 * where these were too few, it is narrower. `out` is initialised. */
int nastl_widest_candidate(struct nastl_candidate *out,
                           const struct nastl_problem *problem, const char *family)
{
    double epochs = 0;
    for (int tenths = 10; tenths >= NARROWEST && epochs < EPOCHS_LEAST; tenths--)
        TRY(widest_built(out, &epochs, problem, family, tenths / 10.0));
    const double most = nastl_candidate_number(out, "training.max_epochs", 100);
    epochs = fmin(fmax(floor(epochs), EPOCHS_LEAST), most);
    return nastl_candidate_set(out, "training.max_epochs", NULL, epochs);
}

/* ---- which families need one --------------------------------------------------------
 */

/* Candidates looked at: conditions may allow a strategy for some of a family only. */
enum { LOOKS = 64 };

/* Whether the point is a candidate of the family that starts from a network. */
static int inherits(bool *out, const struct nastl_point *point,
                    const struct nastl_space *space, const char *family)
{
    struct nastl_candidate candidate;
    nastl_candidate_init(&candidate);
    const int status = nastl_point_candidate(&candidate, space, point);
    *out = strcmp(nastl_candidate_text(&candidate, "family", "mlp"), family) == 0 &&
           nastl_strategy_of(&candidate)->needs_network;
    nastl_candidate_finish(&candidate);
    return status;
}

static int look_at(bool *out, struct nastl_point *point, const struct nastl_space *space,
                   const char *family)
{
    const struct nastl_dim *strategy =
        nastl_space_dim(space, find_dim(space, "transfer.strategy"));
    for (size_t i = 0; i < strategy->count && !*out; i++) {
        choose(point, space, "family", family);
        choose(point, space, "transfer.strategy", strategy->choices[i].text);
        nastl_space_settle(space, point);
        TRY(inherits(out, point, space, family));
    }
    return NASTL_OK;
}

int nastl_widest_is_needed(bool *out, const struct nastl_space *space, const char *family)
{
    struct nastl_point *point;
    struct nastl_rng rng;
    *out = false;
    if (find_dim(space, "transfer.strategy") == nastl_space_dims(space))
        return NASTL_OK;
    TRY(nastl_point_create(&point, space));
    nastl_rng_init(&rng, 0, 0, NASTL_RNG_SEARCH);
    widest_point(point, space, family, &(struct extent){1, true});
    int status = look_at(out, point, space, family);
    for (int i = 0; status == NASTL_OK && !*out && i < LOOKS; i++) {
        nastl_space_sample(space, &rng, point);
        status = look_at(out, point, space, family);
    }
    nastl_point_destroy(point);
    return status;
}

size_t nastl_widest_families(const struct nastl_space *space)
{
    return nastl_space_dim(space, find_dim(space, "family"))->count;
}

const char *nastl_widest_family(const struct nastl_space *space, size_t i)
{
    return nastl_space_dim(space, find_dim(space, "family"))->choices[i].text;
}
