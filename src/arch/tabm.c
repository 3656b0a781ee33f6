/* tabm.c: TabM (Gorishniy et al. 2024): k perceptrons that share their weights, trained
 * on the mean of their losses; deployed, their probabilities (or values) are averaged.
 * `full` (BatchEnsemble, Wen et al. 2020) gives each member its own scales of what goes
 * into and comes out of each layer, and its own bias; `mini` only one scale at the front.
 *
 *   mini   members r | linear, relu, dropout | … | k heads | average
 *   full   members r | linear, scale s + b, relu, dropout | scale r, linear, … | …
 *
 *   key             accepted     default
 *   tabm.members    1 … 1024     32
 *   tabm.kind       mini, full   mini
 *   tabm.layers     0 … 64       2
 *   tabm.width      1 … 65536    64
 *   tabm.dropout    [0, 1)       0
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "arch/family.h"

#include <stdio.h>

#include "base/error.h"

enum { MEMBERS_MOST = 1024, LAYERS_MOST = 64, WIDTH_MOST = 65536 };

enum kind { KIND_MINI, KIND_FULL };

static const char *const kinds[] = {"mini", "full", NULL};

struct settings {
    size_t members, layers, width;
    int kind;
    double dropout;
};

static int read_settings(struct settings *out, const struct nastl_candidate *candidate)
{
    TRY(nastl_arch_whole(&out->members, candidate, "tabm.members", 32, 1, MEMBERS_MOST));
    TRY(nastl_arch_choice(&out->kind, candidate, "tabm.kind", kinds, KIND_MINI));
    TRY(nastl_arch_whole(&out->layers, candidate, "tabm.layers", 2, 0, LAYERS_MOST));
    TRY(nastl_arch_whole(&out->width, candidate, "tabm.width", 64, 1, WIDTH_MOST));
    return nastl_arch_fraction(&out->dropout, candidate, "tabm.dropout", 0.0);
}

/* The linear of a block, with what belongs to the members around it. */
static size_t add_linear(struct nastl_graph *graph, size_t at, size_t index,
                         const char *name, const struct settings *settings)
{
    if (settings->kind == KIND_MINI)
        return nastl_graph_linear(graph, at, name, settings->width);
    if (index > 0)
        at = nastl_graph_scale_in(graph, at, name);
    at = nastl_graph_product(graph, at, name, settings->width);
    return nastl_graph_scale_out(graph, at, name);
}

static int build(struct nastl_graph *graph, const struct nastl_candidate *candidate)
{
    struct settings settings;
    TRY(read_settings(&settings, candidate));
    const bool inside = settings.kind == KIND_FULL && settings.layers > 0;
    size_t at;
    TRY(nastl_arch_input(&at, graph, candidate));
    at =
        nastl_graph_members(graph, at, inside ? "blocks.0" : "members", settings.members);
    for (size_t i = 0; i < settings.layers; i++) {
        char name[32];
        snprintf(name, sizeof name, "blocks.%zu", i);
        at = add_linear(graph, at, i, name, &settings);
        at = nastl_graph_activation(graph, at, NASTL_ACTIVATION_RELU);
        if (settings.dropout > 0.0)
            at = nastl_graph_dropout(graph, at, settings.dropout);
    }
    at = nastl_graph_member_linear(graph, at, "head", graph->shape.outputs);
    nastl_graph_average(graph, at);
    return 0;
}

const struct nastl_family nastl_family_tabm = {
    .name = "tabm",
    .description = "ensemble of perceptrons that share weights",
    .members_key = "tabm.members",
    .build = build,
};
