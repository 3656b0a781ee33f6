/* check_guide.c: what a guide adds to a loss and to the optimiser, against the formulas
 * and against differences. The seed is printed; NASTL_TEST_SEED sets another.
 * SPDX-License-Identifier: Apache-2.0 */
#include "check_rig.h"

#include <math.h>

#include "nn/loss_form.h"
#include "nn/net_impl.h"
#include "nn/optim.h"
#include "nn/trainer.h"

static const double TOLERANCE = 1e-5;

/* ---- soft targets ---- */

enum { ROWS = 23, CLASSES = 6 };

/* The loss of a row in double, by its label or by a soft target. */
static double loss_of(enum nastl_loss loss, const double *o, const float *q, size_t c)
{
    double sum = 0.0, total = 0.0;
    if (loss == NASTL_LOSS_BINARY_CROSS_ENTROPY)
        return log1p(exp(-fabs(o[0]))) + fmax(o[0], 0.0) - o[0] * (double)q[0];
    if (loss == NASTL_LOSS_HUBER && fabs(o[0] - (double)q[0]) > 1.0)
        return fabs(o[0] - (double)q[0]) - 0.5;
    if (loss != NASTL_LOSS_CROSS_ENTROPY)
        return pow(o[0] - (double)q[0], 2) * (loss == NASTL_LOSS_HUBER ? 0.5 : 1.0);
    for (size_t i = 0; i < c; i++)
        sum += exp(o[i]);
    for (size_t i = 0; i < c; i++)
        total += (double)q[i] * (log(sum) - o[i]);
    return total;
}

static void one_hot(float *q, enum nastl_loss loss, float y, size_t c)
{
    for (size_t i = 0; i < c; i++)
        q[i] = loss == NASTL_LOSS_CROSS_ENTROPY ? (float)(i == (size_t)y) : y;
}

static double mixed(enum nastl_loss loss, const double *o, const float *y, const float *q,
                    size_t c, double share)
{
    double total = 0.0;
    for (size_t r = 0; r < ROWS; r++) {
        float label[CLASSES];
        const bool has_soft = !isnan(q[r * c]);
        one_hot(label, loss, y[r], c);
        total += (has_soft ? 1.0 - share : 1.0) * loss_of(loss, o + r * c, label, c) +
                 (has_soft ? share * loss_of(loss, o + r * c, q + r * c, c) : 0.0);
    }
    return total;
}

/* Probabilities of each row, or values; every fifth row has none. */
static void draw_soft(float *q, enum nastl_loss loss, size_t c, struct nastl_rng *rng)
{
    for (size_t r = 0; r < ROWS; r++) {
        double sum = 0.0;
        for (size_t i = 0; i < c; i++)
            sum += q[r * c + i] = (float)nastl_rng_uniform(rng);
        for (size_t i = 0; i < c && loss == NASTL_LOSS_CROSS_ENTROPY; i++)
            q[r * c + i] = (float)((double)q[r * c + i] / sum);
        q[r * c] = r % 5 == 4 ? NAN : q[r * c];
    }
}

static void check_soft(enum nastl_loss loss, double share)
{
    const size_t c = loss == NASTL_LOSS_CROSS_ENTROPY ? CLASSES : 1;
    struct nastl_rng rng = check_stream(40 + (uint32_t)loss);
    float outputs[ROWS * CLASSES], q[ROWS * CLASSES], work[CLASSES];
    float delta[(ROWS + 2) * CLASSES];
    double exact[ROWS * CLASSES];
    float *y = toy_labels(loss, ROWS, c, 5);
    const struct nastl_loss_form form = {.loss = loss, .share = share, .work = work};
    draw_soft(q, loss, c, &rng);
    fill_normal(outputs, ROWS * c, &rng);
    for (size_t i = 0; i < ROWS * c; i++)
        exact[i] = outputs[i] *= 2.0f;
    const double sum =
        nastl_loss_form_gradient(&form, delta, outputs, y, NULL, q, ROWS, ROWS + 2, c);
    assert_true(fabs(sum - mixed(loss, exact, y, q, c, share)) < TOLERANCE * (1.0 + sum));
    for (size_t i = 0; i < ROWS * c; i++) {
        const double kept = exact[i], h = 1e-6;
        exact[i] = kept + h;
        const double above = mixed(loss, exact, y, q, c, share);
        exact[i] = kept - h;
        const double below = mixed(loss, exact, y, q, c, share);
        exact[i] = kept;
        assert_true(fabs(delta[i] - (above - below) / (2.0 * h * ROWS)) < TOLERANCE);
    }
    for (size_t i = ROWS * c; i < (ROWS + 2) * c; i++)
        assert_true(delta[i] == 0.0f);
    free(y);
}

static void soft_targets_are_mixed_with_labels(void **state)
{
    (void)state;
    for (int loss = 0; loss < NASTL_LOSS_COUNT; loss++) {
        check_soft((enum nastl_loss)loss, 0.3);
        check_soft((enum nastl_loss)loss, 1.0);
    }
}

/* ---- outputs that are held ---- */

enum { COUNT = 40 };

struct held {
    struct toy_net toy;
    struct nastl_xy xy;
    float *y, *wanted;
    int32_t *rows;
    size_t nodes[2];
    struct nastl_guide guide;
};

/* What the head of a member reads; a dropout is passed over. */
static size_t hidden_of(const struct nastl_graph *graph, const char *head)
{
    for (size_t n = 0; n < graph->node_count; n++) {
        size_t from = graph->nodes[n].from;
        if (strcmp(graph->nodes[n].name, head) != 0 || graph->nodes[n].tensor_count == 0)
            continue;
        while (graph->nodes[from].kind == NASTL_NODE_DROPOUT)
            from = graph->nodes[from].from;
        return from;
    }
    fail_msg("%s: no such node", head);
    return 0;
}

static void held_create(struct held *held, const char *const *settings, size_t members)
{
    const struct nastl_shape shape = {.numeric = 5, .outputs = 3};
    struct nastl_rng rng = check_stream(50);
    toy_net_create(&held->toy, settings, &shape, check_seed());
    draw_statistics(held->toy.net, &rng);
    toy_xy_create(&held->xy, &shape, COUNT, 3);
    held->y = toy_labels(NASTL_LOSS_CROSS_ENTROPY, COUNT, 3, 4);
    held->rows = toy_rows(COUNT);
    const struct nastl_graph *graph = held->toy.graph;
    for (size_t m = 0; m < members; m++) {
        size_t at = 0;
        while (!strstr(graph->tensors[at].name, "head.weight") ||
               (members > 1 && graph->tensors[at].name[8] != (char)('0' + m)))
            at++;
        for (size_t n = 0; n < graph->node_count; n++)
            if (graph->nodes[n].tensor == at && graph->nodes[n].tensor_count)
                held->nodes[m] = graph->nodes[n].from;
    }
    const struct nastl_node *node = &graph->nodes[held->nodes[0]];
    const size_t numbers = COUNT * node->rows * node->width;
    held->wanted = malloc(numbers * sizeof *held->wanted);
    fill_normal(held->wanted, numbers, &rng);
    held->guide = (struct nastl_guide){.hold = {held->wanted, held->nodes, members, 1.7}};
}

static void held_destroy(struct held *held)
{
    toy_net_destroy(&held->toy);
    toy_xy_destroy(&held->xy);
    free(held->y);
    free(held->wanted);
    free(held->rows);
}

/* The mean loss with what holding adds, in double. */
static double held_loss(struct held *held, struct oracle *oracle)
{
    const struct nastl_hold *hold = &held->guide.hold;
    const struct nastl_node *node = &held->toy.graph->nodes[held->nodes[0]];
    const size_t numbers = COUNT * node->rows * node->width;
    double sum = oracle_mean_loss(oracle, NASTL_LOSS_CROSS_ENTROPY, &held->xy, held->rows,
                                  held->y, COUNT);
    for (size_t m = 0; m < hold->count; m++)
        for (size_t i = 0; i < numbers; i++)
            sum += hold->weight / (double)(numbers * hold->count) *
                   pow(oracle->value[held->nodes[m]][i] - (double)held->wanted[i], 2);
    return sum;
}

/* A few numbers of each tensor. */
static void check_gradients(struct held *held, struct oracle *oracle,
                            const struct nastl_trainer *trainer)
{
    const double h = 1e-6;
    struct nastl_rng rng = check_stream(51);
    for (size_t t = 0; t < held->toy.graph->tensor_count; t++) {
        const struct nastl_tensor_spec *spec = &held->toy.graph->tensors[t];
        for (int draw = 0; draw < 8 && nastl_role_trainable(spec->role); draw++) {
            const size_t i = (size_t)nastl_rng_below(&rng, nastl_tensor_size(spec));
            double *p = &oracle->param[t][i], kept = *p;
            *p = kept + h;
            const double above = held_loss(held, oracle);
            *p = kept - h;
            const double wanted = (above - held_loss(held, oracle)) / (2.0 * h);
            const double got = (double)nastl_trainer_gradient(trainer, t)[i];
            *p = kept;
            if (fabs(got - wanted) > 2e-4 * (1.0 + fabs(wanted)))
                fail_msg("%s[%zu]: %g, by differences %g", spec->name, i, got, wanted);
        }
    }
}

static void check_held(const char *const *settings, size_t members)
{
    struct held held;
    struct oracle oracle;
    struct nastl_trainer *trainer;
    double loss = 0.0;
    held_create(&held, settings, members);
    const struct nastl_train_params params = {.recipe = {.learning_rate = 1e-3,
                                                         .beta1 = 0.9,
                                                         .beta2 = 0.999,
                                                         .max_epochs = 1,
                                                         .batch_size = COUNT},
                                              .xy = &held.xy,
                                              .y = held.y,
                                              .train = held.rows,
                                              .train_count = COUNT,
                                              .guide = &held.guide};
    oracle_create(&oracle, held.toy.net, COUNT);
    assert_int_equal(nastl_trainer_create(&trainer, held.toy.net, &params), 0);
    assert_int_equal(nastl_trainer_step(trainer, held.rows, COUNT, &loss), 0);
    assert_true(fabs(loss / COUNT - held_loss(&held, &oracle)) < 1e-4);
    check_gradients(&held, &oracle, trainer);
    nastl_trainer_destroy(trainer);
    oracle_destroy(&oracle);
    held_destroy(&held);
}

static void held_outputs_of_every_family_pull_by_differences(void **state)
{
    (void)state;
    check_held(SETTINGS("mlp.layers=2", "mlp.width=12"), 1);
    check_held(SETTINGS("mlp.layers=2", "mlp.width=12", "mlp.activation=gelu",
                        "mlp.normalization=layer"),
               1);
    check_held(SETTINGS("mlp.layers=1", "mlp.width=12", "ensemble=2"), 2);
    check_held(SETTINGS("family=resnet", "resnet.width=8"), 1);
    check_held(SETTINGS("family=tabm", "tabm.members=3", "tabm.width=9"), 1);
    check_held(
        SETTINGS("family=tabm", "tabm.members=3", "tabm.width=9", "tabm.kind=full"), 1);
    check_held(SETTINGS("family=ft_transformer", "ft_transformer.token_width=8",
                        "ft_transformer.heads=2", "ft_transformer.blocks=1",
                        "ft_transformer.attention_dropout=0",
                        "ft_transformer.ffn_dropout=0"),
               1);
}

/* A dropout after what is held is not part of it. */
static void dropout_comes_after_what_is_held(void **state)
{
    (void)state;
    for (int rate = 0; rate < 2; rate++) {
        struct held held;
        struct nastl_plan *plan;
        held_create(&held,
                    rate ? SETTINGS("mlp.layers=1", "mlp.dropout=0.5")
                         : SETTINGS("mlp.layers=1"),
                    1);
        held.nodes[0] = hidden_of(held.toy.graph, "head");
        struct nastl_net *net = held.toy.net;
        const struct nastl_block params = {.data = net->params, .at = net->at};
        const struct nastl_block grads = {.data = calloc(net->trainable, sizeof(float)),
                                          .at = net->at};
        assert_int_equal(nastl_plan_create_holding(&plan, net->graph, net->dnnl, COUNT,
                                                   &params, &grads, &held.guide.hold),
                         0);
        const struct nastl_step step = {
            .xy = &held.xy, .rows = held.rows, .count = COUNT};
        assert_int_equal(nastl_plan_forward(plan, &step), 0);
        memset(plan->output_delta, 0, COUNT * 3 * sizeof(float));
        assert_int_equal(nastl_plan_backward(plan, &step), 0);
        struct oracle oracle;
        oracle_create(&oracle, net, COUNT);
        oracle_forward(&oracle, &held.xy, held.rows, COUNT, true);
        double sum = 0.0;
        for (size_t i = 0; i < COUNT * 64; i++)
            sum += 1.7 / 64.0 *
                   pow(oracle.value[held.nodes[0]][i] - (double)held.wanted[i], 2);
        assert_true(fabs(plan->hold_loss - sum) < 1e-4 * sum);
        oracle_destroy(&oracle);
        nastl_plan_destroy(plan);
        free(grads.data);
        held_destroy(&held);
    }
}

/* ---- the optimiser ---- */

static void pulled_weights_follow_the_formula(void **state)
{
    (void)state;
    enum { N = 90, PULLED = 30, LATE = 60, STEPS = 20, WAITS = 7 };
    const struct nastl_group groups[] = {
        {.at = 0, .count = PULLED, .rate = 0.5, .pull = 0.5 * 4.0, .epsilon = 1.0},
        {.at = PULLED,
         .count = LATE - PULLED,
         .rate = 1.0,
         .epsilon = 1.0,
         .waits = WAITS},
        {.at = LATE, .count = N - LATE, .is_frozen = true, .epsilon = 1.0}};
    const struct nastl_recipe recipe = {
        .learning_rate = 0.01, .weight_decay = 0.1, .beta1 = 0.9, .beta2 = 0.999};
    struct nastl_recipe half = recipe;
    half.learning_rate *= 0.5;
    struct nastl_rng rng = check_stream(60);
    float p[N], g[N], m[N] = {0}, v[N] = {0}, towards[N], before[N];
    double wanted[N], wanted_m[N] = {0}, wanted_v[N] = {0};
    const struct nastl_moments moments = {m, v, towards};
    fill_normal(p, N, &rng);
    fill_normal(towards, N, &rng);
    memcpy(before, p, sizeof p);
    for (int i = 0; i < N; i++)
        wanted[i] = p[i];
    for (int t = WAITS + 1; t <= WAITS + STEPS; t++) {
        fill_normal(g, N, &rng);
        nastl_adamw(p, g, &moments, groups, 3, &recipe, (uint64_t)t, 1.0f);
        for (int i = 0; i < LATE; i++) {
            const bool pulled = i < PULLED;
            if (pulled)
                wanted[i] += 0.01 * 0.5 * 4.0 * ((double)towards[i] - wanted[i]);
            oracle_adamw(&wanted[i], &wanted_m[i], &wanted_v[i], g[i], 0.0,
                         pulled ? &half : &recipe, pulled ? t : t - WAITS);
        }
    }
    assert_close(p, wanted, LATE, 1.0, TOLERANCE, "parameters");
    assert_memory_equal(p + LATE, before + LATE, (N - LATE) * sizeof *p);
    for (int i = LATE; i < N; i++)
        assert_true(m[i] == 0.0f && v[i] == 0.0f);
}

int main(void)
{
    check_begin();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soft_targets_are_mixed_with_labels),
        cmocka_unit_test(held_outputs_of_every_family_pull_by_differences),
        cmocka_unit_test(dropout_comes_after_what_is_held),
        cmocka_unit_test(pulled_weights_follow_the_formula),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
