/* convert.c: `nas-tl data convert` and `nas-tl data split`.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/split.h"
#include "data/table_read.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"
#include "io/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int nastl_data_convert(const char *data, const char *to, const char *folder, bool force)
{
    struct nastl_table *table;
    TRY(nastl_table_check_target(to, force));
    TRY(nastl_table_load(&table, data, folder));
    const int status = nastl_table_save(table, to, force);
    nastl_table_destroy(table);
    return status;
}

/* ---- split ------------------------------------------------------------------------- */

#define AT(field) offsetof(struct nastl_split_params, field)

const struct nastl_opt nastl_split_opts[] = {
    {"out", NASTL_OPT_TEXT, AT(out), .metavar = "FILE",
     .help = "the rows with their new column: .csv, .csv.gz or .h5"},
    {"label", NASTL_OPT_TEXT, AT(label), .metavar = "COLUMN",
     .help = "every part holds its classes in the same proportion"},
    {"split", NASTL_OPT_LIST, AT(split), .fallback = "0.6,0.2,0.2",
     .metavar = "TRAIN,VALID,TEST", .help = "parts of the rows"},
    {"group_column", NASTL_OPT_TEXT, AT(group_column), .metavar = "COLUMN",
     .help = "rows with the same value stay in one part"},
    {"time_column", NASTL_OPT_TEXT, AT(time_column), .metavar = "COLUMN",
     .help = "split in the order of this column"},
    {"data_dir", NASTL_OPT_TEXT, AT(data_dir), .metavar = "DIR",
     .help = "where descriptors find their files; default: NASTL_DATA_DIR"},
    {"seed", NASTL_OPT_INT, AT(seed), 0, 9007199254740992.0, .fallback = "1",
     .metavar = "S", .help = "of everything random"},
    {"force", NASTL_OPT_BOOL, AT(force), .fallback = "false",
     .help = "write over a file that is there"},
    {NULL},
};

#undef AT

/* What is known of the rows, one array each. */
struct rows {
    struct nastl_codes label, group;
    int32_t *stratum, *whole; /* whole: rows without a group are groups of their own */
    double *time;
    struct nastl_division division;
};

static void finish_rows(struct rows *r)
{
    nastl_codes_finish(&r->label);
    nastl_codes_finish(&r->group);
    free(r->stratum);
    free(r->whole);
    free(r->time);
}

static int parse_fractions(double fractions[3], const struct nastl_list *list)
{
    double sum = 0;
    bool numbers = list->count == 3;
    for (size_t i = 0; numbers && i < 3; i++) {
        const char *text = list->items[i];
        numbers =
            nastl_number_parse(&fractions[i], text, strlen(text)) && fractions[i] >= 0;
        sum += numbers ? fractions[i] : 0;
    }
    if (numbers && fabs(sum - 1) < 1e-6 && fractions[0] > 0)
        return NASTL_OK;
    return nastl_error(NASTL_EINVAL, "--split: not three parts of a whole; give "
                                     "TRAIN,VALID,TEST that add up to 1, such as "
                                     "0.6,0.2,0.2");
}

/* The strata of a label that is a class; missing labels are a stratum too. */
static int read_strata(struct rows *r, const struct nastl_table *table, const char *name)
{
    size_t at;
    if (!name)
        return NASTL_OK;
    TRY(nastl_table_require(&at, table, name, "--label"));
    TRY(nastl_codes_init(&r->label, &table->columns[at], table->rows));
    if (!nastl_codes_are_classes(&r->label, &table->columns[at]))
        return NASTL_OK;
    r->stratum = nastl_alloc(table->rows, sizeof *r->stratum);
    if (!r->stratum)
        return nastl_error_nomem("a split");
    for (size_t i = 0; i < table->rows; i++)
        r->stratum[i] = r->label.code[i] < 0 ? (int32_t)r->label.count : r->label.code[i];
    return NASTL_OK;
}

static int read_groups(struct rows *r, const struct nastl_table *table, const char *name)
{
    size_t at;
    if (!name)
        return NASTL_OK;
    TRY(nastl_table_require(&at, table, name, "--group-column"));
    TRY(nastl_codes_init(&r->group, &table->columns[at], table->rows));
    r->whole = nastl_alloc(table->rows, sizeof *r->whole);
    if (!r->whole)
        return nastl_error_nomem("a split");
    for (size_t i = 0; i < table->rows; i++)
        r->whole[i] =
            r->group.code[i] < 0 ? (int32_t)(r->group.count + i) : r->group.code[i];
    return NASTL_OK;
}

static int read_times(struct rows *r, const struct nastl_table *table, const char *name)
{
    size_t at;
    if (!name)
        return NASTL_OK;
    TRY(nastl_table_require(&at, table, name, "--time-column"));
    TRY(nastl_column_times(&r->time, &table->columns[at], table->rows));
    for (size_t i = 0; i < table->rows; i++)
        if (isnan(r->time[i]))
            return nastl_error(NASTL_EFORMAT,
                               "%s: row %zu: no time in column '%s'; every row needs one",
                               table->path, i + 1, name);
    return NASTL_OK;
}

static const char *either(const char *given, const char *descriptor)
{
    return given ? given : descriptor;
}

static int read_rows(struct rows *r, const struct nastl_table *table,
                     const struct nastl_split_params *p)
{
    const struct nastl_descriptor *d = &table->descriptor;
    TRY(read_strata(r, table, either(p->label, d->label)));
    TRY(read_groups(r, table, either(p->group_column, d->group_column)));
    TRY(read_times(r, table, either(p->time_column, d->time_column)));
    r->division = (struct nastl_division){.count = table->rows,
                                          .stratum = r->stratum,
                                          .group = r->whole,
                                          .time = r->time,
                                          .seed = (uint64_t)p->seed};
    return NASTL_OK;
}

/* Appends the column `split`. */
static int add_column(struct nastl_table *table, const uint8_t *share)
{
    static const char *const names[] = {"train", "val", "test"};
    struct nastl_column *columns =
        nastl_alloc_resize(table->columns, table->count + 1, sizeof *columns);
    if (!columns)
        return nastl_error_nomem("a column");
    table->columns = columns;
    struct nastl_column *column = &columns[table->count++];
    *column = (struct nastl_column){.name = nastl_strdup("split"),
                                    .kind = NASTL_CATEGORICAL,
                                    .code = nastl_alloc(table->rows, sizeof(int32_t)),
                                    .levels = nastl_alloc_zero(3, sizeof(char *))};
    if (!column->name || !column->code || !column->levels)
        return nastl_error_nomem("a column");
    for (; column->level_count < 3; column->level_count++) {
        column->levels[column->level_count] = nastl_strdup(names[column->level_count]);
        if (!column->levels[column->level_count])
            return nastl_error_nomem("a column");
    }
    for (size_t i = 0; i < table->rows; i++)
        column->code[i] = share[i];
    return NASTL_OK;
}

static int check_shares(const struct nastl_table *table, const uint8_t *share,
                        const double fractions[3])
{
    size_t count[3] = {0};
    for (size_t i = 0; i < table->rows; i++)
        count[share[i]]++;
    for (size_t s = 0; s < 3; s++)
        if (fractions[s] > 0 && count[s] == 0)
            return nastl_error(
                NASTL_EFORMAT,
                "%s: too few rows or groups for three parts; give more, or "
                "--split with a 0",
                table->path);
    return NASTL_OK;
}

static int divide(struct nastl_table *table, const struct nastl_split_params *p)
{
    double fractions[3] = {0};
    struct rows r = {0};
    TRY(parse_fractions(fractions, &p->split));
    uint8_t *share = nastl_alloc_zero(table->rows, sizeof *share);
    int status = share ? read_rows(&r, table, p) : nastl_error_nomem("a split");
    if (status == NASTL_OK)
        status = nastl_divide(share, &r.division, fractions, 3);
    if (status == NASTL_OK)
        status = check_shares(table, share, fractions);
    if (status == NASTL_OK)
        status = add_column(table, share);
    finish_rows(&r);
    free(share);
    return status;
}

static int split_table(struct nastl_table *table, const struct nastl_split_params *p)
{
    if (nastl_table_find(table, "split") >= 0)
        return nastl_error(NASTL_EINVAL,
                           "%s: it has a column 'split' already; use it with "
                           "--split-column, or rename it",
                           table->path);
    if (table->rows == 0)
        return nastl_error(NASTL_EFORMAT, "%s: it has a header and no rows; add some",
                           table->path);
    TRY(divide(table, p));
    return nastl_table_save(table, p->out, p->force);
}

int nastl_data_split(const struct nastl_split_params *params)
{
    struct nastl_table *table;
    if (!params->data || !params->out)
        return nastl_error(NASTL_EINVAL, "%s: not given; give a file",
                           params->data ? "--out" : "DATA");
    TRY(nastl_table_check_target(params->out, params->force));
    TRY(nastl_table_load(&table, params->data, params->data_dir));
    const int status = split_table(table, params);
    nastl_table_destroy(table);
    return status;
}
