/* test_teacher.c: what a source network says of target rows: columns and classes go by
 * their names, what it does not know has no target.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net_toy.h"

#include <math.h>

#include "check.h"
#include "transfer/teacher.h"

enum { ROWS = 37, FEATURES = 4, MOST = 4 };

/* A layout with a network of its own. */
struct side {
    struct nastl_layout layout;
    struct nastl_layout_feature features[FEATURES];
    size_t cardinality;
    struct nastl_model model;
    struct nastl_xy xy;
    float y[ROWS];
};

static void side_init(struct side *side, const char *const *numbers,
                      const char *const *levels, const char *const *classes,
                      enum nastl_task task, uint64_t seed)
{
    struct toy_net toy;
    size_t n = 0, l = 0, c = 0;
    memset(side, 0, sizeof *side);
    for (; numbers[n]; n++)
        side->features[n] = (struct nastl_layout_feature){
            (char *)numbers[n], NASTL_NUMERIC, n, -1, NULL, 0, false};
    while (levels[l])
        l++;
    while (classes[c])
        c++;
    side->features[n] = (struct nastl_layout_feature){
        "band", NASTL_CATEGORICAL, 0, -1, (char **)levels, l, false};
    side->cardinality = l + 1;
    side->layout = (struct nastl_layout){.features = side->features,
                                         .feature_count = n + 1,
                                         .numeric = n,
                                         .categorical = 1,
                                         .cardinality = &side->cardinality,
                                         .task = task,
                                         .label_name = "y",
                                         .classes = (char **)classes,
                                         .class_count = c};
    const struct nastl_shape shape = nastl_model_shape(&side->layout);
    toy_net_create(&toy, SETTINGS("mlp.layers=1", "mlp.width=8"), &shape, seed);
    toy_xy_create(&side->xy, &shape, ROWS, seed);
    for (size_t i = 0; i < ROWS; i++)
        side->y[i] = (float)(i % (c ? c : 1));
    side->model =
        (struct nastl_model){.layout = &side->layout, .graph = toy.graph, .net = toy.net};
}

static void side_finish(struct side *side)
{
    toy_net_destroy(
        &(struct toy_net){.graph = side->model.graph, .net = side->model.net});
    toy_xy_destroy(&side->xy);
}

static struct nastl_lesson lesson_of(const struct side *target, const struct side *source)
{
    return (struct nastl_lesson){.net = target->model.net,
                                 .layout = &target->layout,
                                 .source = &source->model,
                                 .xy = &target->xy,
                                 .source_xy = &target->xy,
                                 .y = target->y};
}

static const char *const source_numbers[] = {"rsrp", "sinr", "speed", NULL};
static const char *const source_bands[] = {"n1", "n28", "n78", NULL};
static const char *const source_classes[] = {"embb", "mmtc", "urllc", NULL};
static const char *const target_numbers[] = {"speed", "load", "rsrp", NULL};
static const char *const target_bands[] = {"n28", "n3", "n1", NULL};
static const char *const target_classes[] = {"none", "urllc", "embb", NULL};
static const char *const nothing[] = {NULL};

/* The target's rows as the source would have them, by hand. */
static void answers_of(float *out, const struct side *target, const struct side *source)
{
    static const int32_t code[] = {0, 2, 0, 1}; /* unseen, n28, n3, n1 */
    float x[ROWS * 3];
    int32_t codes[ROWS];
    const struct nastl_xy xy = {ROWS, 3, 1, x, codes};
    for (size_t r = 0; r < ROWS; r++) {
        x[3 * r] = target->xy.x[3 * r + 2];
        x[3 * r + 1] = 0.0f;
        x[3 * r + 2] = target->xy.x[3 * r];
        codes[r] = code[target->xy.code[r]];
    }
    assert_ok(nastl_net_forward(source->model.net, &xy, NULL, ROWS, out));
}

static void columns_and_classes_go_by_their_names(void **state)
{
    (void)state;
    struct side source, target;
    float soft[ROWS * 3], answers[ROWS * 3];
    side_init(&source, source_numbers, source_bands, source_classes,
              NASTL_TASK_MULTICLASS, 1);
    side_init(&target, target_numbers, target_bands, target_classes,
              NASTL_TASK_MULTICLASS, 2);
    const struct nastl_lesson lesson = lesson_of(&target, &source);
    assert_ok(nastl_teacher_targets(soft, &lesson));
    answers_of(answers, &target, &source);
    for (size_t r = 0; r < ROWS; r++) {
        const float *q = soft + 3 * r, *o = answers + 3 * r;
        if (target.y[r] == 0.0f) { /* of a class that the source does not know */
            assert_true(isnan(q[0]));
            continue;
        }
        const double embb = 1.0 / (1.0 + exp((double)o[2] - (double)o[0]));
        assert_true(q[0] == 0.0f);
        assert_true(fabs((double)q[2] - embb) < 1e-5);
        assert_true(fabs((double)q[1] + (double)q[2] - 1.0) < 1e-5);
    }
    side_finish(&source);
    side_finish(&target);
}

static void binary_targets_are_probabilities(void **state)
{
    (void)state;
    static const char *const classes[] = {"no", "yes", NULL};
    struct side source, target;
    float soft[ROWS], answers[ROWS];
    side_init(&source, source_numbers, source_bands, classes, NASTL_TASK_BINARY, 3);
    side_init(&target, target_numbers, target_bands, classes, NASTL_TASK_BINARY, 4);
    const struct nastl_lesson lesson = lesson_of(&target, &source);
    assert_ok(nastl_teacher_targets(soft, &lesson));
    answers_of(answers, &target, &source);
    for (size_t r = 0; r < ROWS; r++)
        assert_true(fabs((double)soft[r] - 1.0 / (1.0 + exp(-(double)answers[r]))) <
                    1e-6);
    side_finish(&source);
    side_finish(&target);
}

/* The source learnt logarithms, the candidate learns values: of the target's both. */
static void values_are_on_the_targets_scale(void **state)
{
    (void)state;
    struct side source, target;
    struct nastl_label_map plain, logs;
    double labels[ROWS];
    float soft[ROWS], answers[ROWS];
    for (size_t r = 0; r < ROWS; r++)
        labels[r] = exp(0.2 * (double)r);
    assert_ok(nastl_label_fit(&plain, labels, ROWS, NASTL_LABEL_NONE));
    assert_ok(nastl_label_fit(&logs, labels, ROWS, NASTL_LABEL_LOG1P));
    side_init(&source, source_numbers, source_bands, nothing, NASTL_TASK_REGRESSION, 5);
    side_init(&target, target_numbers, target_bands, nothing, NASTL_TASK_REGRESSION, 6);
    struct nastl_lesson lesson = lesson_of(&target, &source);
    lesson.map = &plain;
    lesson.source_map = &logs;
    assert_ok(nastl_teacher_targets(soft, &lesson));
    answers_of(answers, &target, &source);
    for (size_t r = 0; r < ROWS; r++) {
        const double value = expm1((double)answers[r] * logs.sd + logs.mean);
        assert_true(fabs((double)soft[r] - (value - plain.mean) / plain.sd) < 1e-4);
    }
    lesson.map = &logs; /* the same: what it says, as it says it */
    assert_ok(nastl_teacher_targets(soft, &lesson));
    for (size_t r = 0; r < ROWS; r++)
        assert_true(fabsf(soft[r] - answers[r]) < 1e-4f);
    side_finish(&source);
    side_finish(&target);
}

static void a_source_for_something_else_is_refused(void **state)
{
    (void)state;
    static const char *const others[] = {"dns", "web", NULL};
    struct side source, other, target;
    float soft[ROWS * MOST];
    side_init(&source, source_numbers, source_bands, nothing, NASTL_TASK_REGRESSION, 7);
    side_init(&other, source_numbers, source_bands, others, NASTL_TASK_MULTICLASS, 8);
    side_init(&target, target_numbers, target_bands, target_classes,
              NASTL_TASK_MULTICLASS, 9);
    struct nastl_lesson lesson = lesson_of(&target, &source);
    assert_int_equal(nastl_teacher_targets(soft, &lesson), NASTL_EINVAL);
    assert_non_null(strstr(nastl_error_last(), "distill"));
    lesson.source = &other.model;
    assert_int_equal(nastl_teacher_targets(soft, &lesson), NASTL_EINVAL);
    side_finish(&source);
    side_finish(&other);
    side_finish(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_and_classes_go_by_their_names),
        cmocka_unit_test(binary_targets_are_probabilities),
        cmocka_unit_test(values_are_on_the_targets_scale),
        cmocka_unit_test(a_source_for_something_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
