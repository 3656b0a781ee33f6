/* layout_h5.c: a layout in a model file. prep.h says what is where.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/h5_path.h"
#include "data/prep.h"

#include "base/alloc.h"
#include "base/error.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "nas-tl/layout/v1"

enum { MOST_FEATURES = 1 << 20 };

static int damaged(const char *group, const char *what)
{
    return nastl_error(NASTL_EFORMAT, "%s: %s; the file is damaged or of another version",
                       group, what);
}

/* ---- saving ------------------------------------------------------------------------ */

static int save_ints(struct nastl_h5 *file, const char *group, const char *name,
                     const int64_t *data, size_t count)
{
    char path[NASTL_H5_PATH];
    TRY(nastl_h5_below(path, group, name));
    return nastl_h5_put_ints(file, path, data, 1, &count);
}

static int save_texts(struct nastl_h5 *file, const char *group, const char *name,
                      char *const *items, size_t count)
{
    char path[NASTL_H5_PATH];
    if (count == 0)
        return NASTL_OK;
    TRY(nastl_h5_below(path, group, name));
    return nastl_h5_put_strings(file, path, items, count);
}

/* The features side by side, as they are stored. */
struct flat {
    size_t count, level_count;
    char **names, **levels; /* borrowed texts */
    int64_t *numbers;       /* (5, count): the rows below */
};

static const char *const number_names[] = {"kind", "at", "indicator", "levels_of",
                                           "missing_level"};
enum { KIND, AT, INDICATOR, LEVELS_OF, MISSING_LEVEL, NUMBERS };
_Static_assert(sizeof number_names / sizeof *number_names == NUMBERS, "one a name");

static void finish_flat(struct flat *flat)
{
    free(flat->names);
    free(flat->levels);
    free(flat->numbers);
}

static int flatten(struct flat *flat, const struct nastl_layout *layout)
{
    const size_t n = flat->count = layout->feature_count;
    size_t levels = 0;
    for (size_t i = 0; i < n; i++)
        levels += layout->features[i].level_count;
    flat->names = nastl_alloc(n, sizeof *flat->names);
    flat->levels = nastl_alloc(levels, sizeof *flat->levels);
    flat->numbers = nastl_alloc(n, NUMBERS * sizeof *flat->numbers);
    if (!flat->names || !flat->levels || !flat->numbers)
        return nastl_error_nomem("a layout");
    for (size_t i = 0; i < n; i++) {
        const struct nastl_layout_feature *feature = &layout->features[i];
        const int64_t values[NUMBERS] = {
            feature->kind, (int64_t)feature->at, feature->indicator,
            (int64_t)feature->level_count, feature->missing_level};
        flat->names[i] = feature->name;
        for (size_t k = 0; k < NUMBERS; k++)
            flat->numbers[k * n + i] = values[k];
        for (size_t k = 0; k < feature->level_count; k++)
            flat->levels[flat->level_count++] = feature->levels[k];
    }
    return NASTL_OK;
}

static int save_flat(const struct flat *flat, struct nastl_h5 *file, const char *group)
{
    TRY(save_texts(file, group, "features", flat->names, flat->count));
    for (size_t k = 0; k < NUMBERS; k++)
        TRY(save_ints(file, group, number_names[k], flat->numbers + k * flat->count,
                      flat->count));
    return save_texts(file, group, "levels", flat->levels, flat->level_count);
}

static int save_label(const struct nastl_layout *layout, struct nastl_h5 *file,
                      const char *group)
{
    TRY(nastl_h5_set_text(file, group, "task", nastl_task_name(layout->task)));
    TRY(nastl_h5_set_text(file, group, "label", layout->label_name));
    TRY(nastl_h5_set_number(file, group, "label_scale", layout->label_scale));
    TRY(nastl_h5_set_text(file, group, "label_transform", layout->label_transform));
    return save_texts(file, group, "classes", layout->classes, layout->class_count);
}

int nastl_layout_save(const struct nastl_layout *layout, struct nastl_h5 *file,
                      const char *group)
{
    TRY(nastl_h5_group(file, group));
    TRY(nastl_h5_set_text(file, group, "schema", SCHEMA));
    TRY(nastl_h5_set_int(file, group, "numeric", (int64_t)layout->numeric));
    TRY(nastl_h5_set_int(file, group, "categorical", (int64_t)layout->categorical));
    TRY(save_label(layout, file, group));
    struct flat flat = {0};
    int status = flatten(&flat, layout);
    if (status == NASTL_OK)
        status = save_flat(&flat, file, group);
    finish_flat(&flat);
    return status;
}

/* ---- loading ----------------------------------------------------------------------- */

static int load_texts(char ***out, size_t *count, struct nastl_h5 *file,
                      const char *group, const char *name)
{
    char path[NASTL_H5_PATH];
    TRY(nastl_h5_below(path, group, name));
    return nastl_h5_get_strings(file, path, out, count);
}

static int load_label(struct nastl_layout *layout, struct nastl_h5 *file,
                      const char *group)
{
    char *task;
    TRY(nastl_h5_get_text(file, group, "task", &task));
    layout->task = NASTL_TASK_AUTO;
    for (int i = NASTL_TASK_BINARY; i < NASTL_TASK_COUNT; i++)
        if (strcmp(task, nastl_task_name((enum nastl_task)i)) == 0)
            layout->task = (enum nastl_task)i;
    free(task);
    if (layout->task == NASTL_TASK_AUTO)
        return damaged(group, "an unknown task");
    TRY(nastl_h5_get_text(file, group, "label", &layout->label_name));
    TRY(nastl_h5_get_number(file, group, "label_scale", &layout->label_scale));
    TRY(nastl_h5_get_text(file, group, "label_transform", &layout->label_transform));
    if (layout->task != NASTL_TASK_REGRESSION)
        TRY(load_texts(&layout->classes, &layout->class_count, file, group, "classes"));
    if ((layout->task == NASTL_TASK_BINARY && layout->class_count != 2) ||
        (layout->task == NASTL_TASK_MULTICLASS && layout->class_count < 2))
        return damaged(group, "the classes do not fit the task");
    if (!isfinite(layout->label_scale) || !(layout->label_scale > 0))
        return damaged(group, "the label's scale is not above 0");
    return NASTL_OK;
}

static int load_numbers(struct flat *flat, struct nastl_h5 *file, const char *group)
{
    char path[NASTL_H5_PATH];
    flat->numbers = nastl_alloc(flat->count, NUMBERS * sizeof *flat->numbers);
    if (!flat->numbers)
        return nastl_error_nomem("a layout");
    for (size_t k = 0; k < NUMBERS; k++) {
        TRY(nastl_h5_below(path, group, number_names[k]));
        TRY(nastl_h5_get_ints(file, path, flat->numbers + k * flat->count, flat->count));
    }
    return NASTL_OK;
}

static bool has_levels(const struct flat *flat)
{
    for (size_t i = 0; i < flat->count; i++)
        if (flat->numbers[LEVELS_OF * flat->count + i])
            return true;
    return false;
}

static bool in_range(int64_t value, int64_t low, size_t end)
{
    return value >= low && (value < 0 || (uint64_t)value < end);
}

/* Takes over the name and the levels of one feature. */
static int take_feature(struct nastl_layout *layout, struct flat *flat, size_t i,
                        size_t *used, const char *group)
{
    const int64_t *n = flat->numbers + i;
    const size_t step = flat->count;
    const int64_t kind = n[KIND * step], at = n[AT * step],
                  indicator = n[INDICATOR * step], levels = n[LEVELS_OF * step],
                  missing = n[MISSING_LEVEL * step];
    const bool numeric = kind == NASTL_NUMERIC;
    const size_t columns = numeric ? layout->numeric : layout->categorical;
    if (!in_range(kind, 0, 2) || !in_range(at, 0, columns) ||
        !in_range(indicator, -1, layout->numeric) || !in_range(missing, 0, 2) ||
        !in_range(levels, 0, flat->level_count - *used + 1) || (numeric && levels))
        return damaged(group, "a feature's numbers are out of range");
    struct nastl_layout_feature *feature = &layout->features[i];
    *feature = (struct nastl_layout_feature){.name = flat->names[i],
                                             .kind = (enum nastl_kind)kind,
                                             .at = (size_t)at,
                                             .indicator = (long)indicator,
                                             .missing_level = missing == 1};
    flat->names[i] = NULL;
    feature->levels = nastl_alloc_zero((size_t)levels, sizeof *feature->levels);
    if (!feature->levels)
        return nastl_error_nomem("a layout");
    for (int64_t k = 0; k < levels; k++) {
        feature->levels[feature->level_count++] = flat->levels[*used];
        flat->levels[(*used)++] = NULL;
    }
    if (!numeric)
        layout->cardinality[at] = feature->level_count + 1 + feature->missing_level;
    return NASTL_OK;
}

/* Every column of x and of code belongs to one feature, and levels ascend. */
static int check_features(size_t *numbers, const struct nastl_layout *layout,
                          const char *group)
{
    size_t indicators = 0, codes = 0;
    *numbers = 0;
    for (size_t i = 0; i < layout->feature_count; i++) {
        const struct nastl_layout_feature *feature = &layout->features[i];
        const bool numeric = feature->kind == NASTL_NUMERIC;
        *numbers += numeric;
        indicators += numeric && feature->indicator >= 0;
        codes += !numeric;
        for (size_t k = 1; k < feature->level_count; k++)
            if (strcmp(feature->levels[k - 1], feature->levels[k]) >= 0)
                return damaged(group, "levels that do not ascend");
    }
    if (*numbers + indicators != layout->numeric || codes != layout->categorical)
        return damaged(group, "the features do not fill the inputs");
    return NASTL_OK;
}

/* Numbers come first in x, then the indicators; no column is used twice. */
static int check_places(const struct nastl_layout *layout, size_t numbers,
                        const char *group)
{
    bool *taken = nastl_alloc_zero(layout->numeric + layout->categorical, sizeof *taken);
    if (!taken)
        return nastl_error_nomem("a layout");
    bool twice = false;
    for (size_t i = 0; i < layout->feature_count; i++) {
        const struct nastl_layout_feature *feature = &layout->features[i];
        const bool numeric = feature->kind == NASTL_NUMERIC;
        const size_t at = feature->at + (numeric ? 0 : layout->numeric);
        twice |= taken[at] || (numeric && at >= numbers);
        taken[at] = true;
        if (!numeric || feature->indicator < 0)
            continue;
        twice |= taken[feature->indicator] || (size_t)feature->indicator < numbers;
        taken[feature->indicator] = true;
    }
    free(taken);
    return twice ? damaged(group, "features share inputs") : NASTL_OK;
}

static int load_flat(struct flat *flat, struct nastl_layout *layout,
                     struct nastl_h5 *file, const char *group)
{
    TRY(load_texts(&flat->names, &flat->count, file, group, "features"));
    if (flat->count == 0)
        return damaged(group, "no features");
    TRY(load_numbers(flat, file, group));
    if (has_levels(flat))
        TRY(load_texts(&flat->levels, &flat->level_count, file, group, "levels"));
    layout->features = nastl_alloc_zero(flat->count, sizeof *layout->features);
    layout->cardinality =
        nastl_alloc_zero(layout->categorical, sizeof *layout->cardinality);
    if (!layout->features || !layout->cardinality)
        return nastl_error_nomem("a layout");
    layout->feature_count = flat->count;
    size_t used = 0;
    for (size_t i = 0; i < flat->count; i++)
        TRY(take_feature(layout, flat, i, &used, group));
    size_t numbers;
    TRY(check_features(&numbers, layout, group));
    return check_places(layout, numbers, group);
}

static int load(struct nastl_layout *layout, struct nastl_h5 *file, const char *group)
{
    int64_t numeric, categorical;
    TRY(nastl_h5_get_int(file, group, "numeric", &numeric));
    TRY(nastl_h5_get_int(file, group, "categorical", &categorical));
    if (!in_range(numeric, 0, MOST_FEATURES) || !in_range(categorical, 0, MOST_FEATURES))
        return damaged(group, "the number of inputs is out of range");
    layout->numeric = (size_t)numeric;
    layout->categorical = (size_t)categorical;
    TRY(load_label(layout, file, group));
    struct flat flat = {0};
    const int status = load_flat(&flat, layout, file, group);
    for (size_t i = 0; flat.names && i < flat.count; i++)
        free(flat.names[i]);
    for (size_t i = 0; flat.levels && i < flat.level_count; i++)
        free(flat.levels[i]);
    finish_flat(&flat);
    return status;
}

int nastl_layout_load(struct nastl_layout **out, struct nastl_h5 *file, const char *group)
{
    char *schema;
    TRY(nastl_h5_get_text(file, group, "schema", &schema));
    const bool known = strcmp(schema, SCHEMA) == 0;
    free(schema);
    if (!known)
        return damaged(group, "no layout of inputs");
    struct nastl_layout *layout = nastl_alloc_zero(1, sizeof *layout);
    const int status = layout ? load(layout, file, group) : nastl_error_nomem("a layout");
    if (status < 0)
        nastl_layout_destroy(layout);
    else
        *out = layout;
    return status;
}
