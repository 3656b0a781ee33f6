/* sysfs.c: see sysfs.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "meter/sysfs.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool nastl_sysfs_line(char *out, size_t size, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    const bool got = fgets(out, (int)size, file) != NULL;
    fclose(file);
    if (!got)
        return false;
    out[strcspn(out, "\n")] = '\0';
    return out[0] != '\0';
}

bool nastl_sysfs_number(long *out, const char *format, ...)
{
    char path[256], line[64], *end;
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(path, sizeof path, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof path ||
        !nastl_sysfs_line(line, sizeof line, path))
        return false;
    *out = strtol(line, &end, 10);
    return end != line;
}

/* "model name\t: AMD EPYC 7543\n" -> "AMD EPYC 7543" where the key is "model name". */
static const char *value_of(char *line, const char *key)
{
    const size_t length = strlen(key);
    if (strncmp(line, key, length) != 0)
        return NULL;
    char *at = line + length;
    at += strspn(at, " \t");
    if (*at++ != ':')
        return NULL;
    at += strspn(at, " \t");
    char *end = at + strlen(at);
    while (end > at && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return at;
}

bool nastl_sysfs_cpuinfo(char *out, size_t size, const char *key)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file)
        return false;
    char line[8192]; /* the flags of a processor of today take 2 kB */
    const char *value = NULL;
    while (!value && fgets(line, sizeof line, file))
        value = value_of(line, key);
    fclose(file);
    if (!value || !*value)
        return false;
    snprintf(out, size, "%s", value);
    return true;
}

bool nastl_sysfs_is_virtual(void)
{
    char flags[8192];
    if (!nastl_sysfs_cpuinfo(flags, sizeof flags, "flags"))
        return false;
    char *rest = flags;
    for (const char *flag; (flag = strsep(&rest, " "));)
        if (strcmp(flag, "hypervisor") == 0)
            return true;
    return false;
}

long nastl_sysfs_paranoid(long most)
{
    long level;
    if (geteuid() == 0 ||
        !nastl_sysfs_number(&level, "/proc/sys/kernel/perf_event_paranoid"))
        return -1;
    return level > most ? level : -1;
}
