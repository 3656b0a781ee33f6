/* study_impl.h: an open study, and what the files of this module share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef STUDY_STUDY_IMPL_H
#define STUDY_STUDY_IMPL_H

#include "base/strbuf.h"
#include "io/db.h"
#include "study/study.h"

struct nastl_study {
    struct nastl_db *db;
    char *folder;
    char *name;
    char *created; /* UTC */
    int64_t id;    /* Optuna's study_id */
    uint64_t seed;
    size_t objectives;
    const struct nastl_objective *objective[NASTL_OBJECTIVES];
    double synced; /* when the ledger was last flushed to the disk, on our clock */
};

/* ---- ledger.c ---- */

/* Opens without writing; works beside a process that searches. */
int nastl_study_look(struct nastl_study **out, const char *folder);

/* Commits what begin() started where `status` is 0, else rolls it back; returns what the
 * whole came to. */
int nastl_study_close_change(struct nastl_study *study, int status);

/* ---- ledger_trial.c ---- */

/* As nastl_study_trials(); without candidates, reasons and details where !whole. */
int nastl_study_load(struct nastl_study *study, struct nastl_trial **out, size_t *count,
                     bool whole);
void nastl_study_free_trials(struct nastl_trial *trials, size_t count);

/* ---- optuna.c: what Optuna reads; called inside a change ---- */

/* `trial_id` is Optuna's: the trial's number + 1. */
int nastl_optuna_begin(struct nastl_study *study, int64_t trial_id,
                       const struct nastl_candidate *candidate,
                       const struct nastl_space *space);
int nastl_optuna_end(struct nastl_study *study, int64_t trial_id,
                     const struct nastl_trial *trial);
int nastl_optuna_describe(struct nastl_study *study);

/* The JSON of the distribution that a setting was drawn from, and its value in Optuna's
 * numbers. `dim` NULL: it was not drawn; one choice. */
int nastl_optuna_distribution(char **json, double *value,
                              const struct nastl_setting *setting,
                              const struct nastl_dim *dim);

/* ---- study.c ---- */

/* Indices of the trials that can be on a front, and their values as points that are
 * minimised (n, objectives). The caller frees *out. */
int nastl_study_ranked(const struct nastl_study *study, const struct nastl_trial *trials,
                       size_t count, size_t **out, size_t *ranked);
int nastl_study_points(double **out, const struct nastl_study *study,
                       const struct nastl_trial *trials, const size_t *which, size_t n);

/* ---- deliver.c ---- */

/* As nastl_study_deliver(), of a front that is known: indices of trials, in order. */
int nastl_study_choose(struct nastl_delivery *out, struct nastl_study *study,
                       const struct nastl_trial *trials, const size_t *front,
                       size_t members);

/* ---- document.c ---- */

/* pareto.json of what the ledger holds now. `head` as in nastl_study_publish(). */
int nastl_study_document(json_t **out, struct nastl_study *study, const json_t *head,
                         const struct nastl_trial *trials, size_t count);

/* The head that was published last, or an empty object. */
int nastl_study_head(json_t **out, struct nastl_study *study);

/* ---- summary.c ---- */

enum { NASTL_SHOW_WIDTH = 80 };

/* "3 x 64/32/16 relu": a candidate's shape in a few words. */
void nastl_shape_text(struct nastl_strbuf *buf, const json_t *candidate);

#endif
