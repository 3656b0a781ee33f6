/* h5_heap.c: the global heap of an HDF5 file, where variable-length strings lie. It has
 * no checksum, and HDF5 1.10 reads outside of memory, or for ever, where its bytes or a
 * reference to it are damaged: so the heap is checked, and datasets of strings are read,
 * here (HDF5 File Format Specification 3.0, III.E and IV.A.2.d).
 *
 *   collection: "GCOL" 1 0 0 0 | size 8 | object | object | ... | free space
 *   object:     index 2 | references 2 | 0 0 0 0 | size 8 | data, padded to 8
 *   reference:  length 4 | address of the collection 8 | index 4
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/h5_inside.h"

#include "base/alloc.h"
#include "base/error.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    WINDOW = 1 << 20,
    HEADER = 16,    /* bytes of a collection's header and of an object's */
    REFERENCE = 16, /* bytes */
    MOST_INDEX = 65535
};

static const char signature[8] = {'G', 'C', 'O', 'L', 1, 0, 0, 0};

struct object {
    size_t at, size; /* in the collection's bytes; at is 0 for none */
};

struct heap {
    const struct nastl_h5 *file;
    int fd;
    uint64_t address; /* of the collection in memory; UINT64_MAX for none */
    unsigned char *bytes;
    size_t size;
    struct object *objects; /* MOST_INDEX + 1, by index */
};

static uint64_t little_endian(const unsigned char *at, int bytes)
{
    uint64_t value = 0;
    while (bytes-- > 0)
        value = value << 8 | at[bytes];
    return value;
}

static int damaged(const struct heap *heap)
{
    return nastl_error(NASTL_EFORMAT, "%s: its strings are damaged; make the file again",
                       heap->file->path);
}

/* Exactly `length` bytes: the file has them, or it is damaged. */
static int read_at(const struct heap *heap, void *to, size_t length, uint64_t at)
{
    char *out = to;
    if (at > heap->file->size || length > heap->file->size - at)
        return damaged(heap);
    while (length > 0) {
        const ssize_t got = pread(heap->fd, out, length, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return nastl_file_error(heap->file->path, "cannot read", errno);
        if (got == 0)
            return damaged(heap);
        out += got;
        at += (uint64_t)got;
        length -= (size_t)got;
    }
    return NASTL_OK;
}

/* ---- collections ------------------------------------------------------------------- */

/* Free space, index 0, counts its header and has no padding. */
static int index_objects(struct heap *heap)
{
    size_t at = HEADER;
    memset(heap->objects, 0, (MOST_INDEX + 1) * sizeof *heap->objects);
    while (heap->size - at >= HEADER) {
        const uint64_t index = little_endian(heap->bytes + at, 2);
        const uint64_t size = little_endian(heap->bytes + at + 8, 8);
        const uint64_t left = heap->size - at;
        if (size > left || (index == 0 && size < HEADER))
            return damaged(heap);
        const uint64_t whole = index ? HEADER + (size + 7) / 8 * 8 : size;
        if (whole > left)
            return damaged(heap);
        if (index)
            heap->objects[index] = (struct object){at + HEADER, (size_t)size};
        at += (size_t)whole;
    }
    return NASTL_OK;
}

/* Takes the collection at `address` into memory. */
static int load(struct heap *heap, uint64_t address)
{
    unsigned char header[HEADER];
    if (address == heap->address)
        return NASTL_OK;
    heap->address = UINT64_MAX;
    TRY(read_at(heap, header, HEADER, address));
    const uint64_t size = little_endian(header + 8, 8);
    if (memcmp(header, signature, sizeof signature) != 0 || size < HEADER ||
        size > heap->file->size)
        return damaged(heap);
    unsigned char *bytes = nastl_alloc_resize(heap->bytes, (size_t)size, 1);
    if (!bytes)
        return nastl_error_nomem(heap->file->path);
    heap->bytes = bytes;
    heap->size = (size_t)size;
    TRY(read_at(heap, bytes, heap->size, address));
    TRY(index_objects(heap));
    heap->address = address;
    return NASTL_OK;
}

static int open_heap(struct heap *heap, const struct nastl_h5 *file)
{
    *heap = (struct heap){.file = file, .address = UINT64_MAX};
    heap->fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (heap->fd < 0)
        return nastl_file_error(file->path, "cannot open", errno);
    heap->objects = nastl_alloc(MOST_INDEX + 1, sizeof *heap->objects);
    if (!heap->objects) {
        close(heap->fd);
        return nastl_error_nomem(file->path);
    }
    return NASTL_OK;
}

static void close_heap(struct heap *heap)
{
    free(heap->objects);
    free(heap->bytes);
    close(heap->fd);
}

/* ---- checking ---------------------------------------------------------------------- */

/* Collections may stand anywhere: what has their signature is one. Windows overlap, so
 * that none is cut. */
static int check_all(struct heap *heap, unsigned char *window)
{
    uint64_t at = 0;
    while (at + HEADER <= heap->file->size) {
        const uint64_t left = heap->file->size - at;
        const size_t length = left < WINDOW ? (size_t)left : WINDOW;
        TRY(read_at(heap, window, length, at));
        const unsigned char *found = memmem(window, length, signature, sizeof signature);
        if (!found) {
            at += length - (HEADER - 1);
            continue;
        }
        at += (uint64_t)(found - window);
        TRY(load(heap, at));
        at += heap->size;
    }
    return NASTL_OK;
}

int nastl_h5_check_heap(struct nastl_h5 *file)
{
    struct heap heap;
    if (file->heap_checked || file->is_new || !file->is_plain)
        return NASTL_OK;
    unsigned char *window = nastl_alloc(WINDOW, 1);
    if (!window)
        return nastl_error_nomem(file->path);
    int status = open_heap(&heap, file);
    if (status == NASTL_OK) {
        status = check_all(&heap, window);
        close_heap(&heap);
    }
    free(window);
    file->heap_checked = status == NASTL_OK;
    return status;
}

/* ---- reading ----------------------------------------------------------------------- */

static int get_string(char **out, struct heap *heap, const unsigned char *reference)
{
    const uint64_t length = little_endian(reference, 4);
    const uint64_t address = little_endian(reference + 4, 8);
    const uint64_t index = little_endian(reference + 12, 4);
    const char *text = "";
    if (length > 0) {
        TRY(load(heap, address));
        if (index == 0 || index > MOST_INDEX || heap->objects[index].at == 0 ||
            length > heap->objects[index].size)
            return damaged(heap);
        text = (const char *)heap->bytes + heap->objects[index].at;
    }
    *out = nastl_strndup(text, (size_t)length);
    return *out ? NASTL_OK : nastl_error_nomem(heap->file->path);
}

/* Many references may share one string: together no more than the file can hold. */
static int get_strings(char **items, struct heap *heap, uint64_t at, size_t count)
{
    uint64_t budget = heap->file->size;
    for (size_t i = 0; i < count; i++) {
        unsigned char reference[REFERENCE];
        TRY(read_at(heap, reference, REFERENCE, at + i * REFERENCE));
        const uint64_t length = little_endian(reference, 4);
        if (length > budget)
            return damaged(heap);
        budget -= length;
        TRY(get_string(&items[i], heap, reference));
    }
    return NASTL_OK;
}

int nastl_h5_heap_strings(char **items, const struct nastl_h5 *file, uint64_t at,
                          size_t count)
{
    struct heap heap;
    TRY(open_heap(&heap, file));
    const int status = get_strings(items, &heap, at, count);
    close_heap(&heap);
    return status;
}
