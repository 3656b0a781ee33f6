/* space_impl.h: what a space is made of; for the files of this module.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPACE_SPACE_IMPL_H
#define SPACE_SPACE_IMPL_H

#include "base/arena.h"
#include "space/expression.h"
#include "space/keys.h"
#include "space/space.h"

#define NASTL_ANY_FAMILY SIZE_MAX

/* A dimension, and what it takes for it to be active: all that is given here. */
struct space_dim {
    struct nastl_dim dim;
    size_t index; /* in the space's dims */
    const struct nastl_key *key;
    const char *base;         /* "mlp.width" of "mlp.width.0"; else dim.key */
    const char *plain;        /* "width.0": the key without its section */
    const char *plain_base;   /* "width" */
    size_t family;            /* this choice of the family, or NASTL_ANY_FAMILY */
    struct space_dim *layers; /* layer < the value of this dimension, or NULL */
    size_t layer;
    const struct nastl_expression *when; /* this holds, or NULL */
};

struct nastl_space {
    struct nastl_arena arena; /* all that the pointers below point to, but the arrays */
    const char *name;
    const struct nastl_vocabulary *vocabulary;
    struct space_dim **dims; /* [0] is the family */
    size_t count;
    const struct nastl_expression **constraints;
    size_t constraint_count;
    double size; /* of nastl_space_size() */
};

/* ---- space.c ---- */
int nastl_space_create(struct nastl_space **out,
                       const struct nastl_vocabulary *vocabulary);
int nastl_space_add_dim(struct nastl_space *space, struct space_dim *dim);
int nastl_space_add_constraint(struct nastl_space *space,
                               const struct nastl_expression *expression);
int nastl_space_measure(struct nastl_space *space); /* decides its size */

/* The number of a dimension's value: the choice's number for a choice. */
double nastl_dim_number(const struct nastl_dim *dim, double value);
/* The text of a dimension's value, NULL for a number. */
const char *nastl_dim_text(const struct nastl_dim *dim, double value);

/* ---- space_yaml.c ---- */

/* nastl_space_parse() with another vocabulary. */
int nastl_space_parse_with(struct nastl_space **out, const char *text, size_t length,
                           const char *name, const struct nastl_vocabulary *vocabulary);

/* ---- point.c ---- */

/* Whether a dimension is active; those before it have been decided. */
bool nastl_point_decides(const struct nastl_point *point, const struct space_dim *dim);

/* ---- candidate.c ---- */

/* What one setting adds to the hash of a candidate. */
uint64_t nastl_setting_hash(const char *key, const char *text, double number);

/* ---- encode.c ---- */
double nastl_dim_at(const struct nastl_dim *dim, double index); /* a lattice's value */
double nastl_dim_snap(const struct nastl_dim *dim, double value);
/* Whether a value is allowed, up to rounding. */
bool nastl_dim_allows(const struct nastl_dim *dim, double value);

#endif
