/* mlp.c: the multilayer perceptron: L blocks of linear, norm, activation and dropout,
 * then a linear head.
 *
 *   key                    accepted                       default
 *   mlp.layers             0 … 64                         2
 *   mlp.width.I            1 … 65536                      mlp.width
 *   mlp.width              1 … 65536                      64
 *   mlp.activation         relu, gelu, silu, selu, mish   relu
 *   mlp.activation_share   fixed, learned                 fixed
 *   mlp.normalization      none, layer, batch             none
 *   mlp.dropout            [0, 1)                         0
 *   mlp.parametrization    standard, ntk                  standard
 *   mlp.initialization     standard, data                 standard
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "arch/family.h"

#include <stdio.h>

#include "base/error.h"

enum { LAYERS_MOST = 64, WIDTH_MOST = 65536 };

enum normalization { NORM_NONE, NORM_LAYER, NORM_BATCH };

static const char *const normalizations[] = {"none", "layer", "batch", NULL};
static const char *const shares[] = {"fixed", "learned", NULL};
static const char *const parametrizations[] = {"standard", "ntk", NULL};
static const char *const initializations[] = {"standard", "data", NULL};

struct settings {
    size_t layers, width;
    int activation, normalization;
    int shared, ntk, fitted; /* 0 or 1 */
    double dropout;
};

static int read_settings(struct settings *out, const struct nastl_candidate *candidate)
{
    const char *activations[NASTL_ACTIVATION_COUNT + 1] = {NULL};
    for (int i = 0; i < NASTL_ACTIVATION_COUNT; i++)
        activations[i] = nastl_activation_name(i);
    TRY(nastl_arch_whole(&out->layers, candidate, "mlp.layers", 2, 0, LAYERS_MOST));
    TRY(nastl_arch_whole(&out->width, candidate, "mlp.width", 64, 1, WIDTH_MOST));
    TRY(nastl_arch_choice(&out->activation, candidate, "mlp.activation", activations,
                          NASTL_ACTIVATION_RELU));
    TRY(nastl_arch_choice(&out->normalization, candidate, "mlp.normalization",
                          normalizations, NORM_NONE));
    TRY(nastl_arch_choice(&out->shared, candidate, "mlp.activation_share", shares, 0));
    TRY(nastl_arch_choice(&out->ntk, candidate, "mlp.parametrization", parametrizations,
                          0));
    TRY(nastl_arch_choice(&out->fitted, candidate, "mlp.initialization", initializations,
                          0));
    return nastl_arch_fraction(&out->dropout, candidate, "mlp.dropout", 0.0);
}

static size_t add_linear(struct nastl_graph *graph, size_t from, const char *name,
                         size_t outputs, const struct settings *settings)
{
    const size_t at = nastl_graph_linear(graph, from, name, outputs);
    nastl_graph_shape_learning(graph, at, settings->ntk, settings->fitted);
    return at;
}

static size_t add_activation(struct nastl_graph *graph, size_t from, const char *name,
                             const struct settings *settings)
{
    const enum nastl_activation activation = (enum nastl_activation)settings->activation;
    return settings->shared ? nastl_graph_shared_activation(graph, from, name, activation)
                            : nastl_graph_activation(graph, from, activation);
}

static size_t add_block(struct nastl_graph *graph, size_t from, size_t index,
                        size_t width, const struct settings *settings)
{
    char name[32], norm[40], activation[48];
    snprintf(name, sizeof name, "blocks.%zu", index);
    snprintf(norm, sizeof norm, "%s.norm", name);
    snprintf(activation, sizeof activation, "%s.activation", name);
    size_t at = add_linear(graph, from, name, width, settings);
    if (settings->normalization == NORM_LAYER)
        at = nastl_graph_layer_norm(graph, at, norm);
    else if (settings->normalization == NORM_BATCH)
        at = nastl_graph_batch_norm(graph, at, norm);
    at = add_activation(graph, at, activation, settings);
    return settings->dropout > 0.0 ? nastl_graph_dropout(graph, at, settings->dropout)
                                   : at;
}

static int build(struct nastl_graph *graph, const struct nastl_candidate *candidate)
{
    struct settings settings;
    TRY(read_settings(&settings, candidate));
    size_t at;
    TRY(nastl_arch_input(&at, graph, candidate));
    for (size_t i = 0; i < settings.layers; i++) {
        char key[32];
        size_t width;
        snprintf(key, sizeof key, "mlp.width.%zu", i);
        TRY(nastl_arch_whole(&width, candidate, key, settings.width, 1, WIDTH_MOST));
        at = add_block(graph, at, i, width, &settings);
    }
    add_linear(graph, at, "head", graph->shape.outputs, &settings);
    return 0;
}

const struct nastl_family nastl_family_mlp = {
    .name = "mlp",
    .description = "multilayer perceptron",
    .build = build,
};
