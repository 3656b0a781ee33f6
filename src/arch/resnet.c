/* resnet.c: the residual network of Gorishniy et al. 2021 (rtdl): a linear stem, L blocks
 * beside a stream of one width, and a head:
 *
 *   x + linear2(dropout(relu(linear1(batch_norm(x)))))      linear(relu(batch_norm(x)))
 *
 *   key                accepted       default
 *   resnet.blocks      0 … 64         2
 *   resnet.width       1 … 65536      64
 *   resnet.expansion   [1, 64]        2
 *   resnet.dropout     [0, 1)         0
 *
 * linear1 has width * expansion outputs, rounded to a multiple of 8: products of few
 * different shapes, and none of a shape that leaves half a vector empty. The paper's
 * second dropout, after linear2, is left out: its tuned rate is 0 in most of its models.
 * SPDX-License-Identifier: Apache-2.0 */
#include "arch/family.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"

enum { BLOCKS_MOST = 64, WIDTH_MOST = 65536, EXPANSION_MOST = 64, STEP = 8 };

struct settings {
    size_t blocks, width, hidden;
    double dropout;
};

static int read_settings(struct settings *out, const struct nastl_candidate *candidate)
{
    double expansion;
    TRY(nastl_arch_whole(&out->blocks, candidate, "resnet.blocks", 2, 0, BLOCKS_MOST));
    TRY(nastl_arch_whole(&out->width, candidate, "resnet.width", 64, 1, WIDTH_MOST));
    TRY(nastl_arch_number(&expansion, candidate, "resnet.expansion", 2.0, 1.0,
                          EXPANSION_MOST));
    const double steps = round((double)out->width * expansion / STEP);
    out->hidden = steps < 1.0 ? STEP : (size_t)steps * STEP;
    return nastl_arch_fraction(&out->dropout, candidate, "resnet.dropout", 0.0);
}

static size_t add_block(struct nastl_graph *graph, size_t stream, size_t index,
                        const struct settings *settings)
{
    char norm[40], linear1[40], linear2[40];
    snprintf(norm, sizeof norm, "blocks.%zu.norm", index);
    snprintf(linear1, sizeof linear1, "blocks.%zu.linear1", index);
    snprintf(linear2, sizeof linear2, "blocks.%zu.linear2", index);
    size_t at = nastl_graph_batch_norm(graph, stream, norm);
    at = nastl_graph_linear(graph, at, linear1, settings->hidden);
    at = nastl_graph_activation(graph, at, NASTL_ACTIVATION_RELU);
    if (settings->dropout > 0.0)
        at = nastl_graph_dropout(graph, at, settings->dropout);
    at = nastl_graph_linear(graph, at, linear2, settings->width);
    return nastl_graph_add(graph, at, stream);
}

static int build(struct nastl_graph *graph, const struct nastl_candidate *candidate)
{
    struct settings settings;
    TRY(read_settings(&settings, candidate));
    size_t at;
    TRY(nastl_arch_input(&at, graph, candidate));
    at = nastl_graph_linear(graph, at, "stem", settings.width);
    for (size_t i = 0; i < settings.blocks; i++)
        at = add_block(graph, at, i, &settings);
    at = nastl_graph_batch_norm(graph, at, "head.norm");
    at = nastl_graph_activation(graph, at, NASTL_ACTIVATION_RELU);
    nastl_graph_linear(graph, at, "head", graph->shape.outputs);
    return 0;
}

const struct nastl_family nastl_family_resnet = {
    .name = "resnet",
    .description = "residual network",
    .build = build,
};
