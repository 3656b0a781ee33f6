/* graph.c: building graphs node by node. Like a string buffer, a graph that ran out of
 * memory stays failed, and is checked once at the end.
 * SPDX-License-Identifier: Apache-2.0 */
#include "arch/graph.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"

static const char *const kind_names[] = {
    "input",   "linear",        "layer_norm", "batch_norm", "activation",
    "dropout", "piecewise",     "periodic",   "pbld",       "add",
    "tokens",  "attention",     "reglu",      "first",      "members",
    "scale",   "member_linear", "stack",      "average"};
_Static_assert(sizeof kind_names / sizeof *kind_names == NASTL_NODE_COUNT, "one a kind");

static const char *const activation_names[] = {"relu", "gelu", "silu", "selu", "mish"};
_Static_assert(sizeof activation_names / sizeof *activation_names ==
                   NASTL_ACTIVATION_COUNT,
               "one an activation");

const char *nastl_node_kind_name(enum nastl_node_kind kind)
{
    return kind_names[kind];
}

const char *nastl_activation_name(enum nastl_activation activation)
{
    return activation_names[activation];
}

int nastl_activation_from_name(const char *name)
{
    for (int i = 0; i < NASTL_ACTIVATION_COUNT; i++)
        if (strcmp(name, activation_names[i]) == 0)
            return i;
    return -1;
}

size_t nastl_tensor_size(const struct nastl_tensor_spec *tensor)
{
    return tensor->shape[0] * tensor->shape[1];
}

bool nastl_node_keeps_shape(enum nastl_node_kind kind)
{
    return kind == NASTL_NODE_LAYER_NORM || kind == NASTL_NODE_BATCH_NORM ||
           kind == NASTL_NODE_ACTIVATION || kind == NASTL_NODE_DROPOUT ||
           kind == NASTL_NODE_ADD || kind == NASTL_NODE_SCALE;
}

bool nastl_node_reads_two(enum nastl_node_kind kind)
{
    return kind == NASTL_NODE_ADD || kind == NASTL_NODE_STACK;
}

size_t nastl_graph_readers(const struct nastl_graph *graph, size_t at)
{
    size_t readers = 0;
    for (size_t i = at + 1; i < graph->node_count; i++) {
        const struct nastl_node *node = &graph->nodes[i];
        readers += node->from == at;
        readers += nastl_node_reads_two(node->kind) && node->other == at;
    }
    return readers;
}

bool nastl_graph_has(const struct nastl_graph *graph, enum nastl_node_kind kind)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (graph->nodes[i].kind == kind)
            return true;
    return false;
}

size_t nastl_graph_member_count(const struct nastl_graph *graph)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (graph->nodes[i].kind == NASTL_NODE_MEMBERS)
            return graph->nodes[i].rows;
    return 1;
}

bool nastl_node_embeds(const struct nastl_node *node)
{
    return node->kind == NASTL_NODE_PIECEWISE || node->kind == NASTL_NODE_PERIODIC ||
           node->kind == NASTL_NODE_PBLD;
}

bool nastl_role_trainable(enum nastl_role role)
{
    return role < NASTL_ROLE_MEAN;
}

bool nastl_role_decays(enum nastl_role role)
{
    return role == NASTL_ROLE_WEIGHT;
}

int nastl_graph_create(struct nastl_graph **out, const struct nastl_shape *shape)
{
    struct nastl_graph *graph = nastl_alloc_zero(1, sizeof *graph);
    if (!graph)
        return nastl_error_nomem("a graph");
    size_t *cardinality = nastl_alloc(shape->categorical, sizeof *cardinality);
    graph->encodings = nastl_alloc_zero(shape->categorical, sizeof *graph->encodings);
    graph->shape = *shape;
    graph->shape.cardinality = cardinality;
    if (!cardinality || !graph->encodings) {
        nastl_graph_destroy(graph);
        return nastl_error_nomem("a graph");
    }
    for (size_t k = 0; k < shape->categorical; k++)
        cardinality[k] = shape->cardinality[k];
    *out = graph;
    return 0;
}

void nastl_graph_destroy(struct nastl_graph *graph)
{
    if (!graph)
        return;
    for (size_t i = 0; i < graph->node_count; i++)
        free(graph->nodes[i].name);
    for (size_t i = 0; i < graph->tensor_count; i++)
        free(graph->tensors[i].name);
    free(graph->nodes);
    free(graph->tensors);
    free(graph->encodings);
    free((size_t *)graph->shape.cardinality);
    free(graph);
}

/* ---- growing ---- */

/* Makes room for one more of `count` items; returns false, and the graph has failed, when
 * memory is out. */
static bool grow(struct nastl_graph *graph, void **items, size_t *capacity, size_t count,
                 size_t size)
{
    if (graph->failed || count < *capacity)
        return !graph->failed;
    const size_t wanted = *capacity ? 2 * *capacity : 16;
    void *grown = nastl_alloc_resize(*items, wanted, size);
    if (!grown) {
        graph->failed = true;
        return false;
    }
    *items = grown;
    *capacity = wanted;
    return true;
}

/* "member" "prefix.suffix" as a new string. */
static char *join(struct nastl_graph *graph, const char *member, const char *prefix,
                  const char *suffix)
{
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    nastl_strbuf_addf(&buf, "%s%s.%s", member, prefix, suffix);
    char *text = NULL;
    if (nastl_strbuf_take(&text, &buf) < 0)
        graph->failed = true;
    nastl_strbuf_finish(&buf);
    return text;
}

static size_t add_tensor_of(struct nastl_graph *graph, const char *member,
                            const char *prefix, const char *suffix, enum nastl_role role,
                            size_t rows, size_t columns)
{
    void *items = graph->tensors;
    if (!grow(graph, &items, &graph->tensor_capacity, graph->tensor_count,
              sizeof *graph->tensors))
        return 0;
    graph->tensors = items;
    char *name = join(graph, member, prefix, suffix);
    if (!name)
        return 0;
    graph->tensors[graph->tensor_count] =
        (struct nastl_tensor_spec){.name = name,
                                   .role = role,
                                   .rank = columns ? 2 : 1,
                                   .shape = {rows, columns ? columns : 1}};
    return graph->tensor_count++;
}

static size_t add_tensor(struct nastl_graph *graph, const char *prefix,
                         const char *suffix, enum nastl_role role, size_t rows,
                         size_t columns)
{
    return add_tensor_of(graph, graph->member, prefix, suffix, role, rows, columns);
}

/* The table of a column belongs to the input, which all members read. */
static size_t add_table(struct nastl_graph *graph, size_t column, enum nastl_role role,
                        size_t width)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "embeddings.%zu", column);
    return add_tensor_of(graph, "", prefix, "weight", role,
                         graph->shape.cardinality[column], width);
}

/* Adds a node with the shape of the one it reads. */
static size_t add_node(struct nastl_graph *graph, enum nastl_node_kind kind, size_t from,
                       const char *name)
{
    void *items = graph->nodes;
    if (!grow(graph, &items, &graph->node_capacity, graph->node_count,
              sizeof *graph->nodes))
        return 0;
    graph->nodes = items;
    char *copy = nastl_strdup(name);
    if (!copy) {
        graph->failed = true;
        return 0;
    }
    struct nastl_node *node = &graph->nodes[graph->node_count];
    *node = (struct nastl_node){.kind = kind,
                                .name = copy,
                                .from = from,
                                .rows = 1,
                                .tensor = graph->tensor_count};
    if (kind != NASTL_NODE_INPUT) {
        node->rows = graph->nodes[from].rows;
        node->width = graph->nodes[from].width;
    }
    return graph->node_count++;
}

/* The tensors added since the node are the node's. */
static size_t close_node(struct nastl_graph *graph, size_t at)
{
    if (!graph->failed)
        graph->nodes[at].tensor_count = graph->tensor_count - graph->nodes[at].tensor;
    return at;
}

/* ---- nodes ---- */

static size_t embedding_width(size_t cardinality)
{
    const double width = ceil(1.6 * pow((double)cardinality, 0.56));
    return width < NASTL_EMBEDDING_MOST ? (size_t)width : NASTL_EMBEDDING_MOST;
}

static void encode_column(struct nastl_graph *graph, size_t column, size_t at)
{
    const size_t cardinality = graph->shape.cardinality[column];
    struct nastl_encoding *encoding = &graph->encodings[column];
    *encoding = (struct nastl_encoding){.at = at, .width = cardinality};
    if (cardinality <= NASTL_ONE_HOT_MOST)
        return;
    encoding->embedded = true;
    encoding->width = embedding_width(cardinality);
    encoding->tensor = add_table(graph, column, NASTL_ROLE_EMBEDDING, encoding->width);
}

static bool has_input(const struct nastl_graph *graph)
{
    return graph->node_count > 0;
}

size_t nastl_graph_input(struct nastl_graph *graph)
{
    if (has_input(graph))
        return 0;
    const size_t at = add_node(graph, NASTL_NODE_INPUT, 0, "");
    size_t width = graph->shape.numeric;
    for (size_t k = 0; k < graph->shape.categorical && !graph->failed; k++) {
        encode_column(graph, k, width);
        width += graph->encodings[k].width;
    }
    if (!graph->failed)
        graph->nodes[at].width = width;
    return close_node(graph, at);
}

/* A linear with `heads` matrices one below the other. */
static size_t add_linear(struct nastl_graph *graph, enum nastl_node_kind kind,
                         size_t from, const char *name, size_t outputs, size_t heads,
                         bool bias)
{
    const size_t at = add_node(graph, kind, from, name);
    if (graph->failed)
        return 0;
    const size_t inputs = graph->nodes[from].width;
    add_tensor(graph, name, "weight", NASTL_ROLE_WEIGHT, heads * outputs, inputs);
    if (bias)
        add_tensor(graph, name, "bias", NASTL_ROLE_BIAS, heads * outputs, 0);
    close_node(graph, at);
    for (size_t i = graph->nodes[at].tensor; i < graph->tensor_count; i++)
        graph->tensors[i].fan_in = inputs;
    graph->nodes[at].width = outputs;
    return at;
}

size_t nastl_graph_linear(struct nastl_graph *graph, size_t from, const char *name,
                          size_t outputs)
{
    return add_linear(graph, NASTL_NODE_LINEAR, from, name, outputs, 1, true);
}

size_t nastl_graph_product(struct nastl_graph *graph, size_t from, const char *name,
                           size_t outputs)
{
    return add_linear(graph, NASTL_NODE_LINEAR, from, name, outputs, 1, false);
}

size_t nastl_graph_member_linear(struct nastl_graph *graph, size_t from, const char *name,
                                 size_t outputs)
{
    const size_t members = graph->failed ? 0 : graph->nodes[from].rows;
    return add_linear(graph, NASTL_NODE_MEMBER_LINEAR, from, name, outputs, members,
                      true);
}

static size_t add_norm(struct nastl_graph *graph, enum nastl_node_kind kind, size_t from,
                       const char *name)
{
    const size_t at = add_node(graph, kind, from, name);
    if (graph->failed)
        return 0;
    const size_t width = graph->nodes[at].width;
    add_tensor(graph, name, "weight", NASTL_ROLE_SCALE, width, 0);
    add_tensor(graph, name, "bias", NASTL_ROLE_SHIFT, width, 0);
    if (kind == NASTL_NODE_BATCH_NORM) {
        add_tensor(graph, name, "running_mean", NASTL_ROLE_MEAN, width, 0);
        add_tensor(graph, name, "running_var", NASTL_ROLE_VARIANCE, width, 0);
    }
    return close_node(graph, at);
}

size_t nastl_graph_layer_norm(struct nastl_graph *graph, size_t from, const char *name)
{
    return add_norm(graph, NASTL_NODE_LAYER_NORM, from, name);
}

size_t nastl_graph_batch_norm(struct nastl_graph *graph, size_t from, const char *name)
{
    return add_norm(graph, NASTL_NODE_BATCH_NORM, from, name);
}

/* A node that gives `each` numbers for each number that the input has. */
static size_t add_embedding(struct nastl_graph *graph, enum nastl_node_kind kind,
                            size_t from, const char *name, size_t pieces, size_t each)
{
    const size_t at = add_node(graph, kind, from, name);
    if (graph->failed)
        return 0;
    struct nastl_node *node = &graph->nodes[at];
    node->width += graph->shape.numeric * (each - 1);
    node->pieces = pieces;
    node->each = each;
    return at;
}

/* Weight and bias of a linear layer of `inputs` a column. */
static void add_columns_linear(struct nastl_graph *graph, const char *name, size_t inputs,
                               size_t each)
{
    const size_t columns = graph->shape.numeric, first = graph->tensor_count;
    add_tensor(graph, name, "weight", NASTL_ROLE_NUMERIC, columns, inputs * each);
    add_tensor(graph, name, "bias", NASTL_ROLE_BIAS, columns, each);
    for (size_t i = first; i < graph->tensor_count; i++)
        graph->tensors[i].fan_in = inputs;
}

size_t nastl_graph_piecewise(struct nastl_graph *graph, size_t from, const char *name,
                             size_t bins, size_t each, bool by_tree)
{
    const size_t at = add_embedding(graph, NASTL_NODE_PIECEWISE, from, name, bins, each);
    if (!graph->failed)
        graph->nodes[at].by_tree = by_tree;
    add_columns_linear(graph, name, bins, each);
    add_tensor(graph, name, "bins", NASTL_ROLE_BINS, graph->shape.numeric, bins + 1);
    return close_node(graph, at);
}

size_t nastl_graph_periodic(struct nastl_graph *graph, size_t from, const char *name,
                            size_t frequencies, size_t each, double spread)
{
    const size_t at =
        add_embedding(graph, NASTL_NODE_PERIODIC, from, name, frequencies, each);
    const size_t tensor = add_tensor(graph, name, "frequencies", NASTL_ROLE_FREQUENCY,
                                     graph->shape.numeric, frequencies);
    if (!graph->failed)
        graph->tensors[tensor].spread = spread;
    add_columns_linear(graph, name, 2 * frequencies, each);
    return close_node(graph, at);
}

size_t nastl_graph_pbld(struct nastl_graph *graph, size_t from, const char *name,
                        size_t frequencies, size_t each, double spread)
{
    const size_t columns = graph->shape.numeric;
    const size_t at =
        add_embedding(graph, NASTL_NODE_PBLD, from, name, frequencies, each);
    assert(each >= 2);
    const size_t tensor = add_tensor(graph, name, "frequencies", NASTL_ROLE_FREQUENCY,
                                     columns, frequencies);
    if (!graph->failed)
        graph->tensors[tensor].spread = spread;
    add_tensor(graph, name, "phases", NASTL_ROLE_PHASE, columns, frequencies);
    add_columns_linear(graph, name, frequencies, each - 1);
    return close_node(graph, at);
}

size_t nastl_graph_front_scale(struct nastl_graph *graph, size_t from, const char *name)
{
    const size_t at = add_node(graph, NASTL_NODE_SCALE, from, name);
    if (graph->failed)
        return 0;
    assert(from == 0 || nastl_node_embeds(&graph->nodes[from]));
    add_tensor(graph, name, "scale", NASTL_ROLE_FRONT, 1, graph->nodes[at].width);
    return close_node(graph, at);
}

void nastl_graph_shape_learning(struct nastl_graph *graph, size_t at, bool ntk,
                                bool fitted)
{
    if (graph->failed)
        return;
    struct nastl_tensor_spec *weight = &graph->tensors[graph->nodes[at].tensor];
    assert(weight->role == NASTL_ROLE_WEIGHT);
    weight->ntk = ntk;
    weight->fitted = fitted;
}

size_t nastl_graph_activation(struct nastl_graph *graph, size_t from,
                              enum nastl_activation activation)
{
    const size_t at = add_node(graph, NASTL_NODE_ACTIVATION, from, "");
    if (!graph->failed)
        graph->nodes[at].activation = activation;
    return at;
}

size_t nastl_graph_shared_activation(struct nastl_graph *graph, size_t from,
                                     const char *name, enum nastl_activation activation)
{
    const size_t at = add_node(graph, NASTL_NODE_ACTIVATION, from, name);
    if (graph->failed)
        return 0;
    graph->nodes[at].activation = activation;
    add_tensor(graph, name, "share", NASTL_ROLE_SHARE, graph->nodes[at].width, 0);
    return close_node(graph, at);
}

size_t nastl_graph_dropout(struct nastl_graph *graph, size_t from, double rate)
{
    const size_t at = add_node(graph, NASTL_NODE_DROPOUT, from, "");
    if (!graph->failed)
        graph->nodes[at].rate = rate;
    return at;
}

size_t nastl_graph_add(struct nastl_graph *graph, size_t from, size_t other)
{
    const size_t at = add_node(graph, NASTL_NODE_ADD, from, "");
    if (graph->failed)
        return at;
    assert(graph->nodes[from].rows == graph->nodes[other].rows &&
           graph->nodes[from].width == graph->nodes[other].width);
    graph->nodes[at].other = other;
    return at;
}

size_t nastl_graph_members(struct nastl_graph *graph, size_t from, const char *name,
                           size_t members)
{
    const size_t at = add_node(graph, NASTL_NODE_MEMBERS, from, name);
    if (graph->failed)
        return 0;
    assert(from == 0 || nastl_node_embeds(&graph->nodes[from]) ||
           graph->nodes[from].kind == NASTL_NODE_SCALE);
    graph->nodes[at].rows = members;
    add_tensor(graph, name, "r", NASTL_ROLE_SIGNS, members, graph->nodes[at].width);
    return close_node(graph, at);
}

size_t nastl_graph_scale_in(struct nastl_graph *graph, size_t from, const char *name)
{
    const size_t at = add_node(graph, NASTL_NODE_SCALE, from, name);
    if (graph->failed)
        return 0;
    add_tensor(graph, name, "r", NASTL_ROLE_SCALE, graph->nodes[at].rows,
               graph->nodes[at].width);
    return close_node(graph, at);
}

size_t nastl_graph_scale_out(struct nastl_graph *graph, size_t from, const char *name)
{
    const size_t at = add_node(graph, NASTL_NODE_SCALE, from, name);
    if (graph->failed)
        return 0;
    const size_t members = graph->nodes[at].rows, width = graph->nodes[at].width;
    add_tensor(graph, name, "s", NASTL_ROLE_SCALE, members, width);
    const size_t bias = add_tensor(graph, name, "bias", NASTL_ROLE_BIAS, members, width);
    if (!graph->failed)
        graph->tensors[bias].fan_in = graph->nodes[graph->nodes[from].from].width;
    return close_node(graph, at);
}

size_t nastl_graph_average(struct nastl_graph *graph, size_t from)
{
    const size_t at = add_node(graph, NASTL_NODE_AVERAGE, from, "");
    if (!graph->failed)
        graph->nodes[at].rows = 1;
    return at;
}

/* ---- ensembles ---- */

void nastl_graph_begin_member(struct nastl_graph *graph, size_t m)
{
    snprintf(graph->member, sizeof graph->member, "members.%zu.", m);
}

size_t nastl_graph_end_member(struct nastl_graph *graph)
{
    graph->member[0] = '\0';
    if (graph->failed)
        return 0;
    const size_t last = graph->node_count - 1;
    if (graph->nodes[last].kind != NASTL_NODE_AVERAGE)
        return last;
    free(graph->nodes[last].name);
    return --graph->node_count - 1;
}

size_t nastl_graph_stack(struct nastl_graph *graph, size_t from, size_t other)
{
    const size_t at = add_node(graph, NASTL_NODE_STACK, from, "");
    if (graph->failed)
        return at;
    assert(graph->nodes[from].width == graph->nodes[other].width);
    graph->nodes[at].other = other;
    graph->nodes[at].rows += graph->nodes[other].rows;
    return at;
}

/* ---- tokens ---- */

size_t nastl_graph_token_input(struct nastl_graph *graph, size_t width)
{
    if (has_input(graph))
        return 0;
    const size_t at = add_node(graph, NASTL_NODE_INPUT, 0, "");
    for (size_t k = 0; k < graph->shape.categorical && !graph->failed; k++)
        graph->encodings[k] = (struct nastl_encoding){
            .at = graph->shape.numeric,
            .embedded = true,
            .tensor = add_table(graph, k, NASTL_ROLE_TOKEN, width)};
    if (!graph->failed)
        graph->nodes[at].width = graph->shape.numeric;
    return close_node(graph, at);
}

/* Columns whose tables the tokenizer reads: all of a token input, else none. */
static size_t table_tokens(const struct nastl_graph *graph)
{
    const size_t columns = graph->shape.categorical;
    return columns > 0 && graph->encodings[0].width == 0 ? columns : 0;
}

size_t nastl_graph_tokens(struct nastl_graph *graph, size_t from, const char *name,
                          size_t width)
{
    const size_t at = add_node(graph, NASTL_NODE_TOKENS, from, name);
    if (graph->failed)
        return 0;
    const size_t numbers = graph->nodes[from].width, columns = table_tokens(graph);
    add_tensor(graph, name, "cls", NASTL_ROLE_TOKEN, width, 0);
    if (numbers > 0) {
        add_tensor(graph, name, "weight", NASTL_ROLE_TOKEN, numbers, width);
        add_tensor(graph, name, "bias", NASTL_ROLE_TOKEN, numbers, width);
    }
    if (columns > 0)
        add_tensor(graph, name, "table_bias", NASTL_ROLE_TOKEN, columns, width);
    graph->nodes[at].rows = 1 + numbers + columns;
    graph->nodes[at].width = width;
    return close_node(graph, at);
}

size_t nastl_graph_attention(struct nastl_graph *graph, size_t from, size_t heads,
                             double rate, bool first)
{
    const size_t at = add_node(graph, NASTL_NODE_ATTENTION, from, "");
    if (graph->failed)
        return 0;
    struct nastl_node *node = &graph->nodes[at];
    assert(node->width % (3 * heads) == 0);
    node->width /= 3;
    node->heads = heads;
    node->rate = rate;
    node->rows = first ? 1 : node->rows;
    return at;
}

size_t nastl_graph_reglu(struct nastl_graph *graph, size_t from)
{
    const size_t at = add_node(graph, NASTL_NODE_REGLU, from, "");
    if (!graph->failed)
        graph->nodes[at].width /= 2;
    return at;
}

size_t nastl_graph_first(struct nastl_graph *graph, size_t from)
{
    const size_t at = add_node(graph, NASTL_NODE_FIRST, from, "");
    if (!graph->failed)
        graph->nodes[at].rows = 1;
    return at;
}
