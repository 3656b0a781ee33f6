/* test_heldout.c: what trainings say about rows that they have not seen: of every fold,
 * in the order of its rows, and learnt from all of them together.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run_toy.h"

#include "run/heldout.h"
#include "run/trial.h"

#include <math.h>

static const char space[] = "schema: nas-tl/space/v1\n"
                            "name: toy\n"
                            "family: mlp\n"
                            "mlp: {layers: 1, width: 16}\n"
                            "training: {learning_rate: 0.01, batch_size: 16, "
                            "max_epochs: 8, label_transform: log1p}\n"
                            "transfer: {strategy: scratch}\n";

enum { SEED = 5 };

/* A label of numbers: of the same rows, but for "up" and "down". */
static void write_values(const char *path, size_t rows)
{
    struct nastl_strbuf text;
    struct nastl_rng rng;
    nastl_rng_init(&rng, 1, 0, NASTL_RNG_TEST);
    nastl_strbuf_init(&text);
    nastl_strbuf_add(&text, "x0,x1,y\n");
    for (size_t i = 0; i < rows; i++) {
        const double x0 = nastl_rng_normal(&rng), x1 = nastl_rng_normal(&rng);
        nastl_strbuf_addf(&text, "%g,%g,%g\n", x0, x1,
                          fabs(3 * x0 + x1 + nastl_rng_normal(&rng)));
    }
    scratch_write(path, text.text, text.length);
    nastl_strbuf_finish(&text);
}

static struct nastl_problem *value_problem(void **state, const char *folds)
{
    char *targets[] = {(char *)scratch(state, "values.csv")};
    char *objectives[] = {"rmse"};
    const char *path = scratch(state, "space.yaml");
    const struct nastl_search_params params = {.space = (char *)path,
                                               .target = {targets, 1},
                                               .label = "y",
                                               .folds = (char *)folds,
                                               .objectives = {objectives, 1},
                                               .seed = SEED};
    struct nastl_problem *problem;
    write_values(targets[0], 150);
    scratch_write(path, space, strlen(space));
    assert_ok(nastl_problem_create(&problem, &params, NULL));
    return problem;
}

/* A trial, trained, and what was kept of it. */
struct trained {
    struct nastl_problem *problem;
    struct nastl_trial trial;
    struct nastl_checkpoint *checkpoint;
    struct nastl_model *first;
};

static void train(struct trained *t, struct nastl_problem *problem)
{
    struct nastl_point *point;
    struct nastl_rng rng;
    *t = (struct trained){.problem = problem};
    nastl_rng_init(&rng, 0, 0, NASTL_RNG_SEARCH);
    assert_ok(nastl_point_create(&point, problem->space));
    nastl_space_sample(problem->space, &rng, point);
    assert_ok(nastl_point_candidate(&t->trial.candidate, problem->space, point));
    nastl_point_destroy(point);
    assert_ok(nastl_checkpoint_open(&t->checkpoint, NULL, 1, NULL));
    assert_ok(nastl_trial_train(&t->trial, &t->first, problem, NULL, t->checkpoint));
    assert_int_equal(t->trial.state, NASTL_STATE_COMPLETE);
}

static void finish(struct trained *t)
{
    nastl_checkpoint_close(t->checkpoint);
    nastl_model_destroy(t->first);
    nastl_trial_finish(&t->trial);
    nastl_problem_destroy(t->problem);
}

/* The very log loss that the trial's folds were scored with. */
static void logits_give_the_scores(void **state)
{
    struct trained t;
    train(&t, toy_problem(state, space, "3", SEED));
    assert_int_equal(nastl_heldout_width(t.problem->layout), 1);
    for (size_t k = 0; k < 3; k++) {
        const struct nastl_view *view = t.problem->folds[k];
        double *p = malloc(2 * view->valid_count * sizeof *p), loss;
        size_t count;
        const float *answers = nastl_checkpoint_answers(t.checkpoint, k, &count);
        assert_int_equal(count, view->valid_count);
        nastl_outputs_to_predictions(p, answers, count, NASTL_TASK_BINARY, 2, NULL);
        assert_ok(nastl_score_one(&loss, NASTL_METRIC_LOG_LOSS, NASTL_TASK_BINARY, 2,
                                  view->valid_labels, p, count));
        assert_true(
            loss ==
            nastl_checkpoint_fold(t.checkpoint, k)->scores.value[NASTL_METRIC_LOG_LOSS]);
        free(p);
    }
    finish(&t);
}

/* The very predictions, in float, and how far the labels are after the transform. */
static void values_give_the_scores(void **state)
{
    struct trained t;
    train(&t, value_problem(state, "3"));
    for (size_t k = 0; k < 3; k++) {
        const struct nastl_view *view = t.problem->folds[k];
        size_t count;
        double error = 0;
        const float *answers = nastl_checkpoint_answers(t.checkpoint, k, &count);
        assert_int_equal(count, view->valid_count * NASTL_HELDOUT_NUMBERS);
        for (size_t i = 0; i < view->valid_count; i++) {
            const float *row = answers + i * NASTL_HELDOUT_NUMBERS;
            const double y = view->valid_labels[i], p = row[NASTL_HELDOUT_PREDICTION];
            error += fabs(y - p) / (double)view->valid_count;
            assert_true(fabs(fabs(log1p(y) - copysign(log1p(fabs(p)), p)) -
                             row[NASTL_HELDOUT_DISTANCE]) < 1e-5);
        }
        const double mae =
            nastl_checkpoint_fold(t.checkpoint, k)->scores.value[NASTL_METRIC_MAE];
        assert_true(fabs(error - mae) < 1e-5);
    }
    finish(&t);
}

/* Folds together: each labelled row has been asked for once. */
static void all_folds_are_learnt_from(void **state)
{
    for (size_t task = 0; task < 2; task++) {
        struct nastl_calibration all, one, read;
        struct trained t;
        size_t count;
        train(&t,
              task ? value_problem(state, "3") : toy_problem(state, space, "3", SEED));
        assert_ok(nastl_heldout_calibrate_folds(&all, t.problem, t.checkpoint));
        assert_int_equal(all.rows, t.problem->full->train_count);
        const float *answers = nastl_checkpoint_answers(t.checkpoint, 0, &count);
        assert_ok(nastl_heldout_calibrate(&one, t.problem, t.problem->folds[0], answers));
        assert_int_equal(one.rows, t.problem->folds[0]->valid_count);
        nastl_calibration_from_json(&read,
                                    json_object_get(t.trial.details, "calibration"));
        assert_memory_equal(&read, &all, sizeof all);
        assert_true(task ? all.half_widths[1] > 0 && isfinite(all.half_widths[1])
                         : all.temperature > 0);
        finish(&t);
    }
}

static void delivered_weights_have_what_folds_said(void **state)
{
    for (size_t task = 0; task < 2; task++) {
        struct nastl_calibration said;
        struct nastl_checkpoint *none;
        struct nastl_model *model;
        struct trained t;
        train(&t,
              task ? value_problem(state, "1") : toy_problem(state, space, "1", SEED));
        assert_int_equal(t.first->calibration.rows, 0); /* it is scored as it is */
        assert_ok(nastl_heldout_calibrate_folds(&said, t.problem, t.checkpoint));
        assert_ok(nastl_checkpoint_open(&none, NULL, 2, NULL));
        assert_ok(nastl_trial_refit(&model, t.problem, &t.trial, 4, none));
        assert_memory_equal(&model->calibration, &said, sizeof said);
        json_object_del(t.trial.details, "calibration"); /* of an earlier version */
        nastl_model_destroy(model);
        nastl_checkpoint_close(none);
        assert_ok(nastl_checkpoint_open(&none, NULL, 2, NULL));
        assert_ok(nastl_trial_refit(&model, t.problem, &t.trial, 4, none));
        assert_int_equal(model->calibration.rows, 0);
        nastl_model_destroy(model);
        nastl_checkpoint_close(none);
        finish(&t);
    }
}

static void records_read_back(void **state)
{
    const struct nastl_calibration known[] = {
        {.rows = 80, .temperature = 1.7},
        {.rows = 12, .temperature = 1, .half_widths = {0.1, 1.0 / 3, INFINITY}},
    };
    const char *const wrong[] = {"null",
                                 "{}",
                                 "{\"rows\": 0, \"temperature\": 2}",
                                 "{\"rows\": 5}",
                                 "{\"rows\": 5, \"half_widths\": [1]}",
                                 "{\"rows\": 5, \"temperature\": null}"};
    struct nastl_calibration read;
    json_t *object;
    (void)state;
    for (size_t task = 0; task < 2; task++) {
        struct nastl_strbuf text;
        nastl_strbuf_init(&text);
        object = nastl_calibration_json(&known[task],
                                        task ? NASTL_TASK_REGRESSION : NASTL_TASK_BINARY);
        nastl_json_write(&text, object, 0);
        json_decref(object);
        assert_ok(nastl_json_parse(&object, nastl_strbuf_text(&text), "record"));
        nastl_calibration_from_json(&read, object);
        assert_memory_equal(&read, &known[task], sizeof read);
        json_decref(object);
        nastl_strbuf_finish(&text);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        object = json_loads(wrong[i], JSON_DECODE_ANY, NULL);
        nastl_calibration_from_json(&read, object);
        assert_int_equal(read.rows, 0);
        json_decref(object);
    }
}

static int try_calibrate(void *payload)
{
    struct trained *t = payload;
    struct nastl_calibration calibration;
    return nastl_heldout_calibrate_folds(&calibration, t->problem, t->checkpoint);
}

static void memory_that_runs_out_is_said(void **state)
{
    struct trained t;
    train(&t, value_problem(state, "2"));
    check_out_of_memory(try_calibrate, &t);
    finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_give_the_scores),
        cmocka_unit_test(values_give_the_scores),
        cmocka_unit_test(all_folds_are_learnt_from),
        cmocka_unit_test(delivered_weights_have_what_folds_said),
        cmocka_unit_test(records_read_back),
        cmocka_unit_test(memory_that_runs_out_is_said),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
