/* bins.c: the bins of piecewise-linear embeddings: quantiles of the training rows, as in
 * Gorishniy et al. 2022.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/net_impl.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/stat.h"

/* Edges that are nearer to each other than this share of the range are one. */
static const double LEAST_BIN = 1e-5;

/* `edges` (bins + 1): quantiles of sorted values, ascending, the last one repeated where
 * several were the same. */
static void fill_edges(float *edges, size_t bins, const double *values, size_t n)
{
    const double least = LEAST_BIN * (values[n - 1] - values[0]);
    size_t count = 0;
    for (size_t t = 0; t <= bins; t++) {
        const float edge =
            (float)nastl_stat_quantile(values, n, (double)t / (double)bins);
        if (count == 0 || (edge > edges[count - 1] && edge - edges[count - 1] >= least))
            edges[count++] = edge;
    }
    for (size_t t = count; t <= bins; t++)
        edges[t] = edges[count - 1];
}

static void fit_node(struct nastl_net *net, const struct nastl_node *node, double *values,
                     const struct nastl_xy *xy, const int32_t *rows, size_t count)
{
    float *edges = net->tensors[node->tensor + node->tensor_count - 1].data;
    for (size_t d = 0; d < xy->numeric; d++) {
        for (size_t i = 0; i < count; i++)
            values[i] = xy->x[(size_t)rows[i] * xy->numeric + d];
        nastl_stat_sort(values, count);
        fill_edges(edges + d * (node->pieces + 1), node->pieces, values, count);
    }
}

int nastl_net_fit(struct nastl_net *net, const struct nastl_xy *xy, const int32_t *rows,
                  size_t count)
{
    double *values = nastl_alloc(count, sizeof *values);
    if (!values)
        return nastl_error_nomem("the bins of a network");
    for (size_t n = 0; n < net->graph->node_count && count > 0; n++)
        if (net->graph->nodes[n].kind == NASTL_NODE_PIECEWISE)
            fit_node(net, &net->graph->nodes[n], values, xy, rows, count);
    free(values);
    return nastl_fit_layers(net, xy, rows, count);
}
