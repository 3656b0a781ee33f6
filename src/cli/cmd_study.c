/* cmd_study.c: nas-tl study list, study show, report and hardware.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- list and show ------------------------------------------------------------------
 */

static int run_list(struct args *args)
{
    char *text;
    const int status =
        nastl_study_list(&text, args->count ? args->positional[0] : ".", args->json);
    return status < 0 ? status : print_and_free(text);
}

const struct command command_list = {
    .name = "study list",
    .usage = "[DIR]",
    .summary = "lists the studies in a folder",
    .positional_most = 1,
    .run = run_list,
};

static int run_show(struct args *args)
{
    char *text;
    const int status = nastl_study_show(&text, args->positional[0], args->json);
    return status < 0 ? status : print_and_free(text);
}

const struct command command_show = {
    .name = "study show",
    .usage = "STUDY",
    .summary = "shows what a study was asked, how far it is, and its front",
    .examples = "  nas-tl study show study-1\n",
    .positional_least = 1,
    .positional_most = 1,
    .run = run_show,
};

/* ---- report -------------------------------------------------------------------------
 */

struct report_params {
    char *format, *out;
    bool force;
};

static const struct nastl_opt report_opts[] = {
    {"format", NASTL_OPT_TEXT, offsetof(struct report_params, format),
     .fallback = "markdown", .metavar = "FORMAT",
     .help = "json, csv or markdown; default markdown"},
    {"out", NASTL_OPT_TEXT, offsetof(struct report_params, out), .metavar = "FILE",
     .help = "where to write; default: standard output"},
    {"force", NASTL_OPT_BOOL, offsetof(struct report_params, force), .fallback = "false",
     .help = "write over a file that is there"},
    {NULL},
};

static int write_failed(const char *path)
{
    char text[512];
    const int why = errno;
    const bool is_place = why == ENOENT || why == ENOTDIR || why == EISDIR;
    if (why == EEXIST) {
        snprintf(text, sizeof text,
                 "%s: is there already; give another --out, or --force", path);
        return nastl_error_set(NASTL_EEXIST, text);
    }
    snprintf(text, sizeof text, "%s: cannot write: %s; name another file", path,
             strerror(why));
    return nastl_error_set(is_place ? NASTL_ENOENT : NASTL_EIO, text);
}

static int write_file(const char *path, const char *text, bool force)
{
    FILE *file = fopen(path, force ? "w" : "wx");
    if (!file)
        return write_failed(path);
    const bool is_written = fputs(text, file) >= 0;
    const bool is_closed = fclose(file) == 0;
    return is_written && is_closed ? NASTL_OK : write_failed(path);
}

static int run_report(struct args *args)
{
    const struct report_params *params = args->params;
    char *text;
    const char *format = args->json ? "json" : params->format;
    int status = nastl_report_render(&text, args->positional[0], format);
    if (status < 0 || !params->out)
        return status < 0 ? status : print_and_free(text);
    status = write_file(params->out, text, params->force);
    free(text);
    return status;
}

const struct command command_report = {
    .name = "report",
    .usage = "STUDY [--format json|csv|markdown] [--out FILE]",
    .summary = "renders a study",
    .examples =
        "  nas-tl report study-1\n  nas-tl report study-1 --format csv --out front.csv\n",
    .options = report_opts,
    .params_size = sizeof(struct report_params),
    .positional_least = 1,
    .positional_most = 1,
    .run = run_report,
};

/* ---- hardware -----------------------------------------------------------------------
 */

static int run_hardware(struct args *args)
{
    struct nastl_hardware hardware;
    char *text;
    int status = nastl_hardware_probe(&hardware);
    if (status == NASTL_OK)
        status = nastl_hardware_text(&text, &hardware, args->json);
    return status < 0 ? status : print_and_free(text);
}

const struct command command_hardware = {
    .name = "hardware",
    .usage = "",
    .summary = "shows what this machine offers, and why something is missing",
    .examples = "  nas-tl hardware --json\n",
    .run = run_hardware,
};
