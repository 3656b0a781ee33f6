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

int nastl_h5_find(const struct nastl_h5 *file, const char *path)
{
    char *part = nastl_strdup(path);
    if (!part)
        return nastl_error_nomem(path);
    int status = NASTL_OK;
    for (char *at = part; status == NASTL_OK && *at;) {
        at += strspn(at, "/");
        char *end = at + strcspn(at, "/");
        const char kept = *end;
        *end = '\0';
        if (end > at)
            status = check_link(file, part);
        *end = kept;
        at = end;
    }
    free(part);
    TRY(status);
    if (path[strspn(path, "/")] && H5Oexists_by_name(file->id, path, H5P_DEFAULT) <= 0)
        return missing(file, path);
    return NASTL_OK;
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

hid_t nastl_h5_link_properties(void)
{
    const hid_t list = H5Pcreate(H5P_LINK_CREATE);
    if (list >= 0) {
        H5Pset_create_intermediate_group(list, 1);
        H5Pset_char_encoding(list, H5T_CSET_UTF8);
    }
    return list;
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

static int open_file(struct nastl_h5 *file)
{
    if (H5Fis_hdf5(file->path) <= 0)
        return nastl_error(NASTL_EFORMAT, "%s: is no HDF5 file; give one", file->path);
    const hid_t access = access_properties();
    file->id = H5Fopen(file->path, H5F_ACC_RDONLY, access);
    const int status = file->id < 0 ? nastl_h5_fail(file, "/", "open") : NASTL_OK;
    H5Pclose(access);
    return status;
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

/* A new file lives in memory: HDF5 1.10 crashes at exit after a disk was full. */
static hid_t memory_properties(void)
{
    const hid_t list = access_properties();
    if (list >= 0)
        H5Pset_fapl_core(list, 1 << 20, 0);
    return list;
}

/* HDF5 knows open files by their names; this one is the handle's. No times in the file:
 * the same content gives the same bytes. */
static int create_file(struct nastl_h5 *file)
{
    char name[32];
    snprintf(name, sizeof name, "nastl-%p", (void *)file);
    const hid_t access = memory_properties(), creation = H5Pcreate(H5P_FILE_CREATE);
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

static int get_image(const struct nastl_h5 *file, char **out, size_t *length)
{
    if (H5Fflush(file->id, H5F_SCOPE_GLOBAL) < 0)
        return nastl_h5_fail(file, "/", "write");
    const ssize_t bytes = H5Fget_file_image(file->id, NULL, 0);
    if (bytes < 0)
        return nastl_h5_fail(file, "/", "write");
    char *image = nastl_alloc((size_t)bytes, 1);
    if (!image)
        return nastl_error_nomem(file->path);
    if (H5Fget_file_image(file->id, image, (size_t)bytes) != bytes) {
        free(image);
        return nastl_h5_fail(file, "/", "write");
    }
    *out = image;
    *length = (size_t)bytes;
    return NASTL_OK;
}

static int end_file(struct nastl_h5 *file, char **image, size_t *length)
{
    TRY(get_image(file, image, length));
    H5Fclose(file->id);
    file->id = H5I_INVALID_HID;
    return NASTL_OK;
}

int nastl_h5_commit(struct nastl_h5 *file)
{
    char *image = NULL;
    size_t length = 0;
    assert(file->is_new && file->id >= 0);
    nastl_h5_enter();
    TRY(nastl_h5_leave(end_file(file, &image, &length)));
    const int status = nastl_file_write(file->path, image, length);
    free(image);
    return status;
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

static int make_group(const struct nastl_h5 *file, const char *path)
{
    const int found = nastl_h5_find(file, path);
    if (found != NASTL_ENOENT)
        return found;
    const hid_t links = nastl_h5_link_properties();
    const hid_t group = H5Gcreate2(file->id, path, links, H5P_DEFAULT, H5P_DEFAULT);
    const int status = group < 0 ? nastl_h5_fail(file, path, "create") : NASTL_OK;
    if (group >= 0)
        H5Gclose(group);
    H5Pclose(links);
    return status;
}

int nastl_h5_group(struct nastl_h5 *file, const char *path)
{
    assert(file->is_new);
    nastl_h5_enter();
    return nastl_h5_leave(make_group(file, path));
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
    const int there = nastl_h5_find(to, to_path);
    if (there == NASTL_OK)
        return nastl_error(NASTL_EEXIST, "%s:%s: is there already; choose another name",
                           to->path, to_path);
    if (there != NASTL_ENOENT)
        return there;
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
