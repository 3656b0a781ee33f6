/* test_io_yaml.c: YAML trees, their positions and errors, and writing.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/rng.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "io/yaml.h"

#include <math.h>

static struct nastl_yaml_tree *parse(const char *text)
{
    struct nastl_yaml_tree *tree = NULL;
    assert_ok(nastl_yaml_parse(&tree, text, strlen(text), "f.yaml"));
    return tree;
}

/* ---- reading ----------------------------------------------------------------------- */

static void nodes_know_where_they_stand(void **state)
{
    (void)state;
    struct nastl_yaml_tree *tree = parse("a: 1\n"
                                         "mlp:\n"
                                         "  width: {int: [16, 512]}\n"
                                         "  names:\n"
                                         "  - x\n"
                                         "  - 'y z'\n");
    const struct nastl_yaml *root = nastl_yaml_root(tree);
    assert_int_equal(root->kind, NASTL_YAML_MAP);
    assert_int_equal(root->count, 2);
    assert_null(root->key);
    const struct nastl_yaml *mlp = nastl_yaml_get(root, "mlp");
    assert_int_equal(mlp->key_line, 2);
    assert_int_equal(mlp->key_column, 1);
    assert_int_equal(mlp->line, 3);
    const struct nastl_yaml *range = nastl_yaml_get(nastl_yaml_get(mlp, "width"), "int");
    assert_int_equal(range->kind, NASTL_YAML_LIST);
    assert_int_equal(range->line, 3);
    assert_int_equal(range->column, 16);
    assert_string_equal(range->items[1].text, "512");
    assert_int_equal(range->items[1].column, 21);
    const struct nastl_yaml *names = nastl_yaml_get(mlp, "names");
    assert_int_equal(names->count, 2);
    assert_false(names->items[0].quoted);
    assert_true(names->items[1].quoted);
    assert_string_equal(names->items[1].text, "y z");
    assert_int_equal(names->items[1].line, 6);
    assert_null(nastl_yaml_get(root, "none"));
    assert_null(nastl_yaml_get(names, "none"));
    assert_string_equal(nastl_yaml_name(tree), "f.yaml");
    nastl_yaml_destroy(tree);
}

static void scalars_have_types(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_int, is_number, is_bool;
        double value;
    } cases[] = {
        {"1", true, true, false, 1},
        {"-7", true, true, false, -7},
        {"+7", true, true, false, 7},
        {"9223372036854775807", true, true, false, 0x1p63},
        {"9223372036854775808", false, true, false, 0x1p63},
        {"1.0", false, true, false, 1},
        {"1e3", false, true, false, 1000},
        {"1.0e-4", false, true, false, 1e-4},
        {".5", false, true, false, 0.5},
        {".inf", false, true, false, INFINITY},
        {"-.Inf", false, true, false, -INFINITY},
        {"true", false, false, true, 1},
        {"false", false, false, true, 0},
        {"True", false, false, false, 0},
        {"yes", false, false, false, 0},
        {"inf", false, false, false, 0},
        {"0x10", false, false, false, 0},
        {"1_000", false, false, false, 0},
        {"text", false, false, false, 0},
        {"'1'", false, false, false, 0},
        {"\"true\"", false, false, false, 0},
        {"[1]", false, false, false, 0},
        {"''", false, false, false, 0},
        {"{}", false, false, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nastl_yaml_tree *tree = parse(cases[i].text);
        const struct nastl_yaml *root = nastl_yaml_root(tree);
        int64_t whole = 0;
        double number = 0;
        bool truth = false;
        assert_int_equal(nastl_yaml_int(&whole, root), cases[i].is_int);
        assert_int_equal(nastl_yaml_number(&number, root), cases[i].is_number);
        assert_int_equal(nastl_yaml_bool(&truth, root), cases[i].is_bool);
        if (cases[i].is_number)
            assert_true(number == cases[i].value);
        if (cases[i].is_int)
            assert_true((double)whole == cases[i].value);
        if (cases[i].is_bool)
            assert_true(truth == (cases[i].value != 0));
        nastl_yaml_destroy(tree);
    }
}

static void errors_name_line_and_column(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "f.yaml:1:1: empty"},
        {"# only a comment\n", "empty"},
        {"a: 1\n  b: 2\n", "f.yaml:2:4: "},
        {"a: &x 1\n", "f.yaml:1:4: anchors"},
        {"a: *x\n", "f.yaml:1:4: aliases"},
        {"*x : 1\n", "f.yaml:1:1: aliases"},
        {"a: !!int 1\n", "f.yaml:1:4: tags"},
        {"a: !x {}\n", "f.yaml:1:4: tags"},
        {"!x a: 1\n", "f.yaml:1:1: tags"},
        {"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: key 'a': stands in line 1"},
        {"m: {b: 1, b: 2}\n", "f.yaml:1:11: key 'b'"},
        {"<<: {a: 1}\n", "f.yaml:1:1: merge"},
        {"a: 1\n---\nb: 2\n", "a second document"},
        {"? [1]\n: 2\n", "a key is no plain text"},
        {"a: [1, 2\n", "f.yaml:2:1: "},
        {"a: 'x\n", "stream while scanning a quoted scalar from line 1; "},
        {"a:\n\t- b\n", "f.yaml:2:1: "},
        {"a: 1\nb: \xff\n", "f.yaml:2:4: invalid leading UTF-8"},
        {"a: \"\\0\"\n", "f.yaml:1:4: a NUL"},
        {"a: \x01\n", "f.yaml:1:4: control characters"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nastl_yaml_tree *tree = NULL;
        assert_error(nastl_yaml_parse(&tree, cases[i][0], strlen(cases[i][0]), "f.yaml"),
                     NASTL_EFORMAT, cases[i][1]);
        assert_null(tree);
    }
}

static void files_are_read_and_limited(void **state)
{
    struct nastl_yaml_tree *tree;
    const char *path = scratch(state, "a.yaml");
    scratch_write(path,
                  "\xef\xbb\xbf"
                  "a: 1\r\n",
                  9);
    assert_ok(nastl_yaml_read(&tree, path));
    assert_string_equal(nastl_yaml_get(nastl_yaml_root(tree), "a")->text, "1");
    assert_string_equal(nastl_yaml_name(tree), path);
    nastl_yaml_destroy(tree);
    assert_error(nastl_yaml_read(&tree, scratch(state, "none.yaml")), NASTL_ENOENT,
                 "none.yaml");
    const size_t length = (16 << 20) + 1;
    char *big = malloc(length);
    memset(big, 'x', length);
    assert_error(nastl_yaml_parse(&tree, big, length, "big"), NASTL_EFORMAT, "larger");
    scratch_write(path, big, length);
    assert_error(nastl_yaml_read(&tree, path), NASTL_EFORMAT, "larger");
    for (size_t i = 0; i < length; i++)
        big[i] = i == 0 ? '[' : i % 2 ? 'x' : ',';
    assert_error(nastl_yaml_parse(&tree, big, 4 << 20, "wide"), NASTL_EFORMAT,
                 "more than a million");
    free(big);
    nastl_yaml_destroy(NULL);
}

static void nesting_ends_at_64(void **state)
{
    (void)state;
    for (size_t depth = 63; depth <= 65; depth++) {
        struct nastl_yaml_tree *tree = NULL;
        char text[200] = {0};
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        if (depth <= 64)
            assert_ok(nastl_yaml_parse(&tree, text, 2 * depth, "deep"));
        else
            assert_error(nastl_yaml_parse(&tree, text, 2 * depth, "deep"), NASTL_EFORMAT,
                         "deep:1:65: nested");
        nastl_yaml_destroy(tree);
    }
    struct nastl_yaml_tree *tree = NULL;
    char *many = malloc(1 << 20);
    memset(many, '{', 1 << 20);
    assert_error(nastl_yaml_parse(&tree, many, 1 << 20, "many"), NASTL_EFORMAT,
                 "many:1:");
    free(many);
}

static const char space[] = "schema: nas-tl/space/v1\n"
                            "mlp:\n"
                            "  layers: {int: [1, 6]}\n"
                            "  width: {int: [16, 512], scale: log, per: layer}\n"
                            "text: \"a \\u00e9 \\n b\"\n"
                            "folded: >\n"
                            "  one\n"
                            "  two\n"
                            "constraints:\n"
                            "  - \"parameters <= 200000\"\n";

/* Whatever a file holds: a tree, or a sentence with the file's name. */
static void check_any(const char *text, size_t length)
{
    struct nastl_yaml_tree *tree = NULL;
    const int status = nastl_yaml_parse(&tree, text, length, "any");
    assert_true(status == NASTL_OK || status == NASTL_EFORMAT);
    if (status < 0)
        assert_memory_equal(nastl_error_last(), "any:", 4);
    nastl_yaml_destroy(tree);
}

static void damaged_text_is_refused_or_read(void **state)
{
    (void)state;
    const uint64_t seed = 7;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    for (size_t length = 0; length < sizeof space; length++)
        check_any(space, length);
    for (int i = 0; i < 3000; i++) {
        char text[sizeof space];
        memcpy(text, space, sizeof space);
        for (uint64_t k = 1 + nastl_rng_below(&rng, 3); k > 0; k--)
            text[nastl_rng_below(&rng, sizeof space - 1)] =
                "\n :-[]{},'\"&*!#|>?\\%@\t\xff\x01z0"[nastl_rng_below(&rng, 29)];
        check_any(text, sizeof space - 1);
    }
}

/* ---- complaining ------------------------------------------------------------------- */

static void an_unknown_key_names_the_nearest(void **state)
{
    (void)state;
    static const char *const allowed[] = {"layers", "width", "activation", NULL};
    static const char *const none[] = {NULL};
    struct nastl_yaml_tree *tree = parse("layers: 2\n\nwidht: 3\n");
    const struct nastl_yaml *root = nastl_yaml_root(tree);
    assert_int_equal(nastl_yaml_check_keys(tree, root, allowed), NASTL_EFORMAT);
    assert_string_equal(nastl_error_last(),
                        "f.yaml:3:1: key 'widht': unknown; did you mean 'width'? "
                        "Accepted: layers, width, activation");
    assert_error(nastl_yaml_check_keys(tree, root, none), NASTL_EFORMAT,
                 "f.yaml:1:1: key 'layers': unknown; no key is accepted here");
    nastl_yaml_destroy(tree);
    tree = parse("width: 2\nsomething_else: 3\n");
    assert_error(nastl_yaml_check_keys(tree, nastl_yaml_root(tree), allowed),
                 NASTL_EFORMAT, "'something_else': unknown; Accepted: ");
    nastl_yaml_destroy(tree);
    tree = parse("{width: 2, layers: [1]}");
    assert_ok(nastl_yaml_check_keys(tree, nastl_yaml_root(tree), allowed));
    nastl_yaml_destroy(tree);
}

static void errors_of_nodes_name_their_key(void **state)
{
    (void)state;
    struct nastl_yaml_tree *tree = parse("a:\n  - 5\n");
    const struct nastl_yaml *a = nastl_yaml_get(nastl_yaml_root(tree), "a");
    nastl_yaml_error(tree, a, "is %d; give %s", 5, "6");
    assert_string_equal(nastl_error_last(), "f.yaml:2:3: key 'a': is 5; give 6");
    nastl_yaml_error(tree, &a->items[0], "wrong; give 6");
    assert_string_equal(nastl_error_last(), "f.yaml:2:5: wrong; give 6");
    assert_int_equal(nastl_yaml_error(tree, NULL, "wrong; give 6"), NASTL_EFORMAT);
    assert_string_equal(nastl_error_last(), "f.yaml: wrong; give 6");
    nastl_yaml_destroy(tree);
}

/* ---- writing ----------------------------------------------------------------------- */

static void texts_come_back_as_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "a",
                                        "a b",
                                        " a",
                                        "a ",
                                        "1",
                                        "1.5",
                                        "1e5",
                                        "true",
                                        "No",
                                        "null",
                                        "~",
                                        "-",
                                        "- a",
                                        "a: b",
                                        "a #b",
                                        "#a",
                                        "[a",
                                        "{a}",
                                        "a,b",
                                        "'a'",
                                        "\"a\"",
                                        "a\\b",
                                        "a\nb",
                                        "\n",
                                        "\t",
                                        "a\rb",
                                        "é",
                                        "日本",
                                        "\U0001f4f6",
                                        "*a",
                                        "&a",
                                        "!a",
                                        "|",
                                        ">",
                                        "%a",
                                        "@a",
                                        "`a`",
                                        "?",
                                        "? a",
                                        ":",
                                        "=",
                                        "<<",
                                        ".inf",
                                        "0x10",
                                        "1_0",
                                        "12:30",
                                        "2026-01-31",
                                        "/x/y.csv",
                                        "a.b-c_d/e+f",
                                        "\x01",
                                        "\x7f",
                                        "\xc2\x85",
                                        "\xe2\x80\xa8",
                                        "\xef\xbb\xbf",
                                        "\xef\xbf\xbf",
                                        "y",
                                        "on",
                                        "nan",
                                        "inf"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct nastl_strbuf buf;
        nastl_strbuf_init(&buf);
        nastl_yaml_put_map(&buf, 0, "m");
        nastl_yaml_put_text(&buf, 1, "k", texts[i]);
        nastl_yaml_put_list(&buf, 1, "l", (char *const *)&texts[i], 1);
        nastl_yaml_put_bool(&buf, 1, *texts[i] ? texts[i] : "empty", true);
        struct nastl_yaml_tree *tree = parse(nastl_strbuf_text(&buf));
        const struct nastl_yaml *m = nastl_yaml_get(nastl_yaml_root(tree), "m");
        const struct nastl_yaml *k = nastl_yaml_get(m, "k");
        double number;
        bool truth;
        assert_string_equal(k->text, texts[i]);
        assert_false(nastl_yaml_number(&number, k));
        assert_false(nastl_yaml_bool(&truth, k));
        assert_string_equal(nastl_yaml_get(m, "l")->items[0].text, texts[i]);
        assert_string_equal(m->items[2].key, *texts[i] ? texts[i] : "empty");
        nastl_yaml_destroy(tree);
        nastl_strbuf_finish(&buf);
    }
}

static void random_texts_come_back(void **state)
{
    (void)state;
    const uint64_t seed = 11;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    for (int i = 0; i < 2000; i++) {
        char text[40];
        size_t length = nastl_rng_below(&rng, sizeof text - 1);
        for (size_t k = 0; k < length; k++)
            text[k] = (char)(1 + nastl_rng_below(&rng, i % 2 ? 127 : 255));
        length = nastl_utf8_valid(text, length);
        text[length] = '\0';
        struct nastl_strbuf buf;
        nastl_strbuf_init(&buf);
        nastl_yaml_put_text(&buf, 0, "k", text);
        struct nastl_yaml_tree *tree = parse(nastl_strbuf_text(&buf));
        assert_string_equal(nastl_yaml_get(nastl_yaml_root(tree), "k")->text, text);
        nastl_yaml_destroy(tree);
        nastl_strbuf_finish(&buf);
    }
}

static void bytes_that_are_no_utf8_are_readable(void **state)
{
    (void)state;
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    nastl_yaml_put_text(&buf, 0, "k", "a\xff\xed\xa0\x80z");
    struct nastl_yaml_tree *tree = parse(nastl_strbuf_text(&buf));
    assert_string_equal(nastl_yaml_get(nastl_yaml_root(tree), "k")->text,
                        "a\xc3\xbf\xc3\xad\xc2\xa0\xc2\x80z");
    nastl_yaml_destroy(tree);
    nastl_strbuf_finish(&buf);
}

static void numbers_come_back_by_bits(void **state)
{
    (void)state;
    struct nastl_rng rng;
    nastl_rng_init(&rng, 3, 0, NASTL_RNG_TEST);
    for (int i = 0; i < 5000; i++) {
        static const double special[] = {0, 1, 1e-5, 1e22, -1e300, INFINITY, -INFINITY};
        double value, again;
        const uint64_t bits = nastl_rng_u64(&rng);
        memcpy(&value, &bits, sizeof value);
        if (i < 7)
            value = special[i];
        struct nastl_strbuf buf;
        nastl_strbuf_init(&buf);
        nastl_yaml_put_number(&buf, 0, "k", value);
        struct nastl_yaml_tree *tree = parse(nastl_strbuf_text(&buf));
        assert_true(
            nastl_yaml_number(&again, nastl_yaml_get(nastl_yaml_root(tree), "k")));
        assert_true(isnan(value) ? isnan(again) : again == value);
        nastl_yaml_destroy(tree);
        nastl_strbuf_finish(&buf);
    }
}

static void written_yaml_looks_like_this(void **state)
{
    (void)state;
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    char *items[] = {"accuracy", "flops", "a b"};
    nastl_yaml_put_text(&buf, 0, "space", "default.yaml");
    nastl_yaml_put_number(&buf, 0, "trials", 64);
    nastl_yaml_put_number(&buf, 0, "rate", 1e-5);
    nastl_yaml_put_bool(&buf, 0, "resume", false);
    nastl_yaml_put_map(&buf, 0, "data");
    nastl_yaml_put_list(&buf, 1, "objectives", items, 3);
    nastl_yaml_put_list(&buf, 1, "none", NULL, 0);
    assert_string_equal(nastl_strbuf_text(&buf),
                        "space: default.yaml\n"
                        "trials: 64\n"
                        "rate: 1.0e-05\n"
                        "resume: false\n"
                        "data:\n"
                        "  objectives: [accuracy, flops, \"a b\"]\n"
                        "  none: []\n");
    nastl_strbuf_finish(&buf);
}

/* ---- memory ------------------------------------------------------------------------ */

static int read_tree(void *path)
{
    static const char *const allowed[] = {"schema", NULL};
    struct nastl_yaml_tree *tree;
    const int status = nastl_yaml_read(&tree, path);
    if (status < 0)
        return status;
    nastl_yaml_check_keys(tree, nastl_yaml_root(tree), allowed);
    nastl_yaml_destroy(tree);
    return NASTL_OK;
}

static void out_of_memory_is_reported(void **state)
{
    const char *path = scratch(state, "space.yaml");
    scratch_write(path, space, sizeof space - 1);
    check_out_of_memory(read_tree, (void *)(uintptr_t)path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_know_where_they_stand),
        cmocka_unit_test(scalars_have_types),
        cmocka_unit_test(errors_name_line_and_column),
        cmocka_unit_test(files_are_read_and_limited),
        cmocka_unit_test(nesting_ends_at_64),
        cmocka_unit_test(damaged_text_is_refused_or_read),
        cmocka_unit_test(an_unknown_key_names_the_nearest),
        cmocka_unit_test(errors_of_nodes_name_their_key),
        cmocka_unit_test(texts_come_back_as_texts),
        cmocka_unit_test(random_texts_come_back),
        cmocka_unit_test(bytes_that_are_no_utf8_are_readable),
        cmocka_unit_test(numbers_come_back_by_bits),
        cmocka_unit_test(written_yaml_looks_like_this),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests_name("io_yaml", tests, scratch_setup, scratch_teardown);
}
