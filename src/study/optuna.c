/* optuna.c: what Optuna and optuna-dashboard find in the ledger. Nothing is read back
 * from these tables but by them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "study/study_impl.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Writes an attribute into the table of `sql`; takes `value` over. */
static int put_attribute(struct nastl_study *study, const char *sql, int64_t id,
                         const char *key, json_t *value)
{
    if (!value)
        return nastl_error_nomem(key);
    struct nastl_strbuf text;
    nastl_strbuf_init(&text);
    nastl_json_write(&text, value, 0);
    json_decref(value);
    struct nastl_db_row *row;
    int status = nastl_strbuf_text(&text) ? NASTL_OK : nastl_error_nomem(key);
    if (status == NASTL_OK)
        status = nastl_db_prepare(&row, study->db, sql);
    if (status == NASTL_OK) {
        nastl_db_bind_int(row, 1, id);
        nastl_db_bind_text(row, 2, key);
        nastl_db_bind_text(row, 3, text.text);
        status = nastl_db_run(row);
    }
    nastl_strbuf_finish(&text);
    return status;
}

/* ---- the study --------------------------------------------------------------------- */

static int put_directions(struct nastl_study *study)
{
    for (size_t j = 0; j < study->objectives; j++) {
        struct nastl_db_row *row;
        TRY(nastl_db_prepare(&row, study->db,
                             "INSERT INTO study_directions (direction, study_id, "
                             "objective) VALUES (?1, ?2, ?3)"));
        nastl_db_bind_text(row, 1,
                           study->objective[j]->maximize ? "MAXIMIZE" : "MINIMIZE");
        nastl_db_bind_int(row, 2, study->id);
        nastl_db_bind_int(row, 3, (int64_t)j);
        TRY(nastl_db_run(row));
    }
    return NASTL_OK;
}

static json_t *metric_names(const struct nastl_study *study)
{
    json_t *names = json_array();
    for (size_t j = 0; names && j < study->objectives; j++)
        if (nastl_json_append(names, json_string(study->objective[j]->name)) < 0) {
            json_decref(names);
            return NULL;
        }
    return names;
}

int nastl_optuna_describe(struct nastl_study *study)
{
    TRY(put_directions(study));
    TRY(put_attribute(study,
                      "INSERT INTO study_system_attributes (study_id, key, value_json) "
                      "VALUES (?1, ?2, ?3)",
                      study->id, "study:metric_names", metric_names(study)));
    return put_attribute(study,
                         "INSERT INTO study_user_attributes (study_id, key, value_json) "
                         "VALUES (?1, ?2, ?3)",
                         study->id, "seed", json_integer((json_int_t)study->seed));
}

/* ---- distributions ----------------------------------------------------------------- */

static json_t *scalar(const char *text, double number)
{
    const double exact = 9007199254740992.0; /* 2^53 */
    if (text)
        return nastl_json_text(text);
    if (fabs(number) <= exact && number == floor(number))
        return json_integer((json_int_t)number);
    return nastl_json_number(number);
}

static bool is_choice(const struct nastl_choice *choice,
                      const struct nastl_setting *setting)
{
    if (!choice->text || !setting->text)
        return !choice->text && !setting->text && choice->number == setting->number;
    return strcmp(choice->text, setting->text) == 0;
}

/* The choice that was taken; `count` where it is not among them. */
static size_t choice_of(const struct nastl_dim *dim, const struct nastl_setting *setting)
{
    size_t i = 0;
    while (i < dim->count && !is_choice(&dim->choices[i], setting))
        i++;
    return i;
}

static int fill_choices(json_t *attributes, double *value,
                        const struct nastl_setting *setting, const struct nastl_dim *dim)
{
    json_t *choices = json_array();
    TRY(nastl_json_set(attributes, "choices", choices));
    const bool drawn = dim && dim->kind == NASTL_DIM_CHOICE;
    const size_t taken = drawn ? choice_of(dim, setting) : 0;
    *value = 0;
    if (!drawn || taken == dim->count)
        return nastl_json_append(choices, scalar(setting->text, setting->number));
    *value = (double)taken;
    for (size_t i = 0; i < dim->count; i++)
        TRY(nastl_json_append(choices,
                              scalar(dim->choices[i].text, dim->choices[i].number)));
    return NASTL_OK;
}

/* The upper end that steps from the lower one reach: Optuna warns of any other. */
static double reached(const struct nastl_dim *dim)
{
    const double slack = 1e-9; /* of a step, for decimals that binary has not */
    const double steps = floor((dim->high - dim->low) / dim->step + slack);
    const double high = dim->low + steps * dim->step;
    return fabs(high - dim->high) <= slack * dim->step ? dim->high : high;
}

/* Optuna knows steps or a logarithm, never both: the logarithm stays, with the range
 * around the steps. */
static int fill_range(json_t *attributes, const struct nastl_dim *dim)
{
    const bool whole = dim->kind == NASTL_DIM_INT;
    const bool stepped = dim->step > 0 && !dim->log;
    const double high = stepped ? reached(dim) : dim->high;
    TRY(nastl_json_set(attributes, "low",
                       whole ? json_integer((json_int_t)dim->low) : json_real(dim->low)));
    TRY(nastl_json_set(attributes, "high",
                       whole ? json_integer((json_int_t)high) : json_real(high)));
    TRY(nastl_json_set(attributes, "log", json_boolean(dim->log)));
    if (whole)
        return nastl_json_set(attributes, "step",
                              json_integer(stepped ? (json_int_t)dim->step : 1));
    return nastl_json_set(attributes, "step",
                          stepped ? json_real(dim->step) : json_null());
}

/* Optuna's names of distributions by enum nastl_dim_kind. */
static const char *const distribution_name[] = {
    [NASTL_DIM_INT] = "IntDistribution",
    [NASTL_DIM_FLOAT] = "FloatDistribution",
    [NASTL_DIM_CHOICE] = "CategoricalDistribution",
};

static int fill_distribution(json_t *object, double *value,
                             const struct nastl_setting *setting,
                             const struct nastl_dim *dim)
{
    const bool ranged = dim && !dim->fixed && dim->kind != NASTL_DIM_CHOICE &&
                        !setting->text && setting->number >= dim->low &&
                        setting->number <= dim->high;
    const enum nastl_dim_kind kind = ranged ? dim->kind : NASTL_DIM_CHOICE;
    json_t *attributes = json_object();
    TRY(nastl_json_set(object, "name", json_string(distribution_name[kind])));
    TRY(nastl_json_set(object, "attributes", attributes));
    if (!ranged)
        return fill_choices(attributes, value, setting, dim);
    *value = setting->number;
    return fill_range(attributes, dim);
}

int nastl_optuna_distribution(char **json, double *value,
                              const struct nastl_setting *setting,
                              const struct nastl_dim *dim)
{
    struct nastl_strbuf text;
    nastl_strbuf_init(&text);
    json_t *object = json_object();
    if (!object)
        return nastl_error_nomem(setting->key);
    int status = fill_distribution(object, value, setting, dim);
    if (status == NASTL_OK) {
        nastl_json_write(&text, object, 0);
        status = nastl_strbuf_take(json, &text);
    }
    json_decref(object);
    return status;
}

/* ---- a trial begins ---------------------------------------------------------------- */

static int put_param(struct nastl_study *study, int64_t trial_id,
                     const struct nastl_setting *setting, const struct nastl_dim *dim)
{
    char *json;
    double value;
    TRY(nastl_optuna_distribution(&json, &value, setting, dim));
    struct nastl_db_row *row;
    int status = nastl_db_prepare(&row, study->db,
                                  "INSERT INTO trial_params (trial_id, param_name, "
                                  "param_value, distribution_json) "
                                  "VALUES (?1, ?2, ?3, ?4)");
    if (status == NASTL_OK) {
        nastl_db_bind_int(row, 1, trial_id);
        nastl_db_bind_text(row, 2, setting->key);
        nastl_db_bind_number(row, 3, value);
        nastl_db_bind_text(row, 4, json);
        status = nastl_db_run(row);
    }
    free(json);
    return status;
}

/* The dimension of a key; the search starts at *from, since both lists have one order. */
static const struct nastl_dim *dim_of(const struct nastl_space *space, const char *key,
                                      size_t *from)
{
    const size_t dims = space ? nastl_space_dims(space) : 0;
    for (size_t i = 0; i < dims; i++) {
        const size_t at = (*from + i) % dims;
        const struct nastl_dim *dim = nastl_space_dim(space, at);
        if (strcmp(dim->key, key) == 0) {
            *from = at + 1;
            return dim;
        }
    }
    return NULL;
}

int nastl_optuna_begin(struct nastl_study *study, int64_t trial_id,
                       const struct nastl_candidate *candidate,
                       const struct nastl_space *space)
{
    char now[32];
    struct nastl_db_row *row;
    nastl_clock_stamp(now);
    TRY(nastl_db_prepare(&row, study->db,
                         "INSERT INTO trials (trial_id, number, study_id, state, "
                         "datetime_start) VALUES (?1, ?1 - 1, ?2, 'RUNNING', ?3)"));
    nastl_db_bind_int(row, 1, trial_id);
    nastl_db_bind_int(row, 2, study->id);
    nastl_db_bind_text(row, 3, now);
    TRY(nastl_db_run(row));
    size_t from = 0;
    for (size_t i = 0; i < candidate->count; i++) {
        const struct nastl_setting *setting = &candidate->settings[i];
        TRY(put_param(study, trial_id, setting, dim_of(space, setting->key, &from)));
    }
    return NASTL_OK;
}

/* ---- a trial ends ------------------------------------------------------------------ */

/* Optuna's names of states by enum nastl_state. */
static const char *const optuna_state[] = {
    [NASTL_STATE_RUNNING] = "RUNNING", [NASTL_STATE_COMPLETE] = "COMPLETE",
    [NASTL_STATE_PRUNED] = "PRUNED",   [NASTL_STATE_INFEASIBLE] = "PRUNED",
    [NASTL_STATE_FAILED] = "FAIL",
};
_Static_assert(sizeof optuna_state / sizeof *optuna_state == NASTL_STATE_COUNT,
               "one a state");

static int put_state(struct nastl_study *study, int64_t trial_id, enum nastl_state state)
{
    char now[32];
    struct nastl_db_row *row;
    nastl_clock_stamp(now);
    TRY(nastl_db_prepare(&row, study->db,
                         "UPDATE trials SET state = ?2, "
                         "datetime_complete = coalesce(datetime_complete, ?3) "
                         "WHERE trial_id = ?1"));
    nastl_db_bind_int(row, 1, trial_id);
    nastl_db_bind_text(row, 2, optuna_state[state]);
    nastl_db_bind_text(row, 3, now);
    return nastl_db_run(row);
}

static int put_value(struct nastl_study *study, int64_t trial_id, size_t j, double value)
{
    struct nastl_db_row *row;
    TRY(nastl_db_prepare(&row, study->db,
                         "INSERT INTO trial_values (trial_id, objective, value, "
                         "value_type) VALUES (?1, ?2, ?3, ?4)"));
    nastl_db_bind_int(row, 1, trial_id);
    nastl_db_bind_int(row, 2, (int64_t)j);
    if (isfinite(value))
        nastl_db_bind_number(row, 3, value);
    nastl_db_bind_text(row, 4,
                       isfinite(value) ? "FINITE"
                       : value > 0     ? "INF_POS"
                                       : "INF_NEG");
    return nastl_db_run(row);
}

/* A trial has all of its values in Optuna, or none; a failed one none. */
static int put_values(struct nastl_study *study, int64_t trial_id,
                      const struct nastl_trial *trial)
{
    struct nastl_db_row *row;
    TRY(nastl_db_prepare(&row, study->db,
                         "DELETE FROM trial_values WHERE trial_id = ?1"));
    nastl_db_bind_int(row, 1, trial_id);
    TRY(nastl_db_run(row));
    bool whole = trial->state != NASTL_STATE_FAILED;
    for (size_t j = 0; j < study->objectives; j++)
        whole = whole && !isnan(trial->values[j]);
    for (size_t j = 0; whole && j < study->objectives; j++)
        TRY(put_value(study, trial_id, j, trial->values[j]));
    return NASTL_OK;
}

/* Optuna takes a complete trial without constraints for infeasible as soon as any other
 * trial has them: so each complete one has them. */
static int put_constraints(struct nastl_study *study, int64_t trial_id,
                           const struct nastl_trial *trial)
{
    const bool feasible = trial->state == NASTL_STATE_COMPLETE;
    if (!feasible && trial->state != NASTL_STATE_INFEASIBLE)
        return NASTL_OK;
    json_t *list = json_array();
    if (!list)
        return nastl_error_nomem("a trial");
    const double violation = isfinite(trial->violation) ? trial->violation : 1.0;
    const int status = nastl_json_append(list, json_real(feasible ? 0.0 : violation));
    if (status < 0) {
        json_decref(list);
        return status;
    }
    return put_attribute(study,
                         "INSERT OR REPLACE INTO trial_system_attributes (trial_id, key, "
                         "value_json) VALUES (?1, ?2, ?3)",
                         trial_id, "constraints", list);
}

static int put_user_attribute(struct nastl_study *study, int64_t trial_id,
                              const char *key, json_t *value)
{
    return put_attribute(study,
                         "INSERT OR REPLACE INTO trial_user_attributes (trial_id, key, "
                         "value_json) VALUES (?1, ?2, ?3)",
                         trial_id, key, value);
}

int nastl_optuna_end(struct nastl_study *study, int64_t trial_id,
                     const struct nastl_trial *trial)
{
    TRY(put_state(study, trial_id, trial->state));
    TRY(put_values(study, trial_id, trial));
    TRY(put_constraints(study, trial_id, trial));
    TRY(put_user_attribute(study, trial_id, "state",
                           json_string(nastl_state_name(trial->state))));
    TRY(put_user_attribute(study, trial_id, "seconds",
                           nastl_json_number(trial->seconds)));
    if (trial->reason && *trial->reason)
        TRY(put_user_attribute(study, trial_id, "reason",
                               nastl_json_text(trial->reason)));
    json_t *test = json_object_get(trial->details, "test");
    if (json_is_object(test))
        TRY(put_user_attribute(study, trial_id, "test", json_incref(test)));
    return NASTL_OK;
}
