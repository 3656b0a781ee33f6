/* fit.c: layers that are fitted to the training rows before they are trained, one after
 * another, each to what those before it make of the rows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/net_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/rng.h"

/* So many rows say enough about a neuron; rows of a bias. */
enum { ROWS_MOST = 4096, SIMPLEX = 5 };

/* Below this a neuron is the same for all rows, and is left as it was drawn. */
static const double LEAST_SPREAD = 1e-6;

/* The stream begins beyond what nastl_net_init() draws. */
static const uint64_t FIRST_BLOCK = UINT64_C(1) << 48;

struct sample {
    const struct nastl_xy *xy;
    int32_t *rows; /* (count) */
    size_t count;
    float *outputs; /* (count, width) of the layer that is fitted */
};

/* 1 / standard deviation of a column, 1 where it has none. */
static double inverse_spread(const float *column, size_t count, size_t stride)
{
    double mean = 0.0, variance = 0.0;
    for (size_t i = 0; i < count; i++)
        mean += (double)column[i * stride] / (double)count;
    for (size_t i = 0; i < count; i++)
        variance += pow((double)column[i * stride] - mean, 2) / (double)count;
    return sqrt(variance) > LEAST_SPREAD ? 1.0 / sqrt(variance) : 1.0;
}

/* A random convex combination of a few numbers of a column: weights uniform on the
 * simplex. */
static double random_mean(const float *column, size_t count, size_t stride,
                          struct nastl_rng *rng)
{
    double sum = 0.0, weights = 0.0;
    for (int i = 0; i < SIMPLEX; i++) {
        const size_t at = (size_t)nastl_rng_below(rng, count);
        const double weight = -log(1.0 - nastl_rng_uniform(rng));
        sum += weight * (double)column[at * stride];
        weights += weight;
    }
    return weights > 0.0 ? sum / weights : 0.0;
}

static int fit_layer(struct nastl_net *net, struct sample *sample, size_t at,
                     struct nastl_rng *rng)
{
    const struct nastl_node *node = &net->graph->nodes[at];
    const size_t width = node->width, inputs = net->graph->nodes[node->from].width;
    float *weight = net->tensors[node->tensor].data;
    float *bias = net->tensors[node->tensor + 1].data;
    memset(bias, 0, width * sizeof *bias);
    TRY(nastl_net_node_outputs(net, at, sample->xy, sample->rows, sample->count,
                               sample->outputs));
    for (size_t o = 0; o < width; o++) {
        const float *column = sample->outputs + o;
        const double factor = inverse_spread(column, sample->count, width);
        for (size_t i = 0; i < inputs; i++)
            weight[o * inputs + i] *= (float)factor;
        bias[o] = (float)(-factor * random_mean(column, sample->count, width, rng));
    }
    return NASTL_OK;
}

static bool is_fitted(const struct nastl_graph *graph, size_t at)
{
    const struct nastl_node *node = &graph->nodes[at];
    return node->kind == NASTL_NODE_LINEAR && node->tensor_count == 2 &&
           graph->tensors[node->tensor].fitted;
}

static size_t widest_fitted(const struct nastl_graph *graph)
{
    size_t widest = 0;
    for (size_t i = 0; i < graph->node_count; i++)
        if (is_fitted(graph, i) && graph->nodes[i].width > widest)
            widest = graph->nodes[i].width;
    return widest;
}

/* At most ROWS_MOST of the rows, evenly. */
static void pick(struct sample *sample, const int32_t *rows, size_t count)
{
    for (size_t i = 0; i < sample->count; i++)
        sample->rows[i] = rows[i * count / sample->count];
}

int nastl_fit_layers(struct nastl_net *net, const struct nastl_xy *xy,
                     const int32_t *rows, size_t count)
{
    const size_t widest = widest_fitted(net->graph);
    struct sample sample = {.xy = xy, .count = count < ROWS_MOST ? count : ROWS_MOST};
    struct nastl_rng rng;
    if (widest == 0 || count == 0)
        return NASTL_OK;
    nastl_rng_init(&rng, net->seed, net->trial, NASTL_RNG_INIT);
    nastl_rng_seek(&rng, FIRST_BLOCK);
    sample.rows = nastl_alloc(sample.count, sizeof *sample.rows);
    sample.outputs = nastl_alloc(sample.count, widest * sizeof *sample.outputs);
    int status = sample.rows && sample.outputs ? NASTL_OK
                                               : nastl_error_nomem("rows to begin with");
    if (status == NASTL_OK)
        pick(&sample, rows, count);
    for (size_t i = 0; i < net->graph->node_count && status == NASTL_OK; i++)
        if (is_fitted(net->graph, i))
            status = fit_layer(net, &sample, i, &rng);
    free(sample.rows);
    free(sample.outputs);
    return status;
}
