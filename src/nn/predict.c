/* predict.c: a model applied to the rows of a file, slice by slice, as CSV.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/model.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "io/csv.h"
#include "io/file.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE = 4096 }; /* rows in memory as text */

struct answer {
    struct nastl_model *model;
    const double *half_width; /* of its intervals; NULL: there are none */
    const struct nastl_dataset *dataset;
    struct nastl_csv_writer *writer;
    struct nastl_strbuf text;
    int32_t rows[SLICE];
    double *predictions; /* (SLICE, width) */
};

static int flush(struct answer *answer)
{
    const char *text = nastl_strbuf_text(&answer->text);
    if (!text)
        return nastl_error_nomem("lines of CSV");
    TRY(nastl_csv_write(answer->writer, text, answer->text.length));
    nastl_strbuf_clear(&answer->text);
    return NASTL_OK;
}

static int put_header(struct answer *answer)
{
    const struct nastl_layout *layout = answer->model->layout;
    nastl_csv_put(&answer->text, "prediction", 1);
    if (answer->half_width) {
        nastl_csv_put(&answer->text, "low", 0);
        nastl_csv_put(&answer->text, "high", 0);
    }
    for (size_t c = 0; c < layout->class_count; c++) {
        char *name;
        struct nastl_strbuf buf;
        nastl_strbuf_init(&buf);
        nastl_strbuf_addf(&buf, "probability.%s", layout->classes[c]);
        TRY(nastl_strbuf_take(&name, &buf));
        nastl_csv_put(&answer->text, name, 0);
        free(name);
    }
    nastl_strbuf_add(&answer->text, "\n");
    return NASTL_OK;
}

static void put_interval(struct answer *answer, double prediction)
{
    double low, high;
    nastl_label_interval(&low, &high, &answer->model->label, prediction,
                         *answer->half_width);
    nastl_csv_put_number(&answer->text, low, 0);
    nastl_csv_put_number(&answer->text, high, 0);
}

static void put_row(struct answer *answer, const double *prediction)
{
    const struct nastl_layout *layout = answer->model->layout;
    const size_t classes = layout->class_count;
    if (layout->task == NASTL_TASK_REGRESSION)
        nastl_csv_put_number(&answer->text, prediction[0], 1);
    else
        nastl_csv_put(&answer->text,
                      layout->classes[nastl_most_probable(prediction, classes)], 1);
    for (size_t c = 0; c < classes; c++)
        nastl_csv_put_number(&answer->text, prediction[c], 0);
    if (answer->half_width)
        put_interval(answer, prediction[0]);
    nastl_strbuf_add(&answer->text, "\n");
}

static int put_slice(struct answer *answer, size_t first, size_t count)
{
    const struct nastl_layout *layout = answer->model->layout;
    const size_t width = nastl_prediction_width(layout->task, layout->class_count);
    for (size_t i = 0; i < count; i++)
        answer->rows[i] = (int32_t)(first + i);
    TRY(nastl_model_predictions(answer->model, answer->dataset, answer->rows, count,
                                answer->predictions));
    for (size_t i = 0; i < count; i++)
        put_row(answer, answer->predictions + i * width);
    return flush(answer);
}

static int put_all(struct answer *answer)
{
    TRY(put_header(answer));
    TRY(flush(answer));
    for (size_t at = 0; at < answer->dataset->rows; at += SLICE) {
        const size_t left = answer->dataset->rows - at;
        TRY(put_slice(answer, at, left < SLICE ? left : SLICE));
    }
    return NASTL_OK;
}

static const double *half_width_of(const struct nastl_model *model)
{
    const double share = model->interval > 0 ? model->interval : 0.9;
    return nastl_model_has_intervals(model)
               ? &model->calibration.half_widths[nastl_interval_find(share)]
               : NULL;
}

static int write_predictions(struct nastl_model *model,
                             const struct nastl_dataset *dataset, const char *out)
{
    const struct nastl_layout *layout = model->layout;
    const size_t width = nastl_prediction_width(layout->task, layout->class_count);
    struct answer *answer = nastl_alloc_zero(1, sizeof *answer);
    double *predictions = nastl_alloc(SLICE * width, sizeof *predictions);
    int status = answer && predictions ? NASTL_OK : nastl_error_nomem("predictions");
    if (status == NASTL_OK) {
        answer->model = model;
        answer->half_width = half_width_of(model);
        answer->dataset = dataset;
        answer->predictions = predictions;
        status = nastl_csv_create(&answer->writer, out);
    }
    if (status == NASTL_OK) {
        status = put_all(answer);
        if (status == NASTL_OK)
            status = nastl_csv_close(answer->writer);
        else
            nastl_csv_abort(answer->writer);
        nastl_strbuf_finish(&answer->text);
    }
    free(predictions);
    free(answer);
    return status;
}

int nastl_model_predict(struct nastl_model *model, const char *data, const char *folder,
                        const char *out, bool force, const struct nastl_log *log)
{
    if (strcmp(out, "-") != 0 && !force && nastl_file_exists(out))
        return nastl_error(NASTL_EEXIST,
                           "%s: is there already; give another --out, or --force", out);
    struct nastl_table *table;
    struct nastl_dataset *dataset = NULL;
    TRY(nastl_table_load(&table, data, folder));
    int status = nastl_dataset_for_layout(&dataset, table, model->layout, NULL, log);
    nastl_table_destroy(table);
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1); /* the bits of a search */
    if (status == NASTL_OK)
        status = write_predictions(model, dataset, out);
    omp_set_num_threads(threads);
    nastl_dataset_destroy(dataset);
    return status;
}

int nastl_model_choose_interval(struct nastl_model *model, double share)
{
    if (model->layout->task != NASTL_TASK_REGRESSION)
        return nastl_error(NASTL_EINVAL,
                           "interval: the model answers with classes, which have "
                           "probabilities; leave it out");
    if (!nastl_model_has_intervals(model))
        return nastl_error(NASTL_EINVAL,
                           "interval: the model has none: it was trained without "
                           "validation rows, or by an earlier version; train it again");
    if (nastl_interval_find(share) < 0)
        return nastl_error(NASTL_EINVAL, "interval: %g is none; give 0.8, 0.9 or 0.95",
                           share);
    model->interval = share;
    return NASTL_OK;
}
