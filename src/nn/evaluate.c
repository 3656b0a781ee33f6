/* evaluate.c: a model's scores on labelled rows, as text or JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/model.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "base/texttable.h"
#include "io/json.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

/* ---- scores ---- */

struct report {
    enum nastl_task task;
    size_t rows;
    struct nastl_scores scores;
    bool has_intervals;
    double coverage[NASTL_INTERVAL_LEVELS], width[NASTL_INTERVAL_LEVELS];
};

static const char *why_not(enum nastl_metric metric)
{
    switch (metric) {
    case NASTL_METRIC_AUC:
        return "a class of the model has no rows";
    case NASTL_METRIC_NMAE:
        return "the labels' mean is 0";
    default:
        return "there is one row only";
    }
}

static void warn_about_scores(const struct report *report, const struct nastl_log *log)
{
    for (int m = 0; m < NASTL_METRIC_COUNT; m++)
        if (nastl_metric_applies(m, report->task) && isnan(report->scores.value[m]))
            nastl_log_warning(log, "%s cannot be computed: %s", nastl_metric_name(m),
                              why_not(m));
}

/* The share of labels that the intervals of a level hold, and their mean width. */
static void cover(struct report *out, const struct nastl_model *model, size_t level,
                  const double *labels, const double *predictions)
{
    const double half_width = model->calibration.half_widths[level];
    double held = 0, width = 0;
    for (size_t i = 0; i < out->rows; i++) {
        double low, high;
        nastl_label_interval(&low, &high, &model->label, predictions[i], half_width);
        held += labels[i] >= low && labels[i] <= high;
        width += high - low;
    }
    out->coverage[level] = held / (double)out->rows;
    out->width[level] = width / (double)out->rows;
}

static void cover_levels(struct report *out, const struct nastl_model *model,
                         const double *labels, const double *predictions)
{
    out->has_intervals = nastl_model_has_intervals(model);
    for (size_t level = 0; out->has_intervals && level < NASTL_INTERVAL_LEVELS; level++)
        cover(out, model, level, labels, predictions);
}

/* Every row of the dataset has a label. */
static int score_rows(struct report *out, struct nastl_model *model,
                      const struct nastl_dataset *dataset, int32_t *rows,
                      double *predictions)
{
    const struct nastl_layout *layout = model->layout;
    for (size_t i = 0; i < dataset->rows; i++)
        rows[i] = (int32_t)i;
    TRY(nastl_model_predictions(model, dataset, rows, dataset->rows, predictions));
    out->task = layout->task;
    out->rows = dataset->rows;
    cover_levels(out, model, dataset->label, predictions);
    return nastl_scores_compute(&out->scores, layout->task, layout->class_count,
                                dataset->label, predictions, dataset->rows);
}

static int score(struct report *out, struct nastl_model *model,
                 const struct nastl_dataset *dataset)
{
    const size_t width =
        nastl_prediction_width(model->layout->task, model->layout->class_count);
    int32_t *rows = nastl_alloc(dataset->rows, sizeof *rows);
    double *predictions = nastl_alloc(dataset->rows, width * sizeof *predictions);
    const int status = rows && predictions
                           ? score_rows(out, model, dataset, rows, predictions)
                           : nastl_error_nomem("predictions");
    free(rows);
    free(predictions);
    return status;
}

/* ---- output ---- */

static json_t *scores_json(const struct report *report)
{
    json_t *scores = json_object();
    for (int m = 0; m < NASTL_METRIC_COUNT && scores; m++) {
        if (!nastl_metric_applies(m, report->task))
            continue;
        json_t *value = nastl_json_number(report->scores.value[m]);
        if (nastl_json_set(scores, nastl_metric_name(m), value) < 0) {
            json_decref(scores);
            scores = NULL;
        }
    }
    return scores;
}

static json_t *intervals_json(const struct report *report)
{
    json_t *intervals = json_array();
    for (size_t level = 0; level < NASTL_INTERVAL_LEVELS && intervals; level++) {
        json_t *one = json_pack("{s:o, s:o, s:o}", "level",
                                nastl_json_number(nastl_interval_level(level)),
                                "coverage", nastl_json_number(report->coverage[level]),
                                "width", nastl_json_number(report->width[level]));
        if (nastl_json_append(intervals, one) < 0) {
            json_decref(intervals);
            intervals = NULL;
        }
    }
    return intervals;
}

static int as_json(char **out, const struct report *report)
{
    json_t *root = json_object();
    int status = root ? NASTL_OK : nastl_error_nomem("scores");
    if (status == NASTL_OK)
        status = nastl_json_set(root, "rows", json_integer((json_int_t)report->rows));
    if (status == NASTL_OK)
        status = nastl_json_set(root, "task", json_string(nastl_task_name(report->task)));
    if (status == NASTL_OK)
        status = nastl_json_set(root, "scores", scores_json(report));
    if (status == NASTL_OK && report->has_intervals)
        status = nastl_json_set(root, "intervals", intervals_json(report));
    if (status == NASTL_OK) {
        struct nastl_strbuf buf;
        nastl_strbuf_init(&buf);
        nastl_json_write(&buf, root, 2);
        nastl_strbuf_add(&buf, "\n");
        status = nastl_strbuf_take(out, &buf);
    }
    json_decref(root);
    return status;
}

static int as_text(char **out, const struct report *report)
{
    struct nastl_texttable table;
    nastl_texttable_init(&table, "lr");
    nastl_texttable_addf(&table, "%s", nastl_task_name(report->task));
    nastl_texttable_addf(&table, "%zu rows", report->rows);
    for (int m = 0; m < NASTL_METRIC_COUNT; m++) {
        if (!nastl_metric_applies(m, report->task))
            continue;
        const double value = report->scores.value[m];
        nastl_texttable_add(&table, nastl_metric_name(m));
        nastl_texttable_addf(&table, isnan(value) ? "-" : "%.6g", value);
    }
    for (size_t level = 0; report->has_intervals && level < NASTL_INTERVAL_LEVELS;
         level++) {
        nastl_texttable_addf(&table, "coverage %.0f %%",
                             100 * nastl_interval_level(level));
        nastl_texttable_addf(&table, "%.6g", report->coverage[level]);
    }
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    int status = nastl_texttable_write(&buf, &table, 0);
    nastl_texttable_finish(&table);
    if (status == NASTL_OK)
        return nastl_strbuf_take(out, &buf);
    nastl_strbuf_finish(&buf);
    return status;
}

int nastl_model_evaluate(char **out, struct nastl_model *model, const char *data,
                         const char *folder, const char *label, bool json,
                         const struct nastl_log *log)
{
    const char *column = label ? label : model->layout->label_name;
    struct nastl_table *table;
    struct nastl_dataset *dataset = NULL;
    struct report report;
    TRY(nastl_table_load(&table, data, folder));
    int status = nastl_dataset_for_layout(&dataset, table, model->layout, column, log);
    nastl_table_destroy(table);
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1); /* the bits of a search */
    if (status == NASTL_OK)
        status = score(&report, model, dataset);
    omp_set_num_threads(threads);
    nastl_dataset_destroy(dataset);
    TRY(status);
    warn_about_scores(&report, log);
    return json ? as_json(out, &report) : as_text(out, &report);
}
