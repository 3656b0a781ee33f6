/* h5.c: HDF5 files, their groups and the paths inside them. Files come from strangers: a
 * path is walked link by link and never leaves the file, and the size of what is read is
 * held against the size of the file.
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/h5_inside.h"

#include "base/alloc.h"
#include "base/error.h"
#include "io/file.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the lock ---------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void nastl_h5_enter(void)
{
    pthread_mutex_lock(&lock);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

int nastl_h5_leave(int status)
{
    pthread_mutex_unlock(&lock);
    return status;
}

/* ---- failures ---------------------------------------------------------------------- */

static herr_t first_reason(unsigned n, const H5E_error2_t *entry, void *payload)
{
    if (n == 0)
        snprintf(payload, 200, "%s", entry->desc);
    return 0;
}

int nastl_h5_fail(const struct nastl_h5 *file, const char *path, const char *verb)
{
    char why[200] = "HDF5 gives no reason";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_reason, why);
    if (file->is_new)
        return nastl_error(NASTL_EIO, "%s:%s: cannot %s: %s; free some memory",
                           file->path, path, verb, why);
    return nastl_error(NASTL_EFORMAT,
                       "%s:%s: cannot %s: %s; the file is damaged, make it again",
                       file->path, path, verb, why);
}

int nastl_h5_refuse(const struct nastl_h5 *file, const char *path, const char *why)
{
    return nastl_error(NASTL_EFORMAT, "%s:%s: %s", file->path, path, why);
}

static int missing(const struct nastl_h5 *file, const char *path)
{
    return nastl_error(NASTL_ENOENT, "%s:%s: is not in the file; check the name",
                       file->path, path);
}

/* ---- paths inside a file ----------------------------------------------------------- */

/* HDF5 follows links into other files; nobody who gives us one file asks for that. */
static int check_link(const struct nastl_h5 *file, const char *path)
{
    H5L_info_t info;
    const htri_t exists = H5Lexists(file->id, path, H5P_DEFAULT);
    if (exists < 0)
        return nastl_h5_fail(file, path, "look up");
    if (exists == 0)
        return missing(file, path);
    if (H5Lget_info(file->id, path, &info, H5P_DEFAULT) < 0)
        return nastl_h5_fail(file, path, "look up");
    if (info.type != H5L_TYPE_HARD && info.type != H5L_TYPE_SOFT)
        return nastl_h5_refuse(file, path,
                               "is a link to another file; put the data into this one");
    return NASTL_OK;
}

hid_t nastl_h5_link_properties(void)
{
    const hid_t list = H5Pcreate(H5P_LINK_CREATE);
    if (list >= 0)
        H5Pset_char_encoding(list, H5T_CSET_UTF8);
    return list;
}

/* A group without times in it, which HDF5 would note where it makes parents itself. */
static int create_group(const struct nastl_h5 *file, const char *path)
{
    const hid_t links = nastl_h5_link_properties();
    const hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(creation, 0);
    const hid_t group = H5Gcreate2(file->id, path, links, creation, H5P_DEFAULT);
    const int status = group < 0 ? nastl_h5_fail(file, path, "create") : NASTL_OK;
    if (group >= 0)
        H5Gclose(group);
    H5Pclose(creation);
    H5Pclose(links);
    return status;
}

/* Asks for every link on the way; `create` makes groups of those that are missing. */
static int walk(const struct nastl_h5 *file, char *path, bool create)
{
    for (char *at = path; *at;) {
        at += strspn(at, "/");
        char *end = at + strcspn(at, "/");
        const char kept = *end;
        *end = '\0';
        int status = end > at ? check_link(file, path) : NASTL_OK;
        if (status == NASTL_ENOENT && create)
            status = create_group(file, path);
        *end = kept;
        TRY(status);
        at = end;
    }
    return NASTL_OK;
}

/* No allocation: nastl_h5_has() could not say that one failed. */
static int walk_copy(const struct nastl_h5 *file, const char *path, size_t length,
                     bool create)
{
    char copy[1024];
    if (length >= sizeof copy)
        return nastl_error(NASTL_EINVAL,
                           "%s:%.60s...: too long a name; choose a shorter "
                           "one",
                           file->path, path);
    memcpy(copy, path, length);
    copy[length] = '\0';
    return walk(file, copy, create);
}

int nastl_h5_find(const struct nastl_h5 *file, const char *path)
{
    TRY(walk_copy(file, path, strlen(path), false));
    if (path[strspn(path, "/")] && H5Oexists_by_name(file->id, path, H5P_DEFAULT) <= 0)
        return missing(file, path);
    return NASTL_OK;
}

int nastl_h5_make_place(const struct nastl_h5 *file, const char *path)
{
    const int found = nastl_h5_find(file, path);
    if (found == NASTL_OK)
        return nastl_error(NASTL_EEXIST, "%s:%s: is there already; choose another name",
                           file->path, path);
    if (found != NASTL_ENOENT)
        return found;
    const char *slash = strrchr(path, '/');
    return slash ? walk_copy(file, path, (size_t)(slash - path), true) : NASTL_OK;
}

static const char *or_root(const char *path)
{
    return *path ? path : "/";
}

int nastl_h5_open_object(hid_t *out, const struct nastl_h5 *file, const char *path)
{
    TRY(nastl_h5_find(file, path));
    *out = H5Oopen(file->id, or_root(path), H5P_DEFAULT);
    return *out < 0 ? nastl_h5_fail(file, path, "open") : NASTL_OK;
}

/* Deflate's best is 1032 : 1; what claims more than that holds no data. */
bool nastl_h5_fits(const struct nastl_h5 *file, uint64_t count, size_t size)
{
    const uint64_t most_ratio = 1100;
    if (size == 0 || file->size > UINT64_MAX / most_ratio)
        return true;
    return count <= file->size * most_ratio / size;
}

/* ---- files ------------------------------------------------------------------------- */

static struct nastl_h5 *create_handle(const char *path)
{
    struct nastl_h5 *file = nastl_alloc_zero(1, sizeof *file);
    if (!file)
        return NULL;
    file->id = H5I_INVALID_HID;
    file->path = nastl_strdup(path);
    if (!file->path) {
        free(file);
        return NULL;
    }
    return file;
}

static void destroy_handle(struct nastl_h5 *file)
{
    free(file->image);
    free(file->path);
    free(file);
}

/* Closing closes whatever is open inside. Locks are of no use, as files are written under
 * names of their own, and fail on some network file systems. */
static hid_t access_properties(void)
{
    const hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    if (list >= 0) {
        H5Pset_fclose_degree(list, H5F_CLOSE_STRONG);
        H5Pset_file_locking(list, 0, 1);
    }
    return list;
}

static bool is_plain(hid_t file)
{
    size_t address = 0, size = 0;
    hsize_t before = 1;
    const hid_t list = H5Fget_create_plist(file);
    const bool known = list >= 0 && H5Pget_sizes(list, &address, &size) >= 0 &&
                       H5Pget_userblock(list, &before) >= 0;
    if (list >= 0)
        H5Pclose(list);
    return known && address == 8 && size == 8 && before == 0;
}

static int open_file(struct nastl_h5 *file)
{
    if (H5Fis_hdf5(file->path) <= 0)
        return nastl_error(NASTL_EFORMAT, "%s: is no HDF5 file; give one", file->path);
    const hid_t access = access_properties();
    file->id = H5Fopen(file->path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    if (file->id < 0)
        return nastl_h5_fail(file, "/", "open");
    file->is_plain = is_plain(file->id);
    return NASTL_OK;
}

static int check_file(uint64_t *size, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return nastl_file_error(path, "cannot open", errno);
    if (!S_ISREG(info.st_mode))
        return nastl_error(NASTL_EFORMAT, "%s: is no regular file; give an HDF5 file",
                           path);
    *size = (uint64_t)info.st_size;
    return NASTL_OK;
}

int nastl_h5_open(struct nastl_h5 **out, const char *path)
{
    uint64_t size = 0;
    TRY(check_file(&size, path));
    struct nastl_h5 *file = create_handle(path);
    if (!file)
        return nastl_error_nomem(path);
    file->size = size;
    nastl_h5_enter();
    const int status = nastl_h5_leave(open_file(file));
    if (status < 0) {
        destroy_handle(file);
        return status;
    }
    *out = file;
    return NASTL_OK;
}

/* ---- new files --------------------------------------------------------------------- */

/* A new file lives in memory: HDF5 1.10 crashes at exit after a disk was full. These keep
 * the memory when HDF5 closes the file and would free it; only then is it complete
 * (H5Fget_file_image() spoils the superblock's checksum). Plain realloc: HDF5 does not
 * survive memory that runs out while it closes either, so tests do not fail it here. */
static void *resize_image(void *image, size_t bytes, H5FD_file_image_op_t why,
                          void *payload)
{
    (void)why;
    struct nastl_h5 *file = payload;
    char *grown = realloc(image, bytes);
    if (grown) {
        if (bytes > file->image_bytes) /* gaps are written: the same bytes every time */
            memset(grown + file->image_bytes, 0, bytes - file->image_bytes);
        file->image = grown;
        file->image_bytes = bytes;
    }
    return grown;
}

static void *allocate_image(size_t bytes, H5FD_file_image_op_t why, void *payload)
{
    return resize_image(NULL, bytes, why, payload);
}

static herr_t keep_image(void *image, H5FD_file_image_op_t why, void *payload)
{
    (void)image;
    (void)why;
    (void)payload;
    return 0;
}

static void *same_payload(void *payload)
{
    return payload;
}

static herr_t keep_payload(void *payload)
{
    (void)payload;
    return 0;
}

/* The format of HDF5 1.8 and later has checksums in its structure. */
static hid_t memory_properties(struct nastl_h5 *file)
{
    H5FD_file_image_callbacks_t callbacks = {
        .image_malloc = allocate_image,
        .image_realloc = resize_image,
        .image_free = keep_image,
        .udata_copy = same_payload,
        .udata_free = keep_payload,
        .udata = file,
    };
    const hid_t list = access_properties();
    if (list >= 0) {
        H5Pset_fapl_core(list, 1 << 16, 0);
        H5Pset_file_image_callbacks(list, &callbacks);
        H5Pset_libver_bounds(list, H5F_LIBVER_V18, H5F_LIBVER_V18);
    }
    return list;
}

/* HDF5 knows open files by their names; this one is the handle's. No times in the file:
 * the same content gives the same bytes. */
static int create_file(struct nastl_h5 *file)
{
    char name[32];
    snprintf(name, sizeof name, "nastl-%p", (void *)file);
    const hid_t access = memory_properties(file), creation = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_obj_track_times(creation, 0);
    file->id = H5Fcreate(name, H5F_ACC_TRUNC, creation, access);
    const int status = file->id < 0 ? nastl_h5_fail(file, "/", "create") : NASTL_OK;
    H5Pclose(creation);
    H5Pclose(access);
    return status;
}

/* Says at once, and not after hours, that `path` cannot be written. */
static int check_place(const char *path)
{
    char *temporary;
    if (nastl_file_is_device(path))
        return NASTL_OK;
    TRY(nastl_file_temporary(&temporary, path));
    nastl_file_discard(temporary);
    free(temporary);
    return NASTL_OK;
}

int nastl_h5_create(struct nastl_h5 **out, const char *path)
{
    TRY(check_place(path));
    struct nastl_h5 *file = create_handle(path);
    if (!file)
        return nastl_error_nomem(path);
    file->is_new = true;
    file->size = UINT64_MAX;
    nastl_h5_enter();
    const int status = nastl_h5_leave(create_file(file));
    if (status < 0) {
        destroy_handle(file);
        return status;
    }
    *out = file;
    return NASTL_OK;
}

/* Flushing first makes the memory as long as the file; closing may make the file shorter.
 */
static int close_new(struct nastl_h5 *file)
{
    if (H5Fflush(file->id, H5F_SCOPE_GLOBAL) < 0)
        return nastl_h5_fail(file, "/", "write");
    const herr_t closed = H5Fclose(file->id);
    file->id = H5I_INVALID_HID;
    return closed < 0 ? nastl_h5_fail(file, "/", "close") : NASTL_OK;
}

/* Memory is allocated in steps; where the file ends stands in its superblock (version 2,
 * bytes 28 to 35, little-endian). */
static int get_length(size_t *length, const struct nastl_h5 *file)
{
    enum { VERSION_AT = 8, END_AT = 28, SUPERBLOCK = 48 };
    uint64_t end = 0;
    if (file->image_bytes >= SUPERBLOCK && file->image[VERSION_AT] == 2)
        for (int i = 7; i >= 0; i--)
            end = end << 8 | (unsigned char)file->image[END_AT + i];
    if (end < SUPERBLOCK || end > file->image_bytes)
        return nastl_error(NASTL_EINTERNAL,
                           "%s: HDF5 made a file without an end; report "
                           "this",
                           file->path);
    *length = (size_t)end;
    return NASTL_OK;
}

int nastl_h5_commit(struct nastl_h5 *file)
{
    size_t length = 0;
    assert(file->is_new && file->id >= 0);
    nastl_h5_enter();
    TRY(nastl_h5_leave(close_new(file)));
    TRY(get_length(&length, file));
    return nastl_file_write(file->path, file->image, length);
}

void nastl_h5_close(struct nastl_h5 *file)
{
    if (!file)
        return;
    if (file->id >= 0) {
        nastl_h5_enter();
        nastl_h5_leave(H5Fclose(file->id));
    }
    destroy_handle(file);
}

const char *nastl_h5_file_path(const struct nastl_h5 *file)
{
    return file->path;
}

/* ---- groups ------------------------------------------------------------------------ */

bool nastl_h5_has(struct nastl_h5 *file, const char *path)
{
    nastl_h5_enter();
    return nastl_h5_leave(nastl_h5_find(file, path)) == NASTL_OK;
}

int nastl_h5_group(struct nastl_h5 *file, const char *path)
{
    assert(file->is_new);
    nastl_h5_enter();
    return nastl_h5_leave(walk_copy(file, path, strlen(path), true));
}

struct names {
    char **items;
    size_t count, capacity;
    int status;
};

static int add_name(struct names *names, const char *name)
{
    if (names->count == names->capacity) {
        const size_t capacity = names->capacity ? 2 * names->capacity : 16;
        char **items = nastl_alloc_resize(names->items, capacity, sizeof *items);
        if (!items)
            return nastl_error_nomem(name);
        names->items = items;
        names->capacity = capacity;
    }
    names->items[names->count] = nastl_strdup(name);
    if (!names->items[names->count])
        return nastl_error_nomem(name);
    names->count++;
    return NASTL_OK;
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info,
                         void *payload)
{
    (void)group;
    (void)info;
    struct names *names = payload;
    names->status = add_name(names, name);
    return names->status;
}

static int list_names(struct names *names, const struct nastl_h5 *file, const char *path)
{
    hid_t group;
    TRY(nastl_h5_open_object(&group, file, path));
    int status = NASTL_OK;
    if (H5Iget_type(group) != H5I_GROUP)
        status = nastl_h5_refuse(file, path, "is no group; name a group");
    else if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_link, names) < 0)
        status = names->status < 0 ? names->status : nastl_h5_fail(file, path, "list");
    H5Oclose(group);
    return status;
}

int nastl_h5_children(struct nastl_h5 *file, const char *path, char ***out, size_t *count)
{
    struct names names = {0};
    nastl_h5_enter();
    const int status = nastl_h5_leave(list_names(&names, file, path));
    if (status < 0) {
        nastl_h5_free_strings(names.items, names.count);
        return status;
    }
    *out = names.items;
    *count = names.count;
    return NASTL_OK;
}

void nastl_h5_free_strings(char **items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(items[i]);
    free(items);
}

/* ---- copies ------------------------------------------------------------------------ */

static int copy_object(const struct nastl_h5 *to, const char *to_path,
                       const struct nastl_h5 *from, const char *from_path)
{
    TRY(nastl_h5_find(from, from_path));
    TRY(nastl_h5_make_place(to, to_path));
    const hid_t links = nastl_h5_link_properties();
    const herr_t copied =
        H5Ocopy(from->id, or_root(from_path), to->id, to_path, H5P_DEFAULT, links);
    const int status = copied < 0 ? nastl_h5_fail(from, from_path, "copy") : NASTL_OK;
    H5Pclose(links);
    return status;
}

int nastl_h5_copy(struct nastl_h5 *to, const char *to_path, struct nastl_h5 *from,
                  const char *from_path)
{
    assert(to->is_new);
    nastl_h5_enter();
    return nastl_h5_leave(copy_object(to, to_path, from, from_path));
}
