/* train.c: how fast a perceptron trains on one core: thousand rows a CPU-second, and the
 * share of the core's peak in fused multiply-adds.
 *
 *   bench_train [BATCH [KEY=VALUE …]]     64 inputs, 3 hidden layers, 10 classes
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "nn/kernel.h"
#include "nn/trainer.h"

enum { INPUTS = 64, CLASSES = 10, ROWS = 10240, ROUNDS = 7 };

/* ---- the peak: independent chains of fused multiply-adds in registers ---- */

typedef float lanes __attribute__((vector_size(64)));

NASTL_HOT static float multiply_add(size_t times)
{
    enum { CHAINS = 12 };
    lanes sum[CHAINS], a, b;
    for (int i = 0; i < 16; i++) {
        a[i] = 0.999f;
        b[i] = 1e-3f;
        for (int j = 0; j < CHAINS; j++) /* equal chains would be computed once */
            sum[j][i] = (float)(i + 16 * j);
    }
    for (size_t t = 0; t < times; t++)
        for (int i = 0; i < CHAINS; i++)
            sum[i] = sum[i] * a + b;
    for (int i = 1; i < CHAINS; i++)
        sum[0] += sum[i];
    return sum[0][0];
}

/* FLOP a second; the best of a few tries. */
static double peak(void)
{
    const size_t times = 1000000;
    double best = INFINITY;
    volatile float sink;
    for (int i = 0; i < ROUNDS; i++) {
        const double start = nastl_clock_thread_cpu();
        sink = multiply_add(times);
        best = fmin(best, nastl_clock_thread_cpu() - start);
    }
    (void)sink;
    return (double)times * 12 * 16 * 2 / best;
}

/* ---- the training ---- */

static void check(int status)
{
    if (status == 0)
        return;
    fprintf(stderr, "bench_train: %s\n", nastl_error_last());
    exit(1);
}

static void fill(struct nastl_xy *xy, float *y, int32_t *rows)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, 1, 0, NASTL_RNG_TEST);
    for (size_t i = 0; i < ROWS * INPUTS; i++)
        xy->x[i] = (float)nastl_rng_normal(&rng);
    for (size_t i = 0; i < ROWS; i++) {
        y[i] = (float)nastl_rng_below(&rng, CLASSES);
        rows[i] = (int32_t)i;
    }
}

static void set(struct nastl_candidate *candidate, const char *setting)
{
    char key[64];
    double number;
    const char *value = strchr(setting, '=');
    if (!value)
        return;
    snprintf(key, sizeof key, "%.*s", (int)(value - setting), setting);
    value++;
    const bool numeric = nastl_number_parse(&number, value, strlen(value));
    check(nastl_candidate_set(candidate, key, numeric ? NULL : value, number));
}

/* Seconds of the thread for one epoch: the best round, as neighbours only slow down. */
static double epoch_seconds(struct nastl_net *net,
                            const struct nastl_train_params *params)
{
    struct nastl_trainer *trainer;
    double best = INFINITY;
    check(nastl_trainer_create(&trainer, net, params));
    check(nastl_trainer_epoch(trainer));
    for (int i = 0; i < ROUNDS; i++) {
        const double start = nastl_clock_thread_cpu();
        check(nastl_trainer_epoch(trainer));
        best = fmin(best, nastl_clock_thread_cpu() - start);
    }
    nastl_trainer_destroy(trainer);
    return best;
}

/* FLOP of a row: three products a layer, but no gradient of the input. */
static double training_flops(double width)
{
    return 2.0 *
           (2.0 * INPUTS * width + 3.0 * 2.0 * width * width + 3.0 * width * CLASSES);
}

static void measure(size_t width, size_t batch, double most, char **settings,
                    struct nastl_train_params *params)
{
    struct nastl_candidate candidate;
    struct nastl_graph *graph;
    struct nastl_net *net;
    const struct nastl_shape shape = {.numeric = INPUTS, .outputs = CLASSES};
    nastl_candidate_init(&candidate);
    check(nastl_candidate_set(&candidate, "mlp.layers", NULL, 3.0));
    check(nastl_candidate_set(&candidate, "mlp.width", NULL, (double)width));
    check(nastl_candidate_set(&candidate, "training.batch_size", NULL, (double)batch));
    for (; *settings; settings++)
        set(&candidate, *settings);
    nastl_recipe_of(&params->recipe, &candidate);
    check(nastl_arch_build(&graph, &candidate, &shape));
    check(nastl_net_create(&net, graph));
    nastl_net_init(net, 1, 0);
    const double rate = ROWS / epoch_seconds(net, params);
    printf("H %4zu  batch %5zu  %8.1f thousand rows/s  %5.1f %% of the peak\n", width,
           batch, rate / 1e3, 100.0 * rate * training_flops((double)width) / most);
    nastl_net_destroy(net);
    nastl_graph_destroy(graph);
    nastl_candidate_finish(&candidate);
}

int main(int argc, char **argv)
{
    omp_set_num_threads(1);
    static float x[ROWS * INPUTS], y[ROWS];
    static int32_t rows[ROWS];
    struct nastl_xy xy = {.rows = ROWS, .numeric = INPUTS, .x = x};
    fill(&xy, y, rows);
    struct nastl_train_params params = {
        .loss = NASTL_LOSS_CROSS_ENTROPY,
        .seed = 1,
        .xy = &xy,
        .y = y,
        .train = rows,
        .train_count = ROWS,
    };
    const size_t batch = argc > 1 ? strtoul(argv[1], NULL, 10) : 256;
    const double most = peak();
    printf("peak of the core: %.1f GFLOP/s\n", most / 1e9);
    for (size_t width = 64; width <= 512; width *= 2)
        measure(width, batch, most, argc > 2 ? argv + 2 : argv + argc, &params);
    return 0;
}
