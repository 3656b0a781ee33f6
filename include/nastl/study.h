/* study.h: study folders: one search, resumable, movable to another machine.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NASTL_STUDY_H
#define NASTL_STUDY_H

#include <stdbool.h>

#include <nastl/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `nas-tl study list`: the studies in a folder (itself and its children), as an aligned
 * table or one JSON array. The caller frees *out. */
NASTL_API int nastl_study_list(char **out, const char *folder, bool json);

/* `nas-tl study show`: what was asked, how far it is, the front as a table (or the JSON
 * of it). Works while the study runs. */
NASTL_API int nastl_study_show(char **out, const char *folder, bool json);

/* Where a front member's model is: MODEL is FILE.h5[:/GROUP] or STUDY[:TRIAL]; without
 * TRIAL what the study delivers. The caller frees *file and *group. */
NASTL_API int nastl_study_model(char **file, char **group, const char *model);

#ifdef __cplusplus
}
#endif
#endif
