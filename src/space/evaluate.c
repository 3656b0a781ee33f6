/* evaluate.c: what an expression says of a point or a candidate, in four values: it
 * holds, it does not, it is about a key that is not there, it needs what is not measured.
 *
 * How far a comparison is off is its distance relative to the bound (the constant side,
 * else the right one): 260 <= 200 is off by 0.3. Of conditions joined with `and` the
 * distances add up, of those joined with `or` the least counts. `not` is pushed down to
 * the comparisons.
 * SPDX-License-Identifier: Apache-2.0 */
#include "space/expression.h"

#include "space/space_impl.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* So that distances can be added up and compared. */
#define MOST_VIOLATION 1e9

/* ---- values ------------------------------------------------------------------------ */

struct value {
    enum nastl_truth_state state;
    double number;
    const char *text; /* of a word */
};

static const struct value absent = {.state = NASTL_ABSENT};
static const struct value unknown = {.state = NASTL_UNKNOWN};

static struct value number_value(double number)
{
    return (struct value){.state = NASTL_KNOWN, .number = number};
}

static struct value value_in_point(const struct nastl_point *point,
                                   const struct space_dim *dim)
{
    const double value = point->value[dim->index];
    if (!point->active[dim->index])
        return absent;
    return (struct value){.state = NASTL_KNOWN,
                          .number = nastl_dim_number(&dim->dim, value),
                          .text = nastl_dim_text(&dim->dim, value)};
}

static struct value value_of_dim(const struct nastl_scope *scope,
                                 const struct space_dim *dim)
{
    if (scope->point)
        return value_in_point(scope->point, dim);
    const struct nastl_setting *setting =
        nastl_candidate_find(scope->candidate, dim->dim.key);
    if (!setting)
        return absent;
    return (struct value){
        .state = NASTL_KNOWN, .number = setting->number, .text = setting->text};
}

static struct value measured_value(const struct nastl_scope *scope, const char *name)
{
    double number;
    if (!scope->lookup || !scope->lookup(&number, name, scope->payload) || isnan(number))
        return unknown;
    return number_value(number);
}

/* ---- numbers ----------------------------------------------------------------------- */

static struct value evaluate(const struct nastl_node *node,
                             const struct nastl_scope *scope);

static double fold(enum nastl_node_kind kind, double a, double b)
{
    switch (kind) {
    case NASTL_NODE_MIN:
        return fmin(a, b);
    case NASTL_NODE_SUM:
        return a + b;
    default:
        return fmax(a, b);
    }
}

/* Of both: absence is stronger, since what is about nothing needs no measuring. */
static struct value join(enum nastl_node_kind kind, struct value a, struct value b)
{
    if (a.state == NASTL_ABSENT || b.state == NASTL_ABSENT)
        return absent;
    if (a.state == NASTL_UNKNOWN || b.state == NASTL_UNKNOWN)
        return unknown;
    return number_value(fold(kind, a.number, b.number));
}

/* A name is a list of what is there of it: all layers' values. */
static struct value fold_name(enum nastl_node_kind kind, const struct nastl_node *node,
                              const struct nastl_scope *scope)
{
    if (node->measured)
        return measured_value(scope, node->text);
    struct value all = absent;
    for (size_t i = 0; i < node->dim_count; i++) {
        const struct value one = value_of_dim(scope, node->dims[i]);
        if (one.state == NASTL_KNOWN)
            all = all.state == NASTL_KNOWN && !one.text ? join(kind, all, one) : one;
    }
    return all;
}

static struct value fold_argument(enum nastl_node_kind kind,
                                  const struct nastl_node *node,
                                  const struct nastl_scope *scope)
{
    return node->kind == NASTL_NODE_NAME ? fold_name(kind, node, scope)
                                         : evaluate(node, scope);
}

static struct value evaluate_call(const struct nastl_node *call,
                                  const struct nastl_scope *scope)
{
    const struct nastl_node *node = call->left;
    struct value all = fold_argument(call->kind, node, scope);
    for (node = node->next; node; node = node->next)
        all = join(call->kind, all, fold_argument(call->kind, node, scope));
    return all;
}

static double calculate(enum nastl_node_kind kind, double a, double b)
{
    switch (kind) {
    case NASTL_NODE_ADD:
        return a + b;
    case NASTL_NODE_SUBTRACT:
        return a - b;
    case NASTL_NODE_MULTIPLY:
        return a * b;
    case NASTL_NODE_DIVIDE:
        return a / b;
    default:
        return fmod(a, b);
    }
}

static struct value evaluate_both(const struct nastl_node *node,
                                  const struct nastl_scope *scope)
{
    const struct value a = evaluate(node->left, scope), b = evaluate(node->right, scope);
    const struct value both = join(NASTL_NODE_SUM, a, b);
    if (both.state != NASTL_KNOWN)
        return both;
    return number_value(calculate(node->kind, a.number, b.number));
}

static struct value evaluate(const struct nastl_node *node,
                             const struct nastl_scope *scope)
{
    switch (node->kind) {
    case NASTL_NODE_NUMBER:
        return number_value(node->number);
    case NASTL_NODE_WORD:
        return (struct value){.state = NASTL_KNOWN, .text = node->text};
    case NASTL_NODE_NAME:
        return fold_name(NASTL_NODE_MAX, node, scope);
    case NASTL_NODE_NEGATIVE: {
        struct value value = evaluate(node->left, scope);
        value.number = -value.number;
        return value;
    }
    case NASTL_NODE_MIN:
    case NASTL_NODE_MAX:
    case NASTL_NODE_SUM:
        return evaluate_call(node, scope);
    default:
        return evaluate_both(node, scope);
    }
}

/* ---- comparisons ------------------------------------------------------------------- */

static enum nastl_node_kind opposite(enum nastl_node_kind kind)
{
    switch (kind) {
    case NASTL_NODE_LESS:
        return NASTL_NODE_AT_LEAST;
    case NASTL_NODE_AT_MOST:
        return NASTL_NODE_GREATER;
    case NASTL_NODE_GREATER:
        return NASTL_NODE_AT_MOST;
    case NASTL_NODE_AT_LEAST:
        return NASTL_NODE_LESS;
    case NASTL_NODE_EQUAL:
        return NASTL_NODE_DIFFERENT;
    default:
        return NASTL_NODE_EQUAL;
    }
}

static bool compare(enum nastl_node_kind kind, double a, double b)
{
    switch (kind) {
    case NASTL_NODE_LESS:
        return a < b;
    case NASTL_NODE_AT_MOST:
        return a <= b;
    case NASTL_NODE_GREATER:
        return a > b;
    case NASTL_NODE_AT_LEAST:
        return a >= b;
    case NASTL_NODE_EQUAL:
        return a == b;
    default:
        return a != b;
    }
}

/* |a - b| / |bound|, more than 0, finite; 1 where there is no distance to speak of. */
static double distance(double a, double b, double bound)
{
    const double scale = bound == 0.0 || !isfinite(bound) ? 1.0 : fabs(bound);
    const double off = fabs(a - b) / scale;
    if (isnan(off))
        return 1.0;
    return fmin(fmax(off, DBL_EPSILON), MOST_VIOLATION);
}

static struct nastl_truth known(bool holds, double violation)
{
    return (struct nastl_truth){NASTL_KNOWN, holds, holds ? 0.0 : violation};
}

static struct nastl_truth check_comparison(const struct nastl_node *node, bool negate,
                                           const struct nastl_scope *scope)
{
    const enum nastl_node_kind kind = negate ? opposite(node->kind) : node->kind;
    const struct value a = evaluate(node->left, scope), b = evaluate(node->right, scope);
    const enum nastl_truth_state state = join(NASTL_NODE_SUM, a, b).state;
    if (state != NASTL_KNOWN)
        return (struct nastl_truth){.state = state};
    if (a.text && b.text)
        return known((strcmp(a.text, b.text) == 0) == (kind == NASTL_NODE_EQUAL), 1.0);
    const bool bound_is_left = node->left->kind == NASTL_NODE_NUMBER;
    const bool defined = !isnan(a.number) && !isnan(b.number);
    return known(defined && compare(kind, a.number, b.number),
                 distance(a.number, b.number, bound_is_left ? a.number : b.number));
}

/* ---- conditions -------------------------------------------------------------------- */

static struct nastl_truth check(const struct nastl_node *node, bool negate,
                                const struct nastl_scope *scope);

static bool is_state(struct nastl_truth a, struct nastl_truth b,
                     enum nastl_truth_state state)
{
    return a.state == state || b.state == state;
}

static bool is_known(struct nastl_truth a, bool holds)
{
    return a.state == NASTL_KNOWN && a.holds == holds;
}

/* The state of a pair that no side has decided alone. What is unknown may still decide;
 * so it is stronger than absence. */
static struct nastl_truth undecided(struct nastl_truth a, struct nastl_truth b)
{
    const bool wait = is_state(a, b, NASTL_UNKNOWN);
    return (struct nastl_truth){.state = wait ? NASTL_UNKNOWN : NASTL_ABSENT};
}

static struct nastl_truth check_and(struct nastl_truth a, struct nastl_truth b)
{
    if (is_known(a, false) || is_known(b, false))
        return known(false, fmin(a.violation + b.violation, MOST_VIOLATION));
    if (is_known(a, true) && is_known(b, true))
        return a;
    return undecided(a, b);
}

static struct nastl_truth check_or(struct nastl_truth a, struct nastl_truth b)
{
    if (is_known(a, true) || is_known(b, true))
        return known(true, 0.0);
    if (is_known(a, false) && is_known(b, false))
        return known(false, fmin(a.violation, b.violation));
    return undecided(a, b);
}

/* By De Morgan, a negated `and` is the `or` of the negated. */
static struct nastl_truth check(const struct nastl_node *node, bool negate,
                                const struct nastl_scope *scope)
{
    if (node->kind == NASTL_NODE_NOT)
        return check(node->left, !negate, scope);
    if (node->kind != NASTL_NODE_AND && node->kind != NASTL_NODE_OR)
        return check_comparison(node, negate, scope);
    const struct nastl_truth a = check(node->left, negate, scope);
    const struct nastl_truth b = check(node->right, negate, scope);
    return (node->kind == NASTL_NODE_AND) != negate ? check_and(a, b) : check_or(a, b);
}

struct nastl_truth nastl_expression_check(const struct nastl_expression *expression,
                                          const struct nastl_scope *scope)
{
    return check(expression->root, false, scope);
}
