/* strbuf.h: a growing string. After a failed append it stays failed and empty-handed:
 * check once, at the end, with nastl_strbuf_take().
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

#include <nastl/error.h>

struct nastl_strbuf {
    char *text; /* NUL-terminated, or NULL while empty */
    size_t length;
    size_t capacity;
    bool failed; /* an allocation failed; later appends do nothing */
};

void nastl_strbuf_init(struct nastl_strbuf *buf);
void nastl_strbuf_finish(struct nastl_strbuf *buf);
void nastl_strbuf_clear(struct nastl_strbuf *buf); /* keeps the memory */

void nastl_strbuf_add(struct nastl_strbuf *buf, const char *text);
void nastl_strbuf_add_bytes(struct nastl_strbuf *buf, const char *bytes, size_t length);
void nastl_strbuf_addf(struct nastl_strbuf *buf, const char *format, ...)
    NASTL_PRINTF(2, 3);

/* Appends the shortest decimal that reads back as the same double. */
void nastl_strbuf_add_number(struct nastl_strbuf *buf, double value);

/* The text, "" if empty, NULL if an append failed. Borrowed. */
const char *nastl_strbuf_text(const struct nastl_strbuf *buf);

/* Hands the text over to the caller (free()), and leaves the buffer empty. */
int nastl_strbuf_take(char **out, struct nastl_strbuf *buf);

/* Writes the shortest decimal that reads back as `value` (at most 32 bytes with NUL);
 * nan, inf and -inf by these names. Returns its length. */
size_t nastl_number_text(char out[32], double value);

/* Reads a whole string as a finite or infinite number, in the C locale. false when `text`
 * is empty or holds anything else. */
bool nastl_number_parse(double *out, const char *text, size_t length);

#endif
