/* report.c: the formats of a report, and those that are a study's files as they are.
 * SPDX-License-Identifier: Apache-2.0 */
#include "report/report.h"

#include "base/error.h"
#include "base/opt.h"
#include "base/strbuf.h"
#include "io/file.h"
#include "study/study.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"json", "csv", "markdown", NULL};

static const nastl_report_renderer renderers[] = {
    nastl_report_json,
    nastl_report_csv,
    nastl_report_markdown,
};

enum { FORMATS = sizeof renderers / sizeof *renderers };
_Static_assert(sizeof names / sizeof *names == FORMATS + 1, "one a name");

const char *const *nastl_report_formats(void)
{
    return names;
}

/* ---- files as they are ------------------------------------------------------------- */

int nastl_report_missing(const char *folder, const char *name)
{
    return nastl_error(NASTL_ENOENT,
                       "%s: it has no %s yet; go on with the search (--resume)", folder,
                       name);
}

static int published(char **out, const char *folder, const char *name)
{
    enum { MOST_BYTES = 256 << 20 };
    char *path;
    size_t length;
    TRY(nastl_file_join(&path, folder, name));
    int status = nastl_file_read(out, &length, path, MOST_BYTES);
    free(path);
    return status == NASTL_ENOENT ? nastl_report_missing(folder, name) : status;
}

int nastl_report_json(char **out, const char *folder)
{
    return published(out, folder, "pareto.json");
}

int nastl_report_csv(char **out, const char *folder)
{
    return published(out, folder, "pareto.csv");
}

/* ---- choosing ---------------------------------------------------------------------- */

static int unknown_format(const char *format)
{
    struct nastl_strbuf there;
    nastl_strbuf_init(&there);
    for (size_t i = 0; i < FORMATS; i++)
        nastl_strbuf_addf(&there, "%s%s", i ? ", " : "", names[i]);
    const char *near = nastl_text_nearest(names, FORMATS, format);
    if (near)
        nastl_strbuf_addf(&there, " (did you mean %s?)", near);
    const char *text = nastl_strbuf_text(&there);
    const int status =
        nastl_error(NASTL_EINVAL,
                    "--format %s: not a format of this version; give one of "
                    "%s",
                    format, text ? text : names[0]);
    nastl_strbuf_finish(&there);
    return status;
}

int nastl_report_render(char **out, const char *folder, const char *format)
{
    size_t i = 0;
    while (i < FORMATS && strcmp(names[i], format) != 0)
        i++;
    if (i == FORMATS)
        return unknown_format(format);
    const int there = nastl_study_probe(folder);
    if (there <= 0)
        return there < 0 ? there : nastl_study_missing(folder);
    return renderers[i](out, folder);
}
