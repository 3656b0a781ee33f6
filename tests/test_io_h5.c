/* test_io_h5.c: HDF5 files of our own, and files that strangers might give us.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/rng.h"
#include "io/file.h"
#include "io/h5.h"

#include <hdf5.h>

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

static void what_is_no_hdf5_is_refused(void **state)
{
    struct nastl_h5 *file = NULL;
    const char *text = scratch(state, "text.h5"), *cut = scratch(state, "cut.h5");
    scratch_write(text, "no HDF5 at all", 14);
    assert_error(nastl_h5_open(&file, text), NASTL_EFORMAT, "text.h5: is no HDF5 file");
    scratch_write(text, "", 0);
    assert_error(nastl_h5_open(&file, text), NASTL_EFORMAT, "is no HDF5 file");
    assert_error(nastl_h5_open(&file, scratch(state, "none.h5")), NASTL_ENOENT,
                 "none.h5");
    assert_error(nastl_h5_open(&file, *state), NASTL_EFORMAT, "no regular file");
    const char *whole = scratch(state, "whole.h5");
    file = create(whole);
    put_something(file);
    assert_ok(nastl_h5_commit(file));
    nastl_h5_close(file);
    char *bytes;
    size_t length;
    assert_ok(nastl_file_read(&bytes, &length, whole, 1 << 20));
    for (size_t kept = 0; kept < length; kept += 97) {
        scratch_write(cut, bytes, kept);
        assert_error(nastl_h5_open(&file, cut), NASTL_EFORMAT, "cut.h5");
    }
    free(bytes);
}

/* ---- strangers' files -------------------------------------------------------------- */

static hid_t stranger(const char *path)
{
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

static void put_stranger(hid_t file, const char *name, hid_t type, int rank,
                         const hsize_t *dims, hid_t creation, const void *data)
{
    const hid_t space = H5Screate_simple(rank, dims, NULL);
    const hid_t set =
        H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(set >= 0);
    if (data)
        assert_true(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(set);
    H5Sclose(space);
}

static void absurd_sizes_are_refused(void **state)
{
    const char *path = scratch(state, "absurd.h5");
    const hsize_t huge[] = {UINT64_C(1) << 30, UINT64_C(1) << 29},
                  more[] = {UINT64_C(1) << 22, UINT64_C(1) << 22, UINT64_C(1) << 21},
                  five[] = {1, 1, 1, 1, 1}, ten = 10, chunk = 1 << 28, small[] = {4, 4};
    const hid_t file = stranger(path);
    put_stranger(file, "late", H5T_IEEE_F32LE, 2, huge, H5P_DEFAULT, NULL);
    put_stranger(file, "five", H5T_IEEE_F32LE, 5, five, H5P_DEFAULT, NULL);
    const hid_t chunked = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(chunked, 2, small);
    put_stranger(file, "chunked", H5T_IEEE_F32LE, 2, huge, chunked, NULL);
    const hsize_t small3[] = {4, 4, 4};
    H5Pset_chunk(chunked, 3, small3);
    put_stranger(file, "overflow", H5T_IEEE_F32LE, 3, more, chunked, NULL);
    const hsize_t unlimited = H5S_UNLIMITED;
    H5Pset_chunk(chunked, 1, &chunk);
    const hid_t space = H5Screate_simple(1, &ten, &unlimited);
    H5Dclose(H5Dcreate2(file, "chunk", H5T_IEEE_F32LE, space, H5P_DEFAULT, chunked,
                        H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(chunked);
    const hid_t null = H5Screate(H5S_NULL);
    H5Dclose(H5Dcreate2(file, "null", H5T_IEEE_F32LE, null, H5P_DEFAULT, H5P_DEFAULT,
                        H5P_DEFAULT));
    H5Sclose(null);
    H5Fclose(file);
    static const char *const names[][2] = {
        {"/late", "larger than the file"},     {"/five", "more than 4 dimensions"},
        {"/chunked", "larger than the file"},  {"/chunk", "larger than the file"},
        {"/overflow", "larger than the file"}, {"/null", "holds nothing"},
    };
    struct nastl_h5 *read;
    assert_ok(nastl_h5_open(&read, path));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int rank;
        size_t shape[NASTL_H5_RANK];
        assert_error(nastl_h5_shape(read, names[i][0], &rank, shape), NASTL_EFORMAT,
                     names[i][1]);
    }
    nastl_h5_close(read);
}

static void other_files_are_not_touched(void **state)
{
    const char *path = scratch(state, "links.h5"), *other = scratch(state, "other.h5");
    const hsize_t four = 4;
    const int32_t data[] = {1, 2, 3, 4};
    hid_t file = stranger(other);
    put_stranger(file, "x", H5T_NATIVE_INT32, 1, &four, H5P_DEFAULT, data);
    H5Fclose(file);
    file = stranger(path);
    put_stranger(file, "x", H5T_NATIVE_INT32, 1, &four, H5P_DEFAULT, data);
    H5Lcreate_external(other, "/x", file, "outside", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external(other, "/", file, "folder", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/x", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/loop", file, "loop", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/none", file, "dangling", H5P_DEFAULT, H5P_DEFAULT);
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(creation, other, 0, 16);
    put_stranger(file, "raw", H5T_NATIVE_INT32, 1, &four, creation, NULL);
    H5Pclose(creation);
    creation = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t space = H5Screate_simple(1, &four, NULL);
    H5Pset_virtual(creation, space, other, "/x", space);
    put_stranger(file, "virtual", H5T_NATIVE_INT32, 1, &four, creation, NULL);
    H5Sclose(space);
    H5Pclose(creation);
    H5Fclose(file);
    struct nastl_h5 *read;
    float f[4];
    assert_ok(nastl_h5_open(&read, path));
    assert_ok(nastl_h5_get_floats(read, "/x", f, 4));
    assert_ok(nastl_h5_get_floats(read, "/soft", f, 4));
    static const char *const refused[] = {"/outside", "/folder/x", "/raw", "/virtual"};
    for (size_t i = 0; i < 4; i++)
        assert_error(nastl_h5_get_floats(read, refused[i], f, 4), NASTL_EFORMAT, "file");
    assert_error(nastl_h5_get_floats(read, "/dangling", f, 4), NASTL_ENOENT, "dangling");
    assert_true(nastl_h5_get_floats(read, "/loop", f, 4) < 0);
    assert_false(nastl_h5_has(read, "/outside"));
    nastl_h5_close(read);
}

static void foreign_types_are_read_or_refused(void **state)
{
    const char *path = scratch(state, "types.h5");
    const hsize_t three = 3;
    const hid_t file = stranger(path);
    const int8_t truths[] = {1, 0, 1}, no = 0, yes = 1;
    hid_t type = H5Tenum_create(H5T_NATIVE_INT8); /* as h5py stores bool */
    H5Tenum_insert(type, "FALSE", &no);
    H5Tenum_insert(type, "TRUE", &yes);
    put_stranger(file, "bool", type, 1, &three, H5P_DEFAULT, truths);
    H5Tclose(type);
    type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, 4);
    H5Tset_strpad(type, H5T_STR_SPACEPAD);
    put_stranger(file, "spaces", type, 1, &three, H5P_DEFAULT, "a   bcd efgh");
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    put_stranger(file, "nulls", type, 1, &three, H5P_DEFAULT, "a\0\0\0bcd\0efgh");
    H5Tclose(type);
    const uint16_t shorts[] = {1, 65535, 3};
    put_stranger(file, "big", H5T_STD_U16BE, 1, &three, H5P_DEFAULT, shorts);
    type = H5Tcreate(H5T_COMPOUND, 4);
    H5Tinsert(type, "x", 0, H5T_NATIVE_INT32);
    put_stranger(file, "compound", type, 1, &three, H5P_DEFAULT, NULL);
    H5Tclose(type);
    const hid_t chunked = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t million = 1000000, chunk = 100000;
    H5Pset_chunk(chunked, 1, &chunk);
    H5Pset_deflate(chunked, 9);
    double *zeros = calloc(million, sizeof *zeros);
    put_stranger(file, "deflated", H5T_NATIVE_DOUBLE, 1, &million, chunked, zeros);
    H5Pclose(chunked);
    H5Fclose(file);
    struct nastl_h5 *read;
    double d[3];
    char **items;
    size_t count;
    assert_ok(nastl_h5_open(&read, path));
    assert_ok(nastl_h5_get_doubles(read, "/bool", d, 3));
    assert_true(d[0] == 1 && d[1] == 0 && d[2] == 1);
    assert_ok(nastl_h5_get_doubles(read, "/big", d, 3));
    assert_true(d[1] == 65535);
    for (int i = 0; i < 2; i++) {
        assert_ok(nastl_h5_get_strings(read, i ? "/nulls" : "/spaces", &items, &count));
        assert_int_equal(count, 3);
        assert_string_equal(items[0], "a");
        assert_string_equal(items[1], "bcd");
        assert_string_equal(items[2], "efgh");
        nastl_h5_free_strings(items, count);
    }
    assert_error(nastl_h5_get_doubles(read, "/compound", d, 3), NASTL_EFORMAT,
                 "no numbers");
    assert_error(nastl_h5_get_strings(read, "/big", &items, &count), NASTL_EFORMAT,
                 "no strings");
    assert_ok(nastl_h5_get_doubles(read, "/deflated", zeros, million));
    nastl_h5_close(read);
    free(zeros);
}

/* Many references to one long string: the file is small, what it claims is not. */
static void shared_strings_are_no_bomb(void **state)
{
    const char *path = scratch(state, "bomb.h5");
    enum { COUNT = 2000, LENGTH = 30000 };
    char *text = calloc(LENGTH + 1, 1), **items = calloc(COUNT, sizeof *items);
    memset(text, 'q', LENGTH);
    items[0] = text;
    for (int i = 1; i < COUNT; i++)
        items[i] = "";
    struct nastl_h5 *file = create(path);
    assert_ok(nastl_h5_put_strings(file, "/s", items, COUNT));
    assert_ok(nastl_h5_commit(file));
    nastl_h5_close(file);
    /* An item is (length 4, heap address 8, index 4): give all the first one's. */
    char *bytes;
    size_t length;
    const uint32_t mark = LENGTH;
    assert_ok(nastl_file_read(&bytes, &length, path, 1 << 24));
    char *first = memmem(bytes, length, &mark, sizeof mark);
    while (first && memcmp(first + 8, "\0\0\0\0", 4)) /* the address is small */
        first =
            memmem(first + 1, (size_t)(bytes + length - first - 1), &mark, sizeof mark);
    assert_non_null(first);
    for (int i = 1; i < COUNT; i++)
        memcpy(first + 16 * i, first, 16);
    scratch_write(path, bytes, length);
    free(bytes);
    char **found;
    size_t count;
    assert_ok(nastl_h5_open(&file, path));
    assert_error(nastl_h5_get_strings(file, "/s", &found, &count), NASTL_EFORMAT, "/s: ");
    nastl_h5_close(file);
    free(items);
    free(text);
}

/* Every byte of the structure and of the strings' heap, one after the other: reading
 * ends.
 */
static void changed_bytes_around_strings_do_no_harm(void **state)
{
    const char *path = scratch(state, "strings.h5");
    char *items[] = {"n1", "n28", "", "a longer one"}, *bytes;
    size_t length;
    struct nastl_h5 *file = create(path);
    assert_ok(nastl_h5_put_strings(file, "/s", items, 4));
    assert_ok(nastl_h5_set_text(file, "/s", "unit", "dBm"));
    assert_ok(nastl_h5_commit(file));
    nastl_h5_close(file);
    assert_ok(nastl_file_read(&bytes, &length, path, 1 << 20));
    for (size_t i = 0; i < length; i++) {
        char **found, *text, kept = bytes[i];
        size_t count;
        if (kept == 0 && i % 3 != 0)
            continue;
        bytes[i] = (char)(kept ? ~kept : 0x51);
        scratch_write(path, bytes, length);
        bytes[i] = kept;
        if (nastl_h5_open(&file, path) < 0)
            continue;
        if (nastl_h5_get_strings(file, "/s", &found, &count) == NASTL_OK)
            nastl_h5_free_strings(found, count);
        if (nastl_h5_get_text(file, "/s", "unit", &text) == NASTL_OK)
            free(text);
        nastl_h5_close(file);
    }
    free(bytes);
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
        cmocka_unit_test(what_is_no_hdf5_is_refused),
        cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(other_files_are_not_touched),
        cmocka_unit_test(foreign_types_are_read_or_refused),
        cmocka_unit_test(shared_strings_are_no_bomb),
        cmocka_unit_test(changed_bytes_around_strings_do_no_harm),
        cmocka_unit_test(threads_may_use_their_own_files),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests_name("io_h5", tests, scratch_setup, scratch_teardown);
}
