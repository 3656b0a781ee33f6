/* error.h: status codes, the calling thread's last error, messages and visibility.
 *
 * Every call that can fail returns 0 or one of the negative codes below, and leaves one
 * sentence "WHAT: WHY; WHAT TO DO" in nastl_error_last(). No call prints or exits.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NASTL_ERROR_H
#define NASTL_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define NASTL_API             __attribute__((visibility("default")))
#define NASTL_PRINTF(fmt, at) __attribute__((format(printf, fmt, at)))
#else
#define NASTL_API
#define NASTL_PRINTF(fmt, at)
#endif

enum nastl_status {
    NASTL_OK = 0,
    NASTL_ENOMEM = -1,  /* an allocation failed */
    NASTL_EINVAL = -2,  /* the call or an option is wrong */
    NASTL_EFORMAT = -3, /* an input file is wrong; the message names file, line, column */
    NASTL_EEXIST = -4,  /* it is there already and would be overwritten */
    NASTL_ENOENT = -5,  /* a file, column, trial or name that does not exist */
    NASTL_ENOTSUP = -6, /* this machine or build lacks what was asked for by name */
    NASTL_EIO = -7,     /* reading or writing failed */
    NASTL_ENUMERIC = -8,     /* a number is not finite where it has to be */
    NASTL_EINTERRUPTED = -9, /* stopped on request; what was done is kept */
    NASTL_EINTERNAL = -10    /* a library underneath failed unexpectedly */
};

/* The calling thread's last error as one sentence, "" if there was none. Borrowed: valid
 * until the thread's next failing call. */
NASTL_API const char *nastl_error_last(void);

/* Sets the calling thread's sentence and returns `status`: for programs on top of the
 * library that report their own failures in the same way. */
NASTL_API int nastl_error_set(int status, const char *sentence);

/* The process exit code that stands for a status: 0, 1, 2, 3 or 130. */
NASTL_API int nastl_error_exit_code(int status);

/* Messages. A call that may warn takes a `const struct nastl_log *`; NULL is silent.
 * `message` is one line without a newline. The callback runs on the calling thread. */
enum nastl_log_level { NASTL_LOG_WARNING, NASTL_LOG_INFO };

struct nastl_log {
    void (*write)(enum nastl_log_level level, const char *message, void *payload);
    void *payload;
};

#ifdef __cplusplus
}
#endif
#endif
