/* space.c: a space once it is read: its dimensions, its constraints, its size.
 * SPDX-License-Identifier: Apache-2.0 */
#include "space/space_impl.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* search_spaces/default.yaml, made into an array by scripts/embed. */
extern const char nastl_default_space[];
extern const size_t nastl_default_space_size;

/* ---- life -------------------------------------------------------------------------- */

int nastl_space_create(struct nastl_space **out,
                       const struct nastl_vocabulary *vocabulary)
{
    struct nastl_space *space = nastl_alloc_zero(1, sizeof *space);
    if (!space)
        return nastl_error_nomem("a space");
    nastl_arena_init(&space->arena);
    space->vocabulary = vocabulary;
    *out = space;
    return NASTL_OK;
}

void nastl_space_destroy(struct nastl_space *space)
{
    if (!space)
        return;
    nastl_arena_finish(&space->arena);
    free(space->dims);
    free(space->constraints);
    free(space);
}

int nastl_space_default(struct nastl_space **out)
{
    return nastl_space_parse(out, nastl_default_space, nastl_default_space_size,
                             "default.yaml");
}

const char *nastl_space_name(const struct nastl_space *space)
{
    return space->name;
}

/* ---- dimensions -------------------------------------------------------------------- */

int nastl_space_add_dim(struct nastl_space *space, struct space_dim *dim)
{
    struct space_dim **dims =
        nastl_alloc_resize(space->dims, space->count + 1, sizeof *dims);
    if (!dims)
        return nastl_error_nomem("a space");
    space->dims = dims;
    dim->index = space->count;
    dims[space->count++] = dim;
    return NASTL_OK;
}

size_t nastl_space_dims(const struct nastl_space *space)
{
    return space->count;
}

const struct nastl_dim *nastl_space_dim(const struct nastl_space *space, size_t i)
{
    return &space->dims[i]->dim;
}

double nastl_dim_number(const struct nastl_dim *dim, double value)
{
    return dim->kind == NASTL_DIM_CHOICE ? dim->choices[(size_t)value].number : value;
}

const char *nastl_dim_text(const struct nastl_dim *dim, double value)
{
    return dim->kind == NASTL_DIM_CHOICE ? dim->choices[(size_t)value].text : NULL;
}

/* ---- fixing ------------------------------------------------------------------------ */

static bool accepts(const struct nastl_key *key, const struct nastl_choice *value)
{
    if (key->type == NASTL_KEY_WORD)
        return value->text && nastl_key_has_word(key, value->text);
    const bool whole = value->number == floor(value->number);
    return !value->text && value->number >= key->low && value->number <= key->high &&
           (whole || key->type == NASTL_KEY_FLOAT);
}

static bool is_named(const struct space_dim *dim, const char *key)
{
    return strcmp(dim->dim.key, key) == 0 || strcmp(dim->base, key) == 0;
}

/* How many layers have dimensions, if `dim` counts layers. */
static double most_layers(const struct nastl_space *space, const struct space_dim *dim)
{
    double most = -1.0;
    for (size_t i = 0; i < space->count; i++)
        if (space->dims[i]->layers == dim)
            most = fmax(most, (double)space->dims[i]->layer);
    return most < 0.0 ? INFINITY : most + 1.0;
}

static int check_fix(const struct nastl_space *space, const char *key,
                     const struct nastl_choice *value)
{
    bool found = false;
    for (size_t i = 1; i < space->count; i++) {
        const struct space_dim *dim = space->dims[i];
        if (!is_named(dim, key))
            continue;
        if (!accepts(dim->key, value) || value->number > most_layers(space, dim))
            return nastl_error(NASTL_EINVAL,
                               "space: key '%s' cannot be fixed at this value; take one "
                               "that it accepts",
                               key);
        found = true;
    }
    if (!found)
        return nastl_error(NASTL_EINVAL,
                           "space: it has no key '%s' to fix; name one of its keys", key);
    return NASTL_OK;
}

int nastl_space_fix(struct nastl_space *space, const char *key, const char *text,
                    double number)
{
    const struct nastl_choice value = {text, text ? 0.0 : number};
    TRY(check_fix(space, key, &value));
    struct nastl_choice *choice = nastl_arena_alloc(&space->arena, 1, sizeof *choice);
    if (!choice)
        return nastl_error_nomem("a space");
    choice->number = value.number;
    choice->text = nastl_arena_strdup(&space->arena, text);
    if (text && !choice->text)
        return nastl_error_nomem("a space");
    for (size_t i = 1; i < space->count; i++)
        if (is_named(space->dims[i], key))
            space->dims[i]->dim = (struct nastl_dim){.key = space->dims[i]->dim.key,
                                                     .kind = NASTL_DIM_CHOICE,
                                                     .fixed = true,
                                                     .choices = choice,
                                                     .count = 1};
    return nastl_space_measure(space);
}

static size_t choice_of(const struct nastl_dim *dim, const char *text)
{
    size_t at = 0;
    while (at < dim->count &&
           (!dim->choices[at].text || strcmp(dim->choices[at].text, text) != 0))
        at++;
    return at;
}

static int drop_choice(struct nastl_space *space, struct nastl_dim *dim, size_t at)
{
    struct nastl_choice *left =
        nastl_arena_alloc(&space->arena, dim->count, sizeof *left);
    if (!left)
        return nastl_error_nomem("a space");
    memcpy(left, dim->choices, at * sizeof *left);
    memcpy(left + at, dim->choices + at + 1, (dim->count - at - 1) * sizeof *left);
    dim->choices = left;
    dim->count--;
    dim->high = (double)(dim->count - 1);
    dim->fixed = dim->count == 1;
    return NASTL_OK;
}

int nastl_space_drop(struct nastl_space *space, const char *key, const char *text)
{
    for (size_t i = 1; i < space->count; i++) {
        struct nastl_dim *dim = &space->dims[i]->dim;
        const size_t at = choice_of(dim, text);
        if (!is_named(space->dims[i], key) || at == dim->count)
            continue;
        if (dim->count == 1)
            return nastl_error(NASTL_EINVAL,
                               "space: '%s' is all that key '%s' may be; add a choice",
                               text, key);
        TRY(drop_choice(space, dim, at));
    }
    return nastl_space_measure(space);
}

/* ---- size -------------------------------------------------------------------------- */

size_t nastl_space_searched(const struct nastl_space *space)
{
    size_t searched = 0;
    for (size_t i = 0; i < space->count; i++)
        searched += !space->dims[i]->dim.fixed;
    return searched;
}

double nastl_space_size(const struct nastl_space *space)
{
    return space->size;
}

/* Counting candidates: dimensions that conditions name are walked through value by value,
 * all others multiply. */
struct counter {
    const struct nastl_space *space;
    struct nastl_point *point;
    bool *is_walked; /* (dims) */
    size_t left;     /* steps until it gives up */
};

static void mark_walked(struct counter *c, const struct space_dim *dim)
{
    const struct nastl_node *name = dim->when ? dim->when->names : NULL;
    if (dim->layers)
        c->is_walked[dim->layers->index] = true;
    for (; name; name = name->next_name)
        for (size_t i = 0; i < name->dim_count; i++)
            c->is_walked[name->dims[i]->index] = true;
}

/* Candidates by the dimensions from i on, those before being as in the point. */
static double count_from(struct counter *c, size_t i)
{
    if (i == c->space->count)
        return 1.0;
    const struct space_dim *dim = c->space->dims[i];
    const double values = nastl_dim_values(&dim->dim);
    c->point->active[i] = nastl_point_decides(c->point, dim);
    if (!c->point->active[i])
        return count_from(c, i + 1);
    if (!c->is_walked[i])
        return values * count_from(c, i + 1);
    double total = 0.0;
    for (double at = 0.0; at < values && c->left > 0; at++) {
        c->left--;
        c->point->value[i] = nastl_dim_at(&dim->dim, at);
        total += count_from(c, i + 1);
    }
    return total;
}

static double product(const struct nastl_space *space)
{
    double size = 1.0;
    for (size_t i = 0; i < space->count; i++)
        size *= nastl_dim_values(&space->dims[i]->dim);
    return size;
}

int nastl_space_measure(struct nastl_space *space)
{
    struct counter c = {.space = space, .left = 100000};
    space->size = product(space);
    if (isinf(space->size))
        return NASTL_OK;
    TRY(nastl_point_create(&c.point, space));
    c.is_walked = nastl_alloc_zero(space->count, sizeof *c.is_walked);
    if (!c.is_walked) {
        nastl_point_destroy(c.point);
        return nastl_error_nomem("a space");
    }
    c.is_walked[0] = true;
    for (size_t i = 0; i < space->count; i++)
        mark_walked(&c, space->dims[i]);
    const double size = count_from(&c, 0);
    if (c.left > 0)
        space->size = size;
    free(c.is_walked);
    nastl_point_destroy(c.point);
    return NASTL_OK;
}

/* ---- constraints ------------------------------------------------------------------- */

int nastl_space_add_constraint(struct nastl_space *space,
                               const struct nastl_expression *expression)
{
    const struct nastl_expression **constraints = nastl_alloc_resize(
        space->constraints, space->constraint_count + 1, sizeof *constraints);
    if (!constraints)
        return nastl_error_nomem("a constraint");
    space->constraints = constraints;
    constraints[space->constraint_count++] = expression;
    return NASTL_OK;
}

int nastl_space_constrain(struct nastl_space *space, const char *expression)
{
    const struct nastl_expression *parsed;
    size_t column;
    const int status =
        nastl_expression_parse(&parsed, space, expression, NASTL_USE_CONSTRAINT, &column);
    if (status == NASTL_EFORMAT)
        return nastl_error_prefix(NASTL_EINVAL, "constraint '%.200s': column %zu",
                                  expression, column + 1);
    TRY(status);
    return nastl_space_add_constraint(space, parsed);
}

size_t nastl_space_constraints(const struct nastl_space *space)
{
    return space->constraint_count;
}

const char *nastl_space_constraint_text(const struct nastl_space *space, size_t i)
{
    return space->constraints[i]->text;
}

const char *const *nastl_space_measured_names(void)
{
    return nastl_measured_names;
}

/* Whether `node` is the first of its name in the expression. */
static bool is_first(const struct nastl_expression *expression,
                     const struct nastl_node *node)
{
    const struct nastl_node *name = expression->names;
    while (strcmp(name->text, node->text) != 0)
        name = name->next_name;
    return name == node;
}

size_t nastl_space_constraint_names(const struct nastl_space *space, size_t i,
                                    const char **names, size_t most)
{
    const struct nastl_expression *expression = space->constraints[i];
    const struct nastl_node *name = expression->names;
    size_t count = 0;
    for (; name; name = name->next_name) {
        if (!name->measured || !is_first(expression, name))
            continue;
        if (count < most)
            names[count] = name->text;
        count++;
    }
    return count;
}

enum nastl_verdict nastl_space_check(const struct nastl_space *space, size_t i,
                                     const struct nastl_candidate *candidate,
                                     nastl_lookup lookup, void *payload,
                                     double *violation)
{
    const struct nastl_scope scope = {
        .candidate = candidate, .lookup = lookup, .payload = payload};
    const struct nastl_truth truth =
        nastl_expression_check(space->constraints[i], &scope);
    const bool violated = truth.state == NASTL_KNOWN && !truth.holds;
    *violation = violated ? truth.violation : 0.0;
    if (truth.state == NASTL_UNKNOWN)
        return NASTL_UNDECIDED;
    return violated ? NASTL_VIOLATED : NASTL_HOLDS;
}
