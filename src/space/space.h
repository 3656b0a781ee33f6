/* space.h: a space as a flat list of dimensions, and points in it.
 *
 * Every dimension a candidate can have is listed once, a fixed value as a dimension with
 * one choice, `per: layer` as one dimension a layer up to the largest count. A dimension
 * stands after those its condition needs.
 *
 *   dims    family   mlp.layers  mlp.width.0  mlp.width.1 …  training.learning_rate
 *   value   0 (mlp)  2           64           128            0.003
 *   active  1        1           1            1              1        (mlp.width.2: 0)
 *
 * A point has a value for every dimension, also for inactive ones: crossover and mutation
 * need no special case, and what becomes active again has kept its value. Two points are
 * the same candidate when their active dimensions are.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPACE_SPACE_H
#define SPACE_SPACE_H

#include <nastl/space.h>

#include "base/rng.h"
#include "space/candidate.h"

enum nastl_dim_kind { NASTL_DIM_INT, NASTL_DIM_FLOAT, NASTL_DIM_CHOICE };

struct nastl_choice {
    const char *text; /* NULL: a number */
    double number;
};

struct nastl_dim {
    const char *key; /* "mlp.width.0" */
    enum nastl_dim_kind kind;
    double low, high; /* INT and FLOAT: both ends included; CHOICE: 0 and count - 1 */
    double step;      /* 0: none; values are low + i * step */
    bool log;
    bool fixed; /* one value only */
    bool given; /* the space says something of it; else this is its default */
    const struct nastl_choice *choices;
    size_t count; /* choices */
};

size_t nastl_space_dims(const struct nastl_space *space);
const struct nastl_dim *nastl_space_dim(const struct nastl_space *space, size_t i);

/* Fixes a key of the space at one value, whatever the space said of it, before use: what
 * the data or the call decides (no source: transfer.strategy is scratch). `text` NULL:
 * the number counts. NASTL_EINVAL where there is no such key or it does not accept the
 * value.
 */
int nastl_space_fix(struct nastl_space *space, const char *key, const char *text,
                    double number);

/* Takes a word from what a key may be, before use: what the data rule out. Nothing
 * happens where it is not among the choices. NASTL_EINVAL where it is the only one. */
int nastl_space_drop(struct nastl_space *space, const char *key, const char *text);

struct nastl_point {
    double *value; /* (dims): the number, or the index of the choice */
    bool *active;  /* (dims) */
};

int nastl_point_create(struct nastl_point **out, const struct nastl_space *space);
void nastl_point_destroy(struct nastl_point *point);
void nastl_point_copy(struct nastl_point *to, const struct nastl_point *from,
                      const struct nastl_space *space);

/* Draws every dimension by its distribution: uniform, log-uniform, steps equally likely.
 * Constraints are not looked at. Always takes the same number of draws from `rng`. */
void nastl_space_sample(const struct nastl_space *space, struct nastl_rng *rng,
                        struct nastl_point *point);

/* Snaps every value to what its dimension allows, and decides anew which are active. */
void nastl_space_settle(const struct nastl_space *space, struct nastl_point *point);

/* How many values there are; INFINITY for a FLOAT without a step. */
double nastl_dim_values(const struct nastl_dim *dim);

/* A value as a number in [0, 1], and back. A FLOAT without a step: its place between the
 * ends. Otherwise each value has a cell: of equal length, the value in its middle; with a
 * log scale from half a step below to half a step above, measured in logarithm. */
double nastl_dim_to_unit(const struct nastl_dim *dim, double value);
double nastl_dim_from_unit(const struct nastl_dim *dim, double unit);

/* The same for the same active values. */
uint64_t nastl_point_hash(const struct nastl_space *space,
                          const struct nastl_point *point);

/* The candidate of a point (the caller finishes it), and the point of a candidate:
 * NASTL_EINVAL names the key that the space lacks or the value outside its range. */
int nastl_point_candidate(struct nastl_candidate *out, const struct nastl_space *space,
                          const struct nastl_point *point);
int nastl_point_from_candidate(struct nastl_point *point, const struct nastl_space *space,
                               const struct nastl_candidate *candidate);

/* ---- constraints ---- */

/* Answers names that are no keys of the candidate: parameters, flops, latency, accuracy …
 * Returns false where the name is not (yet) known. */
typedef bool (*nastl_lookup)(double *out, const char *name, void *payload);

enum nastl_verdict {
    NASTL_HOLDS,
    NASTL_VIOLATED,
    NASTL_UNDECIDED /* a name was not known */
};

size_t nastl_space_constraints(const struct nastl_space *space);
const char *nastl_space_constraint_text(const struct nastl_space *space, size_t i);
/* What constraints may name besides keys: objectives. NULL-terminated. */
const char *const *nastl_space_measured_names(void);
/* Names in the constraint that are no keys of the space (each once): what it needs from
 * measuring. Returns the count; fills at most `most`. */
size_t nastl_space_constraint_names(const struct nastl_space *space, size_t i,
                                    const char **names, size_t most);
/* `*violation` is 0 where it holds, else how far it is off, relative to the bound. */
enum nastl_verdict nastl_space_check(const struct nastl_space *space, size_t i,
                                     const struct nastl_candidate *candidate,
                                     nastl_lookup lookup, void *payload,
                                     double *violation);

#endif
