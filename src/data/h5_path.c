/* h5_path.c: see h5_path.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/h5_path.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>

int nastl_h5_below(char out[NASTL_H5_PATH], const char *group, const char *name)
{
    const int length = snprintf(out, NASTL_H5_PATH, "%s/%s", group, name);
    if (length > 0 && length < NASTL_H5_PATH)
        return NASTL_OK;
    return nastl_error(NASTL_EINVAL,
                       "%.40s…: the name of a group is too long; give a "
                       "shorter one",
                       group);
}

int nastl_h5_put_sizes(struct nastl_h5 *file, const char *group, const char *name,
                       const size_t *sizes, size_t count)
{
    char path[NASTL_H5_PATH];
    TRY(nastl_h5_below(path, group, name));
    int64_t *ints = nastl_alloc(count, sizeof *ints);
    if (!ints)
        return nastl_error_nomem(name);
    for (size_t i = 0; i < count; i++)
        ints[i] = (int64_t)sizes[i];
    const int status = nastl_h5_put_ints(file, path, ints, 1, &count);
    free(ints);
    return status;
}

int nastl_h5_get_sizes(size_t *sizes, size_t count, size_t most, struct nastl_h5 *file,
                       const char *group, const char *name)
{
    char path[NASTL_H5_PATH];
    TRY(nastl_h5_below(path, group, name));
    int64_t *ints = nastl_alloc(count, sizeof *ints);
    if (!ints)
        return nastl_error_nomem(name);
    int status = nastl_h5_get_ints(file, path, ints, count);
    for (size_t i = 0; status == NASTL_OK && i < count; i++) {
        if (ints[i] < 0 || (uint64_t)ints[i] > most)
            status =
                nastl_error(NASTL_EFORMAT,
                            "%s: a number out of its range; the file is damaged or of "
                            "another version",
                            path);
        else
            sizes[i] = (size_t)ints[i];
    }
    free(ints);
    return status;
}
