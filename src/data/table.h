/* table.h: a table in memory, column by column, as it stood in the file.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_TABLE_H
#define DATA_TABLE_H

#include <nastl/data.h>

enum nastl_kind { NASTL_NUMERIC, NASTL_CATEGORICAL };

struct nastl_column {
    char *name;
    enum nastl_kind kind;
    double *number; /* (N) NUMERIC: NaN where missing; else NULL */
    int32_t *code;  /* (N) CATEGORICAL: index into levels, -1 where missing; else NULL */
    char **levels;  /* distinct texts in order of first appearance */
    size_t level_count;
    size_t missing; /* rows without a value */
};

/* What a descriptor says beyond the columns; empty without one. */
struct nastl_descriptor {
    char *name, *path;     /* NULL without a descriptor */
    char *label;           /* column */
    double label_scale;    /* 1 */
    char *label_transform; /* "none", "log1p" */
    enum nastl_task task;  /* AUTO */
    struct nastl_list features, drop;
    char *domain_column, *split_column, *group_column, *time_column;
    struct nastl_list source_domain, target_domain;
};

struct nastl_table {
    char *path;              /* the data file; the first one of several */
    struct nastl_list files; /* every data file that was read */
    size_t rows, count;
    struct nastl_column *columns; /* (count) */
    struct nastl_descriptor descriptor;
};

/* The index of a column by name, or -1. */
int nastl_table_find(const struct nastl_table *table, const char *name);
/* The same; NASTL_ENOENT names the nearest column and what asked for it ("--label"). */
int nastl_table_require(size_t *out, const struct nastl_table *table, const char *name,
                        const char *asked_by);
/* Writes a table (.csv, .csv.gz, .h5). */
int nastl_table_save(const struct nastl_table *table, const char *path, bool force);

#endif
