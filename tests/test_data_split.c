/* test_data_split.c: rows divided by fraction, class, group and time; folds;
 * `data split`.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data_toy.h"

#include "data/split.h"
#include "data/table_read.h"

enum { MOST = 600 };

/* A random division of up to MOST rows. */
struct toy {
    struct nastl_division division;
    int32_t stratum[MOST], group[MOST];
    double time[MOST];
    uint8_t share[MOST];
};

static void make_toy(struct toy *toy, uint64_t seed, bool groups, bool times)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    const size_t n = 50 + nastl_rng_below(&rng, MOST - 50);
    const uint64_t classes = 1 + nastl_rng_below(&rng, 6);
    for (size_t i = 0; i < n; i++) {
        const double u = nastl_rng_uniform(&rng);
        toy->stratum[i] = (int32_t)(u * u * (double)classes);
        toy->group[i] = (int32_t)nastl_rng_below(&rng, 40);
        toy->time[i] = floor(nastl_rng_uniform(&rng) * 300);
    }
    toy->division = (struct nastl_division){.count = n,
                                            .stratum = toy->stratum,
                                            .group = groups ? toy->group : NULL,
                                            .time = times ? toy->time : NULL,
                                            .seed = seed};
}

static size_t count_share(const struct toy *toy, size_t share, int32_t stratum)
{
    size_t count = 0;
    for (size_t i = 0; i < toy->division.count; i++)
        count += toy->share[i] == share && (stratum < 0 || toy->stratum[i] == stratum);
    return count;
}

static const double usual[] = {0.6, 0.2, 0.2};

/* ---- shares ------------------------------------------------------------------------ */

static void shares_have_their_size(void **state)
{
    (void)state;
    static struct toy toy;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        make_toy(&toy, seed, false, seed % 2);
        assert_ok(nastl_divide(toy.share, &toy.division, usual, 3));
        for (size_t s = 0; s < 3; s++)
            assert_true(fabs((double)count_share(&toy, s, -1) -
                             usual[s] * (double)toy.division.count) <= 1);
    }
}

static void strata_are_spread_in_proportion(void **state)
{
    (void)state;
    static struct toy toy;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        make_toy(&toy, seed, false, false);
        assert_ok(nastl_divide(toy.share, &toy.division, usual, 3));
        for (int32_t c = 0; c < 6; c++) {
            size_t all = 0;
            for (size_t s = 0; s < 3; s++)
                all += count_share(&toy, s, c);
            for (size_t s = 0; s < 3; s++)
                assert_true(fabs((double)count_share(&toy, s, c) -
                                 usual[s] * (double)all) <= 1.5);
        }
    }
}

static void prefixes_of_the_stratified_order_are_in_proportion(void **state)
{
    (void)state;
    static struct toy toy;
    static int32_t order[MOST];
    for (uint64_t seed = 1; seed <= 20; seed++) {
        make_toy(&toy, seed, false, false);
        const size_t n = toy.division.count;
        assert_ok(nastl_stratified_order(order, &toy.division));
        size_t all[6] = {0}, seen[6] = {0};
        for (size_t i = 0; i < n; i++)
            all[toy.stratum[i]]++;
        for (size_t i = 0; i < n; i++) {
            seen[toy.stratum[order[i]]]++;
            for (size_t c = 0; c < 6; c++)
                assert_true(fabs((double)seen[c] -
                                 (double)all[c] * (double)(i + 1) / (double)n) <= 2);
        }
    }
}

static void groups_stay_whole(void **state)
{
    (void)state;
    static struct toy toy;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        make_toy(&toy, seed, true, seed % 2);
        assert_ok(nastl_divide(toy.share, &toy.division, usual, 3));
        int of[40];
        memset(of, -1, sizeof of);
        for (size_t i = 0; i < toy.division.count; i++) {
            const int32_t g = toy.group[i];
            assert_true(of[g] < 0 || of[g] == toy.share[i]);
            of[g] = toy.share[i];
        }
        for (size_t s = 0; s < 3; s++)
            assert_true(
                fabs((double)count_share(&toy, s, -1) / (double)toy.division.count -
                     usual[s]) < 0.1);
    }
}

static void time_never_runs_backwards(void **state)
{
    (void)state;
    static struct toy toy;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        make_toy(&toy, seed, false, true);
        assert_ok(nastl_divide(toy.share, &toy.division, usual, 3));
        double last[3] = {-INFINITY, -INFINITY, -INFINITY};
        double first[3] = {INFINITY, INFINITY, INFINITY};
        for (size_t i = 0; i < toy.division.count; i++) {
            const size_t s = toy.share[i];
            last[s] = fmax(last[s], toy.time[i]);
            first[s] = fmin(first[s], toy.time[i]);
        }
        assert_true(last[0] <= first[1] && last[1] <= first[2]);
    }
}

/* With as many rows or groups as shares that are wanted, each gets one. */
static void no_wanted_share_is_empty(void **state)
{
    (void)state;
    static struct toy toy;
    static const double fractions[][3] = {
        {0.6, 0.2, 0.2}, {0.98, 0.01, 0.01}, {0.8, 0.2, 0}, {0.01, 0.01, 0.98}};
    for (size_t f = 0; f < 4; f++)
        for (size_t n = 1; n < 30; n++)
            for (int way = 0; way < 4; way++) {
                make_toy(&toy, n, way & 1, way & 2);
                toy.division.count = n;
                for (size_t i = 0; i < n; i++)
                    toy.group[i] = (int32_t)(i % (n < 5 ? n : 5));
                assert_ok(nastl_divide(toy.share, &toy.division, fractions[f], 3));
                const size_t wanted = fractions[f][2] > 0 ? 3 : 2;
                for (size_t s = 0; s < 3 && n >= wanted; s++)
                    assert_int_equal(count_share(&toy, s, -1) > 0, fractions[f][s] > 0);
            }
}

static void one_seed_gives_one_division(void **state)
{
    (void)state;
    static struct toy a, b;
    size_t differ = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        make_toy(&a, seed, seed % 2, false);
        b = a;
        assert_ok(nastl_divide(a.share, &a.division, usual, 3));
        assert_ok(nastl_divide(b.share, &a.division, usual, 3));
        assert_memory_equal(a.share, b.share, a.division.count);
        a.division.seed += 1000;
        assert_ok(nastl_divide(b.share, &a.division, usual, 3));
        differ += memcmp(a.share, b.share, a.division.count) != 0;
    }
    assert_int_equal(differ, 10);
}

/* ---- folds ------------------------------------------------------------------------- */

static struct nastl_dataset *load(void **state, const char *label, const char *group)
{
    char *items[1];
    struct nastl_dataset *d = NULL;
    struct nastl_dataset_params p =
        toy_params(items, toy_rows(state, "folds.csv", 400, 5), label);
    p.group_column = group;
    assert_ok(nastl_dataset_load(&d, &p, NULL));
    return d;
}

static void check_fold_sizes(const struct nastl_dataset *d, const int32_t *of, size_t k,
                             double slack)
{
    const size_t classes = d->class_count ? d->class_count : 1;
    for (size_t c = 0; c < classes; c++) {
        size_t count[10] = {0}, all = 0;
        for (size_t i = 0; i < d->rows; i++)
            if (of[i] >= 0 && (!d->class_count || (size_t)d->label[i] == c)) {
                count[of[i]]++;
                all++;
            }
        for (size_t f = 0; f < k; f++)
            assert_true(fabs((double)count[f] - (double)all / (double)k) <= slack);
    }
}

static void folds_cover_training_and_validation_rows_once(void **state)
{
    static const char *const labels[] = {"class", "value"};
    for (size_t way = 0; way < 4; way++) {
        struct nastl_dataset *d = load(state, labels[way / 2], way % 2 ? "group" : NULL);
        for (size_t k = 2; k <= 8; k += 3) {
            int32_t *of, *again, group_fold[400];
            assert_ok(nastl_dataset_folds(&of, d, k, 7));
            assert_ok(nastl_dataset_folds(&again, d, k, 7));
            assert_memory_equal(of, again, d->rows * sizeof *of);
            memset(group_fold, -1, sizeof group_fold);
            for (size_t i = 0; i < d->rows; i++) {
                const bool in =
                    d->part[i] == NASTL_PART_TRAIN || d->part[i] == NASTL_PART_VALID;
                assert_true(in ? of[i] >= 0 && (size_t)of[i] < k : of[i] == -1);
                if (!d->group || !in)
                    continue;
                int32_t *fold = &group_fold[d->group[i]];
                assert_true(*fold < 0 || *fold == of[i]);
                *fold = of[i];
            }
            check_fold_sizes(d, of, k, d->group ? 25 : 1);
            free(of);
            free(again);
        }
        nastl_dataset_destroy(d);
    }
}

static void folds_that_cannot_be(void **state)
{
    struct nastl_dataset *d = load(state, "class", "group");
    int32_t *of;
    assert_error(nastl_dataset_folds(&of, d, 1, 1), NASTL_EINVAL, "give 2 to");
    assert_error(nastl_dataset_folds(&of, d, 100, 1), NASTL_EINVAL, "groups; give fewer");
    nastl_dataset_destroy(d);
}

/* ---- data split -------------------------------------------------------------------- */

static void set(struct nastl_split_params *p, const char *key, const char *text)
{
    assert_ok(nastl_opt_set(nastl_opt_find(nastl_split_opts, key), p, text));
}

static void split_writes_one_more_column(void **state)
{
    struct nastl_split_params p = {0};
    struct nastl_table *before, *after;
    const char *path = toy_rows(state, "plain.csv", 200, 9);
    assert_ok(nastl_opt_defaults(nastl_split_opts, &p));
    p.data = (char *)(uintptr_t)path;
    set(&p, "out", scratch(state, "split.csv.gz"));
    set(&p, "label", "class");
    set(&p, "split", "0.5,0.25,0.25");
    assert_ok(nastl_data_split(&p));
    assert_error(nastl_data_split(&p), NASTL_EEXIST, "--force");
    assert_ok(nastl_table_load(&before, path, NULL));
    assert_ok(nastl_table_load(&after, p.out, NULL));
    assert_int_equal(after->rows, before->rows);
    assert_int_equal(after->count, before->count + 1);
    const struct nastl_column *split = &after->columns[before->count];
    assert_string_equal(split->name, "split");
    size_t count[3] = {0};
    for (size_t i = 0; i < after->rows; i++)
        count[split->code[i]]++;
    for (size_t i = 0; i < 3; i++) {
        const bool train = strcmp(split->levels[i], "train") == 0;
        assert_int_equal(count[i], train ? 100 : 50);
    }
    p.data = p.out;
    set(&p, "force", "true");
    assert_error(nastl_data_split(&p), NASTL_EINVAL, "has a column 'split' already");
    nastl_table_destroy(before);
    nastl_table_destroy(after);
    nastl_opt_clear(nastl_split_opts, &p);
}

static void split_follows_groups_and_time(void **state)
{
    static const char *const keys[] = {"group_column", "time_column"};
    static const char *const columns[] = {"group", "time"};
    for (size_t k = 0; k < 2; k++) {
        struct nastl_split_params p = {0};
        struct nastl_table *t;
        assert_ok(nastl_opt_defaults(nastl_split_opts, &p));
        p.data = (char *)(uintptr_t)toy_rows(state, "plain.csv", 200, 9);
        set(&p, "out", scratch(state, "ordered.csv"));
        set(&p, "force", "true");
        set(&p, keys[k], columns[k]);
        assert_ok(nastl_data_split(&p));
        assert_ok(nastl_table_load(&t, p.out, NULL));
        const struct nastl_column *by = &t->columns[nastl_table_find(t, columns[k])];
        const struct nastl_column *split = &t->columns[nastl_table_find(t, "split")];
        for (size_t i = 0; i < t->rows; i++)
            for (size_t j = 0; j < t->rows; j++) {
                const char *a = split->levels[split->code[i]];
                const char *b = split->levels[split->code[j]];
                if (k == 0 && by->code[i] == by->code[j])
                    assert_string_equal(a, b);
                if (k == 1 && by->number[i] < by->number[j])
                    assert_false(strcmp(a, "test") == 0 && strcmp(b, "train") == 0);
            }
        nastl_table_destroy(t);
        nastl_opt_clear(nastl_split_opts, &p);
    }
}

static void wrong_splits_are_refused(void **state)
{
    static const char *const wrong[] = {"0.5,0.5", "0.5,0.2,0.2", "a,b,c", "0,0.5,0.5",
                                        "1.2,-0.1,-0.1"};
    struct nastl_split_params p = {0};
    assert_ok(nastl_opt_defaults(nastl_split_opts, &p));
    p.data = (char *)(uintptr_t)toy_rows(state, "plain.csv", 50, 9);
    assert_error(nastl_data_split(&p), NASTL_EINVAL, "--out: not given");
    set(&p, "out", scratch(state, "wrong.csv"));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        set(&p, "split", wrong[i]);
        assert_error(nastl_data_split(&p), NASTL_EINVAL, "not three parts of a whole");
    }
    set(&p, "split", "0.6,0.2,0.2");
    set(&p, "group_column", "groop");
    assert_error(nastl_data_split(&p), NASTL_ENOENT, "did you mean 'group'?");
    nastl_opt_clear(nastl_split_opts, &p);
}

/* ---- memory ------------------------------------------------------------------------ */

static int attempt_divide(void *payload)
{
    struct toy *toy = payload;
    return nastl_divide(toy->share, &toy->division, usual, 3);
}

static void memory_may_run_out_while_dividing(void **state)
{
    (void)state;
    static struct toy toy;
    for (int way = 0; way < 4; way++) {
        make_toy(&toy, 3, way & 1, way & 2);
        check_out_of_memory(attempt_divide, &toy);
    }
}

static int attempt_folds(void *dataset)
{
    int32_t *of;
    const int status = nastl_dataset_folds(&of, dataset, 5, 1);
    if (status == NASTL_OK)
        free(of);
    return status;
}

static int attempt_split(void *params)
{
    return nastl_data_split(params);
}

static void memory_may_run_out_in_folds_and_split(void **state)
{
    struct nastl_dataset *d = load(state, "class", "group");
    check_out_of_memory(attempt_folds, d);
    nastl_dataset_destroy(d);
    struct nastl_split_params p = {0};
    assert_ok(nastl_opt_defaults(nastl_split_opts, &p));
    p.data = (char *)(uintptr_t)toy_rows(state, "plain.csv", 30, 9);
    set(&p, "out", scratch(state, "oom.csv"));
    set(&p, "force", "true");
    set(&p, "label", "class");
    set(&p, "group_column", "group");
    set(&p, "time_column", "time");
    check_out_of_memory(attempt_split, &p);
    nastl_opt_clear(nastl_split_opts, &p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_have_their_size),
        cmocka_unit_test(strata_are_spread_in_proportion),
        cmocka_unit_test(prefixes_of_the_stratified_order_are_in_proportion),
        cmocka_unit_test(groups_stay_whole),
        cmocka_unit_test(time_never_runs_backwards),
        cmocka_unit_test(no_wanted_share_is_empty),
        cmocka_unit_test(one_seed_gives_one_division),
        cmocka_unit_test(folds_cover_training_and_validation_rows_once),
        cmocka_unit_test(folds_that_cannot_be),
        cmocka_unit_test(split_writes_one_more_column),
        cmocka_unit_test(split_follows_groups_and_time),
        cmocka_unit_test(wrong_splits_are_refused),
        cmocka_unit_test(memory_may_run_out_while_dividing),
        cmocka_unit_test(memory_may_run_out_in_folds_and_split),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
