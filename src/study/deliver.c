/* deliver.c: the guard against harm: which member of the front a user gets, and its gain
 * over training from scratch. Decided by the ledger alone: by the trials, and by the
 * gains that were measured; trial 17's is the fact "gain.17". SPDX-License-Identifier:
 * Apache-2.0 */
#include "study/study_impl.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- facts ------------------------------------------------------------------------- */

static void key_of(char key[64], size_t trial)
{
    snprintf(key, 64, "gain.%zu", trial);
}

int nastl_study_set_gain(struct nastl_study *study, size_t trial,
                         const struct nastl_gain *gain)
{
    char key[64];
    struct nastl_strbuf text;
    json_t *fact =
        json_pack("{s:o, s:o, s:o, s:o}", "gain", nastl_json_number(gain->gain), "low",
                  nastl_json_number(gain->low), "high", nastl_json_number(gain->high),
                  "why", nastl_json_text(gain->why));
    if (!fact)
        return nastl_error_nomem("a gain");
    key_of(key, trial);
    nastl_strbuf_init(&text);
    nastl_json_write(&text, fact, 0);
    json_decref(fact);
    const int status = nastl_strbuf_text(&text)
                           ? nastl_study_set_fact(study, key, text.text)
                           : nastl_error_nomem("a gain");
    nastl_strbuf_finish(&text);
    return status;
}

static double number_at(const json_t *fact, const char *key)
{
    const json_t *number = json_object_get(fact, key);
    return json_is_number(number) ? json_number_value(number) : NAN;
}

static void gain_from_json(struct nastl_gain *out, const json_t *fact)
{
    *out = (struct nastl_gain){.gain = number_at(fact, "gain"),
                               .low = number_at(fact, "low"),
                               .high = number_at(fact, "high")};
    snprintf(out->why, sizeof out->why, "%s", nastl_json_text_at(fact, "why", ""));
}

int nastl_study_get_gain(struct nastl_gain *out, bool *known, struct nastl_study *study,
                         size_t trial)
{
    char key[64], *text;
    json_t *fact = NULL;
    key_of(key, trial);
    *known = false;
    TRY(nastl_study_get_fact(study, key, &text));
    if (!text)
        return NASTL_OK;
    const int status = nastl_json_parse(&fact, text, "study.db");
    free(text);
    TRY(status);
    gain_from_json(out, fact);
    json_decref(fact);
    *known = true;
    return NASTL_OK;
}

/* ---- members ----------------------------------------------------------------------- */

/* What a decision is about. */
struct guard {
    struct nastl_study *study;
    const struct nastl_trial *trials;
    const size_t *front; /* indices of trials (members) */
    size_t members;
    struct nastl_delivery *out;
};

static const struct nastl_trial *member_of(const struct guard *guard, size_t i)
{
    return &guard->trials[guard->front[i]];
}

/* INFINITY where it is not known. */
static double parameters_of(const struct nastl_trial *trial)
{
    const json_t *cost = json_object_get(trial->details, "cost");
    const json_t *parameters = json_object_get(cost, "parameters");
    return json_is_number(parameters) ? json_number_value(parameters) : INFINITY;
}

/* The front stands with the best first objective first: among those that share it, the
 * smallest model. */
static const struct nastl_trial *best_of(const struct guard *guard)
{
    const struct nastl_trial *best = member_of(guard, 0);
    for (size_t i = 1; i < guard->members; i++) {
        const struct nastl_trial *other = member_of(guard, i);
        if (other->values[0] != best->values[0])
            break;
        if (parameters_of(other) < parameters_of(best))
            best = other;
    }
    return best;
}

static const char *strategy_of(const struct nastl_trial *trial)
{
    return nastl_candidate_text(&trial->candidate, "transfer.strategy", "scratch");
}

static bool is_scratch(const struct nastl_trial *trial)
{
    return nastl_candidate_is_scratch(&trial->candidate);
}

/* What may stand in for a member whose gain does not exclude harm. */
static bool is_refuge(const struct nastl_trial *trial)
{
    return is_scratch(trial) || strcmp(strategy_of(trial), "pooled") == 0;
}

/* ---- gains ------------------------------------------------------------------------- */

static const struct nastl_gain unknown = {.gain = NAN, .low = NAN, .high = NAN};

static bool is_known(const struct nastl_gain *gain)
{
    return isfinite(gain->gain);
}

static bool excludes_harm(const struct nastl_gain *gain)
{
    return is_known(gain) && gain->low >= 0;
}

/* !*known: *out is unknown, too. */
static int gain_of(struct nastl_gain *out, bool *known, const struct guard *guard,
                   const struct nastl_trial *trial)
{
    *out = is_scratch(trial) ? (struct nastl_gain){0} : unknown;
    *known = true;
    return is_scratch(trial)
               ? NASTL_OK
               : nastl_study_get_gain(out, known, guard->study, trial->number);
}

/* ---- reasons ----------------------------------------------------------------------- */

/* "best macro_f1 of the front" */
static size_t put_best(const struct guard *guard)
{
    return (size_t)snprintf(guard->out->reason, sizeof guard->out->reason,
                            "best %s of the front", guard->study->objective[0]->name);
}

static void say(const struct guard *guard, const char *text)
{
    const size_t length = put_best(guard);
    snprintf(guard->out->reason + length, sizeof guard->out->reason - length, "%s", text);
}

static void say_unknown(const struct guard *guard, const char *why)
{
    const size_t length = put_best(guard);
    snprintf(guard->out->reason + length, sizeof guard->out->reason - length,
             "; the gain over scratch is not estimated: %s", why);
}

static void say_dear(const struct guard *guard, const struct nastl_trial *refuge)
{
    const size_t length = put_best(guard);
    snprintf(
        guard->out->reason + length, sizeof guard->out->reason - length,
        "; its gain over scratch does not exclude harm, but trial %zu, the best that "
        "may be safer, is worse by more than that",
        refuge->number);
}

/* "trial 17 (fine_tune) has the best macro_f1, but its gain over scratch, 0.0021 …" */
static void say_refuge(const struct guard *guard, const struct nastl_trial *best,
                       const struct nastl_gain *gain)
{
    const char *objective = guard->study->objective[0]->name;
    char middle[32], low[32], high[32];
    nastl_study_figure(middle, objective, gain->gain);
    nastl_study_figure(low, objective, gain->low);
    nastl_study_figure(high, objective, gain->high);
    snprintf(guard->out->reason, sizeof guard->out->reason,
             "%s; trial %zu (%s) has the best %s of the front, but its gain over "
             "scratch, %s with the interval %s to %s, does not exclude harm",
             is_scratch(guard->out->trial)
                 ? "trained from scratch"
                 : "pooled with the source's rows, which excludes harm",
             best->number, strategy_of(best), objective, middle, low, high);
}

/* ---- the decision ------------------------------------------------------------------ */

/* A gain is to be measured: until then the best one is delivered, and why its gain is not
 * known is what the ledger says. */
static int ask_for(const struct guard *guard, const struct nastl_trial *trial)
{
    char *why;
    TRY(nastl_study_get_fact(guard->study, "unguarded", &why));
    guard->out->wanted = trial;
    if (is_known(&guard->out->gain))
        say(guard, "; what may be safer is not known yet");
    else
        say_unknown(guard, why ? why : "the search has not come to it");
    free(why);
    return NASTL_OK;
}

/* How much worse it is than the best. */
static double price_of(const struct nastl_trial *best, const struct nastl_trial *trial)
{
    return fabs(best->values[0] - trial->values[0]);
}

/* One that may stand in for the best one. *over: nothing is left to be decided. */
static int try_refuge(bool *over, const struct guard *guard,
                      const struct nastl_trial *best, const struct nastl_trial *refuge)
{
    const struct nastl_gain gain = guard->out->gain;
    struct nastl_gain own;
    bool known;
    *over = true;
    if (price_of(best, refuge) > -gain.low) {
        say_dear(guard, refuge);
        return NASTL_OK;
    }
    TRY(gain_of(&own, &known, guard, refuge));
    if (!known)
        return ask_for(guard, refuge);
    if (!excludes_harm(&own)) {
        *over = false;
        return NASTL_OK;
    }
    guard->out->trial = refuge;
    guard->out->gain = own;
    say_refuge(guard, best, &gain);
    return NASTL_OK;
}

/* The best one may be worse than from scratch. */
static int take_refuge(const struct guard *guard, const struct nastl_trial *best)
{
    bool over = false;
    for (size_t i = 0; !over && i < guard->members; i++) {
        const struct nastl_trial *refuge = member_of(guard, i);
        if (refuge != best && is_refuge(refuge))
            TRY(try_refuge(&over, guard, best, refuge));
    }
    if (!over)
        say(guard, "; its gain over scratch does not exclude harm, but the front has "
                   "nothing that is safer");
    return NASTL_OK;
}

static int decide(const struct guard *guard, const struct nastl_trial *best)
{
    bool known;
    struct nastl_gain *gain = &guard->out->gain;
    if (is_scratch(best)) {
        *gain = (struct nastl_gain){0};
        say(guard, ", and trained from scratch");
        return NASTL_OK;
    }
    if (guard->study->objective[0]->source != NASTL_FROM_SCORES) {
        say_unknown(guard, "no score is the first objective");
        return NASTL_OK;
    }
    TRY(gain_of(gain, &known, guard, best));
    if (!known)
        return ask_for(guard, best);
    if (!is_known(gain))
        say_unknown(guard, gain->why);
    else if (excludes_harm(gain))
        say(guard, "; the interval of its gain over scratch excludes harm");
    else
        return take_refuge(guard, best);
    return NASTL_OK;
}

int nastl_study_choose(struct nastl_delivery *out, struct nastl_study *study,
                       const struct nastl_trial *trials, const size_t *front,
                       size_t members)
{
    const struct guard guard = {study, trials, front, members, out};
    *out = (struct nastl_delivery){.gain = unknown};
    if (members == 0)
        return NASTL_OK;
    out->trial = out->best = best_of(&guard);
    return decide(&guard, out->best);
}

int nastl_study_deliver(struct nastl_delivery *out, struct nastl_study *study,
                        const struct nastl_trial *trials, size_t count)
{
    size_t *front, members;
    TRY(nastl_study_front(study, trials, count, &front, &members));
    const int status = nastl_study_choose(out, study, trials, front, members);
    free(front);
    return status;
}
