/* h5_heap.c: strings of variable length. HDF5 keeps them in collections that have no
 * checksum, and 1.10 copies what these claim without a look: one changed byte in a file
 * crashes it. So HDF5 gives us the references alone, as they stand in the file, and the
 * strings are read here, each held against its collection, and that against the file.
 *
 *   reference    length 4 | address 8 | index 4
 *   collection   "GCOL" 1 0 0 0 | size 8 | object | object | …
 *   object       index 2 | references 2 | 0 4 | size 8 | bytes, padded to 8
 *
 * Index 0 is the space left over. (HDF5 File Format Specification 3.0, III.E)
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/h5_inside.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strmap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COLLECTION_HEADER = 16, OBJECT_HEADER = 16 };

static uint64_t number(const unsigned char *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = count; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

/* ---- references ---- */

/* Leaves the 16 bytes as they are. */
static herr_t keep_reference(hid_t from, hid_t to, H5T_cdata_t *state, size_t count,
                             size_t stride, size_t background_stride, void *buffer,
                             void *background, hid_t transfer)
{
    (void)count;
    (void)stride;
    (void)background_stride;
    (void)buffer;
    (void)background;
    (void)transfer;
    if (state->command != H5T_CONV_INIT)
        return 0;
    state->need_bkg = H5T_BKG_NO;
    const bool fits = H5Tis_variable_str(from) > 0 &&
                      H5Tget_size(from) == NASTL_H5_REFERENCE &&
                      H5Tget_size(to) == NASTL_H5_REFERENCE;
    return fits ? 0 : -1;
}

herr_t nastl_h5_read_references(nastl_h5_reader read, hid_t from, hid_t stored,
                                unsigned char *out)
{
    const hid_t opaque = H5Tcreate(H5T_OPAQUE, NASTL_H5_REFERENCE);
    herr_t done =
        H5Tregister(H5T_PERS_SOFT, "nastl reference", stored, opaque, keep_reference);
    if (done >= 0) {
        done = read(from, opaque, out);
        H5Tunregister(H5T_PERS_SOFT, "nastl reference", stored, opaque, keep_reference);
    }
    H5Tclose(opaque);
    return done;
}

/* ---- collections ---- */

/* A collection in memory; object i, where there is one, starts at `at[i]`. */
struct collection {
    unsigned char *bytes;
    uint64_t size;
    uint64_t *at; /* (count); 0: none */
    size_t count;
};

struct heap {
    const struct nastl_h5 *file;
    const char *path;
    const unsigned char *image; /* of a new file, else NULL */
    int descriptor;
    uint64_t base, size;       /* of what HDF5 calls the file, in the file */
    struct nastl_strmap known; /* address -> index in `collections` */
    struct collection *collections;
    size_t count, capacity;
    uint64_t left; /* bytes of strings: items may share one */
};

static int damaged(const struct heap *heap)
{
    return nastl_h5_refuse(heap->file, heap->path,
                           "its strings do not lie in the file as they should; the file "
                           "is damaged, make it again");
}

static int read_bytes(const struct heap *heap, unsigned char *out, uint64_t at,
                      uint64_t count)
{
    if (at > heap->size || count > heap->size - at)
        return damaged(heap);
    if (heap->image) {
        memcpy(out, heap->image + heap->base + at, count);
        return NASTL_OK;
    }
    while (count > 0) {
        const ssize_t got = pread(heap->descriptor, out, count, (off_t)(heap->base + at));
        if (got <= 0)
            return damaged(heap);
        out += got;
        at += (uint64_t)got;
        count -= (uint64_t)got;
    }
    return NASTL_OK;
}

static int note_object(struct collection *it, size_t index, uint64_t at)
{
    if (index >= it->count) {
        const size_t count = 2 * index + 64;
        uint64_t *grown = nastl_alloc_resize(it->at, count, sizeof *grown);
        if (!grown)
            return nastl_error_nomem("a heap of strings");
        memset(grown + it->count, 0, (count - it->count) * sizeof *grown);
        it->at = grown;
        it->count = count;
    }
    it->at[index] = at;
    return NASTL_OK;
}

/* Walks the objects; what is left over ends the collection. */
static int list_objects(const struct heap *heap, struct collection *it)
{
    uint64_t at = COLLECTION_HEADER;
    while (it->size - at >= OBJECT_HEADER) {
        const size_t index = (size_t)number(it->bytes + at, 2);
        const uint64_t size = number(it->bytes + at + 8, 8);
        if (index == 0)
            return NASTL_OK;
        const uint64_t room = it->size - at - OBJECT_HEADER;
        if (size > room || (size + 7) / 8 * 8 > room)
            return damaged(heap);
        TRY(note_object(it, index, at));
        at += OBJECT_HEADER + (size + 7) / 8 * 8;
    }
    return NASTL_OK;
}

static int read_collection(const struct heap *heap, struct collection *it,
                           uint64_t address)
{
    static const unsigned char magic[] = {'G', 'C', 'O', 'L', 1};
    unsigned char header[COLLECTION_HEADER];
    TRY(read_bytes(heap, header, address, sizeof header));
    it->size = number(header + 8, 8);
    if (memcmp(header, magic, sizeof magic) != 0 || it->size < sizeof header ||
        it->size > heap->size - address)
        return damaged(heap);
    it->bytes = nastl_alloc(it->size, 1);
    if (!it->bytes)
        return nastl_error_nomem("a heap of strings");
    TRY(read_bytes(heap, it->bytes, address, it->size));
    return list_objects(heap, it);
}

/* The collection at an address, read when it is first needed. */
static int find_collection(const struct collection **out, struct heap *heap,
                           uint64_t address)
{
    char key[sizeof address];
    memcpy(key, &address, sizeof key);
    const int64_t known = nastl_strmap_get(&heap->known, key, sizeof key, -1);
    if (known >= 0) {
        *out = &heap->collections[known];
        return NASTL_OK;
    }
    if (heap->count == heap->capacity) {
        const size_t capacity = heap->capacity ? 2 * heap->capacity : 16;
        struct collection *grown =
            nastl_alloc_resize(heap->collections, capacity, sizeof *grown);
        if (!grown)
            return nastl_error_nomem("a heap of strings");
        heap->collections = grown;
        heap->capacity = capacity;
    }
    struct collection *it = &heap->collections[heap->count];
    *it = (struct collection){0};
    heap->count++;
    TRY(read_collection(heap, it, address));
    *out = it;
    return nastl_strmap_set(&heap->known, key, sizeof key, (int64_t)heap->count - 1);
}

/* ---- strings ---- */

static int read_string(char **out, struct heap *heap, const unsigned char *reference)
{
    const uint64_t length = number(reference, 4), address = number(reference + 4, 8);
    const size_t index = (size_t)number(reference + 12, 4);
    const struct collection *it = NULL;
    const char *text = "";
    if (length > heap->left)
        return damaged(heap);
    heap->left -= length;
    if (length > 0) {
        TRY(find_collection(&it, heap, address));
        if (index >= it->count || it->at[index] == 0 ||
            number(it->bytes + it->at[index] + 8, 8) < length)
            return damaged(heap);
        text = (const char *)it->bytes + it->at[index] + OBJECT_HEADER;
    }
    *out = nastl_strndup(text, (size_t)length);
    return *out ? NASTL_OK : nastl_error_nomem(heap->path);
}

/* Where the file's bytes are, and where HDF5 begins to count them. */
static int open_heap(struct heap *heap, const struct nastl_h5 *file, const char *path)
{
    hsize_t base = 0;
    size_t address = 0, length = 0;
    void *handle = NULL;
    *heap = (struct heap){.file = file, .path = path, .left = file->size};
    nastl_strmap_init(&heap->known);
    const hid_t creation = H5Fget_create_plist(file->id);
    herr_t done = creation < 0 ? -1 : H5Pget_userblock(creation, &base);
    if (done >= 0)
        done = H5Pget_sizes(creation, &address, &length);
    if (creation >= 0)
        H5Pclose(creation);
    if (done >= 0 && file->is_new)
        done = H5Fflush(file->id, H5F_SCOPE_LOCAL);
    else if (done >= 0)
        done = H5Fget_vfd_handle(file->id, H5P_DEFAULT, &handle);
    if (done < 0)
        return nastl_h5_fail(file, path, "read");
    const uint64_t bytes = file->is_new ? file->image_bytes : file->size;
    if (address != 8 || length != 8 || base > bytes)
        return damaged(heap);
    heap->image = file->is_new ? (const unsigned char *)file->image : NULL;
    heap->descriptor = file->is_new ? -1 : *(int *)handle;
    heap->base = base;
    heap->size = bytes - base;
    return NASTL_OK;
}

static void close_heap(struct heap *heap)
{
    for (size_t i = 0; i < heap->count; i++) {
        free(heap->collections[i].bytes);
        free(heap->collections[i].at);
    }
    free(heap->collections);
    nastl_strmap_finish(&heap->known);
}

int nastl_h5_read_strings(char **items, const struct nastl_h5 *file, const char *path,
                          const unsigned char *references, size_t count)
{
    struct heap heap;
    int status = open_heap(&heap, file, path);
    for (size_t i = 0; i < count && status == NASTL_OK; i++)
        status = read_string(&items[i], &heap, references + i * NASTL_H5_REFERENCE);
    close_heap(&heap);
    return status;
}
