/* h5_attribute.c: scalar attributes of groups and datasets: texts, numbers, integers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/h5_inside.h"

#include "base/alloc.h"
#include "base/error.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ----------------------------------------------------------------------- */

static hid_t create_attribute(hid_t object, const char *name, hid_t type)
{
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t creation = H5Pcreate(H5P_ATTRIBUTE_CREATE);
    H5Pset_char_encoding(creation, H5T_CSET_UTF8);
    const hid_t id = H5Acreate2(object, name, type, space, creation, H5P_DEFAULT);
    H5Pclose(creation);
    H5Sclose(space);
    return id;
}

static herr_t write_attribute(hid_t object, const char *name, hid_t stored, hid_t memory,
                              const void *value)
{
    if (H5Aexists(object, name) > 0 && H5Adelete(object, name) < 0)
        return -1;
    const hid_t id = create_attribute(object, name, stored);
    if (id < 0)
        return -1;
    const herr_t done = H5Awrite(id, memory, value);
    H5Aclose(id);
    return done;
}

static int set(const struct nastl_h5 *file, const char *path, const char *name,
               hid_t stored, hid_t memory, const void *value)
{
    hid_t object;
    TRY(nastl_h5_open_object(&object, file, path));
    const herr_t done = write_attribute(object, name, stored, memory, value);
    const int status = done < 0 ? nastl_h5_fail(file, path, "write") : NASTL_OK;
    H5Oclose(object);
    return status;
}

int nastl_h5_set_text(struct nastl_h5 *file, const char *path, const char *name,
                      const char *text)
{
    assert(file->is_new && text);
    nastl_h5_enter();
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    const int status = set(file, path, name, type, type, &text);
    H5Tclose(type);
    return nastl_h5_leave(status);
}

int nastl_h5_set_number(struct nastl_h5 *file, const char *path, const char *name,
                        double value)
{
    assert(file->is_new);
    nastl_h5_enter();
    return nastl_h5_leave(
        set(file, path, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value));
}

int nastl_h5_set_int(struct nastl_h5 *file, const char *path, const char *name,
                     int64_t value)
{
    assert(file->is_new);
    nastl_h5_enter();
    return nastl_h5_leave(set(file, path, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value));
}

/* ---- reading ----------------------------------------------------------------------- */

struct attribute {
    hid_t object, id, type;
    H5T_class_t class;
    size_t item; /* bytes */
};

static void close_attribute(struct attribute *a)
{
    if (a->type >= 0)
        H5Tclose(a->type);
    if (a->id >= 0)
        H5Aclose(a->id);
    H5Oclose(a->object);
}

static int refuse(const struct nastl_h5 *file, const char *path, const char *name,
                  const char *why)
{
    return nastl_error(NASTL_EFORMAT, "%s:%s: attribute '%s': %s", file->path, path, name,
                       why);
}

static bool is_single(hid_t attribute)
{
    const hid_t space = H5Aget_space(attribute);
    if (space < 0)
        return false;
    const hssize_t count = H5Sget_simple_extent_npoints(space);
    H5Sclose(space);
    return count == 1;
}

static int open_found(struct attribute *a, const struct nastl_h5 *file, const char *path,
                      const char *name)
{
    const htri_t exists = H5Aexists(a->object, name);
    if (exists == 0)
        return nastl_error(NASTL_ENOENT,
                           "%s:%s: attribute '%s': is not there; check the file",
                           file->path, path, name);
    a->id = H5Aopen(a->object, name, H5P_DEFAULT);
    a->type = a->id < 0 ? H5I_INVALID_HID : H5Aget_type(a->id);
    if (exists < 0 || a->type < 0)
        return nastl_h5_fail(file, path, "read an attribute of");
    a->class = H5Tget_class(a->type);
    a->item = H5Tget_size(a->type);
    if (!is_single(a->id) || !nastl_h5_fits(file, 1, a->item))
        return refuse(file, path, name, "holds more than one value; give one");
    return NASTL_OK;
}

static int open_attribute(struct attribute *a, const struct nastl_h5 *file,
                          const char *path, const char *name)
{
    a->id = a->type = H5I_INVALID_HID;
    TRY(nastl_h5_open_object(&a->object, file, path));
    const int status = open_found(a, file, path, name);
    if (status < 0)
        close_attribute(a);
    return status;
}

static int read_variable(char **out, struct nastl_h5 *file, const char *path,
                         const struct attribute *a)
{
    TRY(nastl_h5_check_heap(file));
    char *raw = NULL;
    const hid_t type = H5Tget_native_type(a->type, H5T_DIR_DEFAULT);
    const herr_t done = H5Aread(a->id, type, &raw);
    H5Tclose(type);
    if (done < 0)
        return nastl_h5_fail(file, path, "read an attribute of");
    *out = nastl_strdup(raw ? raw : "");
    H5free_memory(raw);
    return *out ? NASTL_OK : nastl_error_nomem(path);
}

static int read_fixed(char **out, const struct nastl_h5 *file, const char *path,
                      const struct attribute *a)
{
    char *text = nastl_alloc_zero(a->item + 1, 1);
    if (!text)
        return nastl_error_nomem(path);
    if (H5Aread(a->id, a->type, text) < 0) {
        free(text);
        return nastl_h5_fail(file, path, "read an attribute of");
    }
    size_t length = strlen(text);
    if (H5Tget_strpad(a->type) == H5T_STR_SPACEPAD)
        while (length > 0 && text[length - 1] == ' ')
            text[--length] = '\0';
    *out = text;
    return NASTL_OK;
}

static int get_text(struct nastl_h5 *file, const char *path, const char *name, char **out)
{
    struct attribute a;
    TRY(open_attribute(&a, file, path, name));
    int status;
    if (a.class != H5T_STRING)
        status = refuse(file, path, name, "is no text; give a string");
    else if (H5Tis_variable_str(a.type) > 0)
        status = read_variable(out, file, path, &a);
    else
        status = read_fixed(out, file, path, &a);
    close_attribute(&a);
    return status;
}

int nastl_h5_get_text(struct nastl_h5 *file, const char *path, const char *name,
                      char **out)
{
    nastl_h5_enter();
    return nastl_h5_leave(get_text(file, path, name, out));
}

static int read_number(const struct nastl_h5 *file, const char *path, const char *name,
                       const struct attribute *a, double *number, int64_t *whole)
{
    if (a->class != H5T_INTEGER && a->class != H5T_FLOAT && a->class != H5T_ENUM)
        return refuse(file, path, name, "is no number; give a number");
    if (H5Aread(a->id, H5T_NATIVE_DOUBLE, number) < 0 ||
        H5Aread(a->id, H5T_NATIVE_INT64, whole) < 0)
        return nastl_h5_fail(file, path, "read an attribute of");
    return NASTL_OK;
}

/* Reads a number both ways; returns 1 where it is stored as a float, else 0. */
static int get_number(const struct nastl_h5 *file, const char *path, const char *name,
                      double *number, int64_t *whole)
{
    struct attribute a;
    TRY(open_attribute(&a, file, path, name));
    const int status = read_number(file, path, name, &a, number, whole);
    const bool is_float = a.class == H5T_FLOAT;
    close_attribute(&a);
    TRY(status);
    return is_float;
}

int nastl_h5_get_number(struct nastl_h5 *file, const char *path, const char *name,
                        double *out)
{
    int64_t whole;
    nastl_h5_enter();
    TRY(nastl_h5_leave(get_number(file, path, name, out, &whole)));
    return NASTL_OK;
}

int nastl_h5_get_int(struct nastl_h5 *file, const char *path, const char *name,
                     int64_t *out)
{
    double number;
    nastl_h5_enter();
    const int is_float = nastl_h5_leave(get_number(file, path, name, &number, out));
    TRY(is_float);
    if (is_float && !(fabs(number) < 0x1p63 && number == rint(number)))
        return refuse(file, path, name, "is no whole number; give one");
    return NASTL_OK;
}
