/* clock.c: see clock.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t nanoseconds_of(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

double nastl_clock_seconds(void)
{
    return (double)nanoseconds_of(CLOCK_MONOTONIC) * 1e-9;
}

int64_t nastl_clock_nanoseconds(void)
{
    return nanoseconds_of(CLOCK_MONOTONIC);
}

double nastl_clock_thread_cpu(void)
{
    return (double)nanoseconds_of(CLOCK_THREAD_CPUTIME_ID) * 1e-9;
}

double nastl_clock_process_cpu(void)
{
    return (double)nanoseconds_of(CLOCK_PROCESS_CPUTIME_ID) * 1e-9;
}

void nastl_clock_sleep(double seconds)
{
    struct timespec left = {.tv_sec = (time_t)seconds};
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) != 0)
        ;
}

void nastl_clock_stamp(char out[32])
{
    struct timespec now;
    struct tm utc;
    char text[24];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &utc);
    snprintf(out, 32, "%s.%06ld", text, now.tv_nsec / 1000 % 1000000);
}
