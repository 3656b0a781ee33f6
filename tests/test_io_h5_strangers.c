/* test_io_h5_strangers.c: HDF5 files that strangers might give us, and damaged ones.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/rng.h"
#include "io/file.h"
#include "io/h5.h"

#include <hdf5.h>

/* HDF5 1.10 leaks what it had read of a damaged structure: its leaks, not ours. Under
 * LeakSanitizer alone anybody calls this. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

/* ---- damage ------------------------------------------------------------------------ */

static void make_file(const char *path)
{
    struct nastl_h5 *file;
    float data[300];
    char *items[] = {"one", "two", "", "a longer text, so that the heap has a few sizes"};
    const size_t shape[] = {100, 3};
    for (int i = 0; i < 300; i++)
        data[i] = (float)i;
    assert_ok(nastl_h5_create(&file, path));
    assert_ok(nastl_h5_put_floats(file, "/m/w", data, 2, shape));
    assert_ok(nastl_h5_put_strings(file, "/m/names", items, 4));
    assert_ok(nastl_h5_set_text(file, "/m", "family", "mlp"));
    assert_ok(nastl_h5_set_number(file, "/m", "rate", 0.1));
    assert_ok(nastl_h5_commit(file));
    nastl_h5_close(file);
}

/* Reads all there is; what fails, fails with NASTL_EFORMAT or NASTL_ENOENT. */
static void read_all(const char *path)
{
    struct nastl_h5 *file;
    char **items, *text;
    float data[300];
    double number;
    size_t count;
    if (nastl_h5_open(&file, path) < 0)
        return;
    if (nastl_h5_children(file, "/m", &items, &count) == NASTL_OK)
        nastl_h5_free_strings(items, count);
    if (nastl_h5_get_strings(file, "/m/names", &items, &count) == NASTL_OK)
        nastl_h5_free_strings(items, count);
    if (nastl_h5_get_text(file, "/m", "family", &text) == NASTL_OK)
        free(text);
    nastl_h5_get_number(file, "/m", "rate", &number);
    nastl_h5_get_floats(file, "/m/w", data, 300);
    nastl_h5_close(file);
}

static void damaged_bytes_do_no_harm(void **state)
{
    const uint64_t seed = 31;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    const char *whole = scratch(state, "sound.h5"), *bad = scratch(state, "damaged.h5");
    char *bytes, *copy;
    size_t length;
    make_file(whole);
    assert_ok(nastl_file_read(&bytes, &length, whole, 1 << 20));
    copy = malloc(length);
    for (int round = 0; round < 500; round++) {
        memcpy(copy, bytes, length);
        for (uint64_t k = 1 + nastl_rng_below(&rng, 3); k > 0;) {
            const size_t at = nastl_rng_below(&rng, length);
            if (bytes[at] == 0 && nastl_rng_below(&rng, 20))
                continue; /* most of the file is zeros that nothing reads */
            copy[at] = (char)nastl_rng_u32(&rng);
            k--;
        }
        scratch_write(bad, copy, length);
        read_all(bad);
    }
    free(copy);
    free(bytes);
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
    make_file(whole);
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
    struct nastl_h5 *file;
    assert_ok(nastl_h5_create(&file, path));
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
    assert_error(nastl_h5_get_strings(file, "/s", &found, &count), NASTL_EFORMAT,
                 "strings are damaged");
    nastl_h5_close(file);
    free(items);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_bytes_do_no_harm),
        cmocka_unit_test(what_is_no_hdf5_is_refused),
        cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(other_files_are_not_touched),
        cmocka_unit_test(foreign_types_are_read_or_refused),
        cmocka_unit_test(shared_strings_are_no_bomb),
    };
    return cmocka_run_group_tests_name("io_h5_strangers", tests, scratch_setup,
                                       scratch_teardown);
}
