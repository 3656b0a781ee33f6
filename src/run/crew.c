/* crew.c: see crew.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/crew.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "io/file.h"
#include "run/finish.h"
#include "run/guard.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double measure_seconds = 0.05; /* of latency, a trial */
static const double sync_every = 10;        /* seconds: what a power loss may take */

enum stage { TRAINING, TRAINED, DONE };

/* A trial while the crew knows it. */
struct slot {
    struct nastl_trial trial;
    struct nastl_model *model; /* until it is measured */
    enum stage stage;
    bool is_best; /* complete, and no other one dominates it */
};

struct crew {
    const struct nastl_crew_params *params;
    struct nastl_searcher *searcher;
    struct slot **slots; /* (count): trials in order; each has an address of its own */
    size_t count, capacity;
    size_t cores;                     /* how many trainings at a time do not wait */
    size_t told;                      /* trials 0 … told - 1 are told to the searcher */
    size_t training, trained, reused; /* now; ever, for the progress; from the ledger */
    struct nastl_trial *ledger;       /* what was known before */
    size_t ledger_count;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    const char *stop; /* why no more trials are begun; NULL: go on */
    int status;       /* first error */
    char *error;      /* its sentence: a worker's thread forgets it */
    double begun_at;  /* when the crew began */
    double told_at;   /* when progress was told last */
    double synced_at; /* when the ledger was flushed to the disk */
    double after;     /* seconds that refits and measuring will take */
    char best[160];
};

static const struct nastl_problem *problem_of(const struct crew *crew)
{
    return crew->params->problem;
}

/* ---- values -------------------------------------------------------------------------
 */

/* All objectives minimised, as searcher and front take them. */
static void minimised(double *out, const struct nastl_trial *trial,
                      const struct nastl_problem *problem)
{
    for (size_t j = 0; j < problem->objective_count; j++)
        out[j] = problem->objectives[j]->maximize ? -trial->values[j] : trial->values[j];
}

static bool dominates(const double *a, const double *b, size_t m)
{
    bool better = false;
    for (size_t j = 0; j < m; j++) {
        if (a[j] > b[j])
            return false;
        better |= a[j] < b[j];
    }
    return better;
}

/* Whoever dominates is among the best, or dominated by one that is. */
static bool is_on_front(const struct crew *crew, const struct slot *slot)
{
    const struct nastl_problem *problem = problem_of(crew);
    double mine[NASTL_OBJECTIVES], other[NASTL_OBJECTIVES];
    minimised(mine, &slot->trial, problem);
    for (size_t k = 0; k < crew->count; k++) {
        const struct slot *at = crew->slots[k];
        if (!at->is_best)
            continue;
        minimised(other, &at->trial, problem);
        if (dominates(other, mine, problem->objective_count))
            return false;
    }
    return true;
}

/* Dominated for good: whoever dominates a trial stays. */
static void drop_dominated(const struct crew *crew)
{
    for (size_t k = 0; k < crew->count; k++) {
        struct slot *slot = crew->slots[k];
        slot->is_best = slot->is_best && is_on_front(crew, slot);
    }
}

/* ---- time ---------------------------------------------------------------------------
 */

/* A member of an earlier run has its weights and its figures. */
static bool is_finished(const struct slot *slot)
{
    return json_object_get(slot->trial.details, "test") != NULL;
}

/* Epochs of training it once more, as a share of those of a fold. */
static double refit_share(const struct crew *crew, const struct slot *slot)
{
    const json_t *cost = json_object_get(slot->trial.details, "cost");
    const double refit = json_number_value(json_object_get(cost, "refit_epochs"));
    const double epochs = json_number_value(json_object_get(cost, "epochs"));
    return epochs > 0 ? refit * (double)problem_of(crew)->fold_count / epochs : 1;
}

/* Of training a trial once more, on validation rows as well. */
static double seconds_of_refit(const struct crew *crew, const struct slot *slot)
{
    const struct nastl_problem *problem = problem_of(crew);
    const double rows = (double)problem->full->train_count;
    if (slot->stage != DONE || slot->trial.state != NASTL_STATE_COMPLETE ||
        is_finished(slot) || !(slot->is_best || crew->params->keep_all))
        return 0;
    return slot->trial.seconds / (double)problem->fold_count * rows /
           (double)problem->folds[0]->train_count * fmax(refit_share(crew, slot), 1);
}

/* What else a trial costs when the search is over: being measured and scored. */
static double seconds_of_measuring(const struct crew *crew, const struct slot *slot)
{
    if (slot->stage == TRAINED)
        return measure_seconds;
    const bool waits = slot->stage == DONE && slot->is_best && !is_finished(slot);
    return waits && !problem_of(crew)->wants_latency ? NASTL_FINISH_SECONDS : 0;
}

static const struct slot *best_slot(const struct crew *crew)
{
    const struct slot *best = NULL;
    const bool maximize = problem_of(crew)->objectives[0]->maximize;
    for (size_t k = 0; k < crew->count; k++) {
        const struct slot *slot = crew->slots[k];
        if (slot->stage != DONE || slot->trial.state != NASTL_STATE_COMPLETE)
            continue;
        const double value = slot->trial.values[0];
        if (!best ||
            (maximize ? value > best->trial.values[0] : value < best->trial.values[0]))
            best = slot;
    }
    return best;
}

/* Of finding out whether the best trial's source has helped it; not all of the time goes
 * there, whatever a training takes. */
static double seconds_of_guard(const struct crew *crew)
{
    const struct slot *best = best_slot(crew);
    const double time = crew->params->budget->time;
    const double seconds =
        best ? nastl_guard_seconds(problem_of(crew), &best->trial, crew->cores) : 0;
    return time > 0 ? fmin(seconds, time / 4) : seconds;
}

/* With the lock held: the front has changed. Cores that take one refit after another need
 * their share of all, and may have to wait for the longest (Graham 1969). */
static void reserve_time(struct crew *crew)
{
    const double share = 1 / (double)crew->cores;
    double refits = 0, longest = 0, measuring = 0;
    for (size_t k = 0; k < crew->count; k++) {
        const double seconds = seconds_of_refit(crew, crew->slots[k]);
        refits += seconds;
        longest = fmax(longest, seconds);
        measuring += seconds_of_measuring(crew, crew->slots[k]);
    }
    crew->after = share * refits + (1 - share) * longest + measuring;
    nastl_budget_reserve(crew->params->budget, crew->after + seconds_of_guard(crew));
}

/* ---- progress -----------------------------------------------------------------------
 */

static void describe_best(struct crew *crew)
{
    const struct nastl_problem *problem = problem_of(crew);
    const struct slot *best = best_slot(crew);
    size_t length = 0;
    crew->best[0] = '\0';
    for (size_t j = 0; best && j < problem->objective_count && j < 3; j++) {
        const struct nastl_objective *objective = problem->objectives[j];
        const bool is_plain = objective->source == NASTL_FROM_SCORES ||
                              strcmp(objective->name, "flops") == 0;
        const char *unit = is_plain ? "" : objective->unit;
        length += (size_t)snprintf(crew->best + length, sizeof crew->best - length,
                                   "%s%s %.4g%s%s", j ? "  " : "", objective->name,
                                   best->trial.values[j], *unit ? " " : "", unit);
        if (length >= sizeof crew->best)
            return;
    }
}

static double seconds_left(const struct crew *crew, double rate)
{
    const struct nastl_budget *budget = crew->params->budget;
    double left = NAN;
    if (crew->params->trials && rate > 0)
        left = (double)(crew->params->trials - crew->trained) / rate;
    if (budget->time > 0) {
        const double until = budget->time - nastl_budget_elapsed(budget);
        left = isnan(left) || until < left ? until : left;
    }
    return left;
}

/* With the lock held. `epoch`: from inside a training, at most ten times a second. */
static void tell_progress(struct crew *crew, bool epoch)
{
    const double now = nastl_clock_seconds();
    if (epoch && now - crew->told_at < 0.1)
        return;
    crew->told_at = now;
    const double begun = now - crew->begun_at;
    const double rate = begun > 0 ? (double)(crew->trained - crew->reused) / begun : 0;
    nastl_budget_tell(crew->params->budget, "search", (double)crew->trained,
                      (double)crew->params->trials, rate, seconds_left(crew, rate),
                      crew->best);
}

/* ---- stopping -----------------------------------------------------------------------
 */

static void stop_crew(struct crew *crew, const char *why)
{
    if (!crew->stop)
        crew->stop = why;
}

static void fail_crew(struct crew *crew, int status)
{
    if (crew->status == NASTL_OK) {
        crew->status = status;
        crew->error = nastl_strdup(nastl_error_last());
    }
    stop_crew(crew, "failed");
}

static bool stop_training(void *payload)
{
    struct crew *crew = payload;
    const struct nastl_budget *budget = crew->params->budget;
    if (pthread_mutex_trylock(&crew->lock) == 0) {
        tell_progress(crew, true);
        pthread_mutex_unlock(&crew->lock);
    }
    return nastl_budget_interrupted(budget) || nastl_budget_over(budget, 1);
}

static void check_budget(struct crew *crew)
{
    const struct nastl_crew_params *params = crew->params;
    if (params->trials && crew->count >= params->trials)
        stop_crew(crew, "trials");
    if (nastl_budget_over(params->budget, 1))
        stop_crew(crew, "time");
    if (nastl_budget_interrupted(params->budget))
        stop_crew(crew, "interrupted");
}

/* ---- asking and telling -------------------------------------------------------------
 */

static enum nastl_outcome outcome_of(enum nastl_state state)
{
    switch (state) {
    case NASTL_STATE_COMPLETE:
        return NASTL_OUTCOME_COMPLETE;
    case NASTL_STATE_PRUNED:
        return NASTL_OUTCOME_PRUNED;
    case NASTL_STATE_INFEASIBLE:
        return NASTL_OUTCOME_INFEASIBLE;
    default:
        return NASTL_OUTCOME_FAILED;
    }
}

/* Exactly the trials before `until`, in their order. */
static int tell_until(struct crew *crew, size_t until)
{
    double values[NASTL_OBJECTIVES];
    for (; crew->told < until; crew->told++) {
        const struct nastl_trial *trial = &crew->slots[crew->told]->trial;
        minimised(values, trial, problem_of(crew));
        TRY(nastl_searcher_tell(crew->searcher, crew->told, outcome_of(trial->state),
                                values, trial->violation));
    }
    return NASTL_OK;
}

/* How many trials must be done before trial k may be asked for. */
static size_t needed_for(size_t k)
{
    return k > NASTL_SEARCH_WINDOW ? k - NASTL_SEARCH_WINDOW : 0;
}

static bool may_ask(const struct crew *crew)
{
    for (size_t k = crew->told; k < needed_for(crew->count); k++)
        if (crew->slots[k]->stage != DONE)
            return false;
    return true;
}

static int add_slot(struct slot **out, struct crew *crew)
{
    if (crew->count == crew->capacity) {
        const size_t capacity = crew->capacity ? 2 * crew->capacity : 64;
        struct slot **slots = nastl_alloc_resize(crew->slots, capacity, sizeof *slots);
        if (!slots)
            return nastl_error_nomem("trials");
        crew->slots = slots;
        crew->capacity = capacity;
    }
    struct slot *slot = nastl_alloc_zero(1, sizeof *slot);
    if (!slot)
        return nastl_error_nomem("a trial");
    slot->trial.number = crew->count;
    slot->stage = TRAINING;
    crew->slots[crew->count++] = slot;
    *out = slot;
    return NASTL_OK;
}

/* The file of a running trial's checkpoint; the caller frees *out. */
static int checkpoint_path(char **out, const struct crew *crew, const struct slot *slot)
{
    char name[64];
    snprintf(name, sizeof name, "trial-%zu.h5", slot->trial.number);
    return nastl_file_join(out, crew->params->checkpoints, name);
}

/* A trial that is over needs none. */
static int drop_checkpoint(const struct crew *crew, const struct slot *slot)
{
    char *path;
    TRY(checkpoint_path(&path, crew, slot));
    nastl_file_discard(path);
    free(path);
    return NASTL_OK;
}

/* The ledger's record of this trial, if it is over; it moves into the slot. */
static bool take_from_ledger(struct crew *crew, struct slot *slot)
{
    const size_t k = slot->trial.number;
    if (k >= crew->ledger_count || crew->ledger[k].state == NASTL_STATE_RUNNING)
        return false;
    nastl_trial_finish(&slot->trial);
    slot->trial = crew->ledger[k];
    crew->ledger[k] = (struct nastl_trial){.state = NASTL_STATE_RUNNING};
    slot->stage = DONE;
    slot->is_best = slot->trial.state == NASTL_STATE_COMPLETE;
    crew->trained++;
    crew->reused++;
    describe_best(crew);
    return true;
}

/* Asks for the next trial. *out is NULL where there is nothing to train: the space is
 * exhausted, or the ledger knew the trial already. */
static int begin_trial(struct slot **out, struct crew *crew)
{
    const struct nastl_point *point;
    struct slot *slot = NULL;
    *out = NULL;
    TRY(tell_until(crew, needed_for(crew->count)));
    const int asked = nastl_searcher_ask(&point, crew->searcher, crew->count);
    TRY(asked);
    if (asked > 0) {
        stop_crew(crew, "exhausted");
        return NASTL_OK;
    }
    TRY(add_slot(&slot, crew));
    TRY(nastl_point_candidate(&slot->trial.candidate, problem_of(crew)->space, point));
    TRY(nastl_study_begin(crew->params->study, slot->trial.number, &slot->trial.candidate,
                          problem_of(crew)->space));
    if (take_from_ledger(crew, slot))
        return drop_checkpoint(crew, slot);
    drop_dominated(crew); /* of those that the ledger knew */
    reserve_time(crew);
    *out = slot;
    return NASTL_OK;
}

/* ---- work ---------------------------------------------------------------------------
 */

static int sync_sometimes(struct crew *crew)
{
    const double now = nastl_clock_seconds();
    if (now - crew->synced_at < sync_every)
        return NASTL_OK;
    crew->synced_at = now;
    return nastl_study_sync(crew->params->study);
}

/* With the lock held: the trial's outcome is final. */
static int finish_trial(struct crew *crew, struct slot *slot)
{
    TRY(nastl_trial_judge(&slot->trial, problem_of(crew)));
    slot->stage = DONE;
    nastl_model_destroy(slot->model);
    slot->model = NULL;
    slot->is_best = slot->trial.state == NASTL_STATE_COMPLETE;
    TRY(nastl_study_end(crew->params->study, &slot->trial));
    TRY(drop_checkpoint(crew, slot));
    TRY(sync_sometimes(crew));
    drop_dominated(crew);
    reserve_time(crew);
    describe_best(crew);
    tell_progress(crew, false);
    return NASTL_OK;
}

static bool needs_measuring(const struct crew *crew, const struct slot *slot)
{
    return slot->trial.state == NASTL_STATE_COMPLETE && problem_of(crew)->wants_latency;
}

/* Goes on where an interrupted run left the trial. */
static int train(struct crew *crew, struct slot *slot)
{
    const struct nastl_problem *problem = problem_of(crew);
    const struct nastl_stop stop = {stop_training, NULL, crew};
    const uint64_t identity = nastl_trial_identity(problem, &slot->trial, "trial");
    struct nastl_checkpoint *checkpoint;
    char *path;
    TRY(checkpoint_path(&path, crew, slot));
    int status = nastl_checkpoint_open(&checkpoint, path, identity,
                                       nastl_budget_log(crew->params->budget));
    free(path);
    TRY(status);
    status = nastl_trial_train(&slot->trial, &slot->model, problem, &stop, checkpoint);
    nastl_checkpoint_close(checkpoint);
    return status;
}

/* With the lock held before and after. */
static void work_on(struct crew *crew, struct slot *slot)
{
    crew->training++;
    pthread_mutex_unlock(&crew->lock);
    int status = train(crew, slot);
    pthread_mutex_lock(&crew->lock);
    crew->training--;
    crew->trained += status == NASTL_OK;
    if (status == NASTL_EINTERRUPTED)
        crew->stop =
            nastl_budget_interrupted(crew->params->budget) ? "interrupted" : "time";
    else if (status == NASTL_OK && needs_measuring(crew, slot))
        slot->stage = TRAINED;
    else if (status == NASTL_OK)
        status = finish_trial(crew, slot);
    if (status < 0 && status != NASTL_EINTERRUPTED)
        fail_crew(crew, status);
}

/* The quiet lane, with the lock held: nobody trains. Returns how many were measured. */
static size_t measure_trained(struct crew *crew)
{
    size_t measured = 0;
    for (size_t k = crew->told; k < crew->count && crew->status == NASTL_OK; k++) {
        struct slot *slot = crew->slots[k];
        if (slot->stage != TRAINED)
            continue;
        int status = nastl_trial_measure(&slot->trial, slot->model, problem_of(crew),
                                         measure_seconds);
        if (status == NASTL_OK)
            status = finish_trial(crew, slot);
        if (status < 0)
            fail_crew(crew, status);
        measured++;
    }
    return measured;
}

/* One step of one worker, with the lock held; false when there is nothing left to do. */
static bool step(struct crew *crew)
{
    check_budget(crew);
    if (!crew->stop && may_ask(crew)) {
        struct slot *slot = NULL;
        const int status = begin_trial(&slot, crew);
        if (status < 0)
            fail_crew(crew, status);
        else if (slot)
            work_on(crew, slot);
        return true;
    }
    if (crew->training) {
        pthread_cond_wait(&crew->changed, &crew->lock);
        return true;
    }
    return measure_trained(crew) > 0;
}

static void work(struct crew *crew)
{
    omp_set_num_threads(1);
    pthread_mutex_lock(&crew->lock);
    while (step(crew))
        pthread_cond_broadcast(&crew->changed);
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
}

/* ---- the crew -----------------------------------------------------------------------
 */

static bool accept_point(const struct nastl_point *point, void *payload)
{
    const struct nastl_problem *problem = payload;
    struct nastl_candidate candidate;
    nastl_candidate_init(&candidate);
    bool accepted = false;
    if (nastl_point_candidate(&candidate, problem->space, point) == NASTL_OK)
        accepted = nastl_trial_accepts(problem, &candidate);
    nastl_candidate_finish(&candidate);
    return accepted;
}

static int create_searcher(struct nastl_searcher **out,
                           const struct nastl_problem *problem,
                           const struct nastl_searcher_class *sampler, size_t planned)
{
    const struct nastl_searcher_params params = {
        .space = problem->space,
        .seed = problem->seed,
        .objectives = problem->objective_count,
        .trials = planned,
        .accept = accept_point,
        .payload = (void *)problem,
    };
    return nastl_searcher_create(out, sampler, &params);
}

int nastl_crew_check(const struct nastl_problem *problem)
{
    struct nastl_searcher *searcher;
    const struct nastl_point *point;
    TRY(create_searcher(&searcher, problem, nastl_searcher_find("random"), 1));
    int status = nastl_searcher_ask(&point, searcher, 0);
    if (status > 0)
        status = nastl_error(NASTL_EINVAL,
                             "constraints: none of %zu candidates drawn holds them; "
                             "loosen them, or widen the space",
                             nastl_searcher_rejected(searcher));
    nastl_searcher_destroy(searcher);
    return status;
}

static int prepare(struct crew *crew)
{
    TRY(nastl_study_trials(crew->params->study, &crew->ledger, &crew->ledger_count));
    return create_searcher(&crew->searcher, problem_of(crew), crew->params->sampler,
                           crew->params->planned);
}

static void finish(struct crew *crew)
{
    for (size_t k = 0; k < crew->count; k++) {
        nastl_trial_finish(&crew->slots[k]->trial);
        nastl_model_destroy(crew->slots[k]->model);
        free(crew->slots[k]);
    }
    free(crew->slots);
    for (size_t i = 0; i < crew->ledger_count; i++)
        nastl_trial_finish(&crew->ledger[i]);
    free(crew->ledger);
    nastl_searcher_destroy(crew->searcher);
    pthread_mutex_destroy(&crew->lock);
    pthread_cond_destroy(&crew->changed);
    free(crew->error);
}

int nastl_crew_work(struct nastl_crew_result *out, const struct nastl_crew_params *params)
{
    struct crew crew = {.params = params, .begun_at = nastl_clock_seconds()};
    const size_t cores = (size_t)omp_get_num_procs();
    crew.cores = params->jobs < cores ? params->jobs : cores;
    pthread_mutex_init(&crew.lock, NULL);
    pthread_cond_init(&crew.changed, NULL);
    int status = prepare(&crew);
    if (status == NASTL_OK) {
#pragma omp parallel num_threads(params->jobs)
        work(&crew);
        status = crew.status;
        out->stop = crew.stop;
        out->rejected = nastl_searcher_rejected(crew.searcher);
        drop_dominated(&crew); /* the ledger may have known all of them */
        reserve_time(&crew);
        out->after = crew.after;
    }
    if (crew.error)
        nastl_error(status, "%s", crew.error);
    finish(&crew);
    return status;
}
