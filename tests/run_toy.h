/* run_toy.h: a small problem of two domains, whose trainings can be stopped anywhere.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_RUN_TOY_H
#define TESTS_RUN_TOY_H

#include "check.h"

#include "base/clock.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "run/problem.h"

/* Two classes by the sign of x0 * x1 + x2; numbers of the source are twice as large. */
static inline void write_domain(const char *path, size_t rows, uint64_t seed,
                                double scale)
{
    struct nastl_strbuf text;
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_SEARCH);
    nastl_strbuf_init(&text);
    nastl_strbuf_add(&text, "x0,x1,x2,y\n");
    for (size_t i = 0; i < rows; i++) {
        double x[3];
        for (int j = 0; j < 3; j++)
            x[j] = nastl_rng_normal(&rng);
        nastl_strbuf_addf(&text, "%g,%g,%g,%s\n", scale * x[0], scale * x[1],
                          scale * x[2], x[0] * x[1] + x[2] > 0 ? "up" : "down");
    }
    scratch_write(path, text.text, text.length);
    nastl_strbuf_finish(&text);
}

/* 120 rows of the target in `folds` folds, 200 of the source. */
static inline struct nastl_problem *toy_problem(void **state, const char *space,
                                                const char *folds, uint64_t seed)
{
    char *targets[] = {(char *)scratch(state, "target.csv")};
    char *sources[] = {(char *)scratch(state, "source.csv")};
    char *objectives[] = {"macro_f1", "flops"};
    const char *path = scratch(state, "space.yaml");
    const struct nastl_search_params params = {.space = (char *)path,
                                               .target = {targets, 1},
                                               .source = {sources, 1},
                                               .label = "y",
                                               .folds = (char *)folds,
                                               .objectives = {objectives, 2},
                                               .seed = (int64_t)seed};
    struct nastl_problem *problem = NULL;
    write_domain(targets[0], 120, 1, 1);
    write_domain(sources[0], 200, 2, 2);
    scratch_write(path, space, strlen(space));
    assert_ok(nastl_problem_create(&problem, &params, NULL));
    return problem;
}

/* ---- stopping ---------------------------------------------------------------------- */

/* A wish to stop at the n-th time it is asked for, 0: never. Some steps before, time
 * passes, so that what was done until then is worth a snapshot. */
struct halt {
    size_t at, asked;
};

static inline bool is_halted(void *payload)
{
    struct halt *halt = payload;
    halt->asked++;
    if (halt->at && halt->asked + 12 == halt->at)
        nastl_clock_sleep(0.06);
    return halt->at && halt->asked >= halt->at;
}

/* ---- warnings ---------------------------------------------------------------------- */

struct notes {
    size_t count;
    char last[512];
};

static inline void note(enum nastl_log_level level, const char *message, void *payload)
{
    struct notes *notes = payload;
    assert_int_equal(level, NASTL_LOG_WARNING);
    snprintf(notes->last, sizeof notes->last, "%s", message);
    notes->count++;
}

#endif
