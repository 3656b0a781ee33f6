/* sysfs.h: short facts from /sys and /proc. None allocates.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef METER_SYSFS_H
#define METER_SYSFS_H

#include <stdbool.h>
#include <stddef.h>

#include <nastl/error.h>

/* The first line of a file, without its end. false: no such file, or nothing in it. */
bool nastl_sysfs_line(char *out, size_t size, const char *path);

/* The number that a file begins with; the path is a printf format. */
bool nastl_sysfs_number(long *out, const char *format, ...) NASTL_PRINTF(2, 3);

/* The value of the first line "KEY : VALUE" of /proc/cpuinfo. */
bool nastl_sysfs_cpuinfo(char *out, size_t size, const char *key);

/* Whether the processor says that a hypervisor is between it and us. */
bool nastl_sysfs_is_virtual(void);

/* kernel.perf_event_paranoid where it is above `most` and we are not root, else -1. */
long nastl_sysfs_paranoid(long most);

#endif
