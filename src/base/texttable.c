/* texttable.c: see texttable.h. Every character counts as one column of the terminal.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/texttable.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GAP = 2,  /* blanks between columns */
    LEAST = 8 /* columns are not cut below this */
};

/* ---- filling ----------------------------------------------------------------------- */

void nastl_texttable_init(struct nastl_texttable *table, const char *align)
{
    *table = (struct nastl_texttable){.align = align, .columns = strlen(align)};
}

void nastl_texttable_finish(struct nastl_texttable *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (struct nastl_texttable){0};
}

/* Takes `cell` over. A body cell is one line: what would move the cursor goes. */
static void take(struct nastl_texttable *table, char *cell)
{
    char **cells = cell && !table->failed
                       ? nastl_alloc_resize(table->cells, table->count + 1, sizeof *cells)
                       : NULL;
    if (!cells) {
        table->failed = true;
        free(cell);
        return;
    }
    const bool header = table->count < table->columns;
    for (char *c = cell; *c; c++)
        if (((unsigned char)*c < 0x20 || *c == 0x7f) && !(header && *c == '\n'))
            *c = ' ';
    table->cells = cells;
    cells[table->count++] = cell;
}

void nastl_texttable_add(struct nastl_texttable *table, const char *text)
{
    take(table, nastl_strdup(text));
}

void nastl_texttable_addf(struct nastl_texttable *table, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    nastl_texttable_add(table, text);
}

/* ---- widths ------------------------------------------------------------------------ */

static bool starts_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

size_t nastl_text_width(const char *text, size_t length)
{
    size_t width = 0;
    for (size_t i = 0; i < length; i++)
        width += starts_character(text[i]);
    return width;
}

/* Line `line` of a cell, from 0; an empty one where there are fewer. */
static const char *line_of(size_t *length, const char *cell, size_t line)
{
    while (line > 0 && *cell) {
        cell += strcspn(cell, "\n");
        cell += *cell == '\n';
        line--;
    }
    *length = strcspn(cell, "\n");
    return cell;
}

static size_t lines_of(const char *cell)
{
    size_t lines = 1;
    for (; *cell; cell++)
        lines += *cell == '\n';
    return lines;
}

static size_t column_width(const struct nastl_texttable *table, size_t column)
{
    size_t widest = 0;
    for (size_t i = column; i < table->count; i += table->columns)
        for (size_t line = 0; line < lines_of(table->cells[i]); line++) {
            size_t length;
            const char *text = line_of(&length, table->cells[i], line);
            const size_t width = nastl_text_width(text, length);
            widest = width > widest ? width : widest;
        }
    return widest;
}

/* The widest left-aligned column that may still be cut, or SIZE_MAX. */
static size_t column_to_cut(const struct nastl_texttable *table, const size_t *widths)
{
    size_t found = SIZE_MAX;
    for (size_t j = 0; j < table->columns; j++)
        if (table->align[j] == 'l' && widths[j] > LEAST &&
            (found == SIZE_MAX || widths[j] > widths[found]))
            found = j;
    return found;
}

static void fit(const struct nastl_texttable *table, size_t *widths, size_t width)
{
    size_t total = table->columns ? GAP * (table->columns - 1) : 0;
    for (size_t j = 0; j < table->columns; j++)
        total += widths[j] = column_width(table, j);
    while (width && total > width) {
        const size_t cut = column_to_cut(table, widths);
        if (cut == SIZE_MAX)
            return;
        widths[cut]--;
        total--;
    }
}

/* ---- writing ----------------------------------------------------------------------- */

static void put_blanks(struct nastl_strbuf *buf, size_t count)
{
    while (count-- > 0)
        nastl_strbuf_add_bytes(buf, " ", 1);
}

/* The bytes of the first `width` characters. */
static size_t bytes_of(const char *text, size_t length, size_t width)
{
    size_t at = 0;
    while (at < length && (width > 0 || !starts_character(text[at])))
        width -= starts_character(text[at++]);
    return at;
}

static void put_text(struct nastl_strbuf *buf, const char *text, size_t length,
                     size_t width)
{
    if (nastl_text_width(text, length) <= width) {
        nastl_strbuf_add_bytes(buf, text, length);
        return;
    }
    nastl_strbuf_add_bytes(buf, text, bytes_of(text, length, width - 1));
    nastl_strbuf_add(buf, "…");
}

/* One line of a row; no blanks at its end. */
static void put_line(struct nastl_strbuf *buf, const struct nastl_texttable *table,
                     char *const *row, size_t line, const size_t *widths)
{
    size_t blanks = 0;
    for (size_t j = 0; j < table->columns; j++) {
        size_t length;
        const char *text = line_of(&length, row[j], line);
        const size_t width = nastl_text_width(text, length);
        const size_t left = width < widths[j] ? widths[j] - width : 0;
        const bool right = table->align[j] == 'r';
        if (length) {
            put_blanks(buf, blanks + (right ? left : 0));
            put_text(buf, text, length, widths[j]);
            blanks = 0;
        } else {
            blanks += width;
        }
        blanks += GAP + (length && right ? 0 : left);
    }
    nastl_strbuf_add(buf, "\n");
}

static size_t row_lines(const struct nastl_texttable *table, char *const *row)
{
    size_t most = 1;
    for (size_t j = 0; j < table->columns; j++) {
        const size_t lines = lines_of(row[j]);
        most = lines > most ? lines : most;
    }
    return most;
}

static int result(const struct nastl_strbuf *buf, const struct nastl_texttable *table)
{
    return buf->failed || table->failed ? nastl_error_nomem("a table") : NASTL_OK;
}

int nastl_texttable_write(struct nastl_strbuf *buf, const struct nastl_texttable *table,
                          size_t width)
{
    size_t *widths = nastl_alloc_zero(table->columns, sizeof *widths);
    if (!widths)
        return nastl_error_nomem("a table");
    fit(table, widths, width);
    for (size_t i = 0; i + table->columns <= table->count; i += table->columns) {
        char *const *row = table->cells + i;
        for (size_t line = 0; line < row_lines(table, row); line++)
            put_line(buf, table, row, line, widths);
    }
    free(widths);
    return result(buf, table);
}

static void put_markdown_cell(struct nastl_strbuf *buf, const char *cell)
{
    nastl_strbuf_add(buf, "| ");
    for (; *cell; cell++) {
        if (*cell == '|' || *cell == '\\')
            nastl_strbuf_add(buf, "\\");
        nastl_strbuf_add_bytes(buf, *cell == '\n' ? " " : cell, 1);
    }
    nastl_strbuf_add(buf, " ");
}

int nastl_texttable_markdown(struct nastl_strbuf *buf,
                             const struct nastl_texttable *table)
{
    for (size_t i = 0; i + table->columns <= table->count; i += table->columns) {
        for (size_t j = 0; j < table->columns; j++)
            put_markdown_cell(buf, table->cells[i + j]);
        nastl_strbuf_add(buf, "|\n");
        for (size_t j = 0; i == 0 && j < table->columns; j++)
            nastl_strbuf_add(buf, table->align[j] == 'r' ? "| --: " : "| --- ");
        nastl_strbuf_add(buf, i == 0 ? "|\n" : "");
    }
    return result(buf, table);
}
