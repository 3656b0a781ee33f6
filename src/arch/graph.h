/* graph.h: what a graph is made of: nodes in the order in which they run, and the tensors
 * that they need.
 *
 * Every node has one output, a matrix of (rows, width) for one row of the data: rows is 1
 * in an MLP, the members of an ensemble or the tokens of a transformer elsewhere. A node
 * reads the output of the node `from`; its tensors stand together, from `tensor` on.
 *
 *   node      0 input  1 linear          2 layer_norm       3 activation  4 linear
 *   name               blocks.0          blocks.0.norm                    head
 *   width     40       64                64                 64            5
 *   tensors            weight, bias      weight, bias                     weight, bias
 *
 * What a node needs beyond that is a field of its own, which other kinds leave at zero.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_GRAPH_H
#define ARCH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

/* What goes in and comes out: the layout's D', K and cardinalities, and the outputs: C
 * logits for multiclass, 1 for binary and regression. */
struct nastl_shape {
    size_t numeric;            /* D' */
    size_t categorical;        /* K */
    const size_t *cardinality; /* (K) */
    size_t outputs;
    bool values; /* the outputs are values of a regression, not logits */
};

enum nastl_node_kind {
    NASTL_NODE_INPUT,      /* numbers, then each categorical column by its encoding */
    NASTL_NODE_LINEAR,     /* y = x W^T + b, or without b */
    NASTL_NODE_LAYER_NORM, /* Ba, Kiros and Hinton 2016 */
    NASTL_NODE_BATCH_NORM, /* Ioffe and Szegedy 2015 */
    NASTL_NODE_ACTIVATION,
    NASTL_NODE_DROPOUT,   /* the identity when deployed */
    NASTL_NODE_PIECEWISE, /* numbers by the bins they are in, each as several inputs */
    NASTL_NODE_PERIODIC,  /* numbers by cosines and sines, each as several inputs */
    NASTL_NODE_PBLD,      /* numbers by cosines with phases, and as they are */
    NASTL_NODE_ADD,       /* the sum of two nodes of one shape */
    NASTL_NODE_TOKENS,    /* a class token, one a number, one a categorical column */
    NASTL_NODE_ATTENTION, /* of tokens that have Q, K and V side by side */
    NASTL_NODE_REGLU,     /* a max(b, 0) of two halves (Shazeer 2020) */
    NASTL_NODE_FIRST,     /* the first token */
    NASTL_NODE_MEMBERS,   /* y_m = x * r_m: one row becomes k (Gorishniy et al. 2024) */
    NASTL_NODE_SCALE,     /* y_m = x_m * s_m + b_m, or without b */
    NASTL_NODE_MEMBER_LINEAR, /* y_m = x_m W_m^T + b_m */
    NASTL_NODE_STACK,   /* the rows of two nodes: those of `other`, then of `from` */
    NASTL_NODE_AVERAGE, /* k rows become one; in training, each has its own loss */
    NASTL_NODE_COUNT
};

enum nastl_activation {
    NASTL_ACTIVATION_RELU,
    NASTL_ACTIVATION_GELU, /* x P(X <= x) exactly, by erf (Hendrycks and Gimpel 2016) */
    NASTL_ACTIVATION_SILU, /* x / (1 + exp(-x)) */
    NASTL_ACTIVATION_SELU, /* Klambauer et al. 2017 */
    NASTL_ACTIVATION_MISH, /* x tanh(log(1 + exp(x))) (Misra 2019) */
    NASTL_ACTIVATION_COUNT
};
const char *nastl_activation_name(enum nastl_activation activation);
int nastl_activation_from_name(const char *name); /* -1 if unknown */

/* What a tensor is for: decides how it is drawn and whether it decays. */
enum nastl_role {
    NASTL_ROLE_WEIGHT, /* (out, in) */
    NASTL_ROLE_BIAS,
    NASTL_ROLE_SCALE, /* of a norm */
    NASTL_ROLE_SHIFT,
    NASTL_ROLE_SIGNS,     /* of the members, at the front: -1 or 1 at the start */
    NASTL_ROLE_EMBEDDING, /* (cardinality, width) */
    NASTL_ROLE_NUMERIC,   /* of a numeric embedding: (D', pieces * each) */
    NASTL_ROLE_FREQUENCY, /* (D', pieces) */
    NASTL_ROLE_PHASE,     /* (D', pieces), radians */
    NASTL_ROLE_FRONT,     /* (1, width): scale of the inputs */
    NASTL_ROLE_SHARE,     /* how much of an activation each neuron takes */
    NASTL_ROLE_TOKEN,     /* of a tokenizer: (…, token width) */
    NASTL_ROLE_MEAN,      /* running statistics: buffers, not trained */
    NASTL_ROLE_VARIANCE,
    NASTL_ROLE_BINS, /* (D', pieces + 1) edges: a buffer */
    NASTL_ROLE_COUNT
};

struct nastl_tensor_spec {
    char *name; /* "blocks.0.weight" */
    enum nastl_role role;
    int rank;        /* 1 or 2 */
    size_t shape[2]; /* shape[1] is 1 where rank is 1 */
    size_t fan_in;   /* WEIGHT, BIAS and NUMERIC: inputs of the layer */
    double spread;   /* FREQUENCY: standard deviation at the start */
    bool ntk;        /* WEIGHT: see nastl_graph_shape_learning() */
    bool fitted;     /* WEIGHT: the same */
};

struct nastl_node {
    enum nastl_node_kind kind;
    char *name;   /* prefix of its tensors; "" without */
    size_t from;  /* index of the node that it reads; itself for INPUT */
    size_t other; /* ADD, STACK: the second that it reads */
    size_t rows, width;
    size_t tensor, tensor_count;
    enum nastl_activation activation; /* ACTIVATION */
    double rate;                      /* DROPOUT, ATTENTION: probability of a zero */
    size_t heads;                     /* ATTENTION */
    size_t pieces; /* PIECEWISE: bins of a column; PERIODIC, PBLD: frequencies of it */
    size_t each;   /* PIECEWISE, PERIODIC, PBLD: numbers that a column becomes */
    bool by_tree;  /* PIECEWISE: bins tell labels apart, else they are quantiles */
};

/* How a categorical column enters: columns at … at + width - 1 of the input; none, where
 * its table belongs to a tokenizer. */
struct nastl_encoding {
    size_t at, width;
    bool embedded; /* by a table, else one-hot */
    size_t tensor; /* of the table */
};

struct nastl_graph {
    const char *family;               /* that built it: the registry's name */
    struct nastl_shape shape;         /* the graph owns the cardinalities */
    struct nastl_encoding *encodings; /* (K) */
    char member[24]; /* while one is built: what names of its tensors begin with */
    struct nastl_node *nodes;
    size_t node_count, node_capacity;
    struct nastl_tensor_spec *tensors;
    size_t tensor_count, tensor_capacity;
    bool failed; /* an allocation failed: later additions do nothing */
};

/* An empty graph. */
int nastl_graph_create(struct nastl_graph **out, const struct nastl_shape *shape);
void nastl_graph_destroy(struct nastl_graph *graph);

/* ---- for families: each adds a node and returns its index ---- */

/* The input is there once: members of an ensemble that ask for it again read the same. */

/* A column of cardinality up to NASTL_ONE_HOT_MOST is one-hot; above, it has a table
 * "embeddings.K.weight" of width min(32, ceil(1.6 cardinality^0.56)) (fast.ai's rule). */
enum { NASTL_ONE_HOT_MOST = 16, NASTL_EMBEDDING_MOST = 32 };

size_t nastl_graph_input(struct nastl_graph *graph);
size_t nastl_graph_linear(struct nastl_graph *graph, size_t from, const char *name,
                          size_t outputs);
size_t nastl_graph_layer_norm(struct nastl_graph *graph, size_t from, const char *name);
size_t nastl_graph_batch_norm(struct nastl_graph *graph, size_t from, const char *name);
size_t nastl_graph_activation(struct nastl_graph *graph, size_t from,
                              enum nastl_activation activation);
/* The same, of which each neuron takes its share: y = x + a (f(x) - x) with "NAME.share"
 * (width), all 1 at the start (Holzmüller et al. 2024). */
size_t nastl_graph_shared_activation(struct nastl_graph *graph, size_t from,
                                     const char *name, enum nastl_activation activation);
size_t nastl_graph_dropout(struct nastl_graph *graph, size_t from, double rate);
/* `from` is the end of a branch, `other` what goes past it. */
size_t nastl_graph_add(struct nastl_graph *graph, size_t from, size_t other);

/* Both turn the D' numbers of the input into `each` numbers each, and pass the rest of it
 * on behind them. Tensors: "NAME.weight", whose row d is (bins, each) of column d, or
 * (each, 2 frequencies), of the cosines, then of the sines; "NAME.bias" (D', each); and
 * "NAME.bins" or "NAME.frequencies". */
size_t nastl_graph_piecewise(struct nastl_graph *graph, size_t from, const char *name,
                             size_t bins, size_t each, bool by_tree);
size_t nastl_graph_periodic(struct nastl_graph *graph, size_t from, const char *name,
                            size_t frequencies, size_t each, double spread);

/* As periodic, with "NAME.phases" instead of sines, without a ReLU, and with the number
 * itself as the last of `each` (>= 2): "NAME.weight" has (each - 1, frequencies) in row d
 * (PBLD of Holzmüller et al. 2024). */
size_t nastl_graph_pbld(struct nastl_graph *graph, size_t from, const char *name,
                        size_t frequencies, size_t each, double spread);
/* "NAME.scale" (1, width): a factor of each input; `from` is the input or its numeric
 * embedding. */
size_t nastl_graph_front_scale(struct nastl_graph *graph, size_t from, const char *name);

/* Of a linear node `at`. `ntk`: its weight is learnt as w / sqrt(inputs) with w drawn
 * from N(0, 1), the neural tangent kernel's parametrisation (Jacot et al. 2018); the
 * tensor holds the product, so that everything that runs is as without. `fitted`:
 * nastl_net_fit() scales its rows and sets its bias. */
void nastl_graph_shape_learning(struct nastl_graph *graph, size_t at, bool ntk,
                                bool fitted);

/* An input of numbers alone, for nastl_graph_tokens(): each categorical column has a
 * table "embeddings.K.weight" (cardinality, width), which the tokenizer reads. */
size_t nastl_graph_token_input(struct nastl_graph *graph, size_t width);
/* One row becomes 1 + D + K tokens: "cls" (width), each number times its row of "weight"
 * (D, width) and plus that of "bias" (D, width), each table plus its row of
 * "table_bias" (K, width). From a plain input all columns are numbers, and K is 0. */
size_t nastl_graph_tokens(struct nastl_graph *graph, size_t from, const char *name,
                          size_t width);
/* `from` is 3 width wide: Q, K, V. One token out for each in, or only the first. */
size_t nastl_graph_attention(struct nastl_graph *graph, size_t from, size_t heads,
                             double rate, bool first);
size_t nastl_graph_reglu(struct nastl_graph *graph, size_t from);
size_t nastl_graph_first(struct nastl_graph *graph, size_t from);
/* Linear without a bias. */
size_t nastl_graph_product(struct nastl_graph *graph, size_t from, const char *name,
                           size_t outputs);
/* "NAME.r" (k, width); `from` is the input or its numeric embedding. */
size_t nastl_graph_members(struct nastl_graph *graph, size_t from, const char *name,
                           size_t members);
/* "NAME.r" (k, width). */
size_t nastl_graph_scale_in(struct nastl_graph *graph, size_t from, const char *name);
/* "NAME.s" and "NAME.bias" (k, width), after a product. */
size_t nastl_graph_scale_out(struct nastl_graph *graph, size_t from, const char *name);
/* "NAME.weight" (k outputs, inputs) and "NAME.bias" (k outputs), member by member. */
size_t nastl_graph_member_linear(struct nastl_graph *graph, size_t from, const char *name,
                                 size_t outputs);
/* Of values, the mean; of logits, those of the mean probability: log p for several
 * classes, log(p / (1 - p)) for two, so that softmax and sigmoid give p back. */
size_t nastl_graph_average(struct nastl_graph *graph, size_t from);

/* ---- for ensembles ---- */

/* What is added from now on belongs to member m: its tensors are "members.M.…". */
void nastl_graph_begin_member(struct nastl_graph *graph, size_t m);
/* The member is whole: returns its outputs, one row or, without its average, several. */
size_t nastl_graph_end_member(struct nastl_graph *graph);
size_t nastl_graph_stack(struct nastl_graph *graph, size_t from, size_t other);

/* ---- questions ---- */

size_t nastl_tensor_size(const struct nastl_tensor_spec *tensor); /* numbers in it */
/* Norms, activations, dropout, sums and scales: can work in place. */
bool nastl_node_keeps_shape(enum nastl_node_kind kind);
/* Whether it reads a second node. */
bool nastl_node_reads_two(enum nastl_node_kind kind);
/* How often the output of node `at` is read. */
size_t nastl_graph_readers(const struct nastl_graph *graph, size_t at);
/* Members of an ensemble; 1 where it is none. */
size_t nastl_graph_member_count(const struct nastl_graph *graph);
/* Whether a node of this kind is in it. */
bool nastl_graph_has(const struct nastl_graph *graph, enum nastl_node_kind kind);
/* Whether it turns the numbers of the input into several each. */
bool nastl_node_embeds(const struct nastl_node *node);
bool nastl_role_trainable(enum nastl_role role);
bool nastl_role_decays(enum nastl_role role);
const char *nastl_node_kind_name(enum nastl_node_kind kind);

#endif
