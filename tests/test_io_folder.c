/* test_io_folder.c: folders that one process works in.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "io/file.h"
#include "io/folder.h"

#include <sys/wait.h>

/* Two opens of a folder are two holders, in one process as in two. */
static void one_holds_a_folder(void **state)
{
    int one, other;
    const char *folder = scratch(state, "held");
    assert_error(nastl_folder_hold(&one, folder), NASTL_ENOENT, "held");
    assert_ok(nastl_file_make_folder(folder));
    assert_ok(nastl_folder_hold(&one, folder));
    assert_error(nastl_folder_hold(&other, folder), NASTL_EINVAL, "another process");
    nastl_folder_release(other);
    nastl_folder_release(one);
    assert_ok(nastl_folder_hold(&other, folder));
    nastl_folder_release(other);
}

static void the_dead_hold_nothing(void **state)
{
    int held;
    const char *folder = scratch(state, "dead");
    assert_ok(nastl_file_make_folder(folder));
    const pid_t child = fork();
    if (child == 0) {
        _exit(nastl_folder_hold(&held, folder) == NASTL_OK ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_ok(nastl_folder_hold(&held, folder));
    nastl_folder_release(held);
}

static void make_file(const char *folder, const char *name)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    scratch_write(path, "x", 1);
}

static bool has_file(const char *folder, const char *name)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return nastl_file_exists(path);
}

static void temporaries_are_swept_and_nothing_else(void **state)
{
    static const char *const others[] = {
        "trial-1.h5",    "a.tmp",           ".12-0123abcd.tmp",     "a.12-0123abc.tmp",
        "a.12-0123abcd", "a.-0123abcd.tmp", "a.12-0123abcd.tmp.h5", "a.12_0123abcd.tmp"};
    static const char *const left[] = {
        "trial-1.h5.12-0123abcd.tmp", "study.db.7-89abcdef.tmp",
        "study.db.7-89abcdef.tmp-journal", "a.1-2.3-01234567.tmp"};
    const char *folder = scratch(state, "swept");
    char *temporary, path[700];
    assert_ok(nastl_file_make_folder(folder));
    snprintf(path, sizeof path, "%s/pareto.json", folder);
    assert_ok(nastl_file_temporary(&temporary, path));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        make_file(folder, others[i]);
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        make_file(folder, left[i]);
    nastl_folder_sweep(folder);
    assert_false(nastl_file_exists(temporary));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_true(has_file(folder, others[i]));
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        assert_false(has_file(folder, left[i]));
    free(temporary);
    nastl_folder_sweep(scratch(state, "not there"));
}

static void files_of_a_prefix_are_cleared(void **state)
{
    const char *folder = scratch(state, "cleared"),
               *inside = scratch(state, "cleared/refit-3");
    assert_ok(nastl_file_make_folder(folder));
    assert_ok(nastl_file_make_folder(inside));
    make_file(folder, "refit-1.h5");
    make_file(folder, "refit-22.h5");
    make_file(folder, "trial-1.h5");
    nastl_folder_clear(folder, "refit-");
    assert_false(has_file(folder, "refit-1.h5") || has_file(folder, "refit-22.h5"));
    assert_true(has_file(folder, "trial-1.h5") && nastl_file_is_folder(inside));
    nastl_folder_clear(folder, "");
    assert_false(has_file(folder, "trial-1.h5"));
    nastl_folder_clear(scratch(state, "not there"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_holds_a_folder),
        cmocka_unit_test(the_dead_hold_nothing),
        cmocka_unit_test(temporaries_are_swept_and_nothing_else),
        cmocka_unit_test(files_of_a_prefix_are_cleared),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
