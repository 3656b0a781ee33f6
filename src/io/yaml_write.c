/* yaml_write.c: the few shapes of YAML that are written, so that readers of YAML 1.1 and
 * 1.2 see the same types.
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/yaml.h"

#include "base/strbuf.h"
#include "base/utf8.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

/* What some reader of YAML 1.1 or 1.2 takes for something else than a text. */
static bool has_meaning(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(words[i], text) == 0)
            return true;
    return false;
}

/* Letters first, then nothing that YAML gives a meaning to: everything else is quoted. */
static bool is_safe(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_' && *text != '/')
        return false;
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("_-./+", *at))
            return false;
    return !has_meaning(text);
}

/* Whether YAML lets the character stand as it is and does not fold it. */
static bool is_printable(uint32_t code)
{
    if (code < 0xa0)
        return code >= 0x20 && code < 0x7f;
    return code != 0x2028 && code != 0x2029 && code != 0xfeff && code != 0xfffe &&
           code != 0xffff;
}

static void put_character(struct nastl_strbuf *buf, uint32_t code, const char *text,
                          size_t length)
{
    if (code == '"' || code == '\\')
        nastl_strbuf_addf(buf, "\\%c", (char)code);
    else if (code == '\n')
        nastl_strbuf_add(buf, "\\n");
    else if (code == '\t')
        nastl_strbuf_add(buf, "\\t");
    else if (is_printable(code))
        nastl_strbuf_add_bytes(buf, text, length);
    else
        nastl_strbuf_addf(buf, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
}

/* A byte that is no UTF-8 is written as the Latin-1 character it would be. */
static void put_quoted(struct nastl_strbuf *buf, const char *text)
{
    size_t left = strlen(text);
    nastl_strbuf_add(buf, "\"");
    while (left > 0) {
        uint32_t code;
        size_t length = nastl_utf8_decode(&code, text, left);
        if (length == 0) {
            nastl_strbuf_addf(buf, "\\x%02x", (unsigned)(unsigned char)*text);
            length = 1;
        } else {
            put_character(buf, code, text, length);
        }
        text += length;
        left -= length;
    }
    nastl_strbuf_add(buf, "\"");
}

static void put_scalar(struct nastl_strbuf *buf, const char *text)
{
    if (is_safe(text))
        nastl_strbuf_add(buf, text);
    else
        put_quoted(buf, text);
}

static void put_key(struct nastl_strbuf *buf, int indent, const char *key)
{
    for (int i = 0; i < indent; i++)
        nastl_strbuf_add(buf, "  ");
    put_scalar(buf, key);
    nastl_strbuf_add(buf, ":");
}

void nastl_yaml_put_text(struct nastl_strbuf *buf, int indent, const char *key,
                         const char *text)
{
    put_key(buf, indent, key);
    nastl_strbuf_add(buf, " ");
    put_scalar(buf, text);
    nastl_strbuf_add(buf, "\n");
}

/* YAML 1.1 wants a point before an exponent: 1.0e-05. */
static void put_yaml_number(struct nastl_strbuf *buf, double value)
{
    char text[32];
    nastl_number_text(text, value);
    if (isnan(value) || isinf(value)) {
        nastl_strbuf_add(buf, isnan(value) ? ".nan" : value < 0 ? "-.inf" : ".inf");
        return;
    }
    char *exponent = strchr(text, 'e');
    if (!exponent || strchr(text, '.')) {
        nastl_strbuf_add(buf, text);
        return;
    }
    nastl_strbuf_add_bytes(buf, text, (size_t)(exponent - text));
    nastl_strbuf_add(buf, ".0");
    nastl_strbuf_add(buf, exponent);
}

void nastl_yaml_put_number(struct nastl_strbuf *buf, int indent, const char *key,
                           double value)
{
    put_key(buf, indent, key);
    nastl_strbuf_add(buf, " ");
    put_yaml_number(buf, value);
    nastl_strbuf_add(buf, "\n");
}

void nastl_yaml_put_bool(struct nastl_strbuf *buf, int indent, const char *key,
                         bool value)
{
    put_key(buf, indent, key);
    nastl_strbuf_add(buf, value ? " true\n" : " false\n");
}

void nastl_yaml_put_map(struct nastl_strbuf *buf, int indent, const char *key)
{
    put_key(buf, indent, key);
    nastl_strbuf_add(buf, "\n");
}

void nastl_yaml_put_list(struct nastl_strbuf *buf, int indent, const char *key,
                         char *const *items, size_t count)
{
    put_key(buf, indent, key);
    nastl_strbuf_add(buf, " [");
    for (size_t i = 0; i < count; i++) {
        nastl_strbuf_add(buf, i ? ", " : "");
        put_scalar(buf, items[i]);
    }
    nastl_strbuf_add(buf, "]\n");
}
