/* expression.h: conditions (`when`) and constraints: text to tree, and what a tree says
 * of a point or a candidate. The grammar:
 *
 *   condition   = conjunction { "or" conjunction }
 *   conjunction = negation { "and" negation }
 *   negation    = "not" negation | comparison
 *   comparison  = sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]
 *   sum         = product { ("+" | "-") product }
 *   product     = unary { ("*" | "/" | "%") unary }
 *   unary       = "-" unary | primary
 *   primary     = number | quoted | name | name "(" sum { "," sum } ")" | "(" condition
 * ")"
 *
 * A name that stands beside a key with words, joined by == or !=, is one of its words.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPACE_EXPRESSION_H
#define SPACE_EXPRESSION_H

#include "space/space.h"

enum nastl_node_kind {
    NASTL_NODE_NUMBER,
    NASTL_NODE_WORD, /* a text */
    NASTL_NODE_NAME, /* a key, or what is measured */
    NASTL_NODE_NEGATIVE,
    NASTL_NODE_ADD,
    NASTL_NODE_SUBTRACT,
    NASTL_NODE_MULTIPLY,
    NASTL_NODE_DIVIDE,
    NASTL_NODE_MODULO,
    NASTL_NODE_MIN,
    NASTL_NODE_MAX,
    NASTL_NODE_SUM,
    NASTL_NODE_LESS,
    NASTL_NODE_AT_MOST,
    NASTL_NODE_GREATER,
    NASTL_NODE_AT_LEAST,
    NASTL_NODE_EQUAL,
    NASTL_NODE_DIFFERENT,
    NASTL_NODE_AND,
    NASTL_NODE_OR,
    NASTL_NODE_NOT
};

struct nastl_key;
struct space_dim;

struct nastl_node {
    enum nastl_node_kind kind;
    size_t column;                 /* in the text, from 0 */
    double number;                 /* NUMBER */
    const char *text;              /* WORD and NAME */
    bool measured;                 /* NAME: no key */
    struct space_dim *const *dims; /* NAME: the dimensions it stands for, maybe none */
    size_t dim_count;
    const struct nastl_key *key;     /* NAME: of the vocabulary; NULL where measured */
    struct nastl_node *left, *right; /* operands; MIN, MAX, SUM: left is the first … */
    struct nastl_node *next;         /* … argument and `next` the one after */
    const struct nastl_node *next_name; /* NAME: the next in the expression */
};

struct nastl_expression {
    const char *text;
    const struct nastl_node *root;
    const struct nastl_node *names; /* all NAME nodes, linked by next_name */
};

enum nastl_expression_use {
    NASTL_USE_WHEN,      /* keys alone */
    NASTL_USE_CONSTRAINT /* and what is measured */
};

/* Reads an expression about `space`, whose memory it takes; the dimensions must be there.
 * NASTL_EFORMAT: the sentence says why and what to do, `*column` (from 0) where. */
int nastl_expression_parse(const struct nastl_expression **out, struct nastl_space *space,
                           const char *text, enum nastl_expression_use use,
                           size_t *column);

/* The second half of it, in resolve.c: finds the names, and checks that numbers, words
 * and conditions stand where they belong. */
int nastl_expression_resolve(struct nastl_expression *expression, struct nastl_node *root,
                             struct nastl_space *space, enum nastl_expression_use use,
                             size_t *column);

/* Where names get their values: from a point or from a candidate; then from `lookup`. */
struct nastl_scope {
    const struct nastl_point *point;
    const struct nastl_candidate *candidate;
    nastl_lookup lookup; /* may be NULL */
    void *payload;
};

enum nastl_truth_state {
    NASTL_KNOWN,
    NASTL_ABSENT, /* it is about a key that is not there */
    NASTL_UNKNOWN /* it needs what has not been measured */
};

struct nastl_truth {
    enum nastl_truth_state state;
    bool holds;       /* KNOWN */
    double violation; /* KNOWN: 0 where it holds */
};

struct nastl_truth nastl_expression_check(const struct nastl_expression *expression,
                                          const struct nastl_scope *scope);

#endif
