/* arch.c: the registry of families, and reading a candidate's values with a check.
 * SPDX-License-Identifier: Apache-2.0 */
#include "arch/family.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/strbuf.h"

static const struct nastl_family *const families[] = {
    &nastl_family_mlp, &nastl_family_resnet, &nastl_family_tabm,
    &nastl_family_ft_transformer, NULL};

const struct nastl_family *const *nastl_families(void)
{
    return families;
}

const struct nastl_family *nastl_family_find(const char *name)
{
    for (size_t i = 0; families[i]; i++)
        if (strcmp(families[i]->name, name) == 0)
            return families[i];
    return NULL;
}

/* ---- values ---- */

/* The value of a key as text, for messages. */
static void value_text(char out[64], const struct nastl_setting *setting, double fallback)
{
    if (setting && setting->text)
        snprintf(out, 64, "'%s'", setting->text);
    else
        nastl_number_text(out, setting ? setting->number : fallback);
}

/* The number of a key that lies in a range, or is refused; a text is refused too. */
static int number_in(double *out, const struct nastl_candidate *candidate,
                     const char *key, double fallback, bool (*fits)(double value),
                     double low, double high, const char *accepted)
{
    const struct nastl_setting *setting = nastl_candidate_find(candidate, key);
    const double value = setting ? setting->number : fallback;
    if (!(setting && setting->text) && value >= low && value <= high && fits(value)) {
        *out = value;
        return 0;
    }
    char text[64];
    value_text(text, setting, fallback);
    return nastl_error(NASTL_EINVAL, "%s: %s cannot be built; give %s", key, text,
                       accepted);
}

static bool is_whole(double value)
{
    return value == floor(value);
}

static bool is_any(double value)
{
    (void)value;
    return true;
}

static bool is_below_one(double value)
{
    return value < 1.0;
}

int nastl_arch_whole(size_t *out, const struct nastl_candidate *candidate,
                     const char *key, size_t fallback, size_t low, size_t high)
{
    char accepted[96];
    double value = 0.0;
    snprintf(accepted, sizeof accepted, "a whole number from %zu to %zu", low, high);
    TRY(number_in(&value, candidate, key, (double)fallback, is_whole, (double)low,
                  (double)high, accepted));
    *out = (size_t)value;
    return 0;
}

int nastl_arch_number(double *out, const struct nastl_candidate *candidate,
                      const char *key, double fallback, double low, double high)
{
    char accepted[96];
    snprintf(accepted, sizeof accepted, "a number from %g to %g", low, high);
    return number_in(out, candidate, key, fallback, is_any, low, high, accepted);
}

int nastl_arch_fraction(double *out, const struct nastl_candidate *candidate,
                        const char *key, double fallback)
{
    return number_in(out, candidate, key, fallback, is_below_one, 0.0, 1.0,
                     "a number from 0 to below 1");
}

/* "X is not known; give one of a, b, c" over `names`. */
static int no_such_choice(const char *key, const struct nastl_setting *setting,
                          const char *const *names)
{
    char text[64];
    struct nastl_strbuf list;
    value_text(text, setting, 0.0);
    nastl_strbuf_init(&list);
    for (size_t i = 0; names[i]; i++)
        nastl_strbuf_addf(&list, "%s%s", i ? ", " : "", names[i]);
    const char *all = nastl_strbuf_text(&list);
    const int status = nastl_error(NASTL_EINVAL, "%s: %s is not known; give one of %s",
                                   key, text, all ? all : names[0]);
    nastl_strbuf_finish(&list);
    return status;
}

int nastl_arch_choice(int *out, const struct nastl_candidate *candidate, const char *key,
                      const char *const *names, int fallback)
{
    const struct nastl_setting *setting = nastl_candidate_find(candidate, key);
    if (!setting) {
        *out = fallback;
        return 0;
    }
    for (int i = 0; setting->text && names[i]; i++) {
        if (strcmp(names[i], setting->text) == 0) {
            *out = i;
            return 0;
        }
    }
    return no_such_choice(key, setting, names);
}

/* ---- building ---- */

static int check_shape(const struct nastl_shape *shape)
{
    if (shape->outputs == 0)
        return nastl_error(NASTL_EINVAL, "network: it has no outputs; give a label");
    if (shape->numeric == 0 && shape->categorical == 0)
        return nastl_error(NASTL_EINVAL, "network: it has no inputs; give features");
    for (size_t k = 0; k < shape->categorical; k++)
        if (shape->cardinality[k] == 0)
            return nastl_error(NASTL_EINVAL,
                               "network: categorical column %zu has no values; drop it",
                               k);
    return 0;
}

/* One network, or several side by side whose outputs are averaged. */
static int build(struct nastl_graph *graph, const struct nastl_family *family,
                 const struct nastl_candidate *candidate)
{
    size_t count, all = 0;
    TRY(nastl_arch_whole(&count, candidate, "ensemble", 1, 1, NASTL_ENSEMBLE_MOST));
    if (count == 1)
        return family->build(graph, candidate);
    for (size_t m = 0; m < count; m++) {
        nastl_graph_begin_member(graph, m);
        TRY(family->build(graph, candidate));
        const size_t at = nastl_graph_end_member(graph);
        all = m ? nastl_graph_stack(graph, at, all) : at;
    }
    nastl_graph_average(graph, all);
    if (nastl_graph_has(graph, NASTL_NODE_TOKENS))
        return nastl_error(NASTL_EINVAL,
                           "ensemble: %zu networks of the family '%s' cannot be built; "
                           "give 1",
                           count, family->name);
    return NASTL_OK;
}

int nastl_arch_build(struct nastl_graph **out, const struct nastl_candidate *candidate,
                     const struct nastl_shape *shape)
{
    const char *names[sizeof families / sizeof *families] = {NULL};
    for (size_t i = 0; families[i]; i++)
        names[i] = families[i]->name;
    int family;
    TRY(nastl_arch_choice(&family, candidate, "family", names, 0));
    TRY(check_shape(shape));
    struct nastl_graph *graph;
    TRY(nastl_graph_create(&graph, shape));
    graph->family = families[family]->name;
    int status = build(graph, families[family], candidate);
    if (status == 0 && graph->failed)
        status = nastl_error_nomem("a graph");
    if (status < 0) {
        nastl_graph_destroy(graph);
        return status;
    }
    *out = graph;
    return 0;
}
