/* arena.c: chunked bump allocation.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { CHUNK = 0 };
#else
enum { CHUNK = 16384 };
#endif

struct arena_chunk {
    struct arena_chunk *next;
    size_t size, used; /* bytes, of the memory after the header */
    char pad[NASTL_ALIGN - 3 * sizeof(size_t)];
};

_Static_assert(sizeof(struct arena_chunk) == NASTL_ALIGN,
               "the header keeps the alignment");

/* Small things need no cache line of their own. */
static size_t alignment_of(size_t bytes)
{
    return bytes >= NASTL_ALIGN ? NASTL_ALIGN : 16;
}

static size_t align_up(size_t value, size_t to)
{
    return (value + to - 1) / to * to;
}

void nastl_arena_init(struct nastl_arena *arena)
{
    arena->chunks = NULL;
}

void nastl_arena_finish(struct nastl_arena *arena)
{
    while (arena->chunks) {
        struct arena_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
}

static struct arena_chunk *add_chunk(struct nastl_arena *arena, size_t bytes)
{
    const size_t size = bytes > CHUNK ? bytes : CHUNK;
    struct arena_chunk *chunk = nastl_alloc_aligned(1, sizeof *chunk + size);
    if (!chunk)
        return NULL;
    chunk->next = arena->chunks;
    chunk->size = size;
    arena->chunks = chunk;
    return chunk;
}

void *nastl_arena_alloc(struct nastl_arena *arena, size_t count, size_t size)
{
    if (size && count > (PTRDIFF_MAX - 2 * NASTL_ALIGN) / size)
        return NULL;
    const size_t bytes = count * size;
    struct arena_chunk *chunk = arena->chunks;
    size_t at = chunk ? align_up(chunk->used, alignment_of(bytes)) : 0;
    if (!chunk || at > chunk->size || chunk->size - at < bytes || CHUNK == 0) {
        chunk = add_chunk(arena, bytes);
        if (!chunk)
            return NULL;
        at = 0;
    }
    chunk->used = at + bytes;
    return (char *)(chunk + 1) + at;
}

char *nastl_arena_strndup(struct nastl_arena *arena, const char *text, size_t length)
{
    char *copy = nastl_arena_alloc(arena, length + 1, 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

char *nastl_arena_strdup(struct nastl_arena *arena, const char *text)
{
    return text ? nastl_arena_strndup(arena, text, strlen(text)) : NULL;
}
