/* test_deliver.c: which member of the front is delivered, by the gains that are known.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/rng.h"
#include "io/file.h"
#include "study/study_impl.h"
#include "study_toy.h"

#include <nastl/report.h>

/* ---- studies by hand --------------------------------------------------------------- */

struct by_hand {
    double macro_f1, flops;
    const char *strategy;
};

static struct nastl_study *make_study(void **state, const char *objectives,
                                      const struct by_hand *hand, size_t count)
{
    static unsigned next;
    char name[32];
    struct toy toy;
    snprintf(name, sizeof name, "study-%u", next++);
    assert_ok(toy_create(&toy, scratch(state, name), objectives, 1));
    nastl_space_destroy(toy.space);
    for (size_t i = 0; i < count; i++) {
        struct nastl_trial trial = {.number = i,
                                    .state = NASTL_STATE_COMPLETE,
                                    .values = {hand[i].macro_f1, hand[i].flops},
                                    .errors = {NAN, NAN},
                                    .reason = (char *)""};
        assert_ok(nastl_candidate_set(&trial.candidate, "family", "mlp", 0));
        assert_ok(nastl_candidate_set(&trial.candidate, "transfer.strategy",
                                      hand[i].strategy, 0));
        assert_ok(nastl_study_begin(toy.study, i, &trial.candidate, NULL));
        assert_ok(nastl_study_end(toy.study, &trial));
        nastl_candidate_finish(&trial.candidate);
    }
    return toy.study;
}

static void set_gain(struct nastl_study *study, size_t trial, double gain, double low,
                     double high)
{
    const struct nastl_gain fact = {gain, low, high, ""};
    assert_ok(nastl_study_set_gain(study, trial, &fact));
}

/* Numbers in place of what lives as long as the trials; -1: none. */
struct decision {
    long trial, wanted;
    struct nastl_gain gain;
    char reason[600];
};

static struct decision decide(struct nastl_study *study)
{
    struct nastl_trial *trials;
    struct nastl_delivery delivery;
    size_t count;
    assert_ok(nastl_study_trials(study, &trials, &count));
    assert_ok(nastl_study_deliver(&delivery, study, trials, count));
    struct decision decision = {
        .trial = delivery.trial ? (long)delivery.trial->number : -1,
        .wanted = delivery.wanted ? (long)delivery.wanted->number : -1,
        .gain = delivery.gain,
    };
    memcpy(decision.reason, delivery.reason, sizeof decision.reason);
    nastl_study_free_trials(trials, count);
    return decision;
}

static void expect(struct nastl_study *study, long trial, long wanted, const char *reason)
{
    const struct decision got = decide(study);
    if (got.trial != trial || got.wanted != wanted || !strstr(got.reason, reason))
        fail_msg("trial %ld, wanted %ld: %s", got.trial, got.wanted, got.reason);
}

static void expect_gain(struct nastl_study *study, double gain, double low, double high)
{
    const struct decision got = decide(study);
    assert_true(got.gain.gain == gain && got.gain.low == low && got.gain.high == high);
}

static const struct by_hand three[] = {
    {0.80, 900, "fine_tune"}, {0.78, 700, "scratch"}, {0.70, 200, "fine_tune"}};

/* ---- decisions --------------------------------------------------------------------- */

static void from_scratch_there_is_nothing_to_gain(void **state)
{
    const struct by_hand two[] = {{0.8, 900, "scratch"}, {0.7, 100, "fine_tune"}};
    struct nastl_study *study = make_study(state, "macro_f1,flops", two, 2);
    expect(study, 0, -1, "best macro_f1 of the front, and trained from scratch");
    expect_gain(study, 0, 0, 0);
    nastl_study_close(study);
}

static void a_gain_that_is_not_known_is_wanted(void **state)
{
    struct nastl_study *study = make_study(state, "macro_f1,flops", three, 3);
    expect(study, 0, 0, "not estimated: the search has not come to it");
    assert_true(isnan(decide(study).gain.gain));
    assert_ok(nastl_study_set_fact(study, "unguarded", "no time"));
    expect(study, 0, 0, "the gain over scratch is not estimated: no time");
    nastl_study_close(study);
}

static void a_gain_without_harm_delivers_the_best(void **state)
{
    struct nastl_study *study = make_study(state, "macro_f1,flops", three, 3);
    set_gain(study, 0, 0.1, 0, 0.2);
    expect(study, 0, -1, "excludes harm");
    expect_gain(study, 0.1, 0, 0.2);
    nastl_study_close(study);
}

static void where_harm_is_possible_scratch_wins(void **state)
{
    struct nastl_study *study = make_study(state, "macro_f1,flops", three, 3);
    set_gain(study, 0, 0.01, -0.03, 0.05);
    expect(study, 1, -1,
           "trained from scratch; trial 0 (fine_tune) has the best macro_f1");
    expect(study, 1, -1, "0.0100 with the interval -0.0300 to 0.0500, does not exclude");
    expect_gain(study, 0, 0, 0);
    nastl_study_close(study);
}

/* The step costs 0.02: more than the harm that it averts. */
static void a_refuge_is_not_dearer_than_the_harm(void **state)
{
    struct nastl_study *study = make_study(state, "macro_f1,flops", three, 3);
    set_gain(study, 0, 0.05, -0.01, 0.1);
    expect(study, 0, -1, "but trial 1, the best that may be safer, is worse by more");
    expect_gain(study, 0.05, -0.01, 0.1);
    nastl_study_close(study);
}

static void without_a_refuge_the_best_is_delivered(void **state)
{
    const struct by_hand two[] = {{0.8, 900, "fine_tune"}, {0.7, 100, "fine_tune"}};
    struct nastl_study *study = make_study(state, "macro_f1,flops", two, 2);
    set_gain(study, 0, -0.1, -0.3, 0.1);
    expect(study, 0, -1, "the front has nothing that is safer");
    nastl_study_close(study);
}

/* Pooling may hurt as well: it needs a gain of its own. */
static void pooled_is_a_refuge_where_it_excludes_harm(void **state)
{
    const struct by_hand four[] = {{0.80, 900, "fine_tune"},
                                   {0.79, 800, "pooled"},
                                   {0.78, 700, "scratch"},
                                   {0.70, 200, "fine_tune"}};
    struct nastl_study *study = make_study(state, "macro_f1,flops", four, 4);
    set_gain(study, 0, 0.01, -0.03, 0.05);
    expect(study, 0, 1, "not known yet");
    set_gain(study, 1, 0.02, 0.01, 0.03);
    expect(study, 1, -1, "pooled with the source's rows, which excludes harm");
    expect_gain(study, 0.02, 0.01, 0.03);
    set_gain(study, 1, 0.02, -0.01, 0.05);
    expect(study, 2, -1, "trained from scratch");
    nastl_study_close(study);
}

static void the_best_may_be_pooled(void **state)
{
    const struct by_hand two[] = {{0.80, 900, "pooled"}, {0.79, 800, "scratch"}};
    struct nastl_study *study = make_study(state, "macro_f1,flops", two, 2);
    expect(study, 0, 0, "not estimated");
    set_gain(study, 0, -0.01, -0.03, 0.01);
    expect(study, 1, -1, "trial 0 (pooled) has the best");
    nastl_study_close(study);
}

static void what_cannot_be_measured_is_said(void **state)
{
    struct nastl_study *study = make_study(state, "macro_f1,flops", three, 3);
    const struct nastl_gain none = {NAN, NAN, NAN, "loss is not finite, step 3"};
    assert_ok(nastl_study_set_gain(study, 0, &none));
    expect(study, 0, -1, "not estimated: loss is not finite, step 3");
    nastl_study_close(study);
}

static void a_first_objective_without_a_score_has_no_gain(void **state)
{
    const struct by_hand two[] = {{3, 0.9, "fine_tune"}, {4, 0.95, "scratch"}};
    struct nastl_study *study = make_study(state, "latency,macro_f1", two, 2);
    expect(study, 0, -1, "no score is the first objective");
    assert_true(isnan(decide(study).gain.gain));
    nastl_study_close(study);
}

static void an_empty_front_delivers_nothing(void **state)
{
    struct nastl_study *study = make_study(state, "macro_f1,flops", NULL, 0);
    expect(study, -1, -1, "");
    nastl_study_close(study);
}

static bool is_member(struct nastl_study *study, long trial)
{
    struct nastl_trial *trials;
    size_t *front, members, count;
    bool found = false;
    assert_ok(nastl_study_trials(study, &trials, &count));
    assert_ok(nastl_study_front(study, trials, count, &front, &members));
    for (size_t i = 0; i < members; i++)
        found = found || (long)trials[front[i]].number == trial;
    free(front);
    nastl_study_free_trials(trials, count);
    return found;
}

/* Whatever the gains are, it comes to an end, with a member that is safe or the best. */
static void any_gains_lead_to_a_member(void **state)
{
    static const char *const strategies[] = {"scratch", "pooled", "fine_tune"};
    enum { TRIALS = 12 };
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct nastl_rng rng;
        struct by_hand hand[TRIALS];
        nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
        for (size_t i = 0; i < TRIALS; i++)
            hand[i] = (struct by_hand){0.5 + 0.01 * (double)nastl_rng_below(&rng, 20),
                                       (double)(100 * (1 + nastl_rng_below(&rng, 20))),
                                       strategies[nastl_rng_below(&rng, 3)]};
        struct nastl_study *study = make_study(state, "macro_f1,flops", hand, TRIALS);
        struct decision decision = decide(study);
        for (size_t k = 0; decision.wanted >= 0; k++, decision = decide(study)) {
            const double gain = 0.1 * (nastl_rng_uniform(&rng) - 0.5);
            assert_true(k < TRIALS);
            set_gain(study, (size_t)decision.wanted, gain, gain - 0.03, gain + 0.03);
        }
        assert_true(is_member(study, decision.trial));
        assert_true(decision.gain.low >= 0 || strstr(decision.reason, "best macro_f1"));
        nastl_study_close(study);
    }
}

/* ---- twins ------------------------------------------------------------------------- */

static void a_twin_takes_nothing_from_a_source(void **state)
{
    (void)state;
    struct nastl_candidate candidate, twin;
    nastl_candidate_init(&candidate);
    assert_ok(nastl_candidate_set(&candidate, "family", "mlp", 0));
    assert_ok(nastl_candidate_set(&candidate, "transfer.strategy", "fine_tune", 0));
    assert_ok(nastl_candidate_set(&candidate, "transfer.normalizer", "source", 0));
    assert_ok(nastl_candidate_set(&candidate, "mlp.layers", NULL, 3));
    assert_false(nastl_candidate_is_scratch(&candidate));
    assert_ok(nastl_candidate_from_scratch(&twin, &candidate));
    assert_true(nastl_candidate_is_scratch(&twin));
    assert_int_equal(twin.count, 3);
    assert_null(nastl_candidate_find(&twin, "transfer.normalizer"));
    assert_true(nastl_candidate_number(&twin, "mlp.layers", 0) == 3);
    assert_string_equal(nastl_candidate_text(&twin, "family", ""), "mlp");
    nastl_candidate_finish(&candidate);
    nastl_candidate_finish(&twin);
}

/* ---- files ------------------------------------------------------------------------- */

static char *published(struct nastl_study *study, const char *name)
{
    char path[700], *text;
    json_t *head = toy_head();
    assert_ok(nastl_study_publish(study, head));
    json_decref(head);
    snprintf(path, sizeof path, "%s/%s", nastl_study_folder(study), name);
    assert_ok(nastl_file_read(&text, NULL, path, 1 << 24));
    return text;
}

static void assert_holds(char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in:\n%s", part, text);
    free(text);
}

static void assert_said(struct nastl_study *study, const char *line)
{
    char *text;
    assert_ok(nastl_study_show(&text, nastl_study_folder(study), false));
    assert_holds(text, line);
    assert_ok(nastl_report_render(&text, nastl_study_folder(study), "markdown"));
    assert_holds(text, line);
}

static void the_gain_is_told_everywhere(void **state)
{
    const char *line = "D: gain over scratch 0.1000, 95 % interval 0.0250 to 0.2000";
    struct nastl_study *study = make_study(state, "macro_f1,flops", three, 3);
    set_gain(study, 0, 0.1, 0.025, 0.2);
    assert_holds(published(study, "pareto.json"),
                 "\"deliver\": {\n    \"trial\": 0,\n    \"gain\": 0.1,\n"
                 "    \"interval\": [0.025, 0.2],\n    \"reason\": \"best macro_f1");
    assert_holds(published(study, "pareto.csv"), ",gain,gain.low,gain.high\n0,");
    assert_holds(published(study, "pareto.csv"), ",0.1,0.025,0.2\n1,");
    assert_holds(published(study, "pareto.csv"), ",,,\n2,");
    assert_said(study, line);
    nastl_study_close(study);
}

static void what_is_not_known_is_told_too(void **state)
{
    struct nastl_study *study = make_study(state, "macro_f1,flops", three, 3);
    assert_holds(published(study, "pareto.json"),
                 "\"gain\": null,\n    \"interval\": null");
    assert_said(study, "D: gain over scratch not known");
    set_gain(study, 0, 0, -0.1, 0.1);
    assert_holds(published(study, "pareto.json"),
                 "\"gain\": 0,\n    \"interval\": [0, 0]");
    assert_said(study, "D: trained from scratch");
    nastl_study_close(study);
}

/* ---- memory ------------------------------------------------------------------------ */

static void memory_may_run_out(void **state)
{
    struct nastl_study *study = make_study(state, "macro_f1,flops", three, 3);
    struct nastl_trial *trials;
    struct nastl_delivery delivery;
    const struct nastl_gain gain = {0.1, -0.1, 0.2, ""};
    size_t count, n = 1;
    int status = NASTL_ENOMEM;
    assert_ok(nastl_study_trials(study, &trials, &count));
    for (; n < 60 && status == NASTL_ENOMEM; n++) {
        nastl_alloc_fail_from(n);
        status = nastl_study_set_gain(study, 0, &gain);
        if (status == NASTL_OK)
            status = nastl_study_deliver(&delivery, study, trials, count);
    }
    nastl_alloc_fail_from(0);
    assert_ok(status);
    assert_int_equal(delivery.trial->number, 1);
    nastl_study_free_trials(trials, count);
    nastl_study_close(study);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_scratch_there_is_nothing_to_gain),
        cmocka_unit_test(a_gain_that_is_not_known_is_wanted),
        cmocka_unit_test(a_gain_without_harm_delivers_the_best),
        cmocka_unit_test(where_harm_is_possible_scratch_wins),
        cmocka_unit_test(a_refuge_is_not_dearer_than_the_harm),
        cmocka_unit_test(without_a_refuge_the_best_is_delivered),
        cmocka_unit_test(pooled_is_a_refuge_where_it_excludes_harm),
        cmocka_unit_test(the_best_may_be_pooled),
        cmocka_unit_test(what_cannot_be_measured_is_said),
        cmocka_unit_test(a_first_objective_without_a_score_has_no_gain),
        cmocka_unit_test(an_empty_front_delivers_nothing),
        cmocka_unit_test(any_gains_lead_to_a_member),
        cmocka_unit_test(a_twin_takes_nothing_from_a_source),
        cmocka_unit_test(the_gain_is_told_everywhere),
        cmocka_unit_test(what_is_not_known_is_told_too),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
