/* dataset_feature.c: which columns are features, and their values (assemble.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/assemble.h"
#include "data/table_read.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MANY_LEVELS = 1000, MOST_NAMES = 12 };

/* ---- values of a column ------------------------------------------------------------ */

static int grow_levels(struct nastl_levels *set)
{
    const size_t capacity = set->capacity ? 2 * set->capacity : 16;
    char **levels = nastl_alloc_resize(set->levels, capacity, sizeof *levels);
    if (!levels)
        return nastl_error_nomem("the levels of a column");
    set->levels = levels;
    set->capacity = capacity;
    return NASTL_OK;
}

int nastl_levels_code(int32_t *out, struct nastl_levels *set, const char *text)
{
    const size_t length = strlen(text);
    const int64_t unseen = set->closed ? (int64_t)set->count : -1;
    *out = (int32_t)nastl_strmap_get(&set->map, text, length, unseen);
    if (*out >= 0)
        return NASTL_OK;
    if (set->count == set->capacity)
        TRY(grow_levels(set));
    char *level = nastl_strndup(text, length);
    if (!level)
        return nastl_error_nomem("the levels of a column");
    *out = (int32_t)set->count;
    set->levels[set->count++] = level;
    return nastl_strmap_set(&set->map, text, length, *out);
}

/* What each text of a column is as a number. */
static int numbers_of_levels(double **out, const struct nastl_column *column)
{
    double *number = nastl_alloc(column->level_count, sizeof *number);
    if (!number)
        return nastl_error_nomem(column->name);
    for (size_t i = 0; i < column->level_count; i++) {
        const char *text = column->levels[i];
        if (!nastl_table_parse(&number[i], text, strlen(text)))
            number[i] = NAN;
    }
    *out = number;
    return NASTL_OK;
}

/* A float, or NaN where a float would be infinite. */
static float finite_float(double value, struct nastl_lost *lost)
{
    const float result = (float)value;
    if (isinf(result)) {
        lost->infinite++;
        return NAN;
    }
    return result;
}

static int fill_from_texts(float *out, size_t stride, const struct nastl_column *column,
                           const int32_t *rows, size_t count, struct nastl_lost *lost)
{
    double *number = NULL;
    TRY(numbers_of_levels(&number, column));
    for (size_t i = 0; i < count; i++) {
        const int32_t code = column->code[rows[i]];
        const double value = code < 0 ? NAN : number[code];
        lost->texts += code >= 0 && isnan(value);
        out[i * stride] = finite_float(value, lost);
    }
    free(number);
    return NASTL_OK;
}

int nastl_fill_numbers(float *out, size_t stride, const struct nastl_column *column,
                       const int32_t *rows, size_t count, struct nastl_lost *lost)
{
    if (column && column->kind == NASTL_CATEGORICAL)
        return fill_from_texts(out, stride, column, rows, count, lost);
    for (size_t i = 0; i < count; i++)
        out[i * stride] =
            column ? finite_float(column->number[rows[i]], lost) : (float)NAN;
    return NASTL_OK;
}

/* A text is looked up when it first occurs: levels of rows that play no part stay out. */
static int fill_from_codes(int32_t *out, size_t stride, const struct nastl_codes *codes,
                           const int32_t *rows, size_t count, struct nastl_levels *set)
{
    enum { UNKNOWN = -2 };
    int32_t *to = nastl_alloc(codes->count, sizeof *to);
    if (!to)
        return nastl_error_nomem("the levels of a column");
    for (size_t i = 0; i < codes->count; i++)
        to[i] = UNKNOWN;
    int status = NASTL_OK;
    for (size_t i = 0; status == NASTL_OK && i < count; i++) {
        const int32_t code = codes->code[rows[i]];
        if (code >= 0 && to[code] == UNKNOWN)
            status = nastl_levels_code(&to[code], set, codes->levels[code]);
        out[i * stride] = code < 0 ? -1 : to[code];
    }
    free(to);
    return status;
}

int nastl_fill_codes(int32_t *out, size_t stride, const struct nastl_column *column,
                     size_t table_rows, const int32_t *rows, size_t count,
                     struct nastl_levels *set)
{
    struct nastl_codes codes;
    if (!column) {
        for (size_t i = 0; i < count; i++)
            out[i * stride] = -1;
        return NASTL_OK;
    }
    TRY(nastl_codes_init(&codes, column, table_rows));
    const int status = fill_from_codes(out, stride, &codes, rows, count, set);
    nastl_codes_finish(&codes);
    return status;
}

/* ---- which columns ----------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* Columns that are never features: what the options name, and what the descriptor names
 * in their place. */
static bool is_reserved(const struct nastl_assembly *a, const char *name)
{
    const struct nastl_wish *w = &a->wish;
    const struct nastl_descriptor *d = &a->inputs[0].table->descriptor;
    return same(name, w->label) || same(name, w->domain_column) ||
           same(name, w->split_column) || same(name, w->group_column) ||
           same(name, w->time_column) || same(name, d->label) ||
           same(name, d->domain_column) || same(name, d->split_column) ||
           same(name, d->group_column) || same(name, d->time_column);
}

static bool is_dropped(const struct nastl_assembly *a, const char *name)
{
    return nastl_list_has(&a->params->drop, name) ||
           nastl_list_has(&a->inputs[0].table->descriptor.drop, name);
}

static bool is_feature(const struct nastl_assembly *a, const char *name)
{
    const struct nastl_list *listed = &a->inputs[0].table->descriptor.features;
    if (is_dropped(a, name) || (listed->count && !nastl_list_has(listed, name)))
        return false;
    if (!is_reserved(a, name))
        return true;
    if (listed->count)
        nastl_log_warning(a->log,
                          "'%s' is listed as a feature and used otherwise: it is "
                          "left out",
                          name);
    return false;
}

static int list_features(struct nastl_dataset *dataset, const struct nastl_assembly *a)
{
    const struct nastl_table *table = a->inputs[0].table;
    dataset->features = nastl_alloc_zero(table->count, sizeof *dataset->features);
    if (!dataset->features)
        return nastl_error_nomem("the features");
    for (size_t i = 0; i < table->count; i++) {
        const struct nastl_column *column = &table->columns[i];
        if (!is_feature(a, column->name))
            continue;
        const bool numeric = column->kind == NASTL_NUMERIC;
        struct nastl_feature *feature = &dataset->features[dataset->feature_count++];
        feature->name = nastl_strdup(column->name);
        if (!feature->name)
            return nastl_error_nomem("the features");
        feature->kind = column->kind;
        feature->at = numeric ? dataset->numeric_count++ : dataset->categorical_count++;
    }
    if (dataset->feature_count)
        return NASTL_OK;
    return nastl_error(
        NASTL_EINVAL,
        "%s: no feature is left beside the label and what is dropped; drop "
        "fewer columns",
        table->path);
}

/* ---- which column of an input ------------------------------------------------------ */

static bool has_values(const struct nastl_column *column, const struct nastl_table *table)
{
    return column->missing < table->rows;
}

/* The input's column for a feature, or NULL: the source's have to be of the same kind. */
static const struct nastl_column *match(const struct nastl_input *input,
                                        const struct nastl_feature *feature)
{
    const int at = nastl_table_find(input->table, feature->name);
    if (at < 0)
        return NULL;
    const struct nastl_column *column = &input->table->columns[at];
    const bool fits = column->kind == feature->kind || input->role != NASTL_SIDE_SOURCE ||
                      !has_values(column, input->table);
    return fits ? column : NULL;
}

/* "a, b, c and 4 more" of the names for which there is something to say. */
struct naming {
    struct nastl_strbuf text;
    size_t count;
};

static void add_name(struct naming *names, const char *name)
{
    if (names->count++ < MOST_NAMES)
        nastl_strbuf_addf(&names->text, "%s%s", names->count > 1 ? ", " : "", name);
}

static void warn_names(struct naming *names, const struct nastl_assembly *a,
                       const struct nastl_input *input, const char *what)
{
    if (names->count > MOST_NAMES)
        nastl_strbuf_addf(&names->text, " and %zu more", names->count - MOST_NAMES);
    const char *text = nastl_strbuf_text(&names->text);
    if (names->count && text)
        nastl_log_warning(a->log, "%s: %s: %s", input->table->path, what, text);
    nastl_strbuf_finish(&names->text);
}

static void warn_absent(const struct nastl_assembly *a, const struct nastl_input *input,
                        const struct nastl_dataset *dataset)
{
    struct naming names = {0};
    for (size_t i = 0; i < dataset->feature_count; i++)
        if (!match(input, &dataset->features[i]))
            add_name(&names, dataset->features[i].name);
    warn_names(&names, a, input, "features that it lacks count as missing there");
}

static bool is_known(const struct nastl_dataset *dataset, const char *name)
{
    for (size_t i = 0; i < dataset->feature_count; i++)
        if (strcmp(dataset->features[i].name, name) == 0)
            return true;
    return false;
}

static void warn_extra(const struct nastl_assembly *a, const struct nastl_input *input,
                       const struct nastl_dataset *dataset)
{
    struct naming names = {0};
    const bool listed = a->inputs[0].table->descriptor.features.count > 0;
    for (size_t i = 0; !listed && i < input->table->count; i++) {
        const char *name = input->table->columns[i].name;
        if (!is_known(dataset, name) && !is_reserved(a, name) && !is_dropped(a, name) &&
            (int)i != input->label)
            add_name(&names, name);
    }
    warn_names(&names, a, input, "columns that the target lacks are not used");
}

/* ---- filling ----------------------------------------------------------------------- */

static int fill_numeric(struct nastl_dataset *dataset, const struct nastl_assembly *a,
                        const struct nastl_feature *feature, struct nastl_lost *lost)
{
    for (size_t k = 0; k < a->input_count; k++) {
        const struct nastl_input *input = &a->inputs[k];
        float *out =
            dataset->numeric + input->first * dataset->numeric_count + feature->at;
        TRY(nastl_fill_numbers(out, dataset->numeric_count, match(input, feature),
                               a->row + input->first, input->count, lost));
    }
    return NASTL_OK;
}

static int fill_inputs(struct nastl_dataset *dataset, const struct nastl_assembly *a,
                       const struct nastl_feature *feature, struct nastl_levels *set)
{
    const size_t stride = dataset->categorical_count;
    for (size_t k = 0; k < a->input_count; k++) {
        const struct nastl_input *input = &a->inputs[k];
        int32_t *out = dataset->code + input->first * stride + feature->at;
        TRY(nastl_fill_codes(out, stride, match(input, feature), input->table->rows,
                             a->row + input->first, input->count, set));
    }
    return NASTL_OK;
}

static int fill_categorical(struct nastl_dataset *dataset, const struct nastl_assembly *a,
                            struct nastl_feature *feature)
{
    struct nastl_levels set = {0};
    const int status = fill_inputs(dataset, a, feature, &set);
    nastl_strmap_finish(&set.map);
    feature->levels = set.levels;
    feature->level_count = set.count;
    if (set.count > MANY_LEVELS)
        nastl_log_warning(a->log,
                          "'%s' has %zu distinct texts: it may name rows rather than "
                          "describe them; consider --drop %s",
                          feature->name, set.count, feature->name);
    return status;
}

void nastl_warn_lost(const struct nastl_log *log, const struct nastl_lost *lost)
{
    if (lost->infinite)
        nastl_log_warning(log, "%zu infinite numbers count as missing", lost->infinite);
    if (lost->texts)
        nastl_log_warning(log, "%zu texts in numeric columns count as missing",
                          lost->texts);
}

static int fill_all(struct nastl_dataset *dataset, const struct nastl_assembly *a)
{
    struct nastl_lost lost = {0};
    for (size_t i = 0; i < dataset->feature_count; i++) {
        struct nastl_feature *feature = &dataset->features[i];
        if (feature->kind == NASTL_NUMERIC)
            TRY(fill_numeric(dataset, a, feature, &lost));
        else
            TRY(fill_categorical(dataset, a, feature));
    }
    nastl_warn_lost(a->log, &lost);
    return NASTL_OK;
}

int nastl_fill_features(struct nastl_dataset *dataset, const struct nastl_assembly *a)
{
    TRY(list_features(dataset, a));
    const size_t n = dataset->rows;
    dataset->numeric = nastl_alloc(n, dataset->numeric_count * sizeof *dataset->numeric);
    dataset->code = nastl_alloc(n, dataset->categorical_count * sizeof *dataset->code);
    if (!dataset->numeric || !dataset->code)
        return nastl_error_nomem("the features");
    for (size_t k = 1; k < a->input_count; k++) {
        warn_absent(a, &a->inputs[k], dataset);
        warn_extra(a, &a->inputs[k], dataset);
    }
    return fill_all(dataset, a);
}
