/* dataset.h: what a search sees: features, label and the part that each row plays.
 *
 * Source and target rows stand in one matrix: columns matched by name and kind, classes
 * the union over both. Rows that play no part are not carried.
 *
 *   row   numeric (N, D)   code (N, K)   label (N)   part (N)
 *   0     -93.0  NaN  …    2  -1 …       0           SOURCE_TRAIN
 *   1     -88.0  4.5  …    0   3 …       2           TRAIN
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include "data/table.h"
#include "base/rng.h"

enum nastl_part {
    NASTL_PART_SOURCE_TRAIN,
    NASTL_PART_SOURCE_VALID,
    NASTL_PART_TRAIN, /* of the target, as the following */
    NASTL_PART_VALID,
    NASTL_PART_TEST,
    NASTL_PART_COUNT
};

/* What is asked of the data; the options of the same names in the contract. Strings and
 * lists are borrowed during the call; NULL or empty: not given (a descriptor may say). */
struct nastl_dataset_params {
    struct nastl_list target, source; /* DATA */
    const char *test;                 /* DATA */
    const char *label;
    enum nastl_task task;
    const char *domain_column;
    struct nastl_list source_domain, target_domain, drop;
    int64_t target_rows; /* 0: all */
    double split[3];     /* train, valid, test; all 0: the default of the contract */
    const char *split_column, *group_column, *time_column;
    const char *data_dir;
    uint64_t seed;
    /* Opens one DATA; NULL: nastl_table_load(). */
    int (*open)(struct nastl_table **out, const char *data, const char *folder,
                void *payload);
    void *payload;
};

struct nastl_feature {
    char *name;
    enum nastl_kind kind;
    size_t at;     /* column of `numeric` or of `code` */
    char **levels; /* CATEGORICAL: union over all rows; code indexes it */
    size_t level_count;
};

struct nastl_dataset {
    struct nastl_feature *features;
    size_t feature_count;
    size_t numeric_count, categorical_count; /* D, K */

    size_t rows;    /* N */
    float *numeric; /* (N, D) raw, NaN where missing */
    int32_t *code;  /* (N, K) raw, -1 where missing */
    double *label;  /* (N) class index, or value after scale and transform */
    int32_t *group; /* (N) or NULL */
    uint8_t *part;  /* (N) enum nastl_part */
    int32_t
        *origin; /* (N) which of the sources a source's row is from, else -1; or NULL */

    enum nastl_task task;
    char *label_name;
    double label_scale;
    char *label_transform; /* "none" or "log1p": label = log1p(scale * column) */
    char **classes;        /* (class_count), sorted: numbers by value, texts by bytes */
    size_t class_count;    /* 0 for regression */

    char *target_name, *source_name; /* as asked for; source NULL without one */
    struct nastl_list files;         /* every data file that was read */
    char **sources;                  /* (source_count) domains asked for, or files */
    size_t source_count;
};

int nastl_dataset_load(struct nastl_dataset **out,
                       const struct nastl_dataset_params *params,
                       const struct nastl_log *log);
void nastl_dataset_destroy(struct nastl_dataset *dataset);

/* The rows of a part, ascending; the caller frees *rows. */
int nastl_dataset_rows(int32_t **rows, size_t *count, const struct nastl_dataset *dataset,
                       enum nastl_part part);
size_t nastl_dataset_count(const struct nastl_dataset *dataset, enum nastl_part part);

/* K folds over the target's TRAIN and VALID rows: stratified for classes, whole groups
 * where there are groups, by seed. fold k validates on rows where of[row] == k; of is
 * (N), -1 elsewhere. The caller frees *of. */
int nastl_dataset_folds(int32_t **of, const struct nastl_dataset *dataset, size_t folds,
                        uint64_t seed);

/* A dataset for predicting or scoring: the rows of a table in the layout of features that
 * a model was trained on. Absent columns are all missing, with one warning; texts that
 * are no level get code level_count (unseen). `label` NULL: no labels wanted, the labels
 * are NaN. A label text that is no class gives class_count: it counts as wrong. */
struct nastl_layout; /* prep.h */
int nastl_dataset_for_layout(struct nastl_dataset **out, const struct nastl_table *table,
                             const struct nastl_layout *layout, const char *label,
                             const struct nastl_log *log);

#endif
