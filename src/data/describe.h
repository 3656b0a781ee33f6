/* describe.h: what `nas-tl data describe` found out, for the two that write it down.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_DESCRIBE_H
#define DATA_DESCRIBE_H

#include "data/table_read.h"

enum { NASTL_TOP_LEVELS = 4 };

/* How often a text occurs. */
struct nastl_tally {
    const char *text; /* borrowed */
    size_t rows;
};

struct nastl_tallies {
    struct nastl_codes codes; /* whose texts they are */
    struct nastl_tally *items;
    size_t count;
};

struct nastl_column_summary {
    const struct nastl_column *column;
    double low, median, high;                 /* NUMERIC; NaN without values */
    struct nastl_tally top[NASTL_TOP_LEVELS]; /* CATEGORICAL: the most frequent */
    size_t top_count;
    double shift; /* population stability index; NaN without domains */
};

struct nastl_summary {
    const struct nastl_table *table;
    struct nastl_column_summary *columns; /* (table->count) */
    int label, domain;                    /* columns, or -1 */
    bool is_classes;
    struct nastl_tallies classes, domains;
    uint8_t *side; /* (rows) with domains: 1 source, 2 target, 0 neither */
    size_t source_rows, target_rows;
    struct nastl_list source, target; /* domains */
};

int nastl_summary_text(char **out, const struct nastl_summary *summary);
int nastl_summary_json(char **out, const struct nastl_summary *summary);

/* Population stability index: the sum over bins of (t - s) ln(t / s), s and t the shares
 * of the source's and the target's rows in a bin. Bins of numbers are cut at the source's
 * deciles, texts are a bin each; missing values are a bin of their own. NaN where a side
 * has no rows. */
int nastl_shift_of_numbers(double *out, const double *number, const uint8_t *side,
                           size_t rows);
int nastl_shift_of_codes(double *out, const int32_t *code, size_t levels,
                         const uint8_t *side, size_t rows);

#endif
