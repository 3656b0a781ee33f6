/* study.h: the ledger of a study, and the files that are published from it.
 *
 *   search --begin/end--> study.db --publish--> pareto.json pareto.csv trials.csv
 *
 * The ledger is an Optuna RDB storage (tables studies, study_directions, trials,
 * trial_params, trial_values, trial_user_attributes …, of the schema revision named in
 * schema.sql), so that Optuna and optuna-dashboard open it; what Optuna has no place for
 * stands in user attributes and in tables of our own with the prefix nastl_. A trial's
 * number is Optuna's trials.number. complete -> COMPLETE, pruned and infeasible ->
 * PRUNED, failed -> FAIL, running -> RUNNING.
 *
 * One thread at a time (the caller holds a lock).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef STUDY_STUDY_H
#define STUDY_STUDY_H

#include <stdint.h>

#include <nastl/pareto.h>
#include <nastl/study.h>

#include "io/json.h"
#include "space/space.h"

enum nastl_state {
    NASTL_STATE_RUNNING,
    NASTL_STATE_COMPLETE,
    NASTL_STATE_PRUNED,
    NASTL_STATE_INFEASIBLE,
    NASTL_STATE_FAILED,
    NASTL_STATE_COUNT
};
const char *nastl_state_name(enum nastl_state state); /* "complete" … */

enum { NASTL_OBJECTIVES = 16 }; /* at most, in one study */

struct nastl_trial {
    size_t number;
    enum nastl_state state;
    struct nastl_candidate candidate; /* owned */
    double values[NASTL_OBJECTIVES];  /* in the objectives' own units; NaN: not there */
    double errors[NASTL_OBJECTIVES];  /* standard errors; NaN: not there */
    double violation;                 /* INFEASIBLE: > 0 */
    char *reason;                     /* owned; "" when there is none; no timed figure */
    double seconds;                   /* that the trial took */
    json_t
        *details; /* owned: {"valid": {…}, "test": {…}, "cost": {…}, "warm_start": …} */
};
void nastl_trial_finish(struct nastl_trial *trial);

/* What a study is about; strings are copied. */
struct nastl_study_info {
    const char *name; /* NULL: the folder's name */
    uint64_t seed;
    size_t objectives;
    const struct nastl_objective *const *objective; /* (objectives) */
};

struct nastl_study;

/* Creates FOLDER with an empty ledger; NASTL_EEXIST where a study is there already.
 * Opening checks the ledger's schema and reads the info back. */
int nastl_study_create(struct nastl_study **out, const char *folder,
                       const struct nastl_study_info *info);
int nastl_study_open(struct nastl_study **out, const char *folder);
void nastl_study_close(struct nastl_study *study);
bool nastl_study_is_there(const char *folder); /* a ledger is in it */
int nastl_study_probe(const char *folder);     /* the same: 1, 0, or NASTL_ENOMEM */
int nastl_study_missing(const char *folder);   /* the error where there is none */

const char *nastl_study_folder(const struct nastl_study *study);
const char *nastl_study_name(const struct nastl_study *study);
uint64_t nastl_study_seed(const struct nastl_study *study);
size_t nastl_study_objectives(const struct nastl_study *study);
const struct nastl_objective *nastl_study_objective(const struct nastl_study *study,
                                                    size_t j);

/* Enters trial `number` as running with its candidate (again, after a resume: nothing
 * changes if it is there with the same candidate; NASTL_EFORMAT if with another), and
 * writes its outcome. `space` gives each parameter's distribution for Optuna (NULL: none
 * is known). A trial may be ended again, with figures that were measured anew; a complete
 * one has a finite value of every objective (NASTL_ENUMERIC). */
int nastl_study_begin(struct nastl_study *study, size_t number,
                      const struct nastl_candidate *candidate,
                      const struct nastl_space *space);
int nastl_study_end(struct nastl_study *study, const struct nastl_trial *trial);

/* All trials by number; the caller finishes each and frees the array. */
int nastl_study_trials(struct nastl_study *study, struct nastl_trial **out,
                       size_t *count);

/* What has ended survives the death of the process at once, and a power loss after this:
 * it flushes the ledger to the disk where the last time was ten seconds ago or more.
 * begin and end call it; call it now and then between them. */
int nastl_study_sync(struct nastl_study *study);

/* Free text facts of the study, kept in the ledger. Setting NULL removes one; *out is
 * NULL where there is none. publish() sets "head", and "stop" to the head's stop: remove
 * "stop" when a search goes on, so that the study counts as unfinished. */
int nastl_study_set_fact(struct nastl_study *study, const char *key, const char *text);
int nastl_study_get_fact(struct nastl_study *study, const char *key, char **out);

/* Which trials are on the front: complete, not dominated, sorted as pareto.json is. The
 * caller frees *out. */
int nastl_study_front(struct nastl_study *study, const struct nastl_trial *trials,
                      size_t count, size_t **out, size_t *members);

/* ---- what is delivered, deliver.c ---- */

/* How much better a trial is than its twin, its candidate trained from scratch: by the
 * first objective, in its unit, positive where it is better, with a 95 % interval. NaN:
 * it could not be measured. */
struct nastl_gain {
    double gain, low, high;
    char why[200]; /* it could not; else "" */
};

/* Gains that were measured, kept as facts. !*known: this one was not. */
int nastl_study_set_gain(struct nastl_study *study, size_t trial,
                         const struct nastl_gain *gain);
int nastl_study_get_gain(struct nastl_gain *out, bool *known, struct nastl_study *study,
                         size_t trial);

struct nastl_delivery {
    const struct nastl_trial *trial; /* of the front; NULL where that is empty */
    const struct nastl_trial *best;  /* by the first objective */
    struct nastl_gain gain;          /* its own */
    char reason[600];
    const struct nastl_trial *wanted; /* whose gain would decide; NULL: nobody's */
};

/* The guard against harm: decides by the gains that are known which member of the front
 * is delivered, and names the one whose gain is to be measured next. A gain excludes harm
 * where its interval has no negative part; a trial from scratch has the gain 0. Delivered
 * is
 *   1. the best by the first objective (the smallest of those that share it), if its gain
 *      excludes harm;
 *   2. else the best of the others that is from scratch, or pooled and excludes harm, if
 *      it is worse by no more than the harm that is possible, the interval's low end:
 *      what the step costs is less than what it may save;
 *   3. else the one of 1, and the reason says why.
 * It is always a member of the front; the twin is no trial. Where the gain of the best is
 * not known (no time, no score is the first objective), it is delivered. The fact
 * "unguarded" says why nothing more was measured. */
int nastl_study_deliver(struct nastl_delivery *out, struct nastl_study *study,
                        const struct nastl_trial *trials, size_t count);

/* Writes pareto.json, pareto.csv and trials.csv atomically. `head` holds what only the
 * search knows and is copied into pareto.json: version, space, task, data, rejected,
 * seconds, stop, hardware; a member's valid, test, cost and warm_start come from its
 * details; front, counts, knee, hypervolume and deliver are computed here. The head is
 * kept as a fact: from there nastl_study_show() takes it while the search runs. */
int nastl_study_publish(struct nastl_study *study, const json_t *head);

/* The front of a pareto.json as an aligned table of at most 80 columns, with a legend;
 * the same as a Markdown table; and a picture: the first objective against the first
 * cost, on a logarithmic axis ("" where there are not two members or is no cost). The
 * caller frees *out. */
int nastl_study_front_table(char **out, const json_t *pareto_json);
int nastl_study_front_markdown(char **out, const json_t *pareto_json);
int nastl_study_front_plot(char **out, const json_t *pareto_json);

/* Appends one line without an end, "gain over scratch 0.0213, 95 % interval 0.0021 to
 * 0.0405", of the member that a pareto.json delivers. */
void nastl_study_gain_text(struct nastl_strbuf *buf, const json_t *pareto_json);

/* A figure for people, by the name of its objective: scores with four decimals, costs
 * with four digits, large ones with three and k, M, G or T. */
void nastl_study_figure(char out[32], const char *objective, double value);

#endif
