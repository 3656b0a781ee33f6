/* alloc.c: checked allocation with a switch for failing on purpose.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

/* Blocks from an eighth of a huge page on begin at one and ask for them: products over
 * rows that are a power of two apart touch more small pages than a processor knows by
 * heart. Where the wish is refused, nothing is lost. */
static const size_t HUGE_PAGE = (size_t)2 << 20;

#ifdef MADV_HUGEPAGE
static void want_huge_pages(void *block, size_t bytes)
{
    madvise(block, bytes, MADV_HUGEPAGE);
}
#else
static void want_huge_pages(void *block, size_t bytes)
{
    (void)block, (void)bytes;
}
#endif

void *nastl_alloc_aligned(size_t count, size_t size)
{
    if (!may_allocate(count, size))
        return NULL;
    const size_t bytes = at_least_one(count * size);
    const size_t align = bytes < HUGE_PAGE / 8 ? NASTL_ALIGN : HUGE_PAGE;
    if (bytes > PTRDIFF_MAX - align)
        return NULL;
    const size_t rounded = (bytes + align - 1) / align * align;
    void *block = aligned_alloc(align, rounded);
    if (block && align == HUGE_PAGE)
        want_huge_pages(block, rounded);
    if (block)
        memset(block, 0, bytes);
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
