/* test_space_expression.c: what expressions say of candidates, and what is refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "space_toy.h"

#include <float.h>
#include <math.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* What a test has measured: some names, some values. */
struct figures {
    const char *name[2];
    double value[2];
};

static bool look_up(double *out, const char *name, void *payload)
{
    const struct figures *figures = payload;
    for (size_t i = 0; i < 2; i++)
        if (figures->name[i] && strcmp(figures->name[i], name) == 0) {
            *out = figures->value[i];
            return true;
        }
    return false;
}

/* Two layers, of 64 and 16; no embedding width. */
static void make_candidate(struct nastl_candidate *out)
{
    nastl_candidate_init(out);
    nastl_candidate_set(out, "family", "wide", 0);
    nastl_candidate_set(out, "wide.layers", NULL, 2);
    nastl_candidate_set(out, "wide.width.0", NULL, 64);
    nastl_candidate_set(out, "wide.width.1", NULL, 16);
    nastl_candidate_set(out, "wide.dropout", NULL, 0.2);
    nastl_candidate_set(out, "input.embedding", "none", 0);
    nastl_candidate_set(out, "ensemble", NULL, 1);
}

static struct nastl_space *make_space(void)
{
    struct nastl_space *space = toy_space_with(
        TOY_SCHEMA "family: {choice: [wide, token]}\n"
                   "wide:\n"
                   "  layers: {int: [1, 3]}\n"
                   "  width: {int: [8, 512], per: layer}\n"
                   "  dropout: {float: [0, 0.5]}\n"
                   "input:\n"
                   "  embedding: {choice: [none, periodic]}\n"
                   "  embedding_width: {int: [8, 32], when: \"embedding != none\"}\n",
        &toy_vocabulary);
    assert_non_null(space);
    return space;
}

static enum nastl_verdict check(const char *expression, const struct figures *figures,
                                double *violation)
{
    struct nastl_space *space = make_space();
    struct nastl_candidate candidate;
    make_candidate(&candidate);
    const int status = nastl_space_constrain(space, expression);
    if (status < 0)
        fail_msg("%s: %s", expression, nastl_error_last());
    const size_t last = nastl_space_constraints(space) - 1;
    assert_string_equal(nastl_space_constraint_text(space, last), expression);
    const enum nastl_verdict verdict = nastl_space_check(
        space, last, &candidate, figures ? look_up : NULL, (void *)figures, violation);
    nastl_candidate_finish(&candidate);
    nastl_space_destroy(space);
    return verdict;
}

static void expect(const char *expression, enum nastl_verdict wanted)
{
    double violation;
    const enum nastl_verdict verdict = check(expression, NULL, &violation);
    if (verdict != wanted)
        fail_msg("%s: %d", expression, (int)verdict);
    assert_true(wanted == NASTL_VIOLATED ? violation > 0.0 : violation == 0.0);
}

/* ---- what holds -------------------------------------------------------------------- */

static void arithmetic_follows_its_precedence(void **state)
{
    (void)state;
    static const char *const holds[] = {
        "1 + 2 * 3 == 7",    "(1 + 2) * 3 == 9",
        "10 - 4 - 3 == 3",   "16 / 4 / 2 == 2",
        "-2 * -3 == 6",      "- -2 == 2",
        "7 % 4 + 1 == 4",    "2 - -3 == 5",
        ".5 + 0.5 == 1",     "1e2 == 100",
        "1.5E-1 == 0.15",    "1e+1==10",
        "min(3, 1, 2) == 1", "max(3, 1 + 5, 2) == 6",
        "sum(1, 2, 3) == 6", "sum(min(1,2), 4) == 5",
        "  1<2  ",           "((((1)))) == 1",
        "2*(3+(4-1)) == 12", "-(1 + 1) == -2",
    };
    for (size_t i = 0; i < COUNT(holds); i++)
        expect(holds[i], NASTL_HOLDS);
}

static void conditions_follow_their_precedence(void **state)
{
    (void)state;
    static const char *const holds[] = {
        "1 == 1 or 1 == 2 and 1 == 3",
        "not 1 == 2 and 1 == 1",
        "not (1 == 1 and 1 == 2)",
        "not not 1 == 1",
        "1 != 2",
        "1 <= 1 and 1 >= 1",
        "not 1 < 1 and not 1 > 1",
        "(1 == 2 or 1 == 1) and 2 == 2",
        "(1 + 1) == 2 and (2 == 2)",
    };
    static const char *const fails[] = {
        "(1 == 1 or 1 == 2) and 1 == 3", "not 1 == 1 or 1 == 2", "1 < 1", "1 > 1",
        "not (1 == 1 or 1 == 2)",
    };
    for (size_t i = 0; i < COUNT(holds); i++)
        expect(holds[i], NASTL_HOLDS);
    for (size_t i = 0; i < COUNT(fails); i++)
        expect(fails[i], NASTL_VIOLATED);
}

static void names_are_found_with_and_without_their_section(void **state)
{
    (void)state;
    static const char *const holds[] = {
        "layers == 2",        "wide.layers == 2",      "width.0 == 64",
        "wide.width.1 == 16", "embedding == none",     "input.embedding == 'none'",
        "family == wide",     "none == embedding",     "\"wide\" == family",
        "ensemble == 1",      "embedding != periodic", "dropout <= 0.2",
        "family != token",    "not family == token",
    };
    for (size_t i = 0; i < COUNT(holds); i++)
        expect(holds[i], NASTL_HOLDS);
}

static void a_list_takes_its_maximum(void **state)
{
    (void)state;
    expect("width == 64", NASTL_HOLDS);
    expect("wide.width <= 63", NASTL_VIOLATED);
    expect("min(width) == 16", NASTL_HOLDS);
    expect("max(width) == 64", NASTL_HOLDS);
    expect("sum(width) == 80", NASTL_HOLDS);
    expect("sum(width, 20) == 100", NASTL_HOLDS);
    expect("min(width, layers) == 2", NASTL_HOLDS);
    expect("sum(-width) == -64", NASTL_HOLDS);
    expect("width.0 + width.1 == 80", NASTL_HOLDS);
}

/* ---- what is not there, what is not known ------------------------------------------ */

static void a_constraint_about_a_lacking_key_holds(void **state)
{
    (void)state;
    static const char *const holds[] = {
        "token_width % heads == 0",
        "embedding_width > 100",
        "width.2 > 1000",
        "not embedding_width > 8",
        "heads == 3 and layers == 2",
        "heads > 1 or layers > 5",
        "embedding_width + latency < 0",
        "sum(width, heads) < 0",
        "token.dropout < 0",
        "not (heads > 1 and layers == 2)",
    };
    for (size_t i = 0; i < COUNT(holds); i++)
        expect(holds[i], NASTL_HOLDS);
    expect("heads == 3 and layers == 3", NASTL_VIOLATED);
}

static void what_is_not_measured_is_undecided(void **state)
{
    (void)state;
    static const char *const undecided[] = {
        "latency <= 50",
        "parameters <= 10 or flops < 3",
        "layers == 2 and latency <= 50",
        "not latency <= 50",
        "layers == 3 or latency <= 50",
        "max(latency, 3) > 2",
        "latency < 3 and heads < 3",
    };
    for (size_t i = 0; i < COUNT(undecided); i++)
        expect(undecided[i], NASTL_UNDECIDED);
    expect("layers == 2 or latency <= 50", NASTL_HOLDS);
    expect("layers == 3 and latency <= 50", NASTL_VIOLATED);
}

static void measured_figures_decide(void **state)
{
    (void)state;
    const struct figures figures = {{"parameters", "latency"}, {260000, NAN}};
    double violation;
    assert_int_equal(check("parameters <= 200000", &figures, &violation), NASTL_VIOLATED);
    assert_true(fabs(violation - 0.3) < 1e-12);
    assert_int_equal(check("200000 >= parameters", &figures, &violation), NASTL_VIOLATED);
    assert_true(fabs(violation - 0.3) < 1e-12);
    assert_int_equal(check("parameters <= 260000", &figures, &violation), NASTL_HOLDS);
    assert_true(violation == 0.0);
    assert_int_equal(check("latency <= 50", &figures, &violation), NASTL_UNDECIDED);
    assert_int_equal(check("energy <= 50", &figures, &violation), NASTL_UNDECIDED);
}

static void violations_are_relative_to_the_bound(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        double violation;
    } cases[] = {
        {"width <= 32", 1.0},
        {"width >= 128", 0.5},
        {"32 >= width", 1.0},
        {"width == 128", 0.5},
        {"width != 64", DBL_EPSILON},
        {"width < 64", DBL_EPSILON},
        {"width <= 0", 64},
        {"width / 0 <= 3", 1e9},
        {"0 / 0 <= 3", 1.0},
        {"family == token", 1.0},
        {"not family == wide", 1.0},
        {"not width > 32", 1.0},
        {"width <= 32 and layers <= 1", 2.0},
        {"width <= 32 or layers <= 1.6", 0.25},
        {"not (width > 32 and layers > 1)", 1.0},
        {"not (width > 32 or layers > 1)", 2.0},
        {"width <= 32 and layers <= 2", 1.0},
        {"width * 1e300 <= 1e-300", 1e9},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        double violation;
        assert_int_equal(check(cases[i].expression, NULL, &violation), NASTL_VIOLATED);
        if (fabs(violation - cases[i].violation) > 1e-12)
            fail_msg("%s: %g", cases[i].expression, violation);
    }
}

static void names_to_measure_are_told_once(void **state)
{
    (void)state;
    struct nastl_space *space = make_space();
    const char *names[4] = {NULL};
    assert_int_equal(nastl_space_constrain(space, "latency + flops < layers * latency or "
                                                  "energy < 1 and family == wide"),
                     NASTL_OK);
    assert_int_equal(nastl_space_constraint_names(space, 0, names, 2), 3);
    assert_string_equal(names[0], "latency");
    assert_string_equal(names[1], "flops");
    assert_null(names[2]);
    assert_int_equal(nastl_space_constrain(space, "layers < 3"), NASTL_OK);
    assert_int_equal(nastl_space_constraint_names(space, 1, NULL, 0), 0);
    nastl_space_destroy(space);
}

static void every_measured_name_is_taken(void **state)
{
    (void)state;
    struct nastl_space *space = make_space();
    size_t count = 0;
    for (const char *const *name = nastl_space_measured_names(); *name; name++, count++) {
        char text[64];
        const char *found;
        snprintf(text, sizeof text, "%s <= 1", *name);
        assert_int_equal(nastl_space_constrain(space, text), NASTL_OK);
        assert_int_equal(nastl_space_constraint_names(space, count, &found, 1), 1);
        assert_string_equal(found, *name);
    }
    assert_true(count > 10);
    nastl_space_destroy(space);
}

/* ---- what is refused --------------------------------------------------------------- */

static void errors_name_column_and_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *sentence;
    } cases[] = {
        {"", "column 1: empty; write a condition such as layers <= 4"},
        {"layers", "column 1: a condition is wanted here; compare the value, as in "
                   "layers <= 4"},
        {"layers <=", "column 10: a value is missing; write a number, a name or a "
                      "parenthesis"},
        {"layers < 3 4", "column 12: more text after the condition; join conditions with "
                         "and, or"},
        {"1 < layers < 3", "column 12: a comparison of a comparison; join two of them "
                           "with and"},
        {"layers = 3", "column 8: '=' is no operator; equality is written =="},
        {"layers && 3", "column 8: unreadable character; an expression has numbers, "
                        "names, < <= > >= == != + - * / % ( ) , and or not"},
        {"(layers < 3", "column 12: a ')' is missing; close the parenthesis"},
        {"layers < 3)", "column 11: more text after the condition; join conditions with "
                        "and, or"},
        {"layers < 3x", "column 10: no number; write one such as 12, 0.5 or 1e-3"},
        {"layers < 1e999", "column 10: no number; write one such as 12, 0.5 or 1e-3"},
        {"embedding == 'none", "column 14: the quote is not closed; close it"},
        {"mean(width) < 3", "column 1: no such function; there are min(), max(), sum()"},
        {"sum() < 3", "column 5: a value is missing; write a number, a name or a "
                      "parenthesis"},
        {"sum(1 2) < 3",
         "column 7: a ',' or ')' is missing after the argument; write one"},
        {"layer < 3", "column 1: 'layer' is unknown; did you mean 'layers'?"},
        {"wide.layer < 3", "column 1: 'wide.layer' is unknown; did you mean "
                           "'wide.layers'?"},
        {"latncy < 3", "column 1: 'latncy' is unknown; did you mean 'latency'?"},
        {"zebra < 3",
         "column 1: 'zebra' is unknown; name a key of the space, or a figure "
         "such as parameters, flops, latency, accuracy"},
        {"width.3 < 3", "column 1: 'width.3' is unknown; did you mean 'width'?"},
        {"embedding == period", "column 14: 'period' is no embedding; there is none, "
                                "periodic"},
        {"embedding == 'Periodic'",
         "column 14: 'Periodic' is no embedding; there is none, "
         "periodic"},
        {"family == mlp", "column 11: 'mlp' is no family; there is wide, token"},
        {"embedding < 3", "column 1: a number is wanted here; words are compared with == "
                          "or !=, and conditions are joined with and, or"},
        {"embedding == 3", "column 14: a word is wanted here; numbers are compared with "
                           "numbers"},
        {"layers == 'two'", "column 11: a number is wanted here; words are compared with "
                            "== or !=, and conditions are joined with and, or"},
        {"'a' == 'a'", "column 5: two words; compare a key with a word"},
        {"layers and 3 < 4",
         "column 1: a condition is wanted here; compare the value, as "
         "in layers <= 4"},
        {"not layers", "column 5: a condition is wanted here; compare the value, as in "
                       "layers <= 4"},
        {"(layers < 3) + 1 < 3", "column 9: a number is wanted here; words are compared "
                                 "with == or !=, and conditions are joined with and, or"},
        {"(layers < 3) == (1 < 2)", "column 9: a number is wanted here; words are "
                                    "compared with == or !=, and conditions are joined "
                                    "with and, or"},
        {"sum(embedding) < 3",
         "column 5: a number is wanted here; words are compared with "
         "== or !=, and conditions are joined with and, or"},
        {"and < 3", "column 1: a value is missing; write a number, a name or a "
                    "parenthesis"},
    };
    struct nastl_space *space = make_space();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char sentence[512];
        snprintf(sentence, sizeof sentence, "constraint '%s': %s", cases[i].expression,
                 cases[i].sentence);
        assert_int_equal(nastl_space_constrain(space, cases[i].expression), NASTL_EINVAL);
        assert_string_equal(nastl_error_last(), sentence);
    }
    assert_int_equal(nastl_space_constraints(space), 0);
    nastl_space_destroy(space);
}

static void fill(char *text, size_t length, const char *piece)
{
    const size_t each = strlen(piece);
    for (size_t i = 0; i < length; i++)
        text[i] = piece[i % each];
    text[length] = '\0';
}

static void nesting_bombs_are_refused(void **state)
{
    (void)state;
    enum { MOST = 200000 };
    static const char *const pieces[] = {"(",     "not ",    "-",  "min(",         "1 + ",
                                         "((-",   "1<2 or ", "a.", "1 == 1 and (", "'",
                                         "not (", "1 % "};
    static const size_t lengths[] = {40, 999, 1000, 1001, MOST};
    char *text = malloc(MOST + 1);
    assert_non_null(text);
    struct nastl_space *space = make_space();
    for (size_t i = 0; i < COUNT(pieces); i++)
        for (size_t j = 0; j < COUNT(lengths); j++) {
            fill(text, lengths[j], pieces[i]);
            assert_int_equal(nastl_space_constrain(space, text), NASTL_EINVAL);
        }
    free(text);
    nastl_space_destroy(space);
}

static void nesting_is_counted_not_length(void **state)
{
    (void)state;
    char text[256];
    fill(text, 32, "(");
    strcat(text, "1");
    fill(text + 33, 32, ")");
    strcat(text, " == 1");
    expect(text, NASTL_HOLDS);
    fill(text, 33, "-");
    strcat(text, "1 < 3");
    struct nastl_space *space = make_space();
    assert_int_equal(nastl_space_constrain(space, text), NASTL_EINVAL);
    assert_non_null(strstr(nastl_error_last(), "nested more than 32 deep"));
    nastl_space_destroy(space);
}

static void a_long_chain_is_no_bomb(void **state)
{
    (void)state;
    char text[1001] = "1";
    for (int i = 0; i < 240; i++)
        strcat(text, " + 1");
    strcat(text, " == 241");
    expect(text, NASTL_HOLDS);
    expect(
        "(1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) "
        "and (1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and "
        "(1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and "
        "(1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and "
        "(1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and "
        "(1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and (1 < 2) and (1 < 2)",
        NASTL_HOLDS);
}

/* ---- at random --------------------------------------------------------------------- */

/* Writes a random sum of small whole numbers and returns its value: an oracle that knows
 * what it wrote. */
static double write_random(char *text, struct nastl_rng *rng, int depth)
{
    const uint64_t kind = depth ? nastl_rng_below(rng, 6) : 5;
    char left[512], right[512];
    if (kind == 5) {
        const double number = (double)nastl_rng_below(rng, 10);
        sprintf(text, "%g", number);
        return number;
    }
    const double a = write_random(left, rng, depth - 1);
    const double b = write_random(right, rng, depth - 1);
    static const char *const forms[] = {"(%.200s + %.200s)", "(%.200s - %.200s)",
                                        "(%.200s * %.200s)", "min(%.200s, %.200s)",
                                        "-(%.200s - %.200s)"};
    const double value[] = {a + b, a - b, a * b, fmin(a, b), -(a - b)};
    sprintf(text, forms[kind], left, right);
    return value[kind];
}

static void random_arithmetic_matches_its_oracle(void **state)
{
    (void)state;
    struct nastl_rng rng;
    nastl_rng_init(&rng, 11, 0, NASTL_RNG_TEST);
    for (int i = 0; i < 300; i++) {
        char sum[512], text[600];
        const double value = write_random(sum, &rng, 4);
        snprintf(text, sizeof text, "%s == %g", sum, value);
        expect(text, NASTL_HOLDS);
    }
}

static void random_texts_never_crash(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "layers", "width",  "width.0", "latency", "embedding", "none", "and", "or",
        "not",    "min",    "sum",     "(",       ")",         ",",    "+",   "-",
        "*",      "%",      "/",       "<",       "==",        "!=",   "3",   "0.5",
        "'none'", "family", "wide",    "heads",   ".",         "\"",   "=",   "\xc3\xa4"};
    struct nastl_rng rng;
    nastl_rng_init(&rng, 12, 0, NASTL_RNG_TEST);
    struct nastl_space *space = make_space();
    struct nastl_candidate candidate;
    make_candidate(&candidate);
    size_t taken = 0;
    for (int i = 0; i < 20000; i++) {
        char text[256] = "";
        for (uint64_t n = 1 + nastl_rng_below(&rng, 8); n > 0; n--) {
            strcat(text, pieces[nastl_rng_below(&rng, COUNT(pieces))]);
            strcat(text, nastl_rng_below(&rng, 4) ? " " : "");
        }
        const int status = nastl_space_constrain(space, text);
        assert_true(status == NASTL_OK || status == NASTL_EINVAL);
        double violation;
        if (status == NASTL_OK)
            nastl_space_check(space, taken++, &candidate, NULL, NULL, &violation);
    }
    assert_true(taken > 10);
    nastl_candidate_finish(&candidate);
    nastl_space_destroy(space);
}

static void constraints_survive_allocation_failure(void **state)
{
    (void)state;
    struct nastl_space *space = make_space();
    int status = NASTL_ENOMEM;
    size_t n = 0;
    while (status == NASTL_ENOMEM) {
        nastl_alloc_fail_from(++n);
        status = nastl_space_constrain(space, "sum(width) <= 512 and (latency < 3 or "
                                              "embedding == none)");
        nastl_alloc_fail_from(0);
        assert_int_equal(nastl_space_constraints(space), status == NASTL_OK);
    }
    assert_int_equal(status, NASTL_OK);
    nastl_space_destroy(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic_follows_its_precedence),
        cmocka_unit_test(conditions_follow_their_precedence),
        cmocka_unit_test(names_are_found_with_and_without_their_section),
        cmocka_unit_test(a_list_takes_its_maximum),
        cmocka_unit_test(a_constraint_about_a_lacking_key_holds),
        cmocka_unit_test(what_is_not_measured_is_undecided),
        cmocka_unit_test(measured_figures_decide),
        cmocka_unit_test(violations_are_relative_to_the_bound),
        cmocka_unit_test(names_to_measure_are_told_once),
        cmocka_unit_test(every_measured_name_is_taken),
        cmocka_unit_test(errors_name_column_and_remedy),
        cmocka_unit_test(nesting_bombs_are_refused),
        cmocka_unit_test(nesting_is_counted_not_length),
        cmocka_unit_test(a_long_chain_is_no_bomb),
        cmocka_unit_test(random_arithmetic_matches_its_oracle),
        cmocka_unit_test(random_texts_never_crash),
        cmocka_unit_test(constraints_survive_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
