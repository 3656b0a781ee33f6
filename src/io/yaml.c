/* yaml.c: a node tree from libyaml's events. The tree lies in one arena. A collection's
 * children are gathered on a stack while its events come, and moved into the arena as one
 * array when it ends:
 *
 *   stack: [a's siblings ... | a's children so far ... | the open child's children ... ]
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/yaml.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"
#include "base/strmap.h"
#include "io/file.h"

#include <yaml.h>

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_BYTES = 16 << 20, MOST_DEPTH = 64, MOST_NODES = 1 << 20 };

struct nastl_yaml_tree {
    struct nastl_arena arena;
    const char *name;
    struct nastl_yaml *root;
};

struct reader {
    struct nastl_yaml_tree *tree;
    yaml_parser_t parser;
    const char *text;
    size_t length;
    struct nastl_yaml *stack;
    size_t count, capacity; /* of stack */
    size_t nodes;           /* so far, in all */
    int depth;
};

/* ---- errors ------------------------------------------------------------------------ */

static int fail_at(const struct reader *r, yaml_mark_t mark, const char *why)
{
    return nastl_error(NASTL_EFORMAT, "%s:%zu:%zu: %s", r->tree->name, mark.line + 1,
                       mark.column + 1, why);
}

/* libyaml's reader knows the byte, not the line. */
static yaml_mark_t mark_of_offset(const struct reader *r, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < r->length; i++) {
        mark.column++;
        if (r->text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return mark;
}

static int fail_parse(const struct reader *r)
{
    const yaml_parser_t *parser = &r->parser;
    const char *problem = parser->problem ? parser->problem : "unreadable";
    char why[256];
    switch (parser->error) {
    case YAML_MEMORY_ERROR:
        return nastl_error_nomem(r->tree->name);
    case YAML_READER_ERROR:
        snprintf(why, sizeof why, "%s; save the file as UTF-8 text", problem);
        return fail_at(r, mark_of_offset(r, parser->problem_offset), why);
    default:
        if (parser->context && parser->context_mark.line < parser->problem_mark.line)
            snprintf(why, sizeof why, "%s %s from line %zu; correct the YAML", problem,
                     parser->context, parser->context_mark.line + 1);
        else
            snprintf(why, sizeof why, "%s; correct the YAML here", problem);
        return fail_at(r, parser->problem_mark, why);
    }
}

static int next_event(struct reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) ? NASTL_OK : fail_parse(r);
}

/* ---- nodes ------------------------------------------------------------------------- */

static int push(struct reader *r, const struct nastl_yaml *node)
{
    if (r->count == r->capacity) {
        const size_t capacity = r->capacity ? 2 * r->capacity : 64;
        struct nastl_yaml *stack = nastl_alloc_resize(r->stack, capacity, sizeof *stack);
        if (!stack)
            return nastl_error_nomem(r->tree->name);
        r->stack = stack;
        r->capacity = capacity;
    }
    r->stack[r->count++] = *node;
    return NASTL_OK;
}

/* Moves what is on the stack from `base` on into the arena, as the node's children. */
static int pop_items(struct reader *r, size_t base, struct nastl_yaml *node)
{
    const size_t count = r->count - base;
    r->count = base;
    node->count = count;
    if (count == 0)
        return NASTL_OK;
    struct nastl_yaml *items = nastl_arena_alloc(&r->tree->arena, count, sizeof *items);
    if (!items)
        return nastl_error_nomem(r->tree->name);
    memcpy(items, r->stack + base, count * sizeof *items);
    node->items = items;
    return NASTL_OK;
}

static int check_plain(const struct reader *r, const yaml_event_t *event,
                       const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        return fail_at(r, event->start_mark,
                       "anchors are not supported; write the value out where it is used");
    if (tag)
        return fail_at(r, event->start_mark, "tags are not supported; leave the tag out");
    return NASTL_OK;
}

static int copy_scalar(struct reader *r, const yaml_event_t *event, const char **out)
{
    const char *value = (const char *)event->data.scalar.value;
    const size_t length = event->data.scalar.length;
    TRY(check_plain(r, event, event->data.scalar.anchor, event->data.scalar.tag));
    if (memchr(value, '\0', length))
        return fail_at(r, event->start_mark, "a NUL character; leave it out");
    *out = nastl_arena_strndup(&r->tree->arena, value, length);
    return *out ? NASTL_OK : nastl_error_nomem(r->tree->name);
}

static int read_scalar(struct reader *r, const yaml_event_t *event,
                       struct nastl_yaml *node)
{
    node->kind = NASTL_YAML_SCALAR;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return copy_scalar(r, event, &node->text);
}

static int read_node(struct reader *r, const yaml_event_t *event,
                     struct nastl_yaml *node);

static int read_list(struct reader *r, struct nastl_yaml *node)
{
    const size_t base = r->count;
    for (;;) {
        yaml_event_t event;
        TRY(next_event(r, &event));
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return pop_items(r, base, node);
        }
        struct nastl_yaml item = {0};
        const int status = read_node(r, &event, &item);
        yaml_event_delete(&event);
        TRY(status);
        TRY(push(r, &item));
    }
}

static int check_duplicate(struct reader *r, struct nastl_strmap *keys,
                           const struct nastl_yaml *item, yaml_mark_t mark)
{
    char why[256];
    const size_t length = strlen(item->key);
    const int64_t before = nastl_strmap_get(keys, item->key, length, 0);
    if (before) {
        snprintf(why, sizeof why, "key '%.100s': stands in line %lld already; keep one",
                 item->key, (long long)before);
        return fail_at(r, mark, why);
    }
    return nastl_strmap_set(keys, item->key, length, item->key_line);
}

static int read_key(struct reader *r, const yaml_event_t *event,
                    struct nastl_strmap *keys, struct nastl_yaml *item)
{
    if (event->type == YAML_ALIAS_EVENT)
        return fail_at(r, event->start_mark, "aliases are not supported; write a key");
    if (event->type != YAML_SCALAR_EVENT)
        return fail_at(r, event->start_mark, "a key is no plain text; write key: value");
    TRY(copy_scalar(r, event, &item->key));
    const bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (is_plain && strcmp(item->key, "<<") == 0)
        return fail_at(r, event->start_mark,
                       "merge keys are not supported; write the keys out");
    item->key_line = (int)event->start_mark.line + 1;
    item->key_column = (int)event->start_mark.column + 1;
    return check_duplicate(r, keys, item, event->start_mark);
}

static int read_pair(struct reader *r, const yaml_event_t *key_event,
                     struct nastl_strmap *keys)
{
    struct nastl_yaml item = {0};
    TRY(read_key(r, key_event, keys, &item));
    yaml_event_t event;
    TRY(next_event(r, &event));
    const int status = read_node(r, &event, &item);
    yaml_event_delete(&event);
    TRY(status);
    return push(r, &item);
}

static int read_map(struct reader *r, struct nastl_yaml *node, struct nastl_strmap *keys)
{
    const size_t base = r->count;
    for (;;) {
        yaml_event_t event;
        TRY(next_event(r, &event));
        const bool end = event.type == YAML_MAPPING_END_EVENT;
        const int status = end ? NASTL_OK : read_pair(r, &event, keys);
        yaml_event_delete(&event);
        TRY(status);
        if (end)
            return pop_items(r, base, node);
    }
}

/* A list or a map: what stands between its start and its end. */
static int read_inside(struct reader *r, struct nastl_yaml *node)
{
    if (node->kind == NASTL_YAML_LIST)
        return read_list(r, node);
    struct nastl_strmap keys;
    nastl_strmap_init(&keys);
    const int status = read_map(r, node, &keys);
    nastl_strmap_finish(&keys);
    return status;
}

static int read_collection(struct reader *r, const yaml_event_t *event,
                           struct nastl_yaml *node)
{
    if (event->type == YAML_MAPPING_START_EVENT) {
        node->kind = NASTL_YAML_MAP;
        TRY(check_plain(r, event, event->data.mapping_start.anchor,
                        event->data.mapping_start.tag));
    } else {
        node->kind = NASTL_YAML_LIST;
        TRY(check_plain(r, event, event->data.sequence_start.anchor,
                        event->data.sequence_start.tag));
    }
    if (r->depth == MOST_DEPTH)
        return fail_at(r, event->start_mark,
                       "nested more than 64 deep; write it flatter");
    r->depth++;
    TRY(read_inside(r, node));
    r->depth--;
    return NASTL_OK;
}

static int read_node(struct reader *r, const yaml_event_t *event, struct nastl_yaml *node)
{
    if (++r->nodes > MOST_NODES)
        return fail_at(r, event->start_mark,
                       "more than a million values; give a smaller file");
    node->line = (int)event->start_mark.line + 1;
    node->column = (int)event->start_mark.column + 1;
    if (event->type == YAML_ALIAS_EVENT)
        return fail_at(r, event->start_mark,
                       "aliases are not supported; write the value out");
    if (event->type == YAML_SCALAR_EVENT)
        return read_scalar(r, event, node);
    return read_collection(r, event, node);
}

/* ---- documents --------------------------------------------------------------------- */

static int read_root(struct reader *r, const yaml_event_t *event)
{
    struct nastl_yaml *root = nastl_arena_alloc(&r->tree->arena, 1, sizeof *root);
    if (!root)
        return nastl_error_nomem(r->tree->name);
    r->tree->root = root;
    TRY(read_node(r, event, root));
    if (root->kind == NASTL_YAML_SCALAR && !root->quoted && !*root->text)
        return fail_at(r, event->start_mark, "empty; write key: value lines");
    return NASTL_OK;
}

/* Stream start, document start, the root node, document end, stream end. */
static int read_event(struct reader *r, const yaml_event_t *event, bool *done)
{
    switch (event->type) {
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return NASTL_OK;
    case YAML_DOCUMENT_START_EVENT:
        if (r->tree->root)
            return fail_at(r, event->start_mark,
                           "a second document; give one document a file");
        return NASTL_OK;
    case YAML_STREAM_END_EVENT:
        *done = true;
        if (!r->tree->root)
            return fail_at(r, (yaml_mark_t){0}, "empty; write key: value lines");
        return NASTL_OK;
    default:
        return read_root(r, event);
    }
}

static int read_stream(struct reader *r)
{
    bool done = false;
    while (!done) {
        yaml_event_t event;
        TRY(next_event(r, &event));
        const int status = read_event(r, &event, &done);
        yaml_event_delete(&event);
        TRY(status);
    }
    return NASTL_OK;
}

static int parse_into(struct nastl_yaml_tree *tree, const char *text, size_t length)
{
    struct reader r = {.tree = tree, .text = text, .length = length};
    if (!yaml_parser_initialize(&r.parser))
        return nastl_error_nomem(tree->name);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, length);
    const int status = read_stream(&r);
    yaml_parser_delete(&r.parser);
    free(r.stack);
    return status;
}

static struct nastl_yaml_tree *create_tree(const char *name)
{
    struct nastl_yaml_tree *tree = nastl_alloc_zero(1, sizeof *tree);
    if (!tree)
        return NULL;
    nastl_arena_init(&tree->arena);
    tree->name = nastl_arena_strdup(&tree->arena, name);
    if (!tree->name) {
        nastl_yaml_destroy(tree);
        return NULL;
    }
    return tree;
}

int nastl_yaml_parse(struct nastl_yaml_tree **out, const char *text, size_t length,
                     const char *name)
{
    if (length > MOST_BYTES)
        return nastl_error(NASTL_EFORMAT, "%s: larger than 16 MiB; give a smaller file",
                           name);
    struct nastl_yaml_tree *tree = create_tree(name);
    if (!tree)
        return nastl_error_nomem(name);
    const int status = parse_into(tree, text, length);
    if (status < 0) {
        nastl_yaml_destroy(tree);
        return status;
    }
    *out = tree;
    return NASTL_OK;
}

int nastl_yaml_read(struct nastl_yaml_tree **out, const char *path)
{
    char *text;
    size_t length;
    TRY(nastl_file_read(&text, &length, path, MOST_BYTES));
    const int status = nastl_yaml_parse(out, text, length, path);
    free(text);
    return status;
}

void nastl_yaml_destroy(struct nastl_yaml_tree *tree)
{
    if (!tree)
        return;
    nastl_arena_finish(&tree->arena);
    free(tree);
}

/* ---- asking ------------------------------------------------------------------------ */

const struct nastl_yaml *nastl_yaml_root(const struct nastl_yaml_tree *tree)
{
    return tree->root;
}

const char *nastl_yaml_name(const struct nastl_yaml_tree *tree)
{
    return tree->name;
}

const struct nastl_yaml *nastl_yaml_get(const struct nastl_yaml *node, const char *key)
{
    if (node->kind != NASTL_YAML_MAP)
        return NULL;
    for (size_t i = 0; i < node->count; i++)
        if (strcmp(node->items[i].key, key) == 0)
            return &node->items[i];
    return NULL;
}

static bool is_plain_scalar(const struct nastl_yaml *node)
{
    return node->kind == NASTL_YAML_SCALAR && !node->quoted;
}

bool nastl_yaml_int(int64_t *out, const struct nastl_yaml *node)
{
    if (!is_plain_scalar(node) || !*node->text || isspace((unsigned char)*node->text))
        return false;
    char *end;
    errno = 0;
    const long long value = strtoll(node->text, &end, 10);
    if (errno || *end)
        return false;
    *out = value;
    return true;
}

/* YAML 1.2's names, beside plain decimals. */
static bool special_number(double *out, const char *text)
{
    const bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    if (strcasecmp(text, ".inf") == 0)
        *out = negative ? -INFINITY : INFINITY;
    else if (strcasecmp(text, ".nan") == 0)
        *out = NAN;
    else
        return false;
    return true;
}

bool nastl_yaml_number(double *out, const struct nastl_yaml *node)
{
    if (!is_plain_scalar(node))
        return false;
    if (special_number(out, node->text))
        return true;
    return nastl_number_parse(out, node->text, strlen(node->text)) && isfinite(*out);
}

bool nastl_yaml_bool(bool *out, const struct nastl_yaml *node)
{
    if (!is_plain_scalar(node))
        return false;
    *out = strcmp(node->text, "true") == 0;
    return *out || strcmp(node->text, "false") == 0;
}

/* ---- complaining ------------------------------------------------------------------- */

int nastl_yaml_error(const struct nastl_yaml_tree *tree, const struct nastl_yaml *node,
                     const char *format, ...)
{
    char why[768];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    if (!node)
        return nastl_error(NASTL_EFORMAT, "%s: %s", tree->name, why);
    if (!node->key)
        return nastl_error(NASTL_EFORMAT, "%s:%d:%d: %s", tree->name, node->line,
                           node->column, why);
    return nastl_error(NASTL_EFORMAT, "%s:%d:%d: key '%.100s': %s", tree->name,
                       node->line, node->column, node->key, why);
}

static size_t count_names(const char *const *names)
{
    size_t count = 0;
    while (names[count])
        count++;
    return count;
}

static int unknown_key(const struct nastl_yaml_tree *tree, const struct nastl_yaml *item,
                       const char *const *allowed)
{
    struct nastl_strbuf why;
    nastl_strbuf_init(&why);
    nastl_strbuf_add(&why, "unknown; ");
    const size_t count = count_names(allowed);
    const char *near = nastl_text_nearest(allowed, count, item->key);
    if (near)
        nastl_strbuf_addf(&why, "did you mean '%s'? ", near);
    nastl_strbuf_add(&why, count ? "Accepted: " : "no key is accepted here");
    for (size_t i = 0; i < count; i++)
        nastl_strbuf_addf(&why, "%s%s", i ? ", " : "", allowed[i]);
    const char *sentence = nastl_strbuf_text(&why);
    struct nastl_yaml at_key = *item;
    at_key.line = item->key_line;
    at_key.column = item->key_column;
    const int status =
        nastl_yaml_error(tree, &at_key, "%s", sentence ? sentence : "unknown");
    nastl_strbuf_finish(&why);
    return status;
}

static bool is_allowed(const char *const *allowed, const char *key)
{
    for (; *allowed; allowed++)
        if (strcmp(*allowed, key) == 0)
            return true;
    return false;
}

int nastl_yaml_check_keys(const struct nastl_yaml_tree *tree,
                          const struct nastl_yaml *map, const char *const *allowed)
{
    for (size_t i = 0; i < map->count; i++)
        if (map->items[i].key && !is_allowed(allowed, map->items[i].key))
            return unknown_key(tree, &map->items[i], allowed);
    return NASTL_OK;
}
