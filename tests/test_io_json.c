/* test_io_json.c: JSON written by us and read by jansson.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/rng.h"
#include "base/strbuf.h"
#include "io/file.h"
#include "io/json.h"

#include <math.h>

static char *text_of(const json_t *value, int indent)
{
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    nastl_json_write(&buf, value, indent);
    char *text;
    assert_ok(nastl_strbuf_take(&text, &buf));
    return text;
}

static double random_real(struct nastl_rng *rng)
{
    double value;
    do {
        const uint64_t bits = nastl_rng_u64(rng);
        memcpy(&value, &bits, sizeof value);
    } while (!isfinite(value));
    return value;
}

static json_t *random_tree(struct nastl_rng *rng, int depth)
{
    static const char *const texts[] = {"", "a", "\"\\/\b\f\n\r\t\x01\x7f",
                                        "é日\U0001f4f6"};
    const uint64_t kind = nastl_rng_below(rng, depth ? 8 : 6);
    json_t *value;
    switch (kind) {
    case 0:
        return json_null();
    case 1:
        return json_boolean(nastl_rng_below(rng, 2));
    case 2:
        return json_integer((json_int_t)nastl_rng_u64(rng));
    case 3:
    case 4:
        return nastl_json_number(random_real(rng));
    case 5:
        return nastl_json_text(texts[nastl_rng_below(rng, 4)]);
    case 6:
        value = json_array();
        for (uint64_t n = nastl_rng_below(rng, 5); n > 0; n--)
            assert_ok(nastl_json_append(value, random_tree(rng, depth - 1)));
        return value;
    default:
        value = json_object();
        for (uint64_t n = nastl_rng_below(rng, 5); n > 0; n--) {
            char key[24];
            snprintf(key, sizeof key, "k\"%d\n", (int)nastl_rng_below(rng, 100));
            assert_ok(nastl_json_set(value, key, random_tree(rng, depth - 1)));
        }
        return value;
    }
}

/* json_equal() with one difference: a real that is written as an integer is one. */
static bool same(const json_t *a, const json_t *b)
{
    if (json_is_real(a) && json_is_integer(b))
        return json_real_value(a) == (double)json_integer_value(b);
    if (json_is_array(a) && json_is_array(b)) {
        bool all = json_array_size(a) == json_array_size(b);
        for (size_t i = 0; all && i < json_array_size(a); i++)
            all = same(json_array_get(a, i), json_array_get(b, i));
        return all;
    }
    if (json_is_object(a) && json_is_object(b)) {
        bool all = json_object_size(a) == json_object_size(b);
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)a, key, value)
            all = all && json_object_get(b, key) && same(value, json_object_get(b, key));
        return all;
    }
    return json_equal((json_t *)(uintptr_t)a, (json_t *)(uintptr_t)b);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    const uint64_t seed = 5;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    for (int i = 0; i < 1000; i++) {
        json_t *tree = random_tree(&rng, 4), *again;
        char *text = text_of(tree, i % 3);
        assert_ok(nastl_json_parse(&again, text, "tree"));
        assert_true(same(tree, again));
        assert_true(i % 3 || !strchr(text, '\n'));
        json_decref(again);
        json_decref(tree);
        free(text);
    }
}

static void written_json_looks_like_this(void **state)
{
    (void)state;
    json_t *front = json_array(), *member = json_object(), *root = json_object();
    assert_ok(nastl_json_set(member, "trial", json_integer(17)));
    assert_ok(nastl_json_set(member, "energy", nastl_json_number(NAN)));
    assert_ok(nastl_json_set(member, "cut", nastl_json_text(NULL)));
    assert_ok(nastl_json_set(member, "accuracy", nastl_json_number(0.1)));
    assert_ok(nastl_json_set(member, "width", nastl_json_number(64)));
    assert_ok(nastl_json_set(member, "a", json_true()));
    assert_ok(nastl_json_append(front, member));
    assert_ok(nastl_json_set(root, "schema", nastl_json_text("v1")));
    assert_ok(nastl_json_set(root, "front", front));
    assert_ok(nastl_json_set(root, "point", json_pack("[i,f,s]", 1, 0.5, "x")));
    assert_ok(nastl_json_set(root, "none", json_array()));
    assert_ok(nastl_json_set(root, "empty", json_object()));
    char *text = text_of(root, 2);
    assert_string_equal(text, "{\n"
                              "  \"schema\": \"v1\",\n"
                              "  \"front\": [\n"
                              "    {\n"
                              "      \"trial\": 17,\n"
                              "      \"energy\": null,\n"
                              "      \"cut\": null,\n"
                              "      \"accuracy\": 0.1,\n"
                              "      \"width\": 64,\n"
                              "      \"a\": true\n"
                              "    }\n"
                              "  ],\n"
                              "  \"point\": [1, 0.5, \"x\"],\n"
                              "  \"none\": [],\n"
                              "  \"empty\": {}\n"
                              "}");
    free(text);
    text = text_of(root, 0);
    assert_string_equal(text, "{\"schema\": \"v1\", \"front\": [{\"trial\": 17, "
                              "\"energy\": null, \"cut\": null, \"accuracy\": 0.1, "
                              "\"width\": 64, \"a\": true}], \"point\": [1, 0.5, \"x\"], "
                              "\"none\": [], \"empty\": {}}");
    free(text);
    json_decref(root);
}

static void errors_name_line_and_column(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "f.json:1:1: "},
        {"{", "f.json:1:1: "},
        {"{\"a\": 1,\n \"a\": 2}", "f.json:2:4: duplicate object key"},
        {"[1,\n 2,\n x]", "f.json:3:2: invalid token"},
        {"[1] 2", "f.json:1:5: "},
        {"[1,]", "f.json:1:4: "},
        {"NaN", "f.json:1:3: "},
        {"\"\xff\"", "f.json:1:"},
        {"99999999999999999999", "too big integer"},
        {"1e999", "real number overflow"},
        {"'a'", "f.json:1:1: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *value;
        assert_error(nastl_json_parse(&value, cases[i][0], "f.json"), NASTL_EFORMAT,
                     cases[i][1]);
    }
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    char *text = malloc(100001);
    memset(text, '[', 100000);
    text[100000] = '\0';
    json_t *value;
    assert_error(nastl_json_parse(&value, text, "deep"), NASTL_EFORMAT, "depth");
    free(text);
}

static void damaged_text_is_refused_or_read(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\": [1, -2.5e3, \"\\u00e9\\n\"], \"b\": {\"c\": null}}";
    const uint64_t seed = 9;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    for (int i = 0; i < 5000; i++) {
        char copy[sizeof text];
        json_t *value;
        memcpy(copy, text, sizeof text);
        copy[nastl_rng_below(&rng, sizeof text - 1)] = (char)nastl_rng_u32(&rng);
        const int status = nastl_json_parse(&value, copy, "any");
        assert_true(status == NASTL_OK || status == NASTL_EFORMAT);
        if (status == NASTL_OK)
            json_decref(value);
    }
}

static void any_bytes_become_a_text(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"plain", "plain"}, {"é", "é"}, {"a\xffz", "aÿz"}, {"\xc3", "Ã"}, {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *value = nastl_json_text(cases[i][0]);
        assert_string_equal(json_string_value(value), cases[i][1]);
        json_decref(value);
    }
}

static void files_are_saved_and_read(void **state)
{
    const char *path = scratch(state, "a.json");
    json_t *value = json_pack("{s:i}", "a", 1), *again;
    char *text;
    assert_ok(nastl_json_save(value, path));
    assert_ok(nastl_file_read(&text, NULL, path, 100));
    assert_string_equal(text, "{\n  \"a\": 1\n}\n");
    assert_ok(nastl_json_read(&again, path));
    assert_true(json_equal(value, again));
    assert_error(nastl_json_read(&again, scratch(state, "none.json")), NASTL_ENOENT,
                 "none.json");
    scratch_write(path, "[\0]", 3);
    assert_error(nastl_json_read(&again, path), NASTL_EFORMAT, "a.json:1:");
    assert_error(nastl_json_save(value, scratch(state, "no/a.json")), NASTL_ENOENT,
                 "no/a.json");
    assert_int_equal(nastl_json_set(value, "key", NULL), NASTL_ENOMEM);
    json_decref(again);
    json_decref(value);
    free(text);
}

static int save_and_read(void *path)
{
    json_t *value = json_pack("{s:[i,f],s:s}", "a", 1, 0.5, "b", "text"), *again = NULL;
    int status = nastl_json_save(value, path);
    if (status == NASTL_OK)
        status = nastl_json_read(&again, path);
    json_decref(again);
    json_decref(value);
    return status;
}

static void out_of_memory_is_reported(void **state)
{
    check_out_of_memory(save_and_read, (void *)(uintptr_t)scratch(state, "memory.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(written_json_looks_like_this),
        cmocka_unit_test(errors_name_line_and_column),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(damaged_text_is_refused_or_read),
        cmocka_unit_test(any_bytes_become_a_text),
        cmocka_unit_test(files_are_saved_and_read),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests_name("io_json", tests, scratch_setup, scratch_teardown);
}
