/* check_rig.h: what the checks of the engine against the oracle share: a seed, random
 * numbers, a distance, and a network with rows, labels and its oracle.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_RIG_H
#define TESTS_CHECK_RIG_H

#include "net_toy.h"
#include "oracle.h"

/* ---- random numbers ---- */

/* NASTL_TEST_SEED, or what is always taken. */
uint64_t check_seed(void);
/* Before a group of tests: prints the seed; one thread. */
void check_begin(void);

struct nastl_rng check_stream(uint32_t trial);
size_t between(struct nastl_rng *rng, size_t low, size_t high);
void fill_normal(float *x, size_t n, struct nastl_rng *rng);

/* Moves biases, norms and running statistics from where a network begins. */
void draw_statistics(struct nastl_net *net, struct nastl_rng *rng);

/* ---- distance ---- */

/* All numbers are finite and off by `tolerance` of the largest of them at most; those
 * below `scale` count as that large. */
void assert_close(const float *got, const double *wanted, size_t n, double scale,
                  double tolerance, const char *what);

/* ---- a network, rows, labels ---- */

struct precision {
    double step;       /* of central differences */
    double difference; /* tolerance of the oracle against them */
    double kink;       /* nearer to one, two ways of computing may take two sides */
    double engine;     /* tolerance of float against double */
};

struct check_rig {
    struct toy_net toy;
    struct nastl_xy xy;
    float *y;
    int32_t *rows;
    size_t count; /* rows */
    enum nastl_loss loss;
    struct oracle oracle;
    const struct precision *precision;
};

/* `rig` has a network; draws the rows, of that many, and the labels. */
void check_rig_fill(struct check_rig *rig, size_t count, enum nastl_loss loss,
                    const struct precision *precision);
/* Reads the network's weights into the oracle, once they are what they shall be. */
void check_rig_ask(struct check_rig *rig);
void check_rig_destroy(struct check_rig *rig);

/* The oracle's gradients are as (f(p + h) - f(p - h)) / 2h. */
void check_differences(struct check_rig *rig);
/* The engine's loss and gradients are as the oracle's. */
void check_engine(struct check_rig *rig);
/* Deployed: batches are as the oracle says, single rows are as batches. */
void check_deployed(struct check_rig *rig);

#endif
