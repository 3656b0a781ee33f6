/* db.c: SQLite. Prepared statements stay in a list at the handle, each with its text; one
 * that is in use when it is asked for again gets a twin.
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/db.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "io/file.h"

#include <sqlite3.h>

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BUSY_MILLISECONDS = 10000 };

struct nastl_db_row {
    struct nastl_db *db;
    struct nastl_db_row *next; /* in the handle's list */
    sqlite3_stmt *statement;
    char *sql;
    int bound; /* the first binding that failed, as SQLite's code */
    bool used; /* between prepare and end */
};

struct nastl_db {
    sqlite3 *handle;
    char *path;
    struct nastl_db_row *rows;
};

/* ---- failures ---------------------------------------------------------------------- */

struct meaning {
    int code, status;
    const char *advice;
};

static const struct meaning meanings[] = {
    {SQLITE_FULL, NASTL_EIO, "the disk is full, free some space"},
    {SQLITE_READONLY, NASTL_EIO, "choose a place that can be written"},
    {SQLITE_PERM, NASTL_EIO, "check its permissions"},
    {SQLITE_AUTH, NASTL_EIO, "check its permissions"},
    {SQLITE_CANTOPEN, NASTL_EIO, "check the path and its permissions"},
    {SQLITE_NOTADB, NASTL_EFORMAT, "give an SQLite database"},
    {SQLITE_CORRUPT, NASTL_EFORMAT, "the file is damaged, restore a copy"},
    {SQLITE_BUSY, NASTL_EIO, "another program is writing to it, stop that one first"},
    {SQLITE_LOCKED, NASTL_EIO, "another program is writing to it, stop that one first"},
    {SQLITE_IOERR, NASTL_EIO, "check the disk"},
    {SQLITE_NOMEM, NASTL_ENOMEM, "free some memory"},
    {SQLITE_TOOBIG, NASTL_EINVAL, "give a shorter text"},
    {SQLITE_CONSTRAINT, NASTL_EEXIST, "it is there already"},
    {SQLITE_ERROR, NASTL_EFORMAT, "the file was made by another program or version"},
    {-1, NASTL_EINTERNAL, "report this"},
};

static const struct meaning *meaning_of(int code)
{
    const struct meaning *at = meanings;
    while (at->code >= 0 && at->code != (code & 0xff))
        at++;
    return at;
}

static int fail(const struct nastl_db *db, int code)
{
    const struct meaning *meaning = meaning_of(code);
    const bool same = code == sqlite3_extended_errcode(db->handle);
    return nastl_error(meaning->status, "%s: %s; %s", db->path,
                       same ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code),
                       meaning->advice);
}

static int check(const struct nastl_db *db, int code)
{
    return code == SQLITE_OK ? NASTL_OK : fail(db, code);
}

/* ---- opening ----------------------------------------------------------------------- */

static struct nastl_db *create_handle(const char *path)
{
    struct nastl_db *db = nastl_alloc_zero(1, sizeof *db);
    if (!db)
        return NULL;
    db->path = nastl_strdup(path);
    if (!db->path) {
        free(db);
        return NULL;
    }
    return db;
}

/* SQLite opens lazily: the statement is the first to see what the file is. */
static int open_handle(struct nastl_db *db, const char *name, int flags, const char *sql)
{
    const int code =
        sqlite3_open_v2(name, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (!db->handle)
        return nastl_error_nomem(db->path);
    sqlite3_extended_result_codes(db->handle, 1);
    TRY(check(db, code));
    sqlite3_busy_timeout(db->handle, BUSY_MILLISECONDS);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return nastl_db_exec(db, sql);
}

static int finish_open(struct nastl_db **out, struct nastl_db *db, int status)
{
    if (status < 0) {
        nastl_db_close(db);
        return status;
    }
    *out = db;
    return NASTL_OK;
}

static int check_there(const char *path)
{
    if (!nastl_file_exists(path))
        return nastl_error(NASTL_ENOENT, "%s: no such file; check the path", path);
    if (nastl_file_is_folder(path))
        return nastl_error(NASTL_EFORMAT, "%s: is a folder; give an SQLite database",
                           path);
    return NASTL_OK;
}

int nastl_db_open(struct nastl_db **out, const char *path, bool create)
{
    if (!create)
        TRY(check_there(path));
    struct nastl_db *db = create_handle(path);
    if (!db)
        return nastl_error_nomem(path);
    const int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
    const char *sql = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;";
    return finish_open(out, db, open_handle(db, path, flags, sql));
}

/* ---- reading only ------------------------------------------------------------------ */

/* "file:PATH?immutable=1" with what a URI gives a meaning to as %XX. */
static int immutable_name(char **out, const char *path)
{
    struct nastl_strbuf name;
    nastl_strbuf_init(&name);
    nastl_strbuf_add(&name, "file:");
    for (; *path; path++)
        if (isalnum((unsigned char)*path) || strchr("/._-", *path))
            nastl_strbuf_add_bytes(&name, path, 1);
        else
            nastl_strbuf_addf(&name, "%%%02X", (unsigned)(unsigned char)*path);
    nastl_strbuf_add(&name, "?immutable=1");
    return nastl_strbuf_take(out, &name);
}

/* A write-ahead log that holds something; what it holds is not in the database yet. */
static bool has_log(const char *path)
{
    struct nastl_strbuf name;
    struct stat info;
    nastl_strbuf_init(&name);
    nastl_strbuf_addf(&name, "%s-wal", path);
    const char *log = nastl_strbuf_text(&name);
    const bool has = !log || (stat(log, &info) == 0 && info.st_size > 0);
    nastl_strbuf_finish(&name);
    return has;
}

/* In a folder that cannot be written SQLite cannot make the index of a write-ahead log.
 * Without a log it needs none: nothing can change there. */
static int open_immutable(struct nastl_db *db, const char *sql)
{
    char *name;
    sqlite3_close(db->handle);
    db->handle = NULL;
    TRY(immutable_name(&name, db->path));
    const int status = open_handle(db, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, sql);
    free(name);
    return status;
}

int nastl_db_open_readonly(struct nastl_db **out, const char *path)
{
    TRY(check_there(path));
    struct nastl_db *db = create_handle(path);
    if (!db)
        return nastl_error_nomem(path);
    const char *sql = "PRAGMA query_only = ON; SELECT count(*) FROM sqlite_master;";
    /* Who may write removes the index of the log that reading makes, on closing. */
    int status = open_handle(db, path, SQLITE_OPEN_READWRITE, sql);
    if (status == NASTL_EIO && !has_log(path))
        status = open_immutable(db, sql);
    return finish_open(out, db, status);
}

static void destroy_row(struct nastl_db_row *row)
{
    sqlite3_finalize(row->statement);
    free(row->sql);
    free(row);
}

void nastl_db_close(struct nastl_db *db)
{
    if (!db)
        return;
    while (db->rows) {
        struct nastl_db_row *next = db->rows->next;
        destroy_row(db->rows);
        db->rows = next;
    }
    sqlite3_close(db->handle);
    free(db->path);
    free(db);
}

/* ---- scripts and transactions ------------------------------------------------------ */

int nastl_db_exec(struct nastl_db *db, const char *sql)
{
    return check(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

int nastl_db_begin(struct nastl_db *db)
{
    return nastl_db_exec(db, "BEGIN IMMEDIATE");
}

int nastl_db_commit(struct nastl_db *db)
{
    return nastl_db_exec(db, "COMMIT");
}

/* Called while another error is on its way up: its sentence stays. */
void nastl_db_rollback(struct nastl_db *db)
{
    if (!sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int64_t nastl_db_last_id(struct nastl_db *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}

/* ---- statements -------------------------------------------------------------------- */

static struct nastl_db_row *find_unused(struct nastl_db *db, const char *sql)
{
    for (struct nastl_db_row *row = db->rows; row; row = row->next)
        if (!row->used && strcmp(row->sql, sql) == 0)
            return row;
    return NULL;
}

static int create_row(struct nastl_db_row **out, struct nastl_db *db, const char *sql)
{
    struct nastl_db_row *row = nastl_alloc_zero(1, sizeof *row);
    if (!row)
        return nastl_error_nomem(db->path);
    row->sql = nastl_strdup(sql);
    int status = row->sql ? NASTL_OK : nastl_error_nomem(db->path);
    if (status == NASTL_OK)
        status =
            check(db, sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                         &row->statement, NULL));
    if (status < 0) {
        destroy_row(row);
        return status;
    }
    row->db = db;
    row->next = db->rows;
    db->rows = row;
    *out = row;
    return NASTL_OK;
}

int nastl_db_prepare(struct nastl_db_row **out, struct nastl_db *db, const char *sql)
{
    struct nastl_db_row *row = find_unused(db, sql);
    if (!row)
        TRY(create_row(&row, db, sql));
    row->used = true;
    row->bound = SQLITE_OK;
    *out = row;
    return NASTL_OK;
}

/* A binding that fails is reported by the step that follows. */
static void note(struct nastl_db_row *row, int code)
{
    if (row->bound == SQLITE_OK)
        row->bound = code;
}

void nastl_db_bind_int(struct nastl_db_row *row, int at, int64_t value)
{
    note(row, sqlite3_bind_int64(row->statement, at, value));
}

void nastl_db_bind_number(struct nastl_db_row *row, int at, double value)
{
    note(row, sqlite3_bind_double(row->statement, at, value));
}

void nastl_db_bind_text(struct nastl_db_row *row, int at, const char *text)
{
    note(row, text ? sqlite3_bind_text(row->statement, at, text, -1, SQLITE_TRANSIENT)
                   : sqlite3_bind_null(row->statement, at));
}

int nastl_db_step(struct nastl_db_row *row)
{
    assert(row->used);
    if (row->bound != SQLITE_OK)
        return fail(row->db, row->bound);
    const int code = sqlite3_step(row->statement);
    if (code == SQLITE_ROW)
        return 1;
    return code == SQLITE_DONE ? 0 : fail(row->db, code);
}

int64_t nastl_db_int(struct nastl_db_row *row, int column)
{
    return sqlite3_column_int64(row->statement, column);
}

double nastl_db_number(struct nastl_db_row *row, int column)
{
    return sqlite3_column_double(row->statement, column);
}

const char *nastl_db_text(struct nastl_db_row *row, int column)
{
    return (const char *)sqlite3_column_text(row->statement, column);
}

bool nastl_db_is_null(struct nastl_db_row *row, int column)
{
    return sqlite3_column_type(row->statement, column) == SQLITE_NULL;
}

void nastl_db_end(struct nastl_db_row *row)
{
    sqlite3_reset(row->statement);
    sqlite3_clear_bindings(row->statement);
    row->used = false;
}

int nastl_db_run(struct nastl_db_row *row)
{
    const int status = nastl_db_step(row);
    nastl_db_end(row);
    return status < 0 ? status : NASTL_OK;
}
