/* count.c: parameters, FLOPs and memory of a graph when deployed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "arch/arch.h"

/* FLOP an output element: every addition, multiplication, division, comparison, square
 * root, exp and erf counts 1. A linear node has 2 an input and 1 for the bias. Copying,
 * one-hot and looking up a table count nothing. A column of a piecewise-linear embedding
 * has a comparison a bin, and the place in its bin; one of a periodic embedding a
 * product, a sine and a cosine a frequency, one of PBLD a product, a sum and a cosine. */
enum {
    FLOPS_BIAS = 1,
    FLOPS_LAYER_NORM = 7, /* mean 1, variance 3, normalise 1, scale and shift 2 */
    FLOPS_BATCH_NORM = 2, /* running statistics folded into one scale and one shift */
    FLOPS_RELU = 1,
    FLOPS_GELU = 5,  /* scale, erf, add, two products */
    FLOPS_SILU = 4,  /* negate and exp are 2, add, divide */
    FLOPS_SELU = 4,  /* exp, subtract, two products */
    FLOPS_MISH = 6,  /* exp; e (e + 2); x times its quotient with itself plus 2 */
    FLOPS_SHARE = 3, /* subtract, multiply, add */
    FLOPS_ADD = 1,
    FLOPS_PROBABILITY = 5, /* shift, exp, add, divide, add to the mean */
    FLOPS_LOGARITHM = 2,   /* divide, log */
    FLOPS_TOKEN =
        2, /* a number times a weight, plus a bias; of a table, the bias alone */
    FLOPS_REGLU = 2,
    FLOPS_SCORE = 4 /* softmax: the maximum, subtract, exp, sum */
};

static const int activation_flops[] = {FLOPS_RELU, FLOPS_GELU, FLOPS_SILU, FLOPS_SELU,
                                       FLOPS_MISH};
_Static_assert(sizeof activation_flops / sizeof *activation_flops ==
                   NASTL_ACTIVATION_COUNT,
               "one an activation");

size_t nastl_graph_parameters(const struct nastl_graph *graph)
{
    size_t total = 0;
    for (size_t i = 0; i < graph->tensor_count; i++)
        if (nastl_role_trainable(graph->tensors[i].role))
            total += nastl_tensor_size(&graph->tensors[i]);
    return total;
}

/* Of each output; a value of a member is added, a logit first becomes a probability. */
static double average_flops(const struct nastl_graph *graph, size_t members)
{
    return graph->shape.values ? (double)members
                               : (double)members * FLOPS_PROBABILITY + FLOPS_LOGARITHM;
}

static double element_flops(const struct nastl_graph *graph,
                            const struct nastl_node *node)
{
    switch (node->kind) {
    case NASTL_NODE_LINEAR:
    case NASTL_NODE_MEMBER_LINEAR:
        return 2.0 * (double)graph->nodes[node->from].width +
               (node->tensor_count == 2 ? FLOPS_BIAS : 0);
    case NASTL_NODE_LAYER_NORM:
        return FLOPS_LAYER_NORM;
    case NASTL_NODE_BATCH_NORM:
        return FLOPS_BATCH_NORM;
    case NASTL_NODE_ACTIVATION:
        return activation_flops[node->activation] +
               (node->tensor_count ? FLOPS_SHARE : 0);
    case NASTL_NODE_ADD:
        return FLOPS_ADD;
    case NASTL_NODE_MEMBERS:
    case NASTL_NODE_SCALE:
        return (double)node->tensor_count; /* one product, one sum */
    case NASTL_NODE_AVERAGE:
        return average_flops(graph, graph->nodes[node->from].rows);
    case NASTL_NODE_REGLU:
        return FLOPS_REGLU;
    default:
        return 0.0;
    }
}

/* By the numbers of the data that a node reads. */
static double embedding_flops(const struct nastl_graph *graph,
                              const struct nastl_node *node)
{
    const double pieces = (double)node->pieces, each = (double)node->each;
    const double columns = (double)graph->shape.numeric;
    if (node->kind == NASTL_NODE_PIECEWISE)
        return columns * (pieces - 1.0 + 2.0 + 2.0 * each);
    if (node->kind == NASTL_NODE_PERIODIC)
        return columns * (3.0 * pieces + (4.0 * pieces + FLOPS_RELU) * each);
    if (node->kind == NASTL_NODE_PBLD)
        return columns * (3.0 * pieces + 2.0 * pieces * (each - 1.0));
    return 0.0;
}

/* Of a query: its scaling, the scores, their softmax (its division comes last), and the
 * weighted sum. */
static double attention_flops(const struct nastl_graph *graph,
                              const struct nastl_node *node)
{
    const double tokens = (double)graph->nodes[node->from].rows;
    const double width = (double)node->width, heads = (double)node->heads;
    const double query = width + tokens * (4.0 * width + FLOPS_SCORE * heads) + width;
    return (double)node->rows * query;
}

static double token_flops(const struct nastl_graph *graph, const struct nastl_node *node)
{
    const size_t numbers = graph->nodes[node->from].width;
    const size_t tables = node->rows - 1 - numbers;
    return (double)(node->width * (FLOPS_TOKEN * numbers + FLOPS_BIAS * tables));
}

static double node_flops(const struct nastl_graph *graph, const struct nastl_node *node)
{
    if (node->kind == NASTL_NODE_ATTENTION)
        return attention_flops(graph, node);
    if (node->kind == NASTL_NODE_TOKENS)
        return token_flops(graph, node);
    return element_flops(graph, node) * (double)(node->rows * node->width) +
           embedding_flops(graph, node);
}

double nastl_graph_flops(const struct nastl_graph *graph)
{
    double total = 0.0;
    for (size_t i = 0; i < graph->node_count; i++)
        total += node_flops(graph, &graph->nodes[i]);
    return total;
}

/* ---- memory ---- */

static size_t node_size(const struct nastl_node *node)
{
    return node->rows * node->width;
}

/* Norms, activations, dropout and sums work in place when deployed, where nobody else
 * reads what they read. */
static bool works_in_place(const struct nastl_graph *graph, size_t at)
{
    const struct nastl_node *node = &graph->nodes[at];
    return nastl_node_keeps_shape(node->kind) &&
           nastl_graph_readers(graph, node->from) == 1;
}

static bool reads(const struct nastl_node *node, size_t at)
{
    return node->from == at || (nastl_node_reads_two(node->kind) && node->other == at);
}

/* The last node that reads the output of node `at`, directly or through nodes that work
 * in place. */
static size_t last_reader(const struct nastl_graph *graph, size_t at)
{
    size_t last = at;
    for (size_t i = at + 1; i < graph->node_count; i++) {
        if (!reads(&graph->nodes[i], at))
            continue;
        const bool kept = graph->nodes[i].from == at && works_in_place(graph, i);
        last = kept ? last_reader(graph, i) : i;
    }
    return last;
}

/* The most numbers that are alive at once. */
static size_t peak_activations(const struct nastl_graph *graph)
{
    size_t peak = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        size_t alive = 0;
        for (size_t j = 0; j <= i; j++)
            if (!works_in_place(graph, j) && last_reader(graph, j) >= i)
                alive += node_size(&graph->nodes[j]);
        if (alive > peak)
            peak = alive;
    }
    return peak;
}

size_t nastl_graph_memory(const struct nastl_graph *graph)
{
    size_t numbers = peak_activations(graph);
    for (size_t i = 0; i < graph->tensor_count; i++)
        numbers += nastl_tensor_size(&graph->tensors[i]);
    return numbers * sizeof(float);
}
