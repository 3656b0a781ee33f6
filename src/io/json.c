/* json.c: jansson reads; the writer is ours, because jansson's prints 17 digits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/json.h"

#include "base/error.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "io/file.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 256 << 20 };

/* ---- reading ----------------------------------------------------------------------- */

static int parse(json_t **out, const char *text, size_t length, const char *name)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    json_error_t error;
    json_t *value = json_loadb(text, length, flags, &error);
    if (value) {
        *out = value;
        return NASTL_OK;
    }
    if (json_error_code(&error) == json_error_out_of_memory)
        return nastl_error_nomem(name);
    const int line = error.line > 0 ? error.line : 1;
    const int column = error.column > 0 ? error.column : 1;
    return nastl_error(NASTL_EFORMAT, "%s:%d:%d: %s; correct the JSON here", name, line,
                       column, error.text);
}

int nastl_json_parse(json_t **out, const char *text, const char *name)
{
    return parse(out, text, strlen(text), name);
}

int nastl_json_read(json_t **out, const char *path)
{
    char *text;
    size_t length;
    TRY(nastl_file_read(&text, &length, path, MOST_BYTES));
    const int status = parse(out, text, length, path);
    free(text);
    return status;
}

/* ---- writing ----------------------------------------------------------------------- */

static void write_value(struct nastl_strbuf *buf, const json_t *value, int indent,
                        int level);

static const char *escape_of(unsigned char c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

static void write_text(struct nastl_strbuf *buf, const char *text, size_t length)
{
    size_t done = 0;
    nastl_strbuf_add(buf, "\"");
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        nastl_strbuf_add_bytes(buf, text + done, i - done);
        done = i + 1;
        if (escape_of(c))
            nastl_strbuf_add(buf, escape_of(c));
        else
            nastl_strbuf_addf(buf, "\\u%04x", c);
    }
    nastl_strbuf_add_bytes(buf, text + done, length - done);
    nastl_strbuf_add(buf, "\"");
}

static void write_real(struct nastl_strbuf *buf, double value)
{
    if (isfinite(value))
        nastl_strbuf_add_number(buf, value);
    else
        nastl_strbuf_add(buf, "null");
}

/* A new line at a level, or what stands for it where all is on one line. */
static void break_line(struct nastl_strbuf *buf, int indent, int level, const char *flat)
{
    if (indent == 0) {
        nastl_strbuf_add(buf, flat);
        return;
    }
    nastl_strbuf_add(buf, "\n");
    for (int i = 0; i < indent * level; i++)
        nastl_strbuf_add_bytes(buf, " ", 1);
}

static void write_object(struct nastl_strbuf *buf, const json_t *object, int indent,
                         int level)
{
    bool first = true;
    void *walk = (void *)(uintptr_t)object; /* jansson's iterators are not const */
    nastl_strbuf_add(buf, "{");
    for (void *at = json_object_iter(walk); at; at = json_object_iter_next(walk, at)) {
        const char *key = json_object_iter_key(at);
        nastl_strbuf_add(buf, first ? "" : ",");
        break_line(buf, indent, level + 1, first ? "" : " ");
        write_text(buf, key, strlen(key));
        nastl_strbuf_add(buf, ": ");
        write_value(buf, json_object_iter_value(at), indent, level + 1);
        first = false;
    }
    if (!first)
        break_line(buf, indent, level, "");
    nastl_strbuf_add(buf, "}");
}

static bool holds_scalars(const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);
        if (json_is_object(item) || json_is_array(item))
            return false;
    }
    return true;
}

static void write_array(struct nastl_strbuf *buf, const json_t *array, int indent,
                        int level)
{
    const size_t count = json_array_size(array);
    const int inner = holds_scalars(array) ? 0 : indent;
    nastl_strbuf_add(buf, "[");
    for (size_t i = 0; i < count; i++) {
        nastl_strbuf_add(buf, i ? "," : "");
        break_line(buf, inner, level + 1, i ? " " : "");
        write_value(buf, json_array_get(array, i), indent, level + 1);
    }
    if (count)
        break_line(buf, inner, level, "");
    nastl_strbuf_add(buf, "]");
}

static void write_value(struct nastl_strbuf *buf, const json_t *value, int indent,
                        int level)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(buf, value, indent, level);
        break;
    case JSON_ARRAY:
        write_array(buf, value, indent, level);
        break;
    case JSON_STRING:
        write_text(buf, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        nastl_strbuf_addf(buf, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        write_real(buf, json_real_value(value));
        break;
    case JSON_TRUE:
        nastl_strbuf_add(buf, "true");
        break;
    case JSON_FALSE:
        nastl_strbuf_add(buf, "false");
        break;
    case JSON_NULL:
        nastl_strbuf_add(buf, "null");
        break;
    }
}

void nastl_json_write(struct nastl_strbuf *buf, const json_t *value, int indent)
{
    write_value(buf, value, indent, 0);
}

int nastl_json_save(const json_t *value, const char *path)
{
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    nastl_json_write(&buf, value, 2);
    nastl_strbuf_add(&buf, "\n");
    const int status = nastl_strbuf_text(&buf)
                           ? nastl_file_write(path, buf.text, buf.length)
                           : nastl_error_nomem(path);
    nastl_strbuf_finish(&buf);
    return status;
}

/* ---- building ---------------------------------------------------------------------- */

json_t *nastl_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* A byte that is no UTF-8 becomes the Latin-1 character it would be. */
static json_t *repaired(const char *text)
{
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    size_t left = strlen(text);
    while (left > 0) {
        const size_t good = nastl_utf8_valid(text, left);
        nastl_strbuf_add_bytes(&buf, text, good);
        text += good;
        left -= good;
        if (left > 0) {
            const unsigned char byte = (unsigned char)*text++;
            const char two[2] = {(char)(0xc0 | byte >> 6), (char)(0x80 | (byte & 0x3f))};
            nastl_strbuf_add_bytes(&buf, two, 2);
            left--;
        }
    }
    const char *whole = nastl_strbuf_text(&buf);
    json_t *value = whole ? json_string(whole) : NULL;
    nastl_strbuf_finish(&buf);
    return value;
}

json_t *nastl_json_text(const char *text)
{
    if (!text)
        return json_null();
    const size_t length = strlen(text);
    return nastl_utf8_valid(text, length) == length ? json_string(text) : repaired(text);
}

const char *nastl_json_text_at(const json_t *object, const char *key, const char *missing)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : missing;
}

long long nastl_json_whole_at(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

int nastl_json_set(json_t *object, const char *key, json_t *value)
{
    if (!value || json_object_set_new(object, key, value) != 0)
        return nastl_error_nomem(key);
    return NASTL_OK;
}

int nastl_json_append(json_t *array, json_t *value)
{
    if (!value || json_array_append_new(array, value) != 0)
        return nastl_error_nomem("a JSON array");
    return NASTL_OK;
}
