/* point.c: points of a space: drawing, settling, identity, and candidates to and fro.
 * SPDX-License-Identifier: Apache-2.0 */
#include "space/space_impl.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>

/* One block: the point, its values, its flags. */
int nastl_point_create(struct nastl_point **out, const struct nastl_space *space)
{
    const size_t each = sizeof(double) + sizeof(bool);
    struct nastl_point *point = nastl_alloc_zero(1, sizeof *point + space->count * each);
    if (!point)
        return nastl_error_nomem("a point of a space");
    point->value = (double *)(point + 1);
    point->active = (bool *)(point->value + space->count);
    nastl_space_settle(space, point);
    *out = point;
    return NASTL_OK;
}

void nastl_point_destroy(struct nastl_point *point)
{
    free(point);
}

void nastl_point_copy(struct nastl_point *to, const struct nastl_point *from,
                      const struct nastl_space *space)
{
    memcpy(to->value, from->value, space->count * sizeof *to->value);
    memcpy(to->active, from->active, space->count * sizeof *to->active);
}

/* ---- drawing and settling ---------------------------------------------------------- */

void nastl_space_sample(const struct nastl_space *space, struct nastl_rng *rng,
                        struct nastl_point *point)
{
    for (size_t i = 0; i < space->count; i++) {
        const struct nastl_dim *dim = &space->dims[i]->dim;
        if (!dim->fixed)
            point->value[i] = nastl_dim_from_unit(dim, nastl_rng_uniform(rng));
    }
    nastl_space_settle(space, point);
}

static bool has_layer(const struct nastl_point *point, const struct space_dim *dim)
{
    const struct space_dim *layers = dim->layers;
    if (!layers)
        return true;
    const double count = nastl_dim_number(&layers->dim, point->value[layers->index]);
    return point->active[layers->index] && (double)dim->layer < count;
}

bool nastl_point_decides(const struct nastl_point *point, const struct space_dim *dim)
{
    if (dim->family != NASTL_ANY_FAMILY && (double)dim->family != point->value[0])
        return false;
    if (!has_layer(point, dim))
        return false;
    if (!dim->when)
        return true;
    const struct nastl_scope scope = {.point = point};
    const struct nastl_truth truth = nastl_expression_check(dim->when, &scope);
    return truth.state == NASTL_KNOWN && truth.holds;
}

void nastl_space_settle(const struct nastl_space *space, struct nastl_point *point)
{
    for (size_t i = 0; i < space->count; i++) {
        const struct space_dim *dim = space->dims[i];
        point->value[i] = nastl_dim_snap(&dim->dim, point->value[i]);
        point->active[i] = nastl_point_decides(point, dim);
    }
}

/* ---- identity ---------------------------------------------------------------------- */

/* That of the point's candidate, whose order does not count. */
uint64_t nastl_point_hash(const struct nastl_space *space,
                          const struct nastl_point *point)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < space->count; i++) {
        const struct nastl_dim *dim = &space->dims[i]->dim;
        const double value = point->value[i];
        if (point->active[i])
            hash += nastl_setting_hash(dim->key, nastl_dim_text(dim, value),
                                       nastl_dim_number(dim, value));
    }
    return hash;
}

/* ---- candidates -------------------------------------------------------------------- */

int nastl_point_candidate(struct nastl_candidate *out, const struct nastl_space *space,
                          const struct nastl_point *point)
{
    nastl_candidate_init(out);
    for (size_t i = 0; i < space->count; i++) {
        const struct nastl_dim *dim = &space->dims[i]->dim;
        const double value = point->value[i];
        if (!point->active[i])
            continue;
        const int status = nastl_candidate_set(out, dim->key, nastl_dim_text(dim, value),
                                               nastl_dim_number(dim, value));
        if (status < 0) {
            nastl_candidate_finish(out);
            return status;
        }
    }
    return NASTL_OK;
}

static int not_in_space(const struct nastl_setting *setting)
{
    char number[32];
    nastl_number_text(number, setting->number);
    return nastl_error(
        NASTL_EINVAL,
        "candidate: %s of key '%s' is no value of the space; take one from "
        "its range",
        setting->text ? setting->text : number, setting->key);
}

static int find_choice(double *value, const struct nastl_dim *dim,
                       const struct nastl_setting *setting)
{
    for (size_t i = 0; i < dim->count; i++) {
        const struct nastl_choice *choice = &dim->choices[i];
        const bool same =
            setting->text && choice->text
                ? strcmp(setting->text, choice->text) == 0
                : !setting->text && !choice->text && setting->number == choice->number;
        if (same) {
            *value = (double)i;
            return NASTL_OK;
        }
    }
    return not_in_space(setting);
}

static int value_of_setting(double *value, const struct nastl_dim *dim,
                            const struct nastl_setting *setting)
{
    if (dim->kind == NASTL_DIM_CHOICE)
        return find_choice(value, dim, setting);
    if (setting->text || !nastl_dim_allows(dim, setting->number))
        return not_in_space(setting);
    *value = nastl_dim_snap(dim, setting->number);
    return NASTL_OK;
}

static const struct space_dim *find_dim(const struct nastl_space *space, const char *key)
{
    for (size_t i = 0; i < space->count; i++)
        if (strcmp(space->dims[i]->dim.key, key) == 0)
            return space->dims[i];
    return NULL;
}

/* A key must be there exactly where the point has it; a fixed one may be left out. */
static int check_presence(const struct nastl_space *space,
                          const struct nastl_point *point,
                          const struct nastl_candidate *candidate)
{
    for (size_t i = 0; i < space->count; i++) {
        const struct nastl_dim *dim = &space->dims[i]->dim;
        const bool there = nastl_candidate_find(candidate, dim->key) != NULL;
        if (there && !point->active[i])
            return nastl_error(NASTL_EINVAL,
                               "candidate: the space has no key '%s' beside the other "
                               "values; leave it out",
                               dim->key);
        if (!there && point->active[i] && !dim->fixed)
            return nastl_error(NASTL_EINVAL,
                               "candidate: key '%s' is missing; give it a value",
                               dim->key);
    }
    return NASTL_OK;
}

int nastl_point_from_candidate(struct nastl_point *point, const struct nastl_space *space,
                               const struct nastl_candidate *candidate)
{
    for (size_t i = 0; i < space->count; i++)
        point->value[i] = space->dims[i]->dim.low;
    for (size_t i = 0; i < candidate->count; i++) {
        const struct nastl_setting *setting = &candidate->settings[i];
        const struct space_dim *dim = find_dim(space, setting->key);
        if (!dim)
            return nastl_error(NASTL_EINVAL,
                               "candidate: the space has no key '%s'; leave it out",
                               setting->key);
        TRY(value_of_setting(&point->value[dim->index], &dim->dim, setting));
    }
    nastl_space_settle(space, point);
    return check_presence(space, point, candidate);
}
