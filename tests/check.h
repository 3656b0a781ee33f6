/* check.h: what several tests share: cmocka with its own includes, scratch folders, error
 * sentences, allocations that fail on purpose.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

#include <nastl/error.h>

#define assert_ok(call) check_ok((call), #call, __FILE__, __LINE__)

/* The call fails with this status, and the sentence holds `part`. */
#define assert_error(call, status, part)                                                 \
    check_error((call), (status), (part), #call, __FILE__, __LINE__)

static inline void check_ok(int status, const char *call, const char *file, int line)
{
    if (status < 0) {
        print_error("%s: %d: %s\n", call, status, nastl_error_last());
        _fail(file, line);
    }
}

static inline void check_error(int status, int expected, const char *part,
                               const char *call, const char *file, int line)
{
    if (status != expected || !strstr(nastl_error_last(), part)) {
        print_error("%s: %d '%s', expected %d '%s'\n", call, status, nastl_error_last(),
                    expected, part);
        _fail(file, line);
    }
}

/* ---- scratch folders: the setup and teardown of a group; *state is the path ---------
 */

static inline int scratch_setup(void **state)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/nastl-test-XXXXXX", base ? base : "/tmp") < 0)
        return -1;
    *state = path;
    return mkdtemp(path) ? 0 : -1;
}

static inline int scratch_remove_one(const char *path, const struct stat *info, int kind,
                                     struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline int scratch_teardown(void **state)
{
    nftw(*state, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return 0;
}

/* "SCRATCH/NAME", valid until the next call but seven. */
static inline const char *scratch(void **state, const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", (const char *)*state, name);
    return path;
}

static inline void scratch_write(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* ---- time ---------------------------------------------------------------------------
 */

/* NASTL_SLOW says that all takes far longer than usual (valgrind): tests may do less. */
static inline bool is_slow(void)
{
    return getenv("NASTL_SLOW");
}

/* How long may take what usually takes `seconds` at most. */
static inline double allowed(double seconds)
{
    return is_slow() ? 250 * seconds : seconds;
}

/* ---- disks that run full ----------------------------------------------------------- */

/* From now on no file grows over `most` bytes; 0 lifts that. */
static inline void limit_files(size_t most)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = most ? most : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* ---- memory that runs out ---------------------------------------------------------- */

/* The first, then the second, … allocation fails, until there are enough: each time
 * `attempt` says NASTL_ENOMEM. What it leaks, AddressSanitizer sees. */
static inline void check_out_of_memory(int (*attempt)(void *payload), void *payload)
{
    for (size_t n = 1; n < 100000; n++) {
        nastl_alloc_fail_from(n);
        const int status = attempt(payload);
        nastl_alloc_fail_from(0);
        if (status == NASTL_OK)
            return;
        if (status != NASTL_ENOMEM)
            print_error("allocation %zu: %d: %s\n", n, status, nastl_error_last());
        assert_int_equal(status, NASTL_ENOMEM);
    }
    fail_msg("it never succeeds");
}

#endif
