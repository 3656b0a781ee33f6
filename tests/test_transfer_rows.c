/* test_transfer_rows.c: whose rows a candidate's statistics come from, and source rows
 * that are trained on beside those of the target.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run_toy.h"

#include "data/prep_impl.h"
#include "run/trial.h"
#include "transfer/strategy.h"
#include "transfer/warm.h"

#include <math.h>

enum { TARGET = 120, SOURCE = 1000 };

static const char *const scalings[] = {"standard", "quantile", "robust"};

/* ---- two domains ------------------------------------------------------------------- */

/* The source's columns are those of the target shifted and stretched, so is its label:
 * own statistics undo that. */
static void write_rows(const char *path, size_t rows, uint64_t seed, bool is_source,
                       bool numbers)
{
    struct nastl_strbuf text;
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    nastl_strbuf_init(&text);
    nastl_strbuf_add(&text, "x0,x1,x2,band,y\n");
    for (size_t i = 0; i < rows; i++) {
        double x[3];
        for (int j = 0; j < 3; j++)
            x[j] = nastl_rng_normal(&rng);
        const double y = x[0] * x[1] + x[2];
        for (int j = 0; j < 3; j++)
            nastl_strbuf_addf(&text, "%g,", is_source ? 5 + 3 * x[j] : x[j]);
        nastl_strbuf_add(&text, i % 3 ? "n1," : is_source ? "n7," : "n28,");
        if (numbers)
            nastl_strbuf_addf(&text, "%g\n", is_source ? 10 + 20 * y : y);
        else
            nastl_strbuf_addf(&text, "%s\n", y > 0 ? "up" : "down");
    }
    scratch_write(path, text.text, text.length);
    nastl_strbuf_finish(&text);
}

static struct nastl_problem *problem_of(void **state, bool numbers, size_t source,
                                        const char *folds)
{
    char *targets[] = {(char *)scratch(state, "target.csv")};
    char *sources[] = {(char *)scratch(state, "source.csv")};
    char *objectives[] = {(char *)(numbers ? "rmse" : "macro_f1")};
    const struct nastl_search_params params = {.target = {targets, 1},
                                               .source = {sources, source > 0},
                                               .label = "y",
                                               .folds = (char *)folds,
                                               .objectives = {objectives, 1},
                                               .seed = 1};
    struct nastl_problem *problem = NULL;
    write_rows(targets[0], TARGET, 1, false, numbers);
    write_rows(sources[0], source, 2, true, numbers);
    assert_ok(nastl_problem_create(&problem, &params, NULL));
    return problem;
}

/* ---- candidates -------------------------------------------------------------------- */

static void set(struct nastl_candidate *candidate, const char *key, const char *text)
{
    assert_ok(nastl_candidate_set(candidate, key, text, 0));
}

static void candidate_of(struct nastl_candidate *out, const char *strategy,
                         const char *normalizer, const char *scaling,
                         const char *embedding)
{
    nastl_candidate_init(out);
    set(out, "family", "mlp");
    set(out, "input.numeric_scaling", scaling);
    set(out, "input.numeric_embedding", embedding);
    assert_ok(nastl_candidate_set(out, "mlp.layers", NULL, 2));
    assert_ok(nastl_candidate_set(out, "mlp.width", NULL, 24));
    assert_ok(nastl_candidate_set(out, "training.max_epochs", NULL, 12));
    assert_ok(nastl_candidate_set(out, "training.batch_size", NULL, 64));
    set(out, "transfer.strategy", strategy);
    set(out, "transfer.normalizer", normalizer);
}

static bool at_once(void *payload)
{
    (void)payload;
    return true;
}

/* `steps` false: as it starts. */
static struct nastl_model *trained_on(struct nastl_trained *trained,
                                      const struct nastl_problem *problem,
                                      struct nastl_view *view,
                                      const struct nastl_candidate *candidate,
                                      const struct nastl_model *warm, bool steps)
{
    const struct nastl_stop stop = {NULL, at_once, NULL};
    const struct nastl_training training = {.problem = problem,
                                            .view = view,
                                            .candidate = candidate,
                                            .stream = 3,
                                            .warm = warm,
                                            .stop = steps ? NULL : &stop};
    struct nastl_model *model = NULL;
    assert_ok(nastl_train_model(&model, trained, &training));
    free(trained->answers);
    trained->answers = NULL;
    return model;
}

static struct nastl_model *source_of(const struct nastl_problem *problem,
                                     const char *scaling, const char *embedding)
{
    struct nastl_candidate candidate;
    struct nastl_trained trained;
    candidate_of(&candidate, "scratch", "target", scaling, embedding);
    struct nastl_model *model =
        trained_on(&trained, problem, problem->source, &candidate, NULL, true);
    assert_ok(nastl_warm_sort(model));
    nastl_candidate_finish(&candidate);
    return model;
}

static void predict(double *out, struct nastl_model *model,
                    const struct nastl_problem *problem, const struct nastl_view *view)
{
    assert_ok(nastl_model_predictions(model, problem->dataset, view->rows,
                                      view->train_count + view->valid_count, out));
}

static struct nastl_model *saved_and_read(void **state, const struct nastl_model *model)
{
    const char *path = scratch(state, "model.h5");
    struct nastl_model *again = NULL;
    struct nastl_h5 *file;
    assert_ok(nastl_h5_create(&file, path));
    assert_ok(nastl_model_save(model, file, "/"));
    assert_ok(nastl_h5_commit(file));
    nastl_h5_close(file);
    assert_ok(nastl_h5_open(&file, path));
    assert_ok(nastl_model_read(&again, file, "/"));
    nastl_h5_close(file);
    return again;
}

/* ---- normalizer: source ------------------------------------------------------------ */

static void check_start(void **state, const struct nastl_problem *problem,
                        const char *scaling, const char *embedding, double members)
{
    struct nastl_model *source = source_of(problem, "quantile", embedding);
    struct nastl_candidate candidate;
    struct nastl_trained trained;
    double wanted[2 * TARGET], got[2 * TARGET];
    candidate_of(&candidate, "fine_tune", "source", scaling, embedding);
    assert_ok(nastl_candidate_set(&candidate, "ensemble", NULL, members));
    struct nastl_model *model =
        trained_on(&trained, problem, problem->folds[0], &candidate, source, false);
    struct nastl_model *again = saved_and_read(state, model);
    const size_t numbers =
        problem->full->train_count * (problem->dataset->class_count ? 2 : 1);
    assert_true(trained.matched == 1);
    predict(wanted, source, problem, problem->full);
    predict(got, model, problem, problem->full);
    for (size_t i = 0; i < numbers && members == 1; i++)
        assert_true(got[i] == wanted[i]);
    predict(wanted, again, problem, problem->full);
    assert_memory_equal(got, wanted, numbers * sizeof *got);
    nastl_candidate_finish(&candidate);
    nastl_model_destroy(again);
    nastl_model_destroy(model);
    nastl_model_destroy(source);
}

/* Whatever the candidate would scale its numbers by itself. */
static void untrained_it_answers_as_the_source(void **state)
{
    for (int numbers = 0; numbers < 2; numbers++) {
        struct nastl_problem *problem = problem_of(state, numbers, 200, "1");
        check_start(state, problem, "quantile", "none", 1);
        check_start(state, problem, "standard", "piecewise_linear", 1);
        check_start(state, problem, "standard", "piecewise_linear", 2);
        nastl_problem_destroy(problem);
    }
}

/* A network of other columns in another order: what has a name in both is scaled as
 * there, the rest by the target. */
static void columns_are_taken_over_by_name(void **state)
{
    (void)state;
    struct nastl_layout_feature ours[] = {
        {.name = "sinr", .kind = NASTL_NUMERIC, .at = 0},
        {.name = "band", .kind = NASTL_CATEGORICAL},
        {.name = "rsrp", .kind = NASTL_NUMERIC, .at = 1},
        {.name = "new", .kind = NASTL_NUMERIC, .at = 2}};
    struct nastl_layout_feature theirs[] = {
        {.name = "rsrp", .kind = NASTL_NUMERIC, .at = 0},
        {.name = "new", .kind = NASTL_CATEGORICAL},
        {.name = "sinr", .kind = NASTL_NUMERIC, .at = 1}};
    const struct nastl_layout a = {.features = ours, .feature_count = 4};
    const struct nastl_layout b = {.features = theirs, .feature_count = 3};
    struct nastl_prep *to, *from;
    for (int s = 0; s < NASTL_SCALING_COUNT; s++) {
        assert_ok(nastl_prep_create(&to, 3, (enum nastl_scaling)s));
        assert_ok(nastl_prep_create(&from, 2, (enum nastl_scaling)s));
        for (size_t i = 0; i < 2; i++) {
            from->median[i] = from->mean[i] = from->scale[i] = 1 + (double)i;
            from->knots[i] = 1 + i;
            if (s == NASTL_SCALING_QUANTILE)
                from->knots_x[i * NASTL_KNOTS + 5] = 1 + (float)i;
        }
        nastl_prep_adopt(to, &a, from, &b);
        static const double wanted[] = {2, 1, 0};
        for (size_t i = 0; i < 3; i++) {
            assert_true(to->mean[i] == wanted[i] && to->median[i] == wanted[i]);
            assert_true(to->scale[i] == wanted[i] && (double)to->knots[i] == wanted[i]);
            if (s == NASTL_SCALING_QUANTILE)
                assert_true(to->knots_x[i * NASTL_KNOTS + 5] == (float)wanted[i]);
        }
        nastl_prep_destroy(to);
        nastl_prep_destroy(from);
    }
}

/* ---- what is delivered ------------------------------------------------------------- */

/* The saved model scores its validation rows as training did. */
static void check_delivered(void **state, const struct nastl_problem *problem,
                            const struct nastl_candidate *candidate,
                            const struct nastl_model *warm)
{
    const struct nastl_view *view = problem->folds[0];
    const struct nastl_dataset *data = problem->dataset;
    struct nastl_trained trained;
    double got[2 * TARGET];
    struct nastl_model *model =
        trained_on(&trained, problem, problem->folds[0], candidate, warm, true);
    struct nastl_model *again = saved_and_read(state, model);
    const double sign = nastl_metric_maximized(problem->metric) ? 1 : -1;
    double score;
    assert_ok(nastl_model_predictions(again, data, view->rows + view->train_count,
                                      view->valid_count, got));
    assert_ok(nastl_score_one(&score, problem->metric, data->task, data->class_count,
                              view->valid_labels, got, view->valid_count));
    assert_true(fabs(sign * score - trained.result.score) <= 1e-6 * fabs(score));
    nastl_model_destroy(model);
    nastl_model_destroy(again);
}

static void a_model_has_the_statistics_it_was_trained_with(void **state)
{
    static const char *const normalizers[] = {"source", "target", "both"};
    for (int kind = 0; kind < 2 * NASTL_NORMALIZER_COUNT; kind++) {
        struct nastl_problem *problem = problem_of(state, kind % 2, 200, "1");
        struct nastl_model *source = source_of(problem, "standard", "none");
        for (size_t i = 0; nastl_strategies()[i]; i++) {
            const struct nastl_strategy *strategy = nastl_strategies()[i];
            struct nastl_candidate candidate;
            candidate_of(&candidate, strategy->name, normalizers[kind / 2],
                         scalings[i % NASTL_SCALING_COUNT],
                         i % 2 ? "none" : "piecewise_linear");
            check_delivered(state, problem, &candidate,
                            strategy->needs_network ? source : NULL);
            nastl_candidate_finish(&candidate);
        }
        nastl_model_destroy(source);
        nastl_problem_destroy(problem);
    }
}

static void scratch_knows_the_target_alone(void **state)
{
    struct nastl_problem *problem = problem_of(state, true, 200, "1");
    double wanted[TARGET], got[TARGET];
    static const char *const normalizers[] = {"target", "source", "both"};
    for (size_t i = 0; i < 3; i++) {
        struct nastl_candidate candidate;
        struct nastl_trained trained;
        candidate_of(&candidate, "scratch", normalizers[i], "standard", "none");
        struct nastl_model *model =
            trained_on(&trained, problem, problem->folds[0], &candidate, NULL, true);
        predict(i ? got : wanted, model, problem, problem->full);
        if (i)
            assert_memory_equal(got, wanted, problem->full->train_count * sizeof *got);
        nastl_model_destroy(model);
        nastl_candidate_finish(&candidate);
    }
    nastl_problem_destroy(problem);
}

/* ---- variants of a view ------------------------------------------------------------ */

static struct nastl_view *variant_of(struct nastl_view *view, int normalizer, bool pooled)
{
    const struct nastl_variant which = {.normalizer = (enum nastl_normalizer)normalizer,
                                        .pooled = pooled};
    struct nastl_view *variant, *again;
    assert_ok(nastl_view_variant(&variant, view, &which));
    assert_ok(nastl_view_variant(&again, view, &which));
    assert_ptr_equal(variant, again);
    return variant;
}

struct moments {
    double mean, sd;
};

/* Of a column of x, or of y where `column` is negative. */
static struct moments moments_of(struct nastl_view *view, long column, size_t first,
                                 size_t end)
{
    const struct nastl_prep *prep;
    const struct nastl_label_map *map;
    const struct nastl_xy *xy;
    const float *y;
    double sum = 0, squares = 0;
    const double n = (double)(end - first);
    assert_ok(nastl_view_features(&prep, &xy, view, NASTL_SCALING_STANDARD));
    assert_ok(nastl_view_labels(&map, &y, view, NASTL_LABEL_NONE));
    for (size_t i = first; i < end; i++) {
        const double value =
            (double)(column < 0 ? y[i] : xy->x[i * xy->numeric + (size_t)column]);
        sum += value;
        squares += value * value;
    }
    return (struct moments){sum / n, sqrt(squares / n - sum / n * sum / n)};
}

static bool is_standard(struct moments moments)
{
    return fabs(moments.mean) < 1e-3 && fabs(moments.sd - 1) < 1e-3;
}

/* Who is of mean 0 and variance 1: the rows whose statistics these are. */
static void statistics_come_from_the_rows_asked_for(void **state)
{
    struct nastl_problem *problem = problem_of(state, true, 240, "1");
    for (int normalizer = 0; normalizer < NASTL_NORMALIZER_COUNT; normalizer++) {
        struct nastl_view *view = variant_of(problem->folds[0], normalizer, true);
        const size_t own = view->own_count, all = view->train_count;
        for (long column = -1; column < 3; column++) {
            const struct moments target = moments_of(view, column, 0, own);
            const struct moments source = moments_of(view, column, own, all);
            assert_true(is_standard(target) == (normalizer == NASTL_NORMALIZER_TARGET));
            assert_true(is_standard(source) == (normalizer != NASTL_NORMALIZER_BOTH));
            if (normalizer == NASTL_NORMALIZER_BOTH && column >= 0)
                assert_true(target.mean < 0 && source.mean > 0);
        }
    }
    nastl_problem_destroy(problem);
}

static size_t count_of(const struct nastl_view *view, int32_t row, size_t end)
{
    size_t count = 0;
    for (size_t i = 0; i < end; i++)
        count += view->rows[i] == row;
    return count;
}

/* Source rows are trained on, none judges; in each fold, and for the refit. */
static void pooled_rows_are_trained_on_and_judge_nothing(void **state)
{
    struct nastl_problem *problem = problem_of(state, false, SOURCE, "3");
    for (size_t k = 0; k <= problem->fold_count; k++) {
        struct nastl_view *base = k ? problem->folds[k - 1] : problem->full;
        struct nastl_view *view = variant_of(base, NASTL_NORMALIZER_TARGET, true);
        const size_t times = problem->source->train_count / base->train_count;
        assert_true(times > 1);
        assert_int_equal(view->own_count, times * base->train_count);
        assert_int_equal(view->train_count,
                         view->own_count + problem->source->train_count);
        for (size_t i = 0; i < base->train_count; i++)
            assert_int_equal(count_of(view, base->rows[i], view->train_count), times);
        for (size_t i = 0; i < problem->source->train_count; i++)
            assert_int_equal(count_of(view, problem->source->rows[i], view->train_count),
                             1);
        assert_int_equal(view->valid_count, base->valid_count);
        for (size_t i = 0; i < base->valid_count; i++) {
            const int32_t row = base->rows[base->train_count + i];
            assert_int_equal(view->rows[view->train_count + i], row);
            assert_int_equal(count_of(view, row, view->train_count), 0);
            assert_true(view->valid_labels[i] == base->valid_labels[i]);
        }
    }
    nastl_problem_destroy(problem);
}

static void source_rows_have_their_share_of_the_loss(void **state)
{
    static const double shares[] = {0.01, 0.25, 0.5, 0.99};
    struct nastl_problem *problem = problem_of(state, false, SOURCE, "1");
    struct nastl_view *view =
        variant_of(problem->folds[0], NASTL_NORMALIZER_TARGET, true);
    for (size_t s = 0; s < 4; s++) {
        float *weights;
        double own = 0, source = 0;
        assert_ok(nastl_view_weights(&weights, view, shares[s]));
        for (size_t i = 0; i < view->train_count; i++)
            *(i < view->own_count ? &own : &source) += (double)weights[i];
        assert_true(fabs(source / (own + source) - shares[s]) < 1e-5);
        assert_true(fabs(own + source - (double)view->train_count) < 1e-2);
        free(weights);
    }
    nastl_problem_destroy(problem);
}

static void few_target_rows_meet_a_part_of_a_large_source(void **state)
{
    (void)state;
    for (size_t own = 1; own < 100000; own = 2 * own + 1)
        for (size_t source = 1; source < 10000000; source = 3 * source + 1) {
            const size_t taken = nastl_view_pooled(source, own);
            assert_true(taken <= source && taken > 0);
            assert_true(taken == source || taken == 20000 || taken == 10 * own);
            assert_true(taken >= (source < own ? source : own));
        }
}

/* What an epoch costs does not grow with the source. */
static void an_epoch_is_of_some_rows(void **state)
{
    struct nastl_problem *problem = problem_of(state, false, SOURCE, "1");
    struct nastl_view *view =
        variant_of(problem->folds[0], NASTL_NORMALIZER_TARGET, true);
    struct nastl_candidate candidate;
    struct nastl_trained trained;
    candidate_of(&candidate, "pooled", "target", "standard", "none");
    nastl_model_destroy(
        trained_on(&trained, problem, problem->folds[0], &candidate, NULL, true));
    assert_true(view->epoch_rows < view->train_count);
    assert_int_equal(trained.result.steps,
                     trained.result.epochs * (view->epoch_rows / 64));
    nastl_candidate_finish(&candidate);
    nastl_problem_destroy(problem);
}

/* Bins of both domains' rows; nothing is trained on the source's. */
static void both_fits_what_is_fitted_to_both(void **state)
{
    struct nastl_problem *problem = problem_of(state, false, 200, "1");
    struct nastl_view *base = problem->folds[0];
    struct nastl_view *view = variant_of(base, NASTL_NORMALIZER_BOTH, false);
    assert_int_equal(view->train_count, base->train_count);
    assert_int_equal(view->fit_count, base->train_count + problem->source->train_count);
    for (size_t i = 0; i < view->fit_count; i++) {
        const int32_t *from = i < base->train_count
                                  ? base->rows + i
                                  : problem->source->rows + i - base->train_count;
        assert_int_equal(view->rows[view->fit[i]], *from);
    }
    nastl_problem_destroy(problem);
}

static void without_source_rows_there_are_none_to_take(void **state)
{
    struct nastl_problem *problem = problem_of(state, false, 0, "1");
    struct nastl_view *view;
    struct nastl_variant which = {.pooled = true};
    assert_error(nastl_view_variant(&view, problem->folds[0], &which), NASTL_EINVAL,
                 "give --source");
    which = (struct nastl_variant){.normalizer = NASTL_NORMALIZER_BOTH};
    assert_error(nastl_view_variant(&view, problem->folds[0], &which), NASTL_EINVAL,
                 "give --source");
    nastl_problem_destroy(problem);
}

/* ---- what it is for ---------------------------------------------------------------- */

/* Few labels: rows of a domain that differs by its scale alone are as good as more. */
static void pooled_learns_from_the_source(void **state)
{
    struct nastl_problem *problem = problem_of(state, true, SOURCE, "3");
    double errors[2] = {0};
    for (int pooled = 0; pooled < 2; pooled++) {
        struct nastl_candidate candidate;
        candidate_of(&candidate, pooled ? "pooled" : "scratch", "target", "standard",
                     "none");
        for (size_t k = 0; k < problem->fold_count; k++) {
            struct nastl_trained trained;
            nastl_model_destroy(
                trained_on(&trained, problem, problem->folds[k], &candidate, NULL, true));
            errors[pooled] += trained.scores.value[NASTL_METRIC_RMSE] / 3;
        }
        nastl_candidate_finish(&candidate);
    }
    print_message("rmse from scratch %.3f, pooled %.3f\n", errors[0], errors[1]);
    assert_true(errors[1] < 0.7 * errors[0]);
    nastl_problem_destroy(problem);
}

/* ---- memory ------------------------------------------------------------------------ */

static int use_variant(struct nastl_problem *problem, int normalizer, bool pooled)
{
    const struct nastl_variant which = {.normalizer = (enum nastl_normalizer)normalizer,
                                        .pooled = pooled};
    const struct nastl_prep *prep;
    const struct nastl_label_map *map;
    const struct nastl_xy *xy;
    struct nastl_view *view;
    const float *y;
    int status = nastl_view_variant(&view, problem->folds[0], &which);
    if (status == NASTL_OK)
        status = nastl_view_features(&prep, &xy, view, NASTL_SCALING_QUANTILE);
    if (status == NASTL_OK)
        status = nastl_view_labels(&map, &y, view, NASTL_LABEL_NONE);
    return status;
}

static void variants_survive_allocation_failure(void **state)
{
    for (int kind = 0; kind < 2 * NASTL_NORMALIZER_COUNT; kind++) {
        struct nastl_problem *problem = problem_of(state, true, 40, "1");
        int status = NASTL_ENOMEM;
        for (int n = 1; status != NASTL_OK; n++) {
            nastl_alloc_fail_from(n);
            status = use_variant(problem, kind / 2, kind % 2);
            nastl_alloc_fail_from(0);
            assert_true(status == NASTL_OK || status == NASTL_ENOMEM);
        }
        nastl_problem_destroy(problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untrained_it_answers_as_the_source),
        cmocka_unit_test(columns_are_taken_over_by_name),
        cmocka_unit_test(a_model_has_the_statistics_it_was_trained_with),
        cmocka_unit_test(scratch_knows_the_target_alone),
        cmocka_unit_test(statistics_come_from_the_rows_asked_for),
        cmocka_unit_test(pooled_rows_are_trained_on_and_judge_nothing),
        cmocka_unit_test(source_rows_have_their_share_of_the_loss),
        cmocka_unit_test(few_target_rows_meet_a_part_of_a_large_source),
        cmocka_unit_test(an_epoch_is_of_some_rows),
        cmocka_unit_test(both_fits_what_is_fitted_to_both),
        cmocka_unit_test(without_source_rows_there_are_none_to_take),
        cmocka_unit_test(pooled_learns_from_the_source),
        cmocka_unit_test(variants_survive_allocation_failure),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
