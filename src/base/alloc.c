/* alloc.c: checked allocation with a switch for failing on purpose.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local size_t calls, fail_from;

void nastl_alloc_fail_from(size_t n)
{
    fail_from = n ? calls + n : 0;
}

size_t nastl_alloc_count(void)
{
    return calls;
}

/* Returns whether count * size is representable and this call may succeed. */
static int may_allocate(size_t count, size_t size)
{
    calls++;
    if (fail_from && calls >= fail_from)
        return 0;
    return size == 0 || count <= PTRDIFF_MAX / size;
}

/* malloc(0) may return NULL, which a caller would take for a failure. */
static size_t at_least_one(size_t bytes)
{
    return bytes ? bytes : 1;
}

void *nastl_alloc(size_t count, size_t size)
{
    return may_allocate(count, size) ? malloc(at_least_one(count * size)) : NULL;
}

void *nastl_alloc_zero(size_t count, size_t size)
{
    return may_allocate(count, size) ? calloc(1, at_least_one(count * size)) : NULL;
}

void *nastl_alloc_resize(void *block, size_t count, size_t size)
{
    return may_allocate(count, size) ? realloc(block, at_least_one(count * size)) : NULL;
}

void *nastl_alloc_aligned(size_t count, size_t size)
{
    if (!may_allocate(count, size))
        return NULL;
    const size_t bytes = at_least_one(count * size);
    if (bytes > PTRDIFF_MAX - NASTL_ALIGN)
        return NULL;
    const size_t rounded = (bytes + NASTL_ALIGN - 1) / NASTL_ALIGN * NASTL_ALIGN;
    void *block = aligned_alloc(NASTL_ALIGN, rounded);
    if (block)
        memset(block, 0, rounded);
    return block;
}

char *nastl_strdup(const char *text)
{
    return text ? nastl_strndup(text, strlen(text)) : NULL;
}

char *nastl_strndup(const char *text, size_t length)
{
    char *copy = nastl_alloc(length + 1, 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}
