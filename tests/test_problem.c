/* test_problem.c: who sees which rows. Rows of the parts differ so much that one of
 * another part would show in every statistic. SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/strbuf.h"
#include "data/prep_impl.h"
#include "run/problem.h"

#include <math.h>

enum { TARGET = 120, SOURCE = 40 };

/* ---- data -------------------------------------------------------------------------- */

static const char *part_of(size_t row)
{
    return row % 5 == 3 ? "val" : row % 5 == 4 ? "test" : "train";
}

/* x and y tell the part, the category only occurs in it. */
static void write_data(void **state)
{
    struct nastl_strbuf target, source;
    nastl_strbuf_init(&target);
    nastl_strbuf_init(&source);
    nastl_strbuf_add(&target, "x,c,split,y\n");
    nastl_strbuf_add(&source, "x,c,y\n");
    for (size_t i = 0; i < TARGET; i++) {
        const char *part = part_of(i);
        const double base = *part == 'v' ? 1e3 : part[1] == 'e' ? 1e6 : 1;
        nastl_strbuf_addf(&target, "%g,%s,%s,%g\n", base + 0.1 * (double)(i % 7), part,
                          part, base * (1 + 0.01 * (double)(i % 31)));
    }
    for (size_t i = 0; i < SOURCE; i++)
        nastl_strbuf_addf(&source, "%g,source,%g\n", -1e4 - (double)i, -5e3 - (double)i);
    scratch_write(scratch(state, "target.csv"), target.text, target.length);
    scratch_write(scratch(state, "source.csv"), source.text, source.length);
    nastl_strbuf_finish(&target);
    nastl_strbuf_finish(&source);
}

static struct nastl_problem *problem_of(void **state, char *folds)
{
    char *targets[] = {(char *)scratch(state, "target.csv")};
    char *sources[] = {(char *)scratch(state, "source.csv")};
    char *objectives[] = {"rmse", "flops"};
    const struct nastl_search_params params = {.target = {targets, 1},
                                               .source = {sources, 1},
                                               .label = "y",
                                               .split_column = "split",
                                               .folds = folds,
                                               .objectives = {objectives, 2},
                                               .seed = 1};
    struct nastl_problem *problem = NULL;
    write_data(state);
    assert_ok(nastl_problem_create(&problem, &params, NULL));
    return problem;
}

/* ---- what is checked --------------------------------------------------------------- */

static double x_of(const struct nastl_problem *problem, int32_t row)
{
    const struct nastl_dataset *data = problem->dataset;
    for (size_t i = 0; i < data->feature_count; i++)
        if (strcmp(data->features[i].name, "x") == 0)
            return data
                ->numeric[(size_t)row * data->numeric_count + data->features[i].at];
    return NAN;
}

/* Features and label are scaled by the view's training rows alone. */
static void assert_own_statistics(const struct nastl_problem *problem,
                                  struct nastl_view *view)
{
    const struct nastl_prep *prep;
    const struct nastl_xy *xy;
    const struct nastl_label_map *map;
    const float *y;
    double x_sum = 0, y_sum = 0, low = INFINITY, high = -INFINITY;
    const double n = (double)view->train_count;
    for (size_t i = 0; i < view->train_count; i++) {
        const double label = problem->dataset->label[view->rows[i]];
        x_sum += x_of(problem, view->rows[i]);
        y_sum += label;
        low = fmin(low, label);
        high = fmax(high, label);
    }
    assert_ok(nastl_view_features(&prep, &xy, view, NASTL_SCALING_STANDARD));
    assert_ok(nastl_view_labels(&map, &y, view, NASTL_LABEL_NONE));
    assert_true(fabs(prep->mean[0] - x_sum / n) < 1e-6 * fabs(x_sum / n));
    assert_true(fabs(map->mean - y_sum / n) < 1e-9 * fabs(y_sum / n));
    assert_true(map->low >= low - (high - low) && map->high <= high + (high - low));
}

/* Marks the rows that a view trains or validates on; none plays both roles. */
static void assert_parted(const struct nastl_problem *problem, struct nastl_view *view,
                          uint8_t *seen, bool is_source)
{
    uint8_t *mine = test_calloc(problem->dataset->rows, 1);
    for (size_t i = 0; i < view->train_count + view->valid_count; i++) {
        const int32_t row = view->rows[i];
        const uint8_t part = problem->dataset->part[row];
        assert_false(mine[row]);
        assert_int_not_equal(part, NASTL_PART_TEST);
        assert_true(is_source == (part < NASTL_PART_TRAIN));
        mine[row] = 1;
        seen[row] |= i < view->train_count ? 1 : 2;
    }
    test_free(mine);
    assert_own_statistics(problem, view);
}

static bool knows(const struct nastl_layout *layout, const char *level)
{
    for (size_t i = 0; i < layout->feature_count; i++)
        for (size_t k = 0; k < layout->features[i].level_count; k++)
            if (strcmp(layout->features[i].levels[k], level) == 0)
                return true;
    return false;
}

static void one_split_trains_on_training_rows(void **state)
{
    struct nastl_problem *problem = problem_of(state, "1");
    uint8_t *seen = test_calloc(problem->dataset->rows, 1);
    assert_int_equal(problem->fold_count, 1);
    assert_parted(problem, problem->folds[0], seen, false);
    assert_parted(problem, problem->source, seen, true);
    for (size_t row = 0; row < problem->dataset->rows; row++) {
        const uint8_t part = problem->dataset->part[row];
        const bool trains = part == NASTL_PART_TRAIN || part == NASTL_PART_SOURCE_TRAIN;
        assert_int_equal(seen[row], part == NASTL_PART_TEST ? 0 : trains ? 1 : 2);
    }
    assert_int_equal(problem->full->train_count,
                     problem->folds[0]->train_count + problem->folds[0]->valid_count);
    assert_own_statistics(problem, problem->full);
    assert_true(knows(problem->layout, "train") && knows(problem->layout, "source"));
    assert_true(knows(problem->layout, "val")); /* the delivered weights see them */
    assert_false(knows(problem->layout, "test"));
    test_free(seen);
    nastl_problem_destroy(problem);
}

/* Each labelled row validates once and trains otherwise; the delivered weights see all of
 * them, so their categories have inputs. */
static void folds_share_out_all_labelled_rows(void **state)
{
    struct nastl_problem *problem = problem_of(state, "auto");
    const size_t labelled = nastl_dataset_count(problem->dataset, NASTL_PART_TRAIN) +
                            nastl_dataset_count(problem->dataset, NASTL_PART_VALID);
    size_t validated = 0;
    assert_int_equal(problem->fold_count, NASTL_AUTO_FOLDS);
    for (size_t k = 0; k < problem->fold_count; k++) {
        uint8_t *seen = test_calloc(problem->dataset->rows, 1);
        const struct nastl_view *view = problem->folds[k];
        assert_parted(problem, problem->folds[k], seen, false);
        assert_int_equal(view->train_count + view->valid_count, labelled);
        validated += view->valid_count;
        test_free(seen);
    }
    assert_int_equal(validated, labelled);
    assert_int_equal(problem->full->train_count, labelled);
    assert_int_equal(problem->full->valid_count, 0);
    assert_own_statistics(problem, problem->full);
    assert_true(knows(problem->layout, "train") && knows(problem->layout, "val"));
    assert_false(knows(problem->layout, "test"));
    nastl_problem_destroy(problem);
}

static void test_rows_are_the_test_part(void **state)
{
    struct nastl_problem *problem = problem_of(state, "3");
    assert_int_equal(problem->test_count,
                     nastl_dataset_count(problem->dataset, NASTL_PART_TEST));
    for (size_t i = 0; i < problem->test_count; i++) {
        assert_int_equal(problem->dataset->part[problem->test[i]], NASTL_PART_TEST);
        assert_true(x_of(problem, problem->test[i]) >= 1e6);
    }
    nastl_problem_destroy(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_split_trains_on_training_rows),
        cmocka_unit_test(folds_share_out_all_labelled_rows),
        cmocka_unit_test(test_rows_are_the_test_part),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
