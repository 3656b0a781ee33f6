/* yaml.h: YAML files as a tree of nodes that remember file, line and column; read with
 * libyaml. Aliases, merge keys, several documents, duplicate keys and tags are errors.
 * Nesting is at most 64 deep, a file at most 16 MiB and a million values.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_YAML_H
#define IO_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nastl_yaml_kind { NASTL_YAML_SCALAR, NASTL_YAML_LIST, NASTL_YAML_MAP };

/* A map's children stand in file order; each has its key. All memory belongs to the tree.
 */
struct nastl_yaml {
    enum nastl_yaml_kind kind;
    const char *key;  /* in a map, else NULL */
    const char *text; /* a scalar's text, else NULL */
    bool quoted;      /* the scalar stood in quotes: a string whatever it looks like */
    int line, column; /* of the value, from 1 */
    int key_line, key_column;
    const struct nastl_yaml *items; /* `count` children, contiguous */
    size_t count;
};

struct nastl_yaml_tree;

/* `name` is what messages call the text. Errors: NASTL_EFORMAT with "name:line:column:
 * …". An empty document is an error. */
int nastl_yaml_read(struct nastl_yaml_tree **out, const char *path);
int nastl_yaml_parse(struct nastl_yaml_tree **out, const char *text, size_t length,
                     const char *name);
void nastl_yaml_destroy(struct nastl_yaml_tree *tree);

const struct nastl_yaml *nastl_yaml_root(const struct nastl_yaml_tree *tree);
const char *nastl_yaml_name(const struct nastl_yaml_tree *tree);

/* A map's child by key, NULL if there is none or `node` is no map. */
const struct nastl_yaml *nastl_yaml_get(const struct nastl_yaml *node, const char *key);

/* Scalars by type. They return false where the text is no such thing; a quoted scalar is
 * only ever a text. bool takes true and false. */
bool nastl_yaml_int(int64_t *out, const struct nastl_yaml *node);
bool nastl_yaml_number(double *out, const struct nastl_yaml *node);
bool nastl_yaml_bool(bool *out, const struct nastl_yaml *node);

/* "FILE:LINE:COLUMN: key 'KEY': WHY; ACCEPTED": NASTL_EFORMAT. `node` may be NULL (then
 * the file alone is named). */
int nastl_yaml_error(const struct nastl_yaml_tree *tree, const struct nastl_yaml *node,
                     const char *format, ...) __attribute__((format(printf, 3, 4)));

/* An error for the first child of a map whose key is not among `allowed`
 * (NULL-terminated): names the nearest one and lists what there is. */
int nastl_yaml_check_keys(const struct nastl_yaml_tree *tree,
                          const struct nastl_yaml *map, const char *const *allowed);

/* ---- writing: plain block YAML, a level a call ---- */
struct nastl_strbuf;
/* "indent*2 spaces key: value\n"; text is quoted where YAML would read it as another
 * type. */
void nastl_yaml_put_text(struct nastl_strbuf *buf, int indent, const char *key,
                         const char *text);
void nastl_yaml_put_number(struct nastl_strbuf *buf, int indent, const char *key,
                           double value);
void nastl_yaml_put_bool(struct nastl_strbuf *buf, int indent, const char *key,
                         bool value);
void nastl_yaml_put_map(struct nastl_strbuf *buf, int indent, const char *key);
/* key: [a, b, c] */
void nastl_yaml_put_list(struct nastl_strbuf *buf, int indent, const char *key,
                         char *const *items, size_t count);

#endif
