/* warm.c: see warm.h. Sorting neurons by importance before narrowing is how once-for-all
 * networks shrink their widths (Cai et al. 2020); here both the incoming and the outgoing
 * weights count, as a neuron that nobody listens to is not important.
 * SPDX-License-Identifier: Apache-2.0 */
#include "transfer/warm.h"

#include "base/alloc.h"
#include "base/error.h"
#include "transfer/match.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- sorting ---- */

struct ranked {
    double importance;
    size_t neuron;
};

/* One hidden layer while it is sorted: `linear` makes its neurons, the nodes up to `next`
 * work on each neuron by itself, `next` reads them. */
struct hidden {
    const struct nastl_graph *graph;
    struct nastl_net *net;
    size_t linear, next, width;
    struct ranked *ranked; /* (width) */
    float *scratch;        /* the largest tensor */
};

static const struct nastl_tensor *weight_of(const struct hidden *layer, size_t node)
{
    return nastl_net_tensor(layer->net, layer->graph->nodes[node].tensor);
}

static int by_importance(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->importance != y->importance)
        return x->importance < y->importance ? 1 : -1;
    return (x->neuron > y->neuron) - (x->neuron < y->neuron);
}

/* |scale| of a neuron, over the members that have one each their root mean square. */
static double size_of(const struct nastl_tensor *scale, size_t neuron)
{
    const size_t members = scale->rank == 2 ? scale->shape[0] : 1;
    double squares = 0;
    for (size_t m = 0; m < members; m++)
        squares += pow(scale->data[m * scale->shape[1] + neuron], 2);
    return sqrt(squares / (double)members);
}

/* |scale| of what stands between the two layers. */
static double scale_of(const struct hidden *layer, size_t neuron)
{
    double scale = 1;
    for (size_t n = layer->linear + 1; n < layer->next; n++) {
        const struct nastl_node *node = &layer->graph->nodes[n];
        for (size_t t = node->tensor; t < node->tensor + node->tensor_count; t++)
            if (layer->graph->tensors[t].role == NASTL_ROLE_SCALE)
                scale *= size_of(nastl_net_tensor(layer->net, t), neuron);
    }
    return scale;
}

/* importance j = |row j of the weights in| * |scale j| * |column j of the weights out| */
static double importance_of(const struct hidden *layer, size_t j)
{
    const struct nastl_tensor *in = weight_of(layer, layer->linear);
    const struct nastl_tensor *out = weight_of(layer, layer->next);
    double incoming = 0, outgoing = 0;
    for (size_t i = 0; i < in->shape[1]; i++) {
        const double w = in->data[j * in->shape[1] + i];
        incoming += w * w;
    }
    for (size_t o = 0; o < out->shape[0]; o++) {
        const double w = out->data[o * out->shape[1] + j];
        outgoing += w * w;
    }
    return sqrt(incoming) * scale_of(layer, j) * sqrt(outgoing);
}

static void permute_rows(const struct hidden *layer, const struct nastl_tensor *tensor)
{
    const size_t row = tensor->rank == 2 ? tensor->shape[1] : 1;
    memcpy(layer->scratch, tensor->data, layer->width * row * sizeof(float));
    for (size_t j = 0; j < layer->width; j++)
        memcpy(tensor->data + j * row, layer->scratch + layer->ranked[j].neuron * row,
               row * sizeof(float));
}

static void permute_columns(const struct hidden *layer, const struct nastl_tensor *tensor)
{
    for (size_t o = 0; o < tensor->shape[0]; o++) {
        float *row = tensor->data + o * layer->width;
        memcpy(layer->scratch, row, layer->width * sizeof *row);
        for (size_t j = 0; j < layer->width; j++)
            row[j] = layer->scratch[layer->ranked[j].neuron];
    }
}

/* Norms have one number a neuron, members a row each. */
static void permute_between(const struct hidden *layer, const struct nastl_tensor *tensor)
{
    if (tensor->rank == 2)
        permute_columns(layer, tensor);
    else
        permute_rows(layer, tensor);
}

static void sort_layer(const struct hidden *layer)
{
    for (size_t j = 0; j < layer->width; j++)
        layer->ranked[j] = (struct ranked){importance_of(layer, j), j};
    qsort(layer->ranked, layer->width, sizeof *layer->ranked, by_importance);
    const struct nastl_node *linear = &layer->graph->nodes[layer->linear];
    for (size_t t = linear->tensor; t < linear->tensor + linear->tensor_count; t++)
        permute_rows(layer, nastl_net_tensor(layer->net, t));
    for (size_t n = layer->linear + 1; n < layer->next; n++) {
        const struct nastl_node *node = &layer->graph->nodes[n];
        for (size_t t = node->tensor; t < node->tensor + node->tensor_count; t++)
            permute_between(layer, nastl_net_tensor(layer->net, t));
    }
    permute_columns(layer, weight_of(layer, layer->next));
}

/* Works on each neuron by itself, or normalises over all of them. */
static bool keeps_neurons(enum nastl_node_kind kind)
{
    return kind == NASTL_NODE_LAYER_NORM || kind == NASTL_NODE_BATCH_NORM ||
           kind == NASTL_NODE_ACTIVATION || kind == NASTL_NODE_DROPOUT ||
           kind == NASTL_NODE_SCALE;
}

/* The node that mixes the neurons of a linear again, 0 if they may not change places:
 * each node up to it must be the only one that reads the one before. */
static size_t reader_of(const struct nastl_graph *graph, size_t linear)
{
    for (size_t n = linear + 1; n < graph->node_count; n++) {
        const struct nastl_node *node = &graph->nodes[n];
        if (node->from != n - 1 || nastl_graph_readers(graph, n - 1) != 1)
            return 0;
        if (node->kind == NASTL_NODE_LINEAR || node->kind == NASTL_NODE_MEMBER_LINEAR)
            return n;
        if (!keeps_neurons(node->kind))
            return 0;
    }
    return 0;
}

static int prepare_sort(struct hidden *layer)
{
    size_t widest = 1, largest = 1;
    for (size_t n = 0; n < layer->graph->node_count; n++)
        if (layer->graph->nodes[n].width > widest)
            widest = layer->graph->nodes[n].width;
    for (size_t t = 0; t < layer->graph->tensor_count; t++)
        if (nastl_tensor_size(&layer->graph->tensors[t]) > largest)
            largest = nastl_tensor_size(&layer->graph->tensors[t]);
    layer->ranked = nastl_alloc(widest, sizeof *layer->ranked);
    layer->scratch = nastl_alloc(largest, sizeof *layer->scratch);
    return layer->ranked && layer->scratch ? NASTL_OK
                                           : nastl_error_nomem("an order of neurons");
}

int nastl_warm_sort(struct nastl_model *source)
{
    const struct nastl_graph *graph = source->graph;
    struct hidden layer = {.graph = graph, .net = source->net};
    const int status = prepare_sort(&layer);
    for (size_t n = 1; n < graph->node_count && status == NASTL_OK; n++) {
        layer.next = graph->nodes[n].kind == NASTL_NODE_LINEAR ? reader_of(graph, n) : 0;
        if (layer.next == 0)
            continue;
        layer.linear = n;
        layer.width = graph->nodes[n].width;
        sort_layer(&layer);
    }
    free(layer.ranked);
    free(layer.scratch);
    return status;
}

/* ---- copying ---- */

/* Where index i of a tensor's axis comes from: of[i], or i itself without `of`; nowhere
 * if that is negative or not below `count`. */
struct axis {
    const long *of;
    size_t count; /* of the source's axis */
};

static long place(const struct axis *axis, size_t i)
{
    const long at = axis->of ? axis->of[i] : (long)i;
    return at >= 0 && (size_t)at < axis->count ? at : -1;
}

/* Copies what has a place in the source; returns how many numbers that were. */
static size_t copy_tensor(const struct nastl_tensor *to, const struct nastl_tensor *from,
                          const long *rows, const long *columns)
{
    const size_t width = to->rank == 2 ? to->shape[1] : 1;
    const size_t source_width = from->rank == 2 ? from->shape[1] : 1;
    const struct axis down = {rows, from->shape[0]}, across = {columns, source_width};
    size_t copied = 0;
    for (size_t r = 0; r < to->shape[0]; r++) {
        const long row = place(&down, r);
        for (size_t c = 0; c < width && row >= 0; c++) {
            const long column = place(&across, c);
            if (column < 0)
                continue;
            to->data[r * width + c] =
                from->data[(size_t)row * source_width + (size_t)column];
            copied++;
        }
    }
    return copied;
}

/* The name of the last hidden layer, "" without one. */
static const char *last_hidden(const struct nastl_graph *graph)
{
    const char *name = "";
    for (size_t n = 0; n + 1 < graph->node_count; n++)
        if (graph->nodes[n].kind == NASTL_NODE_LINEAR)
            name = graph->nodes[n].name;
    return name;
}

struct warm {
    struct nastl_net *net;
    const struct nastl_graph *graph, *source_graph;
    const struct nastl_net *source;
    struct nastl_match match;
    long *head;          /* (members outputs) row of the source's head, -1: none */
    bool same_end;       /* the last hidden layer is the same block */
    bool whole;          /* tensors of another shape are left as drawn */
    bool same_embedding; /* of numbers: none in both counts too */
    long *columns; /* of the first layer's weights: where they are in the source's */
    size_t copied; /* trainable numbers */
};

/* ---- embeddings of numbers ---- */

static const struct nastl_node *embedding_of(const struct nastl_graph *graph)
{
    for (size_t n = 0; n < graph->node_count; n++)
        if (nastl_node_embeds(&graph->nodes[n]))
            return &graph->nodes[n];
    return NULL;
}

static bool is_same(const struct nastl_node *a, const struct nastl_node *b)
{
    if (!a || !b)
        return a == b;
    return a->kind == b->kind && a->pieces == b->pieces && a->each == b->each;
}

/* Column by column as the inputs match; a number takes `each` columns, categories follow.
 */
static int match_columns(struct warm *warm)
{
    const struct nastl_node *to = embedding_of(warm->graph);
    const struct nastl_node *from = embedding_of(warm->source_graph);
    const size_t each = to ? to->each : 1, source_each = from ? from->each : 1;
    const size_t numbers = warm->graph->shape.numeric, made = numbers * each;
    const long source_numbers = (long)warm->source_graph->shape.numeric;
    const size_t width = to ? to->width : warm->graph->nodes[0].width;
    warm->same_embedding = is_same(to, from);
    warm->columns = nastl_arena_alloc(&warm->match.memory, width, sizeof *warm->columns);
    if (!warm->columns)
        return nastl_error_nomem("a match of columns");
    for (size_t i = 0; i < width; i++) {
        const bool number = i < made;
        const long at = warm->match.input[number ? i / each : numbers + (i - made)];
        long column = at + source_numbers * ((long)source_each - 1);
        if (number)
            column = at * (long)each + (long)(i % each);
        warm->columns[i] = at < 0 || (number && !warm->same_embedding) ? -1 : column;
    }
    return NASTL_OK;
}

/* Copies tensor t of the candidate from a tensor of the source, if there is one. */
static void copy_from(struct warm *warm, size_t t, const struct nastl_tensor *from,
                      const long *rows, const long *columns)
{
    const struct nastl_tensor *to = nastl_net_tensor(warm->net, t);
    if (!from || from->rank != to->rank)
        return;
    const size_t copied = copy_tensor(to, from, rows, columns);
    warm->copied += to->trainable ? copied : 0;
}

static void copy_tables(struct warm *warm)
{
    for (size_t k = 0; k < warm->graph->shape.categorical; k++) {
        const struct nastl_encoding *encoding = &warm->graph->encodings[k];
        const struct nastl_code_match *codes = &warm->match.codes[k];
        if (!encoding->embedded || codes->column < 0)
            continue;
        const size_t table = warm->source_graph->encodings[codes->column].tensor;
        copy_from(warm, encoding->tensor, nastl_net_tensor(warm->source, table),
                  codes->code, NULL);
    }
}

/* The biases of the tokens that come from tables, (K, width) here and there. */
static void copy_table_bias(struct warm *warm, const struct nastl_tensor *to,
                            const struct nastl_tensor *from)
{
    for (size_t k = 0; from && k < to->shape[0]; k++) {
        const long column = warm->match.codes[k].column;
        if (column < 0)
            continue;
        memcpy(to->data + k * to->shape[1], from->data + (size_t)column * from->shape[1],
               to->shape[1] * sizeof(float));
        warm->copied += to->shape[1];
    }
}

/* Numbers by their columns; as wide as the source's tokens. */
static void copy_tokens(struct warm *warm, const struct nastl_node *node)
{
    for (size_t t = node->tensor; t < node->tensor + node->tensor_count; t++) {
        const struct nastl_tensor *to = nastl_net_tensor(warm->net, t);
        const struct nastl_tensor *from = nastl_net_find(warm->source, to->name);
        if (strstr(to->name, ".table_bias"))
            copy_table_bias(warm, to, from);
        else
            copy_from(warm, t, from, to->rank == 2 ? warm->match.input : NULL, NULL);
    }
}

static bool same_shape(const struct warm *warm, const struct nastl_tensor_spec *spec)
{
    const struct nastl_tensor *from = nastl_net_find(warm->source, spec->name);
    return from && from->rank == spec->rank && from->shape[0] == spec->shape[0] &&
           from->shape[1] == spec->shape[1];
}

/* Row by row as numbers match: what is trained, or what is not, which are the bins. */
static void copy_embedding(struct warm *warm, const struct nastl_node *node, bool bins)
{
    for (size_t i = 0; i < node->tensor_count && warm->same_embedding; i++) {
        const struct nastl_tensor_spec *spec = &warm->graph->tensors[node->tensor + i];
        if (bins == (spec->role == NASTL_ROLE_BINS))
            copy_from(warm, node->tensor + i, nastl_net_find(warm->source, spec->name),
                      warm->match.input, NULL);
    }
}

static bool is_front(const struct nastl_node *node)
{
    return node->kind == NASTL_NODE_INPUT || nastl_node_embeds(node);
}

/* The node of the outputs: the last that has weights. */
static size_t head_of(const struct nastl_graph *graph)
{
    size_t n = graph->node_count - 1;
    while (n > 0 && graph->nodes[n].tensor_count == 0)
        n--;
    return n;
}

static bool is_scale(const struct nastl_node *node)
{
    return node->kind == NASTL_NODE_MEMBERS || node->kind == NASTL_NODE_SCALE;
}

/* Whether the columns of a node's weights are those of the front: also where only scales
 * stand before it. */
static bool reads_front(const struct nastl_graph *graph, const struct nastl_node *node)
{
    const struct nastl_node *from = &graph->nodes[node->from];
    while (is_scale(from))
        from = &graph->nodes[from->from];
    return is_front(from) && (node->kind == NASTL_NODE_LINEAR || is_scale(node) ||
                              node->kind == NASTL_NODE_MEMBER_LINEAR);
}

/* Where the rows of the head come from: the outputs, member by member. */
static int match_head(struct warm *warm)
{
    const size_t outputs = warm->graph->shape.outputs;
    const size_t members = warm->graph->nodes[head_of(warm->graph)].rows;
    warm->head = nastl_arena_alloc(&warm->match.memory, members * outputs, sizeof(long));
    if (!warm->head)
        return nastl_error_nomem("a match of outputs");
    for (size_t i = 0; i < members * outputs; i++) {
        const long output = warm->match.output[i % outputs];
        const long first = (long)(i / outputs * warm->source_graph->shape.outputs);
        warm->head[i] = output < 0 ? -1 : first + output;
    }
    return NASTL_OK;
}

static void copy_node(struct warm *warm, size_t n)
{
    const struct nastl_node *node = &warm->graph->nodes[n];
    if (nastl_node_embeds(node)) {
        copy_embedding(warm, node, false);
        return;
    }
    const bool head = n == head_of(warm->graph);
    if (head && !warm->same_end)
        return;
    if (node->kind == NASTL_NODE_TOKENS) {
        copy_tokens(warm, node);
        return;
    }
    const long *rows = head ? warm->head : NULL;
    const long *columns = reads_front(warm->graph, node) ? warm->columns : NULL;
    for (size_t t = node->tensor; t < node->tensor + node->tensor_count; t++) {
        const struct nastl_tensor_spec *spec = &warm->graph->tensors[t];
        if (warm->whole && !head && !same_shape(warm, spec))
            continue;
        copy_from(warm, t, nastl_net_find(warm->source, spec->name), rows,
                  spec->rank == 2 ? columns : NULL);
    }
}

static size_t trainable_numbers(const struct nastl_net *net)
{
    size_t count = 0;
    for (size_t t = 0; t < nastl_net_tensor_count(net); t++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(net, t);
        if (tensor->trainable)
            count += tensor->shape[0] * (tensor->rank == 2 ? tensor->shape[1] : 1);
    }
    return count;
}

static const struct nastl_node *attention_of(const struct nastl_graph *graph)
{
    for (size_t n = 0; n < graph->node_count; n++)
        if (graph->nodes[n].kind == NASTL_NODE_ATTENTION)
            return &graph->nodes[n];
    return NULL;
}

/* A slice of a head is no head: tokens go over only where width and heads are the same.
 */
static bool same_heads(const struct nastl_graph *graph, const struct nastl_graph *source)
{
    const struct nastl_node *a = attention_of(graph), *b = attention_of(source);
    return !a || !b || (a->width == b->width && a->heads == b->heads);
}

int nastl_warm_bins(struct nastl_net *net, const struct nastl_layout *layout,
                    const struct nastl_model *source)
{
    struct warm warm = {.net = net,
                        .graph = nastl_net_graph(net),
                        .source_graph = source->graph,
                        .source = source->net};
    const struct nastl_node *node = embedding_of(warm.graph);
    if (!node || strcmp(warm.graph->family, source->graph->family) != 0)
        return NASTL_OK;
    int status =
        nastl_match_init(&warm.match, warm.graph, layout, source->graph, source->layout);
    if (status == NASTL_OK)
        status = match_columns(&warm);
    if (status == NASTL_OK)
        copy_embedding(&warm, node, true);
    nastl_match_finish(&warm.match);
    return status;
}

int nastl_warm_start(double *matched, struct nastl_net *net,
                     const struct nastl_layout *layout, const struct nastl_model *source)
{
    struct warm warm = {.net = net,
                        .graph = nastl_net_graph(net),
                        .source_graph = source->graph,
                        .source = source->net};
    *matched = 0;
    warm.whole = attention_of(warm.graph) != NULL;
    if (strcmp(warm.graph->family, source->graph->family) != 0 ||
        !same_heads(warm.graph, source->graph))
        return NASTL_OK;
    int status =
        nastl_match_init(&warm.match, warm.graph, layout, source->graph, source->layout);
    if (status == NASTL_OK)
        status = match_head(&warm);
    if (status == NASTL_OK)
        status = match_columns(&warm);
    if (status == NASTL_OK) {
        warm.same_end = strcmp(last_hidden(warm.graph), last_hidden(source->graph)) == 0;
        copy_tables(&warm);
        for (size_t n = 1; n < warm.graph->node_count; n++)
            copy_node(&warm, n);
        *matched = (double)warm.copied / (double)trainable_numbers(net);
    }
    nastl_match_finish(&warm.match);
    return status;
}
