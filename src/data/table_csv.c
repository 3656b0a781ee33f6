/* table_csv.c: tables from CSV files, in one pass, and written as CSV.
 *
 * A column is numeric until its first text. If numbers came before that text their exact
 * spelling is gone, so the files are read once more for the columns this happened to; a
 * descriptor that says `categorical` saves that pass.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/table_read.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"
#include "base/strmap.h"
#include "io/csv.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A column while it fills. */
struct filling {
    struct nastl_column *column;
    struct nastl_strmap codes;
    size_t level_capacity;
    int32_t last;    /* the code that came last: the next is often the same */
    bool forced;     /* a descriptor settled the kind */
    bool has_number; /* numeric, and not only missing values so far */
    bool again;      /* texts came after numbers: to be read once more */
    bool done;       /* nothing more to take from the fields */
};

struct reader {
    struct nastl_table *table;
    const struct nastl_table_rules *rules;
    bool first_byte[UCHAR_MAX + 1]; /* texts of missing values begin with these */
    struct filling *fillings;       /* (table->count) */
    size_t *order;                  /* column of the file -> column of the table */
    const char *path;               /* the file being read */
    size_t base, capacity;          /* rows of the files before; rows there is room for */
};

/* ---- fields ------------------------------------------------------------------------ */

static bool is_missing(const struct reader *r, const char *text, size_t length)
{
    if (length == 0)
        return true;
    if (*text == ' ' || *text == '\t')
        return strspn(text, " \t") == length || nastl_list_has(&r->rules->missing, text);
    return r->first_byte[(unsigned char)*text] &&
           nastl_list_has(&r->rules->missing, text);
}

static void put_missing(struct nastl_column *column, size_t row)
{
    column->missing++;
    if (column->kind == NASTL_NUMERIC)
        column->number[row] = NAN;
    else
        column->code[row] = -1;
}

static int add_level(int32_t *out, struct filling *f, const char *text, size_t length)
{
    struct nastl_column *column = f->column;
    if (column->level_count == f->level_capacity) {
        const size_t capacity = f->level_capacity ? 2 * f->level_capacity : 16;
        char **levels = nastl_alloc_resize(column->levels, capacity, sizeof *levels);
        if (!levels)
            return nastl_error_nomem(column->name);
        column->levels = levels;
        f->level_capacity = capacity;
    }
    TRY(nastl_strmap_set(&f->codes, text, length, (int64_t)column->level_count));
    char *level = nastl_strndup(text, length);
    if (!level)
        return nastl_error_nomem(column->name);
    *out = (int32_t)column->level_count;
    column->levels[column->level_count++] = level;
    return NASTL_OK;
}

static int put_text(struct filling *f, size_t row, const char *text, size_t length)
{
    struct nastl_column *column = f->column;
    if (column->level_count == 0 || strcmp(column->levels[f->last], text) != 0) {
        f->last = (int32_t)nastl_strmap_get(&f->codes, text, length, -1);
        if (f->last < 0)
            TRY(add_level(&f->last, f, text, length));
    }
    column->code[row] = f->last;
    return NASTL_OK;
}

/* From here on the column is one of texts; the rows before `row` are missing. */
static int become_text(const struct reader *r, struct filling *f, size_t row)
{
    struct nastl_column *column = f->column;
    column->code = nastl_alloc(r->capacity, sizeof *column->code);
    if (!column->code)
        return nastl_error_nomem(column->name);
    for (size_t i = 0; i < row; i++)
        column->code[i] = -1;
    free(column->number);
    column->number = NULL;
    column->kind = NASTL_CATEGORICAL;
    return NASTL_OK;
}

static int not_a_number(const struct reader *r, const struct filling *f, const char *text,
                        int64_t line)
{
    return nastl_error(NASTL_EFORMAT,
                       "%s:%lld: column '%s': '%.40s' is not a number, and the "
                       "descriptor says numeric; correct it or list it under missing",
                       r->path, (long long)line, f->column->name, text);
}

static int put_first_text(struct reader *r, struct filling *f, size_t row,
                          const char *text, size_t length, int64_t line)
{
    if (f->forced)
        return not_a_number(r, f, text, line);
    if (f->has_number) {
        f->again = f->done = true;
        return NASTL_OK;
    }
    TRY(become_text(r, f, row));
    return put_text(f, row, text, length);
}

static int grow(struct reader *r)
{
    const size_t capacity = r->capacity ? 2 * r->capacity : 1024;
    if (capacity > INT32_MAX)
        return nastl_error(NASTL_EFORMAT, "%s: more than %d rows; split the file",
                           r->path, INT32_MAX / 2);
    for (size_t i = 0; i < r->table->count; i++) {
        struct nastl_column *column = &r->table->columns[i];
        const bool numeric = column->kind == NASTL_NUMERIC;
        void *block =
            numeric ? nastl_alloc_resize(column->number, capacity, sizeof *column->number)
                    : nastl_alloc_resize(column->code, capacity, sizeof *column->code);
        if (!block)
            return nastl_error_nomem(r->path);
        if (numeric)
            column->number = block;
        else
            column->code = block;
    }
    r->capacity = capacity;
    return NASTL_OK;
}

static int on_field(size_t row, size_t at, const char *text, size_t length, int64_t line,
                    void *payload)
{
    struct reader *r = payload;
    struct filling *f = &r->fillings[r->order[at]];
    row += r->base;
    if (row >= r->capacity)
        TRY(grow(r));
    if (f->done)
        return NASTL_OK;
    if (is_missing(r, text, length)) {
        put_missing(f->column, row);
        return NASTL_OK;
    }
    if (f->column->kind == NASTL_CATEGORICAL)
        return put_text(f, row, text, length);
    if (!nastl_table_parse(&f->column->number[row], text, length))
        return put_first_text(r, f, row, text, length, line);
    f->has_number = true;
    return NASTL_OK;
}

/* ---- header ------------------------------------------------------------------------ */

static int start_column(struct reader *r, size_t at, const char *name)
{
    struct nastl_column *column = &r->table->columns[at];
    struct filling *f = &r->fillings[at];
    column->name = nastl_strdup(name);
    if (!column->name)
        return nastl_error_nomem(r->path);
    const bool text = nastl_list_has(&r->rules->categorical, name);
    column->kind = text ? NASTL_CATEGORICAL : NASTL_NUMERIC;
    f->column = column;
    f->forced = text || nastl_list_has(&r->rules->numeric, name);
    nastl_strmap_init(&f->codes);
    return NASTL_OK;
}

static int first_header(struct reader *r, size_t columns, const char *const *names)
{
    TRY(nastl_table_make_columns(r->table, columns));
    r->fillings = nastl_alloc_zero(columns, sizeof *r->fillings);
    r->order = nastl_alloc(columns, sizeof *r->order);
    if (!r->fillings || !r->order)
        return nastl_error_nomem(r->path);
    for (size_t i = 0; i < columns; i++) {
        TRY(start_column(r, i, names[i]));
        r->order[i] = i;
    }
    return NASTL_OK;
}

/* Files of one table have the same columns, in any order. */
static int on_header(size_t columns, const char *const *names, void *payload)
{
    struct reader *r = payload;
    if (!r->fillings)
        return first_header(r, columns, names);
    if (columns != r->table->count)
        return nastl_error(NASTL_EFORMAT,
                           "%s:1: it has %zu columns and %s has %zu; files of one "
                           "dataset need the same columns",
                           r->path, columns, r->table->path, r->table->count);
    for (size_t i = 0; i < columns; i++) {
        const int found = nastl_table_find(r->table, names[i]);
        if (found < 0)
            return nastl_error(NASTL_EFORMAT,
                               "%s:1: column '%s' is not in %s; files of one dataset "
                               "need the same columns",
                               r->path, names[i], r->table->path);
        r->order[i] = (size_t)found;
    }
    return NASTL_OK;
}

/* ---- files ------------------------------------------------------------------------- */

static int read_file(struct reader *r, const char *path)
{
    const struct nastl_csv_events events = {on_header, on_field, r};
    size_t rows = 0;
    r->path = path;
    TRY(nastl_csv_read(path, &events, &rows));
    r->base += rows;
    return NASTL_OK;
}

static int read_files(struct reader *r)
{
    r->base = 0;
    for (size_t i = 0; i < r->table->files.count; i++)
        TRY(read_file(r, r->table->files.items[i]));
    r->table->rows = r->base;
    return NASTL_OK;
}

/* Prepares the columns that mix numbers and texts; `needed` says whether there are any.
 */
static int prepare_again(bool *needed, struct reader *r)
{
    *needed = false;
    for (size_t i = 0; i < r->table->count; i++) {
        struct filling *f = &r->fillings[i];
        f->done = !f->again;
        if (!f->again)
            continue;
        *needed = true;
        f->column->missing = 0;
        TRY(become_text(r, f, 0));
    }
    return NASTL_OK;
}

/* Gives back the room that was not needed; a failure to do so does no harm. */
static void shrink(struct reader *r)
{
    for (size_t i = 0; i < r->table->count; i++) {
        struct nastl_column *column = &r->table->columns[i];
        void *block;
        if (column->number) {
            block = nastl_alloc_resize(column->number, r->table->rows, sizeof(double));
            column->number = block ? block : column->number;
        } else if (column->code) {
            block = nastl_alloc_resize(column->code, r->table->rows, sizeof(int32_t));
            column->code = block ? block : column->code;
        }
    }
}

static int read_all(struct reader *r)
{
    bool again;
    TRY(read_files(r));
    TRY(prepare_again(&again, r));
    const size_t rows = r->table->rows;
    if (again)
        TRY(read_files(r));
    if (r->table->rows != rows)
        return nastl_error(NASTL_EIO, "%s: it changed while it was read; try again",
                           r->table->path);
    shrink(r);
    return NASTL_OK;
}

int nastl_table_read_csv(struct nastl_table *table, const struct nastl_table_rules *rules)
{
    struct reader r = {.table = table, .rules = rules};
    for (size_t i = 0; i < rules->missing.count; i++)
        r.first_byte[(unsigned char)rules->missing.items[i][0]] = true;
    const int status = read_all(&r);
    for (size_t i = 0; r.fillings && i < table->count; i++)
        nastl_strmap_finish(&r.fillings[i].codes);
    free(r.fillings);
    free(r.order);
    return status;
}

/* ---- writing ----------------------------------------------------------------------- */

static void put_cell(struct nastl_strbuf *buf, const struct nastl_column *column,
                     size_t row, int first)
{
    if (column->kind == NASTL_NUMERIC)
        nastl_csv_put_number(buf, column->number[row], first);
    else
        nastl_csv_put(buf, column->code[row] < 0 ? "" : column->levels[column->code[row]],
                      first);
}

/* A row of nothing but one missing value is "": an empty line would be no row. */
static void put_row(struct nastl_strbuf *buf, const struct nastl_table *table, size_t row)
{
    const size_t start = buf->length;
    for (size_t i = 0; i < table->count; i++)
        put_cell(buf, &table->columns[i], row, i == 0);
    nastl_strbuf_add(buf, buf->length == start ? "\"\"\n" : "\n");
}

static int flush(struct nastl_csv_writer *writer, struct nastl_strbuf *buf)
{
    const char *text = nastl_strbuf_text(buf);
    if (!text)
        return nastl_error_nomem("a CSV file");
    TRY(nastl_csv_write(writer, text, buf->length));
    nastl_strbuf_clear(buf);
    return NASTL_OK;
}

static int write_rows(struct nastl_csv_writer *writer, const struct nastl_table *table,
                      struct nastl_strbuf *buf)
{
    enum { CHUNK = 1 << 16 };
    for (size_t i = 0; i < table->count; i++)
        nastl_csv_put(buf, table->columns[i].name, i == 0);
    nastl_strbuf_add(buf, "\n");
    for (size_t row = 0; row < table->rows; row++) {
        put_row(buf, table, row);
        if (buf->length >= CHUNK)
            TRY(flush(writer, buf));
    }
    return flush(writer, buf);
}

int nastl_table_write_csv(const struct nastl_table *table, const char *path)
{
    struct nastl_csv_writer *writer;
    TRY(nastl_csv_create(&writer, path));
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    const int status = write_rows(writer, table, &buf);
    nastl_strbuf_finish(&buf);
    if (status < 0) {
        nastl_csv_abort(writer);
        return status;
    }
    return nastl_csv_close(writer);
}
