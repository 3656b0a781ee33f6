/* describe_text.c: a description for people: lines of at most 80 columns.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/describe.h"

#include "base/error.h"
#include "base/strbuf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, NAME_WIDTH = 30, MOST_TALLIES = 40 };

/* ---- cells ------------------------------------------------------------------------- */

static bool starts_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

/* Columns on a terminal, one a character. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += starts_character(*text);
    return width;
}

/* Texts from a file stay on one line: control characters become blanks. */
static void put_bytes(struct nastl_strbuf *buf, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const bool control = (unsigned char)text[i] < 0x20 || text[i] == 0x7f;
        nastl_strbuf_add_bytes(buf, control ? " " : text + i, 1);
    }
}

/* Appends what fits into `width` columns, with … where something is cut. */
static void put_cut(struct nastl_strbuf *buf, const char *text, size_t width)
{
    if (width_of(text) <= width) {
        put_bytes(buf, text, strlen(text));
        return;
    }
    size_t end = 0;
    for (size_t columns = 0; columns < width; end++)
        columns += starts_character(text[end]);
    if (end)
        put_bytes(buf, text, end - 1);
    nastl_strbuf_add(buf, "…");
}

static void put_padded(struct nastl_strbuf *buf, const char *text, size_t width)
{
    put_cut(buf, text, width);
    for (size_t i = width_of(text); i < width; i++)
        nastl_strbuf_add(buf, " ");
}

static double percent(size_t part, size_t all)
{
    return all ? 100 * (double)part / (double)all : 0;
}

/* ---- the head ---------------------------------------------------------------------- */

/* "  NAME: TEXT", broken between items; an item is never broken. */
struct lines {
    struct nastl_strbuf *buf;
    size_t column, indent;
};

static void put_item(struct lines *lines, const char *item, bool last)
{
    const size_t width = width_of(item) + !last;
    if (lines->column + 1 + width > WIDTH && lines->column > lines->indent) {
        nastl_strbuf_addf(lines->buf, "\n%*s", (int)lines->indent, "");
        lines->column = lines->indent;
    } else {
        nastl_strbuf_add(lines->buf, " ");
        lines->column++;
    }
    put_cut(lines->buf, item, WIDTH - lines->indent - 2);
    nastl_strbuf_add(lines->buf, last ? "" : ",");
    lines->column += width;
}

static void put_tallies(struct nastl_strbuf *buf, const struct nastl_tallies *tallies,
                        size_t rows)
{
    struct lines lines = {buf, 10, 10};
    const size_t count = tallies->count < MOST_TALLIES ? tallies->count : MOST_TALLIES;
    nastl_strbuf_add(buf, "         ");
    for (size_t i = 0; i < count; i++) {
        char item[160];
        snprintf(item, sizeof item, "%.80s %zu (%.1f %%)", tallies->items[i].text,
                 tallies->items[i].rows, percent(tallies->items[i].rows, rows));
        put_item(&lines, item, i + 1 == count);
    }
    if (tallies->count > count)
        nastl_strbuf_addf(buf, "\n          and %zu more", tallies->count - count);
    nastl_strbuf_add(buf, "\n");
}

static void put_shape(struct nastl_strbuf *buf, const struct nastl_summary *s)
{
    size_t numeric = 0;
    for (size_t i = 0; i < s->table->count; i++)
        numeric += s->table->columns[i].kind == NASTL_NUMERIC;
    nastl_strbuf_addf(buf, "%s\n", s->table->path);
    nastl_strbuf_addf(
        buf, "shape     %zu rows, %zu columns: %zu numeric, %zu categorical\n",
        s->table->rows, s->table->count, numeric, s->table->count - numeric);
}

static void put_label(struct nastl_strbuf *buf, const struct nastl_summary *s)
{
    if (s->label < 0)
        return;
    const struct nastl_column *column = &s->table->columns[s->label];
    nastl_strbuf_add(buf, "label     ");
    put_cut(buf, column->name, NAME_WIDTH);
    nastl_strbuf_add(buf, ": ");
    if (s->is_classes)
        nastl_strbuf_addf(buf, "%zu classes", s->classes.count);
    else
        nastl_strbuf_addf(buf, "regression, %zu distinct values", s->classes.count);
    if (column->missing)
        nastl_strbuf_addf(buf, ", %zu rows without", column->missing);
    nastl_strbuf_add(buf, "\n");
    if (s->is_classes)
        put_tallies(buf, &s->classes, s->table->rows);
}

static void put_list(struct nastl_strbuf *buf, const struct nastl_list *list, size_t rows)
{
    struct lines lines = {buf, 10, 10};
    nastl_strbuf_add(buf, "         ");
    for (size_t i = 0; i < list->count; i++)
        put_item(&lines, list->items[i], i + 1 == list->count);
    nastl_strbuf_addf(buf, ": %zu rows\n", rows);
}

static void put_domains(struct nastl_strbuf *buf, const struct nastl_summary *s)
{
    if (s->domain < 0)
        return;
    nastl_strbuf_add(buf, "domains   ");
    put_cut(buf, s->table->columns[s->domain].name, NAME_WIDTH);
    nastl_strbuf_addf(buf, ": %zu\n", s->domains.count);
    put_tallies(buf, &s->domains, s->table->rows);
    nastl_strbuf_add(buf, "shift     population stability index from\n");
    put_list(buf, &s->source, s->source_rows);
    nastl_strbuf_add(buf, "          to\n");
    put_list(buf, &s->target, s->target_rows);
    nastl_strbuf_add(buf, "          (above 0.25: a real shift)\n");
}

/* ---- the table --------------------------------------------------------------------- */

static void put_values(struct nastl_strbuf *out, const struct nastl_column_summary *c,
                       size_t rows)
{
    if (c->column->kind == NASTL_NUMERIC) {
        if (c->column->missing == rows)
            nastl_strbuf_add(out, "no value");
        else
            nastl_strbuf_addf(out, "%.6g … %.6g … %.6g", c->low, c->median, c->high);
        return;
    }
    nastl_strbuf_addf(out, "%zu:", c->column->level_count);
    for (size_t i = 0; i < c->top_count; i++)
        nastl_strbuf_addf(out, "%s %.60s %.1f %%", i ? "," : "", c->top[i].text,
                          percent(c->top[i].rows, rows));
}

static size_t name_width(const struct nastl_summary *s)
{
    size_t width = strlen("column");
    for (size_t i = 0; i < s->table->count; i++) {
        const size_t wanted = width_of(s->table->columns[i].name);
        width = wanted > width ? wanted : width;
    }
    return width < NAME_WIDTH ? width : NAME_WIDTH;
}

static int put_column(struct nastl_strbuf *buf, const struct nastl_summary *s, size_t at,
                      size_t width)
{
    const struct nastl_column_summary *c = &s->columns[at];
    const size_t rows = s->table->rows;
    struct nastl_strbuf values;
    char fixed[64], shift[24] = "";
    const bool numeric = c->column->kind == NASTL_NUMERIC;
    if (s->side && isnan(c->shift))
        snprintf(shift, sizeof shift, "%8s", "");
    else if (s->side)
        snprintf(shift, sizeof shift, "%8.3f", c->shift);
    snprintf(fixed, sizeof fixed, "  %-11s %5.1f %%%s  ",
             numeric ? "numeric" : "categorical", percent(c->column->missing, rows),
             shift);
    nastl_strbuf_init(&values);
    put_values(&values, c, rows);
    put_padded(buf, c->column->name, width);
    nastl_strbuf_add(buf, fixed);
    const char *text = nastl_strbuf_text(&values);
    if (text)
        put_cut(buf, text, WIDTH - width - strlen(fixed));
    nastl_strbuf_add(buf, "\n");
    const bool failed = !text;
    nastl_strbuf_finish(&values);
    return failed ? nastl_error_nomem("a description") : NASTL_OK;
}

static int put_table(struct nastl_strbuf *buf, const struct nastl_summary *s)
{
    const size_t width = name_width(s);
    char fixed[64];
    nastl_strbuf_add(buf, "\n");
    put_padded(buf, "column", width);
    snprintf(fixed, sizeof fixed, "  %-11s %7s%s  ", "kind", "missing",
             s->side ? "   shift" : "");
    nastl_strbuf_add(buf, fixed);
    put_cut(buf, "least … median … greatest", WIDTH - width - strlen(fixed));
    nastl_strbuf_add(buf, "\n");
    for (size_t i = 0; i < s->table->count; i++)
        TRY(put_column(buf, s, i, width));
    return NASTL_OK;
}

int nastl_summary_text(char **out, const struct nastl_summary *summary)
{
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    put_shape(&buf, summary);
    put_label(&buf, summary);
    put_domains(&buf, summary);
    const int status = put_table(&buf, summary);
    if (status == NASTL_OK)
        return nastl_strbuf_take(out, &buf);
    nastl_strbuf_finish(&buf);
    return status;
}
