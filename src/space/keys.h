/* keys.h: the vocabulary of spaces: which sections and families exist, the keys of each,
 * their types, ranges and defaults. Reading, messages, expressions and the documentation
 * go by these tables alone: a new family is one section more in keys.c.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPACE_KEYS_H
#define SPACE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum nastl_key_type { NASTL_KEY_INT, NASTL_KEY_FLOAT, NASTL_KEY_WORD };

struct nastl_key {
    const char *name; /* "learning_rate" */
    enum nastl_key_type type;
    double low, high;         /* INT and FLOAT; both ends included */
    const char *const *words; /* WORD, NULL-terminated; else NULL */
    const char *fallback;     /* its fixed value where a space does not give the key */
    bool per_layer;           /* takes `per: layer`; the section has a key "layers" */
    const char *help;         /* one sentence, with the unit */
};

/* Tables of keys, sections and families end with an entry whose name is NULL. */
struct nastl_section {
    const char *name; /* "mlp" */
    const char *help;
    const struct nastl_key *keys;
};

struct nastl_vocabulary {
    const struct nastl_section *families; /* its keys count for that family alone */
    const struct nastl_section *shared;   /* input, training, transfer */
    const struct nastl_key *bare;         /* keys outside of sections: ensemble */
};

extern const struct nastl_vocabulary nastl_vocabulary;

/* What a candidate does not say itself but has to be measured: what expressions may name
 * besides keys. NULL-terminated. */
extern const char *const nastl_measured_names[];

bool nastl_key_has_word(const struct nastl_key *key, const char *word);

#endif
