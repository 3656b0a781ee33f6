/* spec.h: what a space says about one key: a value, {choice: …}, {int: …}, {float: …}.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPACE_SPEC_H
#define SPACE_SPEC_H

#include "base/arena.h"
#include "io/yaml.h"
#include "space/keys.h"
#include "space/space.h"

struct nastl_spec {
    bool given; /* false: this is the default */
    enum nastl_dim_kind kind;
    double low, high, step;
    bool log;
    const struct nastl_choice *choices; /* CHOICE; a fixed value is one choice */
    size_t count;
    bool per_layer;                /* one dimension a layer */
    bool listed;                   /* choice i is the fixed value of layer i */
    const struct nastl_yaml *when; /* NULL: none */
};

/* Where it is read: `path` is the key as messages name it, "mlp.width". */
struct nastl_spec_place {
    const struct nastl_yaml_tree *tree;
    struct nastl_arena *arena; /* takes what the spec points to */
    const struct nastl_key *key;
    const char *path;
};

/* `node` NULL gives the key's default. */
int nastl_spec_read(struct nastl_spec *out, const struct nastl_spec_place *place,
                    const struct nastl_yaml *node);

/* NASTL_EFORMAT at `node`, with the path as the key. */
int nastl_spec_error(const struct nastl_spec_place *place, const struct nastl_yaml *node,
                     const char *format, ...) NASTL_PRINTF(3, 4);

#endif
