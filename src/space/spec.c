/* spec.c: reading what a space says about one key, checked against the key's table entry.
 * SPDX-License-Identifier: Apache-2.0 */
#include "space/spec.h"

#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- messages ---------------------------------------------------------------------- */

int nastl_spec_error(const struct nastl_spec_place *place, const struct nastl_yaml *node,
                     const char *format, ...)
{
    char why[640];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    struct nastl_yaml named = *node;
    named.key = place->path;
    return nastl_yaml_error(place->tree, &named, "%s", why);
}

enum { ACCEPTED = 256 };

static void describe_words(char out[ACCEPTED], const char *const *words)
{
    size_t used = 0;
    out[0] = '\0';
    for (; *words && used < ACCEPTED; words++)
        used += (size_t)snprintf(out + used, ACCEPTED - used, "%s%s", used ? ", " : "",
                                 *words);
}

/* What the key accepts as one value. */
static void describe(char out[ACCEPTED], const struct nastl_key *key)
{
    char low[32], high[32];
    nastl_number_text(low, key->low);
    nastl_number_text(high, key->high);
    const char *kind = key->type == NASTL_KEY_INT ? "whole numbers" : "numbers";
    if (key->type == NASTL_KEY_WORD)
        describe_words(out, key->words);
    else if (key->low == key->high)
        snprintf(out, ACCEPTED, "%s", low);
    else
        snprintf(out, ACCEPTED, "%s from %s to %s", kind, low, high);
}

static const char *forms_of(const struct nastl_key *key)
{
    switch (key->type) {
    case NASTL_KEY_INT:
        return "a value, {choice: [a, b]} or {int: [low, high]}";
    case NASTL_KEY_FLOAT:
        return "a value, {choice: [a, b]} or {float: [low, high]}";
    default:
        return "a word or {choice: [a, b]}";
    }
}

static int refuse(const struct nastl_spec_place *place, const struct nastl_yaml *node,
                  const char *why)
{
    char accepted[ACCEPTED];
    describe(accepted, place->key);
    return nastl_spec_error(place, node, "'%.100s' %s; accepted: %s", node->text, why,
                            accepted);
}

/* ---- one value --------------------------------------------------------------------- */

static size_t count_words(const char *const *words)
{
    size_t count = 0;
    while (words[count])
        count++;
    return count;
}

static int read_word(struct nastl_choice *out, const struct nastl_spec_place *place,
                     const struct nastl_yaml *node)
{
    const char *const *words = place->key->words;
    if (!nastl_key_has_word(place->key, node->text)) {
        char why[ACCEPTED] = "is unknown";
        const char *near = nastl_text_nearest(words, count_words(words), node->text);
        if (near)
            snprintf(why, sizeof why, "is unknown (did you mean '%s'?)", near);
        return refuse(place, node, why);
    }
    out->text = nastl_arena_strdup(place->arena, node->text);
    return out->text ? NASTL_OK : nastl_error_nomem(place->path);
}

static int read_number(struct nastl_choice *out, const struct nastl_spec_place *place,
                       const struct nastl_yaml *node)
{
    int64_t whole;
    if (place->key->type == NASTL_KEY_INT) {
        if (!nastl_yaml_int(&whole, node))
            return refuse(place, node,
                          node->quoted ? "in quotes is no number" : "is no whole number");
        out->number = (double)whole;
    } else if (!nastl_yaml_number(&out->number, node) || !isfinite(out->number)) {
        return refuse(place, node,
                      node->quoted ? "in quotes is no number" : "is no number");
    }
    if (out->number < place->key->low || out->number > place->key->high)
        return refuse(place, node, "is out of range");
    return NASTL_OK;
}

static int read_value(struct nastl_choice *out, const struct nastl_spec_place *place,
                      const struct nastl_yaml *node)
{
    *out = (struct nastl_choice){0};
    if (node->kind != NASTL_YAML_SCALAR) {
        char accepted[ACCEPTED];
        describe(accepted, place->key);
        return nastl_spec_error(place, node, "no single value; accepted: %s", accepted);
    }
    return place->key->type == NASTL_KEY_WORD ? read_word(out, place, node)
                                              : read_number(out, place, node);
}

/* ---- several ----------------------------------------------------------------------- */

static int read_items(struct nastl_spec *out, const struct nastl_spec_place *place,
                      const struct nastl_yaml *items, size_t count)
{
    struct nastl_choice *choices =
        nastl_arena_alloc(place->arena, count, sizeof *choices);
    if (!choices)
        return nastl_error_nomem(place->path);
    for (size_t i = 0; i < count; i++)
        TRY(read_value(&choices[i], place, &items[i]));
    out->kind = NASTL_DIM_CHOICE;
    out->choices = choices;
    out->count = count;
    out->high = (double)count - 1.0;
    return NASTL_OK;
}

static bool is_same(const struct nastl_choice *a, const struct nastl_choice *b)
{
    return a->text ? strcmp(a->text, b->text) == 0 : a->number == b->number;
}

static int read_choice(struct nastl_spec *out, const struct nastl_spec_place *place,
                       const struct nastl_yaml *node)
{
    if (node->kind != NASTL_YAML_LIST || node->count == 0)
        return nastl_spec_error(place, node,
                                "nothing to choose from; write choice: [a, b]");
    TRY(read_items(out, place, node->items, node->count));
    for (size_t i = 1; i < out->count; i++)
        for (size_t j = 0; j < i; j++)
            if (is_same(&out->choices[i], &out->choices[j]))
                return nastl_spec_error(place, &node->items[i],
                                        "'%.100s' stands there twice; keep one",
                                        node->items[i].text);
    return NASTL_OK;
}

static int read_range(struct nastl_spec *out, const struct nastl_spec_place *place,
                      const struct nastl_yaml *node)
{
    const bool whole = place->key->type == NASTL_KEY_INT;
    if (node->kind != NASTL_YAML_LIST || node->count != 2)
        return nastl_spec_error(place, node, "no range; write %s: [low, high]",
                                whole ? "int" : "float");
    TRY(read_items(out, place, node->items, 2));
    out->kind = whole ? NASTL_DIM_INT : NASTL_DIM_FLOAT;
    out->low = out->choices[0].number;
    out->high = out->choices[1].number;
    out->choices = NULL;
    out->count = 0;
    if (out->low > out->high)
        return nastl_spec_error(place, node,
                                "the range [%s, %s] is empty; write the lower end first",
                                node->items[0].text, node->items[1].text);
    return NASTL_OK;
}

/* ---- what qualifies a range -------------------------------------------------------- */

static int read_scale(struct nastl_spec *out, const struct nastl_spec_place *place,
                      const struct nastl_yaml *node)
{
    const char *text = node->kind == NASTL_YAML_SCALAR ? node->text : "";
    out->log = strcmp(text, "log") == 0;
    if (!out->log && strcmp(text, "linear") != 0)
        return nastl_spec_error(place, node, "no such scale; accepted: linear, log");
    if (out->log && out->low <= 0.0)
        return nastl_spec_error(
            place, node,
            "scale log wants a range above 0; raise its lower end, or "
            "write scale: linear");
    return NASTL_OK;
}

static bool divides(double step, double range)
{
    const double steps = range / step;
    return fabs(steps - round(steps)) <= 1e-9 * fmax(1.0, steps);
}

static int read_step(struct nastl_spec *out, const struct nastl_spec_place *place,
                     const struct nastl_yaml *node)
{
    int64_t whole = 0;
    const bool is_int = nastl_yaml_int(&whole, node);
    if (!nastl_yaml_number(&out->step, node) || !(out->step > 0.0) ||
        !isfinite(out->step) || (out->kind == NASTL_DIM_INT && !is_int))
        return nastl_spec_error(place, node, "no step; accepted: a %snumber above 0",
                                out->kind == NASTL_DIM_INT ? "whole " : "");
    char range[32];
    nastl_number_text(range, out->high - out->low);
    if (!divides(out->step, out->high - out->low))
        return nastl_spec_error(place, node,
                                "step %s does not fit; accepted: one that divides the "
                                "range's length, %s",
                                node->text, range);
    return NASTL_OK;
}

static int read_per(struct nastl_spec *out, const struct nastl_spec_place *place,
                    const struct nastl_yaml *node)
{
    if (!place->key->per_layer)
        return nastl_spec_error(place, node,
                                "it has one value in a candidate; leave per out");
    if (node->kind != NASTL_YAML_SCALAR || strcmp(node->text, "layer") != 0)
        return nastl_spec_error(place, node, "no such per; accepted: layer");
    out->per_layer = true;
    return NASTL_OK;
}

static int read_when(struct nastl_spec *out, const struct nastl_spec_place *place,
                     const struct nastl_yaml *node)
{
    if (node->kind != NASTL_YAML_SCALAR)
        return nastl_spec_error(
            place, node, "when is no expression; write one such as \"layers > 1\"");
    out->when = node;
    return NASTL_OK;
}

/* ---- all of it --------------------------------------------------------------------- */

/* The one of choice, int and float that is there. */
static int find_form(const struct nastl_yaml **out, const struct nastl_spec_place *place,
                     const struct nastl_yaml *node)
{
    static const char *const forms[] = {"choice", "int", "float"};
    *out = NULL;
    for (size_t i = 0; i < 3; i++) {
        const struct nastl_yaml *form = nastl_yaml_get(node, forms[i]);
        if (form && *out)
            return nastl_spec_error(place, form, "%s stands beside %s; keep one of them",
                                    form->key, (*out)->key);
        if (form)
            *out = form;
    }
    return *out ? NASTL_OK
                : nastl_spec_error(place, node, "no value; accepted: %s",
                                   forms_of(place->key));
}

static int read_form(struct nastl_spec *out, const struct nastl_spec_place *place,
                     const struct nastl_yaml *form)
{
    static const char *const range[] = {
        [NASTL_KEY_INT] = "int", [NASTL_KEY_FLOAT] = "float", [NASTL_KEY_WORD] = ""};
    if (strcmp(form->key, "choice") == 0)
        return read_choice(out, place, form);
    if (strcmp(form->key, range[place->key->type]) == 0)
        return read_range(out, place, form);
    return nastl_spec_error(place, form, "%s is of the wrong type; accepted: %s",
                            form->key, forms_of(place->key));
}

typedef int (*reader)(struct nastl_spec *out, const struct nastl_spec_place *place,
                      const struct nastl_yaml *node);

static int read_optional(struct nastl_spec *out, const struct nastl_spec_place *place,
                         const struct nastl_yaml *map, const char *key, reader read)
{
    const struct nastl_yaml *node = nastl_yaml_get(map, key);
    return node ? read(out, place, node) : NASTL_OK;
}

static int no_range(struct nastl_spec *out, const struct nastl_spec_place *place,
                    const struct nastl_yaml *node)
{
    (void)out;
    return nastl_spec_error(place, node, "%s does not go with choice; leave it out",
                            node->key);
}

static int read_map(struct nastl_spec *out, const struct nastl_spec_place *place,
                    const struct nastl_yaml *node)
{
    static const char *const allowed[] = {"choice", "int", "float", "scale",
                                          "step",   "per", "when",  NULL};
    const struct nastl_yaml *form;
    TRY(nastl_yaml_check_keys(place->tree, node, allowed));
    TRY(find_form(&form, place, node));
    TRY(read_form(out, place, form));
    const bool ranged = out->kind != NASTL_DIM_CHOICE;
    TRY(read_optional(out, place, node, "scale", ranged ? read_scale : no_range));
    TRY(read_optional(out, place, node, "step", ranged ? read_step : no_range));
    TRY(read_optional(out, place, node, "per", read_per));
    return read_optional(out, place, node, "when", read_when);
}

static int read_list(struct nastl_spec *out, const struct nastl_spec_place *place,
                     const struct nastl_yaml *node)
{
    if (!place->key->per_layer || node->count == 0)
        return nastl_spec_error(place, node, "a list is no value; accepted: %s",
                                forms_of(place->key));
    out->per_layer = true;
    out->listed = true;
    return read_items(out, place, node->items, node->count);
}

int nastl_spec_read(struct nastl_spec *out, const struct nastl_spec_place *place,
                    const struct nastl_yaml *node)
{
    *out = (struct nastl_spec){.given = node != NULL};
    if (!node) {
        const struct nastl_yaml fallback = {.kind = NASTL_YAML_SCALAR,
                                            .text = place->key->fallback};
        return read_items(out, place, &fallback, 1);
    }
    switch (node->kind) {
    case NASTL_YAML_MAP:
        return read_map(out, place, node);
    case NASTL_YAML_LIST:
        return read_list(out, place, node);
    default:
        return read_items(out, place, node, 1);
    }
}
