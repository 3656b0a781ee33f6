/* bins.c: the bins of piecewise-linear embeddings are fitted to the training rows. See
 * bins.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/bins.h"

#include "nn/net_impl.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/stat.h"

/* Edges that are nearer to each other than this share of the range are one. */
static const double LEAST_BIN = 1e-5;

/* What the columns of a network are sorted and cut in. */
struct bench {
    struct nastl_labelled *sorted; /* (count) */
    double *values;                /* (count) */
    double *cuts;                  /* (bins + 1) */
    struct nastl_bin_tree tree;
};

/* ---- edges ------------------------------------------------------------------------- */

size_t nastl_bins_quantile(double *cuts, size_t bins, const double *sorted, size_t n)
{
    for (size_t t = 0; t <= bins; t++)
        cuts[t] = nastl_stat_quantile(sorted, n, (double)t / (double)bins);
    return bins + 1;
}

/* `edges` (bins + 1): the cuts that are far enough from each other, the last one
 * repeated. */
static void fill_edges(float *edges, size_t bins, const double *cuts, size_t cut_count)
{
    const double least = LEAST_BIN * (cuts[cut_count - 1] - cuts[0]);
    size_t count = 0;
    for (size_t t = 0; t < cut_count; t++) {
        const float edge = (float)cuts[t];
        if (count == 0 || (edge > edges[count - 1] && edge - edges[count - 1] >= least))
            edges[count++] = edge;
    }
    for (size_t t = count; t <= bins; t++)
        edges[t] = edges[count - 1];
}

/* ---- columns ----------------------------------------------------------------------- */

struct rows {
    const struct nastl_xy *xy;
    const float *y; /* (xy->rows) */
    const int32_t *rows;
    size_t count;
};

static double number_at(const struct rows *rows, size_t i, size_t column)
{
    return rows->xy->x[(size_t)rows->rows[i] * rows->xy->numeric + column];
}

static int by_value(const void *a, const void *b)
{
    const double x = ((const struct nastl_labelled *)a)->value;
    const double y = ((const struct nastl_labelled *)b)->value;
    return (x > y) - (x < y);
}

static size_t cut_by_tree(const struct bench *bench, size_t bins, const struct rows *rows,
                          size_t column)
{
    for (size_t i = 0; i < rows->count; i++) {
        bench->sorted[i].value = number_at(rows, i, column);
        bench->sorted[i].label = rows->y[rows->rows[i]];
    }
    qsort(bench->sorted, rows->count, sizeof *bench->sorted, by_value);
    return nastl_bins_tree(bench->cuts, bins, bench->sorted, rows->count, &bench->tree);
}

static size_t cut_by_quantiles(const struct bench *bench, size_t bins,
                               const struct rows *rows, size_t column)
{
    for (size_t i = 0; i < rows->count; i++)
        bench->values[i] = number_at(rows, i, column);
    nastl_stat_sort(bench->values, rows->count);
    return nastl_bins_quantile(bench->cuts, bins, bench->values, rows->count);
}

static void fit_node(struct nastl_net *net, const struct nastl_node *node,
                     const struct bench *bench, const struct rows *rows)
{
    float *edges = net->tensors[node->tensor + node->tensor_count - 1].data;
    const size_t bins = node->pieces;
    for (size_t d = 0; d < rows->xy->numeric; d++) {
        const size_t cuts = node->by_tree ? cut_by_tree(bench, bins, rows, d)
                                          : cut_by_quantiles(bench, bins, rows, d);
        fill_edges(edges + d * (bins + 1), bins, bench->cuts, cuts);
    }
}

/* ---- networks ---------------------------------------------------------------------- */

static void bench_finish(struct bench *bench)
{
    free(bench->sorted);
    free(bench->values);
    free(bench->cuts);
    free(bench->tree.left);
    free(bench->tree.right);
    free(bench->tree.leaves);
}

/* Finish it whatever is returned. */
static int bench_init(struct bench *bench, size_t bins, size_t classes, size_t count)
{
    *bench = (struct bench){
        .sorted = nastl_alloc(count, sizeof *bench->sorted),
        .values = nastl_alloc(count, sizeof *bench->values),
        .cuts = nastl_alloc(bins + 1, sizeof *bench->cuts),
        .tree = {.classes = classes,
                 .left = nastl_alloc(classes, sizeof(double)),
                 .right = nastl_alloc(classes, sizeof(double)),
                 .leaves = nastl_alloc(bins, sizeof *bench->tree.leaves)},
    };
    const bool is_complete = bench->sorted && bench->values && bench->cuts &&
                             bench->tree.left && bench->tree.right && bench->tree.leaves;
    return is_complete ? NASTL_OK : nastl_error_nomem("the bins of a network");
}

/* Of all its embeddings; 0: it has none. */
static size_t most_bins(const struct nastl_graph *graph)
{
    size_t most = 0;
    for (size_t n = 0; n < graph->node_count; n++)
        if (graph->nodes[n].kind == NASTL_NODE_PIECEWISE && graph->nodes[n].pieces > most)
            most = graph->nodes[n].pieces;
    return most;
}

static int fit_bins(struct nastl_net *net, const struct rows *rows)
{
    const struct nastl_graph *graph = net->graph;
    const size_t bins = most_bins(graph);
    struct bench bench;
    if (bins == 0 || rows->count == 0)
        return NASTL_OK;
    const int status = bench_init(&bench, bins, graph->shape.outputs, rows->count);
    for (size_t n = 0; n < graph->node_count && status == NASTL_OK; n++)
        if (graph->nodes[n].kind == NASTL_NODE_PIECEWISE)
            fit_node(net, &graph->nodes[n], &bench, rows);
    bench_finish(&bench);
    return status;
}

int nastl_net_fit(struct nastl_net *net, const struct nastl_xy *xy, const float *y,
                  const int32_t *rows, size_t count)
{
    const struct rows labelled = {xy, y, rows, count};
    TRY(fit_bins(net, &labelled));
    return nastl_fit_layers(net, xy, rows, count);
}
