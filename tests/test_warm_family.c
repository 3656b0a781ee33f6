/* test_warm_family.c: warm starts of families with blocks and members: the same network
 * is taken over whole, sorting changes no output, and a narrower one takes leading parts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net_toy.h"

#include <math.h>

#include <omp.h>

#include "transfer/ensemble.h"
#include "transfer/warm.h"

enum { FEATURES = 4, CLASSES = 3, ROWS = 40 };

/* Sums in another order. */
static const float TOLERANCE = 1e-5f;

/* Networks of each family, and narrower ones that find all they need in these. */
static const char *const *const wide[] = {
    SETTINGS("family=mlp", "mlp.layers=2", "mlp.width=24", "mlp.normalization=batch"),
    SETTINGS("family=resnet", "resnet.blocks=2", "resnet.width=24"),
    SETTINGS("family=tabm", "tabm.members=6", "tabm.width=24"),
    SETTINGS("family=tabm", "tabm.members=6", "tabm.width=24", "tabm.kind=full",
             "tabm.layers=3"),
};
static const char *const *const narrow[] = {
    SETTINGS("family=mlp", "mlp.layers=2", "mlp.width=10", "mlp.normalization=batch"),
    SETTINGS("family=resnet", "resnet.blocks=2", "resnet.width=16",
             "resnet.expansion=1.5"),
    SETTINGS("family=tabm", "tabm.members=3", "tabm.width=10"),
    SETTINGS("family=tabm", "tabm.members=3", "tabm.width=10", "tabm.kind=full",
             "tabm.layers=3"),
};
enum { CASES = sizeof wide / sizeof *wide };
_Static_assert(sizeof narrow == sizeof wide, "one for each");

struct fixture {
    struct nastl_layout layout;
    struct nastl_layout_feature features[FEATURES];
    char *classes[CLASSES];
    struct nastl_shape shape;
    struct nastl_xy xy;
};

static void fixture_init(struct fixture *f)
{
    static char *const names[] = {"a", "b", "c", "d"};
    memset(f, 0, sizeof *f);
    for (size_t i = 0; i < FEATURES; i++)
        f->features[i] =
            (struct nastl_layout_feature){names[i], NASTL_NUMERIC, i, -1, NULL, 0, false};
    memcpy(f->classes, names, sizeof f->classes);
    f->layout = (struct nastl_layout){.features = f->features,
                                      .feature_count = FEATURES,
                                      .numeric = FEATURES,
                                      .task = NASTL_TASK_MULTICLASS,
                                      .label_name = "y",
                                      .classes = f->classes,
                                      .class_count = CLASSES};
    f->shape = nastl_model_shape(&f->layout);
    toy_xy_create(&f->xy, &f->shape, ROWS, 1);
}

static void model_init(struct nastl_model *model, struct fixture *f,
                       const char *const *settings, uint64_t seed)
{
    struct toy_net toy;
    toy_net_create(&toy, settings, &f->shape, seed);
    *model =
        (struct nastl_model){.layout = &f->layout, .graph = toy.graph, .net = toy.net};
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    for (size_t t = 0; t < nastl_net_tensor_count(toy.net); t++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(toy.net, t);
        for (size_t i = 0; i < tensor->shape[0] * tensor->shape[1]; i++)
            tensor->data[i] += 0.5f * (float)nastl_rng_uniform(&rng);
    }
}

static void model_finish(struct nastl_model *model)
{
    toy_net_destroy(&(struct toy_net){.graph = model->graph, .net = model->net});
}

static void outputs_of(float *out, const struct nastl_model *model,
                       const struct fixture *f)
{
    assert_int_equal(nastl_net_forward(model->net, &f->xy, NULL, ROWS, out), 0);
}

static void sorting_keeps_the_outputs(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (size_t c = 0; c < CASES; c++) {
        struct nastl_model model;
        float before[ROWS * CLASSES], after[ROWS * CLASSES];
        model_init(&model, &f, wide[c], c);
        outputs_of(before, &model, &f);
        const struct nastl_tensor *first = nastl_net_find(
            model.net, c == 1 ? "blocks.0.linear1.weight" : "blocks.0.weight");
        const float weight = first->data[0];
        assert_int_equal(nastl_warm_sort(&model), 0);
        assert_true(first->data[0] != weight);
        outputs_of(after, &model, &f);
        for (size_t i = 0; i < ROWS * CLASSES; i++)
            assert_true(fabsf(after[i] - before[i]) <=
                        TOLERANCE * fmaxf(1, fabsf(before[i])));
        model_finish(&model);
    }
    toy_xy_destroy(&f.xy);
}

static void the_same_network_is_taken_whole(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (size_t c = 0; c < CASES; c++) {
        struct nastl_model source, candidate;
        float expected[ROWS * CLASSES], got[ROWS * CLASSES];
        double matched;
        model_init(&source, &f, wide[c], 1);
        model_init(&candidate, &f, wide[c], 2);
        assert_int_equal(nastl_warm_start(&matched, candidate.net, &f.layout, &source),
                         0);
        assert_true(matched == 1);
        outputs_of(expected, &source, &f);
        outputs_of(got, &candidate, &f);
        assert_memory_equal(got, expected, sizeof got);
        model_finish(&source);
        model_finish(&candidate);
    }
    toy_xy_destroy(&f.xy);
}

/* Also where members are fewer: the first of the source's, with their heads. */
static void a_narrower_network_takes_leading_parts(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (size_t c = 0; c < CASES; c++) {
        struct nastl_model source, candidate;
        double matched;
        model_init(&source, &f, wide[c], 1);
        model_init(&candidate, &f, narrow[c], 2);
        assert_int_equal(nastl_warm_start(&matched, candidate.net, &f.layout, &source),
                         0);
        assert_true(matched == 1);
        const struct nastl_tensor *to = nastl_net_find(candidate.net, "head.weight");
        const struct nastl_tensor *from = nastl_net_find(source.net, "head.weight");
        for (size_t row = 0; row < to->shape[0]; row++)
            assert_memory_equal(to->data + row * to->shape[1],
                                from->data + row * from->shape[1],
                                to->shape[1] * sizeof(float));
        model_finish(&source);
        model_finish(&candidate);
    }
    toy_xy_destroy(&f.xy);
}

/* Classes are matched by name in each member's head. */
static void classes_in_another_order_are_matched_in_every_head(void **state)
{
    (void)state;
    struct fixture from, to;
    fixture_init(&from);
    fixture_init(&to);
    to.classes[0] = from.classes[2];
    to.classes[2] = from.classes[0];
    for (size_t c = 0; c < CASES; c++) {
        struct nastl_model source, candidate;
        float expected[ROWS * CLASSES], got[ROWS * CLASSES];
        double matched;
        model_init(&source, &from, wide[c], 1);
        model_init(&candidate, &to, wide[c], 2);
        assert_int_equal(nastl_warm_start(&matched, candidate.net, &to.layout, &source),
                         0);
        assert_true(matched == 1);
        outputs_of(expected, &source, &from);
        outputs_of(got, &candidate, &from);
        for (size_t i = 0; i < ROWS * CLASSES; i++) {
            const float wanted =
                expected[i / CLASSES * CLASSES + (CLASSES - 1) - i % CLASSES];
            assert_true(fabsf(got[i] - wanted) <= TOLERANCE * fmaxf(1, fabsf(wanted)));
        }
        model_finish(&source);
        model_finish(&candidate);
    }
    toy_xy_destroy(&from.xy);
    toy_xy_destroy(&to.xy);
}

/* The first member is the network itself, the others are near it, and differ. */
static void members_start_from_one_network(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct nastl_model one, three;
    float alone[ROWS * CLASSES], first[ROWS * CLASSES];
    model_init(&one, &f, wide[0], 1);
    model_init(&three, &f,
               SETTINGS("family=mlp", "mlp.layers=2", "mlp.width=24",
                        "mlp.normalization=batch", "ensemble=3"),
               2);
    nastl_ensemble_start(three.net, one.net);
    const char *const name[] = {"members.0.blocks.1.weight", "members.1.blocks.1.weight",
                                "members.2.blocks.1.weight"};
    const struct nastl_tensor *from = nastl_net_find(one.net, name[0] + 10);
    for (size_t i = 0; i < from->shape[0] * from->shape[1]; i++) {
        const float got[] = {nastl_net_find(three.net, name[0])->data[i],
                             nastl_net_find(three.net, name[1])->data[i],
                             nastl_net_find(three.net, name[2])->data[i]};
        assert_true(got[0] == from->data[i]);
        assert_true(got[1] != got[0] && got[2] != got[0] && got[1] != got[2]);
        assert_true(fabsf(got[1] - got[0]) < 0.1f);
    }
    assert_int_equal(nastl_candidate_set(&three.candidate, "family", "mlp", 0), 0);
    assert_int_equal(nastl_candidate_set(&three.candidate, "mlp.layers", NULL, 2), 0);
    assert_int_equal(nastl_candidate_set(&three.candidate, "mlp.width", NULL, 24), 0);
    assert_int_equal(
        nastl_candidate_set(&three.candidate, "mlp.normalization", "batch", 0), 0);
    assert_int_equal(nastl_candidate_set(&three.candidate, "ensemble", NULL, 3), 0);
    assert_int_equal(nastl_ensemble_keep_first(&three), 0);
    outputs_of(alone, &one, &f);
    outputs_of(first, &three, &f);
    assert_memory_equal(alone, first, sizeof alone);
    nastl_candidate_finish(&three.candidate);
    model_finish(&one);
    model_finish(&three);
    toy_xy_destroy(&f.xy);
}

int main(void)
{
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorting_keeps_the_outputs),
        cmocka_unit_test(members_start_from_one_network),
        cmocka_unit_test(the_same_network_is_taken_whole),
        cmocka_unit_test(a_narrower_network_takes_leading_parts),
        cmocka_unit_test(classes_in_another_order_are_matched_in_every_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
