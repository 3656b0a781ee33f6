/* alloc.h: every allocation of the library goes through here: sizes are multiplied with a
 * check, large blocks are aligned for vectors, and a test can make the n-th call fail.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

enum { NASTL_ALIGN = 64 }; /* bytes: a cache line and an AVX-512 vector */

/* All return NULL when memory is out or count * size overflows. Free with free(). */
void *nastl_alloc(size_t count, size_t size);      /* uninitialised */
void *nastl_alloc_zero(size_t count, size_t size); /* zeroed */
void *nastl_alloc_resize(void *block, size_t count, size_t size);
void *nastl_alloc_aligned(size_t count, size_t size); /* zeroed, NASTL_ALIGN aligned */
char *nastl_strdup(const char *text);                 /* NULL gives NULL */
char *nastl_strndup(const char *text, size_t length);

/* Tests only: the calling thread's n-th allocation from now fails (1 is the next), and
 * all after it; 0 switches that off. nastl_alloc_count() counts the thread's calls. */
void nastl_alloc_fail_from(size_t n);
size_t nastl_alloc_count(void);

#endif
