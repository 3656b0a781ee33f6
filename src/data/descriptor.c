/* descriptor.c: dataset descriptors (schema nas-tl/dataset/v1): read, checked key by key,
 * and held against the columns of the files that they name.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/table_read.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"
#include "io/file.h"
#include "io/yaml.h"

#include <stdlib.h>
#include <string.h>

#define SCHEMA "nas-tl/dataset/v1"

struct reader {
    const struct nastl_yaml_tree *tree;
    const struct nastl_yaml *root;
    struct nastl_table *table;
    struct nastl_descriptor *descriptor; /* the table's */
    struct nastl_table_rules rules;
    const char *folder; /* --data-dir or NULL */
};

void nastl_descriptor_finish(struct nastl_descriptor *d)
{
    free(d->name);
    free(d->path);
    free(d->label);
    free(d->label_transform);
    nastl_list_finish(&d->features);
    nastl_list_finish(&d->drop);
    free(d->domain_column);
    free(d->split_column);
    free(d->group_column);
    free(d->time_column);
    nastl_list_finish(&d->source_domain);
    nastl_list_finish(&d->target_domain);
    *d = (struct nastl_descriptor){0};
}

/* ---- values ------------------------------------------------------------------------ */

static int copy_text(char **out, const char *text)
{
    *out = nastl_strdup(text);
    return *out ? NASTL_OK : nastl_error_nomem("a descriptor");
}

/* The text of a key that holds one, if it is there. */
static int take_text(char **out, const struct reader *r, const struct nastl_yaml *map,
                     const char *key)
{
    const struct nastl_yaml *node = nastl_yaml_get(map, key);
    if (!node)
        return NASTL_OK;
    if (node->kind != NASTL_YAML_SCALAR || !*node->text)
        return nastl_yaml_error(r->tree, node, "not one text; give a name");
    return copy_text(out, node->text);
}

static int add_text(struct nastl_list *out, const struct reader *r,
                    const struct nastl_yaml *node)
{
    if (node->kind != NASTL_YAML_SCALAR)
        return nastl_yaml_error(r->tree, node, "not a text; give a list such as [a, b]");
    return nastl_list_add(out, node->text, strlen(node->text));
}

/* A list of texts; a single text is a list of one. */
static int take_list(struct nastl_list *out, const struct reader *r,
                     const struct nastl_yaml *map, const char *key)
{
    const struct nastl_yaml *node = nastl_yaml_get(map, key);
    if (!node)
        return NASTL_OK;
    if (node->kind == NASTL_YAML_MAP)
        return nastl_yaml_error(r->tree, node, "a map; give a list such as [a, b]");
    if (node->kind == NASTL_YAML_SCALAR)
        return add_text(out, r, node);
    for (size_t i = 0; i < node->count; i++)
        TRY(add_text(out, r, &node->items[i]));
    return NASTL_OK;
}

static int one_of(const struct reader *r, const struct nastl_yaml *node,
                  const char *const *names, size_t count, size_t *out)
{
    struct nastl_strbuf accepted;
    nastl_strbuf_init(&accepted);
    for (size_t i = 0; i < count; i++) {
        if (node->kind == NASTL_YAML_SCALAR && strcmp(node->text, names[i]) == 0) {
            nastl_strbuf_finish(&accepted);
            *out = i;
            return NASTL_OK;
        }
        nastl_strbuf_addf(&accepted, "%s%s", i ? ", " : "", names[i]);
    }
    const char *text = nastl_strbuf_text(&accepted);
    const int status = nastl_yaml_error(
        r->tree, node, "'%s' is not accepted; give one of %s",
        node->kind == NASTL_YAML_SCALAR ? node->text : "a collection", text ? text : "");
    nastl_strbuf_finish(&accepted);
    return status;
}

/* ---- keys -------------------------------------------------------------------------- */

static int read_schema(const struct reader *r)
{
    const struct nastl_yaml *node = nastl_yaml_get(r->root, "schema");
    if (!node)
        return nastl_yaml_error(r->tree, r->root,
                                "no schema; begin with schema: " SCHEMA);
    if (node->kind == NASTL_YAML_SCALAR && strcmp(node->text, SCHEMA) == 0)
        return NASTL_OK;
    return nastl_yaml_error(r->tree, node, "not the schema of a dataset; give " SCHEMA);
}

static int read_label_map(struct reader *r, const struct nastl_yaml *map)
{
    static const char *const keys[] = {"column", "scale", "transform", NULL};
    static const char *const transforms[] = {"none", "log1p"};
    TRY(nastl_yaml_check_keys(r->tree, map, keys));
    if (!nastl_yaml_get(map, "column"))
        return nastl_yaml_error(r->tree, map, "no column; give {column: NAME}");
    TRY(take_text(&r->descriptor->label, r, map, "column"));
    const struct nastl_yaml *scale = nastl_yaml_get(map, "scale");
    if (scale &&
        (!nastl_yaml_number(&r->descriptor->label_scale, scale) ||
         !(r->descriptor->label_scale > 0 && r->descriptor->label_scale < 1e300)))
        return nastl_yaml_error(r->tree, scale, "not a number above 0; give one");
    const struct nastl_yaml *transform = nastl_yaml_get(map, "transform");
    size_t which = 0;
    if (transform)
        TRY(one_of(r, transform, transforms, 2, &which));
    return copy_text(&r->descriptor->label_transform, transforms[which]);
}

static int read_label(struct reader *r)
{
    const struct nastl_yaml *node = nastl_yaml_get(r->root, "label");
    if (!node)
        return NASTL_OK;
    if (node->kind == NASTL_YAML_MAP)
        return read_label_map(r, node);
    TRY(copy_text(&r->descriptor->label_transform, "none"));
    return take_text(&r->descriptor->label, r, r->root, "label");
}

static int read_task(struct reader *r)
{
    const struct nastl_yaml *node = nastl_yaml_get(r->root, "task");
    const char *names[NASTL_TASK_COUNT];
    size_t which = NASTL_TASK_AUTO;
    for (int i = 0; i < NASTL_TASK_COUNT; i++)
        names[i] = nastl_task_name((enum nastl_task)i);
    if (node)
        TRY(one_of(r, node, names, NASTL_TASK_COUNT, &which));
    r->descriptor->task = (enum nastl_task)which;
    return NASTL_OK;
}

static int read_domains(struct reader *r)
{
    static const char *const keys[] = {"source", "target", NULL};
    const struct nastl_yaml *node = nastl_yaml_get(r->root, "domains");
    if (!node)
        return NASTL_OK;
    if (node->kind != NASTL_YAML_MAP)
        return nastl_yaml_error(r->tree, node,
                                "not a map; give {source: [a], target: [b]}");
    if (!nastl_yaml_get(r->root, "domain_column"))
        return nastl_yaml_error(r->tree, node,
                                "no domain_column says where they are; give it");
    TRY(nastl_yaml_check_keys(r->tree, node, keys));
    TRY(take_list(&r->descriptor->source_domain, r, node, "source"));
    return take_list(&r->descriptor->target_domain, r, node, "target");
}

/* Its own texts take the place of the default ones; the empty one is always missing. */
static int read_missing(struct reader *r)
{
    const struct nastl_yaml *node = nastl_yaml_get(r->root, "missing");
    if (!node)
        return nastl_table_rules_init(&r->rules);
    struct nastl_list texts = {0};
    int status = take_list(&texts, r, r->root, "missing");
    for (size_t i = 0; status == NASTL_OK && i < texts.count; i++)
        if (*texts.items[i])
            status =
                nastl_list_add(&r->rules.missing, texts.items[i], strlen(texts.items[i]));
    nastl_list_finish(&texts);
    return status;
}

static int read_about(const struct reader *r)
{
    const struct nastl_yaml *node = nastl_yaml_get(r->root, "about");
    if (node && node->kind != NASTL_YAML_MAP)
        return nastl_yaml_error(r->tree, node, "not a map; give {origin: …, licence: …}");
    return NASTL_OK;
}

static int read_keys(struct reader *r)
{
    struct nastl_descriptor *d = r->descriptor;
    TRY(read_schema(r));
    TRY(read_missing(r));
    TRY(take_text(&d->name, r, r->root, "name"));
    TRY(read_label(r));
    TRY(read_task(r));
    TRY(take_list(&d->features, r, r->root, "features"));
    TRY(take_list(&d->drop, r, r->root, "drop"));
    TRY(take_list(&r->rules.numeric, r, r->root, "numeric"));
    TRY(take_list(&r->rules.categorical, r, r->root, "categorical"));
    TRY(take_text(&d->domain_column, r, r->root, "domain_column"));
    TRY(read_domains(r));
    TRY(take_text(&d->split_column, r, r->root, "split_column"));
    TRY(take_text(&d->group_column, r, r->root, "group_column"));
    TRY(take_text(&d->time_column, r, r->root, "time_column"));
    return read_about(r);
}

/* ---- files ------------------------------------------------------------------------- */

/* Sets *out to FOLDER/NAME if that is a file; leaves it NULL if not. */
static int try_folder(char **out, const char *folder, const char *name)
{
    char *path;
    if (!folder || !*folder)
        return NASTL_OK;
    TRY(nastl_file_join(&path, folder, name));
    if (nastl_file_exists(path))
        *out = path;
    else
        free(path);
    return NASTL_OK;
}

static int find_file(char **out, const struct reader *r, const char *beside,
                     const struct nastl_yaml *node)
{
    const char *folders[] = {beside, r->folder, getenv("NASTL_DATA_DIR")};
    *out = NULL;
    for (size_t i = 0; !*out && i < sizeof folders / sizeof *folders; i++)
        TRY(try_folder(out, folders[i], node->text));
    if (*out)
        return NASTL_OK;
    return nastl_yaml_error(r->tree, node,
                            "%s is neither beside this file nor in --data-dir nor in "
                            "NASTL_DATA_DIR; say where it is with one of these",
                            node->text);
}

static int add_file(struct reader *r, const char *beside, const struct nastl_yaml *node)
{
    if (node->kind != NASTL_YAML_SCALAR || !*node->text)
        return nastl_yaml_error(r->tree, node, "not the name of a file; give one");
    if (nastl_table_format(node->text) == NASTL_FORMAT_DESCRIPTOR)
        return nastl_yaml_error(
            r->tree, node, "%s is a descriptor; give .csv, .csv.gz or .h5", node->text);
    char *path;
    TRY(find_file(&path, r, beside, node));
    const int status = nastl_list_add(&r->table->files, path, strlen(path));
    free(path);
    return status;
}

static int read_files(struct reader *r)
{
    const struct nastl_yaml *node = nastl_yaml_get(r->root, "files");
    if (!node || node->kind == NASTL_YAML_MAP ||
        (node->kind == NASTL_YAML_LIST && node->count == 0))
        return nastl_yaml_error(r->tree, node ? node : r->root,
                                "no files; give a list such as [data.csv.gz]");
    char *beside;
    TRY(nastl_file_folder_of(&beside, r->descriptor->path));
    const bool list = node->kind == NASTL_YAML_LIST;
    int status = NASTL_OK;
    for (size_t i = 0; status == NASTL_OK && i < (list ? node->count : 1); i++)
        status = add_file(r, beside, list ? &node->items[i] : node);
    free(beside);
    return status;
}

/* ---- against the columns ----------------------------------------------------------- */

static int check_column(const struct reader *r, const struct nastl_yaml *node)
{
    size_t at;
    const int status =
        node ? nastl_table_require(&at, r->table, node->text, "column") : NASTL_OK;
    if (status == NASTL_ENOENT)
        return nastl_error_prefix(NASTL_EFORMAT, "%s:%d:%d", r->descriptor->path,
                                  node->line, node->column);
    return status;
}

static int check_columns(const struct reader *r, const char *key)
{
    const struct nastl_yaml *node = nastl_yaml_get(r->root, key);
    if (!node || node->kind == NASTL_YAML_SCALAR)
        return check_column(r, node);
    if (node->kind == NASTL_YAML_MAP)
        return check_column(r, nastl_yaml_get(node, "column"));
    for (size_t i = 0; i < node->count; i++)
        TRY(check_column(r, &node->items[i]));
    return NASTL_OK;
}

/* A column cannot be of both kinds. */
static int check_kinds(const struct reader *r)
{
    const struct nastl_yaml *node = nastl_yaml_get(r->root, "categorical");
    for (size_t i = 0; i < r->rules.categorical.count; i++)
        if (nastl_list_has(&r->rules.numeric, r->rules.categorical.items[i]))
            return nastl_yaml_error(r->tree, node, "'%s' is under numeric too; keep one",
                                    r->rules.categorical.items[i]);
    return NASTL_OK;
}

static int check_against_columns(const struct reader *r)
{
    static const char *const keys[] = {"label",        "features",     "numeric",
                                       "categorical",  "drop",         "domain_column",
                                       "split_column", "group_column", "time_column"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        TRY(check_columns(r, keys[i]));
    return NASTL_OK;
}

static int read_descriptor(struct reader *r)
{
    static const char *const keys[] = {"schema",        "name",        "files",
                                       "label",         "task",        "features",
                                       "numeric",       "categorical", "drop",
                                       "domain_column", "domains",     "split_column",
                                       "group_column",  "time_column", "missing",
                                       "about",         NULL};
    if (r->root->kind != NASTL_YAML_MAP)
        return nastl_yaml_error(r->tree, r->root,
                                "not a map; begin with schema: " SCHEMA);
    TRY(nastl_yaml_check_keys(r->tree, r->root, keys));
    TRY(read_keys(r));
    TRY(check_kinds(r));
    TRY(read_files(r));
    TRY(nastl_table_read(r->table, &r->rules));
    return check_against_columns(r);
}

int nastl_descriptor_load(struct nastl_table *table, const char *path, const char *folder)
{
    struct nastl_yaml_tree *tree;
    struct reader r = {
        .table = table, .descriptor = &table->descriptor, .folder = folder};
    TRY(copy_text(&table->descriptor.path, path));
    TRY(nastl_yaml_read(&tree, path));
    r.tree = tree;
    r.root = nastl_yaml_root(tree);
    const int status = read_descriptor(&r);
    nastl_table_rules_finish(&r.rules);
    nastl_yaml_destroy(tree);
    return status;
}
