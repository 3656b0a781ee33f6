/* ledger.c: creating, opening and closing study.db, and its free text facts.
 *
 * A ledger appears under its name when it is whole: it is built under a temporary name,
 * without a write-ahead log, and renamed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "study/study_impl.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "io/file.h"

#include <stdlib.h>
#include <string.h>

extern const char nastl_schema_sql[];

enum { LAYOUT = 1 }; /* of our tables */

static const double SYNC_SECONDS = 10; /* a power loss costs no more than these */

/* ---- where it is ------------------------------------------------------------------- */

static int ledger_path(char **out, const char *folder)
{
    return nastl_file_join(out, folder, "study.db");
}

static bool is_file(const char *path)
{
    return nastl_file_exists(path) && !nastl_file_is_folder(path);
}

int nastl_study_probe(const char *folder)
{
    char *path;
    TRY(ledger_path(&path, folder));
    const int there = is_file(path);
    free(path);
    return there;
}

bool nastl_study_is_there(const char *folder)
{
    return nastl_study_probe(folder) > 0;
}

int nastl_study_missing(const char *folder)
{
    return nastl_error(
        NASTL_ENOENT,
        "%s: no study is in it (study.db is missing); give the folder of a "
        "study",
        folder);
}

/* The last part of the folder's absolute path. */
static int name_of_folder(char **out, const char *folder)
{
    char *path = realpath(folder, NULL);
    const char *slash = path ? strrchr(path, '/') : NULL;
    *out = nastl_strdup(slash && slash[1] ? slash + 1 : "study");
    free(path);
    return *out ? NASTL_OK : nastl_error_nomem(folder);
}

/* ---- creating ---------------------------------------------------------------------- */

static int insert_study(struct nastl_db *db, const char *name, uint64_t seed)
{
    char now[32];
    struct nastl_db_row *row;
    nastl_clock_stamp(now);
    TRY(nastl_db_prepare(&row, db, "INSERT INTO studies VALUES (1, ?1)"));
    nastl_db_bind_text(row, 1, name);
    TRY(nastl_db_run(row));
    TRY(nastl_db_prepare(&row, db,
                         "INSERT INTO nastl_ledger "
                         "SELECT ?1, version_num, 1, ?2, ?3 FROM alembic_version"));
    nastl_db_bind_int(row, 1, LAYOUT);
    nastl_db_bind_int(row, 2, (int64_t)seed);
    nastl_db_bind_text(row, 3, now);
    return nastl_db_run(row);
}

static int insert_objectives(struct nastl_db *db, const struct nastl_study_info *info)
{
    for (size_t j = 0; j < info->objectives; j++) {
        struct nastl_db_row *row;
        TRY(nastl_db_prepare(&row, db, "INSERT INTO nastl_objectives VALUES (?1, ?2)"));
        nastl_db_bind_int(row, 1, (int64_t)j);
        nastl_db_bind_text(row, 2, info->objective[j]->name);
        TRY(nastl_db_run(row));
    }
    return NASTL_OK;
}

static int fill(struct nastl_db *db, const char *name,
                const struct nastl_study_info *info)
{
    TRY(nastl_db_exec(db, nastl_schema_sql));
    TRY(insert_study(db, name, info->seed));
    TRY(insert_objectives(db, info));
    struct nastl_study study = {.db = db, .id = 1, .objectives = info->objectives};
    memcpy(study.objective, info->objective, info->objectives * sizeof *info->objective);
    study.seed = info->seed;
    return nastl_optuna_describe(&study);
}

struct birth {
    const char *name;
    const struct nastl_study_info *info;
};

static int build(const char *path, void *payload)
{
    const struct birth *birth = payload;
    struct nastl_db *db;
    TRY(nastl_db_open(&db, path, true));
    int status = nastl_db_exec(db, "PRAGMA journal_mode = DELETE");
    if (status == NASTL_OK)
        status = nastl_db_begin(db);
    if (status == NASTL_OK)
        status = fill(db, birth->name, birth->info);
    if (status == NASTL_OK)
        status = nastl_db_commit(db);
    nastl_db_close(db);
    return status;
}

static int create_ledger(const char *path, const char *name,
                         const struct nastl_study_info *info)
{
    return nastl_file_replace(path, build, &(struct birth){name, info});
}

static int check_info(const char *folder, const char *path,
                      const struct nastl_study_info *info)
{
    if (is_file(path))
        return nastl_error(NASTL_EEXIST,
                           "%s: a study is in it already; go on with --resume, or give "
                           "another folder",
                           folder);
    if (info->objectives < 1 || info->objectives > NASTL_OBJECTIVES)
        return nastl_error(NASTL_EINVAL, "objectives: there are %zu; give from 1 to %d",
                           info->objectives, NASTL_OBJECTIVES);
    return NASTL_OK;
}

static int create_in(const char *folder, const char *path,
                     const struct nastl_study_info *info)
{
    char *name = NULL;
    TRY(check_info(folder, path, info));
    if (!info->name)
        TRY(name_of_folder(&name, folder));
    const int status = create_ledger(path, info->name ? info->name : name, info);
    free(name);
    return status;
}

int nastl_study_create(struct nastl_study **out, const char *folder,
                       const struct nastl_study_info *info)
{
    char *path;
    TRY(nastl_file_make_folder(folder));
    TRY(ledger_path(&path, folder));
    const int status = create_in(folder, path, info);
    free(path);
    return status < 0 ? status : nastl_study_open(out, folder);
}

/* ---- opening ----------------------------------------------------------------------- */

static int other_version(const struct nastl_study *study)
{
    return nastl_error(NASTL_EFORMAT,
                       "%s/study.db: made by another version; use that version of nas-tl",
                       study->folder);
}

static int copy_text(char **out, const char *text)
{
    *out = nastl_strdup(text ? text : "");
    return *out ? NASTL_OK : nastl_error_nomem("a study");
}

static int take_info(struct nastl_study *study, struct nastl_db_row *row)
{
    const int step = nastl_db_step(row);
    if (step < 0)
        return step;
    if (step == 0 || nastl_db_int(row, 0) != LAYOUT || nastl_db_int(row, 1) != 1)
        return other_version(study);
    study->id = nastl_db_int(row, 2);
    study->seed = (uint64_t)nastl_db_int(row, 3);
    TRY(copy_text(&study->name, nastl_db_text(row, 4)));
    return copy_text(&study->created, nastl_db_text(row, 5));
}

static int read_info(struct nastl_study *study)
{
    struct nastl_db_row *row;
    TRY(nastl_db_prepare(
        &row, study->db,
        "SELECT layout, revision = version_num, study_id, seed, study_name, created "
        "FROM nastl_ledger JOIN studies USING (study_id), alembic_version"));
    const int status = take_info(study, row);
    nastl_db_end(row);
    return status;
}

static int take_objectives(struct nastl_study *study, struct nastl_db_row *row)
{
    int step;
    while ((step = nastl_db_step(row)) > 0) {
        const char *name = nastl_db_text(row, 0);
        const struct nastl_objective *found = name ? nastl_objective_find(name) : NULL;
        if (!found || study->objectives == NASTL_OBJECTIVES)
            return other_version(study);
        study->objective[study->objectives++] = found;
    }
    return step < 0 ? step : study->objectives ? NASTL_OK : other_version(study);
}

static int read_objectives(struct nastl_study *study)
{
    struct nastl_db_row *row;
    TRY(nastl_db_prepare(&row, study->db,
                         "SELECT name FROM nastl_objectives ORDER BY objective"));
    const int status = take_objectives(study, row);
    nastl_db_end(row);
    return status;
}

static int open_db(struct nastl_study *study, const char *path, bool look)
{
    if (!is_file(path))
        return nastl_study_missing(study->folder);
    if (look)
        TRY(nastl_db_open_readonly(&study->db, path));
    else
        TRY(nastl_db_open(&study->db, path, false));
    TRY(read_info(study));
    return read_objectives(study);
}

static int open_study(struct nastl_study **out, const char *folder, bool look)
{
    struct nastl_study *study = nastl_alloc_zero(1, sizeof *study);
    if (!study)
        return nastl_error_nomem(folder);
    char *path = NULL;
    study->synced = nastl_clock_seconds();
    int status = copy_text(&study->folder, folder);
    if (status == NASTL_OK)
        status = ledger_path(&path, folder);
    if (status == NASTL_OK)
        status = open_db(study, path, look);
    free(path);
    if (status < 0) {
        nastl_study_close(study);
        return status;
    }
    *out = study;
    return NASTL_OK;
}

int nastl_study_open(struct nastl_study **out, const char *folder)
{
    return open_study(out, folder, false);
}

int nastl_study_look(struct nastl_study **out, const char *folder)
{
    return open_study(out, folder, true);
}

void nastl_study_close(struct nastl_study *study)
{
    if (!study)
        return;
    nastl_db_close(study->db);
    free(study->folder);
    free(study->name);
    free(study->created);
    free(study);
}

/* ---- changes ----------------------------------------------------------------------- */

/* A commit survives the death of the process at once, a power loss after this. */
int nastl_study_sync(struct nastl_study *study)
{
    const double now = nastl_clock_seconds();
    if (now - study->synced < SYNC_SECONDS)
        return NASTL_OK;
    study->synced = now;
    return nastl_db_exec(study->db, "PRAGMA wal_checkpoint(PASSIVE)");
}

int nastl_study_close_change(struct nastl_study *study, int status)
{
    if (status == NASTL_OK)
        status = nastl_db_commit(study->db);
    if (status < 0) {
        nastl_db_rollback(study->db);
        return status;
    }
    return nastl_study_sync(study);
}

/* ---- facts ------------------------------------------------------------------------- */

int nastl_study_set_fact(struct nastl_study *study, const char *key, const char *text)
{
    struct nastl_db_row *row;
    TRY(nastl_db_prepare(&row, study->db,
                         text ? "INSERT OR REPLACE INTO nastl_facts VALUES (?1, ?2)"
                              : "DELETE FROM nastl_facts WHERE key = ?1"));
    nastl_db_bind_text(row, 1, key);
    if (text)
        nastl_db_bind_text(row, 2, text);
    return nastl_db_run(row);
}

int nastl_study_get_fact(struct nastl_study *study, const char *key, char **out)
{
    struct nastl_db_row *row;
    *out = NULL;
    TRY(nastl_db_prepare(&row, study->db, "SELECT text FROM nastl_facts WHERE key = ?1"));
    nastl_db_bind_text(row, 1, key);
    int status = nastl_db_step(row);
    if (status > 0)
        status = copy_text(out, nastl_db_text(row, 0));
    nastl_db_end(row);
    return status;
}
