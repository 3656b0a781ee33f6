/* test_io_csv.c: the CSV scanner against tables that are known, its errors, and writing.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/rng.h"
#include "base/strbuf.h"
#include "io/csv.h"
#include "io/file.h"

#include <dirent.h>
#include <math.h>

/* What a reading saw, as one text: "header|a|b\n1|2\n", with the lines where asked for.
 */
struct seen {
    struct nastl_strbuf text;
    size_t columns;
    bool with_lines;
    int stop; /* a status to return from the field callback, at row 1 */
};

static int see_header(size_t columns, const char *const *names, void *payload)
{
    struct seen *seen = payload;
    seen->columns = columns;
    for (size_t i = 0; i < columns; i++)
        nastl_strbuf_addf(&seen->text, "%s%s", i ? "|" : "", names[i]);
    nastl_strbuf_add(&seen->text, "\n");
    return NASTL_OK;
}

static int see_field(size_t row, size_t column, const char *text, size_t length,
                     int64_t line, void *payload)
{
    struct seen *seen = payload;
    assert_int_equal(strlen(text), length);
    assert_true(column < seen->columns);
    if (seen->stop && row == 1)
        return seen->stop;
    nastl_strbuf_add(&seen->text, column ? "|" : "");
    nastl_strbuf_add_bytes(&seen->text, text, length);
    if (seen->with_lines)
        nastl_strbuf_addf(&seen->text, "@%d", (int)line);
    nastl_strbuf_add(&seen->text, column + 1 == seen->columns ? "\n" : "");
    return NASTL_OK;
}

static int read_path(struct seen *seen, const char *path, size_t *rows)
{
    const struct nastl_csv_events events = {see_header, see_field, seen};
    return nastl_csv_read(path, &events, rows);
}

static void check_seen(void **state, const char *bytes, size_t length,
                       const char *expected, bool with_lines)
{
    struct seen seen = {.with_lines = with_lines};
    size_t rows;
    const char *path = scratch(state, "seen.csv");
    scratch_write(path, bytes, length);
    assert_ok(read_path(&seen, path, &rows));
    assert_string_equal(nastl_strbuf_text(&seen.text), expected);
    nastl_strbuf_finish(&seen.text);
}

/* ---- what is read ------------------------------------------------------------------ */

static void shapes_of_csv_are_read(void **state)
{
    static const char *const cases[][2] = {
        {"a,b\n1,2\n", "a|b\n1|2\n"},
        {"a,b\n1,2", "a|b\n1|2\n"},
        {"a,b\r\n1,2\r\n", "a|b\n1|2\n"},
        {"a,b\r\n1,2\r", "a|b\n1|2\n"},
        {"\xef\xbb\xbf"
         "a,b\n1,2\n",
         "a|b\n1|2\n"},
        {"a,b\n", "a|b\n"},
        {"a,b", "a|b\n"},
        {"a\n1\n\n2\n\n\n", "a\n1\n2\n"},
        {"\n\r\na,b\n\n1,2\n\r\n3,4\n", "a|b\n1|2\n3|4\n"},
        {"a,b\n,\n", "a|b\n|\n"},
        {"a,b\n1,", "a|b\n1|\n"},
        {"a\n\"\"\n", "a\n\n"},
        {"\"a\",\"b, c\"\n\"1\"\"2\",\"\"\"\"\n", "a|b, c\n1\"2|\"\n"},
        {"a,b\n\"1\",\"2\"", "a|b\n1|2\n"},
        {"a,b\r\n\"1\",\"2\"\r\n", "a|b\n1|2\n"},
        {"a,b\n\"1\n2\",3\n", "a|b\n1\n2|3\n"},
        {"a,b\n 1 ,\t2\n", "a|b\n 1 |\t2\n"},
        {"a,b\n1\"2,x\"\n", "a|b\n1\"2|x\"\n"},
        {"a,b\n1\r2,3\n", "a|b\n1\r2|3\n"},
        {"0,1\n2,3\n", "0|1\n2|3\n"},
        {"é,日本\nü,\U0001f4f6\n", "é|日本\nü|\U0001f4f6\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_seen(state, cases[i][0], strlen(cases[i][0]), cases[i][1], false);
}

static void fields_know_their_lines(void **state)
{
    static const char text[] = "\na,b\n1,\"2\n\n3\"\r\n\n\"4\n\",5\n6,7";
    check_seen(state, text, strlen(text), "a|b\n1@3|2\n\n3@3\n4\n@7|5@8\n6@9|7@9\n",
               true);
}

/* ---- a table that is known --------------------------------------------------------- */

static const char *random_text(char out[64], struct nastl_rng *rng)
{
    static const char *const pieces[] = {"a", "12.5", ",", "\"", "\n", "\r\n",
                                         " ", "é",    "'", "日", ";",  "\t"};
    out[0] = '\0';
    for (uint64_t n = nastl_rng_below(rng, 6); n > 0; n--)
        strcat(out, pieces[nastl_rng_below(rng, 12)]);
    return out;
}

/* Writes a table of random texts, and how a reading of it must look. */
static void make_table(struct nastl_strbuf *csv, struct nastl_strbuf *expected,
                       struct nastl_rng *rng)
{
    const size_t columns = 1 + nastl_rng_below(rng, 6), rows = nastl_rng_below(rng, 30);
    for (size_t row = 0; row <= rows; row++) {
        for (size_t column = 0; column < columns; column++) {
            char text[64];
            random_text(text, rng);
            if (row == 0)
                snprintf(text, sizeof text, "name %zu", column);
            nastl_csv_put(csv, text, column == 0);
            nastl_strbuf_addf(expected, "%s%s", column ? "|" : "", text);
        }
        nastl_strbuf_add(csv, nastl_rng_below(rng, 2) ? "\n" : "\r\n");
        nastl_strbuf_add(expected, "\n");
    }
}

static void what_is_written_is_read(void **state)
{
    const uint64_t seed = 17;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    for (int i = 0; i < 60; i++) {
        struct nastl_strbuf csv, expected;
        struct seen seen = {0};
        struct nastl_csv_writer *writer;
        const char *path = scratch(state, i % 2 ? "table.csv" : "table.csv.gz");
        nastl_strbuf_init(&csv);
        nastl_strbuf_init(&expected);
        make_table(&csv, &expected, &rng);
        assert_ok(nastl_csv_create(&writer, path));
        assert_ok(nastl_csv_write(writer, csv.text, csv.length / 2));
        assert_ok(nastl_csv_write(writer, csv.text + csv.length / 2,
                                  csv.length - csv.length / 2));
        assert_ok(nastl_csv_close(writer));
        assert_ok(read_path(&seen, path, NULL));
        assert_string_equal(nastl_strbuf_text(&seen.text), expected.text);
        nastl_strbuf_finish(&seen.text);
        nastl_strbuf_finish(&expected);
        nastl_strbuf_finish(&csv);
    }
}

/* Rows around the window's 256 KiB, with a field that its end cuts at every place. */
static void fields_across_the_window_are_whole(void **state)
{
    const char *path = scratch(state, "window.csv");
    static const char tail[] = "x,\"a\"\"é\nb\"\r\n12.5,z\n";
    static char text[(256 << 10) + 200];
    for (size_t fill = (256 << 10) - 40; fill <= 256 << 10; fill++) {
        size_t length = (size_t)sprintf(text, "a,b\n\"");
        memset(text + length, 'y', fill - length);
        length = fill;
        length += (size_t)sprintf(text + length, "\",1\n%s", tail);
        scratch_write(path, text, length);
        struct seen seen = {0};
        size_t rows;
        assert_ok(read_path(&seen, path, &rows));
        assert_int_equal(rows, 3);
        const char *got = nastl_strbuf_text(&seen.text);
        assert_int_equal(strlen(got), fill + strlen("|1\nx|a\"é\nb\n12.5|z\n") - 1);
        assert_string_equal(got + fill - 1, "|1\nx|a\"é\nb\n12.5|z\n");
        nastl_strbuf_finish(&seen.text);
    }
}

static void a_field_may_be_larger_than_the_window(void **state)
{
    const size_t length = 3000000;
    const char *path = scratch(state, "large.csv");
    char *text = malloc(length + 20);
    for (int quoted = 0; quoted < 2; quoted++) {
        memset(text, 'y', length);
        memcpy(text, quoted ? "a\n\"" : "a\ny", 3);
        memcpy(text + length, quoted ? "\"\nz" : "y\nz", 3);
        scratch_write(path, text, length + 3);
        struct seen seen = {0};
        size_t rows;
        assert_ok(read_path(&seen, path, &rows));
        assert_int_equal(rows, 2);
        assert_int_equal(seen.text.length, quoted ? length + 2 : length + 4);
        nastl_strbuf_finish(&seen.text);
    }
    free(text);
}

/* ---- errors ------------------------------------------------------------------------ */

static void check_refused(void **state, const char *bytes, size_t length,
                          const char *part)
{
    struct seen seen = {0};
    size_t rows = 77;
    const char *path = scratch(state, "bad.csv");
    scratch_write(path, bytes, length);
    assert_error(read_path(&seen, path, &rows), NASTL_EFORMAT, part);
    assert_non_null(strstr(nastl_error_last(), path));
    assert_int_equal(rows, 77);
    nastl_strbuf_finish(&seen.text);
}

static void errors_name_the_line(void **state)
{
    static const char *const cases[][2] = {
        {"", "bad.csv:1: is empty"},
        {"\n\r\n\n", "bad.csv:1: is empty"},
        {"\xef\xbb\xbf", "bad.csv:1: is empty"},
        {"a,b\n1,2\n3\n", "bad.csv:3: 1 field where the header has 2"},
        {"a,b\n\n1,2,3,4\n", "bad.csv:3: 4 fields where the header has 2"},
        {"a,b\n\"1\n\n2\",3,4\n", "bad.csv:2: 3 fields"},
        {"a,b\n1,2\n3,\"4\n5,6\n", "bad.csv:3: column 'b': a quote that is never closed"},
        {"a,b\n1,\"", "bad.csv:2: column 'b': a quote that is never closed"},
        {"a,b\n1,\"2\n\"x\n", "bad.csv:3: column 'b': text after a closing quote"},
        {"a,b\n1,\"2\"\r3\n", "bad.csv:2: column 'b': text after a closing quote"},
        {"a,b\n1,\xff\n", "bad.csv:2: column 'b': invalid UTF-8"},
        {"a,b\n1,2\n\"x\n\xc3\",4\n", "bad.csv:3: column 'a': invalid UTF-8"},
        {"a,b\n1,\xe2\x82", "bad.csv:2: column 'b': invalid UTF-8"},
        {"a,\xc0\xaf\n", "bad.csv:1: column 2: invalid UTF-8"},
        {"\xff\xfe"
         "a",
         "bad.csv:1: column 1: invalid UTF-8"},
        {"\na,b,a\n1,2,3\n", "bad.csv:2: column 'a': stands twice (columns 1 and 3)"},
        {"a,,b\n", "bad.csv:1: column 2: has no name"},
        {"1.5,-2,3\n1,2,3\n", "bad.csv:1: numbers where the header should be"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_refused(state, cases[i][0], strlen(cases[i][0]), cases[i][1]);
    check_refused(state, "a,b\n1,x\0y\n", 10, "bad.csv:2: column 'b': a NUL byte");
    check_refused(state, "PK\x03\x04\0\0", 6, "bad.csv:1: column 1: a NUL byte");
}

static void places_that_cannot_be_read_are_named(void **state)
{
    struct seen seen = {0};
    assert_error(read_path(&seen, scratch(state, "none.csv"), NULL), NASTL_ENOENT,
                 "none.csv: ");
    assert_error(read_path(&seen, *state, NULL), NASTL_EFORMAT, "is a folder");
}

static void damaged_gzip_is_told_as_such(void **state)
{
    const char *good = scratch(state, "good.csv.gz"), *bad = scratch(state, "cut.csv.gz");
    struct nastl_rng rng;
    nastl_rng_init(&rng, 23, 0, NASTL_RNG_TEST);
    struct nastl_strbuf csv;
    nastl_strbuf_init(&csv);
    nastl_strbuf_add(&csv, "a,b\n");
    for (int i = 0; i < 20000; i++)
        nastl_strbuf_addf(&csv, "%u,%u\n", nastl_rng_u32(&rng), nastl_rng_u32(&rng));
    struct nastl_csv_writer *writer;
    assert_ok(nastl_csv_create(&writer, good));
    assert_ok(nastl_csv_write(writer, csv.text, csv.length));
    assert_ok(nastl_csv_close(writer));
    nastl_strbuf_finish(&csv);
    char *bytes;
    size_t length;
    assert_ok(nastl_file_read(&bytes, &length, good, 1 << 24));
    for (int i = 0; i < 40; i++) {
        struct seen seen = {0};
        const size_t at = 20 + nastl_rng_below(&rng, length - 20);
        const char kept = bytes[at];
        if (i % 2)
            bytes[at] = (char)(kept ^ 0x55);
        scratch_write(bad, bytes, i % 2 ? length : at);
        assert_error(read_path(&seen, bad, NULL), NASTL_EFORMAT, "gzip data");
        assert_non_null(strstr(nastl_error_last(), "cut.csv.gz:"));
        bytes[at] = kept;
        nastl_strbuf_finish(&seen.text);
    }
    free(bytes);
}

static void damaged_text_is_refused_or_read(void **state)
{
    static const char text[] = "a,b,c\n1,\"2 \"\"x\"\"\",3\r\n\n\"4\n\",é,6\n7,8,9\n";
    const uint64_t seed = 29;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    for (int i = 0; i < 500; i++) {
        char copy[sizeof text];
        struct seen seen = {0};
        const char *path = scratch(state, "any.csv");
        memcpy(copy, text, sizeof text);
        for (uint64_t k = nastl_rng_below(&rng, 3); k > 0; k--)
            copy[nastl_rng_below(&rng, sizeof text - 1)] =
                "\",\n\r\x80\0z"[nastl_rng_below(&rng, 7)];
        scratch_write(path, copy, nastl_rng_below(&rng, sizeof text));
        const int status = read_path(&seen, path, NULL);
        assert_true(status == NASTL_OK || status == NASTL_EFORMAT);
        nastl_strbuf_finish(&seen.text);
    }
}

static void a_callback_can_stop(void **state)
{
    struct seen seen = {.stop = NASTL_EINTERRUPTED};
    const char *path = scratch(state, "stop.csv");
    scratch_write(path, "a\n1\n2\n3\n", 8);
    assert_int_equal(read_path(&seen, path, NULL), NASTL_EINTERRUPTED);
    assert_string_equal(nastl_strbuf_text(&seen.text), "a\n1\n");
    nastl_strbuf_finish(&seen.text);
}

/* ---- writing ----------------------------------------------------------------------- */

static void fields_are_quoted_where_they_must(void **state)
{
    (void)state;
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    nastl_csv_put(&buf, "", 1);
    nastl_csv_put(&buf, "", 0);
    nastl_csv_put(&buf, "plain text", 0);
    nastl_csv_put(&buf, "a,b", 0);
    nastl_csv_put(&buf, "a\"b", 0);
    nastl_csv_put(&buf, "a\nb", 0);
    nastl_csv_put_number(&buf, 0.1, 0);
    nastl_csv_put_number(&buf, NAN, 0);
    nastl_csv_put_number(&buf, -INFINITY, 0);
    assert_string_equal(nastl_strbuf_text(&buf),
                        "\"\",,plain text,\"a,b\",\"a\"\"b\",\"a\nb\",0.1,,-inf");
    nastl_strbuf_clear(&buf);
    nastl_csv_put_number(&buf, 64, 1);
    assert_string_equal(nastl_strbuf_text(&buf), "64");
    nastl_strbuf_finish(&buf);
}

static void an_aborted_writer_leaves_what_was(void **state)
{
    const char *path = scratch(state, "kept.csv");
    char *text;
    for (int gz = 0; gz < 2; gz++) {
        struct nastl_csv_writer *writer;
        path = scratch(state, gz ? "kept.csv.gz" : "kept.csv");
        scratch_write(path, "old", 3);
        assert_ok(nastl_csv_create(&writer, path));
        assert_ok(nastl_csv_write(writer, "new", 3));
        nastl_csv_abort(writer);
        assert_ok(nastl_file_read(&text, NULL, path, 100));
        assert_string_equal(text, "old");
        free(text);
    }
    DIR *dir = opendir(*state);
    for (struct dirent *entry; (entry = readdir(dir));)
        assert_null(strstr(entry->d_name, ".tmp"));
    closedir(dir);
    struct nastl_csv_writer *writer;
    assert_error(nastl_csv_create(&writer, scratch(state, "no/x.csv")), NASTL_ENOENT,
                 "no/x.csv");
}

static void a_full_disk_leaves_what_was(void **state)
{
    for (int gz = 0; gz < 2; gz++) {
        struct nastl_csv_writer *writer;
        const char *path = scratch(state, gz ? "full.csv.gz" : "full.csv");
        char *text;
        unsigned number = 1;
        int status = NASTL_OK;
        scratch_write(path, "old", 3);
        assert_ok(nastl_csv_create(&writer, path));
        limit_files(1000);
        for (int i = 0; i < 100000 && status == NASTL_OK; i++) {
            char line[16];
            number = 1103515245 * number + 12345;
            const int length = snprintf(line, sizeof line, "%u\n", number);
            status = nastl_csv_write(writer, line, (size_t)length);
        }
        const int closed = nastl_csv_close(writer);
        limit_files(0);
        assert_error(status, NASTL_EIO, "cannot write");
        assert_error(closed, NASTL_EIO, path);
        assert_ok(nastl_file_read(&text, NULL, path, 100));
        assert_string_equal(text, "old");
        free(text);
    }
}

static void devices_are_written_in_place(void **state)
{
    (void)state;
    struct nastl_csv_writer *writer;
    assert_ok(nastl_csv_create(&writer, "/dev/null"));
    assert_ok(nastl_csv_write(writer, "a\n1\n", 4));
    assert_ok(nastl_csv_close(writer));
    assert_ok(nastl_csv_create(&writer, "/dev/full"));
    assert_ok(nastl_csv_write(writer, "a\n1\n", 4));
    assert_error(nastl_csv_close(writer), NASTL_EIO, "/dev/full: cannot write: No space");
}

static void the_same_rows_give_the_same_gzip(void **state)
{
    char digest[2][NASTL_SHA256_TEXT];
    for (int i = 0; i < 2; i++) {
        struct nastl_csv_writer *writer;
        const char *path = scratch(state, i ? "x.csv.gz" : "y.csv.gz");
        assert_ok(nastl_csv_create(&writer, path));
        assert_ok(nastl_csv_write(writer, "a,b\n1,2\n", 8));
        assert_ok(nastl_csv_close(writer));
        assert_ok(nastl_file_sha256(digest[i], path));
    }
    assert_string_equal(digest[0], digest[1]);
}

static int write_and_read(void *path)
{
    struct nastl_csv_writer *writer;
    int status = nastl_csv_create(&writer, path);
    if (status < 0)
        return status;
    nastl_csv_write(writer, "a,b\n1,\"2\"\"\"\n", 12);
    status = nastl_csv_close(writer);
    struct seen seen = {0};
    if (status == NASTL_OK)
        status = read_path(&seen, path, NULL);
    nastl_strbuf_finish(&seen.text);
    return status;
}

static void out_of_memory_is_reported(void **state)
{
    check_out_of_memory(write_and_read, (void *)(uintptr_t)scratch(state, "memory.csv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_of_csv_are_read),
        cmocka_unit_test(fields_know_their_lines),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(fields_across_the_window_are_whole),
        cmocka_unit_test(a_field_may_be_larger_than_the_window),
        cmocka_unit_test(errors_name_the_line),
        cmocka_unit_test(places_that_cannot_be_read_are_named),
        cmocka_unit_test(damaged_gzip_is_told_as_such),
        cmocka_unit_test(damaged_text_is_refused_or_read),
        cmocka_unit_test(a_callback_can_stop),
        cmocka_unit_test(fields_are_quoted_where_they_must),
        cmocka_unit_test(an_aborted_writer_leaves_what_was),
        cmocka_unit_test(a_full_disk_leaves_what_was),
        cmocka_unit_test(devices_are_written_in_place),
        cmocka_unit_test(the_same_rows_give_the_same_gzip),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests_name("io_csv", tests, scratch_setup, scratch_teardown);
}
