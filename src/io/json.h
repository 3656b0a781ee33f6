/* json.h: JSON by jansson, written with the shortest decimals that read back as the same
 * double. The rest of the library uses these names; jansson.h is included here for
 * json_t, its constructors and its accessors, and by nobody else.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_JSON_H
#define IO_JSON_H

#include <stddef.h>

#include <jansson.h>

struct nastl_strbuf;

/* Reads a file or text; NASTL_EFORMAT names file, line and column. json_decref(*out). */
int nastl_json_read(json_t **out, const char *path);
int nastl_json_parse(json_t **out, const char *text, const char *name);

/* Appends `value`: keys in insertion order; indent 0 is one line, else that many spaces a
 * level. Arrays of scalars stay on one line. NaN and infinities become null. */
void nastl_json_write(struct nastl_strbuf *buf, const json_t *value, int indent);

/* Writes a file atomically, indented by 2, with a final newline. */
int nastl_json_save(const json_t *value, const char *path);

/* A real, or null where the value is not finite. */
json_t *nastl_json_number(double value);

/* A string, or null for NULL; unlike json_string() it takes any bytes (a path, a name
 * from a file): those that are no UTF-8 are read as Latin-1. */
json_t *nastl_json_text(const char *text);

/* A text of an object, or `missing`; a whole number of it, or 0. */
const char *nastl_json_text_at(const json_t *object, const char *key,
                               const char *missing);
long long nastl_json_whole_at(const json_t *object, const char *key);

/* Sets a key to a new value, taking it over; a NULL value (memory out) is an error. */
int nastl_json_set(json_t *object, const char *key, json_t *value);
int nastl_json_append(json_t *array, json_t *value);

#endif
