/* folder.c: see folder.h. The lock is the kernel's (flock): it leaves no file behind and
 * dies with its process.
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/folder.h"

#include "base/error.h"
#include "io/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* ---- one process at a time --------------------------------------------------------- */

/* Whoever was killed a moment ago may still be going. */
enum { ATTEMPTS = 20 };
static const struct timespec between = {.tv_nsec = 100000000};

static bool is_held_by_another(int folder)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        if (flock(folder, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
            return false;
        nanosleep(&between, NULL);
    }
    return true;
}

int nastl_folder_hold(int *out, const char *folder)
{
    *out = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*out < 0)
        return nastl_file_error(folder, "cannot open", errno);
    if (!is_held_by_another(*out))
        return NASTL_OK;
    nastl_folder_release(*out);
    *out = -1;
    return nastl_error(
        NASTL_EINVAL, "%s: another process works in it; wait until that ends, or stop it",
        folder);
}

void nastl_folder_release(int held)
{
    if (held >= 0)
        close(held);
}

/* ---- what the killed left ---------------------------------------------------------- */

static size_t digits(const char *text, int (*is_digit)(int))
{
    size_t count = 0;
    while (is_digit((unsigned char)text[count]))
        count++;
    return count;
}

/* ".PID-RANDOM.tmp", and what SQLite puts beside a database of such a name. */
static bool is_end_of_temporary(const char *text)
{
    static const char *const ends[] = {".tmp", ".tmp-journal", ".tmp-wal", ".tmp-shm"};
    const size_t pid = digits(text + 1, isdigit);
    if (text[0] != '.' || pid == 0 || text[1 + pid] != '-')
        return false;
    const char *random = text + 2 + pid;
    if (digits(random, isxdigit) != 8)
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp(random + 8, ends[i]) == 0)
            return true;
    return false;
}

static bool is_temporary(const char *name)
{
    for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.'))
        if (dot > name && is_end_of_temporary(dot))
            return true;
    return false;
}

void nastl_folder_sweep(const char *folder)
{
    const struct dirent *entry;
    DIR *handle = opendir(folder);
    if (!handle)
        return;
    while ((entry = readdir(handle)))
        if (is_temporary(entry->d_name))
            unlinkat(dirfd(handle), entry->d_name, 0);
    closedir(handle);
}

void nastl_folder_clear(const char *folder, const char *prefix)
{
    const struct dirent *entry;
    DIR *handle = opendir(folder);
    if (!handle)
        return;
    while ((entry = readdir(handle)))
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            unlinkat(dirfd(handle), entry->d_name, 0); /* refuses folders */
    closedir(handle);
}
