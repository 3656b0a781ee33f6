/* test_io_db.c: SQLite, its errors and its statement cache.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/rng.h"
#include "io/db.h"
#include "io/file.h"

#include <math.h>
#include <pthread.h>
#include <sys/stat.h>

static const char schema[] = "CREATE TABLE t (id INTEGER PRIMARY KEY, x REAL, s TEXT);"
                             "CREATE INDEX by_s ON t (s);";
static const char insert[] = "INSERT INTO t (id, x, s) VALUES (?, ?, ?)";

static struct nastl_db *create(const char *path)
{
    struct nastl_db *db = NULL;
    remove(path);
    assert_ok(nastl_db_open(&db, path, true));
    assert_ok(nastl_db_exec(db, schema));
    return db;
}

static int put(struct nastl_db *db, int64_t id, double x, const char *s)
{
    struct nastl_db_row *row;
    const int status = nastl_db_prepare(&row, db, insert);
    if (status < 0)
        return status;
    nastl_db_bind_int(row, 1, id);
    nastl_db_bind_number(row, 2, x);
    nastl_db_bind_text(row, 3, s);
    return nastl_db_run(row);
}

static int64_t count_rows(struct nastl_db *db)
{
    struct nastl_db_row *row;
    assert_ok(nastl_db_prepare(&row, db, "SELECT count(*) FROM t"));
    assert_int_equal(nastl_db_step(row), 1);
    const int64_t count = nastl_db_int(row, 0);
    assert_int_equal(nastl_db_step(row), 0);
    nastl_db_end(row);
    return count;
}

static void what_is_put_is_found(void **state)
{
    const uint64_t seed = 3;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    const char *path = scratch(state, "a.db");
    struct nastl_db *db = create(path);
    int64_t ids[200];
    double numbers[200];
    assert_ok(nastl_db_begin(db));
    for (int i = 0; i < 200; i++) {
        ids[i] = (int64_t)nastl_rng_u64(&rng);
        const uint64_t bits = nastl_rng_u64(&rng);
        memcpy(&numbers[i], &bits, sizeof bits);
        assert_ok(put(db, ids[i], numbers[i], i % 7 ? "é" : NULL));
        assert_int_equal(nastl_db_last_id(db), ids[i]);
    }
    assert_ok(nastl_db_commit(db));
    nastl_db_close(db);
    assert_ok(nastl_db_open(&db, path, false));
    for (int i = 0; i < 200; i++) {
        struct nastl_db_row *row;
        assert_ok(nastl_db_prepare(&row, db, "SELECT x, s FROM t WHERE id = ?"));
        nastl_db_bind_int(row, 1, ids[i]);
        assert_int_equal(nastl_db_step(row), 1);
        const double x = nastl_db_number(row, 0);
        assert_true(isnan(numbers[i]) ? nastl_db_is_null(row, 0) : x == numbers[i]);
        assert_int_equal(nastl_db_is_null(row, 1), i % 7 == 0);
        if (i % 7)
            assert_string_equal(nastl_db_text(row, 1), "é");
        else
            assert_null(nastl_db_text(row, 1));
        nastl_db_end(row);
    }
    nastl_db_close(db);
}

static void rollback_leaves_nothing(void **state)
{
    struct nastl_db *db = create(scratch(state, "b.db"));
    assert_ok(put(db, 1, 0, "kept"));
    assert_ok(nastl_db_begin(db));
    assert_ok(put(db, 2, 0, "gone"));
    assert_error(put(db, 2, 0, "twice"), NASTL_EEXIST, "UNIQUE");
    nastl_db_rollback(db);
    assert_non_null(strstr(nastl_error_last(), "UNIQUE"));
    nastl_db_rollback(db);
    assert_int_equal(count_rows(db), 1);
    assert_error(nastl_db_commit(db), NASTL_EFORMAT, "no transaction is active");
    nastl_db_close(db);
}

static void a_statement_in_use_gets_a_twin(void **state)
{
    static const char sql[] = "SELECT id FROM t ORDER BY id";
    struct nastl_db *db = create(scratch(state, "c.db"));
    for (int i = 0; i < 3; i++)
        assert_ok(put(db, i, 0, NULL));
    struct nastl_db_row *outer, *inner, *again;
    assert_ok(nastl_db_prepare(&outer, db, sql));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(nastl_db_step(outer), 1);
        assert_ok(nastl_db_prepare(&inner, db, sql));
        assert_ptr_not_equal(outer, inner);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(nastl_db_step(inner), 1);
            assert_int_equal(nastl_db_int(inner, 0), k);
        }
        nastl_db_end(inner);
        assert_int_equal(nastl_db_int(outer, 0), i);
    }
    nastl_db_end(outer);
    assert_ok(nastl_db_prepare(&again, db, sql));
    assert_true(again == outer || again == inner);
    nastl_db_end(again);
    nastl_db_close(db);
}

/* A binding does not outlive end(). */
static void bindings_are_cleared(void **state)
{
    struct nastl_db *db = create(scratch(state, "d.db"));
    struct nastl_db_row *row;
    assert_ok(put(db, 1, 2.0, "x"));
    assert_ok(nastl_db_prepare(&row, db, insert));
    nastl_db_bind_int(row, 1, 2);
    assert_ok(nastl_db_run(row));
    assert_ok(nastl_db_prepare(&row, db, "SELECT s FROM t WHERE id = 2"));
    assert_int_equal(nastl_db_step(row), 1);
    assert_true(nastl_db_is_null(row, 0));
    nastl_db_end(row);
    nastl_db_close(db);
}

static void errors_name_the_file_and_what_to_do(void **state)
{
    struct nastl_db *db = NULL;
    const char *none = scratch(state, "none.db"), *text = scratch(state, "text.db");
    char filler[5000];
    memset(filler, 'x', sizeof filler);
    scratch_write(text, filler, sizeof filler);
    assert_error(nastl_db_open(&db, none, false), NASTL_ENOENT, "none.db: no such file");
    assert_error(nastl_db_open_readonly(&db, none), NASTL_ENOENT,
                 "none.db: no such file");
    assert_false(nastl_file_exists(none));
    assert_error(nastl_db_open(&db, text, true), NASTL_EFORMAT, "not a database; give");
    assert_error(nastl_db_open_readonly(&db, text), NASTL_EFORMAT, "not a database");
    assert_error(nastl_db_open_readonly(&db, *state), NASTL_EFORMAT, "is a folder");
    assert_error(nastl_db_open(&db, scratch(state, "no/x.db"), true), NASTL_EIO,
                 "no/x.db: unable to open");
    db = create(scratch(state, "e.db"));
    struct nastl_db_row *row;
    assert_error(nastl_db_prepare(&row, db, "SELECT * FROM q"), NASTL_EFORMAT,
                 "e.db: no such table: q");
    assert_error(nastl_db_exec(db, "nonsense"), NASTL_EFORMAT, "syntax error");
    assert_ok(nastl_db_prepare(&row, db, insert));
    nastl_db_bind_int(row, 9, 1);
    assert_true(nastl_db_run(row) < 0);
    assert_int_equal(count_rows(db), 0);
    nastl_db_close(db);
    nastl_db_close(NULL);
}

static void a_damaged_database_is_no_crash(void **state)
{
    const char *path = scratch(state, "f.db"), *bad = scratch(state, "g.db");
    struct nastl_db *db = create(path);
    for (int i = 0; i < 300; i++)
        assert_ok(put(db, i, i, "some text that fills a page sooner or later"));
    nastl_db_close(db);
    char *bytes;
    size_t length;
    assert_ok(nastl_file_read(&bytes, &length, path, 1 << 20));
    struct nastl_rng rng;
    nastl_rng_init(&rng, 13, 0, NASTL_RNG_TEST);
    for (int i = 0; i < 100; i++) {
        char *copy = malloc(length);
        memcpy(copy, bytes, length);
        for (int k = 0; k < 40; k++)
            copy[nastl_rng_below(&rng, length)] = (char)nastl_rng_u32(&rng);
        scratch_write(bad, copy, i % 2 ? length : nastl_rng_below(&rng, length));
        free(copy);
        struct nastl_db_row *row;
        if (nastl_db_open_readonly(&db, bad) < 0)
            continue;
        if (nastl_db_prepare(&row, db, "SELECT id, x, s FROM t") == NASTL_OK) {
            while (nastl_db_step(row) == 1)
                (void)nastl_db_text(row, 2);
            nastl_db_end(row);
        }
        nastl_db_close(db);
    }
    free(bytes);
}

static void readonly_reads_and_refuses_to_write(void **state)
{
    const char *path = scratch(state, "h #1?%.db");
    struct nastl_db *db = create(path), *reader;
    assert_ok(put(db, 1, 1, "x"));
    assert_ok(nastl_db_open_readonly(&reader, path)); /* beside the writer */
    assert_int_equal(count_rows(reader), 1);
    assert_ok(put(db, 2, 1, "x"));
    assert_int_equal(count_rows(reader), 2);
    assert_error(put(reader, 3, 1, "x"), NASTL_EIO, "readonly database; choose");
    nastl_db_close(reader);
    nastl_db_close(db);
}

static void a_readonly_folder_can_be_read(void **state)
{
    const char *folder = scratch(state, "sealed"),
               *path = scratch(state, "sealed/a b.db");
    if (geteuid() == 0) /* who may write anywhere sees no difference */
        print_message("as root: the folder is not sealed\n");
    assert_ok(nastl_file_make_folder(folder));
    struct nastl_db *db = create(path);
    assert_ok(put(db, 1, 1, "x"));
    nastl_db_close(db);
    assert_int_equal(chmod(folder, 0555), 0);
    const int status = nastl_db_open_readonly(&db, path);
    if (status == NASTL_OK) {
        assert_int_equal(count_rows(db), 1);
        nastl_db_close(db);
    }
    assert_int_equal(chmod(folder, 0755), 0);
    assert_ok(status);
}

static void a_full_disk_is_told(void **state)
{
    struct nastl_db *db = create(scratch(state, "i.db"));
    assert_ok(nastl_db_exec(db, "PRAGMA max_page_count = 10"));
    char *text = malloc(10000);
    memset(text, 'x', 9999);
    text[9999] = '\0';
    int status = NASTL_OK;
    for (int i = 0; i < 100 && status == NASTL_OK; i++)
        status = put(db, i, 0, text);
    free(text);
    assert_error(status, NASTL_EIO, "is full; the disk is full, free some space");
    nastl_db_close(db);
}

static void *hold_the_lock(void *payload)
{
    struct nastl_db *db;
    assert_ok(nastl_db_open(&db, payload, false));
    assert_ok(nastl_db_begin(db));
    usleep(100000);
    assert_ok(put(db, 100, 0, NULL));
    assert_ok(nastl_db_commit(db));
    nastl_db_close(db);
    return NULL;
}

/* Two handles, two threads: the second waits for the first. */
static void writers_wait_for_each_other(void **state)
{
    const char *path = scratch(state, "j.db");
    struct nastl_db *db = create(path);
    pthread_t thread;
    assert_int_equal(
        pthread_create(&thread, NULL, hold_the_lock, (void *)(uintptr_t)path), 0);
    for (int i = 0; i < 20; i++) {
        assert_ok(nastl_db_begin(db));
        assert_ok(put(db, i, 0, NULL));
        assert_ok(nastl_db_commit(db));
        usleep(1000);
    }
    pthread_join(thread, NULL);
    assert_int_equal(count_rows(db), 21);
    nastl_db_close(db);
}

static int use(void *path)
{
    struct nastl_db *db = NULL;
    struct nastl_db_row *row;
    remove(path);
    int status = nastl_db_open(&db, path, true);
    if (status == NASTL_OK)
        status = nastl_db_exec(db, schema);
    if (status == NASTL_OK)
        status = put(db, 1, 1, "x");
    if (status == NASTL_OK)
        status = nastl_db_prepare(&row, db, "SELECT id FROM t");
    if (status == NASTL_OK)
        nastl_db_end(row);
    nastl_db_close(db);
    return status;
}

static void out_of_memory_is_reported(void **state)
{
    check_out_of_memory(use, (void *)(uintptr_t)scratch(state, "k.db"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found),
        cmocka_unit_test(rollback_leaves_nothing),
        cmocka_unit_test(a_statement_in_use_gets_a_twin),
        cmocka_unit_test(bindings_are_cleared),
        cmocka_unit_test(errors_name_the_file_and_what_to_do),
        cmocka_unit_test(a_damaged_database_is_no_crash),
        cmocka_unit_test(readonly_reads_and_refuses_to_write),
        cmocka_unit_test(a_readonly_folder_can_be_read),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(writers_wait_for_each_other),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests_name("io_db", tests, scratch_setup, scratch_teardown);
}
