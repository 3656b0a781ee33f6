/* h5_inside.h: what the files h5*.c share; for them alone.
 *
 * Debian's HDF5 is not thread-safe: every public function goes in through enter() and out
 * through leave(), and nothing between the two calls a public function.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_H5_INSIDE_H
#define IO_H5_INSIDE_H

#include "io/h5.h"

#include <hdf5.h>

struct nastl_h5 {
    hid_t id; /* negative once committed */
    char *path;
    bool is_new;        /* made by nastl_h5_create(): in memory until commit */
    uint64_t size;      /* of the file on disk; UINT64_MAX for a new one */
    bool is_plain;      /* addresses and sizes of 8 bytes, counted from the beginning */
    bool heap_checked;  /* see h5_heap.c */
    char *image;        /* of a new file: HDF5's until it is closed, then ours */
    size_t image_bytes; /* allocated */
};

void nastl_h5_enter(void);
int nastl_h5_leave(int status); /* returns `status` */

/* HDF5 failed to do `verb`: the sentence has the innermost reason it gives. */
int nastl_h5_fail(const struct nastl_h5 *file, const char *path, const char *verb);

/* NASTL_EFORMAT "FILE:PATH: WHY; WHAT TO DO". */
int nastl_h5_refuse(const struct nastl_h5 *file, const char *path, const char *why);

/* NASTL_OK where every link on the way exists and none leaves the file; NASTL_ENOENT. */
int nastl_h5_find(const struct nastl_h5 *file, const char *path);

/* Opens a group or a dataset; H5Oclose(*out). */
int nastl_h5_open_object(hid_t *out, const struct nastl_h5 *file, const char *path);

/* Makes the groups above `path`; NASTL_EEXIST where something is there already. */
int nastl_h5_make_place(const struct nastl_h5 *file, const char *path);

/* How links are made: names in UTF-8; H5Pclose() it. */
hid_t nastl_h5_link_properties(void);

/* Whether `count` items of `size` bytes can come out of this file, compressed or not. */
bool nastl_h5_fits(const struct nastl_h5 *file, uint64_t count, size_t size);

/* Once a file, before HDF5 follows a reference into its heap of strings: NASTL_EFORMAT
 * where the heap is damaged. */
int nastl_h5_check_heap(struct nastl_h5 *file);

/* Reads `count` variable-length strings whose references stand at byte `at` of a plain
 * file. The caller frees the items, on failure too; they are NULL before. */
int nastl_h5_heap_strings(char **items, const struct nastl_h5 *file, uint64_t at,
                          size_t count);

#endif
