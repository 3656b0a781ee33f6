/* test_study_files.c: what is made from the ledger: files, tables, lists, and where
 * models are. tests/check_pareto.py checks the figures of the files independently.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/texttable.h"
#include "io/file.h"
#include "io/h5.h"
#include "study/study_impl.h"
#include "study_toy.h"

#include <sys/stat.h>

/* ---- studies by hand --------------------------------------------------------------- */

/* One trial of accuracy and latency; details as JSON, NULL for none. */
struct by_hand {
    enum nastl_state state;
    double accuracy, latency, error;
    const char *reason, *details;
    const char *activation; /* of the candidate */
    int layers;
};

static const struct by_hand few[] = {
    {NASTL_STATE_COMPLETE, 0.9, 10, 0.01, "", "{\"cost\": {\"parameters\": 500}}", "relu",
     1},
    {NASTL_STATE_COMPLETE, 0.9, 10, NAN, "",
     "{\"cost\": {\"parameters\": 400}, \"test\": {\"accuracy\": 0.5, \"auc\": null}}",
     "relu", 3},
    {NASTL_STATE_PRUNED, NAN, NAN, NAN, "rung 1", NULL, "gelu", 1},
    {NASTL_STATE_COMPLETE, 0.85, 0.1, NAN, "", "{\"test\": {\"ece\": 0.25}}", NULL, 2},
    {NASTL_STATE_INFEASIBLE, 0.99, 1, NAN, "latency <= 0.5, \"no\"", NULL, "gelu", 1},
    {NASTL_STATE_RUNNING, NAN, NAN, NAN, "", NULL, "gelu", 1},
    {NASTL_STATE_FAILED, NAN, NAN, NAN, "not finite", NULL, "gelu", 1},
    {NASTL_STATE_COMPLETE, 0.84, 0.2, NAN, "", NULL, "gelu", 1},
};

static void candidate_by_hand(struct nastl_candidate *out, const struct by_hand *hand)
{
    nastl_candidate_init(out);
    assert_ok(nastl_candidate_set(out, "family", "mlp", 0));
    assert_ok(nastl_candidate_set(out, "mlp.layers", NULL, hand->layers));
    for (int i = 0; i < hand->layers; i++) {
        char key[32];
        snprintf(key, sizeof key, "mlp.width.%d", i);
        assert_ok(nastl_candidate_set(out, key, NULL, 16 << i));
    }
    if (hand->activation)
        assert_ok(nastl_candidate_set(out, "mlp.activation", hand->activation, 0));
    assert_ok(nastl_candidate_set(out, "training.learning_rate", NULL, 0.001));
}

static void run_by_hand(struct nastl_study *study, size_t number,
                        const struct by_hand *hand)
{
    struct nastl_candidate candidate;
    struct nastl_trial trial = {
        .number = number,
        .state = hand->state,
        .reason = (char *)hand->reason,
        .seconds = 0.5,
        .values = {hand->accuracy, hand->latency},
        .errors = {hand->error, NAN},
    };
    candidate_by_hand(&candidate, hand);
    assert_ok(nastl_study_begin(study, number, &candidate, NULL));
    if (hand->details)
        assert_ok(nastl_json_parse(&trial.details, hand->details, "details"));
    if (trial.state != NASTL_STATE_RUNNING)
        assert_ok(nastl_study_end(study, &trial));
    json_decref(trial.details);
    nastl_candidate_finish(&candidate);
}

static struct nastl_study *study_by_hand(const char *folder, const struct by_hand *hand,
                                         size_t count)
{
    struct nastl_study *study = NULL;
    const struct nastl_objective *objectives[] = {nastl_objective_find("accuracy"),
                                                  nastl_objective_find("latency")};
    const struct nastl_study_info info = {
        .seed = 1, .objectives = 2, .objective = objectives};
    assert_ok(nastl_study_create(&study, folder, &info));
    for (size_t i = 0; i < count; i++)
        run_by_hand(study, i, &hand[i]);
    return study;
}

static void publish(struct nastl_study *study)
{
    json_t *head = toy_head();
    assert_ok(nastl_study_publish(study, head));
    json_decref(head);
}

static char *text_of(const char *folder, const char *name)
{
    char path[700], *text = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(nastl_file_read(&text, NULL, path, 1 << 24));
    return text;
}

static json_t *document_of(const char *folder)
{
    char path[700];
    json_t *doc = NULL;
    snprintf(path, sizeof path, "%s/pareto.json", folder);
    assert_ok(nastl_json_read(&doc, path));
    return doc;
}

static void assert_text(const char *folder, const char *name, const char *expected)
{
    char *text = text_of(folder, name);
    assert_string_equal(text, expected);
    free(text);
}

/* ---- files ------------------------------------------------------------------------- */

#define COLUMNS                                                                          \
    "trial,state,family,param.family,param.mlp.layers,param.mlp.width.0,"                \
    "param.mlp.width.1,param.mlp.width.2,param.mlp.activation,"                          \
    "param.training.learning_rate,value.accuracy,value.latency,error.accuracy,"          \
    "error.latency,reason,seconds"

static void sheets_are_as_the_contract_says(void **state)
{
    const char *folder = scratch(state, "sheets");
    struct nastl_study *study = study_by_hand(folder, few, sizeof few / sizeof *few);
    publish(study);
    assert_text(folder, "trials.csv",
                COLUMNS "\n0,complete,mlp,mlp,1,16,,,relu,0.001,0.9,10,0.01,,,0.5\n"
                        "1,complete,mlp,mlp,3,16,32,64,relu,0.001,0.9,10,,,,0.5\n"
                        "2,pruned,mlp,mlp,1,16,,,gelu,0.001,,,,,rung 1,0.5\n"
                        "3,complete,mlp,mlp,2,16,32,,,0.001,0.85,0.1,,,,0.5\n"
                        "4,infeasible,mlp,mlp,1,16,,,gelu,0.001,0.99,1,,,"
                        "\"latency <= 0.5, \"\"no\"\"\",0.5\n"
                        "5,running,mlp,mlp,1,16,,,gelu,0.001,,,,,,\n"
                        "6,failed,mlp,mlp,1,16,,,gelu,0.001,,,,,not finite,0.5\n"
                        "7,complete,mlp,mlp,1,16,,,gelu,0.001,0.84,0.2,,,,0.5\n");
    assert_text(folder, "pareto.csv",
                COLUMNS
                ",test.accuracy,test.auc,test.ece,gain,gain.low,gain.high"
                "\n0,complete,mlp,mlp,1,16,,,relu,0.001,0.9,10,0.01,,,0.5,,,,,,\n"
                "1,complete,mlp,mlp,3,16,32,64,relu,0.001,0.9,10,,,,0.5,0.5,,,0,0,0\n"
                "3,complete,mlp,mlp,2,16,32,,,0.001,0.85,0.1,,,,0.5,,,0.25,,,\n");
    nastl_study_close(study);
}

static void the_delivered_is_the_smallest_of_the_best(void **state)
{
    const char *folder = scratch(state, "smallest");
    struct nastl_study *study = study_by_hand(folder, few, sizeof few / sizeof *few);
    publish(study);
    json_t *doc = document_of(folder);
    const json_t *deliver = json_object_get(doc, "deliver");
    assert_int_equal(json_integer_value(json_object_get(deliver, "trial")), 1);
    assert_non_null(
        strstr(json_string_value(json_object_get(deliver, "reason")), "best accuracy"));
    json_decref(doc);
    nastl_study_close(study);
}

static void an_empty_study_is_published(void **state)
{
    static const struct by_hand failed[] = {
        {NASTL_STATE_FAILED, NAN, NAN, NAN, "no", NULL, "relu", 1}};
    for (size_t trials = 0; trials < 2; trials++) {
        const char *folder = scratch(state, trials ? "failed" : "empty");
        struct nastl_study *study = study_by_hand(folder, failed, trials);
        char *text;
        publish(study);
        json_t *doc = document_of(folder);
        assert_int_equal(json_array_size(json_object_get(doc, "front")), 0);
        assert_int_equal(json_array_size(json_object_get(doc, "reference_point")), 0);
        assert_true(json_is_array(json_object_get(doc, "front")));
        assert_true(json_is_null(json_object_get(doc, "knee")));
        assert_true(json_is_null(json_object_get(doc, "deliver")));
        assert_true(json_number_value(json_object_get(doc, "hypervolume")) == 0);
        json_decref(doc);
        assert_ok(nastl_study_show(&text, folder, false));
        assert_non_null(strstr(text, "0 members"));
        free(text);
        nastl_study_close(study);
    }
}

/* A head may lack everything: what is not known is null. */
static void an_empty_head_is_enough(void **state)
{
    const char *folder = scratch(state, "headless");
    struct nastl_study *study = study_by_hand(folder, few, 4);
    json_t *head = json_object();
    char *text;
    assert_ok(nastl_study_publish(study, head));
    json_decref(head);
    json_t *doc = document_of(folder);
    assert_true(json_is_null(json_object_get(doc, "stop")));
    assert_true(json_is_null(json_object_get(doc, "hardware")));
    assert_int_equal(json_object_size(doc), 17);
    json_decref(doc);
    assert_ok(nastl_study_show(&text, folder, false));
    assert_non_null(strstr(text, "not yet"));
    free(text);
    nastl_study_close(study);
}

/* ---- members that are alike -------------------------------------------------------- */

static void expect_alike(void **state, const char *a, const char *b, double error,
                         bool alike)
{
    static unsigned next;
    char name[32];
    snprintf(name, sizeof name, "alike%u", next++);
    const struct by_hand two[] = {
        {NASTL_STATE_COMPLETE, 0.9, 10, NAN, "", a, "relu", 1},
        {NASTL_STATE_COMPLETE, 0.8, 9, NAN, "", b, "relu", 1},
    };
    const char *folder = scratch(state, name);
    struct nastl_study *study = study_by_hand(folder, two, 2);
    size_t count;
    struct nastl_trial *trials;
    assert_ok(nastl_study_trials(study, &trials, &count));
    for (size_t i = 0; i < count; i++) {
        trials[i].errors[1] = error;
        assert_ok(nastl_study_end(study, &trials[i]));
    }
    nastl_study_free_trials(trials, count);
    publish(study);
    json_t *doc = document_of(folder);
    for (size_t i = 0; i < 2; i++) {
        const json_t *member = json_array_get(json_object_get(doc, "front"), i);
        const json_t *list = json_object_get(member, "indistinguishable");
        assert_int_equal(json_array_size(list), alike);
        if (alike)
            assert_int_equal(json_integer_value(json_array_get(list, 0)), 1 - i);
    }
    json_decref(doc);
    nastl_study_close(study);
}

static void members_whose_intervals_overlap_are_alike(void **state)
{
    const char *wide = "{\"cost\": {\"latency_interval\": [8.5, 10.5]}}";
    const char *high = "{\"cost\": {\"latency_interval\": [9.5, 10.5]}}";
    const char *low = "{\"cost\": {\"latency_interval\": [8.5, 9.4]}}";
    const char *none = "{\"cost\": {\"latency_interval\": null}}";
    expect_alike(state, none, none, NAN, false);
    expect_alike(state, NULL, NULL, NAN, false);
    expect_alike(state, none, none, 0.5 / 1.96 + 0.001, true);
    expect_alike(state, none, none, 0.5 / 1.96 - 0.001, false);
    expect_alike(state, high, low, NAN, false);
    expect_alike(state, wide, low, NAN, true);
    expect_alike(state, wide, none, NAN, true);  /* 9 lies in it */
    expect_alike(state, high, low, 1000, false); /* what is told counts */
}

/* Without a timed objective nothing is measured twice. */
static void counted_costs_are_never_alike(void **state)
{
    struct toy toy;
    const char *folder = scratch(state, "counted");
    assert_ok(toy_create(&toy, folder, "macro_f1,flops", 3));
    for (size_t i = 0; i < 40; i++)
        assert_ok(toy_run(&toy, i));
    assert_ok(toy_publish(&toy));
    json_t *doc = document_of(folder), *member;
    size_t i;
    json_array_foreach (json_object_get(doc, "front"), i, member)
        assert_int_equal(json_array_size(json_object_get(member, "indistinguishable")),
                         0);
    json_decref(doc);
    toy_finish(&toy);
}

/* ---- properties of random studies -------------------------------------------------- */

static bool dominates(const struct nastl_trial *a, const struct nastl_trial *b)
{
    const bool no_worse = a->values[0] >= b->values[0] && a->values[1] <= b->values[1];
    return no_worse && (a->values[0] > b->values[0] || a->values[1] < b->values[1]);
}

static bool is_on_front(const struct nastl_trial *trials, size_t count, size_t i)
{
    if (trials[i].state != NASTL_STATE_COMPLETE)
        return false;
    for (size_t k = 0; k < count; k++)
        if (trials[k].state == NASTL_STATE_COMPLETE && dominates(&trials[k], &trials[i]))
            return false;
    return true;
}

static void the_front_is_what_nothing_dominates(void **state)
{
    struct toy toy;
    struct nastl_trial *trials;
    size_t count, *front, members, expected = 0;
    assert_ok(toy_create(&toy, scratch(state, "front"), "macro_f1,latency", 8));
    for (size_t i = 0; i < 300; i++)
        assert_ok(toy_run(&toy, i));
    assert_ok(nastl_study_trials(toy.study, &trials, &count));
    assert_ok(nastl_study_front(toy.study, trials, count, &front, &members));
    for (size_t i = 0; i < members; i++) {
        assert_true(is_on_front(trials, count, front[i]));
        const struct nastl_trial *one = &trials[front[i]];
        const struct nastl_trial *before = i ? &trials[front[i - 1]] : NULL;
        assert_true(
            !before || before->values[0] > one->values[0] ||
            (before->values[0] == one->values[0] && before->number < one->number));
    }
    for (size_t i = 0; i < count; i++)
        expected += is_on_front(trials, count, i);
    assert_int_equal(members, expected);
    free(front);
    nastl_study_free_trials(trials, count);
    toy_finish(&toy);
}

/* Trials of one toy study, entered and ended in another order. */
static void files_do_not_depend_on_the_order_of_the_ends(void **state)
{
    enum { TRIALS = 24 };
    static const char *const names[] = {"trials.csv", "pareto.csv", "pareto.json"};
    struct toy toy;
    struct nastl_study *study;
    struct nastl_trial *trials;
    size_t count;
    const char *first = scratch(state, "order"), *second = scratch(state, "sub");
    assert_ok(toy_create(&toy, first, "macro_f1,latency", 4));
    for (size_t i = 0; i < TRIALS; i++)
        assert_ok(toy_run(&toy, i));
    assert_ok(toy_publish(&toy));
    assert_ok(nastl_study_trials(toy.study, &trials, &count));

    const struct nastl_objective *objectives[] = {nastl_objective_find("macro_f1"),
                                                  nastl_objective_find("latency")};
    const struct nastl_study_info info = {
        .name = "order", .seed = 4, .objectives = 2, .objective = objectives};
    assert_ok(nastl_study_create(&study, second, &info));
    for (size_t i = 0; i < TRIALS; i++) {
        const size_t k = (7 * i + 5) % TRIALS;
        assert_ok(nastl_study_begin(study, k, &trials[k].candidate, toy.space));
    }
    for (size_t i = 0; i < TRIALS; i++) {
        const size_t k = (11 * i + 3) % TRIALS;
        if (trials[k].state != NASTL_STATE_RUNNING)
            assert_ok(nastl_study_end(study, &trials[k]));
    }
    publish(study);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *text = text_of(first, names[i]);
        assert_text(second, names[i], text);
        free(text);
    }
    nastl_study_free_trials(trials, count);
    nastl_study_close(study);
    toy_finish(&toy);
}

/* ---- show -------------------------------------------------------------------------- */

static void assert_narrow(const char *text)
{
    while (*text) {
        const size_t length = strcspn(text, "\n");
        if (nastl_text_width(text, length) > NASTL_SHOW_WIDTH)
            fail_msg("too wide: %.*s", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void what_is_shown_fits_a_terminal(void **state)
{
    static const char *const objectives[] = {"macro_f1,latency", "log_loss,flops",
                                             "accuracy,latency,flops,energy",
                                             "rmse,latency_p99,parameters,memory"};
    for (size_t i = 0; i < sizeof objectives / sizeof *objectives; i++) {
        struct toy toy;
        char *text, name[16];
        snprintf(name, sizeof name, "show%zu", i);
        const char *folder = scratch(state, name);
        assert_ok(toy_create(&toy, folder, objectives[i], i));
        for (size_t k = 0; k < 60; k++)
            assert_ok(toy_run(&toy, k));
        assert_ok(toy_publish(&toy));
        assert_ok(nastl_study_show(&text, folder, false));
        assert_narrow(text);
        assert_non_null(strstr(text, "D: delivered"));
        assert_non_null(strstr(text, "logarithmic"));
        free(text);
        toy_finish(&toy);
    }
}

static void a_running_study_can_be_shown(void **state)
{
    const char *folder = scratch(state, "running");
    struct nastl_study *study = study_by_hand(folder, few, sizeof few / sizeof *few);
    char *text;
    assert_ok(nastl_study_show(&text, folder, false));
    assert_non_null(strstr(text, "not yet"));
    assert_non_null(strstr(text, "1 running"));
    assert_non_null(strstr(text, "mlp 16/32/64 relu"));
    free(text);
    publish(study);
    run_by_hand(
        study, 8,
        &(struct by_hand){NASTL_STATE_COMPLETE, 0.99, 0.05, NAN, "", NULL, "relu", 1});
    assert_ok(nastl_study_show(&text, folder, false));
    assert_non_null(strstr(text, "1 member,")); /* the ledger's front, not the file's */
    assert_non_null(strstr(text, "trials, after 12.2 s"));
    free(text);
    assert_ok(nastl_study_set_fact(study, "stop", NULL));
    assert_ok(nastl_study_show(&text, folder, false));
    assert_non_null(strstr(text, "not yet"));
    free(text);
    nastl_study_close(study);
}

static void shown_json_is_what_is_published(void **state)
{
    const char *folder = scratch(state, "json");
    struct nastl_study *study = study_by_hand(folder, few, sizeof few / sizeof *few);
    char *text;
    publish(study);
    assert_ok(nastl_study_show(&text, folder, true));
    assert_text(folder, "pareto.json", text);
    free(text);
    nastl_study_close(study);
}

static void expect_shape(const char *candidate, const char *expected)
{
    json_t *object;
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    assert_ok(nastl_json_parse(&object, candidate, "candidate"));
    nastl_shape_text(&buf, object);
    assert_string_equal(nastl_strbuf_text(&buf), expected);
    nastl_strbuf_finish(&buf);
    json_decref(object);
}

static void shapes_are_told_in_a_few_words(void **state)
{
    (void)state;
    expect_shape(
        "{\"family\": \"mlp\", \"mlp.layers\": 3, \"mlp.width.0\": 64, "
        "\"mlp.width.1\": 32, \"mlp.width.2\": 16, \"mlp.activation\": \"relu\"}",
        "64/32/16 relu");
    expect_shape("{\"family\": \"mlp\", \"mlp.layers\": 2, \"mlp.width.0\": 64, "
                 "\"mlp.width.1\": 64}",
                 "2 x 64");
    expect_shape("{\"family\": \"mlp\", \"mlp.layers\": 2, \"mlp.width\": 64}", "2 x 64");
    expect_shape("{\"family\": \"tabm\", \"tabm.layers\": 2, \"tabm.width\": 64, "
                 "\"tabm.members\": 16}",
                 "2 x 64, 16 members");
    expect_shape("{\"family\": \"ft_transformer\", \"ft_transformer.blocks\": 3, "
                 "\"ft_transformer.token_width\": 96}",
                 "3 x 96");
    expect_shape("{\"family\": \"new\"}", "");
    expect_shape("{}", "");
}

static void expect_figure(const char *objective, double value, const char *expected)
{
    char text[32];
    nastl_study_figure(text, objective, value);
    assert_string_equal(text, expected);
}

static void figures_are_rounded_for_people(void **state)
{
    (void)state;
    expect_figure("accuracy", 0.97123, "0.9712");
    expect_figure("accuracy", 1, "1.0000");
    expect_figure("rmse", 1234567, "1.235e+06");
    expect_figure("flops", 43120, "43.1k");
    expect_figure("flops", 999999, "1M");
    expect_figure("flops", 9999, "9999");
    expect_figure("latency", 12.3456, "12.35");
    expect_figure("epochs", 30, "30");
}

/* ---- list -------------------------------------------------------------------------- */

static void studies_are_listed_and_broken_ones_too(void **state)
{
    char *text, path[700];
    const char *folder = scratch(state, "list");
    assert_ok(nastl_file_make_folder(folder));
    assert_ok(nastl_study_list(&text, folder, false));
    assert_non_null(strstr(text, "no studies"));
    free(text);
    snprintf(path, sizeof path, "%s/b", folder);
    struct nastl_study *study = study_by_hand(path, few, sizeof few / sizeof *few);
    publish(study);
    nastl_study_close(study);
    snprintf(path, sizeof path, "%s/a", folder);
    nastl_study_close(study_by_hand(path, few, 0));
    snprintf(path, sizeof path, "%s/c", folder);
    assert_ok(nastl_file_make_folder(path));
    snprintf(path, sizeof path, "%s/c/study.db", folder);
    scratch_write(path, "broken", 6);
    assert_ok(nastl_study_list(&text, folder, false));
    assert_narrow(text);
    free(text);
    json_t *list;
    assert_ok(nastl_study_list(&text, folder, true));
    assert_ok(nastl_json_parse(&list, text, "list"));
    free(text);
    static const char *const states[] = {"unfinished", "finished", "unreadable"};
    assert_int_equal(json_array_size(list), 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(
            json_string_value(json_object_get(json_array_get(list, i), "state")),
            states[i]);
    const json_t *b = json_array_get(list, 1);
    assert_int_equal(json_integer_value(json_object_get(b, "trials")), 8);
    assert_int_equal(json_integer_value(json_object_get(b, "front")), 3);
    assert_true(json_number_value(json_object_get(b, "best")) == 0.9);
    json_decref(list);
    snprintf(path, sizeof path, "%s/b", folder); /* a study's own folder */
    assert_ok(nastl_study_list(&text, path, false));
    assert_non_null(strstr(text, "accuracy 0.9000"));
    free(text);
    assert_error(nastl_study_list(&text, scratch(state, "no folder"), false),
                 NASTL_ENOENT, "no folder");
}

/* ---- models ------------------------------------------------------------------------ */

static void expect_model(const char *model, const char *file, const char *group)
{
    char *got_file, *got_group;
    assert_ok(nastl_study_model(&got_file, &got_group, model));
    assert_string_equal(got_file, file);
    assert_string_equal(got_group, group);
    free(got_file);
    free(got_group);
}

static void expect_no_model(const char *model, const char *part)
{
    char *file, *group;
    assert_error(nastl_study_model(&file, &group, model), NASTL_ENOENT, part);
}

static void write_weights(const char *folder)
{
    struct nastl_h5 *file;
    char path[700];
    snprintf(path, sizeof path, "%s/weights.h5", folder);
    assert_ok(nastl_h5_create(&file, path));
    assert_ok(nastl_h5_group(file, "/trials/0"));
    assert_ok(nastl_h5_group(file, "/trials/1"));
    assert_ok(nastl_h5_group(file, "/trials/3"));
    assert_ok(nastl_h5_commit(file));
    nastl_h5_close(file);
}

static void models_are_found_in_studies_and_files(void **state)
{
    char model[800], file[700], path[700];
    const char *folder = scratch(state, "a:b");
    struct nastl_study *study = study_by_hand(folder, few, sizeof few / sizeof *few);
    snprintf(file, sizeof file, "%s/weights.h5", folder);
    expect_no_model(folder, "no pareto.json");
    publish(study);
    expect_no_model(folder, "no weights.h5");
    write_weights(folder);
    expect_model(folder, file, "/trials/1");
    snprintf(model, sizeof model, "%s:3", folder);
    expect_model(model, file, "/trials/3");
    snprintf(model, sizeof model, "%s/:0", folder);
    expect_model(model, file, "/trials/0");
    snprintf(model, sizeof model, "%s:7", folder);
    expect_no_model(model, "give one of 0, 1, 3");
    snprintf(model, sizeof model, "%s:best", folder);
    expect_no_model(model, "give one of 0, 1, 3");
    expect_model(file, file, "/");
    snprintf(model, sizeof model, "%s:/trials/3", file);
    expect_model(model, file, "/trials/3");
    snprintf(model, sizeof model, "%s:", file);
    expect_model(model, file, "/");
    snprintf(path, sizeof path, "%s/no.h5:/x", folder);
    expect_no_model(path, "no such file or study");
    expect_no_model((const char *)*state, "no study is in it");
    expect_no_model(":1", "no such file or study");
    expect_no_model("", "no such file or study");
    nastl_study_close(study);
}

static void a_study_without_a_front_delivers_nothing(void **state)
{
    const char *folder = scratch(state, "nothing");
    struct nastl_study *study = study_by_hand(folder, few, 0);
    publish(study);
    expect_no_model(folder, "no trial is complete");
    nastl_study_close(study);
}

/* ---- memory ------------------------------------------------------------------------ */

struct attempt {
    struct nastl_study *study;
    const char *folder;
    json_t *head;
};

static int try_publish(void *payload)
{
    struct attempt *attempt = payload;
    return nastl_study_publish(attempt->study, attempt->head);
}

static int try_show(void *payload)
{
    char *text;
    TRY(nastl_study_show(&text, ((struct attempt *)payload)->folder, false));
    free(text);
    return NASTL_OK;
}

static int try_list(void *payload)
{
    char *text;
    TRY(nastl_study_list(&text, ((struct attempt *)payload)->folder, false));
    free(text);
    return NASTL_OK;
}

static int try_model(void *payload)
{
    char *file, *group;
    TRY(nastl_study_model(&file, &group, ((struct attempt *)payload)->folder));
    free(file);
    free(group);
    return NASTL_OK;
}

static void memory_may_run_out(void **state)
{
    const char *folder = scratch(state, "memory");
    struct attempt attempt = {.folder = folder, .head = toy_head()};
    attempt.study = study_by_hand(folder, few, sizeof few / sizeof *few);
    check_out_of_memory(try_publish, &attempt);
    write_weights(folder);
    check_out_of_memory(try_show, &attempt);
    check_out_of_memory(try_list, &attempt);
    check_out_of_memory(try_model, &attempt);
    json_decref(attempt.head);
    nastl_study_close(attempt.study);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sheets_are_as_the_contract_says),
        cmocka_unit_test(the_delivered_is_the_smallest_of_the_best),
        cmocka_unit_test(an_empty_study_is_published),
        cmocka_unit_test(an_empty_head_is_enough),
        cmocka_unit_test(members_whose_intervals_overlap_are_alike),
        cmocka_unit_test(counted_costs_are_never_alike),
        cmocka_unit_test(the_front_is_what_nothing_dominates),
        cmocka_unit_test(files_do_not_depend_on_the_order_of_the_ends),
        cmocka_unit_test(what_is_shown_fits_a_terminal),
        cmocka_unit_test(a_running_study_can_be_shown),
        cmocka_unit_test(shown_json_is_what_is_published),
        cmocka_unit_test(shapes_are_told_in_a_few_words),
        cmocka_unit_test(figures_are_rounded_for_people),
        cmocka_unit_test(studies_are_listed_and_broken_ones_too),
        cmocka_unit_test(models_are_found_in_studies_and_files),
        cmocka_unit_test(a_study_without_a_front_delivers_nothing),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
