/* db.h: SQLite. A database is opened in WAL mode, synchronous NORMAL, with a busy timeout
 * of 10 s; statements are prepared once and cached by their text. One handle a thread, or
 * a lock of the caller's around it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_DB_H
#define IO_DB_H

#include <stdbool.h>
#include <stdint.h>

struct nastl_db;
struct nastl_db_row; /* a prepared statement while it runs */

int nastl_db_open(struct nastl_db **out, const char *path, bool create);
int nastl_db_open_readonly(struct nastl_db **out, const char *path);
void nastl_db_close(struct nastl_db *db);

/* Runs SQL without parameters or results; several statements are allowed. */
int nastl_db_exec(struct nastl_db *db, const char *sql);

int nastl_db_begin(struct nastl_db *db); /* BEGIN IMMEDIATE */
int nastl_db_commit(struct nastl_db *db);
void nastl_db_rollback(struct nastl_db *db);

/* One statement: prepare (or take from the cache), bind from 1, step until 0, end.
 * nastl_db_step: 1 a row is there, 0 done, negative on error. end() is always called. */
int nastl_db_prepare(struct nastl_db_row **out, struct nastl_db *db, const char *sql);
void nastl_db_bind_int(struct nastl_db_row *row, int at, int64_t value);
void nastl_db_bind_number(struct nastl_db_row *row, int at, double value);
void nastl_db_bind_text(struct nastl_db_row *row, int at,
                        const char *text); /* NULL: null */
int nastl_db_step(struct nastl_db_row *row);
int64_t nastl_db_int(struct nastl_db_row *row, int column); /* columns from 0 */
double nastl_db_number(struct nastl_db_row *row, int column);
const char *nastl_db_text(struct nastl_db_row *row,
                          int column); /* NULL for null; borrowed */
bool nastl_db_is_null(struct nastl_db_row *row, int column);
void nastl_db_end(struct nastl_db_row *row);

/* Prepare, step once, end. */
int nastl_db_run(struct nastl_db_row *row);
int64_t nastl_db_last_id(struct nastl_db *db);

#endif
