/* test_base_text.c: memory, strings, UTF-8, maps, hashes, errors, clocks.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "base/strmap.h"
#include "base/utf8.h"

#include <pthread.h>

/* ---- memory ------------------------------------------------------------------------ */

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    assert_null(nastl_alloc(SIZE_MAX, 2));
    assert_null(nastl_alloc_zero(SIZE_MAX / 2, 3));
    assert_null(nastl_alloc_aligned(SIZE_MAX / 8, 16));
    assert_null(nastl_alloc_aligned(PTRDIFF_MAX, 1));
    assert_null(nastl_alloc_resize(NULL, PTRDIFF_MAX, 2));
    struct nastl_arena arena;
    nastl_arena_init(&arena);
    assert_null(nastl_arena_alloc(&arena, SIZE_MAX, 8));
    assert_null(nastl_arena_alloc(&arena, PTRDIFF_MAX, 1));
    nastl_arena_finish(&arena);
}

static void no_bytes_are_a_block_too(void **state)
{
    (void)state;
    void *blocks[] = {nastl_alloc(0, 8), nastl_alloc_zero(8, 0),
                      nastl_alloc_aligned(0, 0), nastl_alloc_resize(NULL, 0, 1)};
    for (int i = 0; i < 4; i++) {
        assert_non_null(blocks[i]);
        free(blocks[i]);
    }
    assert_null(nastl_strdup(NULL));
}

static void aligned_blocks_are_aligned_and_zero(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes < 300; bytes += 7) {
        unsigned char *block = nastl_alloc_aligned(bytes, 1);
        assert_int_equal((uintptr_t)block % NASTL_ALIGN, 0);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(block[i], 0);
        free(block);
    }
}

static void the_nth_allocation_fails(void **state)
{
    (void)state;
    const size_t before = nastl_alloc_count();
    nastl_alloc_fail_from(3);
    void *blocks[4];
    for (int i = 0; i < 4; i++)
        blocks[i] = nastl_alloc(1, 1);
    nastl_alloc_fail_from(0);
    assert_non_null(blocks[0]);
    assert_non_null(blocks[1]);
    assert_null(blocks[2]);
    assert_null(blocks[3]);
    assert_int_equal(nastl_alloc_count() - before, 4);
    free(blocks[0]);
    free(blocks[1]);
}

static void an_arena_keeps_what_it_gave(void **state)
{
    (void)state;
    enum { BLOCKS = 500 };
    const uint64_t seed = 2;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct nastl_rng rng;
    struct nastl_arena arena;
    unsigned char *blocks[BLOCKS];
    size_t sizes[BLOCKS];
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    nastl_arena_init(&arena);
    for (int i = 0; i < BLOCKS; i++) {
        sizes[i] = nastl_rng_below(&rng, i % 50 ? 300 : 40000);
        blocks[i] = nastl_arena_alloc(&arena, sizes[i], 1);
        assert_int_equal(
            (uintptr_t)blocks[i] % (sizes[i] < NASTL_ALIGN ? 16 : NASTL_ALIGN), 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(blocks[i][k], 0);
        memset(blocks[i], i, sizes[i]);
    }
    for (int i = 0; i < BLOCKS; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(blocks[i][k], i & 0xff);
    assert_string_equal(nastl_arena_strdup(&arena, "text"), "text");
    assert_string_equal(nastl_arena_strndup(&arena, "text", 2), "te");
    assert_null(nastl_arena_strdup(&arena, NULL));
    nastl_arena_finish(&arena);
    nastl_arena_finish(&arena);
}

/* ---- strings ----------------------------------------------------------------------- */

static void a_buffer_holds_what_was_added(void **state)
{
    (void)state;
    struct nastl_strbuf buf;
    char expected[5000] = "";
    nastl_strbuf_init(&buf);
    assert_string_equal(nastl_strbuf_text(&buf), "");
    for (int i = 0; i < 300; i++) {
        char part[32];
        snprintf(part, sizeof part, "%d,0.5;", i);
        strcat(expected, part);
        nastl_strbuf_addf(&buf, "%d", i);
        nastl_strbuf_add(&buf, ",");
        nastl_strbuf_add_number(&buf, 0.5);
        nastl_strbuf_add_bytes(&buf, ";;", 1);
    }
    assert_string_equal(nastl_strbuf_text(&buf), expected);
    assert_int_equal(buf.length, strlen(expected));
    char *text;
    assert_ok(nastl_strbuf_take(&text, &buf));
    assert_string_equal(text, expected);
    assert_string_equal(nastl_strbuf_text(&buf), "");
    free(text);
    assert_ok(nastl_strbuf_take(&text, &buf));
    assert_string_equal(text, "");
    free(text);
    nastl_strbuf_add(&buf, "x");
    nastl_strbuf_clear(&buf);
    assert_string_equal(nastl_strbuf_text(&buf), "");
    nastl_strbuf_finish(&buf);
}

static void a_failed_buffer_stays_failed(void **state)
{
    (void)state;
    struct nastl_strbuf buf;
    char *text = NULL;
    nastl_strbuf_init(&buf);
    nastl_alloc_fail_from(1);
    nastl_strbuf_add(&buf, "x");
    nastl_alloc_fail_from(0);
    nastl_strbuf_add(&buf, "y");
    assert_null(nastl_strbuf_text(&buf));
    assert_int_equal(nastl_strbuf_take(&text, &buf), NASTL_ENOMEM);
    assert_null(text);
    assert_ok(nastl_strbuf_take(&text, &buf));
    free(text);
}

/* ---- UTF-8 ------------------------------------------------------------------------- */

/* Unicode's table 3-7, written out: the length of the first character, 0 where none. */
static size_t oracle(const unsigned char *at, size_t length)
{
    static const struct {
        unsigned char low, high, second_low, second_high;
        size_t bytes;
    } rows[] = {{0x00, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2},
                {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
                {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
                {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t i = 0; length > 0 && i < sizeof rows / sizeof *rows; i++) {
        if (at[0] < rows[i].low || at[0] > rows[i].high)
            continue;
        if (length < rows[i].bytes)
            return 0;
        for (size_t k = 1; k < rows[i].bytes; k++)
            if (at[k] < (k == 1 ? rows[i].second_low : 0x80) ||
                at[k] > (k == 1 ? rows[i].second_high : 0xbf))
                return 0;
        return rows[i].bytes;
    }
    return 0;
}

static void utf8_is_what_unicode_says(void **state)
{
    (void)state;
    unsigned char bytes[4];
    for (uint32_t first = 0; first < 0x10000; first++) {
        static const unsigned char more[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0};
        bytes[0] = (unsigned char)(first >> 8);
        bytes[1] = (unsigned char)first;
        for (size_t i = 0; i < 25; i++) {
            uint32_t code;
            bytes[2] = more[i / 5];
            bytes[3] = more[i % 5];
            for (size_t length = 0; length <= 4; length++)
                assert_int_equal(nastl_utf8_decode(&code, (char *)bytes, length),
                                 oracle(bytes, length));
        }
    }
}

static void every_character_is_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t code;
    } known[] = {{"a", 'a'},        {"\x7f", 0x7f},          {"é", 0xe9},
                 {"\u07ff", 0x7ff}, {"\u0800", 0x800},       {"\uffff", 0xffff},
                 {"€", 0x20ac},     {"\U00010000", 0x10000}, {"\U0010ffff", 0x10ffff}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t code = 0;
        const size_t length = strlen(known[i].text);
        assert_int_equal(nastl_utf8_decode(&code, known[i].text, length), length);
        assert_int_equal(code, known[i].code);
    }
}

static void the_valid_beginning_ends_at_the_first_fault(void **state)
{
    (void)state;
    const uint64_t seed = 4;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    static const char *const pieces[] = {"abcdefghijkl", "a", "é", "日", "\U0001f4f6"};
    for (int i = 0; i < 3000; i++) {
        char text[256];
        size_t length = 0;
        while (length < 200) {
            const char *piece = pieces[nastl_rng_below(&rng, 5)];
            memcpy(text + length, piece, strlen(piece));
            length += strlen(piece);
        }
        if (i % 3)
            text[nastl_rng_below(&rng, length)] = (char)nastl_rng_u32(&rng);
        size_t expected = 0, step;
        while ((step = oracle((unsigned char *)text + expected, length - expected)))
            expected += step;
        assert_int_equal(nastl_utf8_valid(text, length), expected);
    }
    assert_int_equal(nastl_utf8_valid("", 0), 0);
}

/* ---- maps and hashes --------------------------------------------------------------- */

static void a_map_finds_what_was_set(void **state)
{
    (void)state;
    struct nastl_strmap map;
    char key[16];
    nastl_strmap_init(&map);
    assert_int_equal(nastl_strmap_get(&map, "x", 1, -1), -1);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1000; i++) {
            const int length = snprintf(key, sizeof key, "k%d", i);
            assert_ok(nastl_strmap_set(&map, key, (size_t)length, i + round));
        }
    for (int i = 0; i < 1000; i++) {
        const int length = snprintf(key, sizeof key, "k%dxx", i) - 2;
        assert_int_equal(nastl_strmap_get(&map, key, (size_t)length, -1), i + 1);
    }
    assert_int_equal(nastl_strmap_get(&map, "k", 1, -1), -1);
    assert_ok(nastl_strmap_set(&map, "", 0, 5));
    assert_int_equal(nastl_strmap_get(&map, "", 0, -1), 5);
    assert_ok(nastl_strmap_set(&map, "a\0b", 3, 6));
    assert_int_equal(nastl_strmap_get(&map, "a\0b", 3, -1), 6);
    assert_int_equal(nastl_strmap_get(&map, "a\0c", 3, -1), -1);
    nastl_strmap_finish(&map);
}

/* The values of the algorithm's authors. */
static void fnv1a_gives_the_known_hashes(void **state)
{
    (void)state;
    assert_true(nastl_hash_bytes(NASTL_HASH_START, "", 0) == NASTL_HASH_START);
    assert_true(nastl_hash_bytes(NASTL_HASH_START, "a", 1) ==
                UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(nastl_hash_bytes(NASTL_HASH_START, "foobar", 6) ==
                UINT64_C(0x85944171f73967e8));
    const uint64_t parts = nastl_hash_text(nastl_hash_text(NASTL_HASH_START, "a"), "b");
    assert_true(parts != nastl_hash_text(NASTL_HASH_START, "ab"));
    assert_true(nastl_hash_u64(NASTL_HASH_START, 1) !=
                nastl_hash_u64(NASTL_HASH_START, 2));
}

/* ---- errors and clocks ------------------------------------------------------------- */

static void a_sentence_is_one_line(void **state)
{
    (void)state;
    assert_int_equal(nastl_error(NASTL_EINVAL, "a\nb\tc %d", 5), NASTL_EINVAL);
    assert_string_equal(nastl_error_last(), "a b c 5");
    assert_int_equal(nastl_error_prefix(NASTL_EIO, "file %s", "x"), NASTL_EIO);
    assert_string_equal(nastl_error_last(), "file x: a b c 5");
    nastl_error(NASTL_EINVAL, "again: %s", nastl_error_last());
    assert_string_equal(nastl_error_last(), "again: file x: a b c 5");
    char *large = malloc(5001);
    memset(large, 'y', 5000);
    large[5000] = '\0';
    nastl_error(NASTL_EINVAL, "%s", large);
    assert_int_equal(strlen(nastl_error_last()), 1023);
    nastl_error_prefix(NASTL_EINVAL, "%s", large);
    assert_int_equal(strlen(nastl_error_last()), 1023);
    free(large);
}

static void *fail_elsewhere(void *payload)
{
    assert_string_equal(nastl_error_last(), "");
    nastl_error(NASTL_EIO, "elsewhere");
    return payload;
}

static void each_thread_has_its_sentence(void **state)
{
    (void)state;
    pthread_t thread;
    nastl_error(NASTL_EINVAL, "here");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
    assert_string_equal(nastl_error_last(), "here");
}

static void statuses_have_exit_codes(void **state)
{
    (void)state;
    static const int codes[][2] = {{NASTL_OK, 0},        {NASTL_ENOMEM, 1},
                                   {NASTL_EINVAL, 2},    {NASTL_EFORMAT, 2},
                                   {NASTL_EEXIST, 2},    {NASTL_ENOENT, 2},
                                   {NASTL_ENOTSUP, 3},   {NASTL_EIO, 1},
                                   {NASTL_ENUMERIC, 1},  {NASTL_EINTERRUPTED, 130},
                                   {NASTL_EINTERNAL, 1}, {1, 0}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        assert_int_equal(nastl_error_exit_code(codes[i][0]), codes[i][1]);
}

static void keep_line(enum nastl_log_level level, const char *message, void *payload)
{
    snprintf(payload, 64, "%d %s", (int)level, message);
}

static void log_lines_reach_the_callback(void **state)
{
    (void)state;
    char line[64] = "";
    const struct nastl_log log = {keep_line, line};
    nastl_log_warning(&log, "a\n%d", 1);
    assert_string_equal(line, "0 a 1");
    nastl_log_info(&log, "b");
    assert_string_equal(line, "1 b");
    nastl_log_info(NULL, "c");
}

static void clocks_go_forwards(void **state)
{
    (void)state;
    const int64_t start = nastl_clock_nanoseconds();
    const double cpu = nastl_clock_thread_cpu(), all = nastl_clock_process_cpu();
    nastl_clock_sleep(0.02);
    assert_true(nastl_clock_nanoseconds() - start >= 20000000);
    assert_true(nastl_clock_seconds() * 1e9 >= (double)start);
    assert_true(nastl_clock_thread_cpu() >= cpu && nastl_clock_process_cpu() >= all);
    char stamp[32];
    int year, month, day, hour, minute, second, micro;
    nastl_clock_stamp(stamp);
    assert_int_equal(sscanf(stamp, "%4d-%2d-%2d %2d:%2d:%2d.%6d", &year, &month, &day,
                            &hour, &minute, &second, &micro),
                     7);
    assert_int_equal(strlen(stamp), 26);
}

static int use_all(void *payload)
{
    (void)payload;
    struct nastl_strmap map;
    struct nastl_arena arena;
    struct nastl_strbuf buf;
    char *text = NULL;
    nastl_strmap_init(&map);
    nastl_arena_init(&arena);
    nastl_strbuf_init(&buf);
    int status = nastl_strmap_set(&map, "a", 1, 1);
    for (char c = 'b'; status == NASTL_OK && c < 'z'; c++)
        status = nastl_strmap_set(&map, &c, 1, c);
    if (status == NASTL_OK && !nastl_arena_strdup(&arena, "text"))
        status = NASTL_ENOMEM;
    if (status == NASTL_OK && !nastl_arena_alloc(&arena, 50000, 1))
        status = NASTL_ENOMEM;
    if (status == NASTL_OK) {
        nastl_strbuf_addf(&buf, "%0200d", 1);
        status = nastl_strbuf_take(&text, &buf);
    }
    free(text);
    nastl_arena_finish(&arena);
    nastl_strmap_finish(&map);
    return status;
}

static void out_of_memory_is_reported(void **state)
{
    (void)state;
    check_out_of_memory(use_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(no_bytes_are_a_block_too),
        cmocka_unit_test(aligned_blocks_are_aligned_and_zero),
        cmocka_unit_test(the_nth_allocation_fails),
        cmocka_unit_test(an_arena_keeps_what_it_gave),
        cmocka_unit_test(a_buffer_holds_what_was_added),
        cmocka_unit_test(a_failed_buffer_stays_failed),
        cmocka_unit_test(utf8_is_what_unicode_says),
        cmocka_unit_test(every_character_is_decoded),
        cmocka_unit_test(the_valid_beginning_ends_at_the_first_fault),
        cmocka_unit_test(a_map_finds_what_was_set),
        cmocka_unit_test(fnv1a_gives_the_known_hashes),
        cmocka_unit_test(a_sentence_is_one_line),
        cmocka_unit_test(each_thread_has_its_sentence),
        cmocka_unit_test(statuses_have_exit_codes),
        cmocka_unit_test(log_lines_reach_the_callback),
        cmocka_unit_test(clocks_go_forwards),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests_name("base_text", tests, NULL, NULL);
}
