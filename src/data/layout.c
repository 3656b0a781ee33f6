/* layout.c: the inputs of a network: fitted on training rows, and datasets made to fit
 * it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/prep.h"
#include "data/assemble.h"
#include "data/texts.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void nastl_layout_destroy(struct nastl_layout *layout)
{
    if (!layout)
        return;
    for (size_t i = 0; layout->features && i < layout->feature_count; i++) {
        free(layout->features[i].name);
        nastl_texts_free(layout->features[i].levels, layout->features[i].level_count);
    }
    free(layout->features);
    free(layout->cardinality);
    free(layout->label_name);
    free(layout->label_transform);
    nastl_texts_free(layout->classes, layout->class_count);
    free(layout);
}

/* ---- copying ----------------------------------------------------------------------- */

static int copy_feature(struct nastl_layout_feature *out,
                        const struct nastl_layout_feature *from)
{
    *out = *from;
    out->level_count = 0;
    out->levels = NULL;
    out->name = nastl_strdup(from->name);
    if (!out->name)
        return nastl_error_nomem("a layout");
    return from->levels ? nastl_texts_copy(&out->levels, &out->level_count, from->levels,
                                           from->level_count)
                        : NASTL_OK;
}

static int copy_features(struct nastl_layout *out, const struct nastl_layout *from)
{
    out->features = nastl_alloc_zero(from->feature_count, sizeof *out->features);
    if (!out->features)
        return nastl_error_nomem("a layout");
    out->feature_count = from->feature_count;
    for (size_t i = 0; i < from->feature_count; i++)
        TRY(copy_feature(&out->features[i], &from->features[i]));
    return NASTL_OK;
}

static int copy_layout(struct nastl_layout *out, const struct nastl_layout *from)
{
    out->numeric = from->numeric;
    out->categorical = from->categorical;
    out->task = from->task;
    out->label_scale = from->label_scale;
    out->cardinality = nastl_alloc(from->categorical, sizeof *out->cardinality);
    out->label_name = nastl_strdup(from->label_name);
    out->label_transform = nastl_strdup(from->label_transform);
    if (!out->cardinality || !out->label_name || !out->label_transform)
        return nastl_error_nomem("a layout");
    if (from->categorical)
        memcpy(out->cardinality, from->cardinality,
               from->categorical * sizeof *out->cardinality);
    TRY(nastl_texts_copy(&out->classes, &out->class_count, from->classes,
                         from->class_count));
    return copy_features(out, from);
}

int nastl_layout_copy(struct nastl_layout **out, const struct nastl_layout *layout)
{
    struct nastl_layout *copy = nastl_alloc_zero(1, sizeof *copy);
    if (!copy)
        return nastl_error_nomem("a layout");
    const int status = copy_layout(copy, layout);
    if (status < 0)
        nastl_layout_destroy(copy);
    else
        *out = copy;
    return status;
}

/* ---- fitting ----------------------------------------------------------------------- */

static bool any_missing(const struct nastl_dataset *dataset,
                        const struct nastl_feature *feature, const int32_t *rows,
                        size_t count)
{
    const size_t numeric = dataset->numeric_count, codes = dataset->categorical_count;
    for (size_t i = 0; i < count; i++) {
        const size_t row = (size_t)rows[i];
        if (feature->kind == NASTL_NUMERIC
                ? isnan(dataset->numeric[row * numeric + feature->at])
                : dataset->code[row * codes + feature->at] < 0)
            return true;
    }
    return false;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The levels that occur in the rows, sorted. */
static int fit_levels(struct nastl_layout_feature *out,
                      const struct nastl_dataset *dataset,
                      const struct nastl_feature *feature, const int32_t *rows,
                      size_t count)
{
    bool *occurs = nastl_alloc_zero(feature->level_count, sizeof *occurs);
    out->levels = nastl_alloc_zero(feature->level_count, sizeof *out->levels);
    int status = occurs && out->levels ? NASTL_OK : nastl_error_nomem("a layout");
    for (size_t i = 0; status == NASTL_OK && i < count; i++) {
        const size_t row = (size_t)rows[i];
        const int32_t code =
            dataset->code[row * dataset->categorical_count + feature->at];
        if (code >= 0 && (size_t)code < feature->level_count)
            occurs[code] = true;
    }
    for (size_t i = 0; status == NASTL_OK && i < feature->level_count; i++) {
        if (!occurs[i])
            continue;
        char *level = nastl_strdup(feature->levels[i]);
        if (!level)
            status = nastl_error_nomem("a layout");
        else
            out->levels[out->level_count++] = level;
    }
    if (status == NASTL_OK && out->level_count)
        qsort(out->levels, out->level_count, sizeof *out->levels, by_bytes);
    free(occurs);
    return status;
}

static int fit_feature(struct nastl_layout *layout, const struct nastl_dataset *dataset,
                       size_t at, const int32_t *rows, size_t count)
{
    const struct nastl_feature *feature = &dataset->features[at];
    struct nastl_layout_feature *out = &layout->features[at];
    const bool missing = any_missing(dataset, feature, rows, count);
    *out = (struct nastl_layout_feature){
        .name = nastl_strdup(feature->name), .kind = feature->kind, .indicator = -1};
    if (!out->name)
        return nastl_error_nomem("a layout");
    if (feature->kind == NASTL_NUMERIC) {
        out->at = layout->numeric++;
        out->indicator = missing ? 0 : -1; /* its column follows, once all are known */
        return NASTL_OK;
    }
    out->at = layout->categorical++;
    out->missing_level = missing;
    TRY(fit_levels(out, dataset, feature, rows, count));
    layout->cardinality[out->at] = out->level_count + 1 + missing;
    return NASTL_OK;
}

static void place_indicators(struct nastl_layout *layout)
{
    for (size_t i = 0; i < layout->feature_count; i++)
        if (layout->features[i].indicator >= 0)
            layout->features[i].indicator = (long)layout->numeric++;
}

static int fit_label(struct nastl_layout *layout, const struct nastl_dataset *dataset)
{
    layout->task = dataset->task;
    layout->label_scale = dataset->label_scale;
    layout->label_name = nastl_strdup(dataset->label_name);
    layout->label_transform = nastl_strdup(dataset->label_transform);
    if (!layout->label_name || !layout->label_transform)
        return nastl_error_nomem("a layout");
    return nastl_texts_copy(&layout->classes, &layout->class_count, dataset->classes,
                            dataset->class_count);
}

static int fit(struct nastl_layout *layout, const struct nastl_dataset *dataset,
               const int32_t *rows, size_t count)
{
    layout->features = nastl_alloc_zero(dataset->feature_count, sizeof *layout->features);
    layout->cardinality =
        nastl_alloc_zero(dataset->categorical_count, sizeof *layout->cardinality);
    if (!layout->features || !layout->cardinality)
        return nastl_error_nomem("a layout");
    layout->feature_count = dataset->feature_count;
    for (size_t i = 0; i < dataset->feature_count; i++)
        TRY(fit_feature(layout, dataset, i, rows, count));
    place_indicators(layout);
    return fit_label(layout, dataset);
}

int nastl_layout_fit(struct nastl_layout **out, const struct nastl_dataset *dataset,
                     const int32_t *rows, size_t count)
{
    struct nastl_layout *layout = nastl_alloc_zero(1, sizeof *layout);
    const int status =
        layout ? fit(layout, dataset, rows, count) : nastl_error_nomem("a layout");
    if (status < 0)
        nastl_layout_destroy(layout);
    else
        *out = layout;
    return status;
}
