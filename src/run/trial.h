/* trial.h: one candidate: built, warm-started, trained on every fold, scored; later
 * measured in the quiet lane.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_TRIAL_H
#define RUN_TRIAL_H

#include "nn/train.h"
#include "run/checkpoint.h"
#include "run/problem.h"

/* Asked after each step. `stop` true: the training is given up; `enough` true: it ends
 * with the best epoch so far, the one under way included. Both may be NULL. */
struct nastl_stop {
    bool (*stop)(void *payload);
    bool (*enough)(void *payload);
    void *payload;
};

/* What a candidate costs before any training, for constraints that can be decided then.
 * NASTL_EINVAL where it cannot be built. */
struct nastl_cost {
    double parameters, flops, memory;
};
int nastl_trial_cost(struct nastl_cost *out, const struct nastl_problem *problem,
                     const struct nastl_candidate *candidate);

/* Whether the candidate may become a trial: it can be built, and no constraint that is
 * decided by now is violated. */
bool nastl_trial_accepts(const struct nastl_problem *problem,
                         const struct nastl_candidate *candidate);

/* Who a trial's checkpoint belongs to; `what` tells one kind of training from another. */
uint64_t nastl_trial_identity(const struct nastl_problem *problem,
                              const struct nastl_trial *trial, const char *what);

/* Trains trial->candidate and fills state, values, errors, reason, seconds and details; a
 * numeric failure is a state, not an error. *model is the first fold's (the caller owns
 * it), NULL unless COMPLETE. What the checkpoint has is not trained again.
 * NASTL_EINTERRUPTED: stopped; the trial stays running, and the checkpoint is written. */
int nastl_trial_train(struct nastl_trial *trial, struct nastl_model **model,
                      const struct nastl_problem *problem, const struct nastl_stop *stop,
                      struct nastl_checkpoint *checkpoint);

/* One training of its candidate, on this fold with this stream of the trial's; where both
 * are k, it is the k-th of nastl_trial_train(), bit by bit. The checkpoint is about this
 * training and no other. */
int nastl_trial_train_fold(struct nastl_model **model, const struct nastl_trial *trial,
                           const struct nastl_problem *problem, size_t fold,
                           size_t stream, const struct nastl_stop *stop,
                           struct nastl_checkpoint *checkpoint);

/* Its score on each fold by the first objective, (fold_count), from its details; false
 * where they have none: there is one split, or no score is the first objective. */
bool nastl_trial_fold_scores(double *out, const struct nastl_trial *trial,
                             const struct nastl_problem *problem);

/* Whether a training failed for what the candidate is: others may go on. */
bool nastl_trial_is_at_fault(int status);

/* Measures latency (and energy) of the model in the quiet lane, fills the timed values
 * and decides the constraints that need them. */
int nastl_trial_measure(struct nastl_trial *trial, struct nastl_model *model,
                        const struct nastl_problem *problem, double seconds);

/* Decides what constraints remain: a violated one makes a complete trial infeasible, one
 * whose figure is not known makes it failed. */
int nastl_trial_judge(struct nastl_trial *trial, const struct nastl_problem *problem);

/* Trains the candidate once more on all labelled target rows, `epochs` being the best one
 * that was found: steps grow with the rows, as the best time to stop does, and a schedule
 * that falls is brought to its end, over as many epochs as have the same sum of learning
 * rates (nastl_schedule_match()). What
 * the folds said about how sure it may be is the model's (heldout.h). */
int nastl_trial_refit(struct nastl_model **out, const struct nastl_problem *problem,
                      const struct nastl_trial *trial, size_t epochs,
                      struct nastl_checkpoint *checkpoint);

/* Scores the model on the test rows. NASTL_ENOENT where there are none. */
int nastl_trial_test(struct nastl_scores *out, struct nastl_model *model,
                     const struct nastl_problem *problem);

/* {"accuracy": …} with every metric of the task; what is NaN is null. */
json_t *nastl_scores_json(const struct nastl_scores *scores, enum nastl_task task);

/* ---- one training, for trials and for the source ---- */

struct nastl_training {
    const struct nastl_problem *problem;
    struct nastl_view *view;
    const struct nastl_candidate *candidate;
    uint32_t stream;                /* of init, shuffles and dropout */
    size_t epochs;                  /* 0: as the recipe says; else exactly that many */
    const struct nastl_model *warm; /* NULL: from scratch */
    const struct nastl_stop *stop;
    bool is_unscored; /* nobody asks how good it is */
    void (*epoch)(size_t epoch, size_t of, double score, void *payload); /* may be NULL */
    void *epoch_payload;
    struct nastl_checkpoint *checkpoint; /* NULL: none */
};

struct nastl_trained {
    struct nastl_train_result result;
    struct nastl_scores scores; /* on the view's validation rows, if it has any */
    double matched;
    float *answers; /* for the same rows: see heldout.h; the caller's to free; NULL: there
                       are no rows, or nobody asks */
};

/* Builds and trains a model of its own copies of prep and layout; the caller owns *out.
 */
int nastl_train_model(struct nastl_model **out, struct nastl_trained *trained,
                      const struct nastl_training *training);

/* The same for training number `fold` of those that training->checkpoint is about: what
 * is in it is taken from there (*out is NULL then, but for the first one's model), what
 * was begun goes on, and what is over is added to it. A training that is interrupted is
 * written. */
int nastl_train_fold(struct nastl_model **out, const struct nastl_training *training,
                     size_t fold);

#endif
