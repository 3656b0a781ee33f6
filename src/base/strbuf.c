/* strbuf.c: growing strings, and numbers that survive a round trip through text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/strbuf.h"

#include "base/alloc.h"
#include "base/error.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
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

/* Below a power of two doubles lie twice as close as above it: there the decimal of 16
 * digits above the nearest one may read back where the nearest does not. */
static bool is_next_decimal(char out[32], double value)
{
    char text[32];
    int exponent;
    if (fabs(frexp(value, &exponent)) != 0.5)
        return false;
    snprintf(text, sizeof text, "%#.16g", value);
    char *last = text + strcspn(text, "e") - 1;
    if (*last < '0' || *last > '8')
        return false;
    ++*last;
    if (strtod(text, NULL) != value)
        return false;
    memcpy(out, text, sizeof text);
    return true;
}

/* A decimal of at most 15 digits survives a round trip through a normal double, so %.15g
 * finds it if there is one; else 16 digits may do, and 17 always do. */
static void print_shortest(char out[32], double value)
{
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits < 17; digits++) {
        snprintf(out, 32, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            return;
    }
    if (!is_next_decimal(out, value))
        snprintf(out, 32, "%.17g", value);
}

/* The host program's locale may write 0,1; the C locale is glibc's own and costs nothing.
 */
static locale_t enter_c_locale(locale_t *before)
{
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    *before = uselocale(c);
    return c;
}

static void leave_c_locale(locale_t c, locale_t before)
{
    uselocale(before);
    if (c)
        freelocale(c);
}

size_t nastl_number_text(char out[32], double value)
{
    locale_t before;
    if (isnan(value))
        return (size_t)snprintf(out, 32, "nan");
    const locale_t c = enter_c_locale(&before);
    print_shortest(out, value == 0.0 ? 0.0 : value); /* no "-0" */
    leave_c_locale(c, before);
    return strlen(out);
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

/* A decimal mantissa * 10^exponent, read without rounding. */
struct decimal {
    uint64_t mantissa;
    int digits; /* of mantissa, leading zeros left out */
    int exponent;
    bool negative;
};

static const char *read_digits(struct decimal *d, const char *at, const char *end)
{
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        d->mantissa = 10 * d->mantissa + (uint64_t)(*at - '0'); /* may wrap: see digits */
        d->digits += d->digits > 0 || *at != '0';
    }
    return at;
}

static const char *read_exponent(struct decimal *d, const char *at, const char *end)
{
    const bool negative = at < end && *at == '-';
    int exponent = 0;
    at += at < end && (*at == '-' || *at == '+');
    const char *digits = at;
    for (; at < end && *at >= '0' && *at <= '9'; at++)
        if (exponent < 100000) /* far beyond what a double holds */
            exponent = 10 * exponent + (*at - '0');
    d->exponent += negative ? -exponent : exponent;
    return at > digits ? at : NULL;
}

/* [+-] digits [. digits] [e [+-] digits]; at least one digit before the exponent. */
static bool read_decimal(struct decimal *d, const char *at, const char *end)
{
    *d = (struct decimal){.negative = at < end && *at == '-'};
    at += at < end && (*at == '-' || *at == '+');
    const char *whole = at;
    at = read_digits(d, at, end);
    size_t count = (size_t)(at - whole);
    if (at < end && *at == '.') {
        const char *fraction = ++at;
        at = read_digits(d, at, end);
        d->exponent = -(int)(at - fraction);
        count += (size_t)(at - fraction);
    }
    if (at && at < end && (*at == 'e' || *at == 'E'))
        at = read_exponent(d, at + 1, end);
    return at == end && count > 0;
}

/* Clinger, "How to read floating point numbers accurately", 1990: a mantissa and a power
 * of ten that are doubles themselves need one operation, which rounds once. */
static bool is_exact(double *out, const struct decimal *d)
{
    static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const int most = (int)(sizeof ten / sizeof *ten) - 1;
    if (FLT_EVAL_METHOD != 0 || d->digits > 19 || d->mantissa >= UINT64_C(1) << 53 ||
        d->exponent > most || d->exponent < -most)
        return false;
    const double m = (double)d->mantissa;
    const double value = d->exponent < 0 ? m / ten[-d->exponent] : m * ten[d->exponent];
    *out = d->negative ? -value : value;
    return true;
}

/* strtod knows no length; the longest decimal that says something has 1,100 digits. */
static bool parse_slowly(double *out, const char *text, size_t length)
{
    char copy[1200], *end;
    if (length >= sizeof copy)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    locale_t before;
    const locale_t c = enter_c_locale(&before);
    *out = strtod(copy, &end);
    leave_c_locale(c, before);
    return end == copy + length;
}

bool nastl_number_parse(double *out, const char *text, size_t length)
{
    struct decimal d;
    if (!read_decimal(&d, text, text + length))
        return is_infinity(out, text, length);
    return is_exact(out, &d) || parse_slowly(out, text, length);
}
