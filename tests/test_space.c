/* test_space.c: dimensions, points and candidates.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/strbuf.h"
#include "space_toy.h"

#include <math.h>

enum { DRAWS = 500, SPACES = 3 };

static struct nastl_rng stream(uint32_t trial)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, 7, trial, NASTL_RNG_TEST);
    return rng;
}

static struct nastl_space *space_number(int i)
{
    struct nastl_space *space = NULL;
    if (i == 0)
        assert_int_equal(nastl_space_default(&space), NASTL_OK);
    else
        space =
            i == 1 ? toy_space(RICH_SPACE) : toy_space_with(TOY_SPACE, &toy_vocabulary);
    assert_non_null(space);
    return space;
}

static size_t index_of(const struct nastl_space *space, const char *key)
{
    for (size_t i = 0; i < nastl_space_dims(space); i++)
        if (strcmp(nastl_space_dim(space, i)->key, key) == 0)
            return i;
    fail_msg("no key %s", key);
    return 0;
}

/* Calls `check` for some hundred points of each space. */
static void for_points(void (*check)(const struct nastl_space *, struct nastl_point *))
{
    for (int i = 0; i < SPACES; i++) {
        struct nastl_space *space = space_number(i);
        struct nastl_point *point;
        assert_int_equal(nastl_point_create(&point, space), NASTL_OK);
        struct nastl_rng rng = stream((uint32_t)i);
        for (int draw = 0; draw < DRAWS; draw++) {
            nastl_space_sample(space, &rng, point);
            check(space, point);
        }
        nastl_point_destroy(point);
        nastl_space_destroy(space);
    }
}

/* ---- drawing ----------------------------------------------------------------------- */

static void check_within_range(const struct nastl_space *space, struct nastl_point *point)
{
    for (size_t i = 0; i < nastl_space_dims(space); i++) {
        const struct nastl_dim *dim = nastl_space_dim(space, i);
        assert_true(point->value[i] >= dim->low && point->value[i] <= dim->high);
        if (dim->kind != NASTL_DIM_FLOAT)
            assert_true(point->value[i] == floor(point->value[i]));
        if (dim->fixed)
            assert_true(point->value[i] == dim->low);
    }
}

static void sampled_points_are_within_range(void **state)
{
    (void)state;
    for_points(check_within_range);
}

static void check_settled(const struct nastl_space *space, struct nastl_point *point)
{
    struct nastl_point *again;
    assert_int_equal(nastl_point_create(&again, space), NASTL_OK);
    nastl_point_copy(again, point, space);
    nastl_space_settle(space, again);
    const size_t dims = nastl_space_dims(space);
    assert_memory_equal(again->value, point->value, dims * sizeof *point->value);
    assert_memory_equal(again->active, point->active, dims * sizeof *point->active);
    nastl_point_destroy(again);
}

static void settling_twice_changes_nothing(void **state)
{
    (void)state;
    for_points(check_settled);
}

static void settling_snaps_whatever_stood_there(void **state)
{
    (void)state;
    const double wild[] = {NAN, INFINITY, -INFINITY, 1e300, -3.7, 0.49, 1e-320};
    for (int i = 0; i < SPACES; i++) {
        struct nastl_space *space = space_number(i);
        struct nastl_point *point;
        assert_int_equal(nastl_point_create(&point, space), NASTL_OK);
        for (size_t w = 0; w < sizeof wild / sizeof *wild; w++) {
            for (size_t d = 0; d < nastl_space_dims(space); d++)
                point->value[d] = wild[w];
            nastl_space_settle(space, point);
            check_within_range(space, point);
            check_settled(space, point);
        }
        nastl_point_destroy(point);
        nastl_space_destroy(space);
    }
}

static void sampling_takes_the_same_number_of_draws(void **state)
{
    (void)state;
    struct nastl_space *space = toy_space_with(TOY_SPACE, &toy_vocabulary);
    struct nastl_point *point;
    assert_int_equal(nastl_point_create(&point, space), NASTL_OK);
    struct nastl_rng rng = stream(1), plain = stream(1);
    for (int draw = 0; draw < DRAWS; draw++) {
        nastl_space_sample(space, &rng, point);
        for (size_t i = 0; i < nastl_space_searched(space); i++)
            nastl_rng_uniform(&plain);
        assert_true(rng.block == plain.block && rng.left == plain.left);
    }
    nastl_point_destroy(point);
    nastl_space_destroy(space);
}

/* Counts how often each value of a lattice is drawn, and compares with the length of its
 * cell. 5 standard deviations: a false alarm in two million. */
static void check_frequencies(const struct nastl_dim *dim, const double *share)
{
    enum { MOST = 32, N = 20000 };
    const size_t values = (size_t)nastl_dim_values(dim);
    size_t counts[MOST] = {0};
    assert_true(values <= MOST);
    struct nastl_rng rng = stream(2);
    for (int i = 0; i < N; i++) {
        const double value = nastl_dim_from_unit(dim, nastl_rng_uniform(&rng));
        for (size_t j = 0; j < values; j++)
            counts[j] += value == nastl_dim_at(dim, (double)j);
    }
    size_t sum = 0;
    for (size_t j = 0; j < values; j++) {
        const double expected = N * share[j];
        assert_true(fabs((double)counts[j] - expected) < 5.0 * sqrt(expected));
        sum += counts[j];
    }
    assert_int_equal(sum, N);
}

static void steps_and_choices_are_equally_likely(void **state)
{
    (void)state;
    const double fifth[] = {0.2, 0.2, 0.2, 0.2, 0.2};
    const struct nastl_dim whole = {.kind = NASTL_DIM_INT, .low = -2, .high = 2};
    const struct nastl_dim step = {
        .kind = NASTL_DIM_FLOAT, .low = 0.1, .high = 0.5, .step = 0.1};
    const struct nastl_dim choice = {
        .kind = NASTL_DIM_CHOICE, .low = 0, .high = 4, .count = 5};
    check_frequencies(&whole, fifth);
    check_frequencies(&step, fifth);
    check_frequencies(&choice, fifth);
}

static void log_scale_weighs_by_ratio(void **state)
{
    (void)state;
    const struct nastl_dim whole = {
        .kind = NASTL_DIM_INT, .low = 1, .high = 6, .log = true};
    const struct nastl_dim step = {
        .kind = NASTL_DIM_INT, .low = 16, .high = 96, .step = 16, .log = true};
    double share[6];
    for (int k = 1; k <= 6; k++)
        share[k - 1] = log((k + 0.5) / (k - 0.5)) / log(6.5 / 0.5);
    check_frequencies(&whole, share);
    check_frequencies(&step, share); /* the same in units of 16 */
}

static void continuous_values_follow_their_scale(void **state)
{
    (void)state;
    enum { N = 20000 };
    const struct nastl_dim dim = {
        .kind = NASTL_DIM_FLOAT, .low = 1e-4, .high = 1e-2, .log = true};
    struct nastl_rng rng = stream(3);
    int below = 0;
    for (int i = 0; i < N; i++)
        below += nastl_dim_from_unit(&dim, nastl_rng_uniform(&rng)) < 1e-3;
    assert_true(abs(below - N / 2) < 5 * (int)sqrt(N / 4.0));
}

/* ---- units ------------------------------------------------------------------------- */

static void check_unit(const struct nastl_dim *dim, double value)
{
    const double unit = nastl_dim_to_unit(dim, value);
    assert_true(unit >= 0.0 && unit <= 1.0);
    if (isinf(nastl_dim_values(dim)))
        assert_true(fabs(nastl_dim_from_unit(dim, unit) / value - 1.0) < 1e-12 ||
                    fabs(nastl_dim_from_unit(dim, unit) - value) < 1e-15);
    else
        assert_true(nastl_dim_from_unit(dim, unit) == value);
}

static void unit_and_back_is_the_same_value(void **state)
{
    (void)state;
    for (int i = 0; i < SPACES; i++) {
        struct nastl_space *space = space_number(i);
        for (size_t d = 0; d < nastl_space_dims(space); d++) {
            const struct nastl_dim *dim = nastl_space_dim(space, d);
            const double values = fmin(nastl_dim_values(dim), 3000.0);
            for (double at = 0.0; at < values; at++) {
                const bool lattice = !isinf(nastl_dim_values(dim));
                check_unit(dim, lattice ? nastl_dim_at(dim, at)
                                        : nastl_dim_from_unit(dim, at / (values - 1.0)));
            }
        }
        nastl_space_destroy(space);
    }
}

static void units_keep_the_order_and_reach_both_ends(void **state)
{
    (void)state;
    for (int i = 0; i < SPACES; i++) {
        struct nastl_space *space = space_number(i);
        for (size_t d = 0; d < nastl_space_dims(space); d++) {
            const struct nastl_dim *dim = nastl_space_dim(space, d);
            double last = dim->low;
            for (int step = 0; step <= 1000; step++) {
                const double value = nastl_dim_from_unit(dim, step / 1000.0);
                assert_true(value >= last);
                last = value;
            }
            assert_true(fabs(nastl_dim_from_unit(dim, 0.0) - dim->low) <= 1e-15);
            assert_true(fabs(nastl_dim_from_unit(dim, 1.0) - dim->high) <= 1e-15);
        }
        nastl_space_destroy(space);
    }
}

static void stepped_floats_are_short_decimals(void **state)
{
    (void)state;
    const struct nastl_dim dim = {
        .kind = NASTL_DIM_FLOAT, .low = 0.1, .high = 0.9, .step = 0.1};
    assert_true(nastl_dim_at(&dim, 2) == 0.3);
    assert_true(nastl_dim_at(&dim, 6) == 0.7);
    assert_true(nastl_dim_snap(&dim, 0.58) == 0.6);
}

/* ---- candidates -------------------------------------------------------------------- */

static void check_candidate(const struct nastl_space *space, struct nastl_point *point)
{
    struct nastl_candidate candidate;
    struct nastl_point *back;
    assert_int_equal(nastl_point_candidate(&candidate, space, point), NASTL_OK);
    assert_int_equal(nastl_point_create(&back, space), NASTL_OK);
    assert_int_equal(nastl_point_from_candidate(back, space, &candidate), NASTL_OK);
    size_t active = 0;
    for (size_t i = 0; i < nastl_space_dims(space); i++) {
        assert_int_equal(back->active[i], point->active[i]);
        if (point->active[i])
            assert_true(back->value[i] == point->value[i]);
        active += point->active[i];
    }
    assert_int_equal(candidate.count, active);
    assert_true(nastl_point_hash(space, point) == nastl_point_hash(space, back));
    assert_true(nastl_point_hash(space, point) == nastl_candidate_hash(&candidate));
    nastl_point_destroy(back);
    nastl_candidate_finish(&candidate);
}

static void candidate_and_back_is_the_same_point(void **state)
{
    (void)state;
    for_points(check_candidate);
}

static void check_json(const struct nastl_space *space, struct nastl_point *point)
{
    struct nastl_candidate candidate, back;
    assert_int_equal(nastl_point_candidate(&candidate, space, point), NASTL_OK);
    json_t *object = nastl_candidate_json(&candidate), *read;
    struct nastl_strbuf text;
    nastl_strbuf_init(&text);
    nastl_json_write(&text, object, 0);
    assert_int_equal(nastl_json_parse(&read, nastl_strbuf_text(&text), "text"), NASTL_OK);
    assert_int_equal(nastl_candidate_from_json(&back, read), NASTL_OK);
    assert_int_equal(back.count, candidate.count);
    for (size_t i = 0; i < back.count; i++) {
        assert_string_equal(back.settings[i].key, candidate.settings[i].key);
        assert_true(back.settings[i].number == candidate.settings[i].number);
    }
    assert_true(nastl_candidate_hash(&back) == nastl_candidate_hash(&candidate));
    nastl_strbuf_finish(&text);
    json_decref(object);
    json_decref(read);
    nastl_candidate_finish(&candidate);
    nastl_candidate_finish(&back);
}

static void json_and_back_is_the_same_candidate(void **state)
{
    (void)state;
    for_points(check_json);
}

static void json_writes_whole_numbers_as_integers(void **state)
{
    (void)state;
    struct nastl_candidate candidate;
    nastl_candidate_init(&candidate);
    nastl_candidate_set(&candidate, "mlp.layers", NULL, 3);
    nastl_candidate_set(&candidate, "lr", NULL, 0.1);
    nastl_candidate_set(&candidate, "word", "3", 0);
    json_t *object = nastl_candidate_json(&candidate);
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(3));
    assert_string_equal(text, "{\"mlp.layers\":3,\"lr\":0.1,\"word\":\"3\"}");
    free(text);
    json_decref(object);
    nastl_candidate_finish(&candidate);
}

static void json_that_is_no_candidate_is_refused(void **state)
{
    (void)state;
    struct nastl_candidate candidate;
    json_t *array = json_array(), *nested = json_pack("{s:n}", "mlp.layers");
    assert_int_equal(nastl_candidate_from_json(&candidate, array), NASTL_EFORMAT);
    assert_int_equal(nastl_candidate_from_json(&candidate, nested), NASTL_EFORMAT);
    assert_string_equal(nastl_error_last(), "candidate: 'mlp.layers' is neither a text "
                                            "nor a number; give it one");
    json_decref(array);
    json_decref(nested);
}

static void settings_are_found_and_replaced(void **state)
{
    (void)state;
    struct nastl_candidate one, two;
    nastl_candidate_init(&one);
    assert_int_equal(nastl_candidate_set(&one, "a", NULL, 1), NASTL_OK);
    assert_int_equal(nastl_candidate_set(&one, "b", "x", 0), NASTL_OK);
    assert_int_equal(nastl_candidate_set(&one, "a", "y", 0), NASTL_OK);
    assert_int_equal(nastl_candidate_copy(&two, &one), NASTL_OK);
    nastl_candidate_finish(&one);
    assert_int_equal(two.count, 2);
    assert_string_equal(nastl_candidate_text(&two, "a", ""), "y");
    assert_true(nastl_candidate_number(&two, "a", -1) == -1);
    assert_null(nastl_candidate_find(&two, "c"));
    assert_string_equal(nastl_candidate_text(&two, "c", "none"), "none");
    nastl_candidate_finish(&two);
}

static void from_candidate_names_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text;
        double number;
        const char *sentence;
    } cases[] = {
        {"resnet.blocks", NULL, 2,
         "candidate: the space has no key 'resnet.blocks'; leave it out"},
        {"wide.width.0", NULL, 12,
         "candidate: 12 of key 'wide.width.0' is no value of the space; take one from "
         "its "
         "range"},
        {"wide.layers", NULL, 2.5,
         "candidate: 2.5 of key 'wide.layers' is no value of the space; take one from "
         "its "
         "range"},
        {"wide.layers", "2", 0,
         "candidate: 2 of key 'wide.layers' is no value of the space; take one from its "
         "range"},
        {"input.embedding", NULL, 0,
         "candidate: 0 of key 'input.embedding' is no value of the space; take one from "
         "its range"},
        {"wide.width.2", NULL, 8,
         "candidate: the space has no key 'wide.width.2' beside the other values; leave "
         "it out"},
        {"wide.layers", NULL, 3,
         "candidate: key 'wide.width.2' is missing; give it a value"},
        {"family", "token", 0,
         "candidate: the space has no key 'wide.layers' beside the other values; leave "
         "it "
         "out"},
    };
    struct nastl_space *space = toy_space_with(TOY_SPACE, &toy_vocabulary);
    struct nastl_point *point;
    assert_int_equal(nastl_point_create(&point, space), NASTL_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nastl_candidate candidate;
        nastl_candidate_init(&candidate);
        nastl_candidate_set(&candidate, "family", "wide", 0);
        nastl_candidate_set(&candidate, "wide.layers", NULL, 2);
        nastl_candidate_set(&candidate, "wide.width.0", NULL, 8);
        nastl_candidate_set(&candidate, "wide.width.1", NULL, 16);
        nastl_candidate_set(&candidate, "input.embedding", "none", 0);
        assert_int_equal(nastl_point_from_candidate(point, space, &candidate), NASTL_OK);
        nastl_candidate_set(&candidate, cases[i].key, cases[i].text, cases[i].number);
        assert_int_equal(nastl_point_from_candidate(point, space, &candidate),
                         NASTL_EINVAL);
        assert_string_equal(nastl_error_last(), cases[i].sentence);
        nastl_candidate_finish(&candidate);
    }
    nastl_point_destroy(point);
    nastl_space_destroy(space);
}

/* ---- identity ---------------------------------------------------------------------- */

/* Changing a value changes the hash exactly where the value is active. */
static void check_hash(const struct nastl_space *space, struct nastl_point *point)
{
    const uint64_t hash = nastl_point_hash(space, point);
    for (size_t i = 0; i < nastl_space_dims(space); i++) {
        const struct nastl_dim *dim = nastl_space_dim(space, i);
        const double old = point->value[i];
        if (dim->fixed)
            continue;
        point->value[i] = old == dim->low ? dim->high : dim->low;
        assert_int_equal(hash == nastl_point_hash(space, point), !point->active[i]);
        point->value[i] = old;
    }
    assert_true(hash == nastl_point_hash(space, point));
}

static void hash_is_of_active_values_alone(void **state)
{
    (void)state;
    for_points(check_hash);
}

static void hash_of_a_candidate_ignores_the_order(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "b", "c", "d"};
    uint64_t hashes[4];
    for (size_t start = 0; start < 4; start++) {
        struct nastl_candidate candidate;
        nastl_candidate_init(&candidate);
        for (size_t i = 0; i < 4; i++)
            nastl_candidate_set(&candidate, keys[(start + i) % 4], NULL,
                                (double)((start + i) % 4));
        hashes[start] = nastl_candidate_hash(&candidate);
        nastl_candidate_finish(&candidate);
        assert_true(hashes[start] == hashes[0]);
    }
}

static void hash_tells_texts_from_numbers(void **state)
{
    (void)state;
    assert_true(nastl_setting_hash("a", "1", 0) != nastl_setting_hash("a", NULL, 1));
    assert_true(nastl_setting_hash("a", NULL, 1) != nastl_setting_hash("b", NULL, 1));
    assert_true(nastl_setting_hash("ab", "c", 0) != nastl_setting_hash("a", "bc", 0));
    assert_true(nastl_setting_hash("a", NULL, 0.0) ==
                nastl_setting_hash("a", NULL, -0.0));
}

/* ---- conditions -------------------------------------------------------------------- */

static void check_layers(const struct nastl_space *space, struct nastl_point *point)
{
    for (size_t i = 0; i < nastl_space_dims(space); i++) {
        const char *key = nastl_space_dim(space, i)->key;
        const char *width = strstr(key, ".width.");
        if (!width || key[0] == 'w')
            continue;
        const size_t at = index_of(space, "mlp.layers");
        const double layers =
            nastl_dim_number(nastl_space_dim(space, at), point->value[at]);
        assert_int_equal(point->active[i],
                         point->active[at] && atoi(width + 7) < (int)layers);
    }
}

static void widths_are_active_up_to_the_layers(void **state)
{
    (void)state;
    for_points(check_layers);
}

static void conditions_follow_families_and_each_other(void **state)
{
    (void)state;
    struct nastl_space *space = toy_space_with(TOY_SPACE, &toy_vocabulary);
    struct nastl_point *point;
    assert_int_equal(nastl_point_create(&point, space), NASTL_OK);
    struct nastl_rng rng = stream(4);
    const size_t embedding = index_of(space, "input.embedding");
    const size_t width = index_of(space, "input.embedding_width");
    const size_t dropout = index_of(space, "wide.dropout");
    assert_true(embedding < width && width < dropout);
    for (int draw = 0; draw < DRAWS; draw++) {
        nastl_space_sample(space, &rng, point);
        const bool wide = point->value[0] == 0.0, periodic = point->value[embedding] == 1;
        assert_int_equal(point->active[index_of(space, "wide.layers")], wide);
        assert_int_equal(point->active[index_of(space, "token.heads")], !wide);
        assert_int_equal(point->active[width], periodic);
        assert_int_equal(point->active[dropout],
                         wide && periodic && point->value[width] > 8);
    }
    nastl_point_destroy(point);
    nastl_space_destroy(space);
}

static void a_family_left_out_leaves_no_dimensions(void **state)
{
    (void)state;
    struct nastl_space *space = toy_space_with(
        TOY_SCHEMA "family: token\n"
                   "wide: {layers: {int: [1, 3]}}\n"
                   "token: {token_width: {int: [8, 64], step: 8}}\n"
                   "constraints: [\"layers <= 2\", \"token_width % heads == 0\"]\n",
        &toy_vocabulary);
    assert_non_null(space);
    assert_int_equal(nastl_space_searched(space), 1);
    assert_true(nastl_space_size(space) == 8.0);
    for (size_t i = 0; i < nastl_space_dims(space); i++)
        assert_int_not_equal(strncmp(nastl_space_dim(space, i)->key, "wide", 4), 0);
    nastl_space_destroy(space);
}

/* ---- size -------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Draws until all are found: the rarest candidate comes once in 864 draws. */
static void size_is_the_number_of_distinct_candidates(void **state)
{
    (void)state;
    enum { N = 40000 };
    struct nastl_space *space = toy_space_with(TOY_SPACE, &toy_vocabulary);
    struct nastl_point *point;
    uint64_t *hashes = malloc(N * sizeof *hashes);
    assert_non_null(hashes);
    assert_int_equal(nastl_point_create(&point, space), NASTL_OK);
    struct nastl_rng rng = stream(5);
    for (size_t i = 0; i < N; i++) {
        nastl_space_sample(space, &rng, point);
        hashes[i] = nastl_point_hash(space, point);
    }
    qsort(hashes, N, sizeof *hashes, by_number);
    size_t distinct = 1;
    for (size_t i = 1; i < N; i++)
        distinct += hashes[i] != hashes[i - 1];
    /* wide: (2 + 4 + 8) * (none 1, periodic 1 + 3 + 3); token: 4 * 4 * (1 + 3) */
    assert_true(nastl_space_size(space) == 14 * 8 + 16 * 4);
    assert_int_equal(distinct, 14 * 8 + 16 * 4);
    free(hashes);
    nastl_point_destroy(point);
    nastl_space_destroy(space);
}

static void size_is_infinite_with_a_searched_float(void **state)
{
    (void)state;
    struct nastl_space *space = toy_space(RICH_SPACE);
    assert_true(isinf(nastl_space_size(space)));
    nastl_space_destroy(space);
    space = toy_space(TOY_SCHEMA);
    assert_true(nastl_space_size(space) == 1.0);
    assert_int_equal(nastl_space_searched(space), 0);
    nastl_space_destroy(space);
}

static void size_is_a_bound_where_counting_takes_too_long(void **state)
{
    (void)state;
    struct nastl_space *space = toy_space(
        TOY_SCHEMA "mlp:\n"
                   "  layers: 8\n"
                   "  width: {int: [1, 100], per: layer}\n"
                   "  dropout: {choice: [0, 0.5], when: \"sum(width) < 400\"}\n");
    assert_non_null(space);
    assert_true(nastl_space_size(space) == 2e16);
    nastl_space_destroy(space);
}

/* ---- fixing ------------------------------------------------------------------------ */

static void fixing_leaves_one_value(void **state)
{
    (void)state;
    struct nastl_space *space = toy_space_with(TOY_SPACE, &toy_vocabulary);
    const size_t searched = nastl_space_searched(space);
    assert_int_equal(nastl_space_fix(space, "input.embedding", "none", 0), NASTL_OK);
    assert_int_equal(nastl_space_fix(space, "wide.width", NULL, 99), NASTL_OK);
    assert_int_equal(nastl_space_searched(space), searched - 4);
    assert_true(nastl_space_size(space) == 3 + 16);
    assert_int_equal(nastl_space_fix(space, "wide.depth", NULL, 1), NASTL_EINVAL);
    assert_int_equal(nastl_space_fix(space, "family", "wide", 0), NASTL_EINVAL);
    assert_int_equal(nastl_space_fix(space, "wide.layers", NULL, 4), NASTL_EINVAL);
    assert_int_equal(nastl_space_fix(space, "wide.layers", NULL, 1.5), NASTL_EINVAL);
    assert_int_equal(nastl_space_fix(space, "wide.layers", "one", 0), NASTL_EINVAL);
    assert_int_equal(nastl_space_fix(space, "input.embedding", "linear", 0),
                     NASTL_EINVAL);
    assert_true(nastl_space_size(space) == 3 + 16);
    nastl_space_destroy(space);
}

static void dropping_takes_one_choice_away(void **state)
{
    (void)state;
    struct nastl_space *space = toy_space_with(TOY_SPACE, &toy_vocabulary);
    const double size = nastl_space_size(space);
    const size_t searched = nastl_space_searched(space);
    assert_int_equal(nastl_space_drop(space, "input.embedding", "never"), NASTL_OK);
    assert_true(nastl_space_size(space) == size);
    assert_int_equal(nastl_space_drop(space, "input.embedding", "none"), NASTL_OK);
    assert_true(nastl_space_size(space) < size);
    assert_int_equal(nastl_space_searched(space), searched - 1);
    assert_int_equal(nastl_space_drop(space, "input.embedding", "periodic"),
                     NASTL_EINVAL);
    nastl_space_destroy(space);
}

/* ---- memory ------------------------------------------------------------------------ */

/* All that allocates and is not parsing. */
static int use_candidates(const struct nastl_space *space)
{
    struct nastl_point *point = NULL;
    struct nastl_candidate one, two, three;
    nastl_candidate_init(&one);
    nastl_candidate_init(&two);
    nastl_candidate_init(&three);
    json_t *object = NULL;
    int status = nastl_point_create(&point, space);
    if (status == NASTL_OK)
        status = nastl_point_candidate(&one, space, point);
    if (status == NASTL_OK)
        status = nastl_candidate_copy(&two, &one);
    if (status == NASTL_OK)
        status = nastl_candidate_set(&two, "family", "other", 0);
    if (status == NASTL_OK) {
        object = nastl_candidate_json(&two);
        status = object ? nastl_candidate_from_json(&three, object) : NASTL_ENOMEM;
    }
    json_decref(object);
    nastl_candidate_finish(&one);
    nastl_candidate_finish(&two);
    nastl_candidate_finish(&three);
    nastl_point_destroy(point);
    return status;
}

static void candidates_survive_allocation_failure(void **state)
{
    (void)state;
    struct nastl_space *space = toy_space_with(TOY_SPACE, &toy_vocabulary);
    int status = NASTL_ENOMEM;
    size_t n = 0;
    while (status == NASTL_ENOMEM) {
        nastl_alloc_fail_from(++n);
        status = use_candidates(space);
        nastl_alloc_fail_from(0);
    }
    assert_int_equal(status, NASTL_OK);
    assert_true(n > 20);
    nastl_space_destroy(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sampled_points_are_within_range),
        cmocka_unit_test(settling_twice_changes_nothing),
        cmocka_unit_test(settling_snaps_whatever_stood_there),
        cmocka_unit_test(sampling_takes_the_same_number_of_draws),
        cmocka_unit_test(steps_and_choices_are_equally_likely),
        cmocka_unit_test(log_scale_weighs_by_ratio),
        cmocka_unit_test(continuous_values_follow_their_scale),
        cmocka_unit_test(unit_and_back_is_the_same_value),
        cmocka_unit_test(units_keep_the_order_and_reach_both_ends),
        cmocka_unit_test(stepped_floats_are_short_decimals),
        cmocka_unit_test(candidate_and_back_is_the_same_point),
        cmocka_unit_test(json_and_back_is_the_same_candidate),
        cmocka_unit_test(json_writes_whole_numbers_as_integers),
        cmocka_unit_test(json_that_is_no_candidate_is_refused),
        cmocka_unit_test(settings_are_found_and_replaced),
        cmocka_unit_test(from_candidate_names_what_is_wrong),
        cmocka_unit_test(hash_is_of_active_values_alone),
        cmocka_unit_test(hash_of_a_candidate_ignores_the_order),
        cmocka_unit_test(hash_tells_texts_from_numbers),
        cmocka_unit_test(widths_are_active_up_to_the_layers),
        cmocka_unit_test(conditions_follow_families_and_each_other),
        cmocka_unit_test(a_family_left_out_leaves_no_dimensions),
        cmocka_unit_test(size_is_the_number_of_distinct_candidates),
        cmocka_unit_test(size_is_infinite_with_a_searched_float),
        cmocka_unit_test(size_is_a_bound_where_counting_takes_too_long),
        cmocka_unit_test(fixing_leaves_one_value),
        cmocka_unit_test(dropping_takes_one_choice_away),
        cmocka_unit_test(candidates_survive_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
