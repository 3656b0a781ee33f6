/* test_base_opt.c: option tables, spelling, lists.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/opt.h"
#include "base/rng.h"

#include <math.h>

struct params {
    bool resume;
    int64_t trials;
    double rate;
    char *label;
    char *task;
    double time;
    struct nastl_list objectives;
    struct nastl_list constraint;
};

static const char *const tasks[] = {"auto", "binary", "multiclass", "regression", NULL};
static const char *const objectives[] = {"accuracy", "latency", "flops", NULL};

#define AT(field) offsetof(struct params, field)

static const struct nastl_opt table[] = {
    {"resume", NASTL_OPT_BOOL, AT(resume), 0, 0, NULL, "false", NULL, "Resume."},
    {"max_trials", NASTL_OPT_INT, AT(trials), 1, 1e6, NULL, "64", "N", "Trials."},
    {"rate", NASTL_OPT_FLOAT, AT(rate), 0, 1, NULL, "0.1", "R", "Rate."},
    {"label", NASTL_OPT_TEXT, AT(label), 0, 0, NULL, NULL, "COLUMN", "Label."},
    {"task", NASTL_OPT_CHOICE, AT(task), 0, 0, tasks, "auto", "NAME", "Task."},
    {"time", NASTL_OPT_DURATION, AT(time), 0, 1e9, NULL, "0", "DURATION", "Time."},
    {"objectives", NASTL_OPT_LIST, AT(objectives), 0, 0, objectives, "accuracy,flops",
     "NAMES", "Objectives."},
    {"constraint", NASTL_OPT_REPEAT, AT(constraint), 0, 0, NULL, NULL, "EXPR", "Limits."},
    {NULL},
};

static int set(struct params *params, const char *key, const char *text)
{
    const struct nastl_opt *option = nastl_opt_find(table, key);
    assert_non_null(option);
    return nastl_opt_set(option, params, text);
}

static void defaults_are_set_and_cleared(void **state)
{
    (void)state;
    struct params params;
    memset(&params, 0xa5, sizeof params);
    assert_ok(nastl_opt_defaults(table, &params));
    assert_false(params.resume);
    assert_int_equal(params.trials, 64);
    assert_true(params.rate == 0.1);
    assert_null(params.label);
    assert_string_equal(params.task, "auto");
    assert_true(params.time == 0);
    assert_int_equal(params.objectives.count, 2);
    assert_string_equal(params.objectives.items[1], "flops");
    assert_int_equal(params.constraint.count, 0);
    nastl_opt_clear(table, &params);
    assert_null(params.task);
    assert_null(params.objectives.items);
}

static void every_type_is_set_from_text(void **state)
{
    (void)state;
    struct params params;
    assert_ok(nastl_opt_defaults(table, &params));
    assert_ok(set(&params, "resume", "true"));
    assert_ok(set(&params, "max-trials", "1000"));
    assert_ok(set(&params, "rate", "1e-3"));
    assert_ok(set(&params, "label", "a b"));
    assert_ok(set(&params, "label", "y"));
    assert_ok(set(&params, "task", "binary"));
    assert_ok(set(&params, "time", "10m"));
    assert_ok(set(&params, "objectives", "latency"));
    assert_ok(set(&params, "objectives", "flops,,latency,"));
    assert_ok(set(&params, "constraint", "a <= 1,2"));
    assert_ok(set(&params, "constraint", "b > 2"));
    assert_true(params.resume);
    assert_int_equal(params.trials, 1000);
    assert_true(params.rate == 1e-3);
    assert_string_equal(params.label, "y");
    assert_string_equal(params.task, "binary");
    assert_true(params.time == 600);
    assert_int_equal(params.objectives.count, 2);
    assert_string_equal(params.objectives.items[0], "flops");
    assert_true(nastl_list_has(&params.objectives, "latency"));
    assert_false(nastl_list_has(&params.objectives, "accuracy"));
    assert_int_equal(params.constraint.count, 2);
    assert_string_equal(params.constraint.items[0], "a <= 1,2");
    nastl_opt_clear(table, &params);
}

static void a_wrong_value_names_option_and_choices(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"resume", "yes", "--resume yes: not accepted; give true or false"},
        {"max_trials", "0",
         "--max-trials 0: not accepted; give a whole number from 1 to"},
        {"max_trials", "1.5", "a whole number from 1 to"},
        {"max_trials", "1000001", "--max-trials 1000001"},
        {"max_trials", "many", "--max-trials many"},
        {"max_trials", "", "--max-trials"},
        {"rate", "1.1", "--rate 1.1: not accepted; give a number from 0 to 1"},
        {"rate", "-0.1", "give a number from 0 to 1"},
        {"rate", "nan", "give a number from 0 to 1"},
        {"rate", "inf", "give a number from 0 to 1"},
        {"rate", "0.1x", "give a number from 0 to 1"},
        {"task", "multi_class",
         "one of auto, binary, multiclass, regression (did you "
         "mean multiclass?)"},
        {"task", "zzzzzzzzzzz", "one of auto, binary, multiclass, regression"},
        {"time", "10 m", "--time 10 m: not accepted; give a duration such as 30s"},
        {"time", "-5s", "--time -5s"},
        {"time", "2d", "--time 2d"},
        {"time", "h", "--time h"},
        {"objectives", "accuracy,flop", "--objectives flop: not accepted"},
    };
    struct params params;
    assert_ok(nastl_opt_defaults(table, &params));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_error(set(&params, cases[i][0], cases[i][1]), NASTL_EINVAL, cases[i][2]);
    assert_int_equal(params.trials, 64);
    assert_true(params.rate == 0.1);
    assert_string_equal(params.task, "auto");
    assert_int_equal(params.objectives.count, 2);
    nastl_opt_clear(table, &params);
}

static void durations_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds;
    } cases[] = {{"30s", 30}, {"10m", 600},   {"2h", 7200},
                 {"45", 45},  {"1.5h", 5400}, {"0", 0}};
    double seconds;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(nastl_opt_duration(&seconds, cases[i].text));
        assert_true(seconds == cases[i].seconds);
    }
    assert_error(nastl_opt_duration(&seconds, "soon"), NASTL_EINVAL,
                 "soon: not a duration; give one such as 30s");
    assert_int_equal(nastl_opt_duration(&seconds, ""), NASTL_EINVAL);
    assert_int_equal(nastl_opt_duration(&seconds, "infs"), NASTL_EINVAL);
}

/* Every option but REPEAT, whose items may hold commas. */
static void the_text_of_an_option_sets_it_again(void **state)
{
    (void)state;
    static const char *const values[][2] = {{"resume", "true"},
                                            {"max_trials", "123456"},
                                            {"rate", "0.30000000000000004"},
                                            {"label", "x, y"},
                                            {"task", "regression"},
                                            {"time", "90.5"},
                                            {"objectives", "flops,accuracy,latency"}};
    struct params params, again;
    assert_ok(nastl_opt_defaults(table, &params));
    assert_ok(nastl_opt_defaults(table, &again));
    char *text;
    assert_ok(nastl_opt_text(&text, nastl_opt_find(table, "label"), &params));
    assert_null(text);
    assert_ok(nastl_opt_text(&text, nastl_opt_find(table, "constraint"), &params));
    assert_null(text);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const struct nastl_opt *option = nastl_opt_find(table, values[i][0]);
        char *second;
        assert_ok(nastl_opt_set(option, &params, values[i][1]));
        assert_ok(nastl_opt_text(&text, option, &params));
        assert_string_equal(text, values[i][1]);
        assert_ok(nastl_opt_set(option, &again, text));
        assert_ok(nastl_opt_text(&second, option, &again));
        assert_string_equal(second, text);
        free(second);
        free(text);
    }
    assert_true(again.rate == params.rate);
    nastl_opt_clear(table, &params);
    nastl_opt_clear(table, &again);
}

static void keys_are_found_with_dashes_and_underscores(void **state)
{
    (void)state;
    assert_ptr_equal(nastl_opt_find(table, "max_trials"), &table[1]);
    assert_ptr_equal(nastl_opt_find(table, "max-trials"), &table[1]);
    assert_null(nastl_opt_find(table, "max"));
    assert_null(nastl_opt_find(table, "max_trials2"));
    assert_null(nastl_opt_find(table, ""));
    assert_string_equal(nastl_opt_nearest(table, "max-trails"), "max_trials");
    assert_string_equal(nastl_opt_nearest(table, "lable"), "label");
    assert_null(nastl_opt_nearest(table, "something-else"));
}

/* ---- spelling ---------------------------------------------------------------------- */

static void known_distances_are_right(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } known[] = {{"", "", 0},
                 {"a", "", 1},
                 {"kitten", "sitting", 3},
                 {"flaw", "lawn", 2},
                 {"a_b", "a-b", 0},
                 {"abc", "abc", 0},
                 {"width", "widht", 2},
                 {"Sunday", "Saturday", 3}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_int_equal(nastl_text_distance(known[i].a, known[i].b), known[i].distance);
}

static void random_word(char out[80], struct nastl_rng *rng)
{
    const size_t length = nastl_rng_below(rng, 79);
    for (size_t i = 0; i < length; i++)
        out[i] = (char)('a' + nastl_rng_below(rng, 3));
    out[length] = '\0';
}

/* d(a, a) = 0, d(a, b) = d(b, a), d(a, c) <= d(a, b) + d(b, c). */
static void the_distance_is_a_metric(void **state)
{
    (void)state;
    const uint64_t seed = 8;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    for (int i = 0; i < 500; i++) {
        char a[80], b[80], c[80];
        random_word(a, &rng);
        random_word(b, &rng);
        random_word(c, &rng);
        const size_t ab = nastl_text_distance(a, b), bc = nastl_text_distance(b, c);
        assert_int_equal(nastl_text_distance(a, a), 0);
        assert_int_equal(nastl_text_distance(b, a), ab);
        assert_true(nastl_text_distance(a, c) <= ab + bc);
    }
}

static void the_nearest_is_near(void **state)
{
    (void)state;
    static const char *const names[] = {"layers", "width", "learning_rate"};
    assert_string_equal(nastl_text_nearest(names, 3, "widht"), "width");
    assert_string_equal(nastl_text_nearest(names, 3, "learningrate"), "learning_rate");
    assert_string_equal(nastl_text_nearest(names, 3, "learn_rate"), "learning_rate");
    assert_null(nastl_text_nearest(names, 3, "dropout"));
    assert_null(nastl_text_nearest(names, 0, "width"));
}

/* ---- lists ------------------------------------------------------------------------- */

static void lists_are_split_joined_and_copied(void **state)
{
    (void)state;
    struct nastl_list list = {0}, copy = {0};
    char *text;
    assert_ok(nastl_list_split(&list, ",a,,b c,", ','));
    assert_int_equal(list.count, 2);
    assert_ok(nastl_list_add(&list, "defg", 2));
    assert_ok(nastl_list_join(&text, &list, "; "));
    assert_string_equal(text, "a; b c; de");
    assert_ok(nastl_list_copy(&copy, &list));
    assert_string_equal(copy.items[2], "de");
    assert_ptr_not_equal(copy.items[2], list.items[2]);
    free(text);
    nastl_list_finish(&list);
    nastl_list_finish(&copy);
    assert_ok(nastl_list_join(&text, &list, ","));
    assert_string_equal(text, "");
    free(text);
}

static int use_all(void *payload)
{
    (void)payload;
    struct params params;
    char *text = NULL;
    memset(&params, 0, sizeof params);
    int status = nastl_opt_defaults(table, &params);
    if (status == NASTL_OK)
        status = set(&params, "label", "y");
    if (status == NASTL_OK)
        status = set(&params, "objectives", "latency,flops");
    if (status == NASTL_OK)
        status = set(&params, "constraint", "a < 1");
    if (status == NASTL_OK)
        status = nastl_opt_text(&text, nastl_opt_find(table, "objectives"), &params);
    free(text);
    text = NULL;
    if (status == NASTL_OK)
        status = nastl_opt_text(&text, nastl_opt_find(table, "rate"), &params);
    free(text);
    nastl_opt_clear(table, &params);
    return status;
}

static void out_of_memory_is_reported(void **state)
{
    (void)state;
    check_out_of_memory(use_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_set_and_cleared),
        cmocka_unit_test(every_type_is_set_from_text),
        cmocka_unit_test(a_wrong_value_names_option_and_choices),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(the_text_of_an_option_sets_it_again),
        cmocka_unit_test(keys_are_found_with_dashes_and_underscores),
        cmocka_unit_test(known_distances_are_right),
        cmocka_unit_test(the_distance_is_a_metric),
        cmocka_unit_test(the_nearest_is_near),
        cmocka_unit_test(lists_are_split_joined_and_copied),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests_name("base_opt", tests, NULL, NULL);
}
