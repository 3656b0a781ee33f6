/* test_texttable.c: tables for terminals and for Markdown.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/rng.h"
#include "base/texttable.h"

static void fill(struct nastl_texttable *table, const char *align,
                 const char *const *cells)
{
    nastl_texttable_init(table, align);
    for (; *cells; cells++)
        nastl_texttable_add(table, *cells);
}

static void expect_table(const char *align, const char *const *cells, size_t width,
                         const char *expected)
{
    struct nastl_texttable table;
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    fill(&table, align, cells);
    assert_ok(nastl_texttable_write(&buf, &table, width));
    assert_string_equal(nastl_strbuf_text(&buf), expected);
    nastl_strbuf_finish(&buf);
    nastl_texttable_finish(&table);
}

static void expect_markdown(const char *align, const char *const *cells,
                            const char *expected)
{
    struct nastl_texttable table;
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    fill(&table, align, cells);
    assert_ok(nastl_texttable_markdown(&buf, &table));
    assert_string_equal(nastl_strbuf_text(&buf), expected);
    nastl_strbuf_finish(&buf);
    nastl_texttable_finish(&table);
}

static void columns_are_aligned(void **state)
{
    (void)state;
    const char *const cells[] = {"name", "latency\nµs", "note",  "a",    "6.2",
                                 "",     "longer",      "120.5", "none", NULL};
    expect_table("lrl", cells, 0,
                 "name    latency  note\n"
                 "             µs\n"
                 "a           6.2\n"
                 "longer    120.5  none\n");
    expect_markdown("lrl", cells,
                    "| name | latency µs | note |\n"
                    "| --- | --: | --- |\n"
                    "| a | 6.2 |  |\n"
                    "| longer | 120.5 | none |\n");
}

static void long_texts_are_cut_until_it_fits(void **state)
{
    (void)state;
    const char *const cells[] = {"text", "n", "äöüäöüäöüäöüäöü", "1234567", NULL};
    expect_table("lr", cells, 20,
                 "text               n\n"
                 "äöüäöüäöüä…  1234567\n");
    expect_table("lr", cells, 5,
                 "text            n\n"
                 "äöüäöüä…  1234567\n"); /* at least eight stay */
}

static void odd_cells_do_no_harm(void **state)
{
    (void)state;
    const char *const odd[] = {"a|b",  "c\\d", "line\none", "tab\tred\033[31m",
                               "lost", NULL};
    expect_table("ll", odd, 0,
                 "a|b       c\\d\n"
                 "line one  tab red [31m\n");
    expect_markdown("ll", odd,
                    "| a\\|b | c\\\\d |\n"
                    "| --- | --- |\n"
                    "| line one | tab red [31m |\n");
    const char *const none[] = {NULL};
    expect_table("ll", none, 0, "");
    const char *const empty[] = {"", "", NULL};
    expect_table("lr", empty, 0, "\n");
}

/* The place of a right-aligned column's end is the same in every line. */
static void lines_are_no_wider_than_asked(void **state)
{
    (void)state;
    struct nastl_rng rng;
    print_message("seed 2\n");
    nastl_rng_init(&rng, 2, 0, NASTL_RNG_TEST);
    for (int round = 0; round < 200; round++) {
        struct nastl_texttable table;
        struct nastl_strbuf buf;
        nastl_strbuf_init(&buf);
        nastl_texttable_init(&table, "lrlr");
        for (int i = 0; i < 40; i++)
            nastl_texttable_addf(&table, "%.*s",
                                 (int)nastl_rng_below(&rng, i % 2 ? 9 : 60),
                                 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
        assert_ok(nastl_texttable_write(&buf, &table, 60));
        for (const char *line = buf.text; *line; line += strcspn(line, "\n") + 1)
            assert_in_range(nastl_text_width(line, strcspn(line, "\n")), 0, 60);
        nastl_strbuf_finish(&buf);
        nastl_texttable_finish(&table);
    }
}

static int try_table(void *payload)
{
    struct nastl_texttable table;
    struct nastl_strbuf buf;
    (void)payload;
    nastl_strbuf_init(&buf);
    nastl_texttable_init(&table, "lr");
    for (int i = 0; i < 6; i++)
        nastl_texttable_addf(&table, "cell %d", i);
    const int status = nastl_texttable_write(&buf, &table, 80);
    nastl_texttable_finish(&table);
    nastl_strbuf_finish(&buf);
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    check_out_of_memory(try_table, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_aligned),
        cmocka_unit_test(long_texts_are_cut_until_it_fits),
        cmocka_unit_test(odd_cells_do_no_harm),
        cmocka_unit_test(lines_are_no_wider_than_asked),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
