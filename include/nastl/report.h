/* report.h: renders a study.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NASTL_REPORT_H
#define NASTL_REPORT_H

#include <nastl/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The formats of this version, NULL at the end: json, csv, markdown. */
NASTL_API const char *const *nastl_report_formats(void);

/* Renders the study in `folder`; the caller frees *out. */
NASTL_API int nastl_report_render(char **out, const char *folder, const char *format);

#ifdef __cplusplus
}
#endif
#endif
