/* error.h: how the library reports failures to itself: set the sentence where it happens,
 * pass the code up with TRY.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <nastl/error.h>

/* Sets the calling thread's sentence and returns `status`. */
int nastl_error(int status, const char *format, ...) NASTL_PRINTF(2, 3);

/* Puts "prefix: " before the calling thread's sentence and returns `status`. */
int nastl_error_prefix(int status, const char *format, ...) NASTL_PRINTF(2, 3);

/* "out of memory" with what was being allocated. */
int nastl_error_nomem(const char *what);

/* Writes one line through `log`; NULL is silent. */
void nastl_log_warning(const struct nastl_log *log, const char *format, ...)
    NASTL_PRINTF(2, 3);
void nastl_log_info(const struct nastl_log *log, const char *format, ...)
    NASTL_PRINTF(2, 3);

/* Returns from the calling function with the status of `call` if it failed. */
#define TRY(call)                                                                        \
    do {                                                                                 \
        int try_status_ = (call);                                                        \
        if (try_status_ < 0)                                                             \
            return try_status_;                                                          \
    } while (0)

/* Jumps to `label` with `status` set if `call` failed. */
#define TRY_GOTO(status, call, label)                                                    \
    do {                                                                                 \
        (status) = (call);                                                               \
        if ((status) < 0)                                                                \
            goto label;                                                                  \
    } while (0)

#endif
