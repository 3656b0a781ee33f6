/* run.h: the main job: search, and training of one architecture.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NASTL_RUN_H
#define NASTL_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include <nastl/error.h>
#include <nastl/opt.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The options of `nas-tl search`, with the same names and defaults. Set them with
 * nastl_opt_defaults(nastl_search_opts, &params), then by hand or with nastl_opt_set().
 */
struct nastl_search_params {
    char *space; /* FILE.yaml; NULL: the embedded default */
    struct nastl_list target, source;
    char *warm_start; /* MODEL */
    char *label;
    char *task;
    char *domain_column;
    struct nastl_list source_domain, target_domain;
    struct nastl_list drop;
    int64_t target_rows; /* 0: all */
    char *test;
    struct nastl_list split; /* three fractions */
    char *split_column, *group_column, *time_column;
    char *folds; /* "auto" or a number */
    struct nastl_list objectives;
    struct nastl_list constraint;
    char *sampler;
    char *scheduler;
    int64_t trials; /* 0: the default (64, or unlimited with a time) */
    double time;    /* seconds, 0: unlimited */
    int64_t jobs;   /* 0: all cores */
    int64_t seed;
    char *study; /* folder; NULL: a new one, named in the outcome */
    bool resume;
    char *data_dir;
    char *keep; /* "front" or "all" */
};
NASTL_API extern const struct nastl_opt nastl_search_opts[];

/* What is going on, for a progress display. Pointers live during the call. */
struct nastl_progress {
    const char *phase;  /* "loading", "source FAMILY", "search", "guard", "refit",
                           "measure", "publish"; "train" */
    double done, total; /* trials in "search", epochs of a source; total 0: unknown */
    double seconds, seconds_left; /* since the start; estimated, NaN if unknown */
    double rate;                  /* trials a second */
    const char *best;             /* "macro_f1 0.781  latency 6.2 µs", or "" */
};

/* Callbacks and the wish to stop; all may be NULL. */
struct nastl_hooks {
    struct nastl_log log;
    void (*progress)(const struct nastl_progress *progress, void *payload);
    bool (*stop)(void *payload); /* asked often, from any thread: true interrupts */
    void *payload;
};

/* What came of it. Free with nastl_search_outcome_finish(). */
struct nastl_search_outcome {
    char *study;  /* the folder */
    char *stop;   /* why it ended: trials, time, exhausted, interrupted, finished */
    char *table;  /* the front as an aligned text table */
    char *json;   /* pareto.json */
    size_t front; /* members */
};
NASTL_API void nastl_search_outcome_finish(struct nastl_search_outcome *outcome);

/* Runs a search, or resumes one. NASTL_EINTERRUPTED: stopped by `hooks->stop`; the study
 * is complete up to there and *out is filled as well. */
NASTL_API int nastl_search_run(struct nastl_search_outcome *out,
                               const struct nastl_search_params *params,
                               const struct nastl_hooks *hooks);

/* Sets options from a YAML file with the options' names as keys. What `is_set` says was
 * given already (on the command line) is left alone; is_set may be NULL. The keys that a
 * study.yaml has beside options (schema, version, files) are skipped. */
NASTL_API int nastl_search_config(struct nastl_search_params *params, const char *path,
                                  bool (*is_set)(const char *key, void *payload),
                                  void *payload);

/* The samplers of this version, NULL at the end; and one sentence about each. */
NASTL_API const char *const *nastl_samplers(void);
NASTL_API const char *nastl_sampler_help(const char *name);

/* `nas-tl train`: one architecture (a space in which everything is fixed). */
struct nastl_train_one_params {
    char *arch;   /* FILE.yaml */
    char *preset; /* or the name of a preset: see nastl_preset_at() */
    struct nastl_list target;
    char *label, *task;
    char *domain_column;
    struct nastl_list target_domain, drop;
    int64_t target_rows;
    char *test;
    struct nastl_list split;
    char *split_column, *group_column, *time_column;
    char *warm_start; /* MODEL */
    int64_t seed;
    char *data_dir;
    char *out; /* FILE.h5 */
    bool force;
};
NASTL_API extern const struct nastl_opt nastl_train_opts[];

/* Trains and writes the model; *out is a report as text or JSON, freed by the caller. */
NASTL_API int nastl_train_run(char **out, const struct nastl_train_one_params *params,
                              bool json, const struct nastl_hooks *hooks);

#ifdef __cplusplus
}
#endif
#endif
