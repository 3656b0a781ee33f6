/* ops.c: single operators of the engine, as a plan runs them, at batch 256. A contender
 * of bench/run; a case is OPERATOR-hH, H the width. Work counts calls.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/rng.h"
#include "contender.h"
#include "nn/loss.h"
#include "nn/net_impl.h"
#include "nn/optim.h"

enum { BATCH = 256, ROWS = 10240, CLASSES = 10, INPUTS = 64 };

/* Going back in place wears a delta down to nothing: it is renewed after so many calls.
 */
enum { CALLS = 64 };

struct bench;

struct operation {
    const char *name;
    /* Adds the operator to a graph after node `from`; NULL where it is no node. */
    size_t (*add)(struct nastl_graph *graph, size_t from, size_t width);
    int (*run)(struct bench *bench);
};

struct bench {
    const struct operation *operation;
    size_t width;
    /* of a node */
    struct nastl_graph *graph;
    struct nastl_net *net;
    struct nastl_plan *plan;
    struct nastl_op *op;
    struct nastl_step step;
    struct nastl_xy xy;
    int32_t rows[ROWS];
    float *delta; /* to renew the operator's */
    /* of a function over blocks */
    struct nastl_recipe recipe;
    float *block[4];
    float labels[BATCH];
    size_t numbers, decayed;
    uint64_t time;
};

/* ---- what is run ---- */

static int run_forward(struct bench *bench)
{
    return bench->op->kind->forward(bench->op, &bench->step);
}

static int run_backward(struct bench *bench)
{
    return bench->op->kind->backward(bench->op, &bench->step);
}

static int run_both(struct bench *bench)
{
    TRY(run_forward(bench));
    return run_backward(bench);
}

static int run_gather(struct bench *bench)
{
    struct nastl_op *input = &bench->plan->ops[0];
    bench->step.rows = bench->rows + bench->time++ % (ROWS / BATCH) * BATCH;
    return input->kind->forward(input, &bench->step);
}

static int run_loss(struct bench *bench)
{
    nastl_loss_gradient(NASTL_LOSS_CROSS_ENTROPY, bench->block[0], bench->block[1],
                        bench->labels, BATCH, BATCH, CLASSES);
    return 0;
}

static int run_adamw(struct bench *bench)
{
    const struct nastl_group groups[] = {
        {.count = bench->decayed, .rate = 1.0, .decay = 1.0, .epsilon = 1.0},
        {.at = bench->decayed,
         .count = bench->numbers - bench->decayed,
         .rate = 1.0,
         .epsilon = 1.0}};
    const struct nastl_moments moments = {.m = bench->block[2], .v = bench->block[3]};
    nastl_adamw(bench->block[0], bench->block[1], &moments, groups, 2, &bench->recipe,
                ++bench->time, 1.0f);
    return 0;
}

static size_t add_linear(struct nastl_graph *graph, size_t from, size_t width)
{
    return nastl_graph_linear(graph, from, "tested", width);
}

static size_t add_layer_norm(struct nastl_graph *graph, size_t from, size_t width)
{
    (void)width;
    return nastl_graph_layer_norm(graph, from, "tested");
}

static size_t add_batch_norm(struct nastl_graph *graph, size_t from, size_t width)
{
    (void)width;
    return nastl_graph_batch_norm(graph, from, "tested");
}

static size_t add_gelu(struct nastl_graph *graph, size_t from, size_t width)
{
    (void)width;
    return nastl_graph_activation(graph, from, NASTL_ACTIVATION_GELU);
}

static const struct operation operations[] = {
    {"linear-forward", add_linear, run_forward},
    {"linear-backward", add_linear, run_backward},
    {"layer-norm", add_layer_norm, run_both},
    {"batch-norm", add_batch_norm, run_both},
    {"gelu", add_gelu, run_both},
    {"gather", add_linear, run_gather},
    {"cross-entropy", NULL, run_loss},
    {"adamw", NULL, run_adamw},
};

/* ---- making one ready ---- */

static void fill(float *x, size_t n, struct nastl_rng *rng)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)nastl_rng_normal(rng);
}

static void forget(struct bench *bench)
{
    nastl_plan_destroy(bench->plan);
    nastl_net_destroy(bench->net);
    nastl_graph_destroy(bench->graph);
    free(bench->xy.x);
    free(bench->delta);
    for (int i = 0; i < 4; i++)
        free(bench->block[i]);
    *bench = (struct bench){0};
}

/* Rows in random order, their numbers, and a plan of the operator in training. */
static int fill_node(struct bench *bench, struct nastl_rng *rng)
{
    const size_t inputs = bench->xy.numeric;
    bench->xy.x = nastl_alloc_aligned(ROWS * inputs, sizeof(float));
    bench->block[0] = nastl_alloc_aligned(bench->net->trainable, sizeof(float));
    if (!bench->xy.x || !bench->block[0])
        return nastl_error_nomem("an operator's input");
    fill(bench->xy.x, ROWS * inputs, rng);
    for (int32_t i = 0; i < ROWS; i++)
        bench->rows[i] = i;
    nastl_rng_shuffle(rng, bench->rows, ROWS);
    bench->step = (struct nastl_step){
        .xy = &bench->xy, .rows = bench->rows, .count = BATCH, .seed = 1};
    const struct nastl_block params = {.data = bench->net->params, .at = bench->net->at};
    const struct nastl_block grads = {.data = bench->block[0], .at = bench->net->at};
    return nastl_plan_create(&bench->plan, bench->graph, bench->net->dnnl, BATCH, &params,
                             &grads);
}

/* input, linear, layer norm, the operator: so it has something to pass its delta on to,
 * and no bias to sum for the linear before it. */
static int prepare_node(struct bench *bench, struct nastl_rng *rng)
{
    const bool gathers = bench->operation->run == run_gather;
    const struct nastl_shape shape = {.numeric = gathers ? INPUTS : bench->width,
                                      .outputs = bench->width};
    TRY(nastl_graph_create(&bench->graph, &shape));
    size_t at = nastl_graph_input(bench->graph);
    at = nastl_graph_linear(bench->graph, at, "first", bench->width);
    at = nastl_graph_layer_norm(bench->graph, at, "second");
    bench->operation->add(bench->graph, at, bench->width);
    TRY(bench->graph->failed ? nastl_error_nomem("a graph") : 0);
    TRY(nastl_net_create(&bench->net, bench->graph));
    nastl_net_init(bench->net, 1, 0);
    bench->xy = (struct nastl_xy){.rows = ROWS, .numeric = shape.numeric};
    TRY(fill_node(bench, rng));
    TRY(nastl_plan_forward(bench->plan, &bench->step));
    bench->op = &bench->plan->ops[bench->plan->count - 1];
    bench->numbers = bench->op->rows * bench->op->width;
    bench->delta = nastl_alloc(bench->numbers, sizeof(float));
    if (!bench->delta)
        return nastl_error_nomem("a delta");
    fill(bench->delta, bench->numbers, rng);
    return 0;
}

/* As many parameters as a network of 64 inputs, three hidden layers and 10 classes. */
static int prepare_blocks(struct bench *bench, struct nastl_rng *rng)
{
    const size_t width = bench->width;
    struct nastl_candidate none;
    nastl_candidate_init(&none);
    nastl_recipe_of(&bench->recipe, &none);
    nastl_candidate_finish(&none);
    bench->decayed = INPUTS * width + 2 * width * width + CLASSES * width;
    bench->numbers = bench->decayed + 3 * width + CLASSES;
    if (bench->operation->run == run_loss)
        bench->numbers = BATCH * CLASSES;
    for (int i = 0; i < 4; i++) {
        bench->block[i] = nastl_alloc_aligned(bench->numbers, sizeof(float));
        if (!bench->block[i])
            return nastl_error_nomem("a block");
    }
    fill(bench->block[0], bench->numbers, rng);
    fill(bench->block[1], bench->numbers, rng);
    for (size_t i = 0; i < BATCH; i++)
        bench->labels[i] = (float)nastl_rng_below(rng, CLASSES);
    return 0;
}

static const struct operation *find(const char *name, size_t *width)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        const size_t length = strlen(operations[i].name);
        if (strncmp(name, operations[i].name, length) == 0 &&
            sscanf(name + length, "-h%zu", width) == 1)
            return &operations[i];
    }
    return NULL;
}

static int prepare(void *payload, const char *name, const char *variant)
{
    struct bench *bench = payload;
    struct nastl_rng rng;
    (void)variant;
    forget(bench);
    bench->operation = find(name, &bench->width);
    if (!bench->operation)
        return nastl_error(NASTL_ENOTSUP, "'%s': no such operator; name OPERATOR-hH",
                           name);
    nastl_rng_init(&rng, 1, 0, NASTL_RNG_TEST);
    return bench->operation->add ? prepare_node(bench, &rng)
                                 : prepare_blocks(bench, &rng);
}

/* ---- a slice ---- */

static int slice(void *payload, double seconds, struct nastl_strbuf *reply)
{
    struct bench *bench = payload;
    const double end = nastl_clock_seconds() + seconds;
    const double start = nastl_clock_process_cpu();
    size_t calls = 0;
    do {
        if (bench->delta)
            memcpy(bench->op->delta, bench->delta, bench->numbers * sizeof(float));
        for (int i = 0; i < CALLS; i++)
            TRY(bench->operation->run(bench));
        calls += CALLS;
    } while (nastl_clock_seconds() < end);
    reply_number(reply, "cpu", nastl_clock_process_cpu() - start);
    reply_number(reply, "work", (double)calls);
    return 0;
}

int main(void)
{
    static struct bench bench;
    const struct contender contender = {
        .prepare = prepare, .slice = slice, .payload = &bench};
    omp_set_num_threads(1);
    const int status = contend(&contender);
    forget(&bench);
    return status;
}
