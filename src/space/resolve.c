/* resolve.c: what the names of an expression stand for, and whether numbers, words and
 * conditions stand where they belong; a typo is found here, not when a search has run.
 * SPDX-License-Identifier: Apache-2.0 */
#include "space/expression.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"
#include "space/space_impl.h"

#include <stdlib.h>
#include <string.h>

enum type { TYPE_NUMBER, TYPE_WORD, TYPE_CONDITION };

struct resolver {
    struct nastl_space *space;
    enum nastl_expression_use use;
    const struct nastl_node **last_name; /* where the next name is linked in */
    size_t *column;                      /* where it failed */
};

static int fail_at(const struct resolver *r, const struct nastl_node *node,
                   const char *why)
{
    *r->column = node->column;
    return nastl_error(NASTL_EFORMAT, "%s", why);
}

/* ---- names ------------------------------------------------------------------------- */

static bool stands_for(const char *name, const struct space_dim *dim)
{
    return strcmp(name, dim->dim.key) == 0 || strcmp(name, dim->base) == 0 ||
           strcmp(name, dim->plain) == 0 || strcmp(name, dim->plain_base) == 0;
}

static int find_dims(const struct resolver *r, struct nastl_node *node)
{
    const struct nastl_space *space = r->space;
    struct space_dim **dims =
        nastl_arena_alloc(&r->space->arena, space->count, sizeof *dims);
    if (!dims)
        return nastl_error_nomem("an expression");
    for (size_t i = 0; i < space->count; i++)
        if (stands_for(node->text, space->dims[i]))
            dims[node->dim_count++] = space->dims[i];
    node->dims = dims;
    if (node->dim_count)
        node->key = dims[0]->key;
    return NASTL_OK;
}

static const struct nastl_key *key_of_section(const struct nastl_section *section,
                                              const char *name)
{
    const size_t length = strlen(section->name);
    const bool qualified =
        strncmp(name, section->name, length) == 0 && name[length] == '.';
    const char *plain = qualified ? name + length + 1 : name;
    for (const struct nastl_key *key = section->keys; key->name; key++)
        if (strcmp(key->name, plain) == 0)
            return key;
    return NULL;
}

/* A key of a family that this space leaves out: a space that is cut down to one family
 * keeps its constraints. */
static const struct nastl_key *key_of_family(const struct resolver *r, const char *name)
{
    const struct nastl_section *family = r->space->vocabulary->families;
    const struct nastl_key *key = NULL;
    for (; family->name && !key; family++)
        key = key_of_section(family, name);
    return key;
}

static bool is_measured(const char *name)
{
    for (const char *const *known = nastl_measured_names; *known; known++)
        if (strcmp(*known, name) == 0)
            return true;
    return false;
}

/* Names that a typo may have meant: keys without their section, then what is measured. */
static const char *nearest_name(const struct resolver *r, const char *name)
{
    const struct nastl_space *space = r->space;
    size_t measured = 0, count = 0;
    while (nastl_measured_names[measured])
        measured++;
    const char **names =
        nastl_arena_alloc(&r->space->arena, 2 * space->count + measured, sizeof *names);
    if (!names)
        return NULL;
    for (size_t i = 0; i < space->count; i++) {
        names[count++] = space->dims[i]->plain_base;
        names[count++] = space->dims[i]->base;
    }
    for (size_t i = 0; r->use == NASTL_USE_CONSTRAINT && i < measured; i++)
        names[count++] = nastl_measured_names[i];
    return nastl_text_nearest(names, count, name);
}

static int unknown_name(const struct resolver *r, const struct nastl_node *node)
{
    const char *near = nearest_name(r, node->text);
    *r->column = node->column;
    if (near)
        return nastl_error(NASTL_EFORMAT, "'%.100s' is unknown; did you mean '%s'?",
                           node->text, near);
    return nastl_error(NASTL_EFORMAT, "'%.100s' is unknown; name a key of the space%s",
                       node->text,
                       r->use == NASTL_USE_CONSTRAINT
                           ? ", or a figure such as parameters, flops, latency, accuracy"
                           : "");
}

static int resolve_name(const struct resolver *r, struct nastl_node *node)
{
    if (node->key || node->measured)
        return NASTL_OK;
    TRY(find_dims(r, node));
    if (!node->key)
        node->key = key_of_family(r, node->text);
    if (node->key)
        return NASTL_OK;
    if (!is_measured(node->text))
        return unknown_name(r, node);
    node->measured = true;
    if (r->use == NASTL_USE_CONSTRAINT)
        return NASTL_OK;
    *r->column = node->column;
    return nastl_error(NASTL_EFORMAT,
                       "'%s' is measured after a candidate is chosen; a condition names "
                       "keys of the space alone",
                       node->text);
}

/* ---- types ------------------------------------------------------------------------- */

static bool is_word_key(const struct nastl_node *node)
{
    return node->kind == NASTL_NODE_NAME && node->key &&
           node->key->type == NASTL_KEY_WORD;
}

static int no_such_word(const struct resolver *r, const struct nastl_node *node,
                        const struct nastl_key *key)
{
    struct nastl_strbuf words;
    nastl_strbuf_init(&words);
    for (const char *const *word = key->words; *word; word++)
        nastl_strbuf_addf(&words, "%s%s", word == key->words ? "" : ", ", *word);
    const char *list = nastl_strbuf_text(&words);
    *r->column = node->column;
    const int status = nastl_error(NASTL_EFORMAT, "'%.100s' is no %s; there is %s",
                                   node->text, key->name, list ? list : "another");
    nastl_strbuf_finish(&words);
    return status;
}

static bool is_text(const struct nastl_node *node)
{
    return node->kind == NASTL_NODE_NAME || node->kind == NASTL_NODE_WORD;
}

/* `node` stands beside `beside`, joined by == or !=: if that is a key with words, `node`
 * is one of them, or such a key itself. */
static int resolve_word(const struct resolver *r, struct nastl_node *node,
                        const struct nastl_node *beside)
{
    if (beside->kind != NASTL_NODE_NAME || !is_text(node))
        return NASTL_OK;
    struct nastl_node trial = *beside;
    const int status = resolve_name(r, &trial);
    if (status == NASTL_ENOMEM)
        return status;
    if (status < 0 || !is_word_key(&trial))
        return NASTL_OK;
    if (nastl_key_has_word(trial.key, node->text)) {
        node->kind = NASTL_NODE_WORD;
        return NASTL_OK;
    }
    struct nastl_node name = *node;
    if (node->kind == NASTL_NODE_NAME && resolve_name(r, &name) == NASTL_OK)
        return NASTL_OK;
    return no_such_word(r, node, trial.key);
}

static int resolve(enum type *type, struct resolver *r, struct nastl_node *node);

static int resolve_as(struct resolver *r, struct nastl_node *node, enum type wanted)
{
    static const char *const why[] = {
        [TYPE_NUMBER] = "a number is wanted here; words are compared with == or !=, and "
                        "conditions are joined with and, or",
        [TYPE_WORD] = "a word is wanted here; numbers are compared with numbers",
        [TYPE_CONDITION] = "a condition is wanted here; compare the value, as in "
                           "layers <= 4",
    };
    enum type type;
    TRY(resolve(&type, r, node));
    return type == wanted ? NASTL_OK : fail_at(r, node, why[wanted]);
}

static int resolve_both(struct resolver *r, struct nastl_node *node, enum type wanted)
{
    TRY(resolve_as(r, node->left, wanted));
    return resolve_as(r, node->right, wanted);
}

static int resolve_equality(struct resolver *r, struct nastl_node *node)
{
    TRY(resolve_word(r, node->right, node->left));
    TRY(resolve_word(r, node->left, node->right));
    enum type type;
    TRY(resolve(&type, r, node->left));
    if (type == TYPE_CONDITION)
        return resolve_as(r, node->left, TYPE_NUMBER);
    if (type == TYPE_WORD && node->left->kind == NASTL_NODE_WORD &&
        node->right->kind == NASTL_NODE_WORD)
        return fail_at(r, node, "two words; compare a key with a word");
    return resolve_as(r, node->right, type);
}

static int resolve_arguments(struct resolver *r, struct nastl_node *node)
{
    for (node = node->left; node; node = node->next)
        TRY(resolve_as(r, node, TYPE_NUMBER));
    return NASTL_OK;
}

static int resolve_leaf(enum type *type, struct resolver *r, struct nastl_node *node)
{
    *type = node->kind == NASTL_NODE_NUMBER ? TYPE_NUMBER : TYPE_WORD;
    if (node->kind != NASTL_NODE_NAME)
        return NASTL_OK;
    const bool seen = node->key || node->measured;
    TRY(resolve_name(r, node));
    *type = is_word_key(node) ? TYPE_WORD : TYPE_NUMBER;
    if (!seen) {
        *r->last_name = node;
        r->last_name = &node->next_name;
    }
    return NASTL_OK;
}

static int resolve(enum type *type, struct resolver *r, struct nastl_node *node)
{
    *type = TYPE_CONDITION;
    switch (node->kind) {
    case NASTL_NODE_NUMBER:
    case NASTL_NODE_WORD:
    case NASTL_NODE_NAME:
        return resolve_leaf(type, r, node);
    case NASTL_NODE_AND:
    case NASTL_NODE_OR:
        return resolve_both(r, node, TYPE_CONDITION);
    case NASTL_NODE_NOT:
        return resolve_as(r, node->left, TYPE_CONDITION);
    case NASTL_NODE_EQUAL:
    case NASTL_NODE_DIFFERENT:
        return resolve_equality(r, node);
    case NASTL_NODE_LESS:
    case NASTL_NODE_AT_MOST:
    case NASTL_NODE_GREATER:
    case NASTL_NODE_AT_LEAST:
        return resolve_both(r, node, TYPE_NUMBER);
    case NASTL_NODE_MIN:
    case NASTL_NODE_MAX:
    case NASTL_NODE_SUM:
        *type = TYPE_NUMBER;
        return resolve_arguments(r, node);
    case NASTL_NODE_NEGATIVE:
        *type = TYPE_NUMBER;
        return resolve_as(r, node->left, TYPE_NUMBER);
    default:
        *type = TYPE_NUMBER;
        return resolve_both(r, node, TYPE_NUMBER);
    }
}

int nastl_expression_resolve(struct nastl_expression *expression, struct nastl_node *root,
                             struct nastl_space *space, enum nastl_expression_use use,
                             size_t *column)
{
    struct resolver r = {
        .space = space, .use = use, .last_name = &expression->names, .column = column};
    return resolve_as(&r, root, TYPE_CONDITION);
}
