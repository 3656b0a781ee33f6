/* expression.c: text to tree, by recursive descent; a function a rule of the grammar.
 * SPDX-License-Identifier: Apache-2.0 */
#include "space/expression.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "space/space_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A longer text is no expression; the limits also bound every recursion over a tree. */
enum { MOST_BYTES = 1000, MOST_DEPTH = 32 };

struct token {
    enum {
        TOKEN_END,
        TOKEN_NUMBER,
        TOKEN_NAME,
        TOKEN_QUOTED,
        TOKEN_SIGN /* an operator, a parenthesis, a comma */
    } kind;
    const char *text;
    size_t length; /* of QUOTED without the quotes */
    size_t column;
    double number;
};

struct parser {
    const char *text;
    const char *at; /* behind the token */
    struct token token;
    struct nastl_arena *arena;
    int depth;
    size_t *column; /* where it failed */
};

static int fail_at(const struct parser *p, size_t column, const char *why)
{
    *p->column = column;
    return nastl_error(NASTL_EFORMAT, "%s", why);
}

/* ---- tokens ------------------------------------------------------------------------ */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* "12", "0.5", ".5", "1e-3": the sign of the exponent belongs to it. */
static size_t number_length(const char *text)
{
    size_t n = 0;
    for (;; n++) {
        const bool sign = (text[n] == '-' || text[n] == '+') && n > 0 &&
                          (text[n - 1] == 'e' || text[n - 1] == 'E');
        if (!is_digit(text[n]) && !is_letter(text[n]) && text[n] != '.' && !sign)
            return n;
    }
}

static int read_number(struct parser *p)
{
    struct token *token = &p->token;
    token->kind = TOKEN_NUMBER;
    token->length = number_length(token->text);
    if (!nastl_number_parse(&token->number, token->text, token->length) ||
        !isfinite(token->number))
        return fail_at(p, token->column, "no number; write one such as 12, 0.5 or 1e-3");
    p->at = token->text + token->length;
    return NASTL_OK;
}

static size_t name_length(const char *text)
{
    size_t n = 0;
    while (is_letter(text[n]) || is_digit(text[n]) || text[n] == '.')
        n++;
    return n;
}

static int read_quoted(struct parser *p)
{
    struct token *token = &p->token;
    const char *end = strchr(token->text + 1, *token->text);
    if (!end)
        return fail_at(p, token->column, "the quote is not closed; close it");
    token->kind = TOKEN_QUOTED;
    token->text++;
    token->length = (size_t)(end - token->text);
    p->at = end + 1;
    return NASTL_OK;
}

static int read_sign(struct parser *p)
{
    static const char *const signs[] = {"<=", ">=", "==", "!=", "<", ">", "+",
                                        "-",  "*",  "/",  "%",  "(", ")", ","};
    struct token *token = &p->token;
    token->kind = TOKEN_SIGN;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        token->length = strlen(signs[i]);
        if (strncmp(token->text, signs[i], token->length) == 0) {
            p->at = token->text + token->length;
            return NASTL_OK;
        }
    }
    if (*token->text == '=')
        return fail_at(p, token->column, "'=' is no operator; equality is written ==");
    return fail_at(p, token->column,
                   "unreadable character; an expression has numbers, names, < <= > >= "
                   "== != + - * / % ( ) , and or not");
}

static int advance(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n')
        p->at++;
    const char c = *p->at;
    p->token = (struct token){.text = p->at, .column = (size_t)(p->at - p->text)};
    if (!c)
        return NASTL_OK;
    if (is_digit(c) || (c == '.' && is_digit(p->at[1])))
        return read_number(p);
    if (c == '\'' || c == '"')
        return read_quoted(p);
    if (!is_letter(c))
        return read_sign(p);
    p->token.kind = TOKEN_NAME;
    p->token.length = name_length(p->at);
    p->at += p->token.length;
    return NASTL_OK;
}

/* Whether the token is this operator or this keyword. */
static bool sees(const struct parser *p, const char *text)
{
    const struct token *token = &p->token;
    const bool plain = token->kind == TOKEN_SIGN || token->kind == TOKEN_NAME;
    return plain && token->length == strlen(text) &&
           strncmp(token->text, text, token->length) == 0;
}

static int expect(struct parser *p, const char *sign, const char *why)
{
    return sees(p, sign) ? advance(p) : fail_at(p, p->token.column, why);
}

/* ---- the grammar ------------------------------------------------------------------- */

static struct nastl_node *add_node(struct parser *p, enum nastl_node_kind kind)
{
    struct nastl_node *node = nastl_arena_alloc(p->arena, 1, sizeof *node);
    if (!node)
        return NULL;
    node->kind = kind;
    node->column = p->token.column;
    return node;
}

typedef int (*rule)(struct nastl_node **out, struct parser *p);

static int parse_condition(struct nastl_node **out, struct parser *p);
static int parse_sum(struct nastl_node **out, struct parser *p);

struct operator
{
    const char *text;
    enum nastl_node_kind kind;
};

static const struct operator*
    find_operator(const struct parser *p, const struct operator* operators)
{
    for (; operators->text; operators++)
        if (sees(p, operators->text))
            return operators;
    return NULL;
}

/* The operator in the token, with `*out` on its left and `operand` on its right. */
static int parse_right(struct nastl_node **out, struct parser *p,
                       enum nastl_node_kind kind, rule operand)
{
    struct nastl_node *node = add_node(p, kind);
    if (!node)
        return nastl_error_nomem("an expression");
    node->left = *out;
    TRY(advance(p));
    TRY(operand(&node->right, p));
    *out = node;
    return NASTL_OK;
}

/* operand { operator operand }, from the left. */
static int parse_chain(struct nastl_node **out, struct parser *p,
                       const struct operator* operators, rule operand)
{
    TRY(operand(out, p));
    for (;;) {
        const struct operator* found = find_operator(p, operators);
        if (!found)
            return NASTL_OK;
        TRY(parse_right(out, p, found->kind, operand));
    }
}

/* An operator before its operand; nesting is counted. */
static int parse_prefix(struct nastl_node **out, struct parser *p,
                        enum nastl_node_kind kind, rule operand)
{
    struct nastl_node *node = add_node(p, kind);
    if (!node)
        return nastl_error_nomem("an expression");
    if (++p->depth > MOST_DEPTH)
        return fail_at(p, p->token.column, "nested more than 32 deep; write it flatter");
    TRY(advance(p));
    TRY(operand(&node->left, p));
    p->depth--;
    *out = node;
    return NASTL_OK;
}

static int parse_group(struct nastl_node **out, struct parser *p)
{
    if (++p->depth > MOST_DEPTH)
        return fail_at(p, p->token.column, "nested more than 32 deep; write it flatter");
    TRY(advance(p));
    TRY(parse_condition(out, p));
    TRY(expect(p, ")", "a ')' is missing; close the parenthesis"));
    p->depth--;
    return NASTL_OK;
}

static int parse_text(struct nastl_node **out, struct parser *p)
{
    struct nastl_node *node = add_node(p, NASTL_NODE_NAME);
    if (!node)
        return nastl_error_nomem("an expression");
    node->text = nastl_arena_strndup(p->arena, p->token.text, p->token.length);
    if (!node->text)
        return nastl_error_nomem("an expression");
    if (p->token.kind == TOKEN_QUOTED)
        node->kind = NASTL_NODE_WORD;
    *out = node;
    return advance(p);
}

static int parse_arguments(struct nastl_node *call, struct parser *p)
{
    struct nastl_node **last = &call->left;
    TRY(parse_sum(last, p));
    while (sees(p, ",")) {
        TRY(advance(p));
        last = &(*last)->next;
        TRY(parse_sum(last, p));
    }
    return expect(p, ")", "a ',' or ')' is missing after the argument; write one");
}

/* `node` is the name before the parenthesis in the token. */
static int parse_call(struct nastl_node *node, struct parser *p)
{
    static const struct operator functions[] = {{"min", NASTL_NODE_MIN},
                                                {"max", NASTL_NODE_MAX},
                                                {"sum", NASTL_NODE_SUM},
                                                {NULL}};
    const struct operator* found = functions;
    while (found->text && strcmp(found->text, node->text) != 0)
        found++;
    if (!found->text)
        return fail_at(p, node->column,
                       "no such function; there are min(), max(), sum()");
    if (++p->depth > MOST_DEPTH)
        return fail_at(p, p->token.column, "nested more than 32 deep; write it flatter");
    node->kind = found->kind;
    TRY(advance(p));
    TRY(parse_arguments(node, p));
    p->depth--;
    return NASTL_OK;
}

static int parse_number(struct nastl_node **out, struct parser *p)
{
    struct nastl_node *node = add_node(p, NASTL_NODE_NUMBER);
    if (!node)
        return nastl_error_nomem("an expression");
    node->number = p->token.number;
    *out = node;
    return advance(p);
}

static bool is_keyword(const struct parser *p)
{
    return sees(p, "and") || sees(p, "or") || sees(p, "not");
}

static int parse_primary(struct nastl_node **out, struct parser *p)
{
    if (p->token.kind == TOKEN_NUMBER)
        return parse_number(out, p);
    if (sees(p, "("))
        return parse_group(out, p);
    if (p->token.kind == TOKEN_QUOTED)
        return parse_text(out, p);
    if (p->token.kind != TOKEN_NAME || is_keyword(p))
        return fail_at(p, p->token.column,
                       "a value is missing; write a number, a name or a parenthesis");
    TRY(parse_text(out, p));
    return sees(p, "(") ? parse_call(*out, p) : NASTL_OK;
}

static int parse_unary(struct nastl_node **out, struct parser *p)
{
    return sees(p, "-") ? parse_prefix(out, p, NASTL_NODE_NEGATIVE, parse_unary)
                        : parse_primary(out, p);
}

static int parse_product(struct nastl_node **out, struct parser *p)
{
    static const struct operator operators[] = {{"*", NASTL_NODE_MULTIPLY},
                                                {"/", NASTL_NODE_DIVIDE},
                                                {"%", NASTL_NODE_MODULO},
                                                {NULL}};
    return parse_chain(out, p, operators, parse_unary);
}

static int parse_sum(struct nastl_node **out, struct parser *p)
{
    static const struct operator operators[] = {
        {"+", NASTL_NODE_ADD}, {"-", NASTL_NODE_SUBTRACT}, {NULL}};
    return parse_chain(out, p, operators, parse_product);
}

static int parse_comparison(struct nastl_node **out, struct parser *p)
{
    static const struct operator operators[] = {{"<=", NASTL_NODE_AT_MOST},
                                                {">=", NASTL_NODE_AT_LEAST},
                                                {"<", NASTL_NODE_LESS},
                                                {">", NASTL_NODE_GREATER},
                                                {"==", NASTL_NODE_EQUAL},
                                                {"!=", NASTL_NODE_DIFFERENT},
                                                {NULL}};
    TRY(parse_sum(out, p));
    const struct operator* found = find_operator(p, operators);
    if (!found)
        return NASTL_OK;
    TRY(parse_right(out, p, found->kind, parse_sum));
    if (find_operator(p, operators))
        return fail_at(p, p->token.column,
                       "a comparison of a comparison; join two of them with and");
    return NASTL_OK;
}

static int parse_negation(struct nastl_node **out, struct parser *p)
{
    return sees(p, "not") ? parse_prefix(out, p, NASTL_NODE_NOT, parse_negation)
                          : parse_comparison(out, p);
}

static int parse_conjunction(struct nastl_node **out, struct parser *p)
{
    static const struct operator operators[] = {{"and", NASTL_NODE_AND}, {NULL}};
    return parse_chain(out, p, operators, parse_negation);
}

static int parse_condition(struct nastl_node **out, struct parser *p)
{
    static const struct operator operators[] = {{"or", NASTL_NODE_OR}, {NULL}};
    return parse_chain(out, p, operators, parse_conjunction);
}

static int parse_all(struct nastl_node **out, struct parser *p)
{
    TRY(advance(p));
    if (p->token.kind == TOKEN_END)
        return fail_at(p, 0, "empty; write a condition such as layers <= 4");
    TRY(parse_condition(out, p));
    if (p->token.kind != TOKEN_END)
        return fail_at(p, p->token.column,
                       "more text after the condition; join conditions with and, or");
    return NASTL_OK;
}

int nastl_expression_parse(const struct nastl_expression **out, struct nastl_space *space,
                           const char *text, enum nastl_expression_use use,
                           size_t *column)
{
    *column = 0;
    if (strlen(text) > MOST_BYTES)
        return nastl_error(NASTL_EFORMAT,
                           "longer than 1000 characters; write several expressions");
    struct nastl_expression *expression =
        nastl_arena_alloc(&space->arena, 1, sizeof *expression);
    const char *copy = nastl_arena_strdup(&space->arena, text);
    if (!expression || !copy)
        return nastl_error_nomem("an expression");
    struct parser parser = {
        .text = copy, .at = copy, .arena = &space->arena, .column = column};
    struct nastl_node *root;
    TRY(parse_all(&root, &parser));
    expression->text = copy;
    expression->root = root;
    TRY(nastl_expression_resolve(expression, root, space, use, column));
    *out = expression;
    return NASTL_OK;
}
