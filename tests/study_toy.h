/* study_toy.h: studies made without training: random candidates of a rich space with
 * random outcomes, for the tests of study and report.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_STUDY_TOY_H
#define TESTS_STUDY_TOY_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/rng.h"
#include "space/space.h"
#include "study/study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every kind of dimension: choices of numbers and texts, steps, logarithms, both, layers,
 * conditions, fixed ones. */
#define TOY_STUDY_SPACE                                                                  \
    "schema: nas-tl/space/v1\n"                                                          \
    "name: rich\n"                                                                       \
    "mlp:\n"                                                                             \
    "  layers: {choice: [1, 3, 8]}\n"                                                    \
    "  width: {int: [1, 2048], scale: log, per: layer}\n"                                \
    "  activation: {choice: [silu, relu]}\n"                                             \
    "  dropout: {float: [0.1, 0.9], step: 0.1}\n"                                        \
    "training:\n"                                                                        \
    "  learning_rate: {float: [1e-5, 1], scale: log}\n"                                  \
    "  weight_decay: {float: [1e-4, 1e-1], scale: log, when: \"layers > 1\"}\n"          \
    "  batch_size: {int: [16, 256], scale: log, step: 16}\n"                             \
    "  max_epochs: {int: [1, 91], step: 15}\n"                                           \
    "  patience: 7\n"                                                                    \
    "transfer: {strategy: {choice: [scratch, fine_tune]}}\n"

static inline struct nastl_space *toy_study_space(void)
{
    struct nastl_space *space = NULL;
    const char *text = TOY_STUDY_SPACE;
    if (nastl_space_parse(&space, text, strlen(text), "toy.yaml") < 0)
        fprintf(stderr, "%s\n", nastl_error_last());
    return space;
}

/* A study that is being made. */
struct toy {
    struct nastl_study *study;
    struct nastl_space *space;
    struct nastl_rng rng;
};

/* `names` separated by commas. */
static inline int toy_create(struct toy *toy, const char *folder, const char *names,
                             uint64_t seed)
{
    const struct nastl_objective *objectives[NASTL_OBJECTIVES];
    struct nastl_study_info info = {.seed = seed, .objective = objectives};
    char copy[256], *rest = copy;
    snprintf(copy, sizeof copy, "%s", names);
    for (char *name; (name = strsep(&rest, ","));)
        objectives[info.objectives++] = nastl_objective_find(name);
    *toy = (struct toy){.space = toy_study_space()};
    nastl_rng_init(&toy->rng, seed, 0, NASTL_RNG_TEST);
    if (!toy->space)
        return NASTL_ENOMEM;
    const int status = nastl_study_create(&toy->study, folder, &info);
    if (status < 0)
        nastl_space_destroy(toy->space);
    return status;
}

static inline void toy_finish(struct toy *toy)
{
    nastl_study_close(toy->study);
    nastl_space_destroy(toy->space);
}

static inline int toy_candidate(struct nastl_candidate *out, struct toy *toy)
{
    struct nastl_point *point;
    TRY(nastl_point_create(&point, toy->space));
    nastl_space_sample(toy->space, &toy->rng, point);
    nastl_space_settle(toy->space, point);
    const int status = nastl_point_candidate(out, toy->space, point);
    nastl_point_destroy(point);
    return status;
}

/* What is better costs more, by and large: `size` is in [0, 1). Few distinct values, so
 * that there are ties and equal vectors. */
static inline double toy_value(struct nastl_rng *rng, const struct nastl_objective *what,
                               double size)
{
    const double t = size + 0.2 * (nastl_rng_uniform(rng) - 0.5);
    const double good = floor((0.3 + 0.5 * t) * 80) / 80;
    if (what->source == NASTL_FROM_SCORES)
        return what->maximize ? good : 1 - good;
    const double cost = floor(exp(3 * t) * 4) / 4 + 1;
    return what->source == NASTL_FROM_GRAPH ? cost * 10000 : cost;
}

static inline enum nastl_state toy_state(struct nastl_rng *rng)
{
    static const enum nastl_state states[] = {NASTL_STATE_PRUNED, NASTL_STATE_INFEASIBLE,
                                              NASTL_STATE_FAILED, NASTL_STATE_RUNNING};
    const uint64_t draw = nastl_rng_below(rng, 16);
    return draw < 4 ? states[draw] : NASTL_STATE_COMPLETE;
}

static inline json_t *toy_scores(const struct toy *toy, double score)
{
    return json_pack("{s:f,s:f}", nastl_study_objective(toy->study, 0)->name, score,
                     "auc", 1 - score / 7);
}

static inline json_t *toy_details(struct toy *toy, const struct nastl_trial *trial)
{
    const double score = trial->values[0], cost = trial->values[1];
    struct nastl_rng *rng = &toy->rng;
    json_t *warm = nastl_rng_below(rng, 2)
                       ? json_pack("{s:s,s:s,s:f}", "from", "source.h5:/mlp", "strategy",
                                   "fine_tune", "matched", nastl_rng_uniform(rng))
                       : json_null();
    return json_pack("{s:o,s:o,s:{s:i,s:f,s:[f,f],s:n,s:i},s:o}", "valid",
                     toy_scores(toy, score), "test", toy_scores(toy, 0.97 * score),
                     "cost", "parameters", (int)nastl_rng_below(rng, 100000), "latency",
                     cost, "latency_interval", cost * 0.95, cost * 1.05, "energy",
                     "epochs", (int)nastl_rng_below(rng, 60), "warm_start", warm);
}

/* An outcome; the caller finishes *out. RUNNING: there is none. */
static inline int toy_outcome(struct nastl_trial *out, struct toy *toy, size_t number)
{
    *out = (struct nastl_trial){.number = number, .state = toy_state(&toy->rng)};
    const double size = nastl_rng_uniform(&toy->rng);
    for (size_t j = 0; j < nastl_study_objectives(toy->study); j++) {
        const struct nastl_objective *what = nastl_study_objective(toy->study, j);
        out->values[j] = toy_value(&toy->rng, what, size);
        out->errors[j] = what->source == NASTL_FROM_GRAPH ? NAN : out->values[j] / 100;
        if (out->state == NASTL_STATE_FAILED)
            out->values[j] = out->errors[j] = NAN;
    }
    if (out->state == NASTL_STATE_INFEASIBLE)
        out->violation = 0.25;
    if (out->state == NASTL_STATE_FAILED)
        out->reason = nastl_strdup("loss is not finite, step 17, \"nan\"");
    else
        out->details = toy_details(toy, out);
    out->seconds = nastl_rng_uniform(&toy->rng);
    return NASTL_OK;
}

static inline int toy_run(struct toy *toy, size_t number)
{
    struct nastl_candidate candidate;
    struct nastl_trial trial;
    TRY(toy_candidate(&candidate, toy));
    int status = nastl_study_begin(toy->study, number, &candidate, toy->space);
    nastl_candidate_finish(&candidate);
    TRY(status);
    TRY(toy_outcome(&trial, toy, number));
    if (trial.state != NASTL_STATE_RUNNING)
        status = nastl_study_end(toy->study, &trial);
    nastl_trial_finish(&trial);
    return status;
}

/* What only a search knows. */
static inline json_t *toy_head(void)
{
    return json_pack("{s:s,s:s,s:s,s:{s:s,s:s,s:{s:i,s:i,s:i,s:i},s:i,s:i},s:i,s:f,s:s,"
                     "s:{s:s,s:i,s:s,s:s,s:{s:b,s:s}}}",
                     "version", "0.1.0", "space", "rich", "task", "multiclass", "data",
                     "target", "target.csv", "source", "source.csv", "rows", "source",
                     5000, "train", 60, "valid", 20, "test", 20, "features", 12,
                     "classes", 4, "rejected", 3, "seconds", 12.25, "stop", "trials",
                     "hardware", "cpu", "A processor", "threads", 2, "isa", "avx2",
                     "onednn", "2.6.3", "energy", "available", 0, "reason",
                     "no counter can be read");
}

static inline int toy_publish(struct toy *toy)
{
    json_t *head = toy_head();
    const int status = nastl_study_publish(toy->study, head);
    json_decref(head);
    return status;
}

#endif
