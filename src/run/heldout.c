/* heldout.c: see heldout.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run/heldout.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_regression(const struct nastl_layout *layout)
{
    return layout->task == NASTL_TASK_REGRESSION;
}

size_t nastl_heldout_width(const struct nastl_layout *layout)
{
    return is_regression(layout) ? NASTL_HELDOUT_NUMBERS
                                 : nastl_model_shape(layout).outputs;
}

/* ---- answers ----------------------------------------------------------------------- */

static int answer_values(float *answers, double *predictions, struct nastl_model *model,
                         const struct nastl_view *view)
{
    TRY(nastl_model_predictions(model, view->dataset, view->rows + view->train_count,
                                view->valid_count, predictions));
    for (size_t i = 0; i < view->valid_count; i++) {
        float *answer = answers + i * NASTL_HELDOUT_NUMBERS;
        answer[NASTL_HELDOUT_PREDICTION] = (float)predictions[i];
        answer[NASTL_HELDOUT_DISTANCE] = (float)nastl_label_distance(
            &model->label, view->valid_labels[i], predictions[i]);
    }
    return NASTL_OK;
}

int nastl_heldout_answer(float *answers, double *predictions, struct nastl_model *model,
                         const struct nastl_view *view)
{
    const struct nastl_layout *layout = model->layout;
    if (is_regression(layout))
        return answer_values(answers, predictions, model, view);
    TRY(nastl_model_outputs(model, view->dataset, view->rows + view->train_count,
                            view->valid_count, answers));
    nastl_outputs_to_predictions(predictions, answers, view->valid_count, layout->task,
                                 layout->class_count, &model->label);
    return NASTL_OK;
}

/* ---- folds together ---------------------------------------------------------------- */

/* Answers of several views, one after another. */
struct pool {
    const struct nastl_problem *problem;
    size_t n, width, distinct;
    float *answers;    /* (most, width) */
    double *labels;    /* (most) */
    double *distances; /* (most): of values */
    bool *is_met;      /* (rows of the dataset) */
};

static int pool_init(struct pool *pool, const struct nastl_problem *problem, size_t most)
{
    *pool =
        (struct pool){.problem = problem, .width = nastl_heldout_width(problem->layout)};
    pool->answers = nastl_alloc(most, pool->width * sizeof *pool->answers);
    pool->labels = nastl_alloc(most, sizeof *pool->labels);
    pool->distances = nastl_alloc(most, sizeof *pool->distances);
    pool->is_met = nastl_alloc_zero(problem->dataset->rows, sizeof *pool->is_met);
    return pool->answers && pool->labels && pool->distances && pool->is_met
               ? NASTL_OK
               : nastl_error_nomem("the answers for validation rows");
}

static void pool_finish(struct pool *pool)
{
    free(pool->answers);
    free(pool->labels);
    free(pool->distances);
    free(pool->is_met);
}

static void pool_add(struct pool *pool, const struct nastl_view *view,
                     const float *answers)
{
    const int32_t *rows = view->rows + view->train_count;
    const size_t count = view->valid_count;
    memcpy(pool->answers + pool->n * pool->width, answers,
           count * pool->width * sizeof *answers);
    memcpy(pool->labels + pool->n, view->valid_labels, count * sizeof *pool->labels);
    for (size_t i = 0; i < count; i++) {
        pool->distances[pool->n + i] = answers[(i + 1) * pool->width - 1];
        pool->distinct += !pool->is_met[rows[i]];
        pool->is_met[rows[i]] = true;
    }
    pool->n += count;
}

static void pool_calibrate(struct nastl_calibration *out, struct pool *pool)
{
    const struct nastl_layout *layout = pool->problem->layout;
    if (is_regression(layout))
        nastl_calibrate_values(out, pool->distances, pool->n, pool->distinct);
    else
        nastl_calibrate_classes(out, pool->answers, pool->labels, pool->n,
                                layout->class_count);
}

int nastl_heldout_calibrate(struct nastl_calibration *out,
                            const struct nastl_problem *problem,
                            const struct nastl_view *view, const float *answers)
{
    struct pool pool;
    *out = (struct nastl_calibration){0};
    if (!answers)
        return NASTL_OK;
    const int status = pool_init(&pool, problem, view->valid_count);
    if (status == NASTL_OK) {
        pool_add(&pool, view, answers);
        pool_calibrate(out, &pool);
    }
    pool_finish(&pool);
    return status;
}

static size_t count_rows(const struct nastl_problem *problem)
{
    size_t rows = 0;
    for (size_t k = 0; k < problem->fold_count; k++)
        rows += problem->folds[k]->valid_count;
    return rows;
}

int nastl_heldout_calibrate_folds(struct nastl_calibration *out,
                                  const struct nastl_problem *problem,
                                  const struct nastl_checkpoint *folds)
{
    struct pool pool;
    *out = (struct nastl_calibration){0};
    const int status = pool_init(&pool, problem, count_rows(problem));
    for (size_t k = 0; status == NASTL_OK && k < nastl_checkpoint_folds(folds); k++) {
        size_t count;
        const float *answers = nastl_checkpoint_answers(folds, k, &count);
        if (answers && count == problem->folds[k]->valid_count * pool.width)
            pool_add(&pool, problem->folds[k], answers);
    }
    if (status == NASTL_OK)
        pool_calibrate(out, &pool);
    pool_finish(&pool);
    return status;
}

/* ---- in a trial's record ----------------------------------------------------------- */

json_t *nastl_calibration_json(const struct nastl_calibration *calibration,
                               enum nastl_task task)
{
    json_t *rows = json_integer((json_int_t)calibration->rows);
    if (task != NASTL_TASK_REGRESSION)
        return json_pack("{s:o, s:o}", "rows", rows, "temperature",
                         nastl_json_number(calibration->temperature));
    const double *widths = calibration->half_widths;
    return json_pack("{s:o, s:[o, o, o]}", "rows", rows, "half_widths",
                     nastl_json_number(widths[0]), nastl_json_number(widths[1]),
                     nastl_json_number(widths[2]));
}

void nastl_calibration_from_json(struct nastl_calibration *out, const json_t *object)
{
    const json_t *temperature = json_object_get(object, "temperature");
    const json_t *widths = json_object_get(object, "half_widths");
    const json_int_t rows = json_integer_value(json_object_get(object, "rows"));
    *out = (struct nastl_calibration){.temperature = 1};
    if (rows < 1 || !(json_is_number(temperature) ||
                      json_array_size(widths) == NASTL_INTERVAL_LEVELS))
        return;
    out->rows = (size_t)rows;
    if (json_is_number(temperature))
        out->temperature = json_number_value(temperature);
    for (size_t level = 0; level < json_array_size(widths); level++) {
        const json_t *width = json_array_get(widths, level);
        out->half_widths[level] =
            json_is_number(width) ? json_number_value(width) : INFINITY;
    }
}
