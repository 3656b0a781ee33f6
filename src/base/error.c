/* error.c: the thread-local sentence behind nastl_error_last(), and log lines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SENTENCE = 1024 };

static _Thread_local char sentence[SENTENCE];

/* A sentence is one line: whatever a file's bytes bring in, control characters go. */
static void keep_one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
}

const char *nastl_error_last(void)
{
    return sentence;
}

int nastl_error(int status, const char *format, ...)
{
    char text[SENTENCE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    keep_one_line(text);
    memcpy(sentence, text, sizeof text);
    return status;
}

int nastl_error_prefix(int status, const char *format, ...)
{
    char prefix[SENTENCE / 2], text[SENTENCE + SENTENCE / 2 + 3];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    snprintf(text, sizeof text, "%s: %s", prefix, sentence);
    return nastl_error(status, "%s", text);
}

int nastl_error_set(int status, const char *text)
{
    return nastl_error(status, "%s", text);
}

int nastl_error_nomem(const char *what)
{
    return nastl_error(NASTL_ENOMEM, "%s: out of memory; free some or use less data",
                       what);
}

int nastl_error_exit_code(int status)
{
    switch (status) {
    case NASTL_OK:
        return 0;
    case NASTL_EINVAL:
    case NASTL_EFORMAT:
    case NASTL_EEXIST:
    case NASTL_ENOENT:
        return 2;
    case NASTL_ENOTSUP:
        return 3;
    case NASTL_EINTERRUPTED:
        return 130;
    default:
        return status > 0 ? 0 : 1;
    }
}

static void log_line(const struct nastl_log *log, enum nastl_log_level level,
                     const char *format, va_list args)
{
    if (!log || !log->write)
        return;
    char text[SENTENCE];
    vsnprintf(text, sizeof text, format, args);
    keep_one_line(text);
    log->write(level, text, log->payload);
}

void nastl_log_warning(const struct nastl_log *log, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(log, NASTL_LOG_WARNING, format, args);
    va_end(args);
}

void nastl_log_info(const struct nastl_log *log, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(log, NASTL_LOG_INFO, format, args);
    va_end(args);
}
