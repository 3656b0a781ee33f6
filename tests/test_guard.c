/* test_guard.c: searches whose source helps or misleads: what is delivered, whatever the
 * number of workers is and wherever they were interrupted.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run_toy.h"

#include "io/file.h"
#include "run/guard.h"
#include "study/study_impl.h"

#include <math.h>

#define SPACE(epochs, strategy)                                                          \
    "schema: nas-tl/space/v1\n"                                                          \
    "name: toy\n"                                                                        \
    "family: mlp\n"                                                                      \
    "mlp: {layers: 1, width: {int: [4, 24]}}\n"                                          \
    "training: {batch_size: 32, max_epochs: " epochs ", patience: " epochs ", "          \
    "learning_rate: {float: [0.003, 0.03], scale: log}}\n"                               \
    "transfer: {strategy: " strategy "}\n"

static const char either[] = SPACE("12", "{choice: [scratch, fine_tune]}");
static const char tuned[] = SPACE("8", "fine_tune");

/* ---- searches ---------------------------------------------------------------------- */

/* The source's labels: as the target's, by chance, turned around. */
enum kind { HELPFUL, USELESS, MISLEADING };

/* What a search is asked for. */
struct job {
    const char *space, *folds, *study;
    int64_t seed, jobs, trials;
    enum kind source;
    bool without_source, resume;
    struct nastl_hooks *hooks;
};

static const char *label_of(enum kind kind, const char *label, struct nastl_rng *rng)
{
    static const char *const labels[] = {"down", "up"};
    if (kind == HELPFUL || *label == 'y') /* the column's name */
        return label;
    return labels[kind == USELESS ? nastl_rng_below(rng, 2) : strcmp(label, "down") == 0];
}

static void change_labels(const char *path, enum kind kind)
{
    char *text;
    size_t length;
    struct nastl_strbuf changed;
    struct nastl_rng rng;
    nastl_rng_init(&rng, 3, 0, NASTL_RNG_TEST);
    assert_ok(nastl_file_read(&text, &length, path, 1 << 20));
    nastl_strbuf_init(&changed);
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;) {
        const char *label = strrchr(line, ',') + 1;
        nastl_strbuf_addf(&changed, "%.*s%s\n", (int)(label - line), line,
                          label_of(kind, label, &rng));
    }
    scratch_write(path, changed.text, changed.length);
    nastl_strbuf_finish(&changed);
    free(text);
}

/* The status of the search; *folder is where its study lies. */
static int search(const char **folder, void **state, const struct job *job)
{
    char *targets[] = {(char *)scratch(state, "target.csv")};
    char *sources[] = {(char *)scratch(state, "source.csv")};
    char *objectives[] = {"macro_f1", "flops"};
    const char *space = scratch(state, "space.yaml");
    struct nastl_search_outcome outcome;
    *folder = scratch(state, job->study);
    const struct nastl_search_params params = {
        .space = (char *)space,
        .target = {targets, 1},
        .source = {sources, job->without_source ? 0 : 1},
        .label = "y",
        .folds = (char *)job->folds,
        .objectives = {objectives, 2},
        .task = "auto",
        .sampler = "random",
        .scheduler = "none",
        .keep = "front",
        .seed = job->seed,
        .trials = job->trials,
        .jobs = job->jobs,
        .study = (char *)*folder,
        .resume = job->resume,
    };
    write_domain(targets[0], 200, 1, 1);
    write_domain(sources[0], 800, 2, 1);
    change_labels(sources[0], job->source);
    scratch_write(space, job->space, strlen(job->space));
    const int status = nastl_search_run(&outcome, &params, job->hooks);
    nastl_search_outcome_finish(&outcome);
    return status;
}

static json_t *document_of(const char *folder)
{
    char path[700];
    json_t *doc = NULL;
    snprintf(path, sizeof path, "%s/pareto.json", folder);
    assert_ok(nastl_json_read(&doc, path));
    return doc;
}

/* The document of a search that has to succeed. */
static json_t *searched(void **state, const struct job *job)
{
    const char *folder;
    assert_ok(search(&folder, state, job));
    return document_of(folder);
}

static json_t *delivered(json_t *doc)
{
    size_t i;
    json_t *member;
    const json_t *trial = json_object_get(json_object_get(doc, "deliver"), "trial");
    json_array_foreach (json_object_get(doc, "front"), i, member)
        if (json_equal(json_object_get(member, "trial"), trial))
            return member;
    fail_msg("what is delivered is not on the front");
    return NULL;
}

static const char *strategy_of(json_t *member)
{
    return nastl_json_text_at(json_object_get(member, "candidate"), "transfer.strategy",
                              "");
}

static const char *reason_of(const json_t *doc)
{
    return nastl_json_text_at(json_object_get(doc, "deliver"), "reason", "");
}

static double gain_at(const json_t *doc, size_t i)
{
    const json_t *deliver = json_object_get(doc, "deliver");
    const json_t *interval = json_object_get(deliver, "interval");
    return json_number_value(i == 0 ? json_object_get(deliver, "gain")
                                    : json_array_get(interval, i - 1));
}

/* ---- what is delivered ------------------------------------------------------------- */

static void a_source_that_helps_is_delivered(void **state)
{
    const char *folds[] = {"5", "1"};
    for (size_t i = 0; i < 2; i++) {
        const struct job job = {tuned,     folds[i],  i ? "help-1" : "help-5",
                                .seed = 1, .jobs = 1, .trials = 6};
        json_t *doc = searched(state, &job);
        print_message("folds %s: %g (%g to %g): %s\n", folds[i], gain_at(doc, 0),
                      gain_at(doc, 1), gain_at(doc, 2), reason_of(doc));
        assert_string_equal(strategy_of(delivered(doc)), "fine_tune");
        assert_true(gain_at(doc, 0) > 0.05 && gain_at(doc, 2) > gain_at(doc, 0));
        assert_true(i == 1 || gain_at(doc, 1) > 0); /* 40 rows say little */
        json_decref(doc);
    }
}

/* What is from the source is delivered only with an interval without harm, or with words
 * that say why it is. */
static void assert_safe(json_t *doc)
{
    json_t *member = delivered(doc);
    const bool is_scratch = strcmp(strategy_of(member), "scratch") == 0;
    if (is_scratch)
        assert_true(gain_at(doc, 0) == 0 && gain_at(doc, 1) == 0 && gain_at(doc, 2) == 0);
    else
        assert_true(gain_at(doc, 1) >= 0 || strstr(reason_of(doc), "exclude harm, but"));
}

static void a_source_that_is_useless_is_not(void **state)
{
    const int seeds[] = {13, 17, 19, 20};
    size_t replaced = 0;
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        char name[32];
        snprintf(name, sizeof name, "useless-%d", seeds[i]);
        const struct job job = {either,           i < 3 ? "5" : "1", name,
                                .seed = seeds[i], .jobs = 1,         .trials = 8,
                                .source = USELESS};
        json_t *doc = searched(state, &job);
        print_message("seed %d: %s\n", seeds[i], reason_of(doc));
        assert_safe(doc);
        replaced += strstr(reason_of(doc), "trained from scratch; trial") != NULL;
        json_decref(doc);
    }
    assert_true(replaced > 0);
}

/* Nothing else is there: it is delivered with what is known of it. */
static void harm_without_an_alternative_is_told(void **state)
{
    const struct job job = {
        tuned, "5", "alone", .seed = 1, .source = MISLEADING, .jobs = 1, .trials = 4};
    json_t *doc = searched(state, &job);
    assert_true(gain_at(doc, 0) < 0);
    assert_non_null(strstr(reason_of(doc), "the front has nothing that is safer"));
    json_decref(doc);
}

static void without_a_source_there_is_no_gain(void **state)
{
    const struct job job = {
        either,    "5",        "sourceless", .seed = 1, .without_source = true,
        .jobs = 1, .trials = 4};
    json_t *doc = searched(state, &job);
    assert_safe(doc);
    assert_string_equal(reason_of(doc),
                        "best macro_f1 of the front, and trained from scratch");
    json_decref(doc);
}

/* ---- the same bits ----------------------------------------------------------------- */

static void assert_same_delivery(json_t *a, json_t *b)
{
    assert_true(json_equal(json_object_get(a, "deliver"), json_object_get(b, "deliver")));
    json_decref(a);
    json_decref(b);
}

static void workers_change_nothing(void **state)
{
    const char *folds[] = {"3", "1"};
    for (size_t i = 0; i < 2; i++) {
        const struct job one = {tuned,     folds[i],  i ? "one-1" : "one-3",
                                .seed = 2, .jobs = 1, .trials = 4};
        struct job two = one;
        two.jobs = 2;
        two.study = i ? "two-1" : "two-3";
        assert_same_delivery(searched(state, &one), searched(state, &two));
    }
}

/* What was told, and a wish to stop when the trials are over. */
struct listener {
    struct halt halt;
    double trials; /* are told as over before the wish is listened to */
    bool is_over, has_trained;
};

static bool wants_stop(void *payload)
{
    struct listener *listener = payload;
    return listener->is_over && is_halted(&listener->halt);
}

static void listen(const struct nastl_progress *progress, void *payload)
{
    struct listener *listener = payload;
    if (strcmp(progress->phase, "search") == 0 && progress->done >= listener->trials)
        listener->is_over = true;
    if (strcmp(progress->phase, "guard") == 0)
        listener->has_trained = true;
}

/* Returns whether it was interrupted. */
static bool search_a_while(void **state, struct job *job, struct listener *listener)
{
    struct nastl_hooks hooks = {
        .progress = listen, .stop = wants_stop, .payload = listener};
    const char *folder;
    job->hooks = &hooks;
    const int status = search(&folder, state, job);
    if (status != NASTL_EINTERRUPTED)
        assert_ok(status);
    return status == NASTL_EINTERRUPTED;
}

static void pieces_are_the_whole(void **state)
{
    const char *folds[] = {"3", "1"};
    for (size_t i = 0; i < 2; i++) {
        const struct job whole = {tuned,     folds[i],  i ? "whole-1" : "whole-3",
                                  .seed = 2, .jobs = 1, .trials = 3};
        struct job piece = whole;
        struct listener listener = {.halt.at = 30, .trials = 3};
        size_t pieces = 1;
        piece.study = i ? "pieces-1" : "pieces-3";
        while (search_a_while(state, &piece, &listener)) {
            json_t *doc = document_of(scratch(state, piece.study));
            assert_non_null(strstr(reason_of(doc), "the search was interrupted"));
            assert_string_equal(nastl_json_text_at(doc, "stop", ""), "interrupted");
            json_decref(doc);
            piece.resume = true;
            assert_true(++pieces < 20);
            listener = (struct listener){.halt.at = 30 * pieces, .is_over = true};
        }
        print_message("folds %s: %zu pieces\n", folds[i], pieces);
        assert_true(pieces > 2);
        assert_same_delivery(searched(state, &whole),
                             document_of(scratch(state, piece.study)));
    }
}

/* ---- once is enough ---------------------------------------------------------------- */

static void what_is_known_is_not_measured_again(void **state)
{
    struct job job = {tuned, "3", "again", .seed = 2, .jobs = 1, .trials = 4};
    struct listener listener = {.trials = INFINITY};
    char path[700];
    assert_false(search_a_while(state, &job, &listener));
    assert_true(listener.has_trained);
    json_t *before = document_of(scratch(state, "again"));
    snprintf(path, sizeof path, "%s/pareto.json", scratch(state, "again"));
    remove(path);
    job.resume = true;
    listener = (struct listener){.trials = INFINITY};
    assert_false(search_a_while(state, &job, &listener));
    assert_false(listener.has_trained);
    assert_same_delivery(before, document_of(scratch(state, "again")));
}

/* As if --time had been over: the study is not finished, and a resume measures. */
static void what_the_time_was_too_short_for_is_made_up(void **state)
{
    struct job job = {tuned, "3", "short", .seed = 2, .jobs = 1, .trials = 4};
    struct listener listener = {.trials = INFINITY};
    struct nastl_budget budget;
    struct nastl_study *study;
    char key[64], *why;
    bool cut;
    json_t *before = searched(state, &job);
    assert_ok(nastl_study_open(&study, scratch(state, "short")));
    const struct nastl_guard_params params = {
        .study = study, .budget = &budget, .checkpoints = *state, .jobs = 1};
    nastl_budget_start(&budget, 1e-9, NULL);
    assert_ok(nastl_guard_work(&cut, &params));
    assert_false(cut); /* it is known already */
    snprintf(key, sizeof key, "gain.%lld",
             nastl_json_whole_at(json_object_get(before, "deliver"), "trial"));
    assert_ok(nastl_study_set_fact(study, key, NULL));
    assert_ok(nastl_guard_work(&cut, &params));
    assert_true(cut);
    assert_ok(nastl_study_get_fact(study, "unguarded", &why));
    assert_string_equal(why, "--time left no room for it");
    free(why);
    nastl_study_close(study);
    job.resume = true;
    assert_false(search_a_while(state, &job, &listener));
    assert_true(listener.has_trained);
    assert_same_delivery(before, document_of(scratch(state, "short")));
}

static void time_is_kept_for_what_starts_from_a_source(void **state)
{
    struct nastl_problem *folds = toy_problem(state, tuned, "5", 1);
    struct nastl_problem *split = toy_problem(state, tuned, "1", 1);
    struct nastl_trial trial = {.seconds = 10};
    assert_ok(nastl_candidate_set(&trial.candidate, "transfer.strategy", "fine_tune", 0));
    assert_true(nastl_guard_seconds(folds, &trial, 1) == 20);
    assert_true(nastl_guard_seconds(folds, &trial, 4) == 5);
    assert_true(nastl_guard_seconds(folds, &trial, 64) == 4);
    assert_true(nastl_guard_seconds(split, &trial, 1) == 60);
    assert_true(nastl_guard_seconds(split, &trial, 64) == 15);
    folds->objectives[0] = nastl_objective_find("flops");
    assert_true(nastl_guard_seconds(folds, &trial, 1) == 0);
    assert_ok(nastl_candidate_set(&trial.candidate, "transfer.strategy", "scratch", 0));
    assert_true(nastl_guard_seconds(split, &trial, 1) == 0);
    nastl_candidate_finish(&trial.candidate);
    nastl_problem_destroy(folds);
    nastl_problem_destroy(split);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_that_helps_is_delivered),
        cmocka_unit_test(a_source_that_is_useless_is_not),
        cmocka_unit_test(harm_without_an_alternative_is_told),
        cmocka_unit_test(without_a_source_there_is_no_gain),
        cmocka_unit_test(workers_change_nothing),
        cmocka_unit_test(pieces_are_the_whole),
        cmocka_unit_test(what_is_known_is_not_measured_again),
        cmocka_unit_test(what_the_time_was_too_short_for_is_made_up),
        cmocka_unit_test(time_is_kept_for_what_starts_from_a_source),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
