/* model.c: models in memory: their parts, and what their outputs mean.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/model.h"

#include "base/alloc.h"
#include "base/error.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

void nastl_model_destroy(struct nastl_model *model)
{
    if (!model)
        return;
    nastl_net_destroy(model->net);
    nastl_graph_destroy(model->graph);
    nastl_candidate_finish(&model->candidate);
    nastl_prep_destroy(model->prep);
    nastl_layout_destroy(model->layout);
    free(model);
}

enum nastl_task nastl_model_task(const struct nastl_model *model)
{
    return model->layout->task;
}

struct nastl_shape nastl_model_shape(const struct nastl_layout *layout)
{
    return (struct nastl_shape){
        .numeric = layout->numeric,
        .categorical = layout->categorical,
        .cardinality = layout->cardinality,
        .outputs = layout->task == NASTL_TASK_MULTICLASS ? layout->class_count : 1,
        .values = layout->task == NASTL_TASK_REGRESSION,
    };
}

/* ---- outputs ---- */

size_t nastl_prediction_width(enum nastl_task task, size_t classes)
{
    return task == NASTL_TASK_REGRESSION ? 1 : classes;
}

/* p = 1 / (1 + exp(-z / T)) of the second class; each from its own exponential, so that
 * neither loses digits. */
static void sigmoid(double *p, float logit, double temperature)
{
    const double z = logit / temperature;
    p[0] = 1 / (1 + exp(z));
    p[1] = 1 / (1 + exp(-z));
}

/* p[c] = exp((z[c] - max z) / T) / sum of the same. */
static void softmax(double *p, const float *logits, size_t classes, double temperature)
{
    double highest = logits[0], sum = 0;
    for (size_t c = 1; c < classes; c++)
        highest = fmax(highest, logits[c]);
    for (size_t c = 0; c < classes; c++)
        sum += p[c] = exp((logits[c] - highest) / temperature);
    for (size_t c = 0; c < classes; c++)
        p[c] /= sum;
}

static void to_predictions(double *predictions, const float *outputs, size_t n,
                           enum nastl_task task, size_t classes,
                           const struct nastl_label_map *label, double temperature)
{
    for (size_t i = 0; i < n; i++) {
        if (task == NASTL_TASK_REGRESSION)
            predictions[i] = nastl_label_invert(label, outputs[i]);
        else if (task == NASTL_TASK_BINARY)
            sigmoid(predictions + 2 * i, outputs[i], temperature);
        else
            softmax(predictions + i * classes, outputs + i * classes, classes,
                    temperature);
    }
}

void nastl_outputs_to_predictions(double *predictions, const float *outputs, size_t n,
                                  enum nastl_task task, size_t classes,
                                  const struct nastl_label_map *label)
{
    to_predictions(predictions, outputs, n, task, classes, label, 1);
}

bool nastl_model_has_intervals(const struct nastl_model *model)
{
    return nastl_model_task(model) == NASTL_TASK_REGRESSION && model->calibration.rows;
}

/* ---- predictions of rows ---- */

enum { SLICE = 4096 }; /* rows prepared at a time */

/* The outputs are floats: where one is not finite, none of its predictions means a thing.
 */
static int check_outputs(const float *outputs, const int32_t *rows, size_t count,
                         size_t width)
{
    for (size_t i = 0; i < count * width; i++)
        if (!isfinite(outputs[i]))
            return nastl_error(
                NASTL_ENUMERIC,
                "data row %ld: the model's output is not finite; look for extreme values "
                "in this row",
                (long)rows[i / width] + 1);
    return NASTL_OK;
}

static int answer_slice(struct nastl_model *model, const struct nastl_dataset *dataset,
                        const int32_t *rows, size_t count, float *outputs)
{
    struct nastl_xy xy;
    TRY(nastl_prep_apply(&xy, model->prep, model->layout, dataset, rows, count));
    const int status = nastl_net_forward(model->net, &xy, NULL, count, outputs);
    nastl_xy_finish(&xy);
    TRY(status);
    return check_outputs(outputs, rows, count, nastl_model_shape(model->layout).outputs);
}

static size_t slice_at(size_t at, size_t n)
{
    return n - at < SLICE ? n - at : SLICE;
}

int nastl_model_outputs(struct nastl_model *model, const struct nastl_dataset *dataset,
                        const int32_t *rows, size_t n, float *outputs)
{
    const size_t width = nastl_model_shape(model->layout).outputs;
    for (size_t at = 0; at < n; at += SLICE)
        TRY(answer_slice(model, dataset, rows + at, slice_at(at, n),
                         outputs + at * width));
    return NASTL_OK;
}

static int predict_slice(struct nastl_model *model, const struct nastl_dataset *dataset,
                         const int32_t *rows, size_t count, float *outputs,
                         double *predictions)
{
    const struct nastl_layout *layout = model->layout;
    TRY(answer_slice(model, dataset, rows, count, outputs));
    to_predictions(predictions, outputs, count, layout->task, layout->class_count,
                   &model->label, nastl_calibration_temperature(&model->calibration));
    return NASTL_OK;
}

int nastl_model_predictions(struct nastl_model *model,
                            const struct nastl_dataset *dataset, const int32_t *rows,
                            size_t n, double *predictions)
{
    const struct nastl_layout *layout = model->layout;
    const size_t width = nastl_prediction_width(layout->task, layout->class_count);
    float *outputs =
        nastl_alloc(SLICE * nastl_model_shape(layout).outputs, sizeof(float));
    if (!outputs)
        return nastl_error_nomem("outputs of a network");
    int status = NASTL_OK;
    for (size_t at = 0; at < n && status == NASTL_OK; at += SLICE)
        status = predict_slice(model, dataset, rows + at, slice_at(at, n), outputs,
                               predictions + at * width);
    free(outputs);
    return status;
}
