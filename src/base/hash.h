/* hash.h: 64-bit FNV-1a, for identities and tables; nothing secret rests on it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define NASTL_HASH_START UINT64_C(0xcbf29ce484222325)

uint64_t nastl_hash_bytes(uint64_t hash, const void *bytes, size_t length);
uint64_t nastl_hash_text(uint64_t hash,
                         const char *text); /* with its NUL: "a","b" != "ab" */
uint64_t nastl_hash_u64(uint64_t hash, uint64_t value);

#endif
