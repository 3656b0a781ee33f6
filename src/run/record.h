/* record.h: study.yaml: everything that was asked, with defaults filled in, and the data
 * files with their SHA-256. `nas-tl search --config STUDY/study.yaml` repeats the study;
 * a resume is held against it. SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_RECORD_H
#define RUN_RECORD_H

#include <nastl/run.h>

/* `files` are the data files that were read. */
int nastl_record_write(const char *path, const struct nastl_search_params *params,
                       const struct nastl_list *files);

/* NASTL_EINVAL where an option that decides results differs from the record (trials, time
 * and jobs may), or a file that has changed since. Objectives that are unset are the
 * default ones, which the record names. */
int nastl_record_check(const char *path, const struct nastl_search_params *params);

#endif
