/* finish.c: see finish.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/finish.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "io/file.h"
#include "io/folder.h"
#include "run/trial.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double least_seconds = 0.02; /* of latency, for a figure at all */

/* A trial whose weights are delivered. */
struct member {
    struct nastl_trial *trial;
    struct nastl_model *model;
    bool on_front;
    int status;
    char error[512]; /* the worker's sentence, if it failed */
};

struct members {
    struct nastl_trial *trials;
    size_t trial_count;
    struct member *items;
    size_t count, made;
    char *weights_path;
    struct nastl_h5 *weights; /* of an earlier run, NULL if there is none */
};

/* ---- who ----------------------------------------------------------------------------
 */

static bool is_listed(const size_t *front, size_t count, size_t trial)
{
    for (size_t i = 0; i < count; i++)
        if (front[i] == trial)
            return true;
    return false;
}

static int list_members(struct members *members, struct nastl_study *study, bool keep_all)
{
    size_t *front, count;
    TRY(nastl_study_trials(study, &members->trials, &members->trial_count));
    TRY(nastl_study_front(study, members->trials, members->trial_count, &front, &count));
    members->items = nastl_alloc_zero(members->trial_count, sizeof *members->items);
    for (size_t i = 0; members->items && i < members->trial_count; i++) {
        struct nastl_trial *trial = &members->trials[i];
        const bool on_front = is_listed(front, count, i);
        if (on_front || (keep_all && trial->state == NASTL_STATE_COMPLETE))
            members->items[members->count++] =
                (struct member){.trial = trial, .on_front = on_front};
    }
    free(front);
    return members->items ? NASTL_OK : nastl_error_nomem("the front");
}

static int open_weights(struct members *members, const struct nastl_study *study)
{
    TRY(nastl_file_join(&members->weights_path, nastl_study_folder(study), "weights.h5"));
    return nastl_file_exists(members->weights_path)
               ? nastl_h5_open(&members->weights, members->weights_path)
               : NASTL_OK;
}

static void release(struct members *members)
{
    for (size_t i = 0; i < members->count; i++)
        nastl_model_destroy(members->items[i].model);
    free(members->items);
    for (size_t i = 0; i < members->trial_count; i++)
        nastl_trial_finish(&members->trials[i]);
    free(members->trials);
    nastl_h5_close(members->weights);
    free(members->weights_path);
}

/* ---- weights ------------------------------------------------------------------------
 */

static void group_of(char group[64], const struct nastl_trial *trial)
{
    snprintf(group, 64, "/trials/%zu", trial->number);
}

static size_t epochs_of(const struct nastl_trial *trial)
{
    const json_t *cost = json_object_get(trial->details, "cost");
    const double epochs = json_number_value(json_object_get(cost, "best_epoch"));
    return epochs >= 1 ? (size_t)epochs : 1;
}

static int open_checkpoint(struct nastl_checkpoint **out, const struct member *member,
                           const struct nastl_finish_params *params)
{
    char name[64], *path;
    const size_t epochs = epochs_of(member->trial);
    const uint64_t identity =
        nastl_trial_identity(params->problem, member->trial, "refit");
    snprintf(name, sizeof name, "refit-%zu.h5", member->trial->number);
    TRY(nastl_file_join(&path, params->checkpoints, name));
    const int status = nastl_checkpoint_open(out, path, nastl_hash_u64(identity, epochs),
                                             nastl_budget_log(params->budget));
    free(path);
    return status;
}

/* Whoever asked the search to stop waits for this; asking again ends the process, so what
 * takes long has a checkpoint, too. */
static int refit(struct member *member, const struct nastl_finish_params *params)
{
    struct nastl_checkpoint *checkpoint;
    TRY(open_checkpoint(&checkpoint, member, params));
    const int status = nastl_trial_refit(&member->model, params->problem, member->trial,
                                         epochs_of(member->trial), checkpoint);
    nastl_checkpoint_close(checkpoint);
    return status;
}

static int find_model(struct member *member, const struct members *members)
{
    char group[64];
    group_of(group, member->trial);
    return members->weights && nastl_h5_has(members->weights, group)
               ? nastl_model_read(&member->model, members->weights, group)
               : NASTL_ENOENT;
}

static bool was_finished(const struct member *member)
{
    return json_object_get(member->trial->details, "test") != NULL;
}

/* An earlier run may have made the weights already. */
static int make_model(struct member *member, const struct members *members,
                      const struct nastl_finish_params *params)
{
    const int status = find_model(member, members);
    if (status != NASTL_ENOENT && status != NASTL_EFORMAT)
        return status;
    if (was_finished(member))
        nastl_log_warning(nastl_budget_log(params->budget),
                          "trial %zu: training it again, for its weights are lost",
                          member->trial->number);
    return refit(member, params);
}

/* One more is there; any thread. */
static void tell_made(struct members *members, const struct nastl_finish_params *params)
{
#pragma omp critical
    nastl_budget_tell(params->budget, "refit", (double)++members->made,
                      (double)members->count, 0, NAN, "");
}

/* Refits are trainings: one a core. */
static int make_models(struct members *members, const struct nastl_finish_params *params)
{
#pragma omp parallel for schedule(dynamic, 1) num_threads(params->jobs)
    for (size_t i = 0; i < members->count; i++) {
        struct member *member = &members->items[i];
        omp_set_num_threads(1);
        member->status = make_model(member, members, params);
        if (member->status < 0)
            snprintf(member->error, sizeof member->error, "%s", nastl_error_last());
        tell_made(members, params);
    }
    for (size_t i = 0; i < members->count; i++)
        if (members->items[i].status < 0)
            return nastl_error(members->items[i].status, "trial %zu: %s",
                               members->items[i].trial->number, members->items[i].error);
    return NASTL_OK;
}

static int write_weights(struct members *members)
{
    struct nastl_h5 *file;
    TRY(nastl_h5_create(&file, members->weights_path));
    int status = nastl_h5_group(file, "/trials");
    for (size_t i = 0; status == NASTL_OK && i < members->count; i++) {
        char group[64];
        group_of(group, members->items[i].trial);
        status = nastl_model_save(members->items[i].model, file, group);
    }
    if (status == NASTL_OK)
        status = nastl_h5_commit(file);
    nastl_h5_close(file);
    return status;
}

/* ---- figures ------------------------------------------------------------------------
 */

static int score_test(struct member *member, const struct nastl_problem *problem)
{
    struct nastl_scores scores;
    if (problem->test_count == 0)
        return nastl_json_set(member->trial->details, "test", json_null());
    TRY(nastl_trial_test(&scores, member->model, problem));
    return nastl_json_set(member->trial->details, "test",
                          nastl_scores_json(&scores, problem->dataset->task));
}

/* An equal share of the time that is left, for `count` members. */
static double seconds_of(const struct nastl_budget *budget, size_t count)
{
    const double share = nastl_budget_left(budget) / (double)count;
    return fmin(fmax(share, least_seconds), NASTL_FINISH_SECONDS);
}

/* A figure that ranked trials stays as it was; the others are measured now. */
static int complete_costs(struct member *member, const struct nastl_problem *problem,
                          double seconds)
{
    const json_t *cost = json_object_get(member->trial->details, "cost");
    if (!json_is_null(json_object_get(cost, "latency")))
        return NASTL_OK;
    return nastl_trial_measure(member->trial, member->model, problem, seconds);
}

static int complete_member(struct member *member,
                           const struct nastl_finish_params *params, double seconds)
{
    if (!member->on_front)
        return NASTL_OK;
    TRY(score_test(member, params->problem));
    TRY(complete_costs(member, params->problem, seconds));
    return nastl_study_end(params->study, member->trial);
}

static int complete_members(struct members *members,
                            const struct nastl_finish_params *params)
{
    for (size_t i = 0; i < members->count; i++) {
        nastl_budget_tell(params->budget, "measure", (double)i, (double)members->count, 0,
                          NAN, "");
        TRY(complete_member(&members->items[i], params,
                            seconds_of(params->budget, members->count - i)));
    }
    return NASTL_OK;
}

/* ---- all of it ----------------------------------------------------------------------
 */

static int finish_members(struct members *members,
                          const struct nastl_finish_params *params)
{
    TRY(list_members(members, params->study, params->keep_all));
    TRY(open_weights(members, params->study));
    TRY(make_models(members, params));
    TRY(complete_members(members, params));
    TRY(write_weights(members));
    nastl_folder_clear(params->checkpoints, "refit-");
    return NASTL_OK;
}

int nastl_finish_members(const struct nastl_finish_params *params)
{
    struct members members = {0};
    const int status = finish_members(&members, params);
    release(&members);
    return status;
}
