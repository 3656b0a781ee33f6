/* test_study.c: the ledger: what is entered comes back, whatever happens in between.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/clock.h"
#include "base/stat.h"
#include "io/db.h"
#include "io/file.h"
#include "study/study_impl.h"
#include "study_toy.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define OBJECTIVES "macro_f1,latency,flops"

static const double most_seconds_a_trial = 0.002; /* median, as promised */

/* ---- comparing --------------------------------------------------------------------- */

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void assert_same_candidate(const struct nastl_candidate *a,
                                  const struct nastl_candidate *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct nastl_setting *x = &a->settings[i], *y = &b->settings[i];
        assert_string_equal(x->key, y->key);
        assert_int_equal(x->text == NULL, y->text == NULL);
        if (x->text)
            assert_string_equal(x->text, y->text);
        assert_true(same_bits(x->number, y->number));
    }
}

/* As texts: a real that is whole reads back as an integer. */
static void assert_same_json(const json_t *a, const json_t *b)
{
    struct nastl_strbuf x, y;
    assert_int_equal(a == NULL, b == NULL);
    if (!a)
        return;
    nastl_strbuf_init(&x);
    nastl_strbuf_init(&y);
    nastl_json_write(&x, a, 0);
    nastl_json_write(&y, b, 0);
    assert_string_equal(x.text, y.text);
    nastl_strbuf_finish(&x);
    nastl_strbuf_finish(&y);
}

static void assert_same_trial(const struct nastl_trial *a, const struct nastl_trial *b,
                              size_t objectives)
{
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->state, b->state);
    assert_true(a->violation == b->violation && a->seconds == b->seconds);
    assert_string_equal(a->reason ? a->reason : "", b->reason);
    assert_same_json(a->details, b->details);
    for (size_t j = 0; j < objectives; j++) {
        assert_true(a->values[j] == b->values[j] ||
                    (isnan(a->values[j]) && isnan(b->values[j])));
        assert_true(a->errors[j] == b->errors[j] ||
                    (isnan(a->errors[j]) && isnan(b->errors[j])));
    }
}

static struct nastl_trial *trials_of(struct nastl_study *study, size_t *count)
{
    struct nastl_trial *trials = NULL;
    assert_ok(nastl_study_trials(study, &trials, count));
    return trials;
}

static size_t count_trials(struct nastl_study *study)
{
    size_t count;
    struct nastl_trial *trials = trials_of(study, &count);
    nastl_study_free_trials(trials, count);
    return count;
}

static void begin_one(struct toy *toy, size_t number, struct nastl_candidate *candidate)
{
    assert_ok(toy_candidate(candidate, toy));
    assert_ok(nastl_study_begin(toy->study, number, candidate, toy->space));
}

/* ---- round trips ------------------------------------------------------------------- */

static void candidates_and_outcomes_come_back(void **state)
{
    enum { TRIALS = 200 };
    struct toy toy;
    static struct nastl_candidate candidates[TRIALS];
    static struct nastl_trial outcomes[TRIALS];
    const char *folder = scratch(state, "round");
    print_message("seed 11\n");
    assert_ok(toy_create(&toy, folder, OBJECTIVES, 11));
    for (size_t i = 0; i < TRIALS; i++) {
        begin_one(&toy, i, &candidates[i]);
        assert_ok(toy_outcome(&outcomes[i], &toy, i));
        if (outcomes[i].state != NASTL_STATE_RUNNING)
            assert_ok(nastl_study_end(toy.study, &outcomes[i]));
    }
    toy_finish(&toy);

    struct nastl_study *study;
    size_t count;
    assert_ok(nastl_study_open(&study, folder));
    struct nastl_trial *trials = trials_of(study, &count);
    assert_int_equal(count, TRIALS);
    for (size_t i = 0; i < TRIALS; i++) {
        assert_same_candidate(&candidates[i], &trials[i].candidate);
        if (outcomes[i].state != NASTL_STATE_RUNNING)
            assert_same_trial(&outcomes[i], &trials[i], 3);
        else
            assert_true(trials[i].state == NASTL_STATE_RUNNING && !trials[i].details &&
                        isnan(trials[i].values[0]));
        nastl_candidate_finish(&candidates[i]);
        nastl_trial_finish(&outcomes[i]);
    }
    nastl_study_free_trials(trials, count);
    nastl_study_close(study);
}

static void hard_numbers_and_texts_come_back(void **state)
{
    static const double numbers[] = {0.1,
                                     1.0 / 3,
                                     5e-324,
                                     1.7976931348623157e308,
                                     -2.5e-17,
                                     123456.0,
                                     9007199254740993.0,
                                     1e22,
                                     -1};
    struct toy toy;
    struct nastl_candidate candidate;
    nastl_candidate_init(&candidate);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char key[16];
        snprintf(key, sizeof key, "number.%zu", i);
        assert_ok(nastl_candidate_set(&candidate, key, NULL, numbers[i]));
    }
    assert_ok(nastl_candidate_set(&candidate, "text", "a \"quoted\"\\ line\n,µs", 0));
    assert_ok(nastl_candidate_set(&candidate, "digits", "17", 0));
    assert_ok(nastl_candidate_set(&candidate, "empty", "", 0));
    assert_ok(toy_create(&toy, scratch(state, "hard"), OBJECTIVES, 1));
    assert_ok(nastl_study_begin(toy.study, 0, &candidate, NULL));
    size_t count;
    struct nastl_trial *trials = trials_of(toy.study, &count);
    assert_int_equal(count, 1);
    assert_same_candidate(&candidate, &trials[0].candidate);
    nastl_study_free_trials(trials, count);
    nastl_candidate_finish(&candidate);
    toy_finish(&toy);
}

static void what_a_study_is_about_comes_back(void **state)
{
    const struct nastl_objective *objectives[2] = {nastl_objective_find("rmse"),
                                                   nastl_objective_find("energy")};
    const struct nastl_study_info info = {
        .name = "a name", .seed = 77, .objectives = 2, .objective = objectives};
    struct nastl_study *study;
    const char *folder = scratch(state, "about");
    assert_ok(nastl_study_create(&study, folder, &info));
    nastl_study_close(study);
    assert_true(nastl_study_is_there(folder));
    assert_ok(nastl_study_open(&study, folder));
    assert_string_equal(nastl_study_name(study), "a name");
    assert_string_equal(nastl_study_folder(study), folder);
    assert_int_equal(nastl_study_seed(study), 77);
    assert_int_equal(nastl_study_objectives(study), 2);
    assert_ptr_equal(nastl_study_objective(study, 0), objectives[0]);
    assert_ptr_equal(nastl_study_objective(study, 1), objectives[1]);
    nastl_study_close(study);
}

static void a_study_is_named_as_its_folder(void **state)
{
    struct toy toy;
    char folder[600];
    snprintf(folder, sizeof folder, "%s/", scratch(state, "folder's name"));
    assert_ok(toy_create(&toy, folder, OBJECTIVES, 1));
    assert_string_equal(nastl_study_name(toy.study), "folder's name");
    toy_finish(&toy);
}

static void facts_are_set_replaced_and_removed(void **state)
{
    struct toy toy;
    char *text;
    assert_ok(toy_create(&toy, scratch(state, "facts"), OBJECTIVES, 1));
    assert_ok(nastl_study_get_fact(toy.study, "stop", &text));
    assert_null(text);
    assert_ok(nastl_study_set_fact(toy.study, "stop", "trials"));
    assert_ok(nastl_study_set_fact(toy.study, "stop", "time"));
    assert_ok(nastl_study_get_fact(toy.study, "stop", &text));
    assert_string_equal(text, "time");
    free(text);
    assert_ok(nastl_study_set_fact(toy.study, "stop", NULL));
    assert_ok(nastl_study_get_fact(toy.study, "stop", &text));
    assert_null(text);
    toy_finish(&toy);
}

/* ---- begin and end ----------------------------------------------------------------- */

static void beginning_again_changes_nothing(void **state)
{
    struct toy toy;
    struct nastl_candidate candidate;
    struct nastl_trial outcome;
    size_t count;
    assert_ok(toy_create(&toy, scratch(state, "again"), OBJECTIVES, 1));
    begin_one(&toy, 0, &candidate);
    assert_ok(nastl_study_begin(toy.study, 0, &candidate, toy.space));
    assert_ok(toy_outcome(&outcome, &toy, 0));
    outcome.state = NASTL_STATE_COMPLETE;
    assert_ok(nastl_study_end(toy.study, &outcome));
    assert_ok(nastl_study_begin(toy.study, 0, &candidate, toy.space));
    struct nastl_trial *trials = trials_of(toy.study, &count);
    assert_int_equal(count, 1);
    assert_same_trial(&outcome, &trials[0], 3);
    nastl_study_free_trials(trials, count);
    nastl_trial_finish(&outcome);
    nastl_candidate_finish(&candidate);
    toy_finish(&toy);
}

static void another_candidate_is_refused(void **state)
{
    struct toy toy;
    struct nastl_candidate candidate, other;
    assert_ok(toy_create(&toy, scratch(state, "other"), OBJECTIVES, 1));
    begin_one(&toy, 5, &candidate);
    assert_ok(toy_candidate(&other, &toy));
    assert_error(nastl_study_begin(toy.study, 5, &other, toy.space), NASTL_EFORMAT,
                 "trial 5 is another candidate");
    assert_ok(nastl_study_begin(toy.study, 6, &other, toy.space)); /* it still works */
    nastl_candidate_finish(&candidate);
    nastl_candidate_finish(&other);
    toy_finish(&toy);
}

static void only_a_trial_that_began_can_end(void **state)
{
    struct toy toy;
    struct nastl_trial outcome;
    assert_ok(toy_create(&toy, scratch(state, "never"), OBJECTIVES, 1));
    assert_ok(toy_outcome(&outcome, &toy, 3));
    outcome.state = NASTL_STATE_COMPLETE;
    assert_error(nastl_study_end(toy.study, &outcome), NASTL_ENOENT, "never begun");
    assert_int_equal(count_trials(toy.study), 0);
    nastl_trial_finish(&outcome);
    toy_finish(&toy);
}

static void ending_again_replaces_the_figures(void **state)
{
    struct toy toy;
    struct nastl_candidate candidate;
    struct nastl_trial outcome;
    size_t count;
    assert_ok(toy_create(&toy, scratch(state, "replace"), OBJECTIVES, 1));
    begin_one(&toy, 0, &candidate);
    assert_ok(toy_outcome(&outcome, &toy, 0));
    outcome.state = NASTL_STATE_COMPLETE;
    assert_ok(nastl_study_end(toy.study, &outcome));
    outcome.values[1] = 0.125;
    outcome.errors[1] = NAN;
    json_object_set_new(outcome.details, "test", json_pack("{s:f}", "macro_f1", 0.5));
    assert_ok(nastl_study_end(toy.study, &outcome));
    struct nastl_trial *trials = trials_of(toy.study, &count);
    assert_same_trial(&outcome, &trials[0], 3);
    nastl_study_free_trials(trials, count);
    nastl_trial_finish(&outcome);
    nastl_candidate_finish(&candidate);
    toy_finish(&toy);
}

static void a_complete_trial_has_every_objective(void **state)
{
    static const double wrong[] = {NAN, INFINITY, -INFINITY};
    struct toy toy;
    struct nastl_candidate candidate;
    struct nastl_trial outcome;
    assert_ok(toy_create(&toy, scratch(state, "every"), OBJECTIVES, 1));
    begin_one(&toy, 0, &candidate);
    assert_ok(toy_outcome(&outcome, &toy, 0));
    outcome.state = NASTL_STATE_COMPLETE;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        outcome.values[2] = wrong[i];
        assert_error(nastl_study_end(toy.study, &outcome), NASTL_ENUMERIC, "flops");
    }
    outcome.state = NASTL_STATE_PRUNED; /* one that is not complete may lack some */
    assert_ok(nastl_study_end(toy.study, &outcome));
    nastl_trial_finish(&outcome);
    nastl_candidate_finish(&candidate);
    toy_finish(&toy);
}

/* ---- opening ----------------------------------------------------------------------- */

static void a_study_is_not_created_over_another(void **state)
{
    struct toy toy, other;
    const char *folder = scratch(state, "twice");
    assert_ok(toy_create(&toy, folder, OBJECTIVES, 1));
    assert_error(toy_create(&other, folder, OBJECTIVES, 1), NASTL_EEXIST, "--resume");
    toy_finish(&toy);
}

static void a_folder_without_a_study_is_told(void **state)
{
    struct nastl_study *study;
    assert_false(nastl_study_is_there(scratch(state, "none")));
    assert_error(nastl_study_open(&study, scratch(state, "none")), NASTL_ENOENT, "none");
    assert_error(nastl_study_open(&study, *state), NASTL_ENOENT, "study.db is missing");
}

static void a_broken_ledger_is_told(void **state)
{
    struct nastl_study *study;
    char path[600];
    const char *folder = scratch(state, "broken");
    assert_ok(nastl_file_make_folder(folder));
    snprintf(path, sizeof path, "%s/study.db", folder);
    char noise[5000];
    memset(noise, 'x', sizeof noise);
    scratch_write(path, noise, sizeof noise);
    assert_error(nastl_study_open(&study, folder), NASTL_EFORMAT, "study.db");
    assert_error(nastl_study_look(&study, folder), NASTL_EFORMAT, "study.db");
    scratch_write(path, "", 0);
    assert_error(nastl_study_open(&study, folder), NASTL_EFORMAT, "study.db");
}

static void expect_other_version(void **state, const char *name, const char *sql)
{
    struct toy toy;
    struct nastl_db *db;
    struct nastl_study *study;
    char path[600];
    const char *folder = scratch(state, name);
    assert_ok(toy_create(&toy, folder, OBJECTIVES, 1));
    toy_finish(&toy);
    snprintf(path, sizeof path, "%s/study.db", folder);
    assert_ok(nastl_db_open(&db, path, false));
    assert_ok(nastl_db_exec(db, sql));
    nastl_db_close(db);
    assert_error(nastl_study_open(&study, folder), NASTL_EFORMAT, "version");
}

static void another_layout_is_refused(void **state)
{
    expect_other_version(state, "layout", "UPDATE nastl_ledger SET layout = 2");
    expect_other_version(state, "revision",
                         "UPDATE alembic_version SET version_num = 'v4'");
    expect_other_version(state, "objective",
                         "UPDATE nastl_objectives SET name = 'speed'");
    expect_other_version(state, "nothing", "DELETE FROM nastl_objectives");
    expect_other_version(state, "tables", "DROP TABLE nastl_ledger");
}

/* Whatever stands in the ledger, reading it ends with trials or with a sentence. */
static void damaged_trials_are_told(void **state)
{
    static const char *const damages[] = {
        "UPDATE nastl_trials SET state = 'asleep'",
        "UPDATE nastl_trials SET candidate = '{'",
        "UPDATE nastl_trials SET candidate = '[1]'",
        "UPDATE nastl_trials SET candidate = '{\"a\": null}'",
        "UPDATE nastl_trials SET details = '{\"a\": '",
    };
    struct toy toy;
    struct nastl_candidate candidate;
    struct nastl_trial *trials;
    size_t count;
    assert_ok(toy_create(&toy, scratch(state, "damaged"), OBJECTIVES, 1));
    begin_one(&toy, 0, &candidate);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        assert_ok(nastl_db_exec(toy.study->db, damages[i]));
        assert_int_equal(nastl_study_trials(toy.study, &trials, &count), NASTL_EFORMAT);
        assert_ok(nastl_db_exec(toy.study->db,
                                "UPDATE nastl_trials SET state = 'running',"
                                " candidate = '{}', details = NULL"));
    }
    assert_int_equal(count_trials(toy.study), 1);
    nastl_candidate_finish(&candidate);
    toy_finish(&toy);
}

/* ---- interruptions and company ----------------------------------------------------- */

/* A process that runs trials until it is killed; after each it says so. */
static _Noreturn void run_until_killed(const char *folder, int tell)
{
    struct toy toy;
    if (toy_create(&toy, folder, OBJECTIVES, 5) < 0)
        _exit(1);
    for (size_t i = 0;; i++)
        if (toy_run(&toy, i) < 0 || write(tell, "x", 1) != 1)
            _exit(1);
}

static void what_ended_survives_a_kill(void **state)
{
    for (int round = 0; round < 5; round++) {
        char name[16], byte;
        int pipes[2];
        snprintf(name, sizeof name, "kill%d", round);
        const char *folder = scratch(state, name);
        assert_int_equal(pipe(pipes), 0);
        const pid_t child = fork();
        if (child == 0)
            run_until_killed(folder, pipes[1]);
        close(pipes[1]);
        size_t told = 0;
        while (told < (size_t)(7 + 13 * round) && read(pipes[0], &byte, 1) == 1)
            told++;
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(pipes[0], &byte, 1) == 1)
            told++;
        close(pipes[0]);
        struct nastl_study *study;
        assert_ok(nastl_study_open(&study, folder));
        assert_in_range(count_trials(study), told, told + 1);
        nastl_study_close(study);
    }
}

static void another_process_may_look_while_it_runs(void **state)
{
    struct toy toy;
    struct nastl_study *other;
    const char *folder = scratch(state, "look");
    assert_ok(toy_create(&toy, folder, OBJECTIVES, 2));
    for (size_t i = 0; i < 20; i++) {
        assert_ok(toy_run(&toy, i));
        assert_ok(nastl_study_look(&other, folder));
        assert_int_equal(count_trials(other), i + 1);
        assert_int_not_equal(nastl_study_set_fact(other, "stop", "time"), NASTL_OK);
        nastl_study_close(other);
    }
    toy_finish(&toy);
}

static void a_closed_ledger_is_one_file(void **state)
{
    struct toy toy;
    char path[600];
    const char *folder = scratch(state, "one");
    assert_ok(toy_create(&toy, folder, OBJECTIVES, 2));
    assert_ok(toy_run(&toy, 0));
    toy_finish(&toy);
    snprintf(path, sizeof path, "%s/study.db-wal", folder);
    assert_false(nastl_file_exists(path));
}

static int64_t size_of(const char *folder)
{
    struct stat info;
    char path[600];
    snprintf(path, sizeof path, "%s/study.db", folder);
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

/* What has ended goes from the log into the ledger, and to the disk, when ten seconds are
 * over; not before. */
static void the_ledger_is_flushed_now_and_then(void **state)
{
    struct toy toy;
    const char *folder = scratch(state, "flush");
    assert_ok(toy_create(&toy, folder, OBJECTIVES, 2));
    const int64_t before = size_of(folder);
    for (size_t i = 0; i < 20; i++)
        assert_ok(toy_run(&toy, i));
    assert_int_equal(size_of(folder), before);
    toy.study->synced -= 10;
    assert_ok(nastl_study_sync(toy.study));
    assert_true(size_of(folder) > before);
    toy_finish(&toy);
}

static void a_trial_costs_less_than_two_milliseconds(void **state)
{
    enum { TRIALS = 400 };
    static double seconds[TRIALS];
    struct toy toy;
    assert_ok(toy_create(&toy, scratch(state, "quick"), OBJECTIVES, 3));
    for (size_t i = 0; i < TRIALS; i++) {
        struct nastl_candidate candidate;
        struct nastl_trial outcome;
        assert_ok(toy_candidate(&candidate, &toy));
        assert_ok(toy_outcome(&outcome, &toy, i));
        outcome.state = NASTL_STATE_PRUNED;
        const double start = nastl_clock_seconds();
        assert_ok(nastl_study_begin(toy.study, i, &candidate, toy.space));
        assert_ok(nastl_study_end(toy.study, &outcome));
        seconds[i] = nastl_clock_seconds() - start;
        nastl_candidate_finish(&candidate);
        nastl_trial_finish(&outcome);
    }
    const double median = nastl_stat_median(seconds, TRIALS);
    print_message("%.3f ms a trial\n", 1000 * median);
    assert_true(median < allowed(most_seconds_a_trial));
    toy_finish(&toy);
}

/* ---- distributions ----------------------------------------------------------------- */

static void expect_distribution(const struct nastl_dim *dim, const char *text,
                                double number, const char *json, double value)
{
    char *got;
    double internal;
    const struct nastl_setting setting = {"key", (char *)text, number};
    assert_ok(nastl_optuna_distribution(&got, &internal, &setting, dim));
    assert_string_equal(got, json);
    assert_true(internal == value);
    free(got);
}

static void distributions_are_optunas(void **state)
{
    (void)state;
    static const struct nastl_choice words[] = {{"relu", 0}, {"gelu", 0}};
    static const struct nastl_choice sizes[] = {{NULL, 128}, {NULL, 0.5}};
    const struct nastl_dim word = {
        .kind = NASTL_DIM_CHOICE, .choices = words, .count = 2};
    const struct nastl_dim size = {
        .kind = NASTL_DIM_CHOICE, .choices = sizes, .count = 2};
    const struct nastl_dim whole = {
        .kind = NASTL_DIM_INT, .low = 1, .high = 10, .step = 4};
    const struct nastl_dim log = {
        .kind = NASTL_DIM_INT, .low = 16, .high = 64, .step = 16, .log = true};
    const struct nastl_dim real = {
        .kind = NASTL_DIM_FLOAT, .low = 0.1, .high = 0.9, .step = 0.1};
    const struct nastl_dim rate = {
        .kind = NASTL_DIM_FLOAT, .low = 0.001, .high = 0.5, .log = true};
    const struct nastl_dim fixed = {
        .kind = NASTL_DIM_INT, .low = 7, .high = 7, .fixed = true};
    expect_distribution(&word, "gelu", 0,
                        "{\"name\": \"CategoricalDistribution\", \"attributes\": "
                        "{\"choices\": [\"relu\", \"gelu\"]}}",
                        1);
    expect_distribution(&size, NULL, 0.5,
                        "{\"name\": \"CategoricalDistribution\", \"attributes\": "
                        "{\"choices\": [128, 0.5]}}",
                        1);
    expect_distribution(&whole, NULL, 5,
                        "{\"name\": \"IntDistribution\", \"attributes\": "
                        "{\"low\": 1, \"high\": 9, \"log\": false, \"step\": 4}}",
                        5);
    expect_distribution(&log, NULL, 48,
                        "{\"name\": \"IntDistribution\", \"attributes\": "
                        "{\"low\": 16, \"high\": 64, \"log\": true, \"step\": 1}}",
                        48);
    expect_distribution(&real, NULL, 0.5,
                        "{\"name\": \"FloatDistribution\", \"attributes\": "
                        "{\"low\": 0.1, \"high\": 0.9, \"log\": false, \"step\": 0.1}}",
                        0.5);
    expect_distribution(&rate, NULL, 0.25,
                        "{\"name\": \"FloatDistribution\", \"attributes\": "
                        "{\"low\": 0.001, \"high\": 0.5, \"log\": true, \"step\": null}}",
                        0.25);
    const char *one = "{\"name\": \"CategoricalDistribution\", \"attributes\": "
                      "{\"choices\": [7]}}";
    expect_distribution(&fixed, NULL, 7, one, 0);
    expect_distribution(NULL, NULL, 7, one, 0);
    expect_distribution(&word, NULL, 7, one, 0); /* not among the choices */
    expect_distribution(&rate, NULL, 7, one, 0); /* out of the range */
    expect_distribution(&rate, "x", 0,
                        "{\"name\": \"CategoricalDistribution\", \"attributes\": "
                        "{\"choices\": [\"x\"]}}",
                        0);
}

static void states_have_names(void **state)
{
    (void)state;
    static const char *const names[] = {"running", "complete", "pruned", "infeasible",
                                        "failed"};
    for (int s = 0; s < NASTL_STATE_COUNT; s++)
        assert_string_equal(nastl_state_name((enum nastl_state)s), names[s]);
}

/* ---- memory ------------------------------------------------------------------------ */

struct attempt {
    void **state;
    struct toy toy;
    struct nastl_candidate candidate;
    struct nastl_trial outcome;
    size_t number;
};

static int try_create(void *payload)
{
    struct attempt *attempt = payload;
    static unsigned next;
    char name[32];
    struct nastl_study *study;
    const struct nastl_objective *objective = nastl_objective_find("r2");
    const struct nastl_study_info info = {.objectives = 1, .objective = &objective};
    snprintf(name, sizeof name, "memory%u", next++);
    TRY(nastl_study_create(&study, scratch(attempt->state, name), &info));
    nastl_study_close(study);
    return NASTL_OK;
}

static int try_trial(void *payload)
{
    struct attempt *attempt = payload;
    TRY(nastl_study_begin(attempt->toy.study, attempt->number, &attempt->candidate,
                          attempt->toy.space));
    return nastl_study_end(attempt->toy.study, &attempt->outcome);
}

static int try_read(void *payload)
{
    struct attempt *attempt = payload;
    struct nastl_trial *trials;
    size_t count;
    TRY(nastl_study_trials(attempt->toy.study, &trials, &count));
    nastl_study_free_trials(trials, count);
    return NASTL_OK;
}

static void memory_may_run_out(void **state)
{
    struct attempt attempt = {.state = state};
    assert_ok(toy_create(&attempt.toy, scratch(state, "memory"), OBJECTIVES, 9));
    assert_ok(toy_candidate(&attempt.candidate, &attempt.toy));
    assert_ok(toy_outcome(&attempt.outcome, &attempt.toy, 0));
    attempt.outcome.state = NASTL_STATE_INFEASIBLE;
    check_out_of_memory(try_create, &attempt);
    check_out_of_memory(try_trial, &attempt);
    check_out_of_memory(try_read, &attempt);
    nastl_candidate_finish(&attempt.candidate);
    nastl_trial_finish(&attempt.outcome);
    toy_finish(&attempt.toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candidates_and_outcomes_come_back),
        cmocka_unit_test(hard_numbers_and_texts_come_back),
        cmocka_unit_test(what_a_study_is_about_comes_back),
        cmocka_unit_test(a_study_is_named_as_its_folder),
        cmocka_unit_test(facts_are_set_replaced_and_removed),
        cmocka_unit_test(beginning_again_changes_nothing),
        cmocka_unit_test(another_candidate_is_refused),
        cmocka_unit_test(only_a_trial_that_began_can_end),
        cmocka_unit_test(ending_again_replaces_the_figures),
        cmocka_unit_test(a_complete_trial_has_every_objective),
        cmocka_unit_test(a_study_is_not_created_over_another),
        cmocka_unit_test(a_folder_without_a_study_is_told),
        cmocka_unit_test(a_broken_ledger_is_told),
        cmocka_unit_test(another_layout_is_refused),
        cmocka_unit_test(damaged_trials_are_told),
        cmocka_unit_test(what_ended_survives_a_kill),
        cmocka_unit_test(another_process_may_look_while_it_runs),
        cmocka_unit_test(a_closed_ledger_is_one_file),
        cmocka_unit_test(the_ledger_is_flushed_now_and_then),
        cmocka_unit_test(a_trial_costs_less_than_two_milliseconds),
        cmocka_unit_test(distributions_are_optunas),
        cmocka_unit_test(states_have_names),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
