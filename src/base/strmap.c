/* strmap.c: uthash with memory from base/alloc.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/strmap.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM   1
#define uthash_malloc(size) nastl_alloc(1, (size))
#include <uthash.h>

struct strmap_entry {
    int64_t value;
    UT_hash_handle hh;
    char key[];
};

void nastl_strmap_init(struct nastl_strmap *map)
{
    map->entries = NULL;
}

void nastl_strmap_finish(struct nastl_strmap *map)
{
    struct strmap_entry *entry, *next;
    HASH_ITER (hh, map->entries, entry, next) {
        HASH_DEL(map->entries, entry);
        free(entry);
    }
}

static struct strmap_entry *find(const struct nastl_strmap *map, const char *key,
                                 size_t length)
{
    struct strmap_entry *entry = NULL;
    HASH_FIND(hh, map->entries, key, length, entry);
    return entry;
}

int64_t nastl_strmap_get(const struct nastl_strmap *map, const char *key, size_t length,
                         int64_t missing)
{
    const struct strmap_entry *entry = find(map, key, length);
    return entry ? entry->value : missing;
}

int nastl_strmap_set(struct nastl_strmap *map, const char *key, size_t length,
                     int64_t value)
{
    struct strmap_entry *entry = find(map, key, length);
    if (entry) {
        entry->value = value;
        return NASTL_OK;
    }
    entry = nastl_alloc_zero(1, sizeof *entry + length + 1);
    if (!entry)
        return nastl_error_nomem("a map");
    memcpy(entry->key, key, length);
    entry->value = value;
    HASH_ADD_KEYPTR(hh, map->entries, entry->key, length, entry);
    if (!entry->hh.tbl) {
        free(entry);
        return nastl_error_nomem("a map");
    }
    return NASTL_OK;
}
