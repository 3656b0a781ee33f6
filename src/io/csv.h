/* csv.h: CSV and CSV.gz, read as a stream of fields and written.
 *
 * Reading: comma-separated, first line the header, fields may be quoted ("" inside quotes
 * is a quote), LF or CRLF, UTF-8 with or without a byte-order mark, gzip found by its
 * magic bytes. As pandas reads it: empty lines are skipped (a field that is empty in a
 * file of one column is written ""), blanks belong to the field, a quote counts at a
 * field's beginning alone. Errors are NASTL_EFORMAT "FILE:LINE: …" (and the column's name
 * where it is known): a row with the wrong number of fields, an unterminated quote, text
 * after a closing quote, invalid UTF-8, an empty file, a file without a header, a NUL
 * byte (no CSV), a duplicate or empty name, damaged gzip data, a field of more than 64
 * MiB. SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_CSV_H
#define IO_CSV_H

#include <stddef.h>
#include <stdint.h>

/* What a reader tells. `text` is `length` bytes, NUL-terminated, borrowed during the
 * call. A negative return stops the reading and is passed up. `line` is from 1. `header`
 * may be NULL. */
struct nastl_csv_events {
    int (*header)(size_t columns, const char *const *names, void *payload);
    int (*field)(size_t row, size_t column, const char *text, size_t length, int64_t line,
                 void *payload);
    void *payload;
};

int nastl_csv_read(const char *path, const struct nastl_csv_events *events, size_t *rows);

struct nastl_strbuf;

/* Appends a field, quoted where it has to be; a comma is put before it unless `first`. */
void nastl_csv_put(struct nastl_strbuf *buf, const char *text, int first);
void nastl_csv_put_number(struct nastl_strbuf *buf, double value,
                          int first); /* NaN: empty */

/* A writer for long files: gzip by a path that ends in .gz, standard output for "-",
 * devices and pipes in place, atomic otherwise (a temporary name until close). */
struct nastl_csv_writer;
int nastl_csv_create(struct nastl_csv_writer **out, const char *path);
int nastl_csv_write(struct nastl_csv_writer *writer, const char *text, size_t length);
int nastl_csv_close(struct nastl_csv_writer *writer);  /* frees, whatever it returns */
void nastl_csv_abort(struct nastl_csv_writer *writer); /* leaves nothing behind */

#endif
