/* h5_path.h: paths below a group, and small arrays of sizes in a file.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_H5_PATH_H
#define DATA_H5_PATH_H

#include "io/h5.h"

enum { NASTL_H5_PATH = 512 };

/* "GROUP/NAME"; NASTL_EINVAL if it is too long. */
int nastl_h5_below(char out[NASTL_H5_PATH], const char *group, const char *name);

int nastl_h5_put_sizes(struct nastl_h5 *file, const char *group, const char *name,
                       const size_t *sizes, size_t count);
/* Reads `count` sizes of at most `most`. */
int nastl_h5_get_sizes(size_t *sizes, size_t count, size_t most, struct nastl_h5 *file,
                       const char *group, const char *name);

#endif
