/* row.c: one row at a time, without oneDNN: weights in panels of 64 outputs, so that a
 * product is a stream over memory with no sum across a vector.
 *
 *   panel p   | W[64p … 64p+63][0] | W[64p … 64p+63][1] | … |   64 floats an input
 *
 * Widths are filled up with zeros to whole panels of 16. A batch norm after a linear and
 * a scale of the inputs before it are folded into its weights. SPDX-License-Identifier:
 * Apache-2.0 */
#include "nn/net_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/embed.h"
#include "nn/kernel.h"

/* Numbers that a width is filled up to, and those of a panel. */
enum { MULTIPLE = NASTL_LANES_MOST, PANEL = 4 * MULTIPLE };

struct stage {
    const struct nastl_node *node;
    const struct nastl_node *fold;  /* LINEAR: the batch norm after it, or NULL */
    const struct nastl_node *front; /* LINEAR: the scale before it, or NULL */
    bool skip;                      /* nothing to do: folded, or dropout */
    bool in_place;                  /* y is x */
    size_t rows;                    /* members, else 1 */
    size_t inputs, width, padded;   /* padded: width in whole vectors */
    size_t stride;                  /* between rows of x */
    float *weight;                  /* LINEAR: panels */
    float *bias;                    /* LINEAR: (padded) */
    struct nastl_piecewise bins;    /* PIECEWISE */
    float *numbers;                 /* PIECEWISE: (D'); PERIODIC, PBLD: (2 pieces) */
    int32_t *bin;                   /* PIECEWISE: (D') */
    float *out;                     /* (rows, padded) */
    const float *x, *z;             /* what it reads; ADD, STACK: the second */
};

struct nastl_row {
    const struct nastl_net *net;
    struct stage *stages; /* (node_count) */
    uint32_t *list;       /* inputs of a layer that are not zero */
    double *work;         /* (outputs) of an average */
    void *block;
};

static size_t padded_width(size_t width)
{
    return (width + MULTIPLE - 1) / MULTIPLE * MULTIPLE;
}

/* ---- what the stages are ---- */

static const struct nastl_node *folded_norm(const struct nastl_graph *graph, size_t at)
{
    if (graph->nodes[at].kind != NASTL_NODE_LINEAR || at + 1 == graph->node_count)
        return NULL;
    const struct nastl_node *next = &graph->nodes[at + 1];
    return next->kind == NASTL_NODE_BATCH_NORM && next->from == at &&
                   nastl_graph_readers(graph, at) == 1
               ? next
               : NULL;
}

/* A scale of the inputs that a linear alone reads. */
static bool folds_front(const struct nastl_graph *graph, size_t at)
{
    const struct nastl_node *node = &graph->nodes[at];
    return node->kind == NASTL_NODE_SCALE && node->rows == 1 && node->tensor_count == 1 &&
           nastl_graph_readers(graph, at) == 1 && at + 1 < graph->node_count &&
           graph->nodes[at + 1].kind == NASTL_NODE_LINEAR &&
           graph->nodes[at + 1].from == at;
}

/* A dropout hands on what it reads, which others may read too. */
static bool passes_through(const struct nastl_row *row, size_t at)
{
    return row->stages[at].node->kind == NASTL_NODE_DROPOUT &&
           nastl_graph_readers(row->net->graph, row->stages[at].node->from) > 1;
}

static void describe_stages(struct nastl_row *row)
{
    const struct nastl_graph *graph = row->net->graph;
    for (size_t i = 0; i < graph->node_count; i++) {
        struct stage *stage = &row->stages[i];
        stage->node = &graph->nodes[i];
        stage->inputs = graph->nodes[stage->node->from].width;
        stage->width = stage->node->width;
        stage->rows = stage->node->rows;
        stage->stride =
            stage->node->kind == NASTL_NODE_MEMBERS ? 0 : padded_width(stage->inputs);
        stage->padded = padded_width(stage->width);
        stage->fold = folded_norm(graph, i);
        stage->front = i > 0 && folds_front(graph, i - 1) ? &graph->nodes[i - 1] : NULL;
        stage->skip = stage->node->kind == NASTL_NODE_DROPOUT || folds_front(graph, i) ||
                      (i > 0 && row->stages[i - 1].fold == stage->node);
        stage->in_place =
            stage->skip || (nastl_node_keeps_shape(stage->node->kind) &&
                            nastl_graph_readers(graph, stage->node->from) == 1 &&
                            !passes_through(row, stage->node->from));
    }
}

static void place_embedding(const struct nastl_graph *graph, struct stage *stage,
                            struct nastl_carver *carver)
{
    const size_t columns = graph->shape.numeric;
    if (stage->node->kind == NASTL_NODE_PIECEWISE) {
        nastl_piecewise_place(&stage->bins, graph, stage->node, carver);
        stage->numbers = nastl_carve(carver, columns, sizeof(float));
        stage->bin = nastl_carve(carver, columns, sizeof *stage->bin);
    } else if (nastl_node_embeds(stage->node)) {
        stage->numbers = nastl_carve(carver, 2 * stage->node->pieces, sizeof(float));
    }
}

static void place(struct nastl_row *row, struct nastl_carver *carver)
{
    size_t most = 0;
    for (size_t i = 0; i < row->net->graph->node_count; i++) {
        struct stage *stage = &row->stages[i];
        most = stage->padded > most ? stage->padded : most;
        place_embedding(row->net->graph, stage, carver);
        stage->x = row->stages[stage->node->from].out;
        stage->z = row->stages[stage->node->other].out;
        stage->out = stage->in_place ? row->stages[stage->node->from].out
                                     : nastl_carve(carver, stage->rows * stage->padded,
                                                   sizeof(float));
        if (stage->node->kind != NASTL_NODE_LINEAR)
            continue;
        stage->weight = nastl_carve(carver, stage->padded * stage->inputs, sizeof(float));
        stage->bias = nastl_carve(carver, stage->padded, sizeof(float));
    }
    row->list = nastl_carve(carver, most, sizeof *row->list);
    row->work = nastl_carve(carver, row->net->graph->shape.outputs, sizeof *row->work);
}

int nastl_row_create(struct nastl_row **out, const struct nastl_net *net)
{
    struct nastl_row *row = nastl_alloc_zero(1, sizeof *row);
    if (!row)
        return nastl_error_nomem("a network for single rows");
    row->net = net;
    row->stages = nastl_alloc_zero(net->graph->node_count, sizeof *row->stages);
    struct nastl_carver carver = {0};
    if (row->stages) {
        describe_stages(row);
        place(row, &carver);
        row->block = nastl_alloc_aligned(carver.used, 1);
    }
    if (!row->block) {
        nastl_row_destroy(row);
        return nastl_error_nomem("a network for single rows");
    }
    carver = (struct nastl_carver){.base = row->block};
    place(row, &carver);
    *out = row;
    return 0;
}

void nastl_row_destroy(struct nastl_row *row)
{
    if (!row)
        return;
    free(row->stages);
    free(row->block);
    free(row);
}

/* ---- copying weights ---- */

static const float *tensor(const struct nastl_row *row, const struct nastl_node *node,
                           size_t i)
{
    return row->net->tensors[node->tensor + i].data;
}

/* Where output o and input i stand in the panels of a layer. */
static size_t panel_at(const struct stage *stage, size_t o, size_t i)
{
    const size_t first = o / PANEL * PANEL;
    const size_t left = stage->padded - first;
    const size_t width = left < PANEL ? left : PANEL;
    return first * stage->inputs + i * width + (o - first);
}

static bool has_bias(const struct stage *stage)
{
    return stage->node->tensor_count == 2;
}

static void copy_linear(const struct nastl_row *row, const struct stage *stage)
{
    const float *weight = tensor(row, stage->node, 0);
    const float *front = stage->front ? tensor(row, stage->front, 0) : NULL;
    for (size_t o = 0; o < stage->width; o++) {
        float factor = 1.0f, shift = 0.0f, mean = 0.0f;
        if (stage->fold) {
            factor = tensor(row, stage->fold, 0)[o] /
                     sqrtf(tensor(row, stage->fold, 3)[o] + NASTL_NORM_EPSILON);
            shift = tensor(row, stage->fold, 1)[o];
            mean = tensor(row, stage->fold, 2)[o];
        }
        const float bias = has_bias(stage) ? tensor(row, stage->node, 1)[o] : 0.0f;
        stage->bias[o] = (bias - mean) * factor + shift;
        for (size_t i = 0; i < stage->inputs; i++)
            stage->weight[panel_at(stage, o, i)] =
                factor * weight[o * stage->inputs + i] * (front ? front[i] : 1.0f);
    }
}

void nastl_row_refresh(struct nastl_row *row)
{
    for (size_t i = 0; i < row->net->graph->node_count; i++)
        if (row->stages[i].node->kind == NASTL_NODE_LINEAR)
            copy_linear(row, &row->stages[i]);
        else if (row->stages[i].node->kind == NASTL_NODE_PIECEWISE)
            nastl_piecewise_fill(
                &row->stages[i].bins, tensor(row, row->stages[i].node, 0),
                tensor(row, row->stages[i].node, 1), tensor(row, row->stages[i].node, 2));
}

/* ---- running ---- */

/* Input k of a list; NULL: of all. */
NASTL_HOT_INLINE size_t listed(const uint32_t *list, size_t k)
{
    return list ? list[k] : k;
}

/* Inputs that are zero, half of them after a ReLU, cost no look at their weights. */
NASTL_HOT_INLINE size_t list_inputs(uint32_t *list, const float *x, size_t inputs)
{
    size_t count = 0;
    for (size_t i = 0; i < inputs; i++) {
        list[count] = (uint32_t)i;
        count += x[i] != 0.0f;
    }
    return count;
}

#define LANES           16
#define PANELS_OF(name) name##_16
#define TARGET          NASTL_TARGET_16
#include "nn/row_panels.h"
#define LANES           8
#define PANELS_OF(name) name##_8
#define TARGET          NASTL_TARGET_8
#include "nn/row_panels.h"
#define LANES           4
#define PANELS_OF(name) name##_4
#define TARGET
#include "nn/row_panels.h"

typedef void (*product_function)(float *y, const struct stage *stage, const float *x,
                                 uint32_t *list);

static product_function choose_product(void)
{
    const int lanes = nastl_lanes();
    return lanes == 16 ? product_16 : lanes == 8 ? product_8 : product_4;
}

/* What each kind of node does; a linear and an embedding have y apart from x. */
typedef void (*stage_function)(const struct nastl_row *row, const struct stage *stage,
                               float *y, const float *x);

static void run_linear(const struct nastl_row *row, const struct stage *stage, float *y,
                       const float *x)
{
    const product_function product = choose_product();
    for (size_t m = 0; m < stage->rows; m++)
        product(y + m * stage->padded, stage, x + m * stage->stride, row->list);
}

static void run_layer_norm(const struct nastl_row *row, const struct stage *stage,
                           float *y, const float *x)
{
    nastl_layer_norm(y, x, tensor(row, stage->node, 0), tensor(row, stage->node, 1), 1,
                     stage->width);
}

static void run_batch_norm(const struct nastl_row *row, const struct stage *stage,
                           float *y, const float *x)
{
    const float *weight = tensor(row, stage->node, 0),
                *bias = tensor(row, stage->node, 1);
    const float *mean = tensor(row, stage->node, 2);
    const float *variance = tensor(row, stage->node, 3);
    for (size_t c = 0; c < stage->width; c++)
        y[c] = (x[c] - mean[c]) / sqrtf(variance[c] + NASTL_NORM_EPSILON) * weight[c] +
               bias[c];
}

static void run_activation(const struct nastl_row *row, const struct stage *stage,
                           float *y, const float *x)
{
    if (stage->node->tensor_count == 0) {
        nastl_activate(stage->node->activation, y, x, stage->rows * stage->padded);
        return;
    }
    for (size_t m = 0; m < stage->rows; m++)
        nastl_activate_share(stage->node->activation, y + m * stage->padded,
                             x + m * stage->stride, tensor(row, stage->node, 0),
                             stage->width);
}

/* What stands behind the numbers is passed on behind their embeddings. */
static void pass_rest(const struct nastl_row *row, const struct stage *stage, float *y,
                      const float *x)
{
    const size_t columns = row->net->graph->shape.numeric;
    memcpy(y + columns * stage->node->each, x + columns,
           (stage->inputs - columns) * sizeof *y);
}

static void run_piecewise(const struct nastl_row *row, const struct stage *stage,
                          float *y, const float *x)
{
    nastl_piecewise_row(&stage->bins, y, stage->bin, stage->numbers, x);
    pass_rest(row, stage, y, x);
}

static void run_waves(const struct nastl_row *row, const struct stage *stage, float *y,
                      const float *x)
{
    const struct nastl_node *node = stage->node;
    const float *tensors[NASTL_OP_TENSORS] = {NULL};
    struct nastl_waves table;
    for (size_t i = 0; i < node->tensor_count; i++)
        tensors[i] = tensor(row, node, i);
    nastl_waves_of(&table, row->net->graph, node, tensors);
    nastl_waves_row(&table, y, stage->numbers, x);
    pass_rest(row, stage, y, x);
}

static void run_add(const struct nastl_row *row, const struct stage *stage, float *y,
                    const float *x)
{
    (void)row;
    nastl_add(y, x, stage->z, stage->rows * stage->padded);
}

static void run_scale(const struct nastl_row *row, const struct stage *stage, float *y,
                      const float *x)
{
    const float *bias = has_bias(stage) ? tensor(row, stage->node, 1) : NULL;
    for (size_t m = 0; m < stage->rows; m++)
        nastl_member_scale(y + m * stage->padded, x + m * stage->stride,
                           tensor(row, stage->node, 0), bias, m, stage->width);
}

static void run_member_linear(const struct nastl_row *row, const struct stage *stage,
                              float *y, const float *x)
{
    for (size_t m = 0; m < stage->rows; m++)
        nastl_member_linear(y + m * stage->padded, x + m * stage->stride,
                            tensor(row, stage->node, 0), tensor(row, stage->node, 1), m,
                            stage->inputs, stage->width);
}

static void run_stack(const struct nastl_row *row, const struct stage *stage, float *y,
                      const float *x)
{
    const size_t last = row->net->graph->nodes[stage->node->from].rows * stage->padded;
    const size_t first = stage->rows * stage->padded - last;
    memcpy(y, stage->z, first * sizeof *y);
    memcpy(y + first, x, last * sizeof *y);
}

static void run_average(const struct nastl_row *row, const struct stage *stage, float *y,
                        const float *x)
{
    const struct nastl_graph *graph = row->net->graph;
    nastl_average(y, x, graph->nodes[stage->node->from].rows, stage->stride, stage->width,
                  graph->shape.values, row->work);
}

static const stage_function functions[] = {
    NULL,          run_linear, run_layer_norm,    run_batch_norm, run_activation, NULL,
    run_piecewise, run_waves,  run_waves,         run_add,        NULL,           NULL,
    NULL,          NULL, /* tokens: net.c runs a plan */
    run_scale,     run_scale,  run_member_linear, run_stack,      run_average,
};
_Static_assert(sizeof functions / sizeof *functions == NASTL_NODE_COUNT, "one a kind");

static void read_input(const struct nastl_row *row, float *out, const float *x,
                       const int32_t *code)
{
    const struct nastl_graph *graph = row->net->graph;
    memcpy(out, x, graph->shape.numeric * sizeof *out);
    memset(out + graph->shape.numeric, 0,
           (graph->nodes[0].width - graph->shape.numeric) * sizeof *out);
    for (size_t k = 0; k < graph->shape.categorical; k++) {
        const struct nastl_encoding *e = &graph->encodings[k];
        nastl_encode(out, e, e->embedded ? row->net->tensors[e->tensor].data : NULL,
                     (size_t)code[k]);
    }
}

void nastl_row_run(struct nastl_row *row, const float *x, const int32_t *code, float *out)
{
    const struct nastl_graph *graph = row->net->graph;
    read_input(row, row->stages[0].out, x, code);
    for (size_t i = 1; i < graph->node_count; i++) {
        const struct stage *stage = &row->stages[i];
        if (!stage->skip)
            functions[stage->node->kind](row, stage, stage->out, stage->x);
    }
    memcpy(out, row->stages[graph->node_count - 1].out,
           graph->shape.outputs * sizeof *out);
}
