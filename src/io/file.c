/* file.c: whole files through the system calls: a file is written beside its place and
 * moved there, so a reader sees the old one or the new one and nothing between.
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/file.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <sha256.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 65536 };

/* ---- failures ---------------------------------------------------------------------- */

static int status_of(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return NASTL_ENOENT;
    case ENOMEM:
        return NASTL_ENOMEM;
    case ENAMETOOLONG:
    case EISDIR:
        return NASTL_EINVAL;
    default:
        return NASTL_EIO;
    }
}

static const char *advice_of(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return "check the path";
    case EACCES:
    case EPERM:
        return "check its permissions";
    case EROFS:
        return "choose a place that can be written";
    case ENOSPC:
    case EDQUOT:
        return "free some space";
    case EISDIR:
        return "give a file";
    case ENAMETOOLONG:
        return "choose a shorter name";
    default:
        return "check the disk";
    }
}

int nastl_file_error(const char *path, const char *verb, int number)
{
    char buffer[128];
    return nastl_error(status_of(number), "%s: %s: %s; %s", path, verb,
                       strerror_r(number, buffer, sizeof buffer), advice_of(number));
}

/* ---- reading ----------------------------------------------------------------------- */

/* read() until `length` bytes, the end, or an error; -1 leaves errno. */
static ssize_t read_fully(int fd, char *to, size_t length)
{
    size_t have = 0;
    while (have < length) {
        const ssize_t got = read(fd, to + have, length - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

static int open_to_read(int *out, struct stat *info, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return nastl_file_error(path, "cannot open", errno);
    if (fstat(fd, info) != 0) {
        const int number = errno;
        close(fd);
        return nastl_file_error(path, "cannot open", number);
    }
    if (S_ISDIR(info->st_mode)) {
        close(fd);
        return nastl_error(NASTL_EFORMAT, "%s: is a folder; give a file", path);
    }
    *out = fd;
    return NASTL_OK;
}

static int too_large(const char *path, size_t most)
{
    return nastl_error(NASTL_EFORMAT, "%s: larger than %zu bytes; give a smaller file",
                       path, most);
}

/* A pipe has no size and a file may grow meanwhile: what counts is where the end comes.
 */
static int read_all(char **text, size_t *length, int fd, size_t expected, size_t most,
                    const char *path)
{
    size_t capacity = expected + 1;
    for (;;) {
        char *grown = nastl_alloc_resize(*text, capacity + 1, 1);
        if (!grown)
            return nastl_error_nomem(path);
        *text = grown;
        const ssize_t got = read_fully(fd, grown + *length, capacity - *length);
        if (got < 0)
            return nastl_file_error(path, "cannot read", errno);
        *length += (size_t)got;
        if (*length > most)
            return too_large(path, most);
        if (*length < capacity) {
            grown[*length] = '\0';
            return NASTL_OK;
        }
        capacity = capacity < most / 2 ? 2 * capacity + CHUNK : most + 1;
    }
}

int nastl_file_read(char **out, size_t *length, const char *path, size_t most)
{
    int fd;
    struct stat info;
    TRY(open_to_read(&fd, &info, path));
    const size_t expected = info.st_size > 0 ? (size_t)info.st_size : 0;
    char *text = NULL;
    size_t have = 0;
    const int status = expected > most ? too_large(path, most)
                                       : read_all(&text, &have, fd, expected, most, path);
    close(fd);
    if (status < 0) {
        free(text);
        return status;
    }
    *out = text;
    if (length)
        *length = have;
    return NASTL_OK;
}

int nastl_file_sha256(char out[NASTL_SHA256_TEXT], const char *path)
{
    int fd;
    struct stat info;
    TRY(open_to_read(&fd, &info, path));
    char *chunk = nastl_alloc(CHUNK, 1);
    if (!chunk) {
        close(fd);
        return nastl_error_nomem(path);
    }
    SHA256_CTX context;
    SHA256_Init(&context);
    ssize_t got;
    while ((got = read_fully(fd, chunk, CHUNK)) > 0)
        SHA256_Update(&context, (const uint8_t *)chunk, (size_t)got);
    const int number = errno;
    SHA256_End(&context, out);
    free(chunk);
    close(fd);
    return got < 0 ? nastl_file_error(path, "cannot read", number) : NASTL_OK;
}

/* ---- writing ----------------------------------------------------------------------- */

/* Only a regular file is replaced: not a folder, and never a device. */
static int check_target(const char *path)
{
    if (nastl_file_is_folder(path))
        return nastl_error(NASTL_EINVAL, "%s: is a folder; give a file name", path);
    if (nastl_file_is_device(path))
        return nastl_error(NASTL_EINVAL, "%s: is no regular file; give a file name",
                           path);
    return NASTL_OK;
}

/* Names are random and O_EXCL decides: two processes never share one. */
int nastl_file_temporary(char **out, const char *path)
{
    TRY(check_target(path));
    for (;;) {
        uint32_t random = 0;
        if (getrandom(&random, sizeof random, 0) != sizeof random)
            return nastl_file_error(path, "cannot choose a temporary name", errno);
        struct nastl_strbuf name;
        nastl_strbuf_init(&name);
        nastl_strbuf_addf(&name, "%s.%ld-%08x.tmp", path, (long)getpid(), random);
        char *temporary;
        TRY(nastl_strbuf_take(&temporary, &name));
        const int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            close(fd);
            *out = temporary;
            return NASTL_OK;
        }
        const int number = errno;
        free(temporary);
        if (number != EEXIST)
            return nastl_file_error(path, "cannot create", number);
    }
}

/* Some file systems cannot flush a folder; there is nothing more to do there. `path` is
 * what messages name. */
static int flush(const char *place, int flags, const char *path)
{
    const int fd = open(place, flags | O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return nastl_file_error(path, "cannot flush", errno);
    const int number = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    if (number && number != EINVAL && number != ENOTSUP)
        return nastl_file_error(path, "cannot flush", number);
    return NASTL_OK;
}

int nastl_file_commit(const char *temporary, const char *path)
{
    char *folder;
    TRY(nastl_file_folder_of(&folder, path));
    int status = flush(temporary, 0, path);
    if (status == NASTL_OK && rename(temporary, path) != 0)
        status = nastl_file_error(path, "cannot write", errno);
    if (status == NASTL_OK)
        status = flush(folder, O_DIRECTORY, path);
    free(folder);
    return status;
}

void nastl_file_discard(const char *temporary)
{
    unlink(temporary);
}

int nastl_file_replace(const char *path,
                       int (*fill)(const char *temporary, void *payload), void *payload)
{
    char *temporary;
    TRY(nastl_file_temporary(&temporary, path));
    int status = fill(temporary, payload);
    if (status == NASTL_OK)
        status = nastl_file_commit(temporary, path);
    if (status < 0)
        nastl_file_discard(temporary);
    free(temporary);
    return status;
}

struct text {
    const char *path; /* for sentences */
    const char *at;
    size_t length;
};

static int write_fully(const char *place, void *payload)
{
    const struct text *text = payload;
    const char *at = text->at, *end = at + text->length;
    const int fd = open(place, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return nastl_file_error(text->path, "cannot write", errno);
    int number = 0;
    while (at < end && number == 0) {
        const ssize_t put = write(fd, at, (size_t)(end - at));
        if (put >= 0)
            at += put;
        else if (errno != EINTR)
            number = errno;
    }
    if (close(fd) != 0 && number == 0)
        number = errno;
    return number ? nastl_file_error(text->path, "cannot write", number) : NASTL_OK;
}

int nastl_file_write(const char *path, const char *text, size_t length)
{
    struct text whole = {path, text, length};
    return nastl_file_is_device(path) ? write_fully(path, &whole)
                                      : nastl_file_replace(path, write_fully, &whole);
}

/* ---- paths ------------------------------------------------------------------------- */

bool nastl_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool nastl_file_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool nastl_file_is_device(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode);
}

int nastl_file_make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0)
        return NASTL_OK;
    if (errno != EEXIST)
        return nastl_file_error(path, "cannot create the folder", errno);
    if (!nastl_file_is_folder(path))
        return nastl_error(NASTL_EEXIST, "%s: is a file; give another folder", path);
    return NASTL_OK;
}

int nastl_file_join(char **out, const char *folder, const char *name)
{
    struct nastl_strbuf path;
    nastl_strbuf_init(&path);
    if (folder && *name != '/') {
        const size_t length = strlen(folder);
        nastl_strbuf_add(&path, folder);
        if (length && folder[length - 1] != '/')
            nastl_strbuf_add(&path, "/");
    }
    nastl_strbuf_add(&path, name);
    return nastl_strbuf_take(out, &path);
}

int nastl_file_folder_of(char **out, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        *out = nastl_strdup(".");
    else
        *out = nastl_strndup(path, slash == path ? 1 : (size_t)(slash - path));
    return *out ? NASTL_OK : nastl_error_nomem(path);
}

int nastl_file_check_place(const char *path)
{
    char *folder;
    TRY(nastl_file_folder_of(&folder, path));
    const bool is_there = nastl_file_is_folder(folder);
    free(folder);
    if (!is_there)
        return nastl_file_error(path, "cannot create", ENOENT);
    return nastl_file_is_folder(path)
               ? nastl_error(NASTL_EINVAL, "%s: is a folder; name a file", path)
               : NASTL_OK;
}
