/* clock.h: time that never jumps, and a sleep.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

double nastl_clock_seconds(void);      /* monotonic */
int64_t nastl_clock_nanoseconds(void); /* monotonic */
double nastl_clock_thread_cpu(void);   /* CPU seconds of the calling thread */
double nastl_clock_process_cpu(void);  /* CPU seconds of the process, all threads */
void nastl_clock_sleep(double seconds);

/* "2026-01-31 12:34:56.123456" of the wall clock, UTC: for people and for the ledger. */
void nastl_clock_stamp(char out[32]);

#endif
