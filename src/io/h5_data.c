/* h5_data.c: datasets. Numbers are written contiguous and uncompressed, so that any
 * reader maps them and the same content gives the same bytes; whatever HDF5 converts is
 * read.
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/h5_inside.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum number { FLOATS, DOUBLES, INTS };

/* Types are calls into the library: under the lock only. */
static hid_t memory_type(enum number kind)
{
    switch (kind) {
    case FLOATS:
        return H5T_NATIVE_FLOAT;
    case DOUBLES:
        return H5T_NATIVE_DOUBLE;
    default:
        return H5T_NATIVE_INT64;
    }
}

static hid_t file_type(enum number kind)
{
    switch (kind) {
    case FLOATS:
        return H5T_IEEE_F32LE;
    case DOUBLES:
        return H5T_IEEE_F64LE;
    default:
        return H5T_STD_I64LE;
    }
}

/* ---- writing ----------------------------------------------------------------------- */

static hid_t create_dataset(const struct nastl_h5 *file, const char *path, hid_t type,
                            hid_t space)
{
    const hid_t links = nastl_h5_link_properties();
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(creation, 0);
    const hid_t id =
        H5Dcreate2(file->id, path, type, space, links, creation, H5P_DEFAULT);
    H5Pclose(creation);
    H5Pclose(links);
    return id;
}

struct content {
    hid_t stored, memory; /* types */
    const void *data;
    int rank;
    const size_t *shape;
};

static hid_t create_space(int rank, const size_t *shape, bool *empty)
{
    hsize_t dims[NASTL_H5_RANK];
    *empty = false;
    for (int i = 0; i < rank; i++) {
        dims[i] = shape[i];
        *empty = *empty || shape[i] == 0;
    }
    return rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR);
}

static int put(const struct nastl_h5 *file, const char *path, const struct content *c)
{
    TRY(nastl_h5_make_place(file, path));
    bool empty;
    const hid_t space = create_space(c->rank, c->shape, &empty);
    const hid_t id = create_dataset(file, path, c->stored, space);
    herr_t done = id < 0 ? -1 : 0;
    if (done == 0 && !empty)
        done = H5Dwrite(id, c->memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, c->data);
    const int status = done < 0 ? nastl_h5_fail(file, path, "write") : NASTL_OK;
    if (id >= 0)
        H5Dclose(id);
    H5Sclose(space);
    return status;
}

static int put_numbers(const struct nastl_h5 *file, const char *path, enum number kind,
                       const void *data, int rank, const size_t *shape)
{
    assert(file->is_new && rank >= 0 && rank <= NASTL_H5_RANK);
    nastl_h5_enter();
    const struct content content = {file_type(kind), memory_type(kind), data, rank,
                                    shape};
    return nastl_h5_leave(put(file, path, &content));
}

int nastl_h5_put_floats(struct nastl_h5 *file, const char *path, const float *data,
                        int rank, const size_t *shape)
{
    return put_numbers(file, path, FLOATS, data, rank, shape);
}

int nastl_h5_put_doubles(struct nastl_h5 *file, const char *path, const double *data,
                         int rank, const size_t *shape)
{
    return put_numbers(file, path, DOUBLES, data, rank, shape);
}

int nastl_h5_put_ints(struct nastl_h5 *file, const char *path, const int64_t *data,
                      int rank, const size_t *shape)
{
    return put_numbers(file, path, INTS, data, rank, shape);
}

static int put_strings(const struct nastl_h5 *file, const char *path, char *const *items,
                       size_t count)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    const struct content content = {type, type, items, 1, &count};
    const int status = put(file, path, &content);
    H5Tclose(type);
    return status;
}

int nastl_h5_put_strings(struct nastl_h5 *file, const char *path, char *const *items,
                         size_t count)
{
    assert(file->is_new);
    nastl_h5_enter();
    return nastl_h5_leave(put_strings(file, path, items, count));
}

/* ---- opening ----------------------------------------------------------------------- */

struct dataset {
    hid_t id, type, space;
    H5T_class_t class;
    size_t item; /* bytes of one stored item */
    int rank;
    hsize_t dims[NASTL_H5_RANK];
    size_t count; /* of items */
};

static void close_dataset(struct dataset *set)
{
    if (set->space >= 0)
        H5Sclose(set->space);
    if (set->type >= 0)
        H5Tclose(set->type);
    H5Oclose(set->id);
}

static int read_shape(struct dataset *set, const struct nastl_h5 *file, const char *path)
{
    if (H5Sget_simple_extent_type(set->space) == H5S_NULL)
        return nastl_h5_refuse(file, path, "holds nothing; give a dataset with values");
    set->rank = H5Sget_simple_extent_ndims(set->space);
    if (set->rank > NASTL_H5_RANK)
        return nastl_h5_refuse(file, path, "has more than 4 dimensions; reshape it");
    if (set->rank < 0 || H5Sget_simple_extent_dims(set->space, set->dims, NULL) < 0)
        return nastl_h5_fail(file, path, "read");
    set->count = 1;
    for (int i = 0; i < set->rank; i++)
        if (__builtin_mul_overflow(set->count, set->dims[i], &set->count))
            return nastl_h5_refuse(file, path, "is larger than the file; make it again");
    return NASTL_OK;
}

/* Whether the chunks' sizes, which HDF5 allocates, can be. */
static bool chunk_fits(const struct nastl_h5 *file, const struct dataset *set,
                       hid_t creation)
{
    hsize_t dims[NASTL_H5_RANK];
    const int rank = H5Pget_chunk(creation, NASTL_H5_RANK, dims);
    uint64_t count = 1;
    for (int i = 0; i < rank && i < NASTL_H5_RANK; i++)
        if (__builtin_mul_overflow(count, dims[i], &count))
            return false;
    return rank >= 0 && nastl_h5_fits(file, count, set->item);
}

/* Data that lies elsewhere (external storage, virtual datasets) is not this file's. */
static int check_storage(const struct nastl_h5 *file, const char *path,
                         const struct dataset *set, hid_t creation)
{
    const H5D_layout_t layout = H5Pget_layout(creation);
    const hsize_t stored = H5Dget_storage_size(set->id);
    if ((layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED) ||
        H5Pget_external_count(creation) != 0)
        return nastl_h5_refuse(file, path,
                               "keeps its data in another file; put it into this one");
    const bool fits =
        nastl_h5_fits(file, set->count, set->item) &&
        (layout == H5D_CHUNKED ? chunk_fits(file, set, creation) : stored <= file->size);
    if (!fits)
        return nastl_h5_refuse(file, path, "is larger than the file; make it again");
    return NASTL_OK;
}

static int check_dataset(struct dataset *set, const struct nastl_h5 *file,
                         const char *path)
{
    set->type = H5Dget_type(set->id);
    set->space = H5Dget_space(set->id);
    const hid_t creation = H5Dget_create_plist(set->id);
    int status;
    if (set->type < 0 || set->space < 0 || creation < 0) {
        status = nastl_h5_fail(file, path, "open");
    } else {
        set->class = H5Tget_class(set->type);
        set->item = H5Tget_size(set->type);
        status = read_shape(set, file, path);
        if (status == NASTL_OK)
            status = check_storage(file, path, set, creation);
    }
    if (creation >= 0)
        H5Pclose(creation);
    return status;
}

static int open_dataset(struct dataset *set, const struct nastl_h5 *file,
                        const char *path)
{
    *set = (struct dataset){.type = H5I_INVALID_HID, .space = H5I_INVALID_HID};
    TRY(nastl_h5_open_object(&set->id, file, path));
    const int status = H5Iget_type(set->id) == H5I_DATASET
                           ? check_dataset(set, file, path)
                           : nastl_h5_refuse(file, path, "is no dataset; name a dataset");
    if (status < 0)
        close_dataset(set);
    return status;
}

/* ---- numbers ----------------------------------------------------------------------- */

static int get_shape(const struct nastl_h5 *file, const char *path, int *rank,
                     size_t *shape)
{
    struct dataset set;
    TRY(open_dataset(&set, file, path));
    *rank = set.rank;
    for (int i = 0; i < NASTL_H5_RANK; i++)
        shape[i] = i < set.rank ? (size_t)set.dims[i] : 1;
    close_dataset(&set);
    return NASTL_OK;
}

int nastl_h5_shape(struct nastl_h5 *file, const char *path, int *rank,
                   size_t shape[NASTL_H5_RANK])
{
    nastl_h5_enter();
    return nastl_h5_leave(get_shape(file, path, rank, shape));
}

/* h5py stores bool as an enumeration. */
static int check_numbers(const struct nastl_h5 *file, const char *path,
                         const struct dataset *set, size_t count)
{
    if (set->class != H5T_INTEGER && set->class != H5T_FLOAT && set->class != H5T_ENUM)
        return nastl_h5_refuse(file, path, "holds no numbers; give a numeric dataset");
    if (set->count != count)
        return nastl_error(NASTL_EFORMAT,
                           "%s:%s: holds %zu numbers where %zu belong; make it again",
                           file->path, path, set->count, count);
    return NASTL_OK;
}

static int get_numbers(const struct nastl_h5 *file, const char *path, enum number kind,
                       void *data, size_t count)
{
    struct dataset set;
    TRY(open_dataset(&set, file, path));
    int status = check_numbers(file, path, &set, count);
    if (status == NASTL_OK && count > 0 &&
        H5Dread(set.id, memory_type(kind), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        status = nastl_h5_fail(file, path, "read");
    close_dataset(&set);
    return status;
}

int nastl_h5_get_floats(struct nastl_h5 *file, const char *path, float *data,
                        size_t count)
{
    nastl_h5_enter();
    return nastl_h5_leave(get_numbers(file, path, FLOATS, data, count));
}

int nastl_h5_get_doubles(struct nastl_h5 *file, const char *path, double *data,
                         size_t count)
{
    nastl_h5_enter();
    return nastl_h5_leave(get_numbers(file, path, DOUBLES, data, count));
}

int nastl_h5_get_ints(struct nastl_h5 *file, const char *path, int64_t *data,
                      size_t count)
{
    nastl_h5_enter();
    return nastl_h5_leave(get_numbers(file, path, INTS, data, count));
}

/* ---- strings ----------------------------------------------------------------------- */

static bool is_text(const struct nastl_h5 *file, const char *path)
{
    struct dataset set;
    if (open_dataset(&set, file, path) < 0)
        return false;
    close_dataset(&set);
    return set.class == H5T_STRING;
}

bool nastl_h5_is_text(struct nastl_h5 *file, const char *path)
{
    nastl_h5_enter();
    return nastl_h5_leave(is_text(file, path));
}

/* Variable-length strings are references that many items may share: a small file could
 * claim any amount. HDF5 takes their memory from here, and no more than the file has. */
struct budget {
    struct nastl_arena arena;
    uint64_t left; /* bytes */
    bool failed;   /* memory is out */
};

static void *take(size_t bytes, void *payload)
{
    struct budget *budget = payload;
    if (bytes > budget->left)
        return NULL;
    budget->left -= bytes;
    void *block = nastl_arena_alloc(&budget->arena, bytes, 1);
    budget->failed = !block;
    return block;
}

static void give_back(void *block, void *payload)
{
    (void)block;
    (void)payload;
}

static int copy_strings(char **items, char *const *from, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        items[i] = nastl_strdup(from[i] ? from[i] : "");
        if (!items[i])
            return nastl_error_nomem(path);
    }
    return NASTL_OK;
}

static int read_raw(const struct nastl_h5 *file, const char *path,
                    const struct dataset *set, void *raw, struct budget *budget)
{
    const hid_t type = H5Tget_native_type(set->type, H5T_DIR_DEFAULT);
    const hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
    H5Pset_vlen_mem_manager(transfer, take, budget, give_back, budget);
    const herr_t done = H5Dread(set->id, type, H5S_ALL, H5S_ALL, transfer, raw);
    H5Pclose(transfer);
    H5Tclose(type);
    if (done < 0)
        return budget->failed ? nastl_error_nomem(path)
                              : nastl_h5_fail(file, path, "read");
    return NASTL_OK;
}

static int read_variable(char **items, const struct nastl_h5 *file, const char *path,
                         const struct dataset *set)
{
    struct budget budget = {.left = file->size};
    nastl_arena_init(&budget.arena);
    char **raw = nastl_alloc_zero(set->count, sizeof *raw);
    int status = raw ? read_raw(file, path, set, raw, &budget) : nastl_error_nomem(path);
    if (status == NASTL_OK)
        status = copy_strings(items, raw, set->count, path);
    free(raw);
    nastl_arena_finish(&budget.arena);
    return status;
}

static bool is_contiguous(const struct dataset *set)
{
    const hid_t creation = H5Dget_create_plist(set->id);
    const bool is = creation >= 0 && H5Pget_layout(creation) == H5D_CONTIGUOUS;
    if (creation >= 0)
        H5Pclose(creation);
    return is;
}

/* HDF5 follows references only where we cannot. */
static int get_variable(char **items, struct nastl_h5 *file, const char *path,
                        const struct dataset *set)
{
    const haddr_t at = H5Dget_offset(set->id);
    if (file->is_plain && at != HADDR_UNDEF && is_contiguous(set))
        return nastl_h5_heap_strings(items, file, at, set->count);
    TRY(nastl_h5_check_heap(file));
    return read_variable(items, file, path, set);
}

/* A fixed-length string ends at a NUL or at its padding. */
static size_t fixed_length(const char *text, size_t item, H5T_str_t padding)
{
    size_t length = strnlen(text, item);
    if (padding == H5T_STR_SPACEPAD)
        while (length > 0 && text[length - 1] == ' ')
            length--;
    return length;
}

static int get_fixed(char **items, const struct nastl_h5 *file, const char *path,
                     const struct dataset *set)
{
    char *raw = nastl_alloc_zero(set->count, set->item);
    if (!raw)
        return nastl_error_nomem(path);
    const H5T_str_t padding = H5Tget_strpad(set->type);
    const herr_t done = H5Dread(set->id, set->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw);
    int status = done < 0 ? nastl_h5_fail(file, path, "read") : NASTL_OK;
    for (size_t i = 0; status == NASTL_OK && i < set->count; i++) {
        const char *text = raw + i * set->item;
        items[i] = nastl_strndup(text, fixed_length(text, set->item, padding));
        if (!items[i])
            status = nastl_error_nomem(path);
    }
    free(raw);
    return status;
}

static int get_items(char **items, struct nastl_h5 *file, const char *path,
                     const struct dataset *set)
{
    if (set->count == 0)
        return NASTL_OK;
    return H5Tis_variable_str(set->type) > 0 ? get_variable(items, file, path, set)
                                             : get_fixed(items, file, path, set);
}

static int get_strings(struct nastl_h5 *file, const char *path, char ***out,
                       size_t *count)
{
    struct dataset set;
    TRY(open_dataset(&set, file, path));
    char **items = NULL;
    int status = NASTL_OK;
    if (set.class != H5T_STRING)
        status = nastl_h5_refuse(file, path, "holds no strings; give a text dataset");
    else if (!(items = nastl_alloc_zero(set.count, sizeof *items)))
        status = nastl_error_nomem(path);
    else
        status = get_items(items, file, path, &set);
    close_dataset(&set);
    if (status < 0) {
        nastl_h5_free_strings(items, items ? set.count : 0);
        return status;
    }
    *out = items;
    *count = set.count;
    return NASTL_OK;
}

int nastl_h5_get_strings(struct nastl_h5 *file, const char *path, char ***out,
                         size_t *count)
{
    nastl_h5_enter();
    return nastl_h5_leave(get_strings(file, path, out, count));
}
