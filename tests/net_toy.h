/* net_toy.h: small networks and data for the tests of arch and nn.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_NET_TOY_H
#define TESTS_NET_TOY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/strbuf.h"
#include "nn/train.h"

#include <stdlib.h>
#include <string.h>

/* A NULL-terminated list of "key=value" texts. */
#define SETTINGS(...)                                                                    \
    (const char *const[])                                                                \
    {                                                                                    \
        __VA_ARGS__, NULL                                                                \
    }

/* A candidate from "key=value" texts, NULL at the end; texts that are no numbers stay
 * texts. Finish it with nastl_candidate_finish(). */
static inline void toy_candidate(struct nastl_candidate *out, const char *const *settings)
{
    nastl_candidate_init(out);
    for (; *settings; settings++) {
        char key[64];
        const char *value = strchr(*settings, '=') + 1;
        double number = 0.0;
        snprintf(key, sizeof key, "%.*s", (int)(value - *settings - 1), *settings);
        const bool numeric = nastl_number_parse(&number, value, strlen(value));
        assert_int_equal(nastl_candidate_set(out, key, numeric ? NULL : value, number),
                         0);
    }
}

/* A network of a candidate, drawn with a seed. */
struct toy_net {
    struct nastl_graph *graph;
    struct nastl_net *net;
};

static inline void toy_net_create(struct toy_net *out, const char *const *settings,
                                  const struct nastl_shape *shape, uint64_t seed)
{
    struct nastl_candidate candidate;
    toy_candidate(&candidate, settings);
    assert_int_equal(nastl_arch_build(&out->graph, &candidate, shape), 0);
    assert_int_equal(nastl_net_create(&out->net, out->graph), 0);
    nastl_net_init(out->net, seed, 0);
    nastl_candidate_finish(&candidate);
}

static inline void toy_net_destroy(struct toy_net *net)
{
    nastl_net_destroy(net->net);
    nastl_graph_destroy(net->graph);
}

/* n rows: D normal numbers, a random code a categorical column. */
static inline void toy_xy_create(struct nastl_xy *out, const struct nastl_shape *shape,
                                 size_t n, uint64_t seed)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    *out = (struct nastl_xy){
        .rows = n, .numeric = shape->numeric, .categorical = shape->categorical};
    out->x = malloc((n * shape->numeric + 1) * sizeof *out->x);
    out->code = malloc((n * shape->categorical + 1) * sizeof *out->code);
    assert_true(out->x && out->code);
    for (size_t i = 0; i < n * shape->numeric; i++)
        out->x[i] = (float)nastl_rng_normal(&rng);
    for (size_t i = 0; i < n * shape->categorical; i++)
        out->code[i] =
            (int32_t)nastl_rng_below(&rng, shape->cardinality[i % shape->categorical]);
}

static inline void toy_xy_destroy(struct nastl_xy *xy)
{
    free(xy->x);
    free(xy->code);
}

/* Labels that suit a loss: classes, 0 or 1, or numbers. The caller frees them. */
static inline float *toy_labels(enum nastl_loss loss, size_t n, size_t outputs,
                                uint64_t seed)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 1, NASTL_RNG_TEST);
    float *y = malloc((n + 1) * sizeof *y);
    assert_non_null(y);
    const size_t classes = loss == NASTL_LOSS_CROSS_ENTROPY ? outputs : 2;
    for (size_t i = 0; i < n; i++)
        y[i] = loss == NASTL_LOSS_SQUARED_ERROR || loss == NASTL_LOSS_HUBER
                   ? (float)nastl_rng_normal(&rng)
                   : (float)nastl_rng_below(&rng, classes);
    return y;
}

/* 0, 1, … n - 1; the caller frees them. */
static inline int32_t *toy_rows(size_t n)
{
    int32_t *rows = malloc((n + 1) * sizeof *rows);
    assert_non_null(rows);
    for (size_t i = 0; i < n; i++)
        rows[i] = (int32_t)i;
    return rows;
}

#endif
