/* utf8.h: UTF-8, as Unicode 15 defines it: no overlong forms, no surrogates.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length of the valid beginning of `text`: `length` where all of it is UTF-8. */
size_t nastl_utf8_valid(const char *text, size_t length);

/* Decodes the first character of `length` bytes; returns its length, 0 where these bytes
 * are no UTF-8 or there are none. */
size_t nastl_utf8_decode(uint32_t *code, const char *text, size_t length);

#endif
