/* test_model.c: models saved, loaded, applied and scored.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model_toy.h"

#include "base/error.h"
#include "base/strbuf.h"
#include "io/csv.h"
#include "io/file.h"
#include "io/json.h"

/* HDF5 1.10 leaks what it had read of a damaged structure: its leaks, not ours. Under
 * LeakSanitizer alone anybody calls this. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

/* A table, its dataset and a model, in the scratch folder. */
struct toy {
    const char *csv, *h5, *out;
    struct nastl_dataset *dataset;
    struct nastl_model *model;
    size_t width;
    double *predictions; /* (rows, width) of all rows of `csv` */
};

static double *predictions_of(struct nastl_model *model, const char *csv, size_t *rows)
{
    struct nastl_table *table;
    struct nastl_dataset *dataset;
    assert_ok(nastl_table_load(&table, csv, NULL));
    assert_ok(nastl_dataset_for_layout(&dataset, table, model->layout, NULL, NULL));
    const size_t width =
        nastl_prediction_width(model->layout->task, model->layout->class_count);
    int32_t *all = malloc(dataset->rows * sizeof *all);
    double *predictions = malloc(dataset->rows * width * sizeof *predictions);
    for (size_t i = 0; i < dataset->rows; i++)
        all[i] = (int32_t)i;
    assert_ok(nastl_model_predictions(model, dataset, all, dataset->rows, predictions));
    *rows = dataset->rows;
    free(all);
    nastl_dataset_destroy(dataset);
    nastl_table_destroy(table);
    return predictions;
}

static void toy_init(struct toy *toy, void **state, size_t task)
{
    size_t rows;
    toy->csv = scratch(state, "data.csv");
    toy->h5 = scratch(state, "model.h5");
    toy->out = scratch(state, "out.csv");
    toy_write(toy->csv, TOY_ROWS, toy_labels[task], false);
    toy_dataset(&toy->dataset, toy->csv, toy_labels[task]);
    toy->model = toy_model(toy->dataset,
                           task % 2 ? NASTL_SCALING_QUANTILE : NASTL_SCALING_STANDARD);
    toy->width = nastl_prediction_width(toy->dataset->task, toy->dataset->class_count);
    toy->predictions = predictions_of(toy->model, toy->csv, &rows);
    assert_int_equal(rows, TOY_ROWS);
}

static void toy_finish(struct toy *toy)
{
    free(toy->predictions);
    nastl_model_destroy(toy->model);
    nastl_dataset_destroy(toy->dataset);
}

/* ---- files ------------------------------------------------------------------------- */

static void assert_same_model(struct toy *toy, const char *group)
{
    struct nastl_model *model;
    size_t rows;
    assert_ok(nastl_model_load(&model, toy->h5, group));
    assert_int_equal(nastl_model_task(model), toy->dataset->task);
    double *predictions = predictions_of(model, toy->csv, &rows);
    assert_memory_equal(predictions, toy->predictions,
                        rows * toy->width * sizeof *predictions);
    assert_true(nastl_candidate_hash(&model->candidate) ==
                nastl_candidate_hash(&toy->model->candidate));
    free(predictions);
    nastl_model_destroy(model);
}

static void a_saved_model_gives_the_same_predictions(void **state)
{
    for (size_t task = 0; task < TOY_TASKS; task++) {
        struct toy toy;
        toy_init(&toy, state, task);
        toy_save(toy.model, toy.h5, "/");
        assert_same_model(&toy, NULL);
        assert_same_model(&toy, "/");
        toy_save(toy.model, toy.h5, "/trials/7");
        assert_same_model(&toy, "/trials/7");
        toy_finish(&toy);
    }
}

static void several_models_share_a_file(void **state)
{
    struct toy toy;
    struct nastl_h5 *file;
    toy_init(&toy, state, 1);
    assert_ok(nastl_h5_create(&file, toy.h5));
    assert_ok(nastl_model_save(toy.model, file, "/trials/1"));
    assert_ok(nastl_model_save(toy.model, file, "/trials/2"));
    assert_ok(nastl_h5_commit(file));
    nastl_h5_close(file);
    assert_same_model(&toy, "/trials/1");
    assert_same_model(&toy, "/trials/2");
    toy_finish(&toy);
}

static void the_same_model_gives_the_same_bytes(void **state)
{
    struct toy toy;
    char one[NASTL_SHA256_TEXT], two[NASTL_SHA256_TEXT];
    toy_init(&toy, state, 0);
    toy_save(toy.model, toy.h5, "/");
    assert_ok(nastl_file_sha256(one, toy.h5));
    toy_save(toy.model, toy.h5, "/");
    assert_ok(nastl_file_sha256(two, toy.h5));
    assert_string_equal(one, two);
    toy_finish(&toy);
}

static void a_group_without_a_model_is_said(void **state)
{
    struct toy toy;
    struct nastl_model *model;
    toy_init(&toy, state, 0);
    toy_save(toy.model, toy.h5, "/trials/7");
    assert_error(nastl_model_load(&model, toy.h5, "/trials/8"), NASTL_ENOENT,
                 "model.h5:/trials/8");
    assert_error(nastl_model_load(&model, toy.h5, NULL), NASTL_EFORMAT,
                 "model.h5:/: is no model");
    assert_error(nastl_model_load(&model, toy.csv, NULL), NASTL_EFORMAT, "data.csv");
    assert_error(nastl_model_load(&model, scratch(state, "none.h5"), NULL), NASTL_ENOENT,
                 "none.h5");
    toy_finish(&toy);
}

/* ---- wrong files ------------------------------------------------------------------- */

/* What is done to a saved model. */
struct damage {
    const char *attribute, *text; /* set anew */
    const char *without;          /* a child that is left out */
    const char *tensor;           /* put anew */
    size_t shape[2];
    float value;
    const char *says; /* part of the sentence */
};

static const struct damage damages[] = {
    {.attribute = "schema", .text = "nas-tl/model/v9", .says = "nas-tl/model/v9"},
    {.attribute = "candidate", .text = "{\"family\"", .says = "candidate"},
    {.attribute = "candidate", .text = "[1, 2]", .says = "/m"},
    {.attribute = "candidate", .text = "{\"family\": \"cnn\"}", .says = "cnn"},
    {.attribute = "candidate",
     .text = "{\"family\": \"mlp\", \"mlp.layers\": 1e9}",
     .says = "mlp.layers"},
    {.attribute = "candidate",
     .text = "{\"family\": \"mlp\", \"mlp.layers\": 2, \"mlp.width\": 60000}",
     .says = "blocks.0.weight"},
    {.attribute = "candidate",
     .text = "{\"family\": \"mlp\", \"mlp.layers\": 3, \"mlp.width.0\": 24, "
             "\"mlp.width.1\": 17, \"mlp.normalization\": \"batch\"}",
     .says = "blocks.2.weight"},
    {.attribute = "task", .text = "regression", .says = "task"},
    {.without = "preprocessing", .says = "preprocessing"},
    {.without = "blocks.1.weight", .says = "blocks.1.weight"},
    {.without = "head.bias", .says = "head.bias"},
    {.without = "blocks.0.norm.running_var", .says = "running_var"},
    {.tensor = "head.bias", .shape = {2, 1}, .says = "shape"},
    {.tensor = "head.bias", .shape = {3, 1}, .value = 1, .says = "shape"},
    {.tensor = "head.weight", .shape = {17, 3}, .says = "shape"},
    {.tensor = "head.weight", .shape = {3, 17}, .value = NAN, .says = "not finite"},
    {.tensor = "blocks.0.bias",
     .shape = {24, 0},
     .value = INFINITY,
     .says = "not finite"},
    {.tensor = "blocks.0.norm.running_var",
     .shape = {24, 0},
     .value = -1,
     .says = "running_var"},
};

/* shape[1] 0: of rank 1. */
static void put_tensor(struct nastl_h5 *file, const char *path,
                       const struct damage *damage)
{
    float data[64] = {0};
    const int rank = damage->shape[1] ? 2 : 1;
    for (size_t i = 0; i < 64; i++)
        data[i] = damage->value;
    assert_ok(nastl_h5_put_floats(file, path, data, rank, damage->shape));
}

static void copy_children(struct nastl_h5 *to, struct nastl_h5 *from,
                          const struct damage *damage)
{
    char **names;
    size_t count;
    assert_ok(nastl_h5_children(from, "/m", &names, &count));
    for (size_t i = 0; i < count; i++) {
        char path[128];
        snprintf(path, sizeof path, "/m/%s", names[i]);
        if (damage->tensor && strcmp(names[i], damage->tensor) == 0)
            put_tensor(to, path, damage);
        else if (!damage->without || strcmp(names[i], damage->without) != 0)
            assert_ok(nastl_h5_copy(to, path, from, path));
    }
    nastl_h5_free_strings(names, count);
}

static void copy_attributes(struct nastl_h5 *to, struct nastl_h5 *from,
                            const struct damage *damage)
{
    static const char *const names[] = {"schema", "version", "family", "task",
                                        "candidate"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *text;
        assert_ok(nastl_h5_get_text(from, "/m", names[i], &text));
        const bool other = damage->attribute && strcmp(names[i], damage->attribute) == 0;
        assert_ok(nastl_h5_set_text(to, "/m", names[i], other ? damage->text : text));
        free(text);
    }
}

static void a_wrong_model_is_said(void **state)
{
    struct toy toy;
    const char *wrong = scratch(state, "wrong.h5");
    toy_init(&toy, state, 1);
    toy_save(toy.model, toy.h5, "/m");
    for (size_t d = 0; d < sizeof damages / sizeof *damages; d++) {
        struct nastl_h5 *from, *to;
        struct nastl_model *model;
        assert_ok(nastl_h5_open(&from, toy.h5));
        assert_ok(nastl_h5_create(&to, wrong));
        assert_ok(nastl_h5_group(to, "/m"));
        copy_attributes(to, from, &damages[d]);
        copy_children(to, from, &damages[d]);
        assert_ok(nastl_h5_commit(to));
        nastl_h5_close(to);
        nastl_h5_close(from);
        const int status = nastl_model_load(&model, wrong, "/m");
        assert_error(status, NASTL_EFORMAT, damages[d].says);
        assert_non_null(strstr(nastl_error_last(), "wrong.h5:/m"));
    }
    toy_finish(&toy);
}

/* Whatever stands in a file, loading ends; what loads can be applied. */
static void damaged_bytes_do_no_harm(void **state)
{
    const int32_t some[] = {0, 1, 2};
    struct toy toy;
    struct nastl_rng rng;
    char *bytes;
    size_t length, loaded = 0;
    const char *wrong = scratch(state, "wrong.h5");
    toy_init(&toy, state, 2);
    toy.model->calibration = (struct nastl_calibration){
        .rows = 9, .temperature = 1, .half_widths = {1, 2, INFINITY}};
    toy_save(toy.model, toy.h5, "/");
    assert_ok(nastl_file_read(&bytes, &length, toy.h5, 1 << 20));
    nastl_rng_init(&rng, 7, 0, NASTL_RNG_TEST);
    for (int round = 0; round < 100; round++) {
        const size_t at = nastl_rng_below(&rng, length);
        const size_t end = round % 10 == 0 ? at : length;
        const char kept = bytes[at];
        struct nastl_model *model;
        bytes[at] = (char)nastl_rng_u32(&rng);
        scratch_write(wrong, bytes, end);
        bytes[at] = kept;
        if (nastl_model_load(&model, wrong, NULL) != NASTL_OK)
            continue;
        nastl_model_predictions(model, toy.dataset, some, 3, toy.predictions);
        nastl_model_destroy(model);
        loaded++;
    }
    print_message("%zu of 100 damaged models load\n", loaded);
    free(bytes);
    toy_finish(&toy);
}

/* ---- predict ----------------------------------------------------------------------- */

struct cells {
    size_t columns, rows;
    char names[8][64];
    char text[TOY_ROWS][8][32];
};

static int on_header(size_t columns, const char *const *names, void *payload)
{
    struct cells *cells = payload;
    cells->columns = columns;
    assert_true(columns <= 8);
    for (size_t i = 0; i < columns; i++)
        snprintf(cells->names[i], sizeof cells->names[i], "%s", names[i]);
    return NASTL_OK;
}

static int on_field(size_t row, size_t column, const char *text, size_t length,
                    int64_t line, void *payload)
{
    struct cells *cells = payload;
    (void)length;
    (void)line;
    assert_true(row < TOY_ROWS);
    snprintf(cells->text[row][column], sizeof cells->text[row][column], "%s", text);
    return NASTL_OK;
}

static struct cells *read_cells(const char *path)
{
    struct cells *cells = calloc(1, sizeof *cells);
    const struct nastl_csv_events events = {on_header, on_field, cells};
    assert_ok(nastl_csv_read(path, &events, &cells->rows));
    return cells;
}

/* Numbers read back as the very doubles. */
static void assert_cells(const struct cells *cells, const struct toy *toy)
{
    const struct nastl_layout *layout = toy->model->layout;
    const bool values = layout->task == NASTL_TASK_REGRESSION;
    assert_int_equal(cells->rows, TOY_ROWS);
    assert_int_equal(cells->columns, 1 + layout->class_count);
    assert_string_equal(cells->names[0], "prediction");
    for (size_t i = 0; i < TOY_ROWS; i++) {
        const double *p = toy->predictions + i * toy->width;
        for (size_t c = 0; c < toy->width; c++)
            assert_true(strtod(cells->text[i][values ? 0 : 1 + c], NULL) == p[c]);
        if (!values)
            assert_string_equal(
                cells->text[i][0],
                layout->classes[nastl_most_probable(p, layout->class_count)]);
    }
    for (size_t c = 0; c < layout->class_count; c++) {
        char name[64];
        snprintf(name, sizeof name, "probability.%s", layout->classes[c]);
        assert_string_equal(cells->names[1 + c], name);
    }
}

static void predictions_are_written_row_by_row(void **state)
{
    for (size_t task = 0; task < TOY_TASKS; task++) {
        struct toy toy;
        toy_init(&toy, state, task);
        assert_ok(nastl_model_predict(toy.model, toy.csv, NULL, toy.out, true, NULL));
        struct cells *cells = read_cells(toy.out);
        assert_cells(cells, &toy);
        free(cells);
        const char *bare = scratch(state, "bare.csv");
        toy_write(bare, TOY_ROWS, NULL, false); /* labels are not needed */
        assert_ok(nastl_model_predict(toy.model, bare, NULL, toy.out, true, NULL));
        cells = read_cells(toy.out);
        assert_cells(cells, &toy);
        free(cells);
        toy_finish(&toy);
    }
}

static void predictions_do_not_overwrite_unasked(void **state)
{
    const char *out = scratch(state, "there.csv");
    struct toy toy;
    char *text;
    size_t length;
    toy_init(&toy, state, 0);
    scratch_write(out, "mine\n", 5);
    assert_error(nastl_model_predict(toy.model, toy.csv, NULL, out, false, NULL),
                 NASTL_EEXIST, "there.csv");
    assert_error(nastl_model_predict(toy.model, "nowhere.csv", NULL, out, true, NULL),
                 NASTL_ENOENT, "nowhere.csv");
    assert_ok(nastl_file_read(&text, &length, out, 100));
    assert_string_equal(text, "mine\n");
    free(text);
    assert_ok(nastl_model_predict(toy.model, toy.csv, NULL, out, true, NULL));
    toy_finish(&toy);
}

static void outputs_that_are_not_finite_are_said(void **state)
{
    const char *out = scratch(state, "never.csv");
    struct toy toy;
    toy_init(&toy, state, 2);
    nastl_net_find(toy.model->net, "head.bias")->data[0] = INFINITY;
    assert_error(nastl_model_predict(toy.model, toy.csv, NULL, out, false, NULL),
                 NASTL_ENUMERIC, "row 1");
    assert_false(nastl_file_exists(out));
    toy_finish(&toy);
}

static void probabilities_sum_to_one(void **state)
{
    (void)state;
    const float logits[] = {0, 100, -100, 1e30f, 30, -1e30f};
    double p[6];
    nastl_outputs_to_predictions(p, logits, 2, NASTL_TASK_MULTICLASS, 3, NULL);
    assert_true(fabs(p[0] + p[1] + p[2] - 1) < 1e-15);
    assert_true(p[3] == 1 && p[4] == 0 && p[5] == 0);
    nastl_outputs_to_predictions(p, logits + 1, 3, NASTL_TASK_BINARY, 2, NULL);
    for (size_t i = 0; i < 3; i++)
        assert_true(fabs(p[2 * i] + p[2 * i + 1] - 1) < 1e-15);
    assert_true(p[0] > 0 && p[0] < 1e-43 && p[3] == p[0] && p[5] == 1);
}

/* ---- evaluate ---------------------------------------------------------------------- */

struct lines {
    size_t count;
    char text[4][256];
};

static void on_log(enum nastl_log_level level, const char *message, void *payload)
{
    struct lines *lines = payload;
    if (level == NASTL_LOG_WARNING && lines->count < 4)
        snprintf(lines->text[lines->count++], 256, "%s", message);
}

static void assert_scores(const char *text, const struct nastl_scores *expected,
                          enum nastl_task task, size_t rows)
{
    json_t *root;
    assert_ok(nastl_json_parse(&root, text, "scores"));
    assert_int_equal(json_integer_value(json_object_get(root, "rows")), rows);
    assert_string_equal(json_string_value(json_object_get(root, "task")),
                        nastl_task_name(task));
    const json_t *scores = json_object_get(root, "scores");
    for (int m = 0; m < NASTL_METRIC_COUNT; m++) {
        const json_t *score = json_object_get(scores, nastl_metric_name(m));
        assert_true((score != NULL) == nastl_metric_applies(m, task));
        if (score && isnan(expected->value[m]))
            assert_true(json_is_null(score));
        else if (score)
            assert_true(json_number_value(score) == expected->value[m]);
    }
    json_decref(root);
}

static void scores_are_those_of_the_predictions(void **state)
{
    for (size_t task = 0; task < TOY_TASKS; task++) {
        struct toy toy;
        struct nastl_scores scores;
        struct lines lines = {0};
        const struct nastl_log log = {on_log, &lines};
        char *text;
        toy_init(&toy, state, task);
        const struct nastl_layout *layout = toy.model->layout;
        assert_ok(nastl_scores_compute(&scores, layout->task, layout->class_count,
                                       toy.dataset->label, toy.predictions, TOY_ROWS));
        assert_ok(
            nastl_model_evaluate(&text, toy.model, toy.csv, NULL, NULL, true, &log));
        assert_scores(text, &scores, layout->task, TOY_ROWS);
        free(text);
        assert_ok(nastl_model_evaluate(&text, toy.model, toy.csv, NULL, toy_labels[task],
                                       false, &log));
        for (int m = 0; m < NASTL_METRIC_COUNT; m++)
            assert_true((strstr(text, nastl_metric_name(m)) != NULL) ==
                        nastl_metric_applies(m, layout->task));
        assert_int_equal(lines.count, 0);
        free(text);
        toy_finish(&toy);
    }
}

static void odd_labels_are_warned_about_once(void **state)
{
    struct toy toy;
    struct nastl_scores scores;
    struct lines lines = {0};
    const struct nastl_log log = {on_log, &lines};
    char *text;
    toy_init(&toy, state, 1);
    toy_write(toy.csv, TOY_ROWS, "slice", true);
    assert_ok(nastl_model_evaluate(&text, toy.model, toy.csv, NULL, NULL, true, &log));
    toy.dataset->label[1] = 3;
    assert_ok(nastl_scores_compute(&scores, NASTL_TASK_MULTICLASS, 3,
                                   toy.dataset->label + 1, toy.predictions + 3,
                                   TOY_ROWS - 1));
    assert_scores(text, &scores, NASTL_TASK_MULTICLASS, TOY_ROWS - 1);
    assert_int_equal(lines.count, 2);
    free(text);
    toy_finish(&toy);
}

static void labels_that_are_absent_are_said(void **state)
{
    struct toy toy;
    char *text;
    const char *bare = scratch(state, "bare.csv");
    toy_init(&toy, state, 0);
    toy_write(bare, 20, NULL, false);
    assert_error(nastl_model_evaluate(&text, toy.model, bare, NULL, NULL, true, NULL),
                 NASTL_ENOENT, "drop");
    assert_error(nastl_model_evaluate(&text, toy.model, bare, NULL, "dorp", true, NULL),
                 NASTL_ENOENT, "dorp");
    toy_write(bare, 1, "drop", true);
    assert_error(nastl_model_evaluate(&text, toy.model, bare, NULL, NULL, true, NULL),
                 NASTL_EFORMAT, "bare.csv");
    toy_finish(&toy);
}

static void scores_that_cannot_be_computed_are_null(void **state)
{
    struct toy toy;
    struct lines lines = {0};
    const struct nastl_log log = {on_log, &lines};
    char *text;
    toy_init(&toy, state, 1);
    toy_write(toy.csv, 1, "slice", false);
    assert_ok(nastl_model_evaluate(&text, toy.model, toy.csv, NULL, NULL, true, &log));
    assert_non_null(strstr(text, "\"auc\": null"));
    assert_int_equal(lines.count, 1);
    assert_non_null(strstr(lines.text[0], "auc"));
    free(text);
    toy_finish(&toy);
}

/* ---- memory that runs out ---------------------------------------------------------- */

static int try_load(void *payload)
{
    struct toy *toy = payload;
    struct nastl_model *model;
    TRY(nastl_model_load(&model, toy->h5, "/trials/7"));
    nastl_model_destroy(model);
    return NASTL_OK;
}

static int try_save(void *payload)
{
    struct toy *toy = payload;
    struct nastl_h5 *file;
    TRY(nastl_h5_create(&file, toy->h5));
    int status = nastl_model_save(toy->model, file, "/trials/7");
    if (status == NASTL_OK)
        status = nastl_h5_commit(file);
    nastl_h5_close(file);
    return status;
}

static int try_predict(void *payload)
{
    struct toy *toy = payload;
    return nastl_model_predict(toy->model, toy->csv, NULL, toy->out, true, NULL);
}

static int try_evaluate(void *payload)
{
    struct toy *toy = payload;
    char *text;
    TRY(nastl_model_evaluate(&text, toy->model, toy->csv, NULL, NULL, true, NULL));
    free(text);
    return NASTL_OK;
}

static void memory_that_runs_out_is_said(void **state)
{
    struct toy toy;
    toy_init(&toy, state, 1);
    toy_write(toy.csv, 12, "slice", false);
    check_out_of_memory(try_save, &toy);
    check_out_of_memory(try_load, &toy);
    check_out_of_memory(try_evaluate, &toy);
    check_out_of_memory(try_predict, &toy);
    toy_finish(&toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_model_gives_the_same_predictions),
        cmocka_unit_test(several_models_share_a_file),
        cmocka_unit_test(the_same_model_gives_the_same_bytes),
        cmocka_unit_test(a_group_without_a_model_is_said),
        cmocka_unit_test(a_wrong_model_is_said),
        cmocka_unit_test(damaged_bytes_do_no_harm),
        cmocka_unit_test(predictions_are_written_row_by_row),
        cmocka_unit_test(predictions_do_not_overwrite_unasked),
        cmocka_unit_test(outputs_that_are_not_finite_are_said),
        cmocka_unit_test(probabilities_sum_to_one),
        cmocka_unit_test(scores_are_those_of_the_predictions),
        cmocka_unit_test(odd_labels_are_warned_about_once),
        cmocka_unit_test(labels_that_are_absent_are_said),
        cmocka_unit_test(scores_that_cannot_be_computed_are_null),
        cmocka_unit_test(memory_that_runs_out_is_said),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
