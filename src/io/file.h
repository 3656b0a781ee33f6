/* file.h: whole files: read, written so that they never break, and their SHA-256 (libmd).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NASTL_SHA256_TEXT = 65 }; /* 64 hexadecimal digits and a NUL */

/* Reads a file of at most `most` bytes; a NUL follows the text. The caller frees *out.
 * NASTL_ENOENT, NASTL_EIO or NASTL_EFORMAT (too large, a folder). */
int nastl_file_read(char **out, size_t *length, const char *path, size_t most);

/* Writes to a temporary name, flushes it to the disk, renames it to PATH and flushes the
 * folder; writes a device or a pipe in place. */
int nastl_file_write(const char *path, const char *text, size_t length);

/* The same in two steps, for writers that open files by themselves: *out is the name of
 * an empty new file beside `path`, PATH.PID-RANDOM.tmp (the caller frees it); commit
 * flushes and renames it, discard removes it. A failed commit leaves it there. Devices
 * and pipes have no such name: NASTL_EINVAL. */
int nastl_file_temporary(char **out, const char *path);
int nastl_file_commit(const char *temporary, const char *path);
void nastl_file_discard(const char *temporary);
/* Both around `fill`, which writes the temporary file. */
int nastl_file_replace(const char *path,
                       int (*fill)(const char *temporary, void *payload), void *payload);

int nastl_file_sha256(char out[NASTL_SHA256_TEXT], const char *path);
bool nastl_file_exists(const char *path);
bool nastl_file_is_folder(const char *path);
bool nastl_file_is_device(const char *path); /* or a pipe: there, no file and no folder */
int nastl_file_make_folder(const char *path); /* NASTL_OK when it is there already */

/* The sentence and the status of an errno: "PATH: VERB: WHY; WHAT TO DO". `verb` is what
 * was tried, as in "cannot read". */
int nastl_file_error(const char *path, const char *verb, int number);

/* "FOLDER/NAME", or NAME where NAME is absolute or folder NULL. The caller frees *out. */
int nastl_file_join(char **out, const char *folder, const char *name);
/* The folder a path is in: "." for a bare name. The caller frees *out. */
int nastl_file_folder_of(char **out, const char *path);
/* Whether a file may come to stand at PATH, asked before the work for it is done:
 * NASTL_ENOENT where its folder is not there, NASTL_EINVAL where it is a folder. */
int nastl_file_check_place(const char *path);

#endif
