/* oracle.c: what every operator computes, in plain C and double.
 * SPDX-License-Identifier: Apache-2.0 */
#include "oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double EPSILON = 1e-5, MOMENTUM = 0.1;

/* ---- linear: y = x w^T + b ---- */

void oracle_linear(double *y, const double *x, const double *w, const double *b, size_t n,
                   size_t d, size_t h)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < h; j++) {
            y[i * h + j] = b[j];
            for (size_t k = 0; k < d; k++)
                y[i * h + j] += x[i * d + k] * w[j * d + k];
        }
    }
}

void oracle_linear_backward(double *dx, double *dw, double *db, const double *dy,
                            const double *x, const double *w, size_t n, size_t d,
                            size_t h)
{
    memset(dx, 0, n * d * sizeof *dx);
    memset(dw, 0, h * d * sizeof *dw);
    memset(db, 0, h * sizeof *db);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < h; j++) {
            const double g = dy[i * h + j];
            db[j] += g;
            for (size_t k = 0; k < d; k++) {
                dx[i * d + k] += g * w[j * d + k];
                dw[j * d + k] += g * x[i * d + k];
            }
        }
    }
}

/* ---- norms: xhat = (x - mean) / sqrt(variance + epsilon), y = xhat w + b ---- */

/* Mean and variance of n numbers that are `stride` apart. */
static void moments(double *mean, double *variance, const double *x, size_t n,
                    size_t stride)
{
    *mean = *variance = 0.0;
    for (size_t i = 0; i < n; i++)
        *mean += x[i * stride] / (double)n;
    for (size_t i = 0; i < n; i++)
        *variance += pow(x[i * stride] - *mean, 2) / (double)n;
}

/* dx of n numbers that were normalised together, from g = dy w; and xhat:
 *   dx = (g - mean(g) - xhat mean(g xhat)) / sqrt(variance + epsilon)
 * `at` of number i is i * stride; w of it is w[i * w_stride]. */
static void normalised_backward(double *dx, const double *dy, const double *x,
                                const double *w, size_t n, size_t stride, size_t w_stride)
{
    double mean, variance, g_mean = 0.0, gx_mean = 0.0;
    moments(&mean, &variance, x, n, stride);
    const double sd = sqrt(variance + EPSILON);
    for (size_t i = 0; i < n; i++) {
        const double g = dy[i * stride] * w[i * w_stride];
        g_mean += g / (double)n;
        gx_mean += g * (x[i * stride] - mean) / sd / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        const double g = dy[i * stride] * w[i * w_stride];
        const double xhat = (x[i * stride] - mean) / sd;
        dx[i * stride] = (g - g_mean - xhat * gx_mean) / sd;
    }
}

void oracle_layer_norm(double *y, const double *x, const double *w, const double *b,
                       size_t n, size_t d)
{
    for (size_t i = 0; i < n; i++) {
        double mean, variance;
        moments(&mean, &variance, x + i * d, d, 1);
        for (size_t k = 0; k < d; k++)
            y[i * d + k] = (x[i * d + k] - mean) / sqrt(variance + EPSILON) * w[k] + b[k];
    }
}

void oracle_layer_norm_backward(double *dx, double *dw, double *db, const double *dy,
                                const double *x, const double *w, size_t n, size_t d)
{
    memset(dw, 0, d * sizeof *dw);
    memset(db, 0, d * sizeof *db);
    for (size_t i = 0; i < n; i++) {
        double mean, variance;
        moments(&mean, &variance, x + i * d, d, 1);
        for (size_t k = 0; k < d; k++) {
            const double xhat = (x[i * d + k] - mean) / sqrt(variance + EPSILON);
            dw[k] += dy[i * d + k] * xhat;
            db[k] += dy[i * d + k];
        }
        normalised_backward(dx + i * d, dy + i * d, x + i * d, w, d, 1, 1);
    }
}

void oracle_batch_norm(double *y, double *mean, double *variance, const double *x,
                       const double *w, const double *b, size_t n, size_t d,
                       bool training)
{
    for (size_t k = 0; k < d; k++) {
        double m = mean[k], v = variance[k];
        if (training) {
            moments(&m, &v, x + k, n, d);
            const double unbiased = n > 1 ? v * (double)n / (double)(n - 1) : v;
            mean[k] += MOMENTUM * (m - mean[k]);
            variance[k] += MOMENTUM * (unbiased - variance[k]);
        }
        for (size_t i = 0; i < n; i++)
            y[i * d + k] = (x[i * d + k] - m) / sqrt(v + EPSILON) * w[k] + b[k];
    }
}

void oracle_batch_norm_backward(double *dx, double *dw, double *db, const double *dy,
                                const double *x, const double *w, size_t n, size_t d)
{
    for (size_t k = 0; k < d; k++) {
        double mean, variance;
        moments(&mean, &variance, x + k, n, d);
        dw[k] = db[k] = 0.0;
        for (size_t i = 0; i < n; i++) {
            dw[k] += dy[i * d + k] * (x[i * d + k] - mean) / sqrt(variance + EPSILON);
            db[k] += dy[i * d + k];
        }
        normalised_backward(dx + k, dy + k, x + k, w + k, n, d, 0);
    }
}

/* ---- sums ---- */

void oracle_add(double *y, const double *x, const double *z, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] + z[i];
}

/* ---- members: y[i, m] = x[i, m] s[m] + b[m] ---- */

void oracle_scale(double *y, const double *x, const double *s, const double *b, size_t n,
                  size_t k, size_t d, bool from_one)
{
    for (size_t i = 0; i < n * k; i++)
        for (size_t j = 0; j < d; j++) {
            const size_t at = i % k * d + j, from = from_one ? i / k : i;
            y[i * d + j] = x[from * d + j] * s[at] + (b ? b[at] : 0.0);
        }
}

void oracle_scale_backward(double *dx, double *ds, double *db, const double *dy,
                           const double *x, const double *s, size_t n, size_t k, size_t d,
                           bool from_one)
{
    memset(dx, 0, (from_one ? n : n * k) * d * sizeof *dx);
    memset(ds, 0, k * d * sizeof *ds);
    if (db)
        memset(db, 0, k * d * sizeof *db);
    for (size_t i = 0; i < n * k; i++)
        for (size_t j = 0; j < d; j++) {
            const size_t at = i % k * d + j, from = (from_one ? i / k : i) * d + j;
            dx[from] += dy[i * d + j] * s[at];
            ds[at] += dy[i * d + j] * x[from];
            if (db)
                db[at] += dy[i * d + j];
        }
}

void oracle_member_linear(double *y, const double *x, const double *w, const double *b,
                          size_t n, size_t k, size_t d, size_t h)
{
    for (size_t i = 0; i < n * k; i++)
        oracle_linear(y + i * h, x + i * d, w + i % k * h * d, b + i % k * h, 1, d, h);
}

void oracle_member_linear_backward(double *dx, double *dw, double *db, const double *dy,
                                   const double *x, const double *w, size_t n, size_t k,
                                   size_t d, size_t h)
{
    memset(dx, 0, n * k * d * sizeof *dx);
    memset(dw, 0, k * h * d * sizeof *dw);
    memset(db, 0, k * h * sizeof *db);
    for (size_t i = 0; i < n * k; i++)
        for (size_t j = 0; j < h; j++) {
            const size_t at = i % k * h + j;
            db[at] += dy[i * h + j];
            for (size_t c = 0; c < d; c++) {
                dx[i * d + c] += dy[i * h + j] * w[at * d + c];
                dw[at * d + c] += dy[i * h + j] * x[i * d + c];
            }
        }
}

/* The mean over members of softmax(x)[j], or with one output of sigmoid(x), sigmoid(-x).
 */
static double mean_probability(const double *x, size_t k, size_t c, size_t j, double sign)
{
    double mean = 0.0;
    for (size_t m = 0; m < k; m++) {
        double sum = c == 1 ? 1.0 + exp(-sign * x[m]) : 0.0;
        for (size_t i = 0; c > 1 && i < c; i++)
            sum += exp(x[m * c + i] - x[m * c + j]);
        mean += 1.0 / sum / (double)k;
    }
    return mean;
}

void oracle_stack(double *y, const double *a, const double *b, size_t n, size_t first,
                  size_t last)
{
    for (size_t i = 0; i < n * (first + last); i++) {
        const size_t row = i / (first + last), at = i % (first + last);
        y[i] = at < first ? a[row * first + at] : b[row * last + at - first];
    }
}

void oracle_unstack(double *da, double *db, const double *dy, size_t n, size_t first,
                    size_t last)
{
    for (size_t i = 0; i < n * (first + last); i++) {
        const size_t row = i / (first + last), at = i % (first + last);
        *(at < first ? &da[row * first + at] : &db[row * last + at - first]) += dy[i];
    }
}

void oracle_average(double *y, const double *x, size_t n, size_t k, size_t c, bool values)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < c; j++) {
            const double *row = x + i * k * c;
            double mean = 0.0;
            for (size_t m = 0; m < k; m++)
                mean += row[m * c + j] / (double)k;
            y[i * c + j] = values ? mean : log(mean_probability(row, k, c, j, 1.0));
            if (!values && c == 1)
                y[i] -= log(mean_probability(row, k, c, j, -1.0));
        }
}

/* ---- losses ---- */

static double cross_entropy_row(double *delta, const double *o, size_t label, size_t c)
{
    double most = o[0], sum = 0.0;
    for (size_t j = 1; j < c; j++)
        most = fmax(most, o[j]);
    for (size_t j = 0; j < c; j++)
        sum += exp(o[j] - most);
    for (size_t j = 0; delta && j < c; j++)
        delta[j] = exp(o[j] - most) / sum - (j == label);
    return log(sum) + most - o[label];
}

static double loss_row(enum nastl_loss loss, double *delta, const double *o, double y,
                       size_t c)
{
    if (loss == NASTL_LOSS_CROSS_ENTROPY)
        return cross_entropy_row(delta, o, (size_t)y, c);
    if (loss == NASTL_LOSS_SQUARED_ERROR) {
        if (delta)
            *delta = 2.0 * (*o - y);
        return (*o - y) * (*o - y);
    }
    if (loss == NASTL_LOSS_HUBER) {
        const double error = *o - y;
        if (delta)
            *delta = fmax(-1.0, fmin(1.0, error));
        return fabs(error) <= 1.0 ? error * error / 2.0 : fabs(error) - 0.5;
    }
    if (delta)
        *delta = 1.0 / (1.0 + exp(-*o)) - y;
    return log1p(exp(-fabs(*o))) + fmax(*o, 0.0) - *o * y;
}

double oracle_loss(enum nastl_loss loss, double *delta, const double *outputs,
                   const float *y, size_t n, size_t c)
{
    double total = 0.0;
    for (size_t i = 0; i < n; i++)
        total += loss_row(loss, delta ? delta + i * c : NULL, outputs + i * c, y[i], c);
    for (size_t i = 0; delta && i < n * c; i++)
        delta[i] /= (double)n;
    return total;
}

/* ---- AdamW, as torch.optim.AdamW ---- */

void oracle_adamw(double *p, double *m, double *v, double g, double decay,
                  const struct nastl_recipe *recipe, int t)
{
    *p *= 1.0 - recipe->learning_rate * decay;
    *m = recipe->beta1 * *m + (1.0 - recipe->beta1) * g;
    *v = recipe->beta2 * *v + (1.0 - recipe->beta2) * g * g;
    const double m_hat = *m / (1.0 - pow(recipe->beta1, t));
    const double v_hat = *v / (1.0 - pow(recipe->beta2, t));
    *p -= recipe->learning_rate * m_hat / (sqrt(v_hat) + 1e-8);
}

/* ---- a whole network ---- */

static double *doubles(size_t n)
{
    double *block = calloc(n + 1, sizeof *block);
    if (!block)
        abort();
    return block;
}

void oracle_create(struct oracle *oracle, const struct nastl_net *net, size_t most_rows)
{
    const struct nastl_graph *graph = nastl_net_graph(net);
    const size_t tensors = graph->tensor_count, nodes = graph->node_count;
    *oracle = (struct oracle){.graph = graph};
    oracle->param = calloc(tensors + 1, sizeof *oracle->param);
    oracle->grad = calloc(tensors + 1, sizeof *oracle->grad);
    oracle->value = calloc(nodes, sizeof *oracle->value);
    oracle->delta = calloc(nodes, sizeof *oracle->delta);
    for (size_t i = 0; i < tensors; i++) {
        const size_t n = nastl_tensor_size(&graph->tensors[i]);
        oracle->param[i] = doubles(n);
        oracle->grad[i] = doubles(n);
        for (size_t j = 0; j < n; j++)
            oracle->param[i][j] = nastl_net_tensor(net, i)->data[j];
    }
    for (size_t i = 0; i < nodes; i++) {
        const size_t numbers = most_rows * graph->nodes[i].rows * graph->nodes[i].width;
        oracle->value[i] = doubles(numbers);
        oracle->delta[i] = doubles(numbers);
    }
}

void oracle_destroy(struct oracle *oracle)
{
    for (size_t i = 0; i < oracle->graph->tensor_count; i++) {
        free(oracle->param[i]);
        free(oracle->grad[i]);
    }
    for (size_t i = 0; i < oracle->graph->node_count; i++) {
        free(oracle->value[i]);
        free(oracle->delta[i]);
    }
    free(oracle->param);
    free(oracle->grad);
    free(oracle->value);
    free(oracle->delta);
}

/* The node of the outputs: in training, an average is left out. */
static size_t last_node(const struct oracle *oracle)
{
    const size_t last = oracle->graph->node_count - 1;
    const bool averages = oracle->graph->nodes[last].kind == NASTL_NODE_AVERAGE;
    return averages && oracle->training ? oracle->graph->nodes[last].from : last;
}

size_t oracle_members(const struct oracle *oracle)
{
    return oracle->graph->nodes[last_node(oracle)].rows;
}

double *oracle_output(struct oracle *oracle)
{
    return oracle->value[last_node(oracle)];
}

double *oracle_output_delta(struct oracle *oracle)
{
    return oracle->delta[last_node(oracle)];
}

/* The columns of one categorical value. */
static void encode(const struct oracle *oracle, double *x, size_t k, size_t code)
{
    const struct nastl_encoding *e = &oracle->graph->encodings[k];
    for (size_t c = 0; c < e->width; c++)
        x[e->at + c] =
            e->embedded ? oracle->param[e->tensor][code * e->width + c] : (c == code);
}

static void input_forward(struct oracle *oracle, const struct nastl_xy *xy,
                          const int32_t *rows)
{
    const size_t width = oracle->graph->nodes[0].width;
    for (size_t i = 0; i < oracle->n; i++) {
        const size_t row = rows ? (size_t)rows[i] : i;
        double *x = oracle->value[0] + i * width;
        for (size_t c = 0; c < xy->numeric; c++)
            x[c] = xy->x[row * xy->numeric + c];
        for (size_t k = 0; k < xy->categorical; k++)
            encode(oracle, x, k, (size_t)xy->code[row * xy->categorical + k]);
    }
}

static void input_backward(struct oracle *oracle, const struct nastl_xy *xy,
                           const int32_t *rows)
{
    const size_t width = oracle->graph->nodes[0].width;
    for (size_t k = 0; k < xy->categorical; k++) {
        const struct nastl_encoding *e = &oracle->graph->encodings[k];
        if (!e->embedded || e->width == 0)
            continue;
        double *grad = oracle->grad[e->tensor];
        memset(grad, 0, oracle->graph->shape.cardinality[k] * e->width * sizeof *grad);
        for (size_t i = 0; i < oracle->n; i++) {
            const size_t row = rows ? (size_t)rows[i] : i;
            const size_t code = (size_t)xy->code[row * xy->categorical + k];
            for (size_t c = 0; c < e->width; c++)
                grad[code * e->width + c] += oracle->delta[0][i * width + e->at + c];
        }
    }
}

/* One node: what it reads, what it gives, and its sizes. */
struct view {
    const struct nastl_node *node;
    const double *x;
    double *y, **p, **g;
    size_t n, d, k; /* rows of its output, width of its input, rows of one row of data */
};

static struct view view_of(const struct oracle *oracle, size_t at)
{
    const struct nastl_node *node = &oracle->graph->nodes[at];
    return (struct view){.node = node,
                         .x = oracle->value[node->from],
                         .y = oracle->value[at],
                         .p = oracle->param + node->tensor,
                         .g = oracle->grad + node->tensor,
                         .n = oracle->n * node->rows,
                         .d = oracle->graph->nodes[node->from].width,
                         .k = node->rows};
}

static bool has_bias(const struct view *v)
{
    return v->node->tensor_count == 2;
}

/* What only a network with members has; false: another kind. */
static bool member_forward(const struct oracle *oracle, const struct view *v)
{
    const size_t rows = oracle->n, from = oracle->graph->nodes[v->node->from].rows;
    if (v->node->kind == NASTL_NODE_MEMBERS || v->node->kind == NASTL_NODE_SCALE)
        oracle_scale(v->y, v->x, v->p[0], has_bias(v) ? v->p[1] : NULL, rows, v->k, v->d,
                     from == 1);
    else if (v->node->kind == NASTL_NODE_MEMBER_LINEAR)
        oracle_member_linear(v->y, v->x, v->p[0], v->p[1], rows, v->k, v->d,
                             v->node->width);
    else if (v->node->kind == NASTL_NODE_STACK)
        oracle_stack(v->y, oracle->value[v->node->other], v->x, rows,
                     (v->k - from) * v->d, from * v->d);
    else if (v->node->kind == NASTL_NODE_AVERAGE)
        oracle_average(v->y, v->x, rows, from, v->d, oracle->graph->shape.values);
    else
        return false;
    return true;
}

static bool is_embedding(const struct nastl_node *node)
{
    return node->kind == NASTL_NODE_PIECEWISE || node->kind == NASTL_NODE_PERIODIC;
}

static bool has_share(const struct nastl_node *node)
{
    return node->kind == NASTL_NODE_ACTIVATION && node->tensor_count == 1;
}

/* Embeddings, tokens and learned activations; false: another kind. */
static bool token_forward(struct oracle *oracle, const struct view *v)
{
    const struct nastl_node *node = v->node;
    const size_t rows = oracle->graph->nodes[node->from].rows;
    if (is_embedding(node))
        oracle_embed(v->y, v->x, node, v->p, v->n, oracle->graph->shape.numeric, v->d,
                     &oracle->margin);
    else if (node->kind == NASTL_NODE_PBLD)
        oracle_pbld(v->y, v->x, node, v->p, v->n, oracle->graph->shape.numeric, v->d);
    else if (has_share(node))
        oracle_share(v->y, v->x, v->p[0], node->activation, v->n, v->d);
    else if (node->kind == NASTL_NODE_TOKENS)
        oracle_tokens(v->y, v->x, node, v->d, oracle);
    else if (node->kind == NASTL_NODE_ATTENTION)
        oracle_attention(v->y, v->x, node, oracle->n, rows);
    else if (node->kind == NASTL_NODE_REGLU)
        oracle_reglu(v->y, v->x, v->n, node->width);
    else if (node->kind == NASTL_NODE_FIRST)
        oracle_first(v->y, v->x, v->n, rows, v->d);
    else
        return false;
    return true;
}

static void node_forward(struct oracle *oracle, size_t at, bool training)
{
    const struct view v = view_of(oracle, at);
    double *zeros = doubles(v.node->width);
    if (v.node->kind == NASTL_NODE_LINEAR)
        oracle_linear(v.y, v.x, v.p[0], has_bias(&v) ? v.p[1] : zeros, v.n, v.d,
                      v.node->width);
    else if (v.node->kind == NASTL_NODE_LAYER_NORM)
        oracle_layer_norm(v.y, v.x, v.p[0], v.p[1], v.n, v.d);
    else if (v.node->kind == NASTL_NODE_BATCH_NORM)
        oracle_batch_norm(v.y, v.p[2], v.p[3], v.x, v.p[0], v.p[1], v.n, v.d, training);
    else if (v.node->kind == NASTL_NODE_ADD)
        oracle_add(v.y, v.x, oracle->value[v.node->other], v.n * v.d);
    else if (!member_forward(oracle, &v) && !token_forward(oracle, &v))
        for (size_t i = 0; i < v.n * v.d; i++)
            v.y[i] = v.node->kind == NASTL_NODE_DROPOUT
                         ? v.x[i]
                         : oracle_activation(v.node->activation, v.x[i]);
    free(zeros);
}

static bool member_backward(const struct oracle *oracle, const struct view *v,
                            const double *dy, double *dx)
{
    const size_t rows = oracle->n, from = oracle->graph->nodes[v->node->from].rows;
    if (v->node->kind == NASTL_NODE_MEMBERS || v->node->kind == NASTL_NODE_SCALE)
        oracle_scale_backward(dx, v->g[0], has_bias(v) ? v->g[1] : NULL, dy, v->x,
                              v->p[0], rows, v->k, v->d, from == 1);
    else if (v->node->kind == NASTL_NODE_MEMBER_LINEAR)
        oracle_member_linear_backward(dx, v->g[0], v->g[1], dy, v->x, v->p[0], rows, v->k,
                                      v->d, v->node->width);
    else if (v->node->kind == NASTL_NODE_STACK)
        oracle_unstack(oracle->delta[v->node->other], dx, dy, rows, (v->k - from) * v->d,
                       from * v->d);
    else
        return false;
    return true;
}

static bool token_backward(struct oracle *oracle, const struct view *v, const double *dy,
                           double *dx)
{
    const struct nastl_node *node = v->node;
    const size_t rows = oracle->graph->nodes[node->from].rows;
    if (is_embedding(node))
        oracle_embed_backward(dx, dy, v->x, v->y, node, v->p, v->g, v->n,
                              oracle->graph->shape.numeric, v->d);
    else if (node->kind == NASTL_NODE_PBLD)
        oracle_pbld_backward(dx, dy, v->x, node, v->p, v->g, v->n,
                             oracle->graph->shape.numeric, v->d);
    else if (has_share(node))
        oracle_share_backward(dx, v->g[0], dy, v->x, v->p[0], node->activation, v->n,
                              v->d);
    else if (node->kind == NASTL_NODE_TOKENS)
        oracle_tokens_backward(dx, dy, v->x, node, v->d, oracle);
    else if (node->kind == NASTL_NODE_ATTENTION)
        oracle_attention_backward(dx, dy, v->x, node, oracle->n, rows);
    else if (node->kind == NASTL_NODE_REGLU)
        oracle_reglu_backward(dx, dy, v->x, v->n, node->width);
    else if (node->kind == NASTL_NODE_FIRST)
        oracle_first_backward(dx, dy, v->n, rows, v->d);
    else
        return false;
    return true;
}

/* dx of what a node reads. */
static void node_backward(struct oracle *oracle, size_t at, double *dx)
{
    const struct view v = view_of(oracle, at);
    const double *dy = oracle->delta[at];
    double *unused = doubles(v.node->width);
    if (v.node->kind == NASTL_NODE_LINEAR)
        oracle_linear_backward(dx, v.g[0], has_bias(&v) ? v.g[1] : unused, dy, v.x,
                               v.p[0], v.n, v.d, v.node->width);
    else if (v.node->kind == NASTL_NODE_LAYER_NORM)
        oracle_layer_norm_backward(dx, v.g[0], v.g[1], dy, v.x, v.p[0], v.n, v.d);
    else if (v.node->kind == NASTL_NODE_BATCH_NORM)
        oracle_batch_norm_backward(dx, v.g[0], v.g[1], dy, v.x, v.p[0], v.n, v.d);
    else if (!member_backward(oracle, &v, dy, dx) && !token_backward(oracle, &v, dy, dx))
        for (size_t i = 0; i < v.n * v.d; i++)
            dx[i] = v.node->kind == NASTL_NODE_ACTIVATION
                        ? dy[i] * oracle_activation_slope(v.node->activation, v.x[i])
                        : dy[i];
    free(unused);
}

static size_t numbers_of(const struct oracle *oracle, size_t at)
{
    return oracle->n * oracle->graph->nodes[at].rows * oracle->graph->nodes[at].width;
}

/* What a node reads gets its share, whoever else has given one. */
static void share_backward(struct oracle *oracle, size_t at)
{
    const struct nastl_node *node = &oracle->graph->nodes[at];
    const size_t n = numbers_of(oracle, node->from);
    double *dx = doubles(n);
    node_backward(oracle, at, dx);
    oracle_add(oracle->delta[node->from], oracle->delta[node->from], dx, n);
    if (node->kind == NASTL_NODE_ADD)
        oracle_add(oracle->delta[node->other], oracle->delta[node->other],
                   oracle->delta[at], n);
    free(dx);
}

static void note_margin(struct oracle *oracle, const struct nastl_node *node)
{
    const bool relu = node->kind == NASTL_NODE_ACTIVATION &&
                      (node->activation == NASTL_ACTIVATION_RELU ||
                       node->activation == NASTL_ACTIVATION_SELU);
    const bool gated = node->kind == NASTL_NODE_REGLU;
    const size_t stride = gated ? 2 * node->width : node->width;
    const double *x = oracle->value[node->from] + (gated ? node->width : 0);
    for (size_t i = 0; (relu || gated) && i < oracle->n * node->rows; i++)
        for (size_t c = 0; c < node->width; c++)
            oracle->margin = fmin(oracle->margin, fabs(x[i * stride + c]));
}

void oracle_forward(struct oracle *oracle, const struct nastl_xy *xy, const int32_t *rows,
                    size_t n, bool training)
{
    oracle->n = n;
    oracle->training = training;
    oracle->xy = xy;
    oracle->rows = rows;
    oracle->margin = INFINITY;
    input_forward(oracle, xy, rows);
    for (size_t i = 1; i < oracle->graph->node_count; i++) {
        node_forward(oracle, i, training);
        note_margin(oracle, &oracle->graph->nodes[i]);
    }
}

void oracle_backward(struct oracle *oracle, const struct nastl_xy *xy,
                     const int32_t *rows)
{
    const size_t last = last_node(oracle);
    for (size_t i = 0; i < last; i++)
        memset(oracle->delta[i], 0, numbers_of(oracle, i) * sizeof(double));
    for (size_t i = last; i > 0; i--)
        share_backward(oracle, i);
    input_backward(oracle, xy, rows);
}

double oracle_run_loss(struct oracle *oracle, enum nastl_loss loss, const float *y)
{
    const size_t k = oracle_members(oracle), n = oracle->n * k;
    float *labels = malloc((n + 1) * sizeof *labels);
    if (!labels)
        abort();
    for (size_t i = 0; i < n; i++)
        labels[i] = y[i / k];
    const double sum =
        oracle_loss(loss, oracle_output_delta(oracle), oracle_output(oracle), labels, n,
                    oracle->graph->shape.outputs);
    free(labels);
    return sum / (double)k;
}

double oracle_mean_loss(struct oracle *oracle, enum nastl_loss loss,
                        const struct nastl_xy *xy, const int32_t *rows, const float *y,
                        size_t n)
{
    oracle_forward(oracle, xy, rows, n, true);
    return oracle_run_loss(oracle, loss, y) / (double)n;
}
