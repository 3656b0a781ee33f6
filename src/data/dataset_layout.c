/* dataset_layout.c: rows of a table as a model knows them: for predicting and scoring.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/assemble.h"
#include "data/prep.h"
#include "data/table_read.h"
#include "data/texts.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct work {
    struct nastl_dataset *dataset;
    const struct nastl_table *table;
    const struct nastl_layout *layout;
    const struct nastl_log *log;
    int32_t *rows; /* (dataset->rows) of the table */
};

/* A closed set of texts, each with its place. */
static int close_levels(struct nastl_levels *set, char **levels, size_t count)
{
    *set = (struct nastl_levels){.levels = levels, .count = count, .closed = true};
    for (size_t i = 0; i < count; i++)
        TRY(nastl_strmap_set(&set->map, levels[i], strlen(levels[i]), (int64_t)i));
    return NASTL_OK;
}

/* ---- labels ------------------------------------------------------------------------ */

static int read_values(struct work *w, const struct nastl_column *column)
{
    const bool log = strcmp(w->layout->label_transform, "log1p") == 0;
    if (column->kind == NASTL_CATEGORICAL)
        return nastl_error(NASTL_EFORMAT,
                           "%s:1: column '%s': the label holds texts, and the model "
                           "predicts numbers; give another column",
                           w->table->path, column->name);
    for (size_t i = 0; i < w->dataset->rows; i++) {
        const double raw = column->number[i], scaled = raw * w->layout->label_scale;
        w->dataset->label[i] = log ? log1p(scaled) : scaled;
        if (!isnan(raw) && !isfinite(w->dataset->label[i]))
            return nastl_error(
                NASTL_EFORMAT,
                "%s: row %zu, column '%s': the label %g is not finite once "
                "it is scaled; correct it or leave it empty",
                w->table->path, i + 1, column->name, raw);
    }
    return NASTL_OK;
}

static int code_classes(struct work *w, const struct nastl_column *column,
                        struct nastl_levels *set)
{
    struct nastl_dataset *dataset = w->dataset;
    int32_t *code = nastl_alloc(dataset->rows, sizeof *code);
    if (!code)
        return nastl_error_nomem("the labels");
    const int status =
        nastl_fill_codes(code, 1, column, w->table->rows, w->rows, dataset->rows, set);
    size_t unknown = 0;
    for (size_t i = 0; status == NASTL_OK && i < dataset->rows; i++) {
        dataset->label[i] = code[i] < 0 ? NAN : code[i];
        unknown += code[i] >= 0 && (size_t)code[i] == set->count;
    }
    if (unknown)
        nastl_log_warning(w->log,
                          "%zu rows are of classes that the model does not know; "
                          "they count as wrong",
                          unknown);
    free(code);
    return status;
}

static int read_classes(struct work *w, const struct nastl_column *column)
{
    struct nastl_levels set;
    int status = close_levels(&set, w->layout->classes, w->layout->class_count);
    if (status == NASTL_OK)
        status = code_classes(w, column, &set);
    nastl_strmap_finish(&set.map);
    return status;
}

/* Rows without a label cannot be scored: they are left out. */
static void drop_unlabelled(struct work *w)
{
    struct nastl_dataset *dataset = w->dataset;
    size_t kept = 0;
    for (size_t i = 0; i < dataset->rows; i++) {
        if (isnan(dataset->label[i]))
            continue;
        dataset->label[kept] = dataset->label[i];
        w->rows[kept++] = w->rows[i];
    }
    if (kept < dataset->rows)
        nastl_log_warning(w->log, "%zu rows without a label are left out",
                          dataset->rows - kept);
    dataset->rows = kept;
}

static int read_label(struct work *w, const char *label)
{
    size_t at;
    if (!label) {
        for (size_t i = 0; i < w->dataset->rows; i++)
            w->dataset->label[i] = NAN;
        return NASTL_OK;
    }
    TRY(nastl_table_require(&at, w->table, label, "--label"));
    const struct nastl_column *column = &w->table->columns[at];
    TRY(w->layout->task == NASTL_TASK_REGRESSION ? read_values(w, column)
                                                 : read_classes(w, column));
    drop_unlabelled(w);
    if (w->dataset->rows)
        return NASTL_OK;
    return nastl_error(NASTL_EFORMAT,
                       "%s:1: column '%s': no row has a label; give another "
                       "column",
                       w->table->path, label);
}

/* ---- features ---------------------------------------------------------------------- */

static const struct nastl_column *column_of(const struct work *w, const char *name)
{
    const int at = nastl_table_find(w->table, name);
    return at < 0 ? NULL : &w->table->columns[at];
}

static void warn_absent(const struct work *w)
{
    struct nastl_strbuf names;
    size_t count = 0;
    nastl_strbuf_init(&names);
    for (size_t i = 0; i < w->layout->feature_count; i++) {
        const char *name = w->layout->features[i].name;
        if (!column_of(w, name))
            nastl_strbuf_addf(&names, "%s%s", count++ ? ", " : "", name);
    }
    const char *text = nastl_strbuf_text(&names);
    if (count)
        nastl_log_warning(w->log,
                          "%s: features of the model that it lacks count as "
                          "missing: %.400s",
                          w->table->path, text ? text : "");
    nastl_strbuf_finish(&names);
}

static int check_any(const struct work *w)
{
    for (size_t i = 0; i < w->layout->feature_count; i++)
        if (column_of(w, w->layout->features[i].name))
            return NASTL_OK;
    return nastl_error(NASTL_EFORMAT,
                       "%s: it has none of the model's %zu features ('%s' …); give data "
                       "with the columns that the model was trained on",
                       w->table->path, w->layout->feature_count,
                       w->layout->features[0].name);
}

static int list_features(struct work *w)
{
    struct nastl_dataset *d = w->dataset;
    d->features = nastl_alloc_zero(w->layout->feature_count, sizeof *d->features);
    if (!d->features)
        return nastl_error_nomem("a dataset");
    for (size_t i = 0; i < w->layout->feature_count; i++) {
        const struct nastl_layout_feature *from = &w->layout->features[i];
        struct nastl_feature *feature = &d->features[d->feature_count++];
        const bool numeric = from->kind == NASTL_NUMERIC;
        feature->kind = from->kind;
        feature->at = numeric ? d->numeric_count++ : d->categorical_count++;
        feature->name = nastl_strdup(from->name);
        if (!feature->name)
            return nastl_error_nomem("a dataset");
        TRY(nastl_texts_copy(&feature->levels, &feature->level_count, from->levels,
                             from->level_count));
    }
    return NASTL_OK;
}

static int fill_codes(struct work *w, const struct nastl_feature *feature)
{
    struct nastl_dataset *d = w->dataset;
    struct nastl_levels set;
    int status = close_levels(&set, feature->levels, feature->level_count);
    if (status == NASTL_OK)
        status = nastl_fill_codes(d->code + feature->at, d->categorical_count,
                                  column_of(w, feature->name), w->table->rows, w->rows,
                                  d->rows, &set);
    nastl_strmap_finish(&set.map);
    return status;
}

static int fill_features(struct work *w)
{
    struct nastl_dataset *d = w->dataset;
    struct nastl_lost lost = {0};
    d->numeric = nastl_alloc(d->rows, d->numeric_count * sizeof *d->numeric);
    d->code = nastl_alloc(d->rows, d->categorical_count * sizeof *d->code);
    if (!d->numeric || !d->code)
        return nastl_error_nomem("a dataset");
    for (size_t i = 0; i < d->feature_count; i++) {
        const struct nastl_feature *feature = &d->features[i];
        if (feature->kind == NASTL_NUMERIC)
            TRY(nastl_fill_numbers(d->numeric + feature->at, d->numeric_count,
                                   column_of(w, feature->name), w->rows, d->rows, &lost));
        else
            TRY(fill_codes(w, feature));
    }
    nastl_warn_lost(w->log, &lost);
    return NASTL_OK;
}

/* ---- the dataset ------------------------------------------------------------------- */

static int copy_label_names(struct work *w)
{
    struct nastl_dataset *d = w->dataset;
    d->task = w->layout->task;
    d->label_scale = w->layout->label_scale;
    d->label_name = nastl_strdup(w->layout->label_name);
    d->label_transform = nastl_strdup(w->layout->label_transform);
    d->target_name = nastl_strdup(w->table->path);
    if (!d->label_name || !d->label_transform || !d->target_name)
        return nastl_error_nomem("a dataset");
    return nastl_texts_copy(&d->classes, &d->class_count, w->layout->classes,
                            w->layout->class_count);
}

static int list_files(struct work *w)
{
    for (size_t i = 0; i < w->table->files.count; i++) {
        const char *file = w->table->files.items[i];
        TRY(nastl_list_add(&w->dataset->files, file, strlen(file)));
    }
    return NASTL_OK;
}

static int fill(struct work *w, const char *label)
{
    struct nastl_dataset *d = w->dataset;
    d->rows = w->table->rows;
    d->label = nastl_alloc(d->rows, sizeof *d->label);
    d->part = nastl_alloc(d->rows, sizeof *d->part);
    w->rows = nastl_alloc(d->rows, sizeof *w->rows);
    if (!d->label || !d->part || !w->rows)
        return nastl_error_nomem("a dataset");
    for (size_t i = 0; i < d->rows; i++) {
        w->rows[i] = (int32_t)i;
        d->part[i] = NASTL_PART_TEST;
    }
    TRY(check_any(w));
    TRY(copy_label_names(w));
    TRY(list_files(w));
    TRY(read_label(w, label));
    warn_absent(w);
    TRY(list_features(w));
    return fill_features(w);
}

int nastl_dataset_for_layout(struct nastl_dataset **out, const struct nastl_table *table,
                             const struct nastl_layout *layout, const char *label,
                             const struct nastl_log *log)
{
    struct nastl_dataset *dataset = nastl_alloc_zero(1, sizeof *dataset);
    if (!dataset)
        return nastl_error_nomem("a dataset");
    struct work w = {.dataset = dataset, .table = table, .layout = layout, .log = log};
    const int status = fill(&w, label);
    free(w.rows);
    if (status < 0)
        nastl_dataset_destroy(dataset);
    else
        *out = dataset;
    return status;
}
