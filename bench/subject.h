/* subject.h: the networks that are measured, by the name of their case, and rows to train
 * them on. SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include "nn/train.h"

enum { SUBJECT_INPUTS = 64, SUBJECT_CLASSES = 10, SUBJECT_ROWS = 10240 };

struct subject {
    struct nastl_graph *graph;
    struct nastl_net *net;
    struct nastl_train_params params; /* recipe, rows and labels */
    struct nastl_xy xy;
    float *y;
    int32_t *rows; /* 0, 1, … */
};

/* "mlp-h256-b1024": three hidden layers of 256, batches of 1024. "mlp-3x256": the same
 * network, batches of 256. ReLU, no norm, no dropout; AdamW without clipping. "ft-w64":
 * an FT-Transformer of width 64, 3 blocks, 8 heads, ReGLU 4/3; no dropout, batches of
 * 256. "tabm-h256": a full TabM of 32 members and three layers of 256 on piecewise-linear
 * embeddings of 12 numbers a column, dropout 0.1, batches of 256. "realmlp": the preset.
 */
int subject_create(struct subject *out, const char *name, size_t rows);
void subject_destroy(struct subject *subject); /* zeros are fine */

#endif
