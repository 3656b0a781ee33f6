/* test_cell.c: the generated table: its promises, its labels, its files.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "cell/generator.h"

#include <math.h>

static const char *const *domains;

static const struct nastl_column *column(const struct nastl_table *table,
                                         const char *name)
{
    const long at = nastl_table_find(table, name);
    assert_true(at >= 0);
    return &table->columns[at];
}

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool same_cell(const struct nastl_column *a, const struct nastl_column *b,
                      size_t row)
{
    if (a->kind == NASTL_NUMERIC)
        return same_number(a->number[row], b->number[row]);
    return strcmp(a->levels[a->code[row]], b->levels[b->code[row]]) == 0;
}

static size_t count_differences(const struct nastl_table *a, const struct nastl_table *b,
                                size_t rows)
{
    size_t differences = 0;
    assert_int_equal(a->count, b->count);
    for (size_t c = 0; c < a->count; c++) {
        assert_string_equal(a->columns[c].name, b->columns[c].name);
        assert_int_equal(a->columns[c].kind, b->columns[c].kind);
        for (size_t row = 0; row < rows; row++)
            differences += !same_cell(&a->columns[c], &b->columns[c], row);
    }
    return differences;
}

static struct nastl_table *table_of(const char *domain, size_t rows, uint64_t seed)
{
    struct nastl_table *table = NULL;
    assert_ok(nastl_cell_table(&table, domain, rows, seed));
    return table;
}

/* ---- the same and not the same ------------------------------------------------------
 */

static void the_same_arguments_give_the_same_rows(void **state)
{
    (void)state;
    for (const char *const *d = domains; *d; d++) {
        struct nastl_table *a = table_of(*d, 300, 5), *b = table_of(*d, 300, 5);
        assert_int_equal(count_differences(a, b, 300), 0);
        nastl_table_destroy(a);
        nastl_table_destroy(b);
    }
}

static void fewer_rows_are_the_first_rows(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 39, 40, 41, 130};
    struct nastl_table *whole = table_of("small", 200, 1);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct nastl_table *part = table_of("small", lengths[i], 1);
        assert_int_equal(nastl_table_rows(part), lengths[i]);
        assert_int_equal(count_differences(whole, part, lengths[i]), 0);
        nastl_table_destroy(part);
    }
    nastl_table_destroy(whole);
}

static void seeds_and_domains_differ(void **state)
{
    (void)state;
    struct nastl_table *one = table_of("macro", 200, 1);
    struct nastl_table *two = table_of("macro", 200, 2);
    struct nastl_table *small = table_of("small", 200, 1);
    const size_t cells = 200 * one->count;
    assert_true(count_differences(one, two, 200) > cells / 2);
    assert_true(count_differences(one, small, 200) > cells / 2);
    nastl_table_destroy(one);
    nastl_table_destroy(two);
    nastl_table_destroy(small);
}

/* ---- columns ------------------------------------------------------------------------
 */

static void assert_range(const struct nastl_table *table, const char *name, double low,
                         double high)
{
    const struct nastl_column *c = column(table, name);
    for (size_t row = 0; row < table->rows; row++)
        if (c->number[row] < low || c->number[row] > high)
            fail_msg("%s: %g in row %zu", name, c->number[row], row);
}

static void numbers_are_in_their_units(void **state)
{
    (void)state;
    for (const char *const *d = domains; *d; d++) {
        struct nastl_table *table = table_of(*d, 4000, 1);
        assert_range(table, "rsrp", -156, -31);
        assert_range(table, "rsrq", -43, 0);
        assert_range(table, "sinr", -23, 40);
        assert_range(table, "cqi", 0, 15);
        assert_range(table, "load", 0, 1);
        assert_range(table, "speed", 0, 60);
        assert_range(table, "since_handover", 0, 42);
        assert_range(table, "distance", 0, 2000);
        assert_range(table, "throughput", 0, 1000);
        assert_range(table, "handover", 0, 1);
        nastl_table_destroy(table);
    }
}

static void missing_values_are_counted(void **state)
{
    (void)state;
    struct nastl_table *table = table_of("small", 4000, 1);
    size_t incomplete = 0;
    for (size_t c = 0; c < table->count; c++) {
        const struct nastl_column *at = &table->columns[c];
        size_t missing = 0;
        for (size_t row = 0; row < table->rows; row++)
            missing +=
                at->kind == NASTL_NUMERIC ? isnan(at->number[row]) : at->code[row] < 0;
        assert_int_equal(at->missing, missing);
        assert_true(missing < table->rows / 2);
        incomplete += missing > 0;
    }
    assert_int_equal(incomplete, 5); /* load, distance, three neighbours */
    assert_int_equal(column(table, "throughput")->missing, 0);
    nastl_table_destroy(table);
}

static void a_user_has_a_run_of_reports(void **state)
{
    (void)state;
    struct nastl_table *table = table_of("macro", 130, 1);
    const struct nastl_column *user = column(table, "user");
    assert_int_equal(user->level_count, 4);
    assert_string_equal(user->levels[0], "macro-1");
    for (size_t row = 0; row < 130; row++)
        assert_int_equal(user->code[row], row / 40);
    nastl_table_destroy(table);
}

/* ---- labels -------------------------------------------------------------------------
 */

static const char *class_of(double throughput)
{
    return throughput < 15    ? "low"
           : throughput < 40  ? "medium"
           : throughput < 100 ? "high"
                              : "very_high";
}

static void classes_are_those_of_the_throughput(void **state)
{
    (void)state;
    for (const char *const *d = domains; *d; d++) {
        struct nastl_table *table = table_of(*d, 6000, 1);
        const struct nastl_column *throughput = column(table, "throughput");
        const struct nastl_column *class = column(table, "throughput_class");
        size_t counts[4] = {0};
        for (size_t row = 0; row < table->rows; row++) {
            assert_string_equal(class->levels[class->code[row]],
                                class_of(throughput->number[row]));
            counts[class->code[row]]++;
        }
        assert_int_equal(class->level_count, 4);
        for (int c = 0; c < 4; c++)
            assert_true(counts[c] > 6000 / 20);
        nastl_table_destroy(table);
    }
}

static void some_reports_precede_a_handover(void **state)
{
    (void)state;
    for (const char *const *d = domains; *d; d++) {
        struct nastl_table *table = table_of(*d, 4000, 1);
        const double *handover = column(table, "handover")->number;
        double share = 0;
        for (size_t row = 0; row < table->rows; row++) {
            assert_true(handover[row] == 0 || handover[row] == 1);
            share += handover[row] / 4000;
        }
        assert_true(share > 0.05 && share < 0.5);
        nastl_table_destroy(table);
    }
}

static void the_descriptor_keeps_labels_out_of_the_features(void **state)
{
    (void)state;
    struct nastl_table *table = table_of("macro", 10, 1);
    const struct nastl_descriptor *d = &table->descriptor;
    assert_string_equal(d->label, "throughput_class");
    assert_string_equal(d->group_column, "user");
    assert_string_equal(d->domain_column, "domain");
    assert_true(d->label_scale == 1);
    assert_int_equal(d->drop.count, 2);
    assert_string_equal(d->drop.items[0], "throughput");
    assert_string_equal(d->drop.items[1], "handover");
    nastl_table_destroy(table);
}

/* ---- files --------------------------------------------------------------------------
 */

static void what_is_written_is_the_table(void **state)
{
    static const char *const names[] = {"rows.csv", "rows.csv.gz", "rows.h5"};
    struct nastl_table *expected = table_of("small", 250, 7), *loaded;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = strdup(scratch(state, names[i]));
        const struct nastl_generate_params params = {
            .rows = 250, .domain = "small", .seed = 7, .out = path};
        assert_ok(nastl_cell_generate(&params));
        assert_ok(nastl_table_load(&loaded, path, NULL));
        assert_int_equal(nastl_table_rows(loaded), 250);
        assert_int_equal(count_differences(expected, loaded, 250), 0);
        for (size_t c = 0; c < expected->count; c++) {
            assert_int_equal(expected->columns[c].missing, loaded->columns[c].missing);
            assert_int_equal(expected->columns[c].level_count,
                             loaded->columns[c].level_count);
        }
        nastl_table_destroy(loaded);
        free(path);
    }
    nastl_table_destroy(expected);
}

static void a_file_is_kept_unless_forced(void **state)
{
    struct nastl_generate_params params = {.rows = 10, .domain = "macro", .seed = 1};
    params.out = (char *)scratch(state, "kept.csv");
    assert_ok(nastl_cell_generate(&params));
    assert_error(nastl_cell_generate(&params), NASTL_EEXIST, "kept.csv");
    params.force = true;
    assert_ok(nastl_cell_generate(&params));
}

static void what_cannot_be_generated_is_refused(void **state)
{
    struct nastl_table *table = NULL;
    struct nastl_generate_params params = {.rows = 10, .domain = "macro", .seed = 1};
    assert_error(nastl_cell_table(&table, "rural", 10, 1), NASTL_EINVAL, "macro");
    assert_error(nastl_cell_table(&table, "macro", 0, 1), NASTL_EINVAL, "from 1");
    assert_error(nastl_cell_table(&table, "macro", SIZE_MAX, 1), NASTL_EINVAL, "from 1");
    assert_error(nastl_cell_generate(&params), NASTL_EINVAL, "--out");
    params.out = (char *)scratch(state, "rows.csv");
    params.rows = -1;
    assert_error(nastl_cell_generate(&params), NASTL_EINVAL, "--rows");
    assert_null(table);
}

static void every_domain_is_an_option(void **state)
{
    (void)state;
    struct nastl_generate_params params;
    assert_ok(nastl_opt_defaults(nastl_generate_opts, &params));
    assert_int_equal(params.rows, 6000);
    assert_string_equal(params.domain, "macro");
    for (const char *const *d = domains; *d; d++)
        assert_ok(
            nastl_opt_set(nastl_opt_find(nastl_generate_opts, "domain"), &params, *d));
    nastl_opt_clear(nastl_generate_opts, &params);
}

static int generate_some(void *payload)
{
    struct nastl_table *table;
    const int status = nastl_cell_table(&table, payload, 90, 1);
    if (status == NASTL_OK)
        nastl_table_destroy(table);
    return status;
}

static void generating_survives_lack_of_memory(void **state)
{
    (void)state;
    check_out_of_memory(generate_some, "macro");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_arguments_give_the_same_rows),
        cmocka_unit_test(fewer_rows_are_the_first_rows),
        cmocka_unit_test(seeds_and_domains_differ),
        cmocka_unit_test(numbers_are_in_their_units),
        cmocka_unit_test(missing_values_are_counted),
        cmocka_unit_test(a_user_has_a_run_of_reports),
        cmocka_unit_test(classes_are_those_of_the_throughput),
        cmocka_unit_test(some_reports_precede_a_handover),
        cmocka_unit_test(the_descriptor_keeps_labels_out_of_the_features),
        cmocka_unit_test(what_is_written_is_the_table),
        cmocka_unit_test(a_file_is_kept_unless_forced),
        cmocka_unit_test(what_cannot_be_generated_is_refused),
        cmocka_unit_test(every_domain_is_an_option),
        cmocka_unit_test(generating_survives_lack_of_memory),
    };
    domains = nastl_cell_domains();
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
