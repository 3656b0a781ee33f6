/* oracle.h: what every operator computes, in plain C and double, written for reading and
 * not for speed: the engine is compared with it, and it is compared with differences.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H

#include "nn/train.h"

/* ---- operators; dx of a backward function is set, dw and db are set too ---- */

/* x (N, D), w (H, D), b (H), y (N, H) */
void oracle_linear(double *y, const double *x, const double *w, const double *b, size_t n,
                   size_t d, size_t h);
void oracle_linear_backward(double *dx, double *dw, double *db, const double *dy,
                            const double *x, const double *w, size_t n, size_t d,
                            size_t h);

/* x, y (N, D); w, b (D) */
void oracle_layer_norm(double *y, const double *x, const double *w, const double *b,
                       size_t n, size_t d);
void oracle_layer_norm_backward(double *dx, double *dw, double *db, const double *dy,
                                const double *x, const double *w, size_t n, size_t d);

/* In training by the statistics of x, which also move `mean` and `variance`; else by
 * these. */
void oracle_batch_norm(double *y, double *mean, double *variance, const double *x,
                       const double *w, const double *b, size_t n, size_t d,
                       bool training);
void oracle_batch_norm_backward(double *dx, double *dw, double *db, const double *dy,
                                const double *x, const double *w, size_t n, size_t d);

/* Members: x (N k, D), or (N, D) where `from_one`; s, b (k, D), b may be NULL. */
void oracle_scale(double *y, const double *x, const double *s, const double *b, size_t n,
                  size_t k, size_t d, bool from_one);
void oracle_scale_backward(double *dx, double *ds, double *db, const double *dy,
                           const double *x, const double *s, size_t n, size_t k, size_t d,
                           bool from_one);
/* A linear of its own for each of k members: x (N k, D), w (k H, D), b (k H). */
void oracle_member_linear(double *y, const double *x, const double *w, const double *b,
                          size_t n, size_t k, size_t d, size_t h);
void oracle_member_linear_backward(double *dx, double *dw, double *db, const double *dy,
                                   const double *x, const double *w, size_t n, size_t k,
                                   size_t d, size_t h);
/* x (N k, C), y (N, C): the mean of values, or the logits of the mean probability. */
/* y (n, first + last): a (n, first) and b (n, last) side by side; and back, added. */
void oracle_stack(double *y, const double *a, const double *b, size_t n, size_t first,
                  size_t last);
void oracle_unstack(double *da, double *db, const double *dy, size_t n, size_t first,
                    size_t last);
void oracle_average(double *y, const double *x, size_t n, size_t k, size_t c,
                    bool values);

/* Embeddings of the `columns` numbers before the rest: p are the node's tensors, *margin
 * goes down to the least |input| of a ReLU. */
void oracle_embed(double *y, const double *x, const struct nastl_node *node, double **p,
                  size_t n, size_t columns, size_t inputs, double *margin);
void oracle_embed_backward(double *dx, const double *dy, const double *x, const double *y,
                           const struct nastl_node *node, double **p, double **g,
                           size_t n, size_t columns, size_t inputs);
/* The same of PBLD. */
void oracle_pbld(double *y, const double *x, const struct nastl_node *node, double **p,
                 size_t n, size_t columns, size_t inputs);
void oracle_pbld_backward(double *dx, const double *dy, const double *x,
                          const struct nastl_node *node, double **p, double **g, size_t n,
                          size_t columns, size_t inputs);
/* y = x + z over n numbers; y == x is allowed. */
void oracle_add(double *y, const double *x, const double *z, size_t n);

/* y = x + a (f(x) - x), a (d) a neuron; dx and da are set. */
void oracle_share(double *y, const double *x, const double *a,
                  enum nastl_activation activation, size_t n, size_t d);
void oracle_share_backward(double *dx, double *da, const double *dy, const double *x,
                           const double *a, enum nastl_activation activation, size_t n,
                           size_t d);
double oracle_activation(enum nastl_activation activation, double x);
double oracle_activation_slope(enum nastl_activation activation, double x);

/* The sum of the loss over N rows; `delta` (N, C), unless NULL: the gradient of the mean.
 */
double oracle_loss(enum nastl_loss loss, double *delta, const double *outputs,
                   const float *y, size_t n, size_t c);

/* One step of AdamW on one number; decay 0 for those that do not decay. */
void oracle_adamw(double *p, double *m, double *v, double g, double decay,
                  const struct nastl_recipe *recipe, int t);

struct oracle;

/* x (n, numbers), y (n, tokens, width) */
void oracle_tokens(double *y, const double *x, const struct nastl_node *node,
                   size_t numbers, const struct oracle *oracle);
void oracle_tokens_backward(double *dx, const double *dy, const double *x,
                            const struct nastl_node *node, size_t numbers,
                            const struct oracle *oracle);
/* x (n, tokens, width), y (n, width) */
void oracle_first(double *y, const double *x, size_t n, size_t tokens, size_t width);
void oracle_first_backward(double *dx, const double *dy, size_t n, size_t tokens,
                           size_t width);
/* x (n, 2 width), y (n, width) */
void oracle_reglu(double *y, const double *x, size_t n, size_t width);
void oracle_reglu_backward(double *dx, const double *dy, const double *x, size_t n,
                           size_t width);
/* qkv (n, tokens, 3 d), y (n, queries, d) */
void oracle_attention(double *y, const double *qkv, const struct nastl_node *node,
                      size_t n, size_t tokens);
void oracle_attention_backward(double *dqkv, const double *dy, const double *qkv,
                               const struct nastl_node *node, size_t n, size_t tokens);

/* ---- a whole network: nodes one after another, dropout left out ---- */

struct oracle {
    const struct nastl_graph *graph;
    size_t n; /* rows of the last run, and which ones */
    const struct nastl_xy *xy;
    const int32_t *rows;
    bool training;           /* it left the average out */
    double margin;           /* the least |input| of a ReLU in it */
    double **param, **grad;  /* (tensors) */
    double **value, **delta; /* (nodes) (n rows of the node, width) */
};

/* Takes the weights of a network. */
void oracle_create(struct oracle *oracle, const struct nastl_net *net, size_t most_rows);
void oracle_destroy(struct oracle *oracle);

void oracle_forward(struct oracle *oracle, const struct nastl_xy *xy, const int32_t *rows,
                    size_t n, bool training);
/* Losses of one row: as many as members in training, else 1. */
size_t oracle_members(const struct oracle *oracle);
/* The outputs of the last run (n members, C), and the gradient by them, to be filled
 * before oracle_backward(). */
double *oracle_output(struct oracle *oracle);
double *oracle_output_delta(struct oracle *oracle);
void oracle_backward(struct oracle *oracle, const struct nastl_xy *xy,
                     const int32_t *rows);

/* The sum over the rows of the last run of the mean of their members' losses; the deltas
 * of the outputs are set. */
double oracle_run_loss(struct oracle *oracle, enum nastl_loss loss, const float *y);

/* Mean loss in training mode (running statistics move, and do not matter). */
double oracle_mean_loss(struct oracle *oracle, enum nastl_loss loss,
                        const struct nastl_xy *xy, const int32_t *rows, const float *y,
                        size_t n);

#endif
