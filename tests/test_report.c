/* test_report.c: every format of a study's report.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "io/file.h"
#include "study_toy.h"

#include <nastl/report.h>

static void make(const char *folder, const char *objectives, size_t trials)
{
    struct toy toy;
    assert_ok(toy_create(&toy, folder, objectives, 6));
    for (size_t i = 0; i < trials; i++)
        assert_ok(toy_run(&toy, i));
    assert_ok(toy_publish(&toy));
    toy_finish(&toy);
}

static char *render(const char *folder, const char *format)
{
    char *text = NULL;
    assert_ok(nastl_report_render(&text, folder, format));
    return text;
}

static size_t occurrences(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

static void assert_is_file(const char *folder, const char *format, const char *name)
{
    char path[700], *expected, *text = render(folder, format);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(nastl_file_read(&expected, NULL, path, 1 << 24));
    assert_string_equal(text, expected);
    free(expected);
    free(text);
}

static void json_and_csv_are_the_published_files(void **state)
{
    const char *folder = scratch(state, "files");
    make(folder, "macro_f1,latency", 30);
    assert_is_file(folder, "json", "pareto.json");
    assert_is_file(folder, "csv", "pareto.csv");
}

static void every_format_renders_every_study(void **state)
{
    static const size_t trials[] = {0, 1, 40};
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
        char name[16];
        snprintf(name, sizeof name, "every%zu", i);
        const char *folder = scratch(state, name);
        make(folder, "macro_f1,latency,flops", trials[i]);
        for (const char *const *format = nastl_report_formats(); *format; format++) {
            char *text = render(folder, *format);
            assert_true(strlen(text) > 0);
            free(text);
        }
    }
}

static json_t *document_of(const char *folder)
{
    json_t *doc = NULL;
    char *text = render(folder, "json");
    assert_ok(nastl_json_parse(&doc, text, "pareto.json"));
    free(text);
    return doc;
}

static void markdown_shows_the_ranking_of_sources(void **state)
{
    const char *folder = scratch(state, "sources"),
               *wanted[] = {"## The sources", "a.csv", "1.500", "-0.250", "b.csv"};
    make(folder, "macro_f1,latency", 4);
    json_t *doc = document_of(folder);
    char path[700], *text = render(folder, "markdown");
    assert_null(strstr(text, "## The sources"));
    free(text);
    json_t *data =
        json_object_get(doc, "data") ? json_object_get(doc, "data") : json_object();
    assert_ok(nastl_json_set(
        data, "sources",
        json_pack("[{s:s, s:i, s:f, s:f, s:b}, {s:s, s:i, s:n, s:n, s:b}]", "name",
                  "a.csv", "rows", 7, "h_score", 1.5, "logme", -0.25, "used", 1, "name",
                  "b.csv", "rows", 8, "h_score", "logme", "used", 0)));
    snprintf(path, sizeof path, "%s/pareto.json", folder);
    if (!json_object_get(doc, "data"))
        assert_ok(nastl_json_set(doc, "data", data));
    assert_ok(nastl_json_save(doc, path));
    text = render(folder, "markdown");
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_non_null(strstr(text, wanted[i]));
    free(text);
    json_decref(doc);
}

static void markdown_tells_of_every_member(void **state)
{
    const char *folder = scratch(state, "members");
    make(folder, "macro_f1,latency,flops", 60);
    json_t *doc = document_of(folder), *member;
    char *text = render(folder, "markdown");
    size_t i;
    const json_t *front = json_object_get(doc, "front");
    assert_true(json_array_size(front) > 3);
    json_array_foreach (front, i, member) {
        char heading[64];
        snprintf(heading, sizeof heading, "\n### Trial %lld",
                 (long long)json_integer_value(json_object_get(member, "trial")));
        assert_non_null(strstr(text, heading));
    }
    assert_int_equal(occurrences(text, "\n### Trial"), json_array_size(front));
    assert_int_equal(occurrences(text, "| training.learning_rate |"),
                     json_array_size(front));
    assert_int_equal(occurrences(text, ", delivered"), 1);
    assert_non_null(strstr(text, "target.csv"));
    assert_non_null(strstr(text, "logarithmic\n```\n"));
    assert_non_null(strstr(text, "nas-tl search --config"));
    assert_non_null(strstr(text, "no counter can be read"));
    free(text);
    json_decref(doc);
}

/* Every row of a table has as many cells as its header. */
static void markdown_tables_are_whole(void **state)
{
    const char *folder = scratch(state, "tables");
    make(folder, "macro_f1,latency,flops,energy", 40);
    char *text = render(folder, "markdown"), *rest = text;
    size_t cells = 0;
    for (char *line; (line = strsep(&rest, "\n"));) {
        const size_t bars = occurrences(line, "|") - occurrences(line, "\\|");
        if (*line != '|') {
            cells = 0;
            continue;
        }
        if (cells)
            assert_int_equal(bars, cells);
        cells = bars;
    }
    free(text);
}

static void an_empty_front_is_said_to_be_empty(void **state)
{
    const char *folder = scratch(state, "empty");
    make(folder, "macro_f1,latency", 0);
    char *text = render(folder, "markdown");
    assert_non_null(strstr(text, "no trial is complete"));
    assert_null(strstr(text, "### Trial"));
    assert_null(strstr(text, "```\n\n```"));
    free(text);
}

static void what_is_wrong_is_told(void **state)
{
    char *text;
    const char *folder = scratch(state, "wrong");
    struct toy toy;
    assert_ok(toy_create(&toy, folder, "macro_f1,latency", 6));
    toy_finish(&toy);
    assert_error(nastl_report_render(&text, folder, "html"), NASTL_EINVAL,
                 "json, csv, markdown");
    assert_error(nastl_report_render(&text, folder, "jsn"), NASTL_EINVAL,
                 "did you mean json");
    assert_error(nastl_report_render(&text, folder, "json"), NASTL_ENOENT,
                 "no pareto.json yet");
    assert_error(nastl_report_render(&text, scratch(state, "none"), "json"), NASTL_ENOENT,
                 "no study is in it");
    char path[700];
    snprintf(path, sizeof path, "%s/pareto.json", folder);
    scratch_write(path, "{\"a\": ", 6);
    assert_error(nastl_report_render(&text, folder, "markdown"), NASTL_EFORMAT,
                 "pareto.json");
}

/* A pareto.json of another's making: missing or odd parts are no reason to fall over. */
static void odd_documents_are_rendered(void **state)
{
    static const char *const odd[] = {
        "{}",
        "[]",
        "17",
        "{\"front\": 3, \"objectives\": {}, \"deliver\": [], \"knee\": \"x\"}",
        "{\"front\": [{}, 1, null], \"objectives\": [{}, 2]}",
        "{\"front\": [{\"values\": {\"accuracy\": \"x\"}, \"test\": [1], \"cost\": 2, "
        "\"candidate\": null, \"indistinguishable\": {}}, {\"values\": null}], "
        "\"objectives\": [{\"name\": \"accuracy\"}, {\"name\": \"latency\"}]}",
        "{\"front\": [{\"values\": {\"accuracy\": 1, \"latency\": -1}}, {\"values\": "
        "{\"accuracy\": 1, \"latency\": 0}}], \"objectives\": [{\"name\": \"accuracy\"}, "
        "{\"name\": \"latency\"}]}",
    };
    const char *folder = scratch(state, "odd");
    struct toy toy;
    char path[700];
    assert_ok(toy_create(&toy, folder, "macro_f1,latency", 6));
    toy_finish(&toy);
    snprintf(path, sizeof path, "%s/pareto.json", folder);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        scratch_write(path, odd[i], strlen(odd[i]));
        free(render(folder, "markdown"));
    }
}

static int try_render(void *payload)
{
    char *text;
    TRY(nastl_report_render(&text, payload, "markdown"));
    free(text);
    return NASTL_OK;
}

static void memory_may_run_out(void **state)
{
    const char *folder = scratch(state, "memory");
    make(folder, "macro_f1,latency", 10);
    check_out_of_memory(try_render, (void *)folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_and_csv_are_the_published_files),
        cmocka_unit_test(every_format_renders_every_study),
        cmocka_unit_test(markdown_shows_the_ranking_of_sources),
        cmocka_unit_test(markdown_tells_of_every_member),
        cmocka_unit_test(markdown_tables_are_whole),
        cmocka_unit_test(an_empty_front_is_said_to_be_empty),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(odd_documents_are_rendered),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
