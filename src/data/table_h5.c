/* table_h5.c: tables from HDF5 and to HDF5.
 *
 *   /            attribute schema = "nas-tl/table/v1"
 *   /names       (columns) strings: the columns' names in order
 *   /paths       (columns) strings: the dataset of each
 *   /columns/X   (rows) double, NaN where missing; or strings, empty where missing
 *
 * (A name may hold a slash, which a dataset's name cannot: hence both lists.) Other
 * files are read too: every one-dimensional dataset at the root is a column, and the
 * two-dimensional dataset X gives one column each, named by the strings of `columns`.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/table_read.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"
#include "base/strmap.h"
#include "io/h5.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "nas-tl/table/v1"

struct reader {
    struct nastl_table *table;
    const struct nastl_table_rules *rules;
    struct nastl_h5 *file;
    struct nastl_list names, paths; /* one each a column; paths are absolute */
    char **x_names;                 /* names of the columns of X, or NULL */
    size_t x_count;
    bool has_x;
};

/* ---- one column -------------------------------------------------------------------- */

/* Sets the number of rows by the first dataset and holds the others against it. */
static int check_rows(struct reader *r, const char *path, size_t rows)
{
    if (rows > INT32_MAX / 2)
        return nastl_error(NASTL_EFORMAT,
                           "%s: dataset '%s': more than %d rows; split the "
                           "file",
                           r->table->path, path, INT32_MAX / 2);
    if (r->table->rows == SIZE_MAX)
        r->table->rows = rows;
    if (r->table->rows == rows)
        return NASTL_OK;
    return nastl_error(NASTL_EFORMAT,
                       "%s: dataset '%s' has %zu rows and the one before it %zu; columns "
                       "of one table need the same length",
                       r->table->path, path, rows, r->table->rows);
}

/* Numbers among the texts of missing values ("-999") are missing too. */
static void settle_numbers(struct nastl_column *column, size_t rows,
                           const struct nastl_table_rules *rules)
{
    for (size_t k = 0; k < rules->missing.count; k++) {
        const char *text = rules->missing.items[k];
        double marker;
        if (!nastl_number_parse(&marker, text, strlen(text)))
            continue;
        for (size_t i = 0; i < rows; i++)
            if (column->number[i] == marker)
                column->number[i] = NAN;
    }
    for (size_t i = 0; i < rows; i++)
        column->missing += isnan(column->number[i]) != 0;
}

static int read_numbers(struct reader *r, struct nastl_column *column, const char *path)
{
    const size_t rows = r->table->rows;
    column->kind = NASTL_NUMERIC;
    column->number = nastl_alloc(rows, sizeof *column->number);
    if (!column->number)
        return nastl_error_nomem(r->table->path);
    TRY(nastl_h5_get_doubles(r->file, path, column->number, rows));
    settle_numbers(column, rows, r->rules);
    return NASTL_OK;
}

static int code_text(struct nastl_column *column, struct nastl_strmap *codes, size_t row,
                     char **text, const struct nastl_table_rules *rules)
{
    const size_t length = strlen(*text);
    if (length == 0 || nastl_list_has(&rules->missing, *text)) {
        column->code[row] = -1;
        column->missing++;
        return NASTL_OK;
    }
    const int64_t code = nastl_strmap_get(codes, *text, length, -1);
    column->code[row] = (int32_t)(code < 0 ? (int64_t)column->level_count : code);
    if (code >= 0)
        return NASTL_OK;
    TRY(nastl_strmap_set(codes, *text, length, (int64_t)column->level_count));
    column->levels[column->level_count++] = *text;
    *text = NULL;
    return NASTL_OK;
}

/* The items become the column's levels as they are: no text is copied. */
static int code_texts(struct nastl_column *column, char **items, size_t rows,
                      const struct nastl_table_rules *rules)
{
    struct nastl_strmap codes;
    nastl_strmap_init(&codes);
    column->code = nastl_alloc(rows, sizeof *column->code);
    column->levels = nastl_alloc_zero(rows, sizeof *column->levels);
    int status =
        column->code && column->levels ? NASTL_OK : nastl_error_nomem(column->name);
    for (size_t i = 0; status == NASTL_OK && i < rows; i++)
        status = code_text(column, &codes, i, &items[i], rules);
    nastl_strmap_finish(&codes);
    return status;
}

static int read_texts(struct reader *r, struct nastl_column *column, const char *path)
{
    char **items;
    size_t count;
    column->kind = NASTL_CATEGORICAL;
    TRY(nastl_h5_get_strings(r->file, path, &items, &count));
    int status = check_rows(r, path, count);
    if (status == NASTL_OK)
        status = code_texts(column, items, count, r->rules);
    for (size_t i = 0; i < count; i++)
        free(items[i]);
    free(items);
    return status;
}

/* The descriptor's word on kinds. */
static int settle_kind(struct reader *r, struct nastl_column *column)
{
    if (column->kind == NASTL_CATEGORICAL &&
        nastl_list_has(&r->rules->numeric, column->name))
        return nastl_error(NASTL_EFORMAT,
                           "%s: column '%s' holds strings, and the descriptor says "
                           "numeric; leave it out there",
                           r->table->path, column->name);
    if (column->kind == NASTL_NUMERIC &&
        nastl_list_has(&r->rules->categorical, column->name))
        return nastl_column_to_text(column, r->table->rows);
    return NASTL_OK;
}

static int read_column(struct reader *r, struct nastl_column *column, size_t at)
{
    const char *path = r->paths.items[at];
    size_t shape[NASTL_H5_RANK];
    int rank;
    column->name = nastl_strdup(r->names.items[at]);
    if (!column->name)
        return nastl_error_nomem(r->table->path);
    TRY(nastl_h5_shape(r->file, path, &rank, shape));
    if (rank != 1)
        return nastl_error(NASTL_EFORMAT,
                           "%s: dataset '%s' has %d dimensions; a column has one",
                           r->table->path, path, rank);
    TRY(check_rows(r, path, shape[0]));
    if (nastl_h5_is_text(r->file, path))
        TRY(read_texts(r, column, path));
    else
        TRY(read_numbers(r, column, path));
    return settle_kind(r, column);
}

/* ---- the matrix X ------------------------------------------------------------------ */

static int scatter_x(struct reader *r, const double *x, size_t columns)
{
    const size_t rows = r->table->rows;
    for (size_t j = 0; j < columns; j++) {
        struct nastl_column *column = &r->table->columns[j];
        char name[32];
        snprintf(name, sizeof name, "x%zu", j);
        column->name = nastl_strdup(r->x_names ? r->x_names[j] : name);
        column->number = nastl_alloc(rows, sizeof *column->number);
        if (!column->name || !column->number)
            return nastl_error_nomem(r->table->path);
        for (size_t i = 0; i < rows; i++)
            column->number[i] = x[i * columns + j];
        settle_numbers(column, rows, r->rules);
        TRY(settle_kind(r, column));
    }
    return NASTL_OK;
}

/* The first columns of the table are those of X. */
static int read_x(struct reader *r, size_t columns)
{
    const size_t rows = r->table->rows;
    double *x = nastl_alloc(rows, columns * sizeof *x);
    if (!x)
        return nastl_error_nomem(r->table->path);
    int status = nastl_h5_get_doubles(r->file, "/X", x, rows * columns);
    if (status == NASTL_OK)
        status = scatter_x(r, x, columns);
    free(x);
    return status;
}

static int shape_of_x(struct reader *r)
{
    size_t shape[NASTL_H5_RANK];
    int rank;
    TRY(nastl_h5_shape(r->file, "/X", &rank, shape));
    r->has_x = rank == 2 && !nastl_h5_is_text(r->file, "/X");
    if (!r->has_x)
        return NASTL_OK;
    r->x_count = shape[1];
    if (r->x_count == 0 || r->x_count > INT32_MAX / 2)
        return nastl_error(NASTL_EFORMAT,
                           "%s: dataset 'X' has %zu columns; give at least "
                           "one",
                           r->table->path, r->x_count);
    TRY(check_rows(r, "/X", shape[0]));
    if (!nastl_h5_has(r->file, "/columns") || !nastl_h5_is_text(r->file, "/columns"))
        return NASTL_OK;
    size_t count;
    TRY(nastl_h5_get_strings(r->file, "/columns", &r->x_names, &count));
    if (count == r->x_count)
        return NASTL_OK;
    nastl_h5_free_strings(r->x_names, count);
    r->x_names = NULL;
    return nastl_error(NASTL_EFORMAT,
                       "%s: 'columns' has %zu names and X has %zu columns; they need to "
                       "be as many",
                       r->table->path, count, r->x_count);
}

/* ---- which columns there are ------------------------------------------------------- */

static int take_strings(struct nastl_list *out, struct nastl_h5 *file, const char *path)
{
    return nastl_h5_get_strings(file, path, &out->items, &out->count);
}

static int list_own(struct reader *r)
{
    TRY(take_strings(&r->names, r->file, "/names"));
    TRY(take_strings(&r->paths, r->file, "/paths"));
    if (r->names.count == r->paths.count)
        return NASTL_OK;
    return nastl_error(NASTL_EFORMAT, "%s: %zu names and %zu paths; the file is damaged",
                       r->table->path, r->names.count, r->paths.count);
}

static int add_child(struct reader *r, const char *name)
{
    char path[1024];
    size_t shape[NASTL_H5_RANK];
    int rank;
    if ((r->has_x && (strcmp(name, "X") == 0 || strcmp(name, "columns") == 0)) ||
        strlen(name) + 2 > sizeof path)
        return NASTL_OK;
    snprintf(path, sizeof path, "/%s", name);
    if (nastl_h5_shape(r->file, path, &rank, shape) < 0 || rank != 1)
        return NASTL_OK;
    TRY(nastl_list_add(&r->names, name, strlen(name)));
    return nastl_list_add(&r->paths, path, strlen(path));
}

static int list_foreign(struct reader *r)
{
    if (nastl_h5_has(r->file, "/X"))
        TRY(shape_of_x(r));
    char **children;
    size_t count;
    TRY(nastl_h5_children(r->file, "/", &children, &count));
    int status = NASTL_OK;
    for (size_t i = 0; status == NASTL_OK && i < count; i++)
        status = add_child(r, children[i]);
    nastl_h5_free_strings(children, count);
    return status;
}

/* A file without a schema is one of others. */
static int ask_schema(bool *own, struct nastl_h5 *file)
{
    char *schema;
    const int status = nastl_h5_get_text(file, "/", "schema", &schema);
    *own = status == NASTL_OK && strcmp(schema, SCHEMA) == 0;
    if (status == NASTL_OK)
        free(schema);
    return status == NASTL_ENOMEM ? status : NASTL_OK;
}

static int check_names(const struct nastl_table *table)
{
    struct nastl_strmap seen;
    nastl_strmap_init(&seen);
    int status = NASTL_OK;
    for (size_t i = 0; status == NASTL_OK && i < table->count; i++) {
        const char *name = table->columns[i].name;
        const size_t length = strlen(name);
        if (length == 0 || nastl_strmap_get(&seen, name, length, 0))
            status = nastl_error(NASTL_EFORMAT,
                                 "%s: column %zu: the name '%s' is empty or used twice; "
                                 "rename it",
                                 table->path, i + 1, name);
        else
            status = nastl_strmap_set(&seen, name, length, 1);
    }
    nastl_strmap_finish(&seen);
    return status;
}

static int read_all(struct reader *r)
{
    struct nastl_table *table = r->table;
    table->rows = SIZE_MAX;
    bool own;
    TRY(ask_schema(&own, r->file));
    TRY(own ? list_own(r) : list_foreign(r));
    const size_t x = r->has_x ? r->x_count : 0, count = x + r->paths.count;
    if (count == 0)
        return nastl_error(NASTL_EFORMAT,
                           "%s: no one-dimensional dataset at its root and no matrix X; "
                           "store a column as a dataset",
                           table->path);
    TRY(nastl_table_make_columns(table, count));
    if (x)
        TRY(read_x(r, x));
    for (size_t i = 0; i < r->paths.count; i++)
        TRY(read_column(r, &table->columns[x + i], i));
    return check_names(table);
}

static void finish_reader(struct reader *r)
{
    if (r->x_names)
        nastl_h5_free_strings(r->x_names, r->x_count);
    nastl_list_finish(&r->names);
    nastl_list_finish(&r->paths);
    nastl_h5_close(r->file);
}

int nastl_table_read_h5(struct nastl_table *table, const struct nastl_table_rules *rules)
{
    struct reader r = {.table = table, .rules = rules};
    if (table->files.count > 1)
        return nastl_error(
            NASTL_EFORMAT,
            "%s: one of several files; only CSV files can be joined to one "
            "dataset, convert it with `nas-tl data convert`",
            table->path);
    TRY(nastl_h5_open(&r.file, table->path));
    const int status = read_all(&r);
    if (table->rows == SIZE_MAX)
        table->rows = 0;
    finish_reader(&r);
    return status;
}

/* ---- writing ----------------------------------------------------------------------- */

static int write_texts(struct nastl_h5 *file, const char *path,
                       const struct nastl_column *column, size_t rows)
{
    static char empty[] = "";
    char **items = nastl_alloc(rows, sizeof *items);
    if (!items)
        return nastl_error_nomem(column->name);
    for (size_t i = 0; i < rows; i++)
        items[i] = column->code[i] < 0 ? empty : column->levels[column->code[i]];
    const int status = nastl_h5_put_strings(file, path, items, rows);
    free(items);
    return status;
}

static int write_column(struct nastl_h5 *file, const char *path,
                        const struct nastl_column *column, size_t rows)
{
    if (column->kind == NASTL_CATEGORICAL)
        return write_texts(file, path, column, rows);
    return nastl_h5_put_doubles(file, path, column->number, 1, &rows);
}

/* "/columns/NAME", unique, without what HDF5 would take for a path: slashes, and a dot at
 * the front. */
static int make_path(char **out, const char *name, struct nastl_strmap *taken)
{
    struct nastl_strbuf path;
    nastl_strbuf_init(&path);
    nastl_strbuf_addf(&path, "/columns/%s", name);
    const size_t start = strlen("/columns/");
    for (size_t i = start; i < path.length; i++)
        if (path.text[i] == '/' || (i == start && path.text[i] == '.'))
            path.text[i] = '_';
    while (!path.failed && nastl_strmap_get(taken, path.text, path.length, 0))
        nastl_strbuf_add(&path, "_");
    TRY(nastl_strbuf_take(out, &path));
    return nastl_strmap_set(taken, *out, strlen(*out), 1);
}

struct index {
    char **names, **paths; /* (count) names are the table's */
    size_t count;
};

static int make_index(struct index *index, const struct nastl_table *table)
{
    index->count = table->count;
    index->names = nastl_alloc_zero(table->count, sizeof *index->names);
    index->paths = nastl_alloc_zero(table->count, sizeof *index->paths);
    if (!index->names || !index->paths)
        return nastl_error_nomem("a table");
    struct nastl_strmap taken;
    nastl_strmap_init(&taken);
    int status = NASTL_OK;
    for (size_t i = 0; status == NASTL_OK && i < table->count; i++) {
        index->names[i] = table->columns[i].name;
        status = make_path(&index->paths[i], table->columns[i].name, &taken);
    }
    nastl_strmap_finish(&taken);
    return status;
}

static int write_all(struct nastl_h5 *file, const struct nastl_table *table,
                     struct index *index)
{
    TRY(make_index(index, table));
    TRY(nastl_h5_set_text(file, "/", "schema", SCHEMA));
    TRY(nastl_h5_put_strings(file, "/names", index->names, index->count));
    TRY(nastl_h5_put_strings(file, "/paths", index->paths, index->count));
    for (size_t i = 0; i < table->count; i++)
        TRY(write_column(file, index->paths[i], &table->columns[i], table->rows));
    return nastl_h5_commit(file);
}

int nastl_table_write_h5(const struct nastl_table *table, const char *path)
{
    struct nastl_h5 *file;
    struct index index = {0};
    TRY(nastl_h5_create(&file, path));
    const int status = write_all(file, table, &index);
    for (size_t i = 0; index.paths && i < index.count; i++)
        free(index.paths[i]);
    free(index.paths);
    free(index.names);
    nastl_h5_close(file);
    return status;
}
