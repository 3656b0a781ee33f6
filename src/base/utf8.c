/* utf8.c: see utf8.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <string.h>

/* 0 for a byte that cannot come first. */
static size_t length_of(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

static int is_character(uint32_t code, size_t bytes)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    return code >= least[bytes] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

size_t nastl_utf8_decode(uint32_t *code, const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    const size_t bytes = length ? length_of(*at) : 0;
    if (bytes == 0 || bytes > length)
        return 0;
    uint32_t value = bytes == 1 ? *at : *at & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (at[i] & 0x3fu);
    }
    if (!is_character(value, bytes))
        return 0;
    *code = value;
    return bytes;
}

/* Nearly all of a data file is ASCII: eight bytes a step there. */
static size_t skip_ascii(const char *text, size_t at, size_t length)
{
    while (length - at >= 8) {
        uint64_t word;
        memcpy(&word, text + at, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
        at += 8;
    }
    return at;
}

size_t nastl_utf8_valid(const char *text, size_t length)
{
    size_t at = 0;
    while ((at = skip_ascii(text, at, length)) < length) {
        uint32_t code;
        const size_t bytes = nastl_utf8_decode(&code, text + at, length - at);
        if (bytes == 0)
            break;
        at += bytes;
    }
    return at;
}
