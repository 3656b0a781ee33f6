/* hash.c: Fowler, Noll, Vo's hash, variant 1a.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <string.h>

uint64_t nastl_hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t nastl_hash_text(uint64_t hash, const char *text)
{
    return nastl_hash_bytes(hash, text, strlen(text) + 1);
}

uint64_t nastl_hash_u64(uint64_t hash, uint64_t value)
{
    return nastl_hash_bytes(hash, &value, sizeof value);
}
