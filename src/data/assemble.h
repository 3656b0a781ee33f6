/* assemble.h: rows on their way from tables into a dataset.
 *
 *   inputs   the tables, each with the role its rows play
 *   picks    the rows of the domains asked for: input, row, role -> label -> part
 *
 * Each step is a file of its own; dataset.c calls them in order.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_ASSEMBLE_H
#define DATA_ASSEMBLE_H

#include "data/dataset.h"
#include "base/strmap.h"

enum nastl_side { NASTL_SIDE_SOURCE, NASTL_SIDE_TARGET, NASTL_SIDE_TEST };

enum { NASTL_NO_PART = NASTL_PART_COUNT };

/* One DATA. Columns are -1 where it has none. */
struct nastl_input {
    const char *data; /* as asked for */
    struct nastl_table *table;
    enum nastl_side role; /* TARGET: its rows may be the source too, by domain */
    int label, domain, split, group, time;
    double label_scale;
    bool label_log;
    bool by_domain;      /* its source rows are those of domains that were asked for */
    size_t first, count; /* its picks */
};

/* What is asked for, with the target's descriptor and the defaults filled in. Borrowed
 * from the parameters and the tables. */
struct nastl_wish {
    const char *label, *label_transform;
    double label_scale;
    enum nastl_task task;
    const char *domain_column, *split_column, *group_column, *time_column;
    double split[3];
};

struct nastl_assembly {
    const struct nastl_dataset_params *params;
    const struct nastl_log *log;
    struct nastl_input *inputs; /* targets first, then sources, then the test rows */
    size_t input_count;
    struct nastl_wish wish;

    size_t rows;          /* picks: N; those of one input stand together */
    int32_t *input, *row; /* (N) */
    uint8_t *role, *part; /* (N) */
    double *label;        /* (N) class index, or value; NaN where missing */
    int32_t *group;       /* (N) or NULL */
    double *time;         /* (N) or NULL */

    enum nastl_task task;
    char **classes; /* those of every pick until nastl_settle_classes() */
    size_t class_count;
};

/* dataset_pick.c: loads the tables, settles the wish, picks the rows by domain. */
int nastl_open_inputs(struct nastl_assembly *a);
int nastl_settle_wish(struct nastl_assembly *a);
int nastl_pick_rows(struct nastl_assembly *a);
/* Keeps the picks for which `keep` holds. */
void nastl_keep_picks(struct nastl_assembly *a,
                      bool (*keep)(const struct nastl_assembly *a, size_t pick));
void nastl_assembly_finish(struct nastl_assembly *a);

/* dataset_label.c: labels of the picks, the task; in the end the classes of those that
 * train. */
int nastl_read_labels(struct nastl_assembly *a);
int nastl_settle_classes(struct nastl_assembly *a);

/* dataset_part.c: the group and the part of each pick. */
int nastl_assign_parts(struct nastl_assembly *a);

/* dataset_source.c: the sources by their names, and which one each row is from. */
int nastl_find_sources(struct nastl_dataset *dataset, const struct nastl_assembly *a);

/* dataset_feature.c: the features and their values, for a dataset whose rows are known.
 */
int nastl_fill_features(struct nastl_dataset *dataset, const struct nastl_assembly *a);

/* ---- values of one column, whatever its kind ---- */

/* Distinct texts. An open set takes in what it has not seen; a closed one answers `count`
 * for it. Finish frees the map alone: the levels are handed on. */
struct nastl_levels {
    struct nastl_strmap map;
    char **levels;
    size_t count, capacity;
    bool closed;
};

int nastl_levels_code(int32_t *out, struct nastl_levels *set, const char *text);

/* out[i * stride] = the value at rows[i]; NaN where it is missing, infinite for a float,
 * or a text that is no number. `column` NULL: all missing. The counts are added up. */
struct nastl_lost {
    size_t infinite, texts;
};
int nastl_fill_numbers(float *out, size_t stride, const struct nastl_column *column,
                       const int32_t *rows, size_t count, struct nastl_lost *lost);
/* Warns of what was lost, if anything. */
void nastl_warn_lost(const struct nastl_log *log, const struct nastl_lost *lost);

/* The same for codes; numbers count as their shortest text. -1 where missing. */
int nastl_fill_codes(int32_t *out, size_t stride, const struct nastl_column *column,
                     size_t table_rows, const int32_t *rows, size_t count,
                     struct nastl_levels *set);

#endif
