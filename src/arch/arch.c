/* arch.c: the registry of families, and reading a candidate's values with a check.
 * SPDX-License-Identifier: Apache-2.0 */
#include "arch/family.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"

static const struct nastl_family *const families[] = {&nastl_family_mlp, NULL};

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

static int not_accepted(const char *key, double value, const char *accepted)
{
    char number[32];
    nastl_number_text(number, value);
    return nastl_error(NASTL_EINVAL, "%s: %s cannot be built; give %s", key, number,
                       accepted);
}

int nastl_arch_whole(size_t *out, const struct nastl_candidate *candidate,
                     const char *key, size_t fallback, size_t low, size_t high)
{
    const double value = nastl_candidate_number(candidate, key, (double)fallback);
    if (!(value >= (double)low && value <= (double)high) || value != floor(value)) {
        char accepted[96];
        snprintf(accepted, sizeof accepted, "a whole number from %zu to %zu", low, high);
        return not_accepted(key, value, accepted);
    }
    *out = (size_t)value;
    return 0;
}

int nastl_arch_fraction(double *out, const struct nastl_candidate *candidate,
                        const char *key, double fallback)
{
    const double value = nastl_candidate_number(candidate, key, fallback);
    if (!(value >= 0.0 && value < 1.0))
        return not_accepted(key, value, "a number from 0 to below 1");
    *out = value;
    return 0;
}

/* "'X' is not among a, b, c" over `names`. */
static int no_such_choice(const char *key, const char *text, const char *const *names)
{
    struct nastl_strbuf list;
    nastl_strbuf_init(&list);
    for (size_t i = 0; names[i]; i++)
        nastl_strbuf_addf(&list, "%s%s", i ? ", " : "", names[i]);
    const char *all = nastl_strbuf_text(&list);
    const int status = nastl_error(NASTL_EINVAL, "%s: '%s' is not known; give one of %s",
                                   key, text, all ? all : names[0]);
    nastl_strbuf_finish(&list);
    return status;
}

int nastl_arch_choice(int *out, const struct nastl_candidate *candidate, const char *key,
                      const char *const *names, int fallback)
{
    const char *text = nastl_candidate_text(candidate, key, names[fallback]);
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], text) == 0) {
            *out = i;
            return 0;
        }
    }
    return no_such_choice(key, text, names);
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

/* An empty graph for a shape; NULL when memory is out. */
static struct nastl_graph *graph_create(const struct nastl_shape *shape)
{
    struct nastl_graph *graph = nastl_alloc_zero(1, sizeof *graph);
    if (!graph)
        return NULL;
    size_t *cardinality = nastl_alloc(shape->categorical, sizeof *cardinality);
    graph->encodings = nastl_alloc_zero(shape->categorical, sizeof *graph->encodings);
    graph->shape = *shape;
    graph->shape.cardinality = cardinality;
    if (!cardinality || !graph->encodings) {
        nastl_graph_destroy(graph);
        return NULL;
    }
    for (size_t k = 0; k < shape->categorical; k++)
        cardinality[k] = shape->cardinality[k];
    return graph;
}

int nastl_arch_build(struct nastl_graph **out, const struct nastl_candidate *candidate,
                     const struct nastl_shape *shape)
{
    const char *name = nastl_candidate_text(candidate, "family", "mlp");
    const struct nastl_family *family = nastl_family_find(name);
    if (!family) {
        const char *names[sizeof families / sizeof *families] = {NULL};
        for (size_t i = 0; families[i]; i++)
            names[i] = families[i]->name;
        return no_such_choice("family", name, names);
    }
    TRY(check_shape(shape));
    struct nastl_graph *graph = graph_create(shape);
    if (graph)
        graph->family = family->name;
    int status = graph ? family->build(graph, candidate) : NASTL_ENOMEM;
    if (!graph || (status == 0 && graph->failed))
        status = nastl_error_nomem("a graph");
    if (status < 0) {
        nastl_graph_destroy(graph);
        return status;
    }
    *out = graph;
    return 0;
}
