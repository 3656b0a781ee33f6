/* cache.h: how much memory is near.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CACHE_H
#define BASE_CACHE_H

#include <stddef.h>

/* Bytes of a core's second cache; 1 MiB where the system does not say. */
size_t nastl_cache_bytes(void);

#endif
