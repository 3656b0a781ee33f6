/* prep_h5.c: the statistics of features in a model file. prep.h says what is where.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/prep_impl.h"
#include "data/h5_path.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const scaling_names[] = {
    [NASTL_SCALING_STANDARD] = "standard",
    [NASTL_SCALING_QUANTILE] = "quantile",
    [NASTL_SCALING_ROBUST] = "robust",
};
_Static_assert(sizeof scaling_names / sizeof *scaling_names == NASTL_SCALING_COUNT,
               "one a scaling");

/* ---- saving ------------------------------------------------------------------------ */

static int save_doubles(struct nastl_h5 *file, const char *group, const char *name,
                        const double *data, size_t count)
{
    char path[NASTL_H5_PATH];
    TRY(nastl_h5_below(path, group, name));
    return nastl_h5_put_doubles(file, path, data, 1, &count);
}

static int save_knots(const struct nastl_prep *prep, struct nastl_h5 *file,
                      const char *group)
{
    char path[NASTL_H5_PATH];
    const size_t shape[2] = {prep->count, NASTL_KNOTS};
    TRY(nastl_h5_below(path, group, "knots_x"));
    TRY(nastl_h5_put_floats(file, path, prep->knots_x, 2, shape));
    TRY(nastl_h5_below(path, group, "knots_y"));
    TRY(nastl_h5_put_floats(file, path, prep->knots_y, 2, shape));
    return nastl_h5_put_sizes(file, group, "knots", prep->knots, prep->count);
}

int nastl_prep_save(const struct nastl_prep *prep, struct nastl_h5 *file,
                    const char *group)
{
    TRY(nastl_h5_group(file, group));
    TRY(nastl_h5_set_text(file, group, "schema", "nas-tl/prep/v1"));
    TRY(nastl_h5_set_text(file, group, "scaling", scaling_names[prep->scaling]));
    TRY(nastl_h5_set_int(file, group, "numbers", (int64_t)prep->count));
    if (prep->count == 0)
        return NASTL_OK;
    TRY(save_doubles(file, group, "median", prep->median, prep->count));
    TRY(save_doubles(file, group, "mean", prep->mean, prep->count));
    TRY(save_doubles(file, group, "scale", prep->scale, prep->count));
    return prep->scaling == NASTL_SCALING_QUANTILE ? save_knots(prep, file, group)
                                                   : NASTL_OK;
}

/* ---- loading ----------------------------------------------------------------------- */

static int damaged(const char *group, const char *what)
{
    return nastl_error(NASTL_EFORMAT, "%s: %s; the file is damaged or of another version",
                       group, what);
}

static int load_scaling(enum nastl_scaling *out, struct nastl_h5 *file, const char *group)
{
    char *text;
    TRY(nastl_h5_get_text(file, group, "scaling", &text));
    int found = -1;
    for (int i = 0; i < NASTL_SCALING_COUNT; i++)
        if (strcmp(text, scaling_names[i]) == 0)
            found = i;
    free(text);
    if (found < 0)
        return damaged(group, "an unknown scaling");
    *out = (enum nastl_scaling)found;
    return NASTL_OK;
}

static int load_doubles(double *data, size_t count, struct nastl_h5 *file,
                        const char *group, const char *name)
{
    char path[NASTL_H5_PATH];
    TRY(nastl_h5_below(path, group, name));
    TRY(nastl_h5_get_doubles(file, path, data, count));
    for (size_t i = 0; i < count; i++)
        if (!isfinite(data[i]))
            return damaged(path, "a number that is not finite");
    return NASTL_OK;
}

static bool ascends(const float *x, const float *y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]) || !isfinite(y[i]) || (i && !(x[i] > x[i - 1])))
            return false;
    return count > 0;
}

static int load_knots(struct nastl_prep *prep, struct nastl_h5 *file, const char *group)
{
    char path[NASTL_H5_PATH];
    const size_t room = prep->count * NASTL_KNOTS;
    TRY(nastl_h5_below(path, group, "knots_x"));
    TRY(nastl_h5_get_floats(file, path, prep->knots_x, room));
    TRY(nastl_h5_below(path, group, "knots_y"));
    TRY(nastl_h5_get_floats(file, path, prep->knots_y, room));
    TRY(nastl_h5_get_sizes(prep->knots, prep->count, NASTL_KNOTS, file, group, "knots"));
    for (size_t i = 0; i < prep->count; i++)
        if (!ascends(prep->knots_x + i * NASTL_KNOTS, prep->knots_y + i * NASTL_KNOTS,
                     prep->knots[i]))
            return damaged(group, "knots that do not ascend");
    return NASTL_OK;
}

static int load(struct nastl_prep *prep, struct nastl_h5 *file, const char *group)
{
    int64_t numbers;
    TRY(nastl_h5_get_int(file, group, "numbers", &numbers));
    if (numbers != (int64_t)prep->count)
        return damaged(group, "it is for another number of features");
    if (prep->count == 0)
        return NASTL_OK;
    TRY(load_doubles(prep->median, prep->count, file, group, "median"));
    TRY(load_doubles(prep->mean, prep->count, file, group, "mean"));
    TRY(load_doubles(prep->scale, prep->count, file, group, "scale"));
    return prep->scaling == NASTL_SCALING_QUANTILE ? load_knots(prep, file, group)
                                                   : NASTL_OK;
}

int nastl_prep_load(struct nastl_prep **out, const struct nastl_layout *layout,
                    struct nastl_h5 *file, const char *group)
{
    enum nastl_scaling scaling = NASTL_SCALING_STANDARD;
    struct nastl_prep *prep;
    TRY(load_scaling(&scaling, file, group));
    TRY(nastl_prep_create(&prep, nastl_layout_numbers(layout), scaling));
    const int status = load(prep, file, group);
    if (status < 0)
        nastl_prep_destroy(prep);
    else
        *out = prep;
    return status;
}
