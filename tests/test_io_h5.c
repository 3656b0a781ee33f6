/* test_io_h5.c: HDF5 files of our own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/rng.h"
#include "io/file.h"
#include "io/h5.h"

#include <math.h>
#include <pthread.h>

static struct nastl_h5 *create(const char *path)
{
    struct nastl_h5 *file = NULL;
    assert_ok(nastl_h5_create(&file, path));
    return file;
}

static struct nastl_h5 *commit_and_open(struct nastl_h5 *file, const char *path)
{
    assert_ok(nastl_h5_commit(file));
    nastl_h5_close(file);
    assert_ok(nastl_h5_open(&file, path));
    return file;
}

/* ---- round trips ------------------------------------------------------------------- */

static void tensors_of_every_rank_come_back(void **state)
{
    const char *path = scratch(state, "ranks.h5");
    struct nastl_rng rng;
    nastl_rng_init(&rng, 1, 0, NASTL_RNG_TEST);
    struct nastl_h5 *file = create(path);
    float floats[120];
    double doubles[120];
    int64_t ints[120];
    for (int i = 0; i < 120; i++) {
        floats[i] = (float)nastl_rng_normal(&rng);
        doubles[i] = nastl_rng_normal(&rng);
        ints[i] = (int64_t)nastl_rng_u64(&rng);
    }
    const size_t shape[] = {2, 3, 4, 5}, counts[] = {1, 2, 6, 24, 120};
    char name[64];
    for (int rank = 0; rank <= NASTL_H5_RANK; rank++) {
        snprintf(name, sizeof name, "/a/b/floats%d", rank);
        assert_ok(nastl_h5_put_floats(file, name, floats, rank, shape));
        snprintf(name, sizeof name, "/doubles%d", rank);
        assert_ok(nastl_h5_put_doubles(file, name, doubles, rank, shape));
        snprintf(name, sizeof name, "/ints%d", rank);
        assert_ok(nastl_h5_put_ints(file, name, ints, rank, shape));
    }
    file = commit_and_open(file, path);
    for (int rank = 0; rank <= NASTL_H5_RANK; rank++) {
        float f[120];
        double d[120];
        int64_t i[120];
        size_t found[NASTL_H5_RANK];
        int found_rank;
        const size_t n = counts[rank];
        snprintf(name, sizeof name, "/a/b/floats%d", rank);
        assert_ok(nastl_h5_shape(file, name, &found_rank, found));
        assert_int_equal(found_rank, rank);
        assert_memory_equal(found, shape, (size_t)rank * sizeof *shape);
        assert_ok(nastl_h5_get_floats(file, name, f, n));
        assert_memory_equal(f, floats, n * sizeof *f);
        snprintf(name, sizeof name, "/doubles%d", rank);
        assert_ok(nastl_h5_get_doubles(file, name, d, n));
        assert_memory_equal(d, doubles, n * sizeof *d);
        snprintf(name, sizeof name, "/ints%d", rank);
        assert_ok(nastl_h5_get_ints(file, name, i, n));
        assert_memory_equal(i, ints, n * sizeof *i);
    }
    nastl_h5_close(file);
}

static void numbers_are_converted(void **state)
{
    const char *path = scratch(state, "convert.h5");
    struct nastl_h5 *file = create(path);
    const int64_t ints[] = {1, -2, 3};
    const float floats[] = {0.5f, -2, NAN};
    const size_t three = 3, none = 0;
    assert_ok(nastl_h5_put_ints(file, "/i", ints, 1, &three));
    assert_ok(nastl_h5_put_floats(file, "/f", floats, 1, &three));
    assert_ok(nastl_h5_put_floats(file, "/none", NULL, 1, &none));
    file = commit_and_open(file, path);
    float f[3];
    double d[3];
    assert_ok(nastl_h5_get_floats(file, "/i", f, 3));
    assert_true(f[0] == 1 && f[1] == -2 && f[2] == 3);
    assert_ok(nastl_h5_get_doubles(file, "/f", d, 3));
    assert_true(d[0] == 0.5 && d[1] == -2 && isnan(d[2]));
    assert_ok(nastl_h5_get_doubles(file, "/none", NULL, 0));
    assert_error(nastl_h5_get_doubles(file, "/f", d, 2), NASTL_EFORMAT,
                 "convert.h5:/f: holds 3 numbers where 2 belong");
    nastl_h5_close(file);
}

static void strings_come_back(void **state)
{
    const char *path = scratch(state, "strings.h5");
    char *items[] = {"a", "", "é 日", "a longer text with, commas and \"quotes\""};
    struct nastl_h5 *file = create(path);
    assert_ok(nastl_h5_put_strings(file, "/deep/s", items, 4));
    assert_ok(nastl_h5_put_strings(file, "/none", NULL, 0));
    file = commit_and_open(file, path);
    char **found;
    size_t count;
    assert_true(nastl_h5_is_text(file, "/deep/s"));
    assert_false(nastl_h5_is_text(file, "/deep"));
    assert_false(nastl_h5_is_text(file, "/nothing"));
    assert_ok(nastl_h5_get_strings(file, "/deep/s", &found, &count));
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(found[i], items[i]);
    nastl_h5_free_strings(found, count);
    assert_ok(nastl_h5_get_strings(file, "/none", &found, &count));
    assert_int_equal(count, 0);
    nastl_h5_free_strings(found, count);
    float f[4];
    assert_error(nastl_h5_get_floats(file, "/deep/s", f, 4), NASTL_EFORMAT, "no numbers");
    nastl_h5_close(file);
}

static void attributes_come_back(void **state)
{
    const char *path = scratch(state, "attributes.h5");
    const size_t large = 200000; /* more than an object header holds */
    char *text = malloc(large + 1), *found;
    memset(text, 'x', large);
    text[large] = '\0';
    struct nastl_h5 *file = create(path);
    const float one = 1;
    assert_ok(nastl_h5_group(file, "/m"));
    assert_ok(nastl_h5_group(file, "/m"));
    assert_ok(nastl_h5_put_floats(file, "/m/w", &one, 0, NULL));
    assert_ok(nastl_h5_set_text(file, "/m", "family", "old"));
    assert_ok(nastl_h5_set_text(file, "/m", "family", "mlp é"));
    assert_ok(nastl_h5_set_text(file, "/m", "large", text));
    assert_ok(nastl_h5_set_text(file, "/m/w", "empty", ""));
    assert_ok(nastl_h5_set_number(file, "/", "rate", 0.1));
    assert_ok(nastl_h5_set_int(file, "/", "seed", INT64_MIN));
    assert_ok(nastl_h5_set_number(file, "/", "whole", 64));
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof name, "a%d", i);
        assert_ok(nastl_h5_set_int(file, "/m", name, i));
    }
    file = commit_and_open(file, path);
    double number;
    int64_t whole;
    assert_ok(nastl_h5_get_text(file, "/m", "family", &found));
    assert_string_equal(found, "mlp é");
    free(found);
    assert_ok(nastl_h5_get_text(file, "/m", "large", &found));
    assert_string_equal(found, text);
    free(found);
    assert_ok(nastl_h5_get_text(file, "/m/w", "empty", &found));
    assert_string_equal(found, "");
    free(found);
    assert_ok(nastl_h5_get_number(file, "/", "rate", &number));
    assert_true(number == 0.1);
    assert_ok(nastl_h5_get_int(file, "/", "seed", &whole));
    assert_true(whole == INT64_MIN);
    assert_ok(nastl_h5_get_number(file, "/m", "a7", &number));
    assert_true(number == 7);
    assert_ok(nastl_h5_get_int(file, "/", "whole", &whole));
    assert_int_equal(whole, 64);
    assert_error(nastl_h5_get_int(file, "/", "rate", &whole), NASTL_EFORMAT,
                 "attribute 'rate': is no whole number");
    assert_error(nastl_h5_get_int(file, "/m", "family", &whole), NASTL_EFORMAT,
                 "attribute 'family': is no number");
    assert_error(nastl_h5_get_text(file, "/", "rate", &found), NASTL_EFORMAT,
                 "is no text");
    assert_error(nastl_h5_get_text(file, "/", "none", &found), NASTL_ENOENT,
                 "attribute 'none'");
    assert_error(nastl_h5_get_text(file, "/none", "x", &found), NASTL_ENOENT, ":/none: ");
    nastl_h5_close(file);
    free(text);
}

static void children_are_sorted(void **state)
{
    const char *path = scratch(state, "children.h5");
    static const char *const expected[] = {"10", "9", "a", "b", "z"};
    struct nastl_h5 *file = create(path);
    static const char *const made[] = {"/t/z", "/t/b", "/t/9", "/t/a/deep", "/t/10"};
    for (size_t i = 0; i < 5; i++)
        assert_ok(nastl_h5_group(file, made[i]));
    file = commit_and_open(file, path);
    char **names;
    size_t count;
    assert_ok(nastl_h5_children(file, "/t", &names, &count));
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(names[i], expected[i]);
    nastl_h5_free_strings(names, count);
    assert_ok(nastl_h5_children(file, "/t/9", &names, &count));
    assert_int_equal(count, 0);
    nastl_h5_free_strings(names, count);
    assert_error(nastl_h5_children(file, "/none", &names, &count), NASTL_ENOENT, "/none");
    assert_true(nastl_h5_has(file, "/"));
    assert_true(nastl_h5_has(file, "/t/a/deep"));
    assert_false(nastl_h5_has(file, "/t/none/deep"));
    assert_false(nastl_h5_has(file, "/none/a/deep"));
    char long_name[3000] = "/";
    memset(long_name + 1, 'x', sizeof long_name - 2);
    assert_false(nastl_h5_has(file, long_name));
    assert_error(nastl_h5_get_floats(file, long_name, NULL, 0), NASTL_EINVAL, "too long");
    nastl_h5_close(file);
}

static void copies_are_whole(void **state)
{
    const char *path = scratch(state, "from.h5"), *copy = scratch(state, "copy.h5");
    struct nastl_h5 *file = create(path), *to = create(copy);
    const float data[] = {1, 2, 3, 4};
    const size_t shape[] = {2, 2};
    char *items[] = {"x", "y"};
    assert_ok(nastl_h5_put_floats(file, "/m/w", data, 2, shape));
    assert_ok(nastl_h5_put_strings(file, "/m/names", items, 2));
    assert_ok(nastl_h5_set_text(file, "/m", "family", "mlp"));
    file = commit_and_open(file, path);
    assert_ok(nastl_h5_copy(to, "/trials/17", file, "/m"));
    assert_ok(nastl_h5_copy(to, "/w", file, "/m/w"));
    assert_error(nastl_h5_copy(to, "/w", file, "/m/w"), NASTL_EEXIST, "copy.h5:/w");
    assert_error(nastl_h5_copy(to, "/v", file, "/m/v"), NASTL_ENOENT, "from.h5:/m/v");
    nastl_h5_close(file);
    to = commit_and_open(to, copy);
    float found[4];
    char **names, *family;
    size_t count;
    assert_ok(nastl_h5_get_floats(to, "/trials/17/w", found, 4));
    assert_memory_equal(found, data, sizeof data);
    assert_ok(nastl_h5_get_floats(to, "/w", found, 4));
    assert_ok(nastl_h5_get_strings(to, "/trials/17/names", &names, &count));
    assert_string_equal(names[1], "y");
    nastl_h5_free_strings(names, count);
    assert_ok(nastl_h5_get_text(to, "/trials/17", "family", &family));
    assert_string_equal(family, "mlp");
    free(family);
    nastl_h5_close(to);
}

/* ---- files as a whole -------------------------------------------------------------- */

static void put_something(struct nastl_h5 *file)
{
    float data[300];
    char *items[] = {"one", "two"};
    const size_t shape[] = {100, 3};
    for (int i = 0; i < 300; i++)
        data[i] = (float)i;
    assert_ok(nastl_h5_put_floats(file, "/m/w", data, 2, shape));
    assert_ok(nastl_h5_put_strings(file, "/m/names", items, 2));
    assert_ok(nastl_h5_set_text(file, "/m", "family", "mlp"));
}

static void the_same_content_gives_the_same_bytes(void **state)
{
    char digest[2][NASTL_SHA256_TEXT];
    for (int i = 0; i < 2; i++) {
        const char *path = scratch(state, i ? "one.h5" : "two.h5");
        struct nastl_h5 *file = create(path);
        put_something(file);
        assert_ok(nastl_h5_commit(file));
        nastl_h5_close(file);
        assert_ok(nastl_file_sha256(digest[i], path));
        if (i == 0)
            sleep(1); /* a time in the file would differ */
    }
    assert_string_equal(digest[0], digest[1]);
}

static void closing_without_commit_leaves_what_was(void **state)
{
    const char *path = scratch(state, "kept.h5");
    scratch_write(path, "old", 3);
    struct nastl_h5 *file = create(path);
    put_something(file);
    nastl_h5_close(file);
    char *text;
    assert_ok(nastl_file_read(&text, NULL, path, 10));
    assert_string_equal(text, "old");
    free(text);
    assert_error(nastl_h5_create(&file, scratch(state, "no/x.h5")), NASTL_ENOENT,
                 "no/x.h5");
    nastl_h5_close(NULL);
}

static void a_full_disk_leaves_what_was(void **state)
{
    const char *path = scratch(state, "full.h5");
    scratch_write(path, "old", 3);
    struct nastl_h5 *file = create(path);
    put_something(file);
    limit_files(1000);
    const int status = nastl_h5_commit(file);
    limit_files(0);
    nastl_h5_close(file);
    assert_error(status, NASTL_EIO, "full.h5: cannot write");
    char *text;
    assert_ok(nastl_file_read(&text, NULL, path, 10));
    assert_string_equal(text, "old");
    free(text);
}

static void names_are_taken_once(void **state)
{
    struct nastl_h5 *file = create(scratch(state, "once.h5"));
    put_something(file);
    const float one = 1;
    char *item = "x";
    assert_error(nastl_h5_put_floats(file, "/m/w", &one, 0, NULL), NASTL_EEXIST,
                 "once.h5:/m/w: is there already");
    assert_error(nastl_h5_put_strings(file, "/m", &item, 1), NASTL_EEXIST, ":/m: ");
    assert_true(nastl_h5_put_floats(file, "/m/w/x", &one, 0, NULL) < 0);
    nastl_h5_close(file);
}

/* ---- threads and memory ------------------------------------------------------------ */

static void *write_and_read_often(void *payload)
{
    const char *path = payload;
    for (int i = 0; i < 20; i++) {
        float data[64], found[64];
        const size_t shape = 64;
        for (int k = 0; k < 64; k++)
            data[k] = (float)(i * k);
        struct nastl_h5 *file = create(path);
        assert_ok(nastl_h5_put_floats(file, "/a/w", data, 1, &shape));
        assert_ok(nastl_h5_set_int(file, "/a", "i", i));
        file = commit_and_open(file, path);
        assert_ok(nastl_h5_get_floats(file, "/a/w", found, 64));
        assert_memory_equal(data, found, sizeof data);
        nastl_h5_close(file);
    }
    return NULL;
}

static void threads_may_use_their_own_files(void **state)
{
    pthread_t threads[4];
    char *paths[4];
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "thread%d.h5", i);
        paths[i] = strdup(scratch(state, name));
        assert_int_equal(
            pthread_create(&threads[i], NULL, write_and_read_often, paths[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        free(paths[i]);
    }
}

static int write_file(const char *path)
{
    struct nastl_h5 *file;
    const float data[] = {1, 2};
    const size_t two = 2;
    char *items[] = {"x", "yy"};
    int status = nastl_h5_create(&file, path);
    if (status < 0)
        return status;
    status = nastl_h5_put_floats(file, "/a/w", data, 1, &two);
    if (status == NASTL_OK)
        status = nastl_h5_put_strings(file, "/a/s", items, 2);
    if (status == NASTL_OK)
        status = nastl_h5_set_text(file, "/a", "t", "text");
    if (status == NASTL_OK)
        status = nastl_h5_commit(file);
    nastl_h5_close(file);
    return status;
}

static int read_file(const char *path)
{
    struct nastl_h5 *file;
    char **items = NULL, *text = NULL;
    size_t count = 0;
    float data[2];
    int status = nastl_h5_open(&file, path);
    if (status < 0)
        return status;
    status = nastl_h5_get_floats(file, "/a/w", data, 2);
    if (status == NASTL_OK)
        status = nastl_h5_get_text(file, "/a", "t", &text);
    if (status == NASTL_OK)
        status = nastl_h5_children(file, "/a", &items, &count);
    nastl_h5_free_strings(items, count);
    items = NULL;
    count = 0;
    if (status == NASTL_OK)
        status = nastl_h5_get_strings(file, "/a/s", &items, &count);
    nastl_h5_free_strings(items, count);
    free(text);
    nastl_h5_close(file);
    return status;
}

static int write_and_read(void *path)
{
    const int status = write_file(path);
    return status < 0 ? status : read_file(path);
}

static void out_of_memory_is_reported(void **state)
{
    check_out_of_memory(write_and_read, (void *)(uintptr_t)scratch(state, "memory.h5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_of_every_rank_come_back),
        cmocka_unit_test(numbers_are_converted),
        cmocka_unit_test(strings_come_back),
        cmocka_unit_test(attributes_come_back),
        cmocka_unit_test(children_are_sorted),
        cmocka_unit_test(copies_are_whole),
        cmocka_unit_test(the_same_content_gives_the_same_bytes),
        cmocka_unit_test(closing_without_commit_leaves_what_was),
        cmocka_unit_test(a_full_disk_leaves_what_was),
        cmocka_unit_test(names_are_taken_once),
        cmocka_unit_test(threads_may_use_their_own_files),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests_name("io_h5", tests, scratch_setup, scratch_teardown);
}
