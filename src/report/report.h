/* report.h: formats of a report; each is one entry of the table in report.c.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <nastl/report.h>

/* Each renders the study in `folder`; the caller frees *out. */
typedef int (*nastl_report_renderer)(char **out, const char *folder);

int nastl_report_json(char **out, const char *folder);
int nastl_report_csv(char **out, const char *folder);
int nastl_report_markdown(char **out, const char *folder);

/* NASTL_ENOENT: the file of the study is not there yet. */
int nastl_report_missing(const char *folder, const char *name);

#endif
