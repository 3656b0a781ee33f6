/* talk.c: progress and messages on standard error, results on standard output, and the
 * wish to stop.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <math.h>
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const double line_every = 5;   /* seconds, where standard error is no terminal */
static const double draw_every = 0.1; /* seconds, on a terminal */

static volatile sig_atomic_t is_stopped;

/* The display of this process: there is one standard error. */
static struct {
    bool on_terminal, is_drawn, has_said_stop;
    double told_at;
    char phase[48];
} display;

/* ---- signals ------------------------------------------------------------------------
 */

/* The first signal asks to stop; a second one, of either kind, ends at once, as a kill
 * would: nothing that was kept is lost. */
static void ask_to_stop(int signal)
{
    (void)signal;
    if (is_stopped)
        _exit(nastl_error_exit_code(NASTL_EINTERRUPTED));
    is_stopped = 1;
}

static void listen_for_signals(void)
{
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = 0};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static bool wants_stop(void *payload)
{
    (void)payload;
    return is_stopped;
}

/* ---- progress -----------------------------------------------------------------------
 */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
        return size.ws_col;
    return 80;
}

static void format_time(char out[16], double seconds)
{
    if (isnan(seconds) || seconds < 0)
        out[0] = '\0';
    else if (seconds < 120)
        snprintf(out, 16, "%.0f s", seconds);
    else if (seconds < 7200)
        snprintf(out, 16, "%.0f min", seconds / 60);
    else
        snprintf(out, 16, "%.1f h", seconds / 3600);
}

static void format_bar(char out[16], double share)
{
    const int filled = (int)(12 * (share < 0 ? 0 : share > 1 ? 1 : share));
    out[0] = '[';
    for (int i = 0; i < 12; i++)
        out[i + 1] = i < filled ? '#' : '.';
    memcpy(out + 13, "] ", 3);
}

static size_t append(char *line, size_t size, size_t length, const char *format, ...)
    NASTL_PRINTF(4, 5);

static size_t append(char *line, size_t size, size_t length, const char *format, ...)
{
    va_list args;
    if (length >= size)
        return length;
    va_start(args, format);
    const int added = vsnprintf(line + length, size - length, format, args);
    va_end(args);
    return length + (added > 0 ? (size_t)added : 0);
}

/* "search [####........] 21/64  1.9/s  left 23 s  best macro_f1 0.781" */
static void format_progress(char *line, size_t size,
                            const struct nastl_progress *progress)
{
    char bar[16] = "", left[16];
    size_t length = 0;
    if (progress->total > 0)
        format_bar(bar, progress->done / progress->total);
    format_time(left, progress->seconds_left);
    length = append(line, size, length, "%s %s", progress->phase, bar);
    if (progress->total > 0)
        length = append(line, size, length, "%.0f/%.0f", progress->done, progress->total);
    else if (progress->done > 0)
        length = append(line, size, length, "%.0f", progress->done);
    if (progress->rate > 0)
        length = append(line, size, length, "  %.2g/s", progress->rate);
    if (left[0])
        length = append(line, size, length, "  left %s", left);
    if (progress->best && progress->best[0])
        append(line, size, length, "  best %s", progress->best);
}

/* Cuts a line to `width` characters, before a figure where it can: half a number is a
 * wrong one. A continuation byte of UTF-8 is no character. */
static void cut(char *line, int width)
{
    char *field = NULL;
    for (char *at = line; *at; at++) {
        if (strncmp(at, "  ", 2) == 0)
            field = at;
        if (((unsigned char)*at & 0xc0) != 0x80 && width-- == 0) {
            *(field ? field : at) = '\0';
            return;
        }
    }
}

static void draw(char *line)
{
    cut(line, terminal_width() - 1);
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    display.is_drawn = true;
}

/* The first signal shows no effect where the front's members are being trained again. */
static void say_stop(void)
{
    if (!is_stopped || display.has_said_stop)
        return;
    display.has_said_stop = true;
    talk_end();
    fprintf(stderr, "nas-tl: stopping: what is done is put in order; once more leaves "
                    "at once\n");
}

static void show_progress(const struct nastl_progress *progress, void *payload)
{
    char line[512];
    (void)payload;
    say_stop();
    /* A file that collects lines wants few: a new phase is news on a terminal alone. */
    const bool is_new =
        display.on_terminal && strcmp(display.phase, progress->phase) != 0;
    const double every = display.on_terminal ? draw_every : line_every;
    if (!is_new && now() - display.told_at < every)
        return;
    display.told_at = now();
    snprintf(display.phase, sizeof display.phase, "%s", progress->phase);
    format_progress(line, sizeof line, progress);
    if (display.on_terminal)
        draw(line);
    else
        fprintf(stderr, "%s\n", line);
}

void talk_end(void)
{
    if (display.is_drawn)
        fprintf(stderr, "\r\033[K");
    display.is_drawn = false;
}

/* ---- messages -----------------------------------------------------------------------
 */

static void write_message(enum nastl_log_level level, const char *message, void *payload)
{
    (void)payload;
    talk_end();
    fprintf(stderr, "nas-tl: %s%s\n", level == NASTL_LOG_WARNING ? "warning: " : "",
            message);
}

static const struct nastl_log loud = {write_message, NULL}, silent = {NULL, NULL};

const struct nastl_log *talk_log(const struct args *args)
{
    return args->quiet ? &silent : &loud;
}

struct nastl_hooks talk_hooks(const struct args *args)
{
    listen_for_signals();
    display.on_terminal = isatty(STDERR_FILENO);
    display.told_at = display.on_terminal ? 0 : now();
    display.told_at = now();
    return (struct nastl_hooks){
        .log = *talk_log(args),
        .progress = args->quiet ? NULL : show_progress,
        .stop = wants_stop,
    };
}

/* ---- results ------------------------------------------------------------------------
 */

int print_text(const char *text)
{
    if (fputs(text, stdout) < 0 || fflush(stdout) != 0)
        return nastl_error_set(NASTL_EIO,
                               "standard output: cannot be written; make room or "
                               "mend the pipe");
    return NASTL_OK;
}

int print_and_free(char *text)
{
    const int status = print_text(text);
    free(text);
    return status;
}

/* A path as JSON text: quotes, backslashes and control characters escaped. */
static void put_json_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        const unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            printf("\\%c", byte);
        else if (byte < 0x20)
            printf("\\u%04x", byte);
        else
            putchar(byte);
    }
    putchar('"');
}

int print_written(const struct args *args, const char *path)
{
    if (!args->json)
        return NASTL_OK;
    printf("{\"out\": ");
    put_json_text(path);
    return print_text("}\n");
}
