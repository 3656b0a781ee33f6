/* h5.h: HDF5 files: groups, float and integer and string datasets, attributes. Serial
 * HDF5 1.10 behind one process-wide lock: any thread may call. Sizes found in a file are
 * checked against the file before memory is allocated.
 *
 * Writing is atomic: a new file is made in memory, and nastl_h5_commit() puts it onto the
 * disk as nastl_file_write() does; closing without commit leaves what was there before
 * untouched.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_H5_H
#define IO_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nastl_h5;

enum { NASTL_H5_RANK = 4 };

int nastl_h5_open(struct nastl_h5 **out, const char *path);   /* read only */
int nastl_h5_create(struct nastl_h5 **out, const char *path); /* a new file */
int nastl_h5_commit(struct nastl_h5 *file); /* then only close is allowed */
void nastl_h5_close(struct nastl_h5 *file); /* accepts NULL */
const char *nastl_h5_file_path(const struct nastl_h5 *file); /* as given; for messages */

bool nastl_h5_has(struct nastl_h5 *file, const char *path);
int nastl_h5_group(struct nastl_h5 *file, const char *path); /* with its parents */

/* Datasets, by absolute path; parents are created. Row-major. Rank at most NASTL_H5_RANK.
 */
int nastl_h5_put_floats(struct nastl_h5 *file, const char *path, const float *data,
                        int rank, const size_t *shape);
int nastl_h5_put_doubles(struct nastl_h5 *file, const char *path, const double *data,
                         int rank, const size_t *shape);
int nastl_h5_put_ints(struct nastl_h5 *file, const char *path, const int64_t *data,
                      int rank, const size_t *shape);
int nastl_h5_put_strings(struct nastl_h5 *file, const char *path, char *const *items,
                         size_t count); /* variable-length UTF-8 */

/* The shape of a dataset; NASTL_ENOENT or NASTL_EFORMAT. */
int nastl_h5_shape(struct nastl_h5 *file, const char *path, int *rank,
                   size_t shape[NASTL_H5_RANK]);
/* Reads into memory of the caller, `count` numbers, converted from whatever numeric type
 * is stored; NASTL_EFORMAT where the dataset holds another number of them. */
int nastl_h5_get_floats(struct nastl_h5 *file, const char *path, float *data,
                        size_t count);
int nastl_h5_get_doubles(struct nastl_h5 *file, const char *path, double *data,
                         size_t count);
int nastl_h5_get_ints(struct nastl_h5 *file, const char *path, int64_t *data,
                      size_t count);
/* Fixed or variable-length strings; the caller frees each item and the array. */
int nastl_h5_get_strings(struct nastl_h5 *file, const char *path, char ***out,
                         size_t *count);
bool nastl_h5_is_text(struct nastl_h5 *file, const char *path); /* a dataset of strings */

/* Attributes of the group or dataset `path` ("/" is the root). Strings: the caller frees.
 */
int nastl_h5_set_text(struct nastl_h5 *file, const char *path, const char *name,
                      const char *text);
int nastl_h5_set_number(struct nastl_h5 *file, const char *path, const char *name,
                        double value);
int nastl_h5_set_int(struct nastl_h5 *file, const char *path, const char *name,
                     int64_t value);
int nastl_h5_get_text(struct nastl_h5 *file, const char *path, const char *name,
                      char **out);
int nastl_h5_get_number(struct nastl_h5 *file, const char *path, const char *name,
                        double *out);
int nastl_h5_get_int(struct nastl_h5 *file, const char *path, const char *name,
                     int64_t *out);

/* Names of the children of a group, sorted; the caller frees each and the array. */
int nastl_h5_children(struct nastl_h5 *file, const char *path, char ***out,
                      size_t *count);

/* Copies a group or dataset with all below it from one open file into another. */
int nastl_h5_copy(struct nastl_h5 *to, const char *to_path, struct nastl_h5 *from,
                  const char *from_path);

void nastl_h5_free_strings(char **items, size_t count);

#endif
