/* oracle_tokens.c: what the operators of a transformer compute, in plain C and double.
 * SPDX-License-Identifier: Apache-2.0 */
#include "oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- tokens ---- */

/* Of one of the tensors, the row of table k that row i of the run reads. */
static double *table_row(const struct oracle *oracle, double *const *tensors, size_t i,
                         size_t k)
{
    const struct nastl_encoding *e = &oracle->graph->encodings[k];
    const struct nastl_xy *xy = oracle->xy;
    const size_t row = oracle->rows ? (size_t)oracle->rows[i] : i;
    const size_t code = (size_t)xy->code[row * xy->categorical + k];
    return tensors[e->tensor] + code * oracle->graph->tensors[e->tensor].shape[1];
}

void oracle_tokens(double *y, const double *x, const struct nastl_node *node,
                   size_t numbers, const struct oracle *oracle)
{
    double *const *p = oracle->param + node->tensor;
    const size_t width = node->width, columns = node->rows - 1 - numbers;
    const double *table_bias = numbers > 0 ? p[3] : p[1];
    for (size_t i = 0; i < oracle->n; i++) {
        double *out = y + i * node->rows * width;
        for (size_t c = 0; c < width; c++)
            out[c] = p[0][c];
        for (size_t t = 0; t < numbers; t++)
            for (size_t c = 0; c < width; c++)
                out[(1 + t) * width + c] =
                    x[i * numbers + t] * p[1][t * width + c] + p[2][t * width + c];
        for (size_t k = 0; k < columns; k++)
            for (size_t c = 0; c < width; c++)
                out[(1 + numbers + k) * width + c] =
                    table_row(oracle, oracle->param, i, k)[c] + table_bias[k * width + c];
    }
}

static void clear(const struct oracle *oracle, size_t tensor)
{
    const size_t n = nastl_tensor_size(&oracle->graph->tensors[tensor]);
    memset(oracle->grad[tensor], 0, n * sizeof(double));
}

void oracle_tokens_backward(double *dx, const double *dy, const double *x,
                            const struct nastl_node *node, size_t numbers,
                            const struct oracle *oracle)
{
    double *const *p = oracle->param + node->tensor, **g = oracle->grad + node->tensor;
    const size_t width = node->width, columns = node->rows - 1 - numbers;
    for (size_t i = 0; i < node->tensor_count; i++)
        clear(oracle, node->tensor + i);
    for (size_t k = 0; k < columns; k++)
        clear(oracle, oracle->graph->encodings[k].tensor);
    double *table_bias = numbers > 0 ? g[3] : g[1];
    for (size_t i = 0; i < oracle->n; i++) {
        const double *d = dy + i * node->rows * width;
        for (size_t c = 0; c < width; c++)
            g[0][c] += d[c];
        for (size_t t = 0; t < numbers; t++) {
            dx[i * numbers + t] = 0.0;
            for (size_t c = 0; c < width; c++) {
                const double e = d[(1 + t) * width + c];
                g[1][t * width + c] += e * x[i * numbers + t];
                g[2][t * width + c] += e;
                dx[i * numbers + t] += e * p[1][t * width + c];
            }
        }
        for (size_t k = 0; k < columns; k++) {
            double *table = table_row(oracle, oracle->grad, i, k);
            for (size_t c = 0; c < width; c++) {
                const double e = d[(1 + numbers + k) * width + c];
                table[c] += e;
                table_bias[k * width + c] += e;
            }
        }
    }
}

void oracle_first(double *y, const double *x, size_t n, size_t tokens, size_t width)
{
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < width; c++)
            y[i * width + c] = x[i * tokens * width + c];
}

void oracle_first_backward(double *dx, const double *dy, size_t n, size_t tokens,
                           size_t width)
{
    memset(dx, 0, n * tokens * width * sizeof *dx);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < width; c++)
            dx[i * tokens * width + c] = dy[i * width + c];
}

/* ---- ReGLU: y = a max(b, 0) ---- */

void oracle_reglu(double *y, const double *x, size_t n, size_t width)
{
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < width; c++)
            y[i * width + c] =
                x[2 * i * width + c] * fmax(x[(2 * i + 1) * width + c], 0.0);
}

void oracle_reglu_backward(double *dx, const double *dy, const double *x, size_t n,
                           size_t width)
{
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < width; c++) {
            const size_t a = 2 * i * width + c, b = a + width;
            dx[a] = dy[i * width + c] * fmax(x[b], 0.0);
            dx[b] = x[b] > 0.0 ? dy[i * width + c] * x[a] : 0.0;
        }
}

/* ---- attention: softmax(Q K^T / sqrt(width)) V ---- */

/* One query of one head. */
struct query {
    const double *q, *k, *v; /* its own; of token 0: others are `stride` apart */
    size_t stride, tokens, width;
};

static struct query query_at(const double *qkv, const struct nastl_node *node,
                             size_t tokens, size_t row, size_t head, size_t i)
{
    const size_t d = node->width, width = d / node->heads;
    const double *first = qkv + row * tokens * 3 * d + head * width;
    return (struct query){
        first + i * 3 * d, first + d, first + 2 * d, 3 * d, tokens, width};
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void shares(double *p, const struct query *at)
{
    double most = -INFINITY, sum = 0.0;
    for (size_t j = 0; j < at->tokens; j++) {
        p[j] = dot(at->q, at->k + j * at->stride, at->width) / sqrt((double)at->width);
        most = fmax(most, p[j]);
    }
    for (size_t j = 0; j < at->tokens; j++)
        sum += p[j] = exp(p[j] - most);
    for (size_t j = 0; j < at->tokens; j++)
        p[j] /= sum;
}

static void query_forward(double *out, const struct query *at, double *p)
{
    shares(p, at);
    for (size_t c = 0; c < at->width; c++) {
        out[c] = 0.0;
        for (size_t j = 0; j < at->tokens; j++)
            out[c] += p[j] * at->v[j * at->stride + c];
    }
}

/* dq, dk, dv as q, k, v of `at`. */
static void query_backward(double *dq, double *dk, double *dv, const double *dy,
                           const struct query *at, double *p)
{
    const double scale = 1.0 / sqrt((double)at->width);
    double mean = 0.0;
    shares(p, at);
    for (size_t j = 0; j < at->tokens; j++)
        mean += p[j] * dot(dy, at->v + j * at->stride, at->width);
    for (size_t j = 0; j < at->tokens; j++) {
        const size_t token = j * at->stride;
        const double ds = p[j] * (dot(dy, at->v + token, at->width) - mean) * scale;
        for (size_t c = 0; c < at->width; c++) {
            dv[token + c] += p[j] * dy[c];
            dq[c] += ds * at->k[token + c];
            dk[token + c] += ds * at->q[c];
        }
    }
}

void oracle_attention(double *y, const double *qkv, const struct nastl_node *node,
                      size_t n, size_t tokens)
{
    double *p = malloc(tokens * sizeof *p);
    const size_t width = node->width / node->heads;
    for (size_t r = 0; r < n; r++)
        for (size_t h = 0; h < node->heads; h++)
            for (size_t i = 0; i < node->rows; i++) {
                const struct query at = query_at(qkv, node, tokens, r, h, i);
                query_forward(y + (r * node->rows + i) * node->width + h * width, &at, p);
            }
    free(p);
}

void oracle_attention_backward(double *dqkv, const double *dy, const double *qkv,
                               const struct nastl_node *node, size_t n, size_t tokens)
{
    double *p = malloc(tokens * sizeof *p);
    const size_t d = node->width, width = d / node->heads;
    memset(dqkv, 0, n * tokens * 3 * d * sizeof *dqkv);
    for (size_t r = 0; r < n; r++)
        for (size_t h = 0; h < node->heads; h++)
            for (size_t i = 0; i < node->rows; i++) {
                const struct query at = query_at(qkv, node, tokens, r, h, i);
                double *first = dqkv + (at.k - qkv) - d;
                query_backward(first + i * 3 * d, first + d, first + 2 * d,
                               dy + (r * node->rows + i) * d + h * width, &at, p);
            }
    free(p);
}
