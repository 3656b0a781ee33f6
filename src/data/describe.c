/* describe.c: `nas-tl data describe`: what is in a table, counted.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/describe.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/stat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE = 1, TARGET = 2 };

#define AT(field) offsetof(struct nastl_describe_params, field)

const struct nastl_opt nastl_describe_opts[] = {
    {"label", NASTL_OPT_TEXT, AT(label), .metavar = "COLUMN",
     .help = "the column of the label: its classes are counted"},
    {"domain_column", NASTL_OPT_TEXT, AT(domain_column), .metavar = "COLUMN",
     .help =
         "the column that tells the domain of a row: the shift of each column is told"},
    {"source_domain", NASTL_OPT_LIST, AT(source_domain), .metavar = "V[,V...]",
     .help = "its values in source rows; default: the first one"},
    {"target_domain", NASTL_OPT_LIST, AT(target_domain), .metavar = "V[,V...]",
     .help = "its values in target rows; default: all others"},
    {"data_dir", NASTL_OPT_TEXT, AT(data_dir), .metavar = "DIR",
     .help = "where descriptors find their files; default: NASTL_DATA_DIR"},
    {NULL},
};

#undef AT

static void finish_summary(struct nastl_summary *s)
{
    free(s->columns);
    free(s->side);
    free(s->classes.items);
    free(s->domains.items);
    nastl_codes_finish(&s->classes.codes);
    nastl_codes_finish(&s->domains.codes);
    nastl_list_finish(&s->source);
    nastl_list_finish(&s->target);
}

/* ---- counting texts ---------------------------------------------------------------- */

static int tally(struct nastl_tallies *out, const struct nastl_column *column,
                 size_t rows)
{
    TRY(nastl_codes_init(&out->codes, column, rows));
    out->items = nastl_alloc_zero(out->codes.count, sizeof *out->items);
    if (!out->items)
        return nastl_error_nomem(column->name);
    out->count = out->codes.count;
    for (size_t i = 0; i < out->count; i++)
        out->items[i].text = out->codes.levels[i];
    for (size_t i = 0; i < rows; i++)
        if (out->codes.code[i] >= 0)
            out->items[out->codes.code[i]].rows++;
    return NASTL_OK;
}

/* Inserts where it belongs among the most frequent so far. */
static void keep_top(struct nastl_column_summary *s, const char *text, size_t rows)
{
    size_t at = s->top_count;
    while (at && s->top[at - 1].rows < rows)
        at--;
    if (at == NASTL_TOP_LEVELS)
        return;
    if (s->top_count < NASTL_TOP_LEVELS)
        s->top_count++;
    for (size_t i = s->top_count - 1; i > at; i--)
        s->top[i] = s->top[i - 1];
    s->top[at] = (struct nastl_tally){text, rows};
}

/* ---- columns ----------------------------------------------------------------------- */

static int summarize_numbers(struct nastl_column_summary *s, const double *number,
                             size_t rows)
{
    double *sorted = nastl_alloc(rows, sizeof *sorted);
    if (!sorted)
        return nastl_error_nomem(s->column->name);
    size_t n = 0;
    for (size_t i = 0; i < rows; i++)
        if (!isnan(number[i]))
            sorted[n++] = number[i];
    s->median = nastl_stat_median(sorted, n);
    s->low = n ? sorted[0] : NAN;
    s->high = n ? sorted[n - 1] : NAN;
    free(sorted);
    return NASTL_OK;
}

static int summarize_texts(struct nastl_column_summary *s, size_t rows)
{
    const struct nastl_column *column = s->column;
    size_t *count = nastl_alloc_zero(column->level_count, sizeof *count);
    if (!count)
        return nastl_error_nomem(column->name);
    for (size_t i = 0; i < rows; i++)
        if (column->code[i] >= 0)
            count[column->code[i]]++;
    for (size_t i = 0; i < column->level_count; i++)
        keep_top(s, column->levels[i], count[i]);
    free(count);
    return NASTL_OK;
}

static int summarize_column(struct nastl_summary *s, size_t at)
{
    const size_t rows = s->table->rows;
    const struct nastl_column *column = &s->table->columns[at];
    struct nastl_column_summary *out = &s->columns[at];
    const bool numeric = column->kind == NASTL_NUMERIC;
    *out = (struct nastl_column_summary){.column = column, .shift = NAN};
    TRY(numeric ? summarize_numbers(out, column->number, rows)
                : summarize_texts(out, rows));
    if (!s->side || (int)at == s->domain)
        return NASTL_OK;
    return numeric ? nastl_shift_of_numbers(&out->shift, column->number, s->side, rows)
                   : nastl_shift_of_codes(&out->shift, column->code, column->level_count,
                                          s->side, rows);
}

/* ---- domains ----------------------------------------------------------------------- */

static int check_domains(const struct nastl_summary *s, const struct nastl_list *list,
                         const char *option)
{
    for (size_t i = 0; i < list->count; i++) {
        bool found = false;
        for (size_t k = 0; k < s->domains.count; k++)
            found |= strcmp(s->domains.items[k].text, list->items[i]) == 0;
        if (!found)
            return nastl_error(
                NASTL_ENOENT,
                "%s %s: no row of %s is of that domain; look at `nas-tl data "
                "describe --domain-column %s`",
                option, list->items[i], s->table->path,
                s->table->columns[s->domain].name);
    }
    return NASTL_OK;
}

/* Without a word on it: the first domain is the source, all others are the target. */
static int choose_sides(struct nastl_summary *s, const struct nastl_list *source,
                        const struct nastl_list *target)
{
    TRY(nastl_list_copy(&s->source, source));
    TRY(nastl_list_copy(&s->target, target));
    for (size_t i = 0; source->count == 0 && i < s->domains.count; i++) {
        const char *text = s->domains.items[i].text;
        if (!nastl_list_has(&s->target, text) && s->source.count == 0)
            TRY(nastl_list_add(&s->source, text, strlen(text)));
    }
    for (size_t i = 0; target->count == 0 && i < s->domains.count; i++) {
        const char *text = s->domains.items[i].text;
        if (!nastl_list_has(&s->source, text))
            TRY(nastl_list_add(&s->target, text, strlen(text)));
    }
    TRY(check_domains(s, &s->source, "--source-domain"));
    return check_domains(s, &s->target, "--target-domain");
}

static int mark_sides(struct nastl_summary *s)
{
    const struct nastl_codes *codes = &s->domains.codes;
    uint8_t *of = nastl_alloc(codes->count, sizeof *of);
    s->side = nastl_alloc(s->table->rows, sizeof *s->side);
    if (!of || !s->side) {
        free(of);
        return nastl_error_nomem("the domains");
    }
    for (size_t i = 0; i < codes->count; i++)
        of[i] = nastl_list_has(&s->source, codes->levels[i])   ? SOURCE
                : nastl_list_has(&s->target, codes->levels[i]) ? TARGET
                                                               : 0;
    for (size_t i = 0; i < s->table->rows; i++) {
        s->side[i] = codes->code[i] < 0 ? 0 : of[codes->code[i]];
        s->source_rows += s->side[i] == SOURCE;
        s->target_rows += s->side[i] == TARGET;
    }
    free(of);
    return NASTL_OK;
}

static int find_domains(struct nastl_summary *s, const struct nastl_describe_params *p)
{
    const struct nastl_descriptor *d = &s->table->descriptor;
    const bool own = !p->domain_column && d->domain_column;
    const char *name = own ? d->domain_column : p->domain_column;
    size_t at;
    if (!name && (p->source_domain.count || p->target_domain.count))
        return nastl_error(NASTL_EINVAL,
                           "--%s-domain: no column says which domain a row is of; give "
                           "--domain-column",
                           p->source_domain.count ? "source" : "target");
    if (!name)
        return NASTL_OK;
    TRY(nastl_table_require(&at, s->table, name, "--domain-column"));
    s->domain = (int)at;
    TRY(tally(&s->domains, &s->table->columns[at], s->table->rows));
    const bool source = own && !p->source_domain.count;
    const bool target = own && !p->target_domain.count;
    TRY(choose_sides(s, source ? &d->source_domain : &p->source_domain,
                     target ? &d->target_domain : &p->target_domain));
    return mark_sides(s);
}

/* ---- all --------------------------------------------------------------------------- */

static int find_label(struct nastl_summary *s, const struct nastl_describe_params *p)
{
    const char *name = p->label ? p->label : s->table->descriptor.label;
    size_t at;
    if (!name)
        return NASTL_OK;
    TRY(nastl_table_require(&at, s->table, name, "--label"));
    s->label = (int)at;
    TRY(tally(&s->classes, &s->table->columns[at], s->table->rows));
    const struct nastl_descriptor *d = &s->table->descriptor;
    const bool own = d->label && strcmp(name, d->label) == 0;
    s->is_classes =
        own && d->task != NASTL_TASK_AUTO
            ? d->task != NASTL_TASK_REGRESSION
            : nastl_codes_are_classes(&s->classes.codes, &s->table->columns[at]);
    return NASTL_OK;
}

static int summarize(struct nastl_summary *s, const struct nastl_describe_params *p)
{
    TRY(find_label(s, p));
    TRY(find_domains(s, p));
    s->columns = nastl_alloc_zero(s->table->count, sizeof *s->columns);
    if (!s->columns)
        return nastl_error_nomem("a table");
    for (size_t i = 0; i < s->table->count; i++)
        TRY(summarize_column(s, i));
    return NASTL_OK;
}

int nastl_data_describe(char **out, const struct nastl_describe_params *params)
{
    struct nastl_table *table;
    if (!params->data)
        return nastl_error(NASTL_EINVAL, "DATA: not given; give a file");
    TRY(nastl_table_load(&table, params->data, params->data_dir));
    struct nastl_summary summary = {.table = table, .label = -1, .domain = -1};
    int status = summarize(&summary, params);
    if (status == NASTL_OK)
        status = params->json ? nastl_summary_json(out, &summary)
                              : nastl_summary_text(out, &summary);
    finish_summary(&summary);
    nastl_table_destroy(table);
    return status;
}
