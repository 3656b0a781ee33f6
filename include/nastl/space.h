/* space.h: search spaces and the candidates in them.
 *
 * A space is read from YAML (schema nas-tl/space/v1; the grammar is in
 * search_spaces/README.md). It is immutable once read, but for constraints added before
 * use; any number of threads may read it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NASTL_SPACE_H
#define NASTL_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nastl/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nastl_space;

/* Reads a space. NASTL_EFORMAT names file, line, column, the key and what would be
 * accepted. On success the caller owns *out: nastl_space_destroy(). */
NASTL_API int nastl_space_read(struct nastl_space **out, const char *path);
NASTL_API int nastl_space_parse(struct nastl_space **out, const char *text, size_t length,
                                const char *name);
/* The space embedded in the library, search_spaces/default.yaml. */
NASTL_API int nastl_space_default(struct nastl_space **out);
/* A preset: a network and its training that need no search. */
struct nastl_preset {
    const char *name; /* "realmlp" */
    const char *description;
};
/* The presets of this version, from i = 0; NULL beyond the last. */
NASTL_API const struct nastl_preset *nastl_preset_at(size_t i);
/* The space of a preset, in which everything is fixed: the one for labels that are
 * values, or for classes. NASTL_EINVAL names the presets. */
NASTL_API int nastl_space_preset(struct nastl_space **out, const char *name, bool values);
NASTL_API void nastl_space_destroy(struct nastl_space *space);

/* Adds a constraint such as "parameters <= 20000". */
NASTL_API int nastl_space_constrain(struct nastl_space *space, const char *expression);

NASTL_API const char *nastl_space_name(const struct nastl_space *space);
/* How many values are searched (fixed ones not counted), and how many distinct candidates
 * there are, constraints not considered: INFINITY where a float is searched. */
NASTL_API size_t nastl_space_searched(const struct nastl_space *space);
NASTL_API double nastl_space_size(const struct nastl_space *space);

/* One value of a candidate. */
struct nastl_setting {
    char *key;     /* "mlp.width.0" */
    char *text;    /* a string's text, NULL for a number */
    double number; /* a number's value */
};

/* One point of a space: each key it has, fixed ones too, in the space's order. */
struct nastl_candidate {
    struct nastl_setting *settings;
    size_t count;
};

#ifdef __cplusplus
}
#endif
#endif
