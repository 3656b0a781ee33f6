/* data.h: tables of network data: load, describe, convert, split.
 *
 * DATA is FILE.csv, FILE.csv.gz, FILE.h5, or a descriptor datasets/NAME.yaml (schema
 * nas-tl/dataset/v1). Relative paths inside a descriptor are looked up beside it, then in
 * `folder` (--data-dir), then in the environment variable NASTL_DATA_DIR.
 * A table may be read by any number of threads; nothing changes one after loading.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NASTL_DATA_H
#define NASTL_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nastl/error.h>
#include <nastl/opt.h>

#ifdef __cplusplus
extern "C" {
#endif

enum nastl_task {
    NASTL_TASK_AUTO,
    NASTL_TASK_BINARY,
    NASTL_TASK_MULTICLASS,
    NASTL_TASK_REGRESSION,
    NASTL_TASK_COUNT
};
NASTL_API const char *nastl_task_name(enum nastl_task task); /* "binary" … */

struct nastl_table;

/* Loads DATA. Column kinds are inferred: numeric where every non-missing value is a
 * number, categorical otherwise; a descriptor overrides. The caller owns *out. */
NASTL_API int nastl_table_load(struct nastl_table **out, const char *data,
                               const char *folder);
NASTL_API void nastl_table_destroy(struct nastl_table *table);
NASTL_API size_t nastl_table_rows(const struct nastl_table *table);
NASTL_API size_t nastl_table_columns(const struct nastl_table *table);
NASTL_API const char *nastl_table_column_name(const struct nastl_table *table,
                                              size_t column);

/* `nas-tl data describe`: what is in DATA, as text for people or one JSON document.
 * With a domain column, also each column's shift between the domains: population
 * stability index over ten bins of the source's quantiles (Siddiqi 2006); > 0.25 is a
 * real shift. */
struct nastl_describe_params {
    char *data;                                     /* DATA */
    char *label;                                    /* column, or NULL */
    char *domain_column;                            /* or NULL */
    struct nastl_list source_domain, target_domain; /* empty: the first value, the rest */
    char *data_dir;
    bool json;
};
NASTL_API extern const struct nastl_opt nastl_describe_opts[];
NASTL_API int nastl_data_describe(char **out, const struct nastl_describe_params *params);

/* Converts DATA to .csv, .csv.gz or .h5 by the ending of `to`. NASTL_EEXIST if it is
 * there and not `force`. */
NASTL_API int nastl_data_convert(const char *data, const char *to, const char *folder,
                                 bool force);

/* Writes DATA with one more column, `split`, of train, val and test. */
struct nastl_split_params {
    char *data, *out;
    char *label;             /* stratify by it, if it is a class */
    struct nastl_list split; /* "0.6,0.2,0.2" */
    char *group_column, *time_column;
    char *data_dir;
    int64_t seed;
    bool force;
};
NASTL_API extern const struct nastl_opt nastl_split_opts[];
NASTL_API int nastl_data_split(const struct nastl_split_params *params);

#ifdef __cplusplus
}
#endif
#endif
