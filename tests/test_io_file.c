/* test_io_file.c: whole files.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/rng.h"
#include "io/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static size_t count_entries(const char *folder)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2; /* . and .. */
}

static void what_is_written_is_read(void **state)
{
    static const size_t lengths[] = {0, 1, 100, 65535, 65536, 65537, 1000000};
    struct nastl_rng rng;
    nastl_rng_init(&rng, 1, 0, NASTL_RNG_TEST);
    const char *path = scratch(state, "whole");
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char *text = malloc(lengths[i] + 1), *again;
        for (size_t k = 0; k < lengths[i]; k++)
            text[k] = (char)nastl_rng_u32(&rng);
        size_t length;
        assert_ok(nastl_file_write(path, text, lengths[i]));
        assert_ok(nastl_file_read(&again, &length, path, lengths[i]));
        assert_int_equal(length, lengths[i]);
        assert_memory_equal(text, again, length);
        assert_int_equal(again[length], '\0');
        free(again);
        free(text);
    }
}

static void a_pipe_is_read_to_its_end(void **state)
{
    (void)state;
    int ends[2];
    char path[64], text[1000], *again;
    size_t length;
    memset(text, 'x', sizeof text);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, sizeof text), sizeof text);
    close(ends[1]);
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    assert_ok(nastl_file_read(&again, &length, path, 5000));
    assert_int_equal(length, sizeof text);
    free(again);
    close(ends[0]);
}

static void reading_says_why_not(void **state)
{
    char *text;
    size_t length;
    const char *path = scratch(state, "five"), *none = scratch(state, "none");
    scratch_write(path, "12345", 5);
    assert_error(nastl_file_read(&text, &length, path, 4), NASTL_EFORMAT, "five: larger");
    assert_error(nastl_file_read(&text, &length, none, 4), NASTL_ENOENT, "none: ");
    assert_error(nastl_file_read(&text, &length, *state, 4), NASTL_EFORMAT, "folder");
    assert_error(nastl_file_read(&text, &length, "/dev/zero", 1 << 20), NASTL_EFORMAT,
                 "/dev/zero: larger");
    char sha[NASTL_SHA256_TEXT];
    assert_error(nastl_file_sha256(sha, none), NASTL_ENOENT, "none: ");
    assert_error(nastl_file_sha256(sha, *state), NASTL_EFORMAT, "folder");
}

static void writing_says_why_not(void **state)
{
    const char *lost = scratch(state, "no/such/file");
    assert_error(nastl_file_write(lost, "x", 1), NASTL_ENOENT, lost);
    assert_error(nastl_file_write(*state, "x", 1), NASTL_EINVAL, "folder");
    assert_error(nastl_file_write("/dev/full", "x", 1), NASTL_EIO,
                 "/dev/full: cannot write: No space left on device; free some space");
    char *temporary;
    assert_error(nastl_file_temporary(&temporary, "/dev/null"), NASTL_EINVAL,
                 "no regular file");
    assert_error(nastl_file_temporary(&temporary, lost), NASTL_ENOENT, lost);
}

static void a_write_that_fails_changes_nothing(void **state)
{
    const char *path = scratch(state, "kept");
    assert_ok(nastl_file_write(path, "old", 3));
    const size_t before = count_entries(*state);
    char *big = calloc(5000, 1);
    limit_files(1000);
    const int status = nastl_file_write(path, big, 5000);
    limit_files(0);
    free(big);
    assert_int_equal(status, NASTL_EIO);
    assert_non_null(strstr(nastl_error_last(), path));
    assert_int_equal(count_entries(*state), before);
    char *text;
    assert_ok(nastl_file_read(&text, NULL, path, 10));
    assert_string_equal(text, "old");
    free(text);
}

static void devices_are_written_in_place(void **state)
{
    (void)state;
    assert_ok(nastl_file_write("/dev/null", "x", 1));
    assert_true(nastl_file_is_device("/dev/null"));
    assert_false(nastl_file_is_device("/dev"));
    assert_false(nastl_file_is_device(scratch(state, "none")));
    struct stat info;
    assert_int_equal(stat("/dev/null", &info), 0);
    assert_true(S_ISCHR(info.st_mode));
}

static void temporaries_differ_and_can_be_discarded(void **state)
{
    char *a, *b;
    const char *path = scratch(state, "target");
    assert_ok(nastl_file_temporary(&a, path));
    assert_ok(nastl_file_temporary(&b, path));
    assert_string_not_equal(a, b);
    assert_true(nastl_file_exists(a));
    assert_false(nastl_file_exists(path));
    assert_ok(nastl_file_commit(a, path));
    assert_true(nastl_file_exists(path));
    assert_false(nastl_file_exists(a));
    nastl_file_discard(b);
    assert_false(nastl_file_exists(b));
    assert_error(nastl_file_commit(b, path), NASTL_ENOENT, path);
    free(a);
    free(b);
}

static void permissions_follow_the_umask(void **state)
{
    const char *path = scratch(state, "mode");
    const mode_t before = umask(027);
    assert_ok(nastl_file_write(path, "x", 1));
    umask(before);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
}

static void sha256_gives_the_known_digests(void **state)
{
    char *million = malloc(1000000);
    memset(million, 'a', 1000000);
    const struct {
        const char *text;
        size_t length;
        const char *digest;
    } known[] = {
        {"", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {million, 1000000,
         "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    const char *path = scratch(state, "digest");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char digest[NASTL_SHA256_TEXT];
        scratch_write(path, known[i].text, known[i].length);
        assert_ok(nastl_file_sha256(digest, path));
        assert_string_equal(digest, known[i].digest);
    }
    free(million);
}

static void folders_are_made_once(void **state)
{
    const char *folder = scratch(state, "folder"), *file = scratch(state, "file");
    assert_false(nastl_file_is_folder(folder));
    assert_ok(nastl_file_make_folder(folder));
    assert_ok(nastl_file_make_folder(folder));
    assert_true(nastl_file_is_folder(folder));
    scratch_write(file, "", 0);
    assert_false(nastl_file_is_folder(file));
    assert_error(nastl_file_make_folder(file), NASTL_EEXIST, "is a file");
    assert_error(nastl_file_make_folder(scratch(state, "a/b")), NASTL_ENOENT, "a/b");
}

static void paths_are_joined_and_parted(void **state)
{
    (void)state;
    static const char *const joined[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a", "/b", "/b"},
        {NULL, "b", "b"},  {"/", "b", "/b"},   {"", "b", "b"},
    };
    static const char *const parted[][2] = {
        {"a", "."}, {"/a", "/"}, {"a/b", "a"}, {"/a/b/c", "/a/b"}, {"./a", "."}};
    char *path;
    for (size_t i = 0; i < sizeof joined / sizeof *joined; i++) {
        assert_ok(nastl_file_join(&path, joined[i][0], joined[i][1]));
        assert_string_equal(path, joined[i][2]);
        free(path);
    }
    for (size_t i = 0; i < sizeof parted / sizeof *parted; i++) {
        assert_ok(nastl_file_folder_of(&path, parted[i][0]));
        assert_string_equal(path, parted[i][1]);
        free(path);
    }
}

static int write_and_read(void *path)
{
    char *text = NULL;
    char digest[NASTL_SHA256_TEXT];
    int status = nastl_file_write(path, "text", 4);
    if (status == NASTL_OK)
        status = nastl_file_read(&text, NULL, path, 10);
    if (status == NASTL_OK)
        status = nastl_file_sha256(digest, path);
    free(text);
    return status;
}

static void out_of_memory_is_reported(void **state)
{
    check_out_of_memory(write_and_read, (void *)(uintptr_t)scratch(state, "memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_pipe_is_read_to_its_end),
        cmocka_unit_test(reading_says_why_not),
        cmocka_unit_test(writing_says_why_not),
        cmocka_unit_test(a_write_that_fails_changes_nothing),
        cmocka_unit_test(devices_are_written_in_place),
        cmocka_unit_test(temporaries_differ_and_can_be_discarded),
        cmocka_unit_test(permissions_follow_the_umask),
        cmocka_unit_test(sha256_gives_the_known_digests),
        cmocka_unit_test(folders_are_made_once),
        cmocka_unit_test(paths_are_joined_and_parted),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests_name("io_file", tests, scratch_setup, scratch_teardown);
}
