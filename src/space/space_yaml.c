/* space_yaml.c: a space from its YAML: the sections, the order of the dimensions, the
 * constraints. One key's value is read by spec.c, expressions by expression.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "space/space_impl.h"

#include "base/alloc.h"
#include "base/error.h"
#include "io/yaml.h"
#include "space/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "nas-tl/space/v1"

/* A dimension's `when`, until all dimensions are there that it may name. */
struct pending {
    const struct nastl_yaml *when;
    const char *path;
};

struct builder {
    struct nastl_space *space;
    const struct nastl_yaml_tree *tree;
    const struct nastl_yaml *root;
    const struct nastl_key *family_key;
    struct pending *pending; /* of each dimension, as they were added */
};

/* A key in its section: a bare one has none. */
struct place {
    const char *section; /* NULL: none */
    size_t family;       /* NASTL_ANY_FAMILY, or a choice of the family */
    const struct nastl_key *key;
};

/* ---- texts ------------------------------------------------------------------------- */

static const char *join(struct builder *b, const char *left, const char *right)
{
    const size_t length = strlen(left) + strlen(right) + 2;
    char *text = nastl_arena_alloc(&b->space->arena, length, 1);
    if (text)
        snprintf(text, length, "%s.%s", left, right);
    return text;
}

static const char *with_layer(struct builder *b, const char *base, size_t layer)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", layer);
    return join(b, base, number);
}

/* ---- dimensions -------------------------------------------------------------------- */

static void set_range(struct nastl_dim *dim, const struct nastl_spec *spec, size_t layer)
{
    dim->kind = spec->kind;
    dim->low = spec->low;
    dim->high = spec->high;
    dim->step = spec->step;
    dim->log = spec->log;
    dim->choices = spec->choices;
    dim->count = spec->count;
    if (spec->listed) {
        dim->choices = &spec->choices[layer];
        dim->count = 1;
        dim->high = 0.0;
    }
    dim->fixed = dim->low == dim->high;
    dim->given = spec->given;
}

static int add_dim(struct builder *b, const struct place *place,
                   const struct nastl_spec *spec, const char *base,
                   struct space_dim *layers, size_t layer)
{
    struct space_dim *dim = nastl_arena_alloc(&b->space->arena, 1, sizeof *dim);
    if (!dim)
        return nastl_error_nomem("a space");
    const size_t skip = place->section ? strlen(place->section) + 1 : 0;
    dim->dim.key = layers ? with_layer(b, base, layer) : base;
    if (!dim->dim.key)
        return nastl_error_nomem("a space");
    dim->key = place->key;
    dim->base = base;
    dim->plain = dim->dim.key + skip;
    dim->plain_base = base + skip;
    dim->family = place->family;
    dim->layers = layers;
    dim->layer = layer;
    set_range(&dim->dim, spec, layer);
    TRY(nastl_space_add_dim(b->space, dim));
    struct pending *pending =
        nastl_alloc_resize(b->pending, b->space->count, sizeof *pending);
    if (!pending)
        return nastl_error_nomem("a space");
    b->pending = pending;
    pending[dim->index] = (struct pending){spec->when, base};
    return NASTL_OK;
}

static struct space_dim *find_layers(const struct builder *b, const char *section)
{
    for (size_t i = 0; i < b->space->count; i++) {
        struct space_dim *dim = b->space->dims[i];
        const size_t length = strlen(section);
        if (strncmp(dim->dim.key, section, length) == 0 &&
            strcmp(dim->dim.key + length, ".layers") == 0)
            return dim;
    }
    return NULL;
}

static size_t most_layers(const struct space_dim *layers)
{
    const struct nastl_dim *dim = &layers->dim;
    double most = dim->kind == NASTL_DIM_CHOICE ? 0.0 : dim->high;
    for (size_t i = 0; i < dim->count; i++)
        if (dim->choices[i].number > most)
            most = dim->choices[i].number;
    return (size_t)most;
}

static int add_layers(struct builder *b, const struct place *place,
                      const struct nastl_spec *spec, const char *base,
                      const struct nastl_spec_place *at, const struct nastl_yaml *node)
{
    struct space_dim *layers = find_layers(b, place->section);
    const size_t most = most_layers(layers);
    if (spec->listed && spec->count != most)
        return nastl_spec_error(at, node,
                                "%zu values for at most %zu layers; give one a layer",
                                spec->count, most);
    for (size_t i = 0; i < most; i++)
        TRY(add_dim(b, place, spec, base, layers, i));
    return NASTL_OK;
}

/* Reads a key, given or not, and adds its dimensions, unless its family is left out. */
static int add_key(struct builder *b, const struct place *place,
                   const struct nastl_yaml *node, bool used)
{
    const char *name = place->key->name;
    const char *path = place->section ? join(b, place->section, name) : name;
    if (!path)
        return nastl_error_nomem("a space");
    const struct nastl_spec_place at = {b->tree, &b->space->arena, place->key, path};
    struct nastl_spec spec;
    TRY(nastl_spec_read(&spec, &at, node));
    if (spec.when && place->key == b->family_key)
        return nastl_spec_error(&at, spec.when,
                                "every candidate has a family; leave when out");
    if (!used)
        return NASTL_OK;
    return spec.per_layer ? add_layers(b, place, &spec, path, &at, node)
                          : add_dim(b, place, &spec, path, NULL, 0);
}

/* ---- sections ---------------------------------------------------------------------- */

static int check_section(const struct builder *b, const struct nastl_section *section,
                         const struct nastl_yaml *node)
{
    enum { MOST = 32 };
    const char *names[MOST];
    size_t count = 0;
    for (const struct nastl_key *key = section->keys; key->name && count < MOST - 1;
         key++)
        names[count++] = key->name;
    names[count] = NULL;
    if (node->kind != NASTL_YAML_MAP)
        return nastl_yaml_error(b->tree, node,
                                "no section; write its keys below it, key: value");
    return nastl_yaml_check_keys(b->tree, node, names);
}

static int add_section(struct builder *b, const struct nastl_section *section,
                       size_t family, bool used)
{
    const struct nastl_yaml *node = nastl_yaml_get(b->root, section->name);
    if (node)
        TRY(check_section(b, section, node));
    for (const struct nastl_key *key = section->keys; key->name; key++) {
        const struct place place = {section->name, family, key};
        TRY(add_key(b, &place, node ? nastl_yaml_get(node, key->name) : NULL, used));
    }
    return NASTL_OK;
}

/* The choice that stands for a family, NASTL_ANY_FAMILY if the space leaves it out. */
static size_t find_family(const struct builder *b, const char *name)
{
    const struct nastl_dim *family = &b->space->dims[0]->dim;
    for (size_t i = 0; i < family->count; i++)
        if (strcmp(family->choices[i].text, name) == 0)
            return i;
    return NASTL_ANY_FAMILY;
}

static int add_families(struct builder *b)
{
    const struct nastl_section *family = b->space->vocabulary->families;
    for (; family->name; family++) {
        const size_t choice = find_family(b, family->name);
        TRY(add_section(b, family, choice, choice != NASTL_ANY_FAMILY));
    }
    return NASTL_OK;
}

static size_t count_sections(const struct nastl_section *sections)
{
    size_t count = 0;
    while (sections[count].name)
        count++;
    return count;
}

/* The key "family", whose words are the families of the vocabulary. */
static int make_family_key(struct builder *b)
{
    const struct nastl_section *families = b->space->vocabulary->families;
    const size_t count = count_sections(families);
    struct nastl_arena *arena = &b->space->arena;
    const char **words = nastl_arena_alloc(arena, count + 1, sizeof *words);
    struct nastl_key *key = nastl_arena_alloc(arena, 1, sizeof *key);
    if (!words || !key)
        return nastl_error_nomem("a space");
    for (size_t i = 0; i < count; i++)
        words[i] = families[i].name;
    *key = (struct nastl_key){.name = "family",
                              .type = NASTL_KEY_WORD,
                              .words = words,
                              .fallback = families[0].name,
                              .help = "The kind of network."};
    b->family_key = key;
    return NASTL_OK;
}

static int add_bare(struct builder *b, const struct nastl_key *key)
{
    const struct place place = {NULL, NASTL_ANY_FAMILY, key};
    return add_key(b, &place, nastl_yaml_get(b->root, key->name), true);
}

static int add_dims(struct builder *b)
{
    const struct nastl_vocabulary *vocabulary = b->space->vocabulary;
    TRY(make_family_key(b));
    TRY(add_bare(b, b->family_key));
    TRY(add_families(b));
    for (const struct nastl_section *one = vocabulary->shared; one->name; one++)
        TRY(add_section(b, one, NASTL_ANY_FAMILY, true));
    for (const struct nastl_key *key = vocabulary->bare; key->name; key++)
        TRY(add_bare(b, key));
    return NASTL_OK;
}

/* ---- expressions ------------------------------------------------------------------- */

static int read_expression(const struct nastl_expression **out, struct builder *b,
                           const struct nastl_yaml *node, const char *path,
                           enum nastl_expression_use use)
{
    size_t column;
    const int status = nastl_expression_parse(out, b->space, node->text, use, &column);
    if (status != NASTL_EFORMAT)
        return status;
    return nastl_error_prefix(
        NASTL_EFORMAT, "%s:%d:%zu: key '%s'", nastl_yaml_name(b->tree), node->line,
        (size_t)node->column + column + (node->quoted ? 1 : 0), path);
}

static int read_conditions(struct builder *b)
{
    for (size_t i = 0; i < b->space->count; i++) {
        struct space_dim *dim = b->space->dims[i];
        const struct nastl_yaml *when = b->pending[i].when;
        if (i > 0 && when && when == b->pending[i - 1].when)
            dim->when = b->space->dims[i - 1]->when; /* the same key's next layer */
        else if (when)
            TRY(read_expression(&dim->when, b, when, dim->base, NASTL_USE_WHEN));
    }
    return NASTL_OK;
}

static int read_constraints(struct builder *b)
{
    const struct nastl_yaml *list = nastl_yaml_get(b->root, "constraints");
    if (list && list->kind != NASTL_YAML_LIST)
        return nastl_yaml_error(b->tree, list,
                                "no list; write each expression below it after a dash");
    for (size_t i = 0; list && i < list->count; i++) {
        const struct nastl_yaml *item = &list->items[i];
        const struct nastl_expression *expression;
        if (item->kind != NASTL_YAML_SCALAR)
            return nastl_yaml_error(b->tree, item,
                                    "key 'constraints': no expression; write one such as "
                                    "\"parameters <= 20000\"");
        TRY(read_expression(&expression, b, item, "constraints", NASTL_USE_CONSTRAINT));
        TRY(nastl_space_add_constraint(b->space, expression));
    }
    return NASTL_OK;
}

/* ---- order ------------------------------------------------------------------------- */

enum mark { MARK_NONE, MARK_OPEN, MARK_DONE };

struct sorter {
    const struct builder *builder;
    enum mark *marks; /* by the index before */
    struct space_dim **sorted;
    size_t count;
};

static int visit(struct sorter *s, struct space_dim *dim, const struct space_dim *by);

static int visit_condition(struct sorter *s, const struct space_dim *dim)
{
    const struct nastl_node *name = dim->when ? dim->when->names : NULL;
    for (; name; name = name->next_name)
        for (size_t i = 0; i < name->dim_count; i++)
            TRY(visit(s, name->dims[i], dim));
    return NASTL_OK;
}

static int circular(const struct sorter *s, const struct space_dim *dim)
{
    const struct pending *pending = &s->builder->pending[dim->index];
    struct nastl_yaml named = *pending->when;
    named.key = pending->path;
    return nastl_yaml_error(s->builder->tree, &named,
                            "its condition depends on itself; name other keys in when");
}

/* Depth first: a dimension follows all that decide whether it is active. `by` needs it;
 * in a circle it does so by its own condition, or for its layers, which have one. */
static int visit(struct sorter *s, struct space_dim *dim, const struct space_dim *by)
{
    enum mark *mark = &s->marks[dim->index];
    if (*mark == MARK_DONE)
        return NASTL_OK;
    if (*mark == MARK_OPEN)
        return circular(s, by->when ? by : dim);
    *mark = MARK_OPEN;
    if (dim->layers)
        TRY(visit(s, dim->layers, dim));
    TRY(visit_condition(s, dim));
    *mark = MARK_DONE;
    s->sorted[s->count++] = dim;
    return NASTL_OK;
}

static int visit_all(struct sorter *s, const struct nastl_space *space)
{
    for (size_t i = 0; i < space->count; i++)
        TRY(visit(s, space->dims[i], NULL));
    return NASTL_OK;
}

static int sort_dims(struct builder *b)
{
    struct nastl_space *space = b->space;
    struct sorter s = {
        .builder = b,
        .marks = nastl_alloc_zero(space->count, sizeof *s.marks),
        .sorted = nastl_alloc_zero(space->count, sizeof *s.sorted),
    };
    int status =
        s.marks && s.sorted ? visit_all(&s, space) : nastl_error_nomem("a space");
    for (size_t i = 0; status == NASTL_OK && i < space->count; i++) {
        space->dims[i] = s.sorted[i];
        space->dims[i]->index = i;
    }
    free(s.marks);
    free(s.sorted);
    return status;
}

/* ---- the whole --------------------------------------------------------------------- */

static int check_schema(const struct builder *b)
{
    if (b->root->kind != NASTL_YAML_MAP)
        return nastl_yaml_error(
            b->tree, b->root, "no space; write key: value lines, first schema: " SCHEMA);
    const struct nastl_yaml *schema = nastl_yaml_get(b->root, "schema");
    if (!schema)
        return nastl_yaml_error(b->tree, b->root,
                                "key 'schema': missing; write schema: " SCHEMA);
    if (schema->kind != NASTL_YAML_SCALAR || strcmp(schema->text, SCHEMA) != 0)
        return nastl_yaml_error(b->tree, schema, "unknown; accepted: " SCHEMA);
    return NASTL_OK;
}

static int check_root(const struct builder *b)
{
    enum { MOST = 32 };
    const struct nastl_vocabulary *vocabulary = b->space->vocabulary;
    const char *names[MOST] = {"schema", "name", "family"};
    size_t count = 3;
    const struct nastl_section *section = vocabulary->families;
    for (; section->name && count < MOST - 2; section++)
        names[count++] = section->name;
    for (section = vocabulary->shared; section->name && count < MOST - 2; section++)
        names[count++] = section->name;
    for (const struct nastl_key *key = vocabulary->bare; key->name && count < MOST - 2;
         key++)
        names[count++] = key->name;
    names[count++] = "constraints";
    names[count] = NULL;
    return nastl_yaml_check_keys(b->tree, b->root, names);
}

/* "wide" of "spaces/wide.yaml". */
static const char *stem(struct builder *b, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *start = slash ? slash + 1 : path;
    const char *dot = strrchr(start, '.');
    const size_t length = dot && dot > start ? (size_t)(dot - start) : strlen(start);
    return nastl_arena_strndup(&b->space->arena, start, length);
}

static int read_name(struct builder *b)
{
    const struct nastl_yaml *node = nastl_yaml_get(b->root, "name");
    if (node && (node->kind != NASTL_YAML_SCALAR || !*node->text))
        return nastl_yaml_error(b->tree, node, "no text; write a short name");
    b->space->name = node ? nastl_arena_strdup(&b->space->arena, node->text)
                          : stem(b, nastl_yaml_name(b->tree));
    return b->space->name ? NASTL_OK : nastl_error_nomem("a space");
}

static int build(struct builder *b)
{
    TRY(check_schema(b));
    TRY(check_root(b));
    TRY(read_name(b));
    TRY(add_dims(b));
    TRY(read_conditions(b));
    TRY(sort_dims(b));
    TRY(read_constraints(b));
    return nastl_space_measure(b->space);
}

static int from_tree(struct nastl_space **out, const struct nastl_yaml_tree *tree,
                     const struct nastl_vocabulary *vocabulary)
{
    struct builder b = {.tree = tree, .root = nastl_yaml_root(tree)};
    TRY(nastl_space_create(&b.space, vocabulary));
    const int status = build(&b);
    free(b.pending);
    if (status < 0)
        nastl_space_destroy(b.space);
    else
        *out = b.space;
    return status;
}

int nastl_space_parse_with(struct nastl_space **out, const char *text, size_t length,
                           const char *name, const struct nastl_vocabulary *vocabulary)
{
    struct nastl_yaml_tree *tree;
    TRY(nastl_yaml_parse(&tree, text, length, name));
    const int status = from_tree(out, tree, vocabulary);
    nastl_yaml_destroy(tree);
    return status;
}

int nastl_space_parse(struct nastl_space **out, const char *text, size_t length,
                      const char *name)
{
    return nastl_space_parse_with(out, text, length, name, &nastl_vocabulary);
}

int nastl_space_read(struct nastl_space **out, const char *path)
{
    struct nastl_yaml_tree *tree;
    TRY(nastl_yaml_read(&tree, path));
    const int status = from_tree(out, tree, &nastl_vocabulary);
    nastl_yaml_destroy(tree);
    return status;
}
