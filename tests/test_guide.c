/* test_guide.c: properties of trainings that are guided: what is frozen keeps its bits,
 * a guide that changes nothing changes no bit, and they can be taken up again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "train_toy.h"

#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/course.h"
#include "nn/net_impl.h"
#include "nn/op.h"

enum { TRAIN = 200, ROWS = 300, OUTPUTS = 3, TENSORS = 64 };

static const struct nastl_recipe plain = {.learning_rate = 1e-2,
                                          .weight_decay = 0.01,
                                          .beta1 = 0.9,
                                          .beta2 = 0.999,
                                          .batch_size = 64,
                                          .max_epochs = 8,
                                          .clip = 1.0};

static const char *const batch_norm[] = {
    "mlp.layers=3", "mlp.width=16", "mlp.normalization=batch", "mlp.dropout=0.1", NULL};

static void rig_create(struct toy_training *rig, const char *const *settings)
{
    static const size_t cardinality[] = {30, 4};
    const struct nastl_shape shape = {
        .numeric = 6, .categorical = 2, .cardinality = cardinality, .outputs = OUTPUTS};
    toy_training_create(rig, settings, &shape, &plain, ROWS, TRAIN, 3);
}

static uint64_t trained_hash(const char *const *settings, const struct nastl_guide *guide)
{
    struct toy_training rig;
    rig_create(&rig, settings);
    rig.params.guide = guide;
    toy_train(&rig);
    const uint64_t hash = toy_weights_hash(rig.toy.net);
    toy_training_destroy(&rig);
    return hash;
}

static size_t size_of(const struct nastl_tensor *tensor)
{
    return tensor->shape[0] * tensor->shape[1];
}

/* Rates of 0 for all tensors but those whose name begins so. */
static void only(double *rates, const struct nastl_net *net, const char *begin)
{
    for (size_t i = 0; i < nastl_net_tensor_count(net); i++)
        rates[i] = strncmp(nastl_net_tensor(net, i)->name, begin, strlen(begin)) == 0
                       ? 1.0
                       : 0.0;
}

/* ---- frozen ---- */

static void check_frozen(const char *const *settings, const char *begin)
{
    struct toy_training rig;
    double rates[TENSORS];
    rig_create(&rig, settings);
    const struct nastl_net *net = rig.toy.net;
    only(rates, net, begin);
    const struct nastl_phase phase = {.rate = 1.0, .rates = rates};
    const struct nastl_guide guide = {.phases = &phase, .phase_count = 1};
    rig.params.guide = &guide;
    rig.params.valid_count = 0; /* the last epoch is kept */
    float *before = toy_copy(net->params, net->total);
    struct nastl_trainer *trainer;
    size_t count;
    assert_int_equal(nastl_trainer_create(&trainer, rig.toy.net, &rig.params), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(nastl_trainer_epoch(trainer), 0);
    const float *m = nastl_trainer_numbers(trainer, &count);
    for (size_t t = 0; t < nastl_net_tensor_count(net); t++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(net, t);
        const bool same = memcmp(tensor->data, before + net->at[t],
                                 size_of(tensor) * sizeof(float)) == 0;
        const bool frozen = strncmp(tensor->name, begin, strlen(begin)) != 0;
        if (same != frozen)
            fail_msg("%s: %s", tensor->name, same ? "did not learn" : "is not frozen");
        for (size_t i = 0; i < size_of(tensor) && tensor->trainable && frozen; i++)
            assert_true(m[net->at[t] + i] == 0.0f &&
                        m[net->trainable + net->at[t] + i] == 0.0f &&
                        nastl_trainer_gradient(trainer, t)[i] == 0.0f);
    }
    nastl_trainer_destroy(trainer);
    free(before);
    toy_training_destroy(&rig);
}

static void frozen_tensors_keep_their_bits(void **state)
{
    (void)state;
    check_frozen(batch_norm, "head");
    check_frozen(batch_norm, "blocks.1");
    check_frozen(batch_norm, "blocks.0");
    check_frozen(batch_norm, "embeddings");
    check_frozen(SETTINGS("family=resnet", "resnet.width=8"), "head.weight");
    check_frozen(SETTINGS("family=tabm", "tabm.members=3", "tabm.kind=full"), "blocks.1");
    check_frozen(SETTINGS("ensemble=3", "mlp.normalization=batch"), "members.1.head");
    check_frozen(SETTINGS("family=ft_transformer", "ft_transformer.token_width=8",
                          "ft_transformer.heads=2", "ft_transformer.blocks=2"),
                 "blocks.1.ffn");
    check_frozen(SETTINGS("family=ft_transformer", "ft_transformer.token_width=8",
                          "ft_transformer.heads=2", "ft_transformer.blocks=1"),
                 "embeddings");
}

/* Below what learns nothing runs backwards; a frozen norm in between passes gradients on
 * as it passes values on: by differences. */
static void a_frozen_norm_passes_gradients_on(void **state)
{
    (void)state;
    struct toy_training rig;
    double rates[TENSORS], loss[3] = {0.0};
    rig_create(&rig, SETTINGS("mlp.layers=1", "mlp.width=8", "mlp.activation=silu",
                              "mlp.normalization=batch"));
    struct nastl_net *net = rig.toy.net;
    only(rates, net, "blocks.0.weight");
    const struct nastl_phase phase = {.rate = 1.0, .rates = rates};
    const struct nastl_guide guide = {.phases = &phase, .phase_count = 1};
    rig.params.guide = &guide;
    const size_t at = nastl_net_find(net, "blocks.0.weight")->data - net->params + 3;
    const float kept = net->params[at], h = 1e-2f;
    struct nastl_trainer *trainer;
    double gradient = 0.0;
    for (int i = 0; i < 3; i++) {
        net->params[at] = kept + (float)(i - 1) * h;
        float *all = toy_copy(net->params, net->total);
        assert_int_equal(nastl_trainer_create(&trainer, net, &rig.params), 0);
        assert_int_equal(nastl_trainer_step(trainer, rig.rows, 64, &loss[i]), 0);
        const float *grads = nastl_trainer_gradient(trainer, 0);
        for (size_t t = 0; i == 1 && t < nastl_net_tensor_count(net); t++)
            if (strcmp(nastl_net_tensor(net, t)->name, "blocks.0.weight") == 0)
                grads = nastl_trainer_gradient(trainer, t);
        gradient = i == 1 ? (double)grads[3] : gradient;
        nastl_trainer_destroy(trainer);
        memcpy(net->params, all, net->total * sizeof *all);
        free(all);
    }
    const double wanted = (loss[2] - loss[0]) / (2.0 * (double)h * 64.0);
    assert_true(fabs(gradient - wanted) < 1e-3 * (1.0 + fabs(wanted)));
    toy_training_destroy(&rig);
}

/* ---- no change ---- */

static void rates_of_one_change_no_bit(void **state)
{
    (void)state;
    double ones[TENSORS], none[TENSORS] = {0.0};
    float *towards = calloc(1 << 20, sizeof *towards);
    for (size_t i = 0; i < TENSORS; i++)
        ones[i] = 1.0;
    const struct nastl_phase phases[] = {{.epochs = 2, .rate = 1.0, .rates = ones},
                                         {.epochs = 3, .rate = 1.0},
                                         {.rate = 1.0, .rates = ones}};
    const struct nastl_guide guides[] = {
        {.phase_count = 0},
        {.phases = phases, .phase_count = 3},
        {.anchor = {.towards = towards, .pull = none}},
    };
    const uint64_t wanted = trained_hash(batch_norm, NULL);
    for (size_t i = 0; i < sizeof guides / sizeof *guides; i++)
        assert_true(trained_hash(batch_norm, &guides[i]) == wanted);
    free(towards);
}

/* ---- pulled ---- */

static void a_huge_pull_keeps_weights_where_they_are(void **state)
{
    (void)state;
    struct toy_training rig;
    double pull[TENSORS];
    rig_create(&rig, batch_norm);
    const struct nastl_net *net = rig.toy.net;
    only(pull, net, "blocks");
    for (size_t i = 0; i < nastl_net_tensor_count(net); i++)
        pull[i] *= 1e6;
    float *before = toy_copy(net->params, net->total);
    const struct nastl_guide guide = {.anchor = {before, pull}};
    rig.params.guide = &guide;
    rig.params.valid_count = 0;
    toy_train(&rig);
    double most = 0.0, head = 0.0;
    for (size_t t = 0; t < nastl_net_tensor_count(net); t++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(net, t);
        double *off = pull[t] > 0.0 ? &most : &head;
        for (size_t i = 0; i < size_of(tensor) && tensor->trainable; i++)
            *off = fmax(*off, fabs((double)(tensor->data[i] - before[net->at[t] + i])));
    }
    assert_true(most < 3.2 * plain.learning_rate); /* the last step */
    assert_true(head > 5.0 * plain.learning_rate);
    free(before);
    toy_training_destroy(&rig);
}

/* ---- soft targets ---- */

static uint64_t soft_hash(double share, bool other_labels, const float *soft)
{
    struct toy_training rig;
    const struct nastl_guide guide = {.soft = {soft, share}};
    rig_create(&rig, SETTINGS("ensemble=2"));
    for (size_t i = 0; i < TRAIN && other_labels; i++)
        rig.y[i] = rig.y[i] == 0.0f ? 2.0f : 0.0f;
    rig.params.guide = &guide;
    rig.params.valid_count = 0;
    toy_train(&rig);
    const uint64_t hash = toy_weights_hash(rig.toy.net);
    toy_training_destroy(&rig);
    return hash;
}

static void a_share_of_one_ignores_labels(void **state)
{
    (void)state;
    float soft[ROWS * OUTPUTS], none[ROWS * OUTPUTS];
    for (size_t i = 0; i < ROWS * OUTPUTS; i++) {
        soft[i] = i % OUTPUTS == 0 ? 0.2f : 0.4f;
        none[i] = NAN;
    }
    assert_true(soft_hash(1.0, false, soft) == soft_hash(1.0, true, soft));
    assert_true(soft_hash(0.5, false, soft) != soft_hash(0.5, true, soft));
    assert_true(soft_hash(0.0, false, soft) == soft_hash(0.0, false, NULL));
    assert_true(soft_hash(1.0, false, none) != soft_hash(1.0, true, none));
}

/* ---- phases ---- */

/* Everything at once: phases, a pull, soft targets, held outputs. */
struct everything {
    double rates[2][TENSORS], pull[TENSORS];
    float soft[ROWS * OUTPUTS], *towards, *wanted;
    size_t node;
    struct nastl_phase phases[3];
    struct nastl_guide guide;
};

static void everything_create(struct everything *all, const struct nastl_net *net)
{
    only(all->rates[0], net, "head");
    only(all->rates[1], net, "blocks.2");
    for (size_t i = 0; i < TENSORS; i++)
        all->pull[i] = (double)(i % 3);
    for (size_t i = 0; i < ROWS * OUTPUTS; i++)
        all->soft[i] = i % OUTPUTS == 0 ? 0.5f : 0.25f;
    all->towards = toy_copy(net->params, net->total);
    all->node = net->graph->nodes[net->graph->node_count - 1].from - 1; /* no dropout */
    all->wanted = calloc(ROWS * net->graph->nodes[all->node].width, sizeof(float));
    all->phases[0] =
        (struct nastl_phase){.epochs = 2, .rate = 1.0, .rates = all->rates[0]};
    all->phases[1] =
        (struct nastl_phase){.epochs = 2, .rate = 0.5, .rates = all->rates[1]};
    all->phases[2] = (struct nastl_phase){.rate = 0.2, .warmup_epochs = 2};
    all->guide = (struct nastl_guide){.phases = all->phases,
                                      .phase_count = 3,
                                      .anchor = {all->towards, all->pull},
                                      .soft = {all->soft, 0.4},
                                      .hold = {all->wanted, &all->node, 1, 0.5}};
}

static void everything_destroy(struct everything *all)
{
    free(all->towards);
    free(all->wanted);
}

static void guided_trainings_are_taken_up_with_the_same_bits(void **state)
{
    (void)state;
    for (size_t at = 1; at < 8; at++) {
        struct toy_training whole, rest;
        struct everything all;
        rig_create(&whole, batch_norm);
        rig_create(&rest, batch_norm);
        everything_create(&all, whole.toy.net);
        whole.params.guide = rest.params.guide = &all.guide;
        toy_check_taken_up(&whole, &rest, at);
        everything_destroy(&all);
        toy_training_destroy(&whole);
        toy_training_destroy(&rest);
    }
}

static void guided_steps_allocate_nothing(void **state)
{
    (void)state;
    struct toy_training rig;
    struct everything all;
    struct nastl_trainer *trainer;
    double loss = 0.0;
    rig_create(&rig, batch_norm);
    everything_create(&all, rig.toy.net);
    rig.params.guide = &all.guide;
    assert_int_equal(nastl_trainer_create(&trainer, rig.toy.net, &rig.params), 0);
    assert_int_equal(nastl_trainer_step(trainer, rig.rows, 64, &loss), 0);
    const size_t before = nastl_alloc_count();
    for (int i = 0; i < 5; i++)
        assert_int_equal(nastl_trainer_step(trainer, rig.rows, 64, &loss), 0);
    assert_int_equal(nastl_alloc_count(), before);
    nastl_trainer_destroy(trainer);
    everything_destroy(&all);
    toy_training_destroy(&rig);
}

static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    struct toy_training rig;
    struct everything all;
    struct nastl_trainer *trainer;
    int status = NASTL_ENOMEM;
    rig_create(&rig, batch_norm);
    everything_create(&all, rig.toy.net);
    rig.params.guide = &all.guide;
    for (size_t n = 1; status == NASTL_ENOMEM; n++) {
        nastl_alloc_fail_from(n);
        status = nastl_trainer_create(&trainer, rig.toy.net, &rig.params);
        nastl_alloc_fail_from(0);
    }
    assert_int_equal(status, 0);
    nastl_trainer_destroy(trainer);
    everything_destroy(&all);
    toy_training_destroy(&rig);
}

/* Scores always get worse. */
static double worse(const float *outputs, void *payload)
{
    (void)outputs;
    return -(double)(*(int *)payload)++;
}

static void patience_begins_with_the_last_phase(void **state)
{
    (void)state;
    struct toy_training rig;
    int calls = 0;
    const struct nastl_phase phases[] = {{.epochs = 12, .rate = 1.0}, {.rate = 1.0}};
    const struct nastl_guide guide = {.phases = phases, .phase_count = 2};
    rig_create(&rig, batch_norm);
    rig.params.recipe.max_epochs = 50;
    rig.params.recipe.patience = 4;
    rig.params.guide = &guide;
    rig.params.score = worse;
    rig.params.score_payload = &calls;
    const struct nastl_train_result result = toy_train(&rig);
    assert_int_equal(result.epochs, 16);
    assert_int_equal(result.best_epoch, 0);
    toy_training_destroy(&rig);
}

static void phases_follow_each_other(void **state)
{
    (void)state;
    enum { STEPS = 10 };
    struct toy_training rig;
    struct nastl_course course;
    double rates[TENSORS];
    rig_create(&rig, batch_norm);
    only(rates, rig.toy.net, "head");
    const struct nastl_phase phases[] = {{.epochs = 3, .rate = 1.0, .rates = rates},
                                         {.epochs = 4, .rate = 0.5, .warmup_epochs = 2},
                                         {.rate = 0.1}};
    const struct nastl_guide guide = {.phases = phases, .phase_count = 3};
    assert_int_equal(
        nastl_course_init(&course, rig.toy.net, &rig.params.recipe, &guide, STEPS), 0);
    for (size_t epoch = 0; epoch < 20; epoch++)
        assert_ptr_equal(nastl_course_at(&course, epoch),
                         &course.stages[epoch <= 3   ? 0
                                        : epoch <= 7 ? 1
                                                     : 2]);
    assert_int_equal(nastl_course_last(&course), 7);
    const struct nastl_stage *stage = &course.stages[1];
    assert_true(nastl_stage_rate(&course.stages[0], 0, STEPS) == 1.0);
    assert_true(fabs(nastl_stage_rate(stage, 30, STEPS) - 0.5 / 20.0) < 1e-12);
    assert_true(nastl_stage_rate(stage, 49, STEPS) == 0.5);
    assert_true(nastl_stage_rate(stage, 69, STEPS) == 0.5);
    assert_true(nastl_stage_rate(&course.stages[2], 70, STEPS) == 0.1);
    for (size_t i = 0; i < stage->group_count; i++)
        assert_true(stage->groups[i].waits == 0 || stage->groups[i].waits == 3 * STEPS);
    assert_true(course.stages[0].freezes && !stage->freezes);
    nastl_course_finish(&course);
    toy_training_destroy(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frozen_tensors_keep_their_bits),
        cmocka_unit_test(a_frozen_norm_passes_gradients_on),
        cmocka_unit_test(rates_of_one_change_no_bit),
        cmocka_unit_test(a_huge_pull_keeps_weights_where_they_are),
        cmocka_unit_test(a_share_of_one_ignores_labels),
        cmocka_unit_test(guided_trainings_are_taken_up_with_the_same_bits),
        cmocka_unit_test(guided_steps_allocate_nothing),
        cmocka_unit_test(memory_that_runs_out_is_said),
        cmocka_unit_test(patience_begins_with_the_last_phase),
        cmocka_unit_test(phases_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
