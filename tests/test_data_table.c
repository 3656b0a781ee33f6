/* test_data_table.c: tables from CSV, HDF5 and descriptors, and written again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data_toy.h"

#include "data/table_read.h"
#include "io/csv.h"
#include "io/file.h"
#include "io/h5.h"

static struct nastl_table *load(const char *path)
{
    struct nastl_table *table = NULL;
    assert_ok(nastl_table_load(&table, path, NULL));
    return table;
}

static struct nastl_table *load_text(void **state, const char *text)
{
    return load(toy_write(state, "table.csv", text));
}

/* A cell as text: "" where missing. */
static const char *cell(const struct nastl_table *table, const char *name, size_t row)
{
    static char text[32];
    const int at = nastl_table_find(table, name);
    assert_true(at >= 0);
    const struct nastl_column *column = &table->columns[at];
    assert_true(row < table->rows);
    if (column->kind == NASTL_CATEGORICAL)
        return column->code[row] < 0 ? "" : column->levels[column->code[row]];
    text[0] = '\0';
    if (!isnan(column->number[row]))
        nastl_number_text(text, column->number[row]);
    return text;
}

static enum nastl_kind kind(const struct nastl_table *table, const char *name)
{
    return table->columns[nastl_table_find(table, name)].kind;
}

/* Same names, kinds and values; levels may be numbered otherwise. */
static void check_equal(const struct nastl_table *a, const struct nastl_table *b)
{
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct nastl_column *x = &a->columns[i], *y = &b->columns[i];
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->kind, y->kind);
        assert_int_equal(x->missing, y->missing);
        for (size_t row = 0; row < a->rows; row++) {
            if (x->kind == NASTL_CATEGORICAL) {
                assert_int_equal(x->code[row] < 0, y->code[row] < 0);
                if (x->code[row] >= 0)
                    assert_string_equal(x->levels[x->code[row]], y->levels[y->code[row]]);
            } else {
                assert_true(x->number[row] == y->number[row] ||
                            (isnan(x->number[row]) && isnan(y->number[row])));
            }
        }
    }
}

/* ---- kinds ------------------------------------------------------------------------- */

static void kinds_follow_from_the_values(void **state)
{
    struct nastl_table *t = load_text(state, "number,text,mixed,empty,late\n"
                                             "1,x,01,,\n"
                                             "-2.5e3,y,2.50,NA,\n"
                                             ",x,three,?,red\n"
                                             "nan,,4,NaN,red\n");
    assert_int_equal(t->rows, 4);
    assert_int_equal(kind(t, "number"), NASTL_NUMERIC);
    assert_int_equal(kind(t, "text"), NASTL_CATEGORICAL);
    assert_int_equal(kind(t, "mixed"), NASTL_CATEGORICAL);
    assert_int_equal(kind(t, "empty"), NASTL_NUMERIC);
    assert_int_equal(kind(t, "late"), NASTL_CATEGORICAL);
    assert_string_equal(cell(t, "number", 1), "-2500");
    assert_string_equal(cell(t, "mixed", 0), "01");
    assert_string_equal(cell(t, "mixed", 1), "2.50");
    assert_string_equal(cell(t, "late", 0), "");
    assert_string_equal(cell(t, "late", 2), "red");
    static const size_t missing[] = {2, 1, 0, 4, 2};
    for (size_t i = 0; i < t->count; i++)
        assert_int_equal(t->columns[i].missing, missing[i]);
    nastl_table_destroy(t);
}

static void numbers_are_read_as_people_write_them(void **state)
{
    struct nastl_table *t = load_text(state, "x\n 12 \n+3\nInfinity\n-inf\nINF\n\t7\n");
    static const double values[] = {12, 3, INFINITY, -INFINITY, INFINITY, 7};
    assert_int_equal(kind(t, "x"), NASTL_NUMERIC);
    assert_int_equal(t->rows, 6);
    for (size_t i = 0; i < t->rows; i++)
        assert_true(t->columns[0].number[i] == values[i]);
    nastl_table_destroy(t);
    static const char *const texts[] = {"0x10", "1,5",     "1e", "--1",
                                        "in",   "infinit", "1 2"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double value;
        assert_false(nastl_table_parse(&value, texts[i], strlen(texts[i])));
    }
}

/* Numbers first and a text far behind: the numbers' spelling is kept. */
static void late_texts_keep_earlier_spellings(void **state)
{
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    nastl_strbuf_add(&buf, "a,b\n");
    for (int i = 0; i < 3000; i++)
        nastl_strbuf_addf(&buf, "%04d,%d\n", i % 50, i);
    nastl_strbuf_add(&buf, "end,3000\n");
    struct nastl_table *t = load_text(state, nastl_strbuf_text(&buf));
    assert_int_equal(t->rows, 3001);
    assert_int_equal(t->columns[0].level_count, 51);
    assert_string_equal(cell(t, "a", 1007), "0007");
    assert_string_equal(cell(t, "a", 3000), "end");
    assert_string_equal(cell(t, "b", 2999), "2999");
    nastl_table_destroy(t);
    nastl_strbuf_finish(&buf);
}

/* ---- descriptors ------------------------------------------------------------------- */

static void a_descriptor_overrides_kinds_and_missing(void **state)
{
    toy_write(state, "d.csv", "code,level,note\n007,-999,NA\n012,3,x\n,4,\n");
    struct nastl_table *t =
        load(toy_write(state, "d.yaml",
                       "schema: nas-tl/dataset/v1\nname: toy\nfiles: d.csv\n"
                       "label: {column: level, scale: 0.5, transform: log1p}\n"
                       "task: regression\ncategorical: [code]\nnumeric: [level]\n"
                       "missing: [\"\", \"-999\"]\ngroup_column: note\n"));
    assert_string_equal(cell(t, "code", 0), "007");
    assert_string_equal(cell(t, "level", 0), "");
    assert_string_equal(cell(t, "note", 0), "NA");
    assert_string_equal(cell(t, "note", 2), "");
    const struct nastl_descriptor *d = &t->descriptor;
    assert_string_equal(d->name, "toy");
    assert_string_equal(d->label, "level");
    assert_string_equal(d->label_transform, "log1p");
    assert_true(d->label_scale == 0.5);
    assert_int_equal(d->task, NASTL_TASK_REGRESSION);
    assert_string_equal(d->group_column, "note");
    assert_null(d->domain_column);
    nastl_table_destroy(t);
}

static void files_are_found_beside_then_in_folders(void **state)
{
    const char *folder = scratch(state, "rows"), *other = scratch(state, "env");
    struct nastl_table *t;
    assert_ok(nastl_file_make_folder(folder));
    assert_ok(nastl_file_make_folder(other));
    const char *yaml =
        toy_write(state, "where.yaml", "schema: nas-tl/dataset/v1\nfiles: [where.csv]\n");
    unsetenv("NASTL_DATA_DIR");
    assert_error(nastl_table_load(&t, yaml, folder), NASTL_EFORMAT, "--data-dir");
    toy_write(state, "env/where.csv", "a\n3\n");
    setenv("NASTL_DATA_DIR", other, 1);
    static const struct {
        const char *file, *expected;
    } steps[] = {{NULL, "3"}, {"rows/where.csv", "2"}, {"where.csv", "1"}};
    for (size_t i = 0; i < 3; i++) {
        char text[8];
        snprintf(text, sizeof text, "a\n%s\n", steps[i].expected);
        if (steps[i].file)
            toy_write(state, steps[i].file, text);
        assert_ok(nastl_table_load(&t, yaml, folder));
        assert_string_equal(cell(t, "a", 0), steps[i].expected);
        nastl_table_destroy(t);
    }
    unsetenv("NASTL_DATA_DIR");
}

static void several_files_are_one_table(void **state)
{
    toy_write(state, "one.csv", "a,b\n1,x\n2,y\n");
    toy_write(state, "two.csv", "b,a\ny,3\nz,four\n");
    struct nastl_table *t = load(toy_write(
        state, "both.yaml", "schema: nas-tl/dataset/v1\nfiles: [one.csv, two.csv]\n"));
    assert_int_equal(t->rows, 4);
    assert_int_equal(t->files.count, 2);
    assert_string_equal(cell(t, "a", 0), "1");
    assert_string_equal(cell(t, "a", 3), "four");
    assert_string_equal(cell(t, "b", 2), "y");
    assert_int_equal(t->columns[nastl_table_find(t, "b")].level_count, 3);
    nastl_table_destroy(t);
}

/* ---- round trips ------------------------------------------------------------------- */

static const char *const awkward_names[] = {"plain",    "a/b",  "a_b", ".",   "..",
                                            "with, it", "q\"q", "é",   " sp", "x\ny"};
enum { AWKWARD = sizeof awkward_names / sizeof *awkward_names };

static struct nastl_table *awkward_table(void **state, uint64_t seed)
{
    static const char *const texts[] = {"a",       "b,c", "\"", "line\nbreak",
                                        " blank ", "ü",   "7x"};
    struct nastl_rng rng;
    struct nastl_strbuf buf;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    nastl_strbuf_init(&buf);
    const size_t rows = 1 + nastl_rng_below(&rng, 40);
    for (size_t i = 0; i < AWKWARD; i++)
        nastl_strbuf_addf(&buf, "%s\"%s\"", i ? "," : "",
                          strcmp(awkward_names[i], "q\"q") ? awkward_names[i] : "q\"\"q");
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < AWKWARD; i++) {
            nastl_strbuf_add(&buf, i ? "," : "\n");
            if (nastl_rng_below(&rng, 4) == 0)
                continue;
            const char *text = texts[nastl_rng_below(&rng, 7)];
            if (i % 2)
                nastl_strbuf_add_number(&buf, nastl_rng_normal(&rng) * 1e5);
            else
                nastl_csv_put(&buf, text, 1);
        }
    nastl_strbuf_add(&buf, "\n");
    const char *path = scratch(state, "awkward.csv");
    scratch_write(path, buf.text, buf.length);
    nastl_strbuf_finish(&buf);
    return load(path);
}

static void tables_survive_every_format(void **state)
{
    static const char *const endings[] = {"t.csv", "t.csv.gz", "t.h5"};
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct nastl_table *t = awkward_table(state, seed);
        for (size_t i = 0; i < 3; i++) {
            const char *path = scratch(state, endings[i]);
            assert_ok(nastl_table_save(t, path, true));
            struct nastl_table *back = load(path);
            check_equal(t, back);
            nastl_table_destroy(back);
        }
        nastl_table_destroy(t);
    }
}

static void one_column_of_missing_values_keeps_its_rows(void **state)
{
    struct nastl_table *t = load_text(state, "a\n1\n\"\"\n\"\"\n2\n");
    assert_int_equal(t->rows, 4);
    const char *path = scratch(state, "one.csv");
    assert_ok(nastl_table_save(t, path, true));
    struct nastl_table *back = load(path);
    check_equal(t, back);
    nastl_table_destroy(back);
    nastl_table_destroy(t);
}

static void nothing_is_overwritten_unasked(void **state)
{
    struct nastl_table *t = load_text(state, "a\n1\n");
    const char *path = toy_write(state, "there.csv", "old");
    assert_error(nastl_table_save(t, path, false), NASTL_EEXIST, "--force");
    assert_error(nastl_table_save(t, scratch(state, "t.parquet"), true), NASTL_EINVAL,
                 "give .csv, .csv.gz or .h5");
    char *text;
    size_t length;
    assert_ok(nastl_file_read(&text, &length, path, 100));
    assert_string_equal(text, "old");
    free(text);
    assert_ok(nastl_table_save(t, path, true));
    assert_error(nastl_data_convert(path, path, NULL, false), NASTL_EEXIST, "--force");
    assert_ok(nastl_data_convert(path, scratch(state, "new.h5"), NULL, false));
    nastl_table_destroy(t);
}

/* ---- HDF5 of others ---------------------------------------------------------------- */

static void columns_of_foreign_files_are_found(void **state)
{
    static char red[] = "red", none[] = "", na[] = "NA";
    char *texts[] = {red, none, na};
    const double x[] = {1, NAN, 3};
    const int64_t y[] = {0, 1, 1};
    const size_t three = 3, shape[] = {3, 1};
    struct nastl_h5 *file;
    const char *path = scratch(state, "foreign.h5");
    assert_ok(nastl_h5_create(&file, path));
    assert_ok(nastl_h5_put_doubles(file, "/x", x, 1, &three));
    assert_ok(nastl_h5_put_ints(file, "/y", y, 1, &three));
    assert_ok(nastl_h5_put_strings(file, "/colour", texts, 3));
    assert_ok(nastl_h5_put_doubles(file, "/matrix", x, 2, shape));
    assert_ok(nastl_h5_put_doubles(file, "/group/z", x, 1, &three));
    assert_ok(nastl_h5_commit(file));
    nastl_h5_close(file);
    struct nastl_table *t = load(path);
    assert_int_equal(t->count, 3);
    assert_int_equal(t->rows, 3);
    assert_string_equal(cell(t, "x", 1), "");
    assert_string_equal(cell(t, "y", 2), "1");
    assert_string_equal(cell(t, "colour", 0), "red");
    assert_int_equal(t->columns[nastl_table_find(t, "colour")].missing, 2);
    nastl_table_destroy(t);
}

static void a_matrix_gives_columns(void **state)
{
    static char speed[] = "speed", load_name[] = "load";
    char *names[] = {speed, load_name};
    const float x[] = {1, 2, 3, 4, 5, 6};
    const double label[] = {0, 1, 0};
    const size_t shape[] = {3, 2}, three = 3;
    for (int named = 0; named < 2; named++) {
        struct nastl_h5 *file;
        const char *path = scratch(state, "x.h5");
        assert_ok(nastl_h5_create(&file, path));
        assert_ok(nastl_h5_put_floats(file, "/X", x, 2, shape));
        assert_ok(nastl_h5_put_doubles(file, "/label", label, 1, &three));
        if (named)
            assert_ok(nastl_h5_put_strings(file, "/columns", names, 2));
        assert_ok(nastl_h5_commit(file));
        nastl_h5_close(file);
        struct nastl_table *t = load(path);
        assert_int_equal(t->count, 3);
        assert_string_equal(cell(t, named ? "load" : "x1", 2), "6");
        assert_string_equal(cell(t, "label", 1), "1");
        nastl_table_destroy(t);
    }
}

static void columns_of_one_file_are_equally_long(void **state)
{
    const double x[] = {1, 2, 3};
    const size_t three = 3, two = 2;
    struct nastl_table *t;
    struct nastl_h5 *file;
    const char *path = scratch(state, "uneven.h5");
    assert_ok(nastl_h5_create(&file, path));
    assert_ok(nastl_h5_put_doubles(file, "/a", x, 1, &three));
    assert_ok(nastl_h5_put_doubles(file, "/b", x, 1, &two));
    assert_ok(nastl_h5_commit(file));
    nastl_h5_close(file);
    assert_error(nastl_table_load(&t, path, NULL), NASTL_EFORMAT, "need the same length");
    path = scratch(state, "nothing.h5");
    assert_ok(nastl_h5_create(&file, path));
    assert_ok(nastl_h5_group(file, "/a"));
    assert_ok(nastl_h5_commit(file));
    nastl_h5_close(file);
    assert_error(nastl_table_load(&t, path, NULL), NASTL_EFORMAT, "no one-dimensional");
}

/* ---- codes ------------------------------------------------------------------------- */

static void numbers_are_coded_in_their_order(void **state)
{
    struct nastl_table *t = load_text(state, "x\n10\n-1\n\"\"\n2.5\n10\n");
    static const int32_t expected[] = {2, 0, -1, 1, 2};
    struct nastl_codes codes;
    assert_ok(nastl_codes_init(&codes, &t->columns[0], t->rows));
    assert_int_equal(codes.count, 3);
    for (size_t i = 0; i < t->rows; i++)
        assert_int_equal(codes.code[i], expected[i]);
    assert_string_equal(codes.levels[0], "-1");
    assert_string_equal(codes.levels[1], "2.5");
    assert_string_equal(codes.levels[2], "10");
    nastl_codes_finish(&codes);
    nastl_table_destroy(t);
}

static void texts_are_ranked_by_bytes(void **state)
{
    static const char *const texts[] = {"2024-05", NULL, "2023-12", "2024-05", "2024-01"};
    static const double expected[] = {2, NAN, 0, 2, 1};
    double rank[5];
    (void)state;
    assert_ok(nastl_rank_texts(rank, texts, 5));
    for (size_t i = 0; i < 5; i++)
        assert_true(rank[i] == expected[i] || (isnan(rank[i]) && isnan(expected[i])));
}

/* ---- memory ------------------------------------------------------------------------ */

static int attempt_load(void *path)
{
    struct nastl_table *table;
    const int status = nastl_table_load(&table, path, NULL);
    if (status == NASTL_OK)
        nastl_table_destroy(table);
    return status;
}

static void memory_may_run_out_while_loading(void **state)
{
    toy_write(state, "m.csv", "a,b,c\n1,x,2\n2,y,z\n,,\n");
    char *yaml = (char *)(uintptr_t)toy_write(
        state, "m.yaml",
        "schema: nas-tl/dataset/v1\nfiles: [m.csv]\ncategorical: [a]\n"
        "drop: [b]\nmissing: [z]\n");
    check_out_of_memory(attempt_load, yaml);
    struct nastl_table *t = load(yaml);
    const char *h5 = scratch(state, "m.h5");
    assert_ok(nastl_table_save(t, h5, true));
    check_out_of_memory(attempt_load, (char *)(uintptr_t)h5);
    nastl_table_destroy(t);
}

struct saving {
    const struct nastl_table *table;
    const char *path;
};

static int attempt_save(void *payload)
{
    const struct saving *saving = payload;
    return nastl_table_save(saving->table, saving->path, true);
}

static void memory_may_run_out_while_saving(void **state)
{
    struct nastl_table *t = awkward_table(state, 3);
    struct saving saving = {t, NULL};
    static const char *const names[] = {"s.csv", "s.csv.gz", "s.h5"};
    for (size_t i = 0; i < 3; i++) {
        saving.path = toy_write(state, names[i], "old");
        check_out_of_memory(attempt_save, &saving);
    }
    nastl_table_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_follow_from_the_values),
        cmocka_unit_test(numbers_are_read_as_people_write_them),
        cmocka_unit_test(late_texts_keep_earlier_spellings),
        cmocka_unit_test(a_descriptor_overrides_kinds_and_missing),
        cmocka_unit_test(files_are_found_beside_then_in_folders),
        cmocka_unit_test(several_files_are_one_table),
        cmocka_unit_test(tables_survive_every_format),
        cmocka_unit_test(one_column_of_missing_values_keeps_its_rows),
        cmocka_unit_test(nothing_is_overwritten_unasked),
        cmocka_unit_test(columns_of_foreign_files_are_found),
        cmocka_unit_test(a_matrix_gives_columns),
        cmocka_unit_test(columns_of_one_file_are_equally_long),
        cmocka_unit_test(numbers_are_coded_in_their_order),
        cmocka_unit_test(texts_are_ranked_by_bytes),
        cmocka_unit_test(memory_may_run_out_while_loading),
        cmocka_unit_test(memory_may_run_out_while_saving),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
