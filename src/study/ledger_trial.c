/* ledger_trial.c: trials into the ledger and back. A candidate and the details are kept
 * as JSON with numbers that read back as the same doubles; values are 8-byte reals.
 * SPDX-License-Identifier: Apache-2.0 */
#include "study/study_impl.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
    [NASTL_STATE_RUNNING] = "running", [NASTL_STATE_COMPLETE] = "complete",
    [NASTL_STATE_PRUNED] = "pruned",   [NASTL_STATE_INFEASIBLE] = "infeasible",
    [NASTL_STATE_FAILED] = "failed",
};
_Static_assert(sizeof state_names / sizeof *state_names == NASTL_STATE_COUNT,
               "one a state");

const char *nastl_state_name(enum nastl_state state)
{
    return state_names[state];
}

static int64_t id_of(size_t number)
{
    return (int64_t)number + 1;
}

void nastl_trial_finish(struct nastl_trial *trial)
{
    nastl_candidate_finish(&trial->candidate);
    free(trial->reason);
    json_decref(trial->details);
    *trial = (struct nastl_trial){0};
}

/* ---- begin ------------------------------------------------------------------------- */

/* JSON on one line; takes `value` over. */
static int text_of(char **out, json_t *value)
{
    struct nastl_strbuf text;
    nastl_strbuf_init(&text);
    if (!value)
        return nastl_error_nomem("a trial");
    nastl_json_write(&text, value, 0);
    json_decref(value);
    return nastl_strbuf_take(out, &text);
}

static int other_candidate(const struct nastl_study *study, int64_t trial_id)
{
    return nastl_error(
        NASTL_EFORMAT,
        "%s/study.db: trial %lld is another candidate there; the study was "
        "made by another call or version, search in another folder",
        study->folder, (long long)trial_id - 1);
}

/* 1: the trial is there with this candidate, 0: it is not there. */
static int is_entered(struct nastl_study *study, int64_t trial_id, const char *candidate)
{
    struct nastl_db_row *row;
    TRY(nastl_db_prepare(&row, study->db,
                         "SELECT candidate FROM trials LEFT JOIN nastl_trials "
                         "USING (trial_id) WHERE trial_id = ?1"));
    nastl_db_bind_int(row, 1, trial_id);
    int status = nastl_db_step(row);
    if (status > 0) {
        const char *there = nastl_db_text(row, 0);
        if (!there || strcmp(there, candidate) != 0)
            status = other_candidate(study, trial_id);
    }
    nastl_db_end(row);
    return status;
}

static int enter(struct nastl_study *study, int64_t trial_id, const char *text,
                 const struct nastl_candidate *candidate, const struct nastl_space *space)
{
    const int entered = is_entered(study, trial_id, text);
    if (entered != 0)
        return entered < 0 ? entered : NASTL_OK;
    TRY(nastl_optuna_begin(study, trial_id, candidate, space));
    struct nastl_db_row *row;
    TRY(nastl_db_prepare(&row, study->db,
                         "INSERT INTO nastl_trials (trial_id, state, candidate) "
                         "VALUES (?1, 'running', ?2)"));
    nastl_db_bind_int(row, 1, trial_id);
    nastl_db_bind_text(row, 2, text);
    return nastl_db_run(row);
}

int nastl_study_begin(struct nastl_study *study, size_t number,
                      const struct nastl_candidate *candidate,
                      const struct nastl_space *space)
{
    char *text;
    TRY(text_of(&text, nastl_candidate_json(candidate)));
    int status = nastl_db_begin(study->db);
    if (status == NASTL_OK) {
        status = enter(study, id_of(number), text, candidate, space);
        status = nastl_study_close_change(study, status);
    }
    free(text);
    return status;
}

/* ---- end --------------------------------------------------------------------------- */

static double finite_or_zero(double value)
{
    return isfinite(value) ? value : 0.0;
}

static int put_outcome(struct nastl_study *study, const struct nastl_trial *trial,
                       const char *details)
{
    struct nastl_db_row *row;
    TRY(nastl_db_prepare(&row, study->db,
                         "UPDATE nastl_trials SET state = ?2, violation = ?3, "
                         "reason = ?4, seconds = ?5, details = ?6 WHERE trial_id = ?1 "
                         "RETURNING trial_id"));
    nastl_db_bind_int(row, 1, id_of(trial->number));
    nastl_db_bind_text(row, 2, nastl_state_name(trial->state));
    nastl_db_bind_number(row, 3, finite_or_zero(trial->violation));
    nastl_db_bind_text(row, 4, trial->reason ? trial->reason : "");
    nastl_db_bind_number(row, 5, finite_or_zero(trial->seconds));
    nastl_db_bind_text(row, 6, details);
    const int step = nastl_db_step(row);
    nastl_db_end(row);
    if (step == 0)
        return nastl_error(NASTL_ENOENT,
                           "%s/study.db: trial %zu was never begun; begin it",
                           study->folder, trial->number);
    return step < 0 ? step : NASTL_OK;
}

static void bind_measured(struct nastl_db_row *row, int at, double value)
{
    if (!isnan(value))
        nastl_db_bind_number(row, at, value);
}

static int put_values(struct nastl_study *study, const struct nastl_trial *trial)
{
    for (size_t j = 0; j < study->objectives; j++) {
        struct nastl_db_row *row;
        TRY(nastl_db_prepare(&row, study->db,
                             "INSERT OR REPLACE INTO nastl_values "
                             "VALUES (?1, ?2, ?3, ?4)"));
        nastl_db_bind_int(row, 1, id_of(trial->number));
        nastl_db_bind_int(row, 2, (int64_t)j);
        bind_measured(row, 3, trial->values[j]);
        bind_measured(row, 4, trial->errors[j]);
        TRY(nastl_db_run(row));
    }
    return NASTL_OK;
}

static int write_end(struct nastl_study *study, const struct nastl_trial *trial,
                     const char *details)
{
    TRY(put_outcome(study, trial, details));
    TRY(put_values(study, trial));
    return nastl_optuna_end(study, id_of(trial->number), trial);
}

static int check_complete(const struct nastl_study *study,
                          const struct nastl_trial *trial)
{
    if (trial->state != NASTL_STATE_COMPLETE)
        return NASTL_OK;
    for (size_t j = 0; j < study->objectives; j++)
        if (!isfinite(trial->values[j]))
            return nastl_error(
                NASTL_ENUMERIC,
                "trial %zu: its %s is no finite number; a trial without it "
                "has failed",
                trial->number, study->objective[j]->name);
    return NASTL_OK;
}

int nastl_study_end(struct nastl_study *study, const struct nastl_trial *trial)
{
    assert(trial->state != NASTL_STATE_RUNNING);
    TRY(check_complete(study, trial));
    char *details = NULL;
    if (trial->details)
        TRY(text_of(&details, json_incref(trial->details)));
    int status = nastl_db_begin(study->db);
    if (status == NASTL_OK) {
        status = write_end(study, trial, details);
        status = nastl_study_close_change(study, status);
    }
    free(details);
    return status;
}

/* ---- reading ----------------------------------------------------------------------- */

struct loader {
    struct nastl_study *study;
    struct nastl_trial *trials;
    size_t count, capacity;
    bool whole;
};

static int damaged(const struct nastl_study *study, size_t number, const char *what)
{
    return nastl_error(NASTL_EFORMAT,
                       "%s/study.db: trial %zu has no readable %s; restore a copy of it",
                       study->folder, number, what);
}

static int parse_json(json_t **out, const struct nastl_study *study, size_t number,
                      const char *what, const char *text)
{
    const int status = text ? nastl_json_parse(out, text, "study.db") : NASTL_EFORMAT;
    return status == NASTL_EFORMAT ? damaged(study, number, what) : status;
}

static int take_state(struct nastl_trial *trial, const struct nastl_study *study,
                      const char *name)
{
    for (int state = 0; name && state < NASTL_STATE_COUNT; state++)
        if (strcmp(name, state_names[state]) == 0) {
            trial->state = (enum nastl_state)state;
            return NASTL_OK;
        }
    return damaged(study, trial->number, "state");
}

/* What is large: the candidate, the reason and the details. */
static int take_texts(struct nastl_trial *trial, const struct nastl_study *study,
                      struct nastl_db_row *row)
{
    json_t *candidate;
    TRY(parse_json(&candidate, study, trial->number, "candidate", nastl_db_text(row, 4)));
    const int status = nastl_candidate_from_json(&trial->candidate, candidate);
    json_decref(candidate);
    TRY(status);
    const char *reason = nastl_db_text(row, 5);
    trial->reason = nastl_strdup(reason ? reason : "");
    if (!trial->reason)
        return nastl_error_nomem("a trial");
    if (nastl_db_is_null(row, 6))
        return NASTL_OK;
    return parse_json(&trial->details, study, trial->number, "details",
                      nastl_db_text(row, 6));
}

static int take_trial(struct nastl_trial *trial, const struct loader *loader,
                      struct nastl_db_row *row)
{
    const int64_t id = nastl_db_int(row, 0);
    if (id < 1)
        return damaged(loader->study, 0, "number");
    trial->number = (size_t)(id - 1);
    for (size_t j = 0; j < NASTL_OBJECTIVES; j++)
        trial->values[j] = trial->errors[j] = NAN;
    TRY(take_state(trial, loader->study, nastl_db_text(row, 1)));
    trial->violation = nastl_db_number(row, 2);
    trial->seconds = nastl_db_number(row, 3);
    return loader->whole ? take_texts(trial, loader->study, row) : NASTL_OK;
}

static int grow(struct loader *loader)
{
    if (loader->count < loader->capacity)
        return NASTL_OK;
    const size_t capacity = loader->capacity ? 2 * loader->capacity : 64;
    struct nastl_trial *trials =
        nastl_alloc_resize(loader->trials, capacity, sizeof *trials);
    if (!trials)
        return nastl_error_nomem("the trials of a study");
    loader->trials = trials;
    loader->capacity = capacity;
    return NASTL_OK;
}

static int take_trials(struct loader *loader, struct nastl_db_row *row)
{
    int step;
    while ((step = nastl_db_step(row)) > 0) {
        TRY(grow(loader));
        struct nastl_trial *trial = &loader->trials[loader->count++];
        *trial = (struct nastl_trial){0};
        TRY(take_trial(trial, loader, row));
    }
    return step;
}

static int read_trials(struct loader *loader)
{
    struct nastl_db_row *row;
    TRY(nastl_db_prepare(&row, loader->study->db,
                         "SELECT trial_id, state, violation, seconds, candidate, reason, "
                         "details FROM nastl_trials ORDER BY trial_id"));
    const int status = take_trials(loader, row);
    nastl_db_end(row);
    return status;
}

/* Both lists are in the order of the trials. */
static int take_values(struct loader *loader, struct nastl_db_row *row)
{
    int step;
    size_t at = 0;
    while ((step = nastl_db_step(row)) > 0) {
        const int64_t id = nastl_db_int(row, 0), j = nastl_db_int(row, 1);
        while (at < loader->count && id_of(loader->trials[at].number) < id)
            at++;
        if (at == loader->count || id_of(loader->trials[at].number) != id || j < 0 ||
            j >= (int64_t)loader->study->objectives)
            continue;
        if (!nastl_db_is_null(row, 2))
            loader->trials[at].values[j] = nastl_db_number(row, 2);
        if (!nastl_db_is_null(row, 3))
            loader->trials[at].errors[j] = nastl_db_number(row, 3);
    }
    return step;
}

static int read_values(struct loader *loader)
{
    struct nastl_db_row *row;
    TRY(nastl_db_prepare(&row, loader->study->db,
                         "SELECT trial_id, objective, value, error FROM nastl_values "
                         "ORDER BY trial_id, objective"));
    const int status = take_values(loader, row);
    nastl_db_end(row);
    return status;
}

void nastl_study_free_trials(struct nastl_trial *trials, size_t count)
{
    for (size_t i = 0; i < count; i++)
        nastl_trial_finish(&trials[i]);
    free(trials);
}

int nastl_study_load(struct nastl_study *study, struct nastl_trial **out, size_t *count,
                     bool whole)
{
    struct loader loader = {.study = study, .whole = whole};
    int status = nastl_db_exec(study->db, "BEGIN"); /* both lists from one moment */
    if (status == NASTL_OK)
        status = read_trials(&loader);
    if (status == NASTL_OK)
        status = read_values(&loader);
    nastl_db_rollback(study->db);
    if (status < 0) {
        nastl_study_free_trials(loader.trials, loader.count);
        return status;
    }
    *out = loader.trials;
    *count = loader.count;
    return NASTL_OK;
}

int nastl_study_trials(struct nastl_study *study, struct nastl_trial **out, size_t *count)
{
    return nastl_study_load(study, out, count, true);
}
