/* teacher.c: see teacher.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "transfer/teacher.h"

#include "base/alloc.h"
#include "base/error.h"
#include "transfer/match.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Less than this of what the source says is about classes that the target has: it does
 * not know such a row. */
static const double LEAST_KNOWN = 1e-3;

/* ---- rows as the source reads them ---- */

static int create_rows(struct nastl_xy *out, size_t rows, const struct nastl_shape *shape)
{
    *out = (struct nastl_xy){
        .rows = rows, .numeric = shape->numeric, .categorical = shape->categorical};
    out->x = nastl_alloc_zero(rows * shape->numeric + 1, sizeof *out->x);
    out->code = nastl_alloc_zero(rows * shape->categorical + 1, sizeof *out->code);
    return out->x && out->code ? NASTL_OK : nastl_error_nomem("rows for a source");
}

/* Numbers without a twin stay at 0, which is their mean; codes at 0, which is unseen. */
static void copy_rows(struct nastl_xy *to, const struct nastl_xy *from,
                      const struct nastl_match *match)
{
    for (size_t c = 0; c < from->numeric; c++)
        for (size_t r = 0; r < from->rows && match->input[c] >= 0; r++)
            to->x[r * to->numeric + (size_t)match->input[c]] =
                from->x[r * from->numeric + c];
    for (size_t k = 0; k < from->categorical; k++) {
        const struct nastl_code_match *codes = &match->codes[k];
        for (size_t r = 0; r < from->rows && codes->column >= 0; r++) {
            const long code = codes->code[from->code[r * from->categorical + k]];
            to->code[r * to->categorical + (size_t)codes->column] =
                code < 0 ? 0 : (int32_t)code;
        }
    }
}

/* ---- the network ---- */

/* The source is shared by all workers, and a network belongs to one thread. */
static int copy_net(struct nastl_net **out, const struct nastl_model *source)
{
    TRY(nastl_net_create(out, source->graph));
    for (size_t t = 0; t < nastl_net_tensor_count(*out); t++) {
        const struct nastl_tensor *to = nastl_net_tensor(*out, t);
        memcpy(to->data, nastl_net_tensor(source->net, t)->data,
               to->shape[0] * to->shape[1] * sizeof *to->data);
    }
    return NASTL_OK;
}

/* outputs (rows, outputs of the source) */
static int ask_source(float *outputs, const struct nastl_lesson *lesson,
                      const struct nastl_match *match)
{
    const struct nastl_model *source = lesson->source;
    struct nastl_net *net = NULL;
    struct nastl_xy rows;
    int status = create_rows(&rows, lesson->source_xy->rows, &source->graph->shape);
    if (status == NASTL_OK)
        status = copy_net(&net, source);
    if (status == NASTL_OK) {
        copy_rows(&rows, lesson->source_xy, match);
        status = nastl_net_forward(net, &rows, NULL, rows.rows, outputs);
    }
    nastl_net_destroy(net);
    free(rows.x);
    free(rows.code);
    return status;
}

/* ---- soft targets ---- */

/* q (C) of a row from what the source gives for it. */
static void class_targets(float *q, const double *known,
                          const struct nastl_lesson *lesson, const long *output,
                          size_t label)
{
    const size_t classes = lesson->layout->class_count;
    double sum = 0.0;
    for (size_t c = 0; c < classes; c++)
        sum += output[c] < 0 ? 0.0 : known[output[c]];
    for (size_t c = 0; c < classes; c++)
        q[c] = output[c] < 0 ? 0.0f : (float)(known[output[c]] / sum);
    if (output[label] < 0 || !(sum >= LEAST_KNOWN))
        q[0] = NAN;
}

static int make_classes(float *soft, const float *outputs,
                        const struct nastl_lesson *lesson,
                        const struct nastl_match *match)
{
    const struct nastl_layout *from = lesson->source->layout;
    const size_t classes = lesson->layout->class_count, n = from->class_count;
    double *known = nastl_alloc(n, sizeof *known);
    if (!known)
        return nastl_error_nomem("soft targets");
    for (size_t r = 0; r < lesson->xy->rows; r++) {
        nastl_outputs_to_predictions(known, outputs + r * n, 1, from->task, n, NULL);
        class_targets(soft + r * classes, known, lesson, match->output,
                      (size_t)lesson->y[r]);
    }
    free(known);
    return NASTL_OK;
}

static int make_targets(float *soft, const float *outputs,
                        const struct nastl_lesson *lesson,
                        const struct nastl_match *match)
{
    const enum nastl_task task = lesson->layout->task;
    if (task == NASTL_TASK_MULTICLASS)
        return make_classes(soft, outputs, lesson, match);
    for (size_t r = 0; r < lesson->xy->rows; r++)
        soft[r] =
            task == NASTL_TASK_BINARY
                ? 1.0f / (1.0f + expf(-outputs[r]))
                : (float)nastl_label_apply(
                      lesson->map, nastl_label_invert(lesson->source_map, outputs[r]));
    return NASTL_OK;
}

static bool knows_any(const struct nastl_match *match, size_t outputs)
{
    for (size_t c = 0; c < outputs; c++)
        if (match->output[c] >= 0)
            return true;
    return false;
}

static int teach(float *soft, const struct nastl_lesson *lesson,
                 const struct nastl_match *match)
{
    const size_t outputs = lesson->source->graph->shape.outputs;
    if (!knows_any(match, nastl_net_graph(lesson->net)->shape.outputs))
        return nastl_error(NASTL_EINVAL,
                           "transfer.strategy: distill has no target to take from a "
                           "source network for another task or with other classes; "
                           "choose another strategy");
    float *answers = nastl_alloc(lesson->xy->rows, outputs * sizeof *answers);
    if (!answers)
        return nastl_error_nomem("soft targets");
    int status = ask_source(answers, lesson, match);
    if (status == NASTL_OK)
        status = make_targets(soft, answers, lesson, match);
    free(answers);
    return status;
}

int nastl_teacher_targets(float *soft, const struct nastl_lesson *lesson)
{
    struct nastl_match match;
    int status = nastl_match_init(&match, nastl_net_graph(lesson->net), lesson->layout,
                                  lesson->source->graph, lesson->source->layout);
    if (status == NASTL_OK)
        status = teach(soft, lesson, &match);
    nastl_match_finish(&match);
    return status;
}
