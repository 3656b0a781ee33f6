/* version.h: the library's version. meson.build reads these three numbers.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NASTL_VERSION_H
#define NASTL_VERSION_H

#define NASTL_VERSION_MAJOR 0
#define NASTL_VERSION_MINOR 1
#define NASTL_VERSION_PATCH 0
#define NASTL_VERSION       "0.1.0"

#endif
