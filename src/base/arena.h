/* arena.h: memory that is freed all at once: one arena a trial, a parsed file, a plan.
 *
 *   arena -> [chunk | used ... | free] -> [chunk | used ] -> NULL
 *
 * Under AddressSanitizer every allocation is a chunk of its own, so overruns are seen.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct nastl_arena {
    struct arena_chunk *chunks;
};

void nastl_arena_init(struct nastl_arena *arena);
void nastl_arena_finish(struct nastl_arena *arena);

/* Zeroed, NASTL_ALIGN aligned, alive until finish. NULL when memory is out. */
void *nastl_arena_alloc(struct nastl_arena *arena, size_t count, size_t size);
char *nastl_arena_strdup(struct nastl_arena *arena, const char *text);
char *nastl_arena_strndup(struct nastl_arena *arena, const char *text, size_t length);

#endif
