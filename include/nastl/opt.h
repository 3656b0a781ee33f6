/* opt.h: option tables. Each parameter struct has one; command line, YAML, --help, the
 * ledger and the documentation are all read from it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NASTL_OPT_H
#define NASTL_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nastl/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Repeatable or comma-separated values. Items and array belong to the parameter struct.
 */
struct nastl_list {
    char **items;
    size_t count;
};

enum nastl_opt_type {
    NASTL_OPT_BOOL,     /* bool */
    NASTL_OPT_INT,      /* int64_t */
    NASTL_OPT_FLOAT,    /* double */
    NASTL_OPT_TEXT,     /* char *, NULL when unset */
    NASTL_OPT_CHOICE,   /* char *, one of `choices` */
    NASTL_OPT_DURATION, /* double, seconds; written 30s, 10m, 2h */
    NASTL_OPT_LIST,     /* struct nastl_list, written A,B,C; given again, the last wins */
    NASTL_OPT_REPEAT,   /* struct nastl_list, one item for each time it is given */
    NASTL_OPT_COUNT
};

struct nastl_opt {
    const char *key; /* "target_rows"; on the command line --target-rows */
    enum nastl_opt_type type;
    size_t offset;              /* of the field in its parameter struct */
    double low, high;           /* range of INT, FLOAT and DURATION; both ends included */
    const char *const *choices; /* of CHOICE and LIST, NULL-terminated; else NULL */
    const char *fallback;       /* the default as text; NULL: unset */
    const char *metavar;        /* "FILE", "COLUMN", … for --help */
    const char *help;           /* one sentence, with the unit */
};

/* Tables end with an entry whose key is NULL. */

/* Sets every field to its default; call it first. Strings and lists are owned by the
 * struct from then on: free them with nastl_opt_clear(), or point the fields at your own
 * memory and do not call it. */
NASTL_API int nastl_opt_defaults(const struct nastl_opt *table, void *params);
NASTL_API void nastl_opt_clear(const struct nastl_opt *table, void *params);

/* The entry of a key (dashes and underscores are the same), or NULL. */
NASTL_API const struct nastl_opt *nastl_opt_find(const struct nastl_opt *table,
                                                 const char *key);

/* Sets one option from text. NASTL_EINVAL names the option, the value and what would be
 * accepted. For BOOL, text is "true" or "false"; for REPEAT, it is added. */
NASTL_API int nastl_opt_set(const struct nastl_opt *option, void *params,
                            const char *text);

/* The option's value as text that nastl_opt_set() reads back; lists are joined with
 * commas, unset is NULL. The caller frees *out. */
NASTL_API int nastl_opt_text(char **out, const struct nastl_opt *option,
                             const void *params);

/* The key that is nearest to a misspelt one, NULL if none is near (at most 2 edits, or a
 * third of its length). */
NASTL_API const char *nastl_opt_nearest(const struct nastl_opt *table, const char *key);

/* Reads "30s", "10m", "2h" or plain seconds. */
NASTL_API int nastl_opt_duration(double *seconds, const char *text);

#ifdef __cplusplus
}
#endif
#endif
