/* strmap.h: a map from strings to integers; keys are copied. The only user of uthash.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_STRMAP_H
#define BASE_STRMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nastl_strmap {
    struct strmap_entry *entries;
};

void nastl_strmap_init(struct nastl_strmap *map);
void nastl_strmap_finish(struct nastl_strmap *map);

/* The value of a key, or `missing`. `length` bytes of `key` count; it may lack a NUL. */
int64_t nastl_strmap_get(const struct nastl_strmap *map, const char *key, size_t length,
                         int64_t missing);

/* Sets a key; returns a negative status when memory is out. */
int nastl_strmap_set(struct nastl_strmap *map, const char *key, size_t length,
                     int64_t value);

#endif
