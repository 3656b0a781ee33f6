/* test_rank.c: several sources: which rows are whose, which are taken from.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run_toy.h"

#include "run/rank.h"

enum { TARGET = 150, SOURCE = 600 };

/* ---- rows -------------------------------------------------------------------------- */

enum label { TOLD, SHUFFLED };

/* Domains "a" and "b" in turn. */
static void write_rows(const char *path, size_t rows, uint64_t seed, double scale,
                       enum label label)
{
    struct nastl_strbuf text;
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    nastl_strbuf_init(&text);
    nastl_strbuf_add(&text, "x0,x1,x2,domain,y\n");
    for (size_t i = 0; i < rows; i++) {
        double x[3], y = nastl_rng_normal(&rng);
        for (int j = 0; j < 3; j++)
            x[j] = nastl_rng_normal(&rng);
        if (label == TOLD)
            y = x[0] * x[1] + x[2];
        nastl_strbuf_addf(&text, "%g,%g,%g,%s,%s\n", scale * x[0], scale * x[1],
                          scale * x[2], i % 2 ? "a" : "b", y > 0 ? "up" : "down");
    }
    scratch_write(path, text.text, text.length);
    nastl_strbuf_finish(&text);
}

/* good.csv and useless.csv in this order, or the other way round. */
static struct nastl_problem *problem_of(void **state, bool useless_first,
                                        const char *strategy, char *domains[],
                                        uint64_t seed)
{
    char space[200];
    char *target[] = {(char *)scratch(state, "target.csv")};
    char *sources[] = {
        (char *)scratch(state, useless_first ? "useless.csv" : "good.csv"),
        (char *)scratch(state, useless_first ? "good.csv" : "useless.csv")};
    char *objectives[] = {"macro_f1"};
    const char *path = scratch(state, "space.yaml");
    const struct nastl_search_params params = {
        .space = (char *)path,
        .target = {target, 1},
        .source = {sources, 2},
        .label = "y",
        .domain_column = domains ? "domain" : NULL,
        .source_domain = {domains, domains ? 2 : 0},
        .objectives = {objectives, 1},
        .seed = (int64_t)seed};
    struct nastl_problem *problem = NULL;
    snprintf(space, sizeof space, "schema: nas-tl/space/v1\ntransfer: {strategy: %s}\n",
             strategy);
    write_rows(target[0], TARGET, 1, 1, TOLD);
    write_rows(scratch(state, "good.csv"), SOURCE, 2, 3, TOLD);
    write_rows(scratch(state, "useless.csv"), SOURCE, 3, 3, SHUFFLED);
    scratch_write(path, space, strlen(space));
    assert_ok(nastl_problem_create(&problem, &params, NULL));
    return problem;
}

static int rank(json_t **out, const struct nastl_problem *problem, struct halt *halt)
{
    const struct nastl_hooks hooks = {.stop = is_halted, .payload = halt};
    struct nastl_budget budget;
    nastl_budget_start(&budget, 0, &hooks);
    return nastl_rank_sources(out, problem, &budget);
}

static const char *name_at(const json_t *ranking, size_t at)
{
    return json_string_value(json_object_get(json_array_get(ranking, at), "name"));
}

static bool used_at(const json_t *ranking, size_t at)
{
    return json_is_true(json_object_get(json_array_get(ranking, at), "used"));
}

/* ---- what is taken from ------------------------------------------------------------ */

static void labels_that_were_shuffled_give_nothing(void **state)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct nastl_problem *problem =
            problem_of(state, seed % 2, "fine_tune", NULL, seed);
        struct halt never = {0};
        json_t *ranking, *again;
        assert_true(nastl_rank_is_needed(problem));
        assert_ok(rank(&ranking, problem, &never));
        assert_ok(rank(&again, problem, &never));
        assert_true(json_equal(ranking, again));
        assert_int_equal(json_array_size(ranking), 2);
        assert_non_null(strstr(name_at(ranking, 0), "good.csv"));
        assert_true(used_at(ranking, 0));
        assert_false(used_at(ranking, 1));
        json_decref(again);

        const size_t rows = problem->source->train_count + problem->source->valid_count;
        assert_int_equal(rows, 2 * SOURCE);
        assert_ok(nastl_rank_apply(problem, ranking, NULL));
        const struct nastl_view *source = problem->source;
        assert_int_equal(source->train_count + source->valid_count, SOURCE);
        for (size_t i = 0; i < SOURCE; i++) {
            const int32_t origin = problem->dataset->origin[source->rows[i]];
            assert_non_null(strstr(problem->dataset->sources[origin], "good.csv"));
        }
        assert_ptr_equal(problem->full->source, source);
        for (size_t k = 0; k < problem->fold_count; k++)
            assert_ptr_equal(problem->folds[k]->source, source);
        nastl_problem_destroy(problem);
    }
}

static void nothing_is_ranked_where_nothing_is_taken(void **state)
{
    struct nastl_problem *problem = problem_of(state, false, "scratch", NULL, 1);
    assert_false(nastl_rank_is_needed(problem));
    nastl_problem_destroy(problem);
    problem = problem_of(state, false, "pooled", NULL, 1);
    assert_true(nastl_rank_is_needed(problem));
    problem->dataset->source_count = 1;
    assert_false(nastl_rank_is_needed(problem));
    problem->dataset->source_count = 2;
    nastl_problem_destroy(problem);
}

static void it_can_be_interrupted(void **state)
{
    struct nastl_problem *problem = problem_of(state, false, "pooled", NULL, 1);
    struct halt halt = {.at = 5};
    json_t *ranking;
    assert_int_equal(rank(&ranking, problem, &halt), NASTL_EINTERRUPTED);
    nastl_problem_destroy(problem);
}

static void a_ranking_of_others_is_refused(void **state)
{
    struct nastl_problem *problem = problem_of(state, false, "pooled", NULL, 1);
    json_t *ranking = json_pack("[{s:s, s:b}]", "name", "other.csv", "used", 0);
    assert_error(nastl_rank_apply(problem, ranking, NULL), NASTL_EFORMAT, "other.csv");
    nastl_problem_destroy(problem);
}

/* ---- names ------------------------------------------------------------------------- */

static void a_source_is_a_file_and_a_domain(void **state)
{
    char *domains[] = {"a", "b"};
    struct nastl_problem *problem = problem_of(state, false, "pooled", domains, 1);
    const struct nastl_dataset *data = problem->dataset;
    static const char *const names[] = {"good.csv [b]", "good.csv [a]", "useless.csv [b]",
                                        "useless.csv [a]"};
    size_t rows[4] = {0};
    assert_int_equal(data->source_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_non_null(strstr(data->sources[i], names[i]));
    for (size_t i = 0; i < data->rows; i++) {
        assert_true((data->origin[i] >= 0) == (data->part[i] < NASTL_PART_TRAIN));
        if (data->origin[i] >= 0)
            rows[data->origin[i]]++;
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(rows[i], SOURCE / 2);
    nastl_problem_destroy(problem);
}

static void lack_of_memory_is_told(void **state)
{
    struct nastl_problem *problem = problem_of(state, false, "pooled", NULL, 1);
    struct halt never = {0};
    for (int n = 1; n < 3000; n = n * 5 / 4 + 1) {
        json_t *ranking = NULL;
        nastl_alloc_fail_from(n);
        const int status = rank(&ranking, problem, &never);
        nastl_alloc_fail_from(0);
        assert_true(status == NASTL_OK || status == NASTL_ENOMEM);
        json_decref(ranking);
        if (status == NASTL_OK)
            break;
    }
    nastl_problem_destroy(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_that_were_shuffled_give_nothing),
        cmocka_unit_test(nothing_is_ranked_where_nothing_is_taken),
        cmocka_unit_test(it_can_be_interrupted),
        cmocka_unit_test(a_ranking_of_others_is_refused),
        cmocka_unit_test(a_source_is_a_file_and_a_domain),
        cmocka_unit_test(lack_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
