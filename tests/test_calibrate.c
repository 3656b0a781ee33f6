/* test_calibrate.c: temperatures and intervals: least, honest where rows are few, and the
 * same after a file. SPDX-License-Identifier: Apache-2.0 */
#include "model_toy.h"

#include "base/error.h"
#include "io/csv.h"
#include "io/file.h"
#include "io/json.h"
#include "nn/calibrate.h"

/* ---- rows of classes --------------------------------------------------------------- */

enum { CLASSES_MOST = 6 };

/* Logits (n, C), or (n, 1) of the second of two classes, and labels. */
struct drawn {
    size_t n, classes, width;
    float *logits;
    double *labels;
};

static double logit_of(const struct drawn *rows, size_t i, size_t c)
{
    if (rows->width == 1)
        return c ? rows->logits[i] : 0;
    return rows->logits[i * rows->width + c];
}

/* -log p[c] of row i at temperature t, by the highest logit. */
static double row_loss(const struct drawn *rows, size_t i, size_t c, double t)
{
    double highest = -HUGE_VAL, sum = 0;
    for (size_t k = 0; k < rows->classes; k++)
        highest = fmax(highest, logit_of(rows, i, k) / t);
    for (size_t k = 0; k < rows->classes; k++)
        sum += exp(logit_of(rows, i, k) / t - highest);
    return log(sum) + highest - logit_of(rows, i, c) / t;
}

/* Logits of spread `spread`; labels drawn with the probabilities that they have at the
 * temperature `t`: 1, they are calibrated. */
static struct drawn draw(size_t n, size_t classes, double spread, double t, uint64_t seed)
{
    struct drawn rows = {n, classes, classes == 2 ? 1 : classes, NULL, NULL};
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    rows.logits = malloc(n * rows.width * sizeof *rows.logits);
    rows.labels = malloc(n * sizeof *rows.labels);
    assert_true(rows.logits && rows.labels);
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < rows.width; c++)
            rows.logits[i * rows.width + c] = (float)(spread * nastl_rng_normal(&rng));
        double left = nastl_rng_uniform(&rng);
        size_t c = 0;
        while (c + 1 < classes && left > exp(-row_loss(&rows, i, c, t)))
            left -= exp(-row_loss(&rows, i, c++, t));
        rows.labels[i] = (double)c;
    }
    return rows;
}

static void free_drawn(struct drawn *rows)
{
    free(rows->logits);
    free(rows->labels);
}

static double fitted(const struct drawn *rows)
{
    struct nastl_calibration calibration;
    nastl_calibrate_classes(&calibration, rows->logits, rows->labels, rows->n,
                            rows->classes);
    assert_int_equal(calibration.rows, rows->n);
    assert_true(calibration.temperature > 0 && isfinite(calibration.temperature));
    return calibration.temperature;
}

/* The log loss of all rows, and of one more that is spread over them and the classes. */
static double loss_of(const struct drawn *rows, double t)
{
    double loss = 0, spread = 0;
    for (size_t i = 0; i < rows->n; i++) {
        loss += row_loss(rows, i, (size_t)rows->labels[i], t);
        for (size_t c = 0; c < rows->classes; c++)
            spread += row_loss(rows, i, c, t);
    }
    return loss + spread / (double)(rows->n * rows->classes);
}

/* ---- temperature ------------------------------------------------------------------- */

/* No temperature of a grid of steps of 1 % has a lower loss; nor has one next to it. */
static void the_temperature_has_the_least_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        const size_t classes = 2 + seed % (CLASSES_MOST - 1);
        const double spread = pow(10, (double)(seed % 5) - 2);
        struct drawn rows =
            draw(5 + 7 * seed, classes, spread, 0.3 + 0.2 * (double)seed, seed);
        const double t = fitted(&rows), least = loss_of(&rows, t);
        for (double other = 0.0101; other < 100; other *= 1.01)
            assert_true(loss_of(&rows, other) >= least * (1 - 1e-12));
        if (t > 0.0102 && t < 98) {
            assert_true(loss_of(&rows, t * 1.001) > least);
            assert_true(loss_of(&rows, t / 1.001) > least);
        }
        free_drawn(&rows);
    }
}

/* 20,000 rows: the deviation of ln T is about 0.01. */
static void calibrated_logits_stay_as_they_are(void **state)
{
    (void)state;
    for (size_t classes = 2; classes <= CLASSES_MOST; classes++) {
        const double five_deviations = 0.05;
        struct drawn rows = draw(20000, classes, 2, 1, classes);
        assert_true(fabs(log(fitted(&rows))) < five_deviations);
        free_drawn(&rows);
        rows = draw(20000, classes, 6, 3, classes); /* three times too sure */
        assert_true(fabs(log(fitted(&rows) / 3)) < five_deviations);
        free_drawn(&rows);
    }
}

/* The label is ahead of all others by 1. */
static void make_right(const struct drawn *rows, size_t i)
{
    const size_t label = (size_t)rows->labels[i];
    if (rows->width == 1) {
        rows->logits[i] = label ? 1 : -1;
        return;
    }
    for (size_t c = 0; c < rows->classes; c++)
        rows->logits[i * rows->width + c] = c == label;
}

/* The doubt that is left is that of one row among them. */
static void right_answers_leave_a_doubt(void **state)
{
    (void)state;
    for (size_t classes = 2; classes <= CLASSES_MOST; classes++)
        for (size_t n = 4; n <= 4096; n *= 4) {
            struct drawn rows = draw(n, classes, 1, 1, n);
            for (size_t i = 0; i < rows.n; i++)
                make_right(&rows, i);
            const double t = fitted(&rows);
            double doubt = 0;
            for (size_t i = 0; i < n; i++)
                doubt += 1 - exp(-row_loss(&rows, i, (size_t)rows.labels[i], t));
            assert_true(doubt > 0.1 && doubt < 3);
            free_drawn(&rows);
        }
}

static void logits_that_say_nothing_have_a_temperature(void **state)
{
    (void)state;
    struct drawn rows = draw(50, 3, 0, 1, 1);
    assert_true(fitted(&rows) == 1);
    free_drawn(&rows);
    rows = draw(200, 2, 3, 1, 2);
    for (size_t i = 0; i < rows.n; i++)
        rows.labels[i] = rows.logits[i] < 0; /* always wrong */
    assert_true(fitted(&rows) == 100);
    free_drawn(&rows);
    rows = draw(60, 4, 1e30, 1, 3);
    fitted(&rows);
    free_drawn(&rows);
}

/* Classes without rows, and rows of classes that the model does not know. */
static void absent_classes_do_no_harm(void **state)
{
    struct nastl_calibration calibration;
    (void)state;
    struct drawn rows = draw(300, 5, 2, 1, 4);
    for (size_t i = 0; i < rows.n; i++)
        rows.labels[i] = fmin(rows.labels[i], 2);
    fitted(&rows);
    rows.n = 200;
    const double t = fitted(&rows);
    rows.n = 300;
    for (size_t i = 200; i < 300; i++)
        rows.labels[i] = i % 2 ? 5 : -1;
    nastl_calibrate_classes(&calibration, rows.logits, rows.labels, 300, 5);
    assert_int_equal(calibration.rows, 200);
    assert_true(calibration.temperature == t);
    nastl_calibrate_classes(&calibration, rows.logits, rows.labels + 200, 100, 5);
    assert_int_equal(calibration.rows, 0);
    assert_true(nastl_calibration_temperature(&calibration) == 1);
    nastl_calibrate_classes(&calibration, rows.logits, rows.labels, 0, 5);
    assert_int_equal(calibration.rows, 0);
    free_drawn(&rows);
}

/* ---- intervals --------------------------------------------------------------------- */

static void few_rows_have_no_narrow_interval(void **state)
{
    (void)state;
    for (size_t n = 0; n < 60; n++) {
        struct nastl_calibration calibration;
        double distances[60];
        for (size_t i = 0; i < n; i++)
            distances[i] = (double)(n - i);
        nastl_calibrate_values(&calibration, distances, n, n);
        assert_int_equal(calibration.rows, n);
        for (size_t l = 0; n && l < NASTL_INTERVAL_LEVELS; l++) {
            const size_t percent[] = {80, 90, 95};
            const size_t k = ((n + 1) * percent[l] + 99) / 100;
            assert_true(calibration.half_widths[l] == (k > n ? INFINITY : (double)k));
        }
    }
}

/* Rows that were predicted three times are no more rows. */
static void repeated_rows_count_once(void **state)
{
    (void)state;
    for (size_t n = 1; n < 80; n++) {
        struct nastl_calibration once, thrice;
        double distances[80], all[240];
        struct nastl_rng rng;
        nastl_rng_init(&rng, n, 0, NASTL_RNG_TEST);
        for (size_t i = 0; i < n; i++)
            all[i] = all[n + i] = all[2 * n + i] = distances[i] = nastl_rng_uniform(&rng);
        nastl_calibrate_values(&once, distances, n, n);
        nastl_calibrate_values(&thrice, all, 3 * n, n);
        assert_memory_equal(&once, &thrice, sizeof once);
    }
}

/* Of 40 rows, an interval holds ceil(41 level) / 41 of new labels in the mean: 0.805,
 * 0.902, 0.951. Its share varies over draws by about 0.06; the mean of 2,000 by 0.0015,
 * and 20 new labels a draw add as much. */
static void intervals_hold_their_share(void **state)
{
    enum { SEEN = 40, NEW = 20, DRAWS = 2000 };
    const double four_errors = 0.008;
    double held[NASTL_INTERVAL_LEVELS] = {0};
    struct nastl_rng rng;
    (void)state;
    nastl_rng_init(&rng, 17, 0, NASTL_RNG_TEST);
    for (size_t draw = 0; draw < DRAWS; draw++) {
        struct nastl_calibration calibration;
        double distances[SEEN];
        for (size_t i = 0; i < SEEN; i++)
            distances[i] = fabs(expm1(nastl_rng_normal(&rng)));
        nastl_calibrate_values(&calibration, distances, SEEN, SEEN);
        for (size_t i = 0; i < NEW; i++) {
            const double distance = fabs(expm1(nastl_rng_normal(&rng)));
            for (size_t l = 0; l < NASTL_INTERVAL_LEVELS; l++)
                held[l] += distance <= calibration.half_widths[l];
        }
    }
    for (size_t l = 0; l < NASTL_INTERVAL_LEVELS; l++) {
        const double level = nastl_interval_level(l), share = held[l] / (DRAWS * NEW);
        assert_true(fabs(share - ceil(41 * level) / 41) < four_errors);
    }
}

/* Whatever the transform: a label is held exactly if its distance is. */
static void a_label_is_as_far_as_its_interval_says(void **state)
{
    double labels[200];
    struct nastl_rng rng;
    (void)state;
    nastl_rng_init(&rng, 5, 0, NASTL_RNG_TEST);
    for (size_t i = 0; i < 200; i++)
        labels[i] = exp(2 * nastl_rng_normal(&rng)) - 1;
    for (int kind = 0; kind < NASTL_LABEL_TRANSFORM_COUNT; kind++) {
        struct nastl_label_map map;
        double low, high;
        assert_ok(nastl_label_fit(&map, labels, 200, (enum nastl_label_transform)kind));
        for (size_t i = 0; i + 1 < 200; i++) {
            const double distance = nastl_label_distance(&map, labels[i], labels[i + 1]);
            nastl_label_interval(&low, &high, &map, labels[i + 1], distance * 1.0001);
            assert_true(low <= labels[i] && labels[i] <= high);
            nastl_label_interval(&low, &high, &map, labels[i + 1], distance * 0.9999);
            assert_true(labels[i] <= low || labels[i] >= high);
            assert_true(low <= labels[i + 1] && labels[i + 1] <= high);
        }
        nastl_label_interval(&low, &high, &map, labels[0], INFINITY);
        assert_true(low == map.low && high == map.high);
        nastl_label_interval(&low, &high, &map, labels[0], 0);
        assert_true(high - low < 1e-9 * fmax(1, fabs(labels[0])));
    }
}

/* ---- models ------------------------------------------------------------------------ */

static const struct nastl_calibration known[] = {
    {.rows = 80, .temperature = 1.7},
    {.rows = 80, .temperature = 0.31},
    {.rows = 12, .temperature = 1, .half_widths = {0.25, 0.5, INFINITY}},
};

struct toy {
    struct nastl_dataset *dataset;
    struct nastl_model *model;
    const char *csv, *h5, *out;
};

static void toy_init(struct toy *toy, void **state, size_t task)
{
    toy->csv = scratch(state, "data.csv");
    toy->h5 = scratch(state, "model.h5");
    toy->out = scratch(state, "out.csv");
    toy_write(toy->csv, TOY_ROWS, toy_labels[task], false);
    toy_dataset(&toy->dataset, toy->csv, toy_labels[task]);
    toy->model = toy_model(toy->dataset, NASTL_SCALING_STANDARD);
}

static void toy_finish(struct toy *toy)
{
    nastl_model_destroy(toy->model);
    nastl_dataset_destroy(toy->dataset);
}

static void files_keep_what_is_known(void **state)
{
    for (size_t task = 0; task < TOY_TASKS; task++) {
        struct nastl_model *read;
        struct toy toy;
        toy_init(&toy, state, task);
        toy_save(toy.model, toy.h5, "/"); /* as files of earlier versions are */
        assert_ok(nastl_model_load(&read, toy.h5, NULL));
        assert_int_equal(read->calibration.rows, 0);
        assert_true(nastl_calibration_temperature(&read->calibration) == 1);
        assert_false(nastl_model_has_intervals(read));
        nastl_model_destroy(read);
        toy.model->calibration = known[task];
        toy_save(toy.model, toy.h5, "/");
        assert_ok(nastl_model_load(&read, toy.h5, NULL));
        assert_memory_equal(&read->calibration, &known[task], sizeof *known);
        nastl_model_destroy(read);
        toy_finish(&toy);
    }
}

static void what_cannot_be_is_refused(void **state)
{
    const struct {
        size_t task;
        struct nastl_calibration calibration;
        const char *says;
    } wrong[] = {
        {0, {.rows = 5, .temperature = 0}, "temperature is 0"},
        {0, {.rows = 5, .temperature = -2}, "temperature is -2"},
        {1, {.rows = 5, .temperature = NAN}, "temperature is"},
        {1, {.rows = 5, .temperature = INFINITY}, "temperature is inf"},
        {1, {.rows = (size_t)-5, .temperature = 1}, "rows is -5"},
        {2, {.rows = 5, .half_widths = {-1, 2, 3}}, "half_width_80 is -1"},
        {2, {.rows = 5, .half_widths = {1, NAN, 3}}, "half_width_90 is"},
        {2, {.rows = 5, .half_widths = {1, 2, 1.5}}, "half_width_95 is 1.5"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct nastl_model *read;
        struct toy toy;
        toy_init(&toy, state, wrong[i].task);
        toy.model->calibration = wrong[i].calibration;
        toy_save(toy.model, toy.h5, "/m");
        assert_error(nastl_model_load(&read, toy.h5, "/m"), NASTL_EFORMAT, wrong[i].says);
        assert_non_null(strstr(nastl_error_last(), "model.h5: /m/calibration"));
        assert_null(strchr(nastl_error_last(), '\n'));
        toy_finish(&toy);
    }
}

/* Probabilities are those of the logits over T, sum to 1, and keep their order. */
static void a_temperature_changes_no_class(void **state)
{
    for (size_t task = 0; task < 2; task++) {
        struct toy toy;
        toy_init(&toy, state, task);
        const size_t classes = toy.dataset->class_count;
        double plain[TOY_ROWS * 3], calibrated[TOY_ROWS * 3];
        int32_t rows[TOY_ROWS];
        for (int32_t i = 0; i < TOY_ROWS; i++)
            rows[i] = i;
        assert_ok(nastl_model_predictions(toy.model, toy.dataset, rows, TOY_ROWS, plain));
        toy.model->calibration = known[task];
        assert_ok(
            nastl_model_predictions(toy.model, toy.dataset, rows, TOY_ROWS, calibrated));
        for (size_t i = 0; i < TOY_ROWS; i++) {
            const double *p = plain + i * classes, *q = calibrated + i * classes;
            double sum = 0, power = 0;
            for (size_t c = 0; c < classes; c++) {
                sum += q[c];
                power += pow(p[c], 1 / known[task].temperature);
            }
            assert_true(fabs(sum - 1) < 1e-14);
            for (size_t c = 0; c < classes; c++) {
                const double expected = pow(p[c], 1 / known[task].temperature) / power;
                assert_true(fabs(q[c] - expected) <= 1e-9 * expected);
                assert_true(p[c] < p[0] ? q[c] < q[0] : q[c] >= q[0]);
            }
            assert_int_equal(nastl_most_probable(p, classes),
                             nastl_most_probable(q, classes));
        }
        toy_finish(&toy);
    }
}

/* ---- predict and evaluate ---------------------------------------------------------- */

struct ends {
    size_t columns, rows;
    double number[TOY_ROWS][3];
};

static int on_header(size_t columns, const char *const *names, void *payload)
{
    static const char *const expected[] = {"prediction", "low", "high"};
    ((struct ends *)payload)->columns = columns;
    for (size_t i = 0; i < columns; i++)
        assert_string_equal(names[i], expected[i]);
    return NASTL_OK;
}

static int on_field(size_t row, size_t column, const char *text, size_t length,
                    int64_t line, void *payload)
{
    (void)length;
    (void)line;
    ((struct ends *)payload)->number[row][column] = strtod(text, NULL);
    return NASTL_OK;
}

static void predict(struct ends *ends, const struct toy *toy, double share)
{
    const struct nastl_csv_events events = {on_header, on_field, ends};
    if (share > 0)
        assert_ok(nastl_model_choose_interval(toy->model, share));
    assert_ok(nastl_model_predict(toy->model, toy->csv, NULL, toy->out, true, NULL));
    assert_ok(nastl_csv_read(toy->out, &events, &ends->rows));
    assert_int_equal(ends->rows, TOY_ROWS);
}

static void predictions_have_their_intervals(void **state)
{
    static struct ends none, usual, chosen[NASTL_INTERVAL_LEVELS];
    struct toy toy;
    toy_init(&toy, state, 2);
    predict(&none, &toy, 0);
    assert_int_equal(none.columns, 1);
    toy.model->calibration = known[2];
    predict(&usual, &toy, 0);
    assert_int_equal(usual.columns, 3);
    for (size_t l = 0; l < NASTL_INTERVAL_LEVELS; l++)
        predict(&chosen[l], &toy, nastl_interval_level(l));
    assert_memory_equal(&usual, &chosen[1], sizeof usual);
    for (size_t i = 0; i < TOY_ROWS; i++) {
        const double p = none.number[i][0];
        double low, high;
        for (size_t l = 0; l < NASTL_INTERVAL_LEVELS; l++) {
            const double *row = chosen[l].number[i];
            nastl_label_interval(&low, &high, &toy.model->label, p,
                                 known[2].half_widths[l]);
            assert_true(row[0] == p && row[1] == low && row[2] == high);
            assert_true(low <= p && p <= high);
        }
        assert_true(chosen[0].number[i][1] >= chosen[1].number[i][1] &&
                    chosen[0].number[i][2] <= chosen[1].number[i][2]);
        assert_true(low == toy.model->label.low && high == toy.model->label.high);
    }
    toy_finish(&toy);
}

static void an_interval_that_cannot_be_is_said(void **state)
{
    struct toy toy;
    toy_init(&toy, state, 1);
    toy.model->calibration = known[1];
    assert_error(nastl_model_choose_interval(toy.model, 0.9), NASTL_EINVAL, "classes");
    toy_finish(&toy);
    toy_init(&toy, state, 2);
    assert_error(nastl_model_choose_interval(toy.model, 0.9), NASTL_EINVAL,
                 "train it again");
    toy.model->calibration = known[2];
    assert_error(nastl_model_choose_interval(toy.model, 0.5), NASTL_EINVAL, "0.95");
    toy_finish(&toy);
}

/* The share of labels that stand between the ends that predict writes. */
static void coverage_is_that_of_the_intervals(void **state)
{
    static struct ends ends;
    struct toy toy;
    char *text;
    json_t *root;
    toy_init(&toy, state, 2);
    toy.model->calibration = known[2];
    assert_ok(nastl_model_evaluate(&text, toy.model, toy.csv, NULL, NULL, true, NULL));
    assert_ok(nastl_json_parse(&root, text, "evaluate"));
    free(text);
    const json_t *intervals = json_object_get(root, "intervals");
    assert_int_equal(json_array_size(intervals), NASTL_INTERVAL_LEVELS);
    for (size_t l = 0; l < NASTL_INTERVAL_LEVELS; l++) {
        const json_t *one = json_array_get(intervals, l);
        double held = 0, width = 0;
        predict(&ends, &toy, nastl_interval_level(l));
        for (size_t i = 0; i < TOY_ROWS; i++) {
            const double label = toy.dataset->label[i];
            held += label >= ends.number[i][1] && label <= ends.number[i][2];
            width += ends.number[i][2] - ends.number[i][1];
        }
        assert_true(json_number_value(json_object_get(one, "level")) ==
                    nastl_interval_level(l));
        assert_true(json_number_value(json_object_get(one, "coverage")) ==
                    held / TOY_ROWS);
        assert_true(fabs(json_number_value(json_object_get(one, "width")) -
                         width / TOY_ROWS) < 1e-9);
    }
    json_decref(root);
    assert_ok(nastl_model_evaluate(&text, toy.model, toy.csv, NULL, NULL, false, NULL));
    assert_non_null(strstr(text, "coverage 90 %"));
    free(text);
    toy_finish(&toy);
}

/* ---- memory ------------------------------------------------------------------------ */

static int try_load(void *payload)
{
    struct nastl_model *model;
    TRY(nastl_model_load(&model, payload, NULL));
    nastl_model_destroy(model);
    return NASTL_OK;
}

static int try_evaluate(void *payload)
{
    const struct toy *toy = payload;
    char *text;
    TRY(nastl_model_evaluate(&text, toy->model, toy->csv, NULL, NULL, true, NULL));
    free(text);
    return NASTL_OK;
}

static int try_predict(void *payload)
{
    const struct toy *toy = payload;
    return nastl_model_predict(toy->model, toy->csv, NULL, toy->out, true, NULL);
}

static void memory_that_runs_out_is_said(void **state)
{
    struct toy toy;
    toy_init(&toy, state, 2);
    toy.model->calibration = known[2];
    toy_save(toy.model, toy.h5, "/");
    toy_write(toy.csv, 12, "rate", false);
    check_out_of_memory(try_load, (void *)toy.h5);
    check_out_of_memory(try_evaluate, &toy);
    check_out_of_memory(try_predict, &toy);
    toy_finish(&toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_temperature_has_the_least_loss),
        cmocka_unit_test(calibrated_logits_stay_as_they_are),
        cmocka_unit_test(right_answers_leave_a_doubt),
        cmocka_unit_test(logits_that_say_nothing_have_a_temperature),
        cmocka_unit_test(absent_classes_do_no_harm),
        cmocka_unit_test(few_rows_have_no_narrow_interval),
        cmocka_unit_test(repeated_rows_count_once),
        cmocka_unit_test(intervals_hold_their_share),
        cmocka_unit_test(a_label_is_as_far_as_its_interval_says),
        cmocka_unit_test(files_keep_what_is_known),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_temperature_changes_no_class),
        cmocka_unit_test(predictions_have_their_intervals),
        cmocka_unit_test(an_interval_that_cannot_be_is_said),
        cmocka_unit_test(coverage_is_that_of_the_intervals),
        cmocka_unit_test(memory_that_runs_out_is_said),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
