/* document.c: pareto.json of the trials in a ledger. The keys and their order are those
 * of the contract; what only the search knows is copied from its head.
 * SPDX-License-Identifier: Apache-2.0 */
#include "study/study_impl.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What the document is made of. */
struct source {
    struct nastl_study *study;
    const struct nastl_trial *trials;
    size_t count;
    double *points; /* minimised, of all complete trials (ranked, objectives) */
    size_t ranked;
    size_t *front; /* indices of trials (members) */
    size_t members;
    double *front_points; /* minimised (members, objectives) */
};

static void source_finish(struct source *source)
{
    free(source->points);
    free(source->front);
    free(source->front_points);
}

static int source_init(struct source *source, struct nastl_study *study,
                       const struct nastl_trial *trials, size_t count)
{
    size_t *which;
    *source = (struct source){.study = study, .trials = trials, .count = count};
    TRY(nastl_study_ranked(study, trials, count, &which, &source->ranked));
    const int status =
        nastl_study_points(&source->points, study, trials, which, source->ranked);
    free(which);
    TRY(status);
    TRY(nastl_study_front(study, trials, count, &source->front, &source->members));
    return nastl_study_points(&source->front_points, study, trials, source->front,
                              source->members);
}

static const struct nastl_trial *member_of(const struct source *source, size_t i)
{
    return &source->trials[source->front[i]];
}

/* ---- building ---------------------------------------------------------------------- */

static int add_object(json_t **out, json_t *parent, const char *key)
{
    *out = json_object();
    return nastl_json_set(parent, key, *out);
}

static int add_array(json_t **out, json_t *parent, const char *key)
{
    *out = json_array();
    return nastl_json_set(parent, key, *out);
}

/* The key's value in `from`, null where it has none. */
static int copy_key(json_t *to, const char *key, const json_t *from)
{
    json_t *value = json_object_get(from, key);
    return nastl_json_set(to, key, value ? json_incref(value) : json_null());
}

static int set_whole(json_t *to, const char *key, size_t value)
{
    return nastl_json_set(to, key, json_integer((json_int_t)value));
}

static int set_text(json_t *to, const char *key, const char *text)
{
    return nastl_json_set(to, key, nastl_json_text(text));
}

/* ---- the top ----------------------------------------------------------------------- */

static int put_about(json_t *doc, const struct source *source, const json_t *head)
{
    TRY(set_text(doc, "schema", "nas-tl/pareto/v1"));
    TRY(copy_key(doc, "version", head));
    TRY(set_text(doc, "study", source->study->name));
    TRY(nastl_json_set(doc, "seed", json_integer((json_int_t)source->study->seed)));
    TRY(copy_key(doc, "space", head));
    TRY(copy_key(doc, "task", head));
    return copy_key(doc, "data", head);
}

static int put_objectives(json_t *doc, const struct nastl_study *study)
{
    json_t *list;
    TRY(add_array(&list, doc, "objectives"));
    for (size_t j = 0; j < study->objectives; j++) {
        const struct nastl_objective *objective = study->objective[j];
        json_t *one = json_object();
        TRY(nastl_json_append(list, one));
        TRY(set_text(one, "name", objective->name));
        TRY(set_text(one, "direction", objective->maximize ? "maximize" : "minimize"));
        TRY(set_text(one, "unit", objective->unit));
    }
    return NASTL_OK;
}

static int put_counts(json_t *doc, const struct source *source, const json_t *head)
{
    size_t counts[NASTL_STATE_COUNT] = {0};
    for (size_t i = 0; i < source->count; i++)
        counts[source->trials[i].state]++;
    json_t *trials;
    TRY(add_object(&trials, doc, "trials"));
    for (int state = NASTL_STATE_COMPLETE; state < NASTL_STATE_COUNT; state++)
        TRY(set_whole(trials, nastl_state_name((enum nastl_state)state), counts[state]));
    json_t *rejected = json_object_get(head, "rejected");
    return nastl_json_set(trials, "rejected",
                          rejected ? json_incref(rejected) : json_integer(0));
}

/* ---- figures of the front ---------------------------------------------------------- */

/* The reference point in the objectives' own units, and the front's hypervolume against
 * it; none and 0 where no trial is complete. */
static int put_volume(json_t *doc, const struct source *source)
{
    const struct nastl_study *study = source->study;
    double reference[NASTL_OBJECTIVES], volume = 0;
    json_t *list;
    TRY(add_array(&list, doc, "reference_point"));
    if (source->ranked) {
        nastl_pareto_reference(reference, source->points, source->ranked,
                               study->objectives);
        TRY(nastl_pareto_hypervolume(&volume, source->front_points, source->members,
                                     study->objectives, reference));
    }
    for (size_t j = 0; source->ranked && j < study->objectives; j++) {
        const double sign = study->objective[j]->maximize ? -1 : 1;
        TRY(nastl_json_append(list, nastl_json_number(sign * reference[j])));
    }
    return nastl_json_set(doc, "hypervolume", nastl_json_number(volume));
}

static int put_knee(json_t *doc, const struct source *source)
{
    const struct nastl_study *study = source->study;
    bool is_cost[NASTL_OBJECTIVES];
    size_t knee;
    if (!source->members)
        return nastl_json_set(doc, "knee", json_null());
    for (size_t j = 0; j < study->objectives; j++)
        is_cost[j] = study->objective[j]->source != NASTL_FROM_SCORES &&
                     !study->objective[j]->maximize;
    TRY(nastl_pareto_knee(&knee, source->front_points, source->members, study->objectives,
                          is_cost));
    return set_whole(doc, "knee", member_of(source, knee)->number);
}

/* ---- what is delivered ------------------------------------------------------------- */

static const json_t *cost_of(const struct nastl_trial *trial)
{
    return json_object_get(trial->details, "cost");
}

static json_t *interval_json(const struct nastl_gain *gain)
{
    return isfinite(gain->gain) ? json_pack("[o, o]", nastl_json_number(gain->low),
                                            nastl_json_number(gain->high))
                                : json_null();
}

static int put_deliver(json_t *doc, const struct source *source)
{
    struct nastl_delivery delivery;
    json_t *deliver;
    TRY(nastl_study_choose(&delivery, source->study, source->trials, source->front,
                           source->members));
    if (!delivery.trial)
        return nastl_json_set(doc, "deliver", json_null());
    TRY(add_object(&deliver, doc, "deliver"));
    TRY(set_whole(deliver, "trial", delivery.trial->number));
    TRY(nastl_json_set(deliver, "gain", nastl_json_number(delivery.gain.gain)));
    TRY(nastl_json_set(deliver, "interval", interval_json(&delivery.gain)));
    return set_text(deliver, "reason", delivery.reason);
}

/* ---- members that measuring does not tell apart ------------------------------------ */

struct interval {
    double low, high;
    bool measured; /* false: only a point is known */
};

static const double NORMAL_95 = 1.96; /* half a 95 % interval, in standard errors */

static bool told_interval(struct interval *out, const struct nastl_trial *trial,
                          const char *objective)
{
    char key[64];
    snprintf(key, sizeof key, "%s_interval", objective);
    const json_t *told = json_object_get(cost_of(trial), key);
    const json_t *low = json_array_get(told, 0), *high = json_array_get(told, 1);
    if (!json_is_number(low) || !json_is_number(high))
        return false;
    *out = (struct interval){json_number_value(low), json_number_value(high), true};
    return true;
}

static struct interval interval_of(const struct nastl_study *study,
                                   const struct nastl_trial *trial, size_t j)
{
    struct interval interval;
    if (told_interval(&interval, trial, study->objective[j]->name))
        return interval;
    const double value = trial->values[j], error = trial->errors[j];
    const bool measured = isfinite(error);
    const double half = measured ? NORMAL_95 * error : 0;
    return (struct interval){value - half, value + half, measured};
}

static bool is_timed(const struct nastl_objective *objective)
{
    return objective->source == NASTL_FROM_METER ||
           objective->source == NASTL_FROM_TRAINING;
}

/* Their intervals overlap in every timed objective, and there is one at all. */
static bool is_alike(const struct nastl_study *study, const struct nastl_trial *a,
                     const struct nastl_trial *b)
{
    bool measured = false;
    for (size_t j = 0; j < study->objectives; j++) {
        if (!is_timed(study->objective[j]))
            continue;
        const struct interval x = interval_of(study, a, j), y = interval_of(study, b, j);
        if (x.high < y.low || y.high < x.low)
            return false;
        measured = measured || x.measured || y.measured;
    }
    return measured;
}

static int put_alike(json_t *member, const struct source *source, size_t i)
{
    json_t *list;
    TRY(add_array(&list, member, "indistinguishable"));
    const struct nastl_trial *trial = member_of(source, i);
    for (size_t k = 0; k < source->members; k++) {
        const struct nastl_trial *other = member_of(source, k);
        if (k != i && is_alike(source->study, trial, other))
            TRY(nastl_json_append(list, json_integer((json_int_t)other->number)));
    }
    return NASTL_OK;
}

/* ---- members ----------------------------------------------------------------------- */

static int put_numbers(json_t *member, const char *key, const struct nastl_study *study,
                       const double *numbers)
{
    json_t *object;
    TRY(add_object(&object, member, key));
    for (size_t j = 0; j < study->objectives; j++)
        if (isfinite(numbers[j]))
            TRY(nastl_json_set(object, study->objective[j]->name,
                               nastl_json_number(numbers[j])));
    return NASTL_OK;
}

static int put_scores(json_t *member, const char *key, const json_t *details)
{
    json_t *scores = json_object_get(details, key);
    return nastl_json_set(member, key,
                          json_is_object(scores) ? json_incref(scores) : json_object());
}

static int put_cost(json_t *member, const json_t *details)
{
    static const char *const keys[] = {
        "parameters", "flops",         "memory",        "latency",         "latency_p99",
        "energy",     "energy_source", "training_time", "training_energy", "epochs"};
    const json_t *told = json_object_get(details, "cost");
    json_t *cost;
    TRY(add_object(&cost, member, "cost"));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        TRY(copy_key(cost, keys[i], told));
    return NASTL_OK;
}

static int put_member(json_t *member, const struct source *source, size_t i)
{
    const struct nastl_trial *trial = member_of(source, i);
    char weights[64];
    snprintf(weights, sizeof weights, "weights.h5:/trials/%zu", trial->number);
    TRY(set_whole(member, "trial", trial->number));
    TRY(set_text(member, "family",
                 nastl_candidate_text(&trial->candidate, "family", "")));
    TRY(nastl_json_set(member, "candidate", nastl_candidate_json(&trial->candidate)));
    TRY(put_numbers(member, "values", source->study, trial->values));
    TRY(put_numbers(member, "errors", source->study, trial->errors));
    TRY(put_scores(member, "valid", trial->details));
    TRY(put_scores(member, "test", trial->details));
    TRY(put_cost(member, trial->details));
    TRY(copy_key(member, "warm_start", trial->details));
    TRY(put_alike(member, source, i));
    return set_text(member, "weights", weights);
}

static int put_front(json_t *doc, const struct source *source)
{
    json_t *front;
    TRY(add_array(&front, doc, "front"));
    for (size_t i = 0; i < source->members; i++) {
        json_t *member = json_object();
        TRY(nastl_json_append(front, member));
        TRY(put_member(member, source, i));
    }
    return NASTL_OK;
}

/* ---- the document ------------------------------------------------------------------ */

static int put_all(json_t *doc, const struct source *source, const json_t *head)
{
    TRY(put_about(doc, source, head));
    TRY(put_objectives(doc, source->study));
    TRY(put_counts(doc, source, head));
    TRY(copy_key(doc, "seconds", head));
    TRY(copy_key(doc, "stop", head));
    TRY(put_volume(doc, source));
    TRY(put_front(doc, source));
    TRY(put_knee(doc, source));
    TRY(put_deliver(doc, source));
    return copy_key(doc, "hardware", head);
}

int nastl_study_document(json_t **out, struct nastl_study *study, const json_t *head,
                         const struct nastl_trial *trials, size_t count)
{
    struct source source;
    json_t *doc = json_object();
    int status = source_init(&source, study, trials, count);
    if (status == NASTL_OK)
        status = doc ? put_all(doc, &source, head) : nastl_error_nomem("pareto.json");
    source_finish(&source);
    if (status < 0) {
        json_decref(doc);
        return status;
    }
    *out = doc;
    return NASTL_OK;
}

int nastl_study_head(json_t **out, struct nastl_study *study)
{
    char *text;
    TRY(nastl_study_get_fact(study, "head", &text));
    const int status = text                     ? nastl_json_parse(out, text, "study.db")
                       : (*out = json_object()) ? NASTL_OK
                                                : nastl_error_nomem("pareto.json");
    free(text);
    return status;
}
