/* texttable.h: rows of cells as an aligned table for terminals, or as a Markdown table.
 *
 *   nastl_texttable_init(&table, "lr");
 *   nastl_texttable_add(&table, "name");         the first row is the header; a header
 *   nastl_texttable_add(&table, "latency\nµs");  may have several lines
 *   nastl_texttable_add(&table, "small");
 *   nastl_texttable_addf(&table, "%.1f", 6.2);
 *
 * After a failed addition it stays failed: check once, at the end, with the writing.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_TEXTTABLE_H
#define BASE_TEXTTABLE_H

#include <stdbool.h>
#include <stddef.h>

#include <nastl/error.h>

#include "base/strbuf.h"

struct nastl_texttable {
    const char *align; /* borrowed; one letter a column: l left, r right */
    size_t columns;
    char **cells; /* (rows, columns) */
    size_t count;
    bool failed;
};

void nastl_texttable_init(struct nastl_texttable *table, const char *align);
void nastl_texttable_finish(struct nastl_texttable *table);

/* Appends a cell to the row that is being filled. */
void nastl_texttable_add(struct nastl_texttable *table, const char *text);
void nastl_texttable_addf(struct nastl_texttable *table, const char *format, ...)
    NASTL_PRINTF(2, 3);

/* Appends the table to `buf`; a row that is not full is left out. Lines are at most
 * `width` characters (0: any number) as long as the left-aligned columns keep eight each:
 * the longest are cut with "…". NASTL_ENOMEM if any addition failed. */
int nastl_texttable_write(struct nastl_strbuf *buf, const struct nastl_texttable *table,
                          size_t width);
int nastl_texttable_markdown(struct nastl_strbuf *buf,
                             const struct nastl_texttable *table);

/* Characters (code points) in a UTF-8 text, and in its first `length` bytes. */
size_t nastl_text_width(const char *text, size_t length);

#endif
