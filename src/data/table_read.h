/* table_read.h: what the parts of table loading tell each other: which texts are missing
 * values, which columns a descriptor settles, and how a table grows by a column.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_TABLE_READ_H
#define DATA_TABLE_READ_H

#include "data/table.h"

/* How the readers take what they find. A field that is empty or blank is always missing.
 */
struct nastl_table_rules {
    struct nastl_list missing;              /* texts of a missing value */
    struct nastl_list numeric, categorical; /* columns whose kind is settled */
};

int nastl_table_rules_init(struct nastl_table_rules *rules); /* the default texts */
void nastl_table_rules_finish(struct nastl_table_rules *rules);

enum nastl_table_format {
    NASTL_FORMAT_CSV, /* whatever has no other ending */
    NASTL_FORMAT_H5,
    NASTL_FORMAT_DESCRIPTOR
};

enum nastl_table_format nastl_table_format(const char *path);

/* Read table->files into the table: several are one table when they are CSV. */
int nastl_table_read(struct nastl_table *table, const struct nastl_table_rules *rules);
int nastl_table_read_csv(struct nastl_table *table,
                         const struct nastl_table_rules *rules);
int nastl_table_read_h5(struct nastl_table *table, const struct nastl_table_rules *rules);

/* Reads a descriptor, then the files that it names. */
int nastl_descriptor_load(struct nastl_table *table, const char *path,
                          const char *folder);
void nastl_descriptor_finish(struct nastl_descriptor *descriptor);

/* Whether a table could be written there: its ending, and that nothing is overwritten. */
int nastl_table_check_target(const char *path, bool force);
int nastl_table_write_csv(const struct nastl_table *table, const char *path);
int nastl_table_write_h5(const struct nastl_table *table, const char *path);

/* Makes room for `count` columns without names or values. */
int nastl_table_make_columns(struct nastl_table *table, size_t count);

/* A number as people write it: blanks around it, infinities in any spelling. */
bool nastl_table_parse(double *out, const char *text, size_t length);

/* Turns a column of numbers into one of their shortest texts. */
int nastl_column_to_text(struct nastl_column *column, size_t rows);

/* ---- any column as codes ---- */

/* Numbers by their shortest text, ascending; texts as they are. */
struct nastl_codes {
    const int32_t *code; /* (N), -1 where missing */
    char *const *levels;
    size_t count;
    int32_t *own_code; /* what finish frees */
    char **own_levels;
};

int nastl_codes_init(struct nastl_codes *out, const struct nastl_column *column,
                     size_t rows);
void nastl_codes_finish(struct nastl_codes *codes);

/* ---- what values are ---- */

enum { NASTL_MOST_CLASSES = 1000 };

/* Whether so many distinct numbers are classes: two, or at most 20 integers. */
bool nastl_are_classes(size_t distinct, bool integers);
/* The same of a column; texts are classes up to NASTL_MOST_CLASSES. */
bool nastl_codes_are_classes(const struct nastl_codes *codes,
                             const struct nastl_column *column);

/* The place of each text in the order of bytes, the same for equal ones; NULL gives NaN.
 * So texts such as 2024-05-01T12:00:00 are times. */
int nastl_rank_texts(double *rank, const char *const *texts, size_t count);

/* A column as times to sort by: numbers, or the ranks of its texts; NaN where missing.
 * The caller frees *out, also after a failure. */
int nastl_column_times(double **out, const struct nastl_column *column, size_t rows);

#endif
