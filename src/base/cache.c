/* cache.c: see cache.h. The name is glibc's, no standard has one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/cache.h"

#include <unistd.h>

static const size_t ASSUMED = 1 << 20;

#ifdef _SC_LEVEL2_CACHE_SIZE
size_t nastl_cache_bytes(void)
{
    const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return bytes > 0 ? (size_t)bytes : ASSUMED;
}
#else
size_t nastl_cache_bytes(void)
{
    return ASSUMED;
}
#endif
