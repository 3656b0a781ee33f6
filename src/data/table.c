/* table.c: tables made, searched, turned into codes, saved and freed. What is in the
 * files is the business of table_csv.c, table_h5.c and descriptor.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/table_read.h"
#include "data/texts.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/stat.h"
#include "base/strbuf.h"
#include "io/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- making and freeing ------------------------------------------------------------ */

static void finish_column(struct nastl_column *column)
{
    free(column->name);
    free(column->number);
    free(column->code);
    nastl_texts_free(column->levels, column->level_count);
}

int nastl_table_make_columns(struct nastl_table *table, size_t count)
{
    table->columns = nastl_alloc_zero(count, sizeof *table->columns);
    if (!table->columns)
        return nastl_error_nomem(table->path);
    table->count = count;
    return NASTL_OK;
}

void nastl_table_destroy(struct nastl_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->count; i++)
        finish_column(&table->columns[i]);
    free(table->columns);
    free(table->path);
    nastl_list_finish(&table->files);
    nastl_descriptor_finish(&table->descriptor);
    free(table);
}

/* ---- loading ----------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *ending)
{
    const size_t n = strlen(text), m = strlen(ending);
    return n >= m && strcasecmp(text + n - m, ending) == 0;
}

enum nastl_table_format nastl_table_format(const char *path)
{
    if (ends_with(path, ".yaml") || ends_with(path, ".yml"))
        return NASTL_FORMAT_DESCRIPTOR;
    if (ends_with(path, ".h5") || ends_with(path, ".hdf5"))
        return NASTL_FORMAT_H5;
    return NASTL_FORMAT_CSV;
}

int nastl_table_rules_init(struct nastl_table_rules *rules)
{
    static const char texts[] = "NA,NaN,nan,?";
    *rules = (struct nastl_table_rules){0};
    return nastl_list_split(&rules->missing, texts, ',');
}

void nastl_table_rules_finish(struct nastl_table_rules *rules)
{
    nastl_list_finish(&rules->missing);
    nastl_list_finish(&rules->numeric);
    nastl_list_finish(&rules->categorical);
}

int nastl_table_read(struct nastl_table *table, const struct nastl_table_rules *rules)
{
    const char *path = table->files.items[0];
    table->path = nastl_strdup(path);
    if (!table->path)
        return nastl_error_nomem(path);
    return nastl_table_format(path) == NASTL_FORMAT_H5
               ? nastl_table_read_h5(table, rules)
               : nastl_table_read_csv(table, rules);
}

static int load_plain(struct nastl_table *table, const char *path)
{
    struct nastl_table_rules rules;
    int status = nastl_table_rules_init(&rules);
    if (status == NASTL_OK)
        status = nastl_list_add(&table->files, path, strlen(path));
    if (status == NASTL_OK)
        status = nastl_table_read(table, &rules);
    nastl_table_rules_finish(&rules);
    return status;
}

int nastl_table_load(struct nastl_table **out, const char *data, const char *folder)
{
    struct nastl_table *table = nastl_alloc_zero(1, sizeof *table);
    if (!table)
        return nastl_error_nomem(data);
    table->descriptor.label_scale = 1;
    const int status = nastl_table_format(data) == NASTL_FORMAT_DESCRIPTOR
                           ? nastl_descriptor_load(table, data, folder)
                           : load_plain(table, data);
    if (status < 0)
        nastl_table_destroy(table);
    else
        *out = table;
    return status;
}

static bool is_csv(const char *path)
{
    return ends_with(path, ".csv") || ends_with(path, ".csv.gz") ||
           strcmp(path, "-") == 0;
}

int nastl_table_check_target(const char *path, bool force)
{
    if (!is_csv(path) && !ends_with(path, ".h5"))
        return nastl_error(NASTL_EINVAL,
                           "%s: its ending names no format that can be written; give "
                           ".csv, .csv.gz or .h5",
                           path);
    if (!force && nastl_file_exists(path))
        return nastl_error(NASTL_EEXIST,
                           "%s: it is there already; give another name or --force", path);
    return NASTL_OK;
}

int nastl_table_save(const struct nastl_table *table, const char *path, bool force)
{
    TRY(nastl_table_check_target(path, force));
    return is_csv(path) ? nastl_table_write_csv(table, path)
                        : nastl_table_write_h5(table, path);
}

/* ---- asking ------------------------------------------------------------------------ */

const char *nastl_task_name(enum nastl_task task)
{
    static const char *const names[] = {
        [NASTL_TASK_AUTO] = "auto",
        [NASTL_TASK_BINARY] = "binary",
        [NASTL_TASK_MULTICLASS] = "multiclass",
        [NASTL_TASK_REGRESSION] = "regression",
    };
    _Static_assert(sizeof names / sizeof *names == NASTL_TASK_COUNT, "one a task");
    return names[task];
}

size_t nastl_table_rows(const struct nastl_table *table)
{
    return table->rows;
}

size_t nastl_table_columns(const struct nastl_table *table)
{
    return table->count;
}

const char *nastl_table_column_name(const struct nastl_table *table, size_t column)
{
    return column < table->count ? table->columns[column].name : NULL;
}

int nastl_table_find(const struct nastl_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* "; did you mean X?" or "; it has a, b, c …": appended to `buf`. */
static void suggest_column(struct nastl_strbuf *buf, const struct nastl_table *table,
                           const char *name)
{
    enum { MOST = 8 };
    const char *names[1], *nearest = NULL;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < table->count; i++) {
        names[0] = table->columns[i].name;
        const size_t distance = nastl_text_distance(names[0], name);
        if (distance < best && nastl_text_nearest(names, 1, name)) {
            best = distance;
            nearest = names[0];
        }
    }
    if (nearest) {
        nastl_strbuf_addf(buf, "did you mean '%s'?", nearest);
        return;
    }
    nastl_strbuf_add(buf, "it has ");
    for (size_t i = 0; i < table->count && i < MOST; i++)
        nastl_strbuf_addf(buf, "%s%s", i ? ", " : "", table->columns[i].name);
    if (table->count > MOST)
        nastl_strbuf_addf(buf, " and %zu more", table->count - MOST);
}

int nastl_table_require(size_t *out, const struct nastl_table *table, const char *name,
                        const char *asked_by)
{
    const int found = nastl_table_find(table, name);
    if (found >= 0) {
        *out = (size_t)found;
        return NASTL_OK;
    }
    struct nastl_strbuf hint;
    nastl_strbuf_init(&hint);
    suggest_column(&hint, table, name);
    const char *text = nastl_strbuf_text(&hint);
    const int status = nastl_error(
        NASTL_ENOENT, "%s %s: no such column in %s; %s", asked_by, name,
        table->path ? table->path : "the table", text ? text : "look at its header");
    nastl_strbuf_finish(&hint);
    return status;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool nastl_table_parse(double *out, const char *text, size_t length)
{
    if (nastl_number_parse(out, text, length))
        return true;
    while (length && is_blank(*text)) {
        text++;
        length--;
    }
    while (length && is_blank(text[length - 1]))
        length--;
    if (nastl_number_parse(out, text, length))
        return true;
    const bool negative = length && *text == '-';
    const size_t sign = length && (*text == '-' || *text == '+');
    text += sign;
    length -= sign;
    if (!(length == 3 && strncasecmp(text, "inf", 3) == 0) &&
        !(length == 8 && strncasecmp(text, "infinity", 8) == 0))
        return false;
    *out = negative ? -INFINITY : INFINITY;
    return true;
}

/* ---- codes ------------------------------------------------------------------------- */

/* The distinct numbers of a column, ascending. */
static int distinct_numbers(double **out, size_t *count, const double *number,
                            size_t rows)
{
    double *sorted = nastl_alloc(rows, sizeof *sorted);
    if (!sorted)
        return nastl_error_nomem("a column");
    size_t n = 0;
    for (size_t i = 0; i < rows; i++)
        if (!isnan(number[i]))
            sorted[n++] = number[i];
    nastl_stat_sort(sorted, n);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || sorted[i] != sorted[i - 1])
            sorted[(*count)++] = sorted[i];
    *out = sorted;
    return NASTL_OK;
}

static int32_t index_of(double value, const double *sorted, size_t count)
{
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (sorted[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return (int32_t)low;
}

static int texts_of_numbers(char ***out, const double *number, size_t count)
{
    char **texts = nastl_alloc_zero(count, sizeof *texts);
    for (size_t i = 0; texts && i < count; i++) {
        char text[32];
        nastl_number_text(text, number[i]);
        texts[i] = nastl_strdup(text);
        if (!texts[i]) {
            nastl_texts_free(texts, count);
            texts = NULL;
        }
    }
    *out = texts;
    return texts ? NASTL_OK : nastl_error_nomem("a column");
}

static int codes_of_numbers(struct nastl_codes *out, const double *number, size_t rows)
{
    double *distinct = NULL;
    TRY(distinct_numbers(&distinct, &out->count, number, rows));
    int status = texts_of_numbers(&out->own_levels, distinct, out->count);
    out->own_code = status < 0 ? NULL : nastl_alloc(rows, sizeof *out->own_code);
    if (status == NASTL_OK && !out->own_code)
        status = nastl_error_nomem("a column");
    for (size_t i = 0; status == NASTL_OK && i < rows; i++)
        out->own_code[i] =
            isnan(number[i]) ? -1 : index_of(number[i], distinct, out->count);
    free(distinct);
    out->code = out->own_code;
    out->levels = out->own_levels;
    return status;
}

int nastl_codes_init(struct nastl_codes *out, const struct nastl_column *column,
                     size_t rows)
{
    *out = (struct nastl_codes){
        .code = column->code, .levels = column->levels, .count = column->level_count};
    if (column->kind == NASTL_CATEGORICAL)
        return NASTL_OK;
    const int status = codes_of_numbers(out, column->number, rows);
    if (status < 0)
        nastl_codes_finish(out);
    return status;
}

void nastl_codes_finish(struct nastl_codes *codes)
{
    free(codes->own_code);
    if (codes->own_levels)
        nastl_texts_free(codes->own_levels, codes->count);
    *codes = (struct nastl_codes){0};
}

int nastl_column_to_text(struct nastl_column *column, size_t rows)
{
    struct nastl_codes codes = {0};
    const int status = codes_of_numbers(&codes, column->number, rows);
    if (status < 0) {
        nastl_codes_finish(&codes);
        return status;
    }
    free(column->number);
    column->number = NULL;
    column->kind = NASTL_CATEGORICAL;
    column->code = codes.own_code;
    column->levels = codes.own_levels;
    column->level_count = codes.count;
    return NASTL_OK;
}

/* ---- kinds of values --------------------------------------------------------------- */

bool nastl_are_classes(size_t distinct, bool integers)
{
    enum { MOST_INTEGERS = 20 };
    return distinct == 2 || (integers && distinct <= MOST_INTEGERS);
}

bool nastl_codes_are_classes(const struct nastl_codes *codes,
                             const struct nastl_column *column)
{
    bool integers = true;
    if (column->kind == NASTL_CATEGORICAL)
        return codes->count <= NASTL_MOST_CLASSES;
    for (size_t i = 0; i < codes->count; i++) {
        double value;
        const char *text = codes->levels[i];
        integers &=
            nastl_number_parse(&value, text, strlen(text)) && value == rint(value);
    }
    return nastl_are_classes(codes->count, integers);
}

struct ranked {
    const char *text;
    size_t index;
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const struct ranked *)a)->text, ((const struct ranked *)b)->text);
}

int nastl_rank_texts(double *rank, const char *const *texts, size_t count)
{
    struct ranked *ranked = nastl_alloc(count, sizeof *ranked);
    if (!ranked)
        return nastl_error_nomem("texts to sort");
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        rank[i] = NAN;
        if (texts[i])
            ranked[n++] = (struct ranked){texts[i], i};
    }
    if (n)
        qsort(ranked, n, sizeof *ranked, by_bytes);
    double at = 0;
    for (size_t i = 0; i < n; i++) {
        at += i && strcmp(ranked[i].text, ranked[i - 1].text) != 0;
        rank[ranked[i].index] = at;
    }
    free(ranked);
    return NASTL_OK;
}

static int rank_rows(double *time, const struct nastl_column *column, size_t rows)
{
    const char **texts = nastl_alloc(rows, sizeof *texts);
    if (!texts)
        return nastl_error_nomem(column->name);
    for (size_t i = 0; i < rows; i++)
        texts[i] = column->code[i] < 0 ? NULL : column->levels[column->code[i]];
    const int status = nastl_rank_texts(time, texts, rows);
    free(texts);
    return status;
}

int nastl_column_times(double **out, const struct nastl_column *column, size_t rows)
{
    double *time = nastl_alloc(rows, sizeof *time);
    if (!time)
        return nastl_error_nomem(column->name);
    *out = time;
    if (column->kind == NASTL_CATEGORICAL)
        return rank_rows(time, column, rows);
    memcpy(time, column->number, rows * sizeof *time);
    return NASTL_OK;
}
