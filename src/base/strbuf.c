/* strbuf.c: growing strings, and numbers that survive a round trip through text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/strbuf.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nastl_strbuf_init(struct nastl_strbuf *buf)
{
    *buf = (struct nastl_strbuf){0};
}

void nastl_strbuf_finish(struct nastl_strbuf *buf)
{
    free(buf->text);
    nastl_strbuf_init(buf);
}

void nastl_strbuf_clear(struct nastl_strbuf *buf)
{
    buf->length = 0;
    if (buf->text)
        buf->text[0] = '\0';
}

/* Makes room for `more` bytes and a NUL. */
static bool reserve(struct nastl_strbuf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (buf->capacity - buf->length > more)
        return true;
    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity - buf->length <= more)
        capacity *= 2;
    char *text = nastl_alloc_resize(buf->text, capacity, 1);
    if (!text) {
        buf->failed = true;
        return false;
    }
    buf->text = text;
    buf->capacity = capacity;
    return true;
}

void nastl_strbuf_add_bytes(struct nastl_strbuf *buf, const char *bytes, size_t length)
{
    if (!reserve(buf, length))
        return;
    memcpy(buf->text + buf->length, bytes, length);
    buf->length += length;
    buf->text[buf->length] = '\0';
}

void nastl_strbuf_add(struct nastl_strbuf *buf, const char *text)
{
    nastl_strbuf_add_bytes(buf, text, strlen(text));
}

void nastl_strbuf_addf(struct nastl_strbuf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    if (length >= 0 && reserve(buf, (size_t)length)) {
        vsnprintf(buf->text + buf->length, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

void nastl_strbuf_add_number(struct nastl_strbuf *buf, double value)
{
    char text[32];
    const size_t length = nastl_number_text(text, value);
    nastl_strbuf_add_bytes(buf, text, length);
}

const char *nastl_strbuf_text(const struct nastl_strbuf *buf)
{
    if (buf->failed)
        return NULL;
    return buf->text ? buf->text : "";
}

int nastl_strbuf_take(char **out, struct nastl_strbuf *buf)
{
    if (!buf->text)
        reserve(buf, 0);
    if (buf->failed) {
        nastl_strbuf_finish(buf);
        return nastl_error_nomem("a string");
    }
    buf->text[buf->length] = '\0';
    *out = buf->text;
    nastl_strbuf_init(buf);
    return NASTL_OK;
}

/* A decimal of at most 15 digits survives a round trip, so %.15g finds it if there is
 * one; else 16 digits may do, and 17 always do. */
size_t nastl_number_text(char out[32], double value)
{
    if (isnan(value))
        return (size_t)snprintf(out, 32, "nan");
    if (value == 0.0)
        value = 0.0; /* no "-0" */
    for (int digits = 15; digits < 17; digits++) {
        const int length = snprintf(out, 32, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            return (size_t)length;
    }
    return (size_t)snprintf(out, 32, "%.17g", value);
}

/* strtod takes hexadecimal, "nan(…)" and leading blanks; a data file's numbers are plain.
 */
static bool has_plain_letters(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        const bool plain = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' ||
                           c == 'e' || c == 'E';
        if (!plain)
            return false;
    }
    return length > 0;
}

static bool is_infinity(double *out, const char *text, size_t length)
{
    const bool negative = length && *text == '-';
    if (length && (*text == '-' || *text == '+')) {
        text++;
        length--;
    }
    if (length != 3 || strncmp(text, "inf", 3) != 0)
        return false;
    *out = negative ? -INFINITY : INFINITY;
    return true;
}

bool nastl_number_parse(double *out, const char *text, size_t length)
{
    char copy[64];
    if (length >= sizeof copy)
        return false;
    if (!has_plain_letters(text, length))
        return is_infinity(out, text, length);
    memcpy(copy, text, length);
    copy[length] = '\0';
    char *end;
    *out = strtod(copy, &end);
    return end == copy + length;
}
