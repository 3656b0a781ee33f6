/* test_data_describe.c: descriptions of tables, and the shift between domains.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data_toy.h"

#include "base/utf8.h"
#include "data/describe.h"
#include "io/json.h"

static char *describe(const char *data, const char *label, const char *domain, bool json)
{
    struct nastl_describe_params p = {.data = (char *)(uintptr_t)data,
                                      .label = (char *)(uintptr_t)label,
                                      .domain_column = (char *)(uintptr_t)domain,
                                      .json = json};
    char *text = NULL;
    assert_ok(nastl_data_describe(&text, &p));
    return text;
}

/* ---- shift ------------------------------------------------------------------------- */

static void equal_domains_have_no_shift(void **state)
{
    (void)state;
    double x[2000], shift;
    int32_t code[2000];
    uint8_t side[2000];
    struct nastl_rng rng;
    nastl_rng_init(&rng, 1, 0, NASTL_RNG_TEST);
    for (size_t i = 0; i < 2000; i += 2) {
        x[i] = x[i + 1] = nastl_rng_below(&rng, 9) ? nastl_rng_normal(&rng) : NAN;
        code[i] = code[i + 1] = (int32_t)nastl_rng_below(&rng, 5) - 1;
        side[i] = 1;
        side[i + 1] = 2;
    }
    assert_ok(nastl_shift_of_numbers(&shift, x, side, 2000));
    assert_true(fabs(shift) < 1e-12);
    assert_ok(nastl_shift_of_codes(&shift, code, 4, side, 2000));
    assert_true(fabs(shift) < 1e-12);
    memset(side, 1, sizeof side);
    assert_ok(nastl_shift_of_numbers(&shift, x, side, 2000));
    assert_true(isnan(shift));
}

/* Two texts, 50 : 50 in the source and 80 : 20 in the target. */
static void shift_is_the_population_stability_index(void **state)
{
    (void)state;
    int32_t code[200];
    uint8_t side[200];
    double x[200], shift;
    for (size_t i = 0; i < 200; i++) {
        side[i] = i < 100 ? 1 : 2;
        code[i] = i < 100 ? i % 2 : i % 5 == 0;
        x[i] = code[i];
    }
    const double expected = 0.3 * log(0.8 / 0.5) - 0.3 * log(0.2 / 0.5);
    assert_ok(nastl_shift_of_codes(&shift, code, 2, side, 200));
    assert_true(fabs(shift - expected) < 1e-12);
    assert_ok(nastl_shift_of_numbers(&shift, x, side, 200));
    assert_true(fabs(shift - expected) < 1e-12);
}

static void a_moved_normal_has_the_shift_of_its_theory(void **state)
{
    (void)state;
    enum { N = 100000 };
    static double x[2 * N];
    static uint8_t side[2 * N];
    struct nastl_rng rng;
    double shift;
    nastl_rng_init(&rng, 2, 0, NASTL_RNG_TEST);
    for (size_t i = 0; i < 2 * N; i++) {
        side[i] = i < N ? 1 : 2;
        x[i] = nastl_rng_normal(&rng) + (i < N ? 0 : 1);
    }
    assert_ok(nastl_shift_of_numbers(&shift, x, side, 2 * N));
    assert_true(shift > 0.85 &&
                shift < 1); /* continuous: 1; over ten bins a little less */
}

/* ---- text -------------------------------------------------------------------------- */

static void check_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
        if (*text == '\n')
            width = 0;
        assert_true(width <= 80);
        assert_true(*text == '\n' || (unsigned char)*text >= 0x20);
    }
}

static void descriptions_fit_a_terminal(void **state)
{
    const char *path = toy_rows(state, "rows.csv", 300, 1);
    char *text = describe(path, "class", "site", false);
    check_width(text);
    assert_non_null(strstr(text, "300 rows, 9 columns: 5 numeric, 4 categorical"));
    assert_non_null(strstr(text, "class: 3 classes"));
    assert_non_null(strstr(text, "population stability index"));
    free(text);
    text = describe(path, "value", NULL, false);
    assert_non_null(strstr(text, "value: regression"));
    assert_null(strstr(text, "shift     population"));
    free(text);
    path = toy_write(
        state, "wide.csv",
        "\"a name\nthat is far, far, far, far too long for a column of a table\","
        "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü\n"
        "\"line\nbreak\",1\nßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßß"
        "ßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßß,2\n");
    text = describe(path,
                    "a name\nthat is far, far, far, far too long for a column of a "
                    "table",
                    NULL, false);
    check_width(text);
    assert_null(strstr(text, "\nthat"));
    assert_null(strstr(text, "\nbreak"));
    assert_int_equal(nastl_utf8_valid(text, strlen(text)), strlen(text));
    free(text);
}

/* ---- JSON -------------------------------------------------------------------------- */

static json_t *parse(char *text)
{
    json_t *root = NULL;
    assert_ok(nastl_json_parse(&root, text, "description"));
    free(text);
    return root;
}

static void json_says_the_same(void **state)
{
    const char *path = toy_rows(state, "rows.csv", 300, 1);
    json_t *root = parse(describe(path, "class", "site", true));
    assert_string_equal(json_string_value(json_object_get(root, "schema")),
                        "nas-tl/describe/v1");
    assert_int_equal(json_integer_value(json_object_get(root, "rows")), 300);
    const json_t *columns = json_object_get(root, "columns"), *item;
    assert_int_equal(json_array_size(columns), 9);
    size_t i, rows = 0;
    json_array_foreach (json_object_get(json_object_get(root, "label"), "classes"), i,
                        item)
        rows += (size_t)json_integer_value(json_object_get(item, "rows"));
    assert_int_equal(rows, 300);
    const json_t *domains = json_object_get(root, "domains");
    assert_int_equal(json_integer_value(json_object_get(domains, "source_rows")) +
                         json_integer_value(json_object_get(domains, "target_rows")),
                     300);
    json_array_foreach (columns, i, item) {
        const bool domain =
            strcmp(json_string_value(json_object_get(item, "name")), "site") == 0;
        assert_int_equal(json_is_null(json_object_get(item, "psi")), domain);
    }
    json_decref(root);
    root = parse(describe(path, NULL, NULL, true));
    assert_true(json_is_null(json_object_get(root, "label")));
    assert_true(json_is_null(json_object_get(root, "domains")));
    json_decref(root);
}

/* ---- questions --------------------------------------------------------------------- */

static void wrong_questions_are_refused(void **state)
{
    struct nastl_describe_params p = {0};
    char *text, *wrong[] = {"east"};
    assert_error(nastl_data_describe(&text, &p), NASTL_EINVAL, "DATA: not given");
    p.data = (char *)(uintptr_t)toy_rows(state, "rows.csv", 30, 1);
    p.source_domain = (struct nastl_list){wrong, 1};
    assert_error(nastl_data_describe(&text, &p), NASTL_EINVAL, "--domain-column");
    p.domain_column = "site";
    assert_error(nastl_data_describe(&text, &p), NASTL_ENOENT, "--source-domain east");
    p.domain_column = "sit";
    assert_error(nastl_data_describe(&text, &p), NASTL_ENOENT, "did you mean 'site'?");
}

static int attempt(void *payload)
{
    char *text;
    const int status = nastl_data_describe(&text, payload);
    if (status == NASTL_OK)
        free(text);
    return status;
}

static void memory_may_run_out(void **state)
{
    struct nastl_describe_params p = {
        .data = (char *)(uintptr_t)toy_rows(state, "rows.csv", 30, 1),
        .label = "class",
        .domain_column = "site"};
    check_out_of_memory(attempt, &p);
    p.json = true;
    check_out_of_memory(attempt, &p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_domains_have_no_shift),
        cmocka_unit_test(shift_is_the_population_stability_index),
        cmocka_unit_test(a_moved_normal_has_the_shift_of_its_theory),
        cmocka_unit_test(descriptions_fit_a_terminal),
        cmocka_unit_test(json_says_the_same),
        cmocka_unit_test(wrong_questions_are_refused),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
