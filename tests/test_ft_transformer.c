/* test_ft_transformer.c: the transformer over feature tokens: what it is made of and
 * costs, what is refused, training in parts of a batch, dropout, single rows, warm
 * starts. SPDX-License-Identifier: Apache-2.0 */
#include "train_toy.h"

#include <math.h>
#include <stdio.h>

#include <omp.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/attention.h"
#include "nn/net_impl.h"
#include "transfer/warm.h"

static const size_t cardinality[] = {3, 50};

#define FT(...)    SETTINGS("family=ft_transformer", __VA_ARGS__)
#define NO_DROPOUT "ft_transformer.attention_dropout=0", "ft_transformer.ffn_dropout=0"

static struct nastl_shape mixed_shape(void)
{
    return (struct nastl_shape){
        .numeric = 5, .categorical = 2, .cardinality = cardinality, .outputs = 3};
}

static int build(struct nastl_graph **out, const char *const *settings,
                 const struct nastl_shape *shape)
{
    struct nastl_candidate candidate;
    toy_candidate(&candidate, settings);
    const int status = nastl_arch_build(out, &candidate, shape);
    nastl_candidate_finish(&candidate);
    return status;
}

/* ---- what it is made of ---- */

static void costs_are_as_counted_by_hand(void **state)
{
    (void)state;
    const struct nastl_shape shape = mixed_shape();
    struct nastl_graph *graph;
    assert_int_equal(
        build(&graph,
              FT("ft_transformer.blocks=2", "ft_transformer.token_width=24",
                 "ft_transformer.heads=4", "ft_transformer.ffn_expansion=1.4"),
              &shape),
        0);
    /* 24 * 1.4 = 33.6 is rounded to 32; tokens: class, 5 numbers, 2 tables. */
    const size_t d = 24, h = 32, t = 8;
    const size_t tokens = d + 5 * d + 5 * d + 2 * d + (3 + 50) * d;
    const size_t attention = (d * 3 * d + 3 * d) + (d * d + d);
    const size_t ffn = 2 * d + (d * 2 * h + 2 * h) + (h * d + d);
    const size_t parameters =
        tokens + 2 * (attention + ffn) + 2 * d + 2 * d + (d * 3 + 3);
    assert_int_equal(nastl_graph_parameters(graph), parameters);
    const size_t tokenizer = 2 * 5 * d + 2 * d;
    const size_t qkv = t * (2 * d * 3 * d + 3 * d), query = t * (4 * d + 4 * 4) + 2 * d;
    const size_t out = 2 * d * d + d + d; /* a token, with the sum */
    const size_t forward = 7 * d + (2 * d * 2 * h + 2 * h) + 2 * h + (2 * h * d + d) + d;
    const size_t first = qkv + t * query + t * out + t * forward;
    const size_t last = t * 7 * d + qkv + query + out + forward;
    const size_t head = 7 * d + d + (2 * d * 3 + 3);
    assert_true(nastl_graph_flops(graph) == (double)(tokenizer + first + last + head));
    /* Most is alive when the gate reads 2 h: the stream, both halves, and their product.
     */
    assert_int_equal(nastl_graph_memory(graph), 4 * (parameters + t * (d + 2 * h + h)));
    nastl_graph_destroy(graph);
}

static void only_matrices_of_linear_layers_decay(void **state)
{
    (void)state;
    const struct nastl_shape shape = mixed_shape();
    struct nastl_graph *graph;
    assert_int_equal(build(&graph, FT("ft_transformer.token_width=16"), &shape), 0);
    for (size_t i = 0; i < graph->tensor_count; i++) {
        const struct nastl_tensor_spec *spec = &graph->tensors[i];
        const bool linear = spec->rank == 2 && !strstr(spec->name, "tokens.") &&
                            !strstr(spec->name, "embeddings.");
        assert_int_equal(nastl_role_decays(spec->role), linear);
    }
    nastl_graph_destroy(graph);
}

static void biases_of_attention_start_at_zero(void **state)
{
    (void)state;
    const struct nastl_shape shape = mixed_shape();
    struct toy_net toy;
    toy_net_create(&toy, FT("ft_transformer.token_width=16"), &shape, 1);
    const struct nastl_tensor *bias =
        nastl_net_find(toy.net, "blocks.0.attention.qkv.bias");
    const struct nastl_tensor *cls = nastl_net_find(toy.net, "tokens.cls");
    for (size_t i = 0; i < bias->shape[0]; i++)
        assert_true(bias->data[i] == 0.0f);
    for (size_t i = 0; i < cls->shape[0]; i++)
        assert_true(cls->data[i] != 0.0f && fabsf(cls->data[i]) <= 0.25f);
    assert_null(nastl_net_find(toy.net, "blocks.0.attention.norm.weight"));
    assert_non_null(nastl_net_find(toy.net, "blocks.1.attention.norm.weight"));
    toy_net_destroy(&toy);
}

static void assert_refused(const char *setting, const char *sentence)
{
    const struct nastl_shape shape = mixed_shape();
    struct nastl_graph *graph = NULL;
    assert_int_equal(build(&graph, FT("ft_transformer.token_width=36", setting), &shape),
                     NASTL_EINVAL);
    assert_string_equal(nastl_error_last(), sentence);
    assert_null(graph);
}

static void what_cannot_be_built_is_refused(void **state)
{
    (void)state;
    assert_refused(
        "ft_transformer.heads=8",
        "ft_transformer.heads: 8 heads do not divide a token width of 36; give "
        "a divisor, and 'token_width % heads == 0' among the constraints");
    assert_refused("ft_transformer.heads=0", "ft_transformer.heads: 0 cannot be built; "
                                             "give a whole number from 1 to 4096");
    assert_refused("ft_transformer.blocks=0", "ft_transformer.blocks: 0 cannot be built; "
                                              "give a whole number from 1 to 16");
}

static void columns_of_one_kind_are_enough(void **state)
{
    (void)state;
    const struct nastl_shape shapes[] = {
        {.numeric = 3, .outputs = 1},
        {.categorical = 2, .cardinality = cardinality, .outputs = 1},
    };
    for (size_t i = 0; i < 2; i++) {
        struct toy_net toy;
        struct nastl_xy xy;
        float out[9], row;
        toy_net_create(&toy, FT("ft_transformer.token_width=8"), &shapes[i], 1);
        toy_xy_create(&xy, &shapes[i], 9, 2);
        assert_int_equal(nastl_net_forward(toy.net, &xy, NULL, 9, out), 0);
        assert_int_equal(nastl_net_prepare_row(toy.net), 0);
        nastl_net_forward_row(toy.net, xy.x, xy.code, &row);
        assert_true(isfinite(row) && fabsf(row - out[0]) < 1e-5f);
        toy_xy_destroy(&xy);
        toy_net_destroy(&toy);
    }
}

/* ---- training ---- */

enum { ROWS = 96 };

static void training_create(struct toy_training *t, const char *const *settings,
                            const struct nastl_shape *shape, size_t batch)
{
    const struct nastl_recipe recipe = {.learning_rate = 3e-3,
                                        .beta1 = 0.9,
                                        .beta2 = 0.999,
                                        .batch_size = batch,
                                        .max_epochs = 20};
    toy_training_create(t, settings, shape, &recipe, ROWS, ROWS, 3);
    for (size_t i = 0; i < ROWS; i++) /* something to learn */
        t->y[i] = t->xy.x[i * shape->numeric] > 0.0f ? 1.0f : 0.0f;
}

/* Wide enough that a batch of 96 is cut; the parts add up to what a plan of the whole
 * batch gives, also where the last is smaller. */
static void parts_make_the_step_of_the_whole_batch(void **state)
{
    (void)state;
    enum { COUNT = 83 };
    const struct nastl_shape shape = {.numeric = 70, .outputs = 3};
    struct toy_training t;
    struct nastl_trainer *trainer;
    double loss = 0.0;
    training_create(&t, FT("ft_transformer.token_width=64", NO_DROPOUT), &shape, ROWS);
    struct nastl_net *net = t.toy.net;
    assert_true(nastl_net_part(net, ROWS) < ROWS);
    const struct nastl_block params = {.data = net->params, .at = net->at};
    const struct nastl_block grads = {
        .data = nastl_alloc_aligned(net->trainable, sizeof(float)), .at = net->at};
    struct nastl_plan *plan;
    const struct nastl_step step = {.xy = &t.xy, .rows = t.rows, .count = COUNT};
    assert_int_equal(
        nastl_plan_create(&plan, t.toy.graph, net->dnnl, COUNT, &params, &grads), 0);
    assert_int_equal(nastl_plan_forward(plan, &step), 0);
    for (size_t i = 0; i < COUNT * 3; i++) {
        const size_t row = i / 3 * 3;
        double sum = 0.0;
        for (size_t c = 0; c < 3; c++)
            sum += exp((double)plan->output[row + c]);
        plan->output_delta[i] =
            (float)((exp((double)plan->output[i]) / sum - (i % 3 == (size_t)t.y[i / 3])) /
                    COUNT);
    }
    assert_int_equal(nastl_plan_backward(plan, &step), 0);
    assert_int_equal(nastl_trainer_create(&trainer, net, &t.params), 0);
    assert_int_equal(nastl_trainer_step(trainer, t.rows, COUNT, &loss), 0);
    for (size_t i = 0; i < t.toy.graph->tensor_count; i++) {
        const float *got = nastl_trainer_gradient(trainer, i);
        const float *wanted = grads.data + net->at[i];
        for (size_t j = 0; j < nastl_tensor_size(&t.toy.graph->tensors[i]); j++)
            if (!(fabsf(got[j] - wanted[j]) < 1e-5f))
                fail_msg("%s[%zu]: %g, whole %g", t.toy.graph->tensors[i].name, j, got[j],
                         wanted[j]);
    }
    nastl_plan_destroy(plan);
    free(grads.data);
    nastl_trainer_destroy(trainer);
    toy_training_destroy(&t);
}

/* The losses of the first and the last epoch. */
static bool note_losses(size_t epoch, double train_loss, double score, void *payload)
{
    double *losses = payload;
    (void)score;
    losses[epoch > 1] = train_loss;
    return true;
}

static void training_learns_and_repeats(void **state)
{
    (void)state;
    const struct nastl_shape shape = mixed_shape();
    float first[2] = {0.0f};
    for (int run = 0; run < 2; run++) {
        struct toy_training t;
        double losses[2] = {0.0};
        training_create(&t, FT("ft_transformer.token_width=16", "ft_transformer.heads=2"),
                        &shape, 32);
        t.params.epoch = note_losses;
        t.params.epoch_payload = losses;
        toy_train(&t);
        assert_true(losses[1] < 0.5 * losses[0]);
        first[run] = nastl_net_find(t.toy.net, "head.weight")->data[0];
        toy_training_destroy(&t);
    }
    assert_true(first[0] == first[1]);
}

/* Width 64, 65 tokens, batch 256: the plan's workspace and the blocks of the optimiser.
 */
static void memory_does_not_grow_with_the_batch(void **state)
{
    (void)state;
    const size_t most = 200u << 20;
    const struct nastl_shape shape = {.numeric = 64, .outputs = 10};
    struct toy_net toy;
    toy_net_create(&toy, FT("ft_transformer.token_width=64"), &shape, 1);
    size_t row = 0;
    for (size_t i = 0; i < toy.graph->node_count; i++)
        row += 2 * toy.graph->nodes[i].rows * toy.graph->nodes[i].width * sizeof(float);
    const size_t part = nastl_net_part(toy.net, 256);
    assert_true(part >= 1 && part <= 256 && part == nastl_net_part(toy.net, 4096));
    assert_true(2 * part * row + 6 * toy.net->total * sizeof(float) < most);
    toy_net_destroy(&toy);
}

/* ---- dropout of attention ---- */

/* With V at one, a query's output is the sum of what is kept, times its factor: 1 on
 * average. Backward, dV is what forward gave: it sums to the same. */
static void attention_drops_its_share(void **state)
{
    (void)state;
    enum { TOKENS = 70, HEADS = 2, WIDTH = 4, D = HEADS * WIDTH, TIMES = 50 };
    const struct nastl_attention shape = {TOKENS, TOKENS, HEADS, WIDTH, 65536 * 3 / 10};
    static float qkv[TOKENS * 3 * D], out[TOKENS * D], delta[TOKENS * D],
        delta_in[TOKENS * 3 * D];
    float *kept = nastl_alloc_aligned(nastl_attention_kept(&shape), sizeof *kept);
    float *work = nastl_alloc_aligned(nastl_attention_scratch(&shape), sizeof *work);
    for (size_t i = 0; i < TOKENS * 3 * D; i++)
        qkv[i] = i % (3 * D) < 2 * D ? 0.0f : 1.0f;
    for (size_t i = 0; i < TOKENS * D; i++)
        delta[i] = 1.0f;
    double mean = 0.0, squares = 0.0;
    for (uint32_t time = 0; time < TIMES; time++) {
        struct nastl_rng noise;
        double sum = 0.0, back = 0.0;
        nastl_rng_init(&noise, 1, time, NASTL_RNG_DROPOUT);
        nastl_attention_forward(&shape, out, kept, qkv, work, &noise);
        nastl_attention_backward(&shape, delta_in, delta, out, kept, qkv, work, &noise);
        for (size_t i = 0; i < TOKENS * D; i++) {
            sum += out[i];
            squares += pow(out[i] - 1.0, 2) / (TOKENS * D * TIMES);
            back += delta_in[i / D * 3 * D + 2 * D + i % D];
        }
        assert_true(fabs(sum - back) < 1e-3 * sum);
        mean += sum / (TOKENS * D * TIMES);
    }
    /* Of 70 shares of 1 / 70, each is kept with 0.7: variance 0.3 / 0.7 / 70. */
    assert_true(fabs(mean - 1.0) < 0.01);
    assert_true(fabs(squares - 0.3 / 0.7 / TOKENS) < 1e-3);
    free(kept);
    free(work);
}

/* ---- memory runs out, warm starts ---- */

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    const struct nastl_shape shape = mixed_shape();
    struct nastl_candidate candidate;
    toy_candidate(&candidate, FT("ft_transformer.token_width=16"));
    int status = NASTL_ENOMEM;
    for (size_t n = 1; status != 0; n++) {
        struct nastl_graph *graph = NULL;
        struct nastl_net *net = NULL;
        nastl_alloc_fail_from(n);
        status = nastl_arch_build(&graph, &candidate, &shape);
        status = status == 0 ? nastl_net_create(&net, graph) : status;
        status = status == 0 ? nastl_net_prepare_row(net) : status;
        nastl_alloc_fail_from(0);
        assert_true(status == 0 || status == NASTL_ENOMEM);
        nastl_net_destroy(net);
        nastl_graph_destroy(graph);
    }
    nastl_candidate_finish(&candidate);
}

static char *levels[] = {"a", "b"};
static struct nastl_layout_feature features[] = {
    {"x", NASTL_NUMERIC, 0, -1, NULL, 0, false},
    {"y", NASTL_NUMERIC, 1, -1, NULL, 0, false},
    {"z", NASTL_CATEGORICAL, 0, -1, levels, 2, false},
};
/* The same columns, the numbers the other way round. */
static struct nastl_layout_feature turned[] = {
    {"y", NASTL_NUMERIC, 0, -1, NULL, 0, false},
    {"x", NASTL_NUMERIC, 1, -1, NULL, 0, false},
    {"z", NASTL_CATEGORICAL, 0, -1, levels, 2, false},
};

static struct nastl_layout layout_of(struct nastl_layout_feature *columns)
{
    return (struct nastl_layout){.features = columns,
                                 .feature_count = 3,
                                 .numeric = 2,
                                 .categorical = 1,
                                 .cardinality = (size_t *)cardinality,
                                 .task = NASTL_TASK_REGRESSION,
                                 .label_name = "label",
                                 .label_scale = 1,
                                 .label_transform = "none"};
}

static double warm(struct toy_net *toy, struct nastl_layout *layout,
                   const struct nastl_model *source, const char *const *settings)
{
    double matched = -1.0;
    const struct nastl_shape shape = nastl_model_shape(layout);
    toy_net_create(toy, settings, &shape, 2);
    assert_int_equal(nastl_warm_start(&matched, toy->net, layout, source), 0);
    return matched;
}

static float row_of(struct toy_net *toy, float x, float y)
{
    const float numbers[] = {x, y};
    const int32_t code = 1;
    float out;
    assert_int_equal(nastl_net_prepare_row(toy->net), 0);
    nastl_net_forward_row(toy->net, numbers, &code, &out);
    return out;
}

static void warm_starts_follow_the_columns(void **state)
{
    (void)state;
    struct nastl_layout here = layout_of(features), there = layout_of(turned);
    const struct nastl_shape shape = nastl_model_shape(&here);
    struct toy_net source, candidate;
    toy_net_create(&source, FT("ft_transformer.token_width=16"), &shape, 1);
    struct nastl_model model = {
        .layout = &here, .graph = source.graph, .net = source.net};
    const float wanted = row_of(&source, 0.5f, -1.0f);
    assert_int_equal(nastl_warm_sort(&model), 0);
    assert_true(row_of(&source, 0.5f, -1.0f) == wanted);
    assert_true(warm(&candidate, &there, &model, FT("ft_transformer.token_width=16")) ==
                1.0);
    assert_true(fabsf(row_of(&candidate, -1.0f, 0.5f) - wanted) < 1e-5f);
    toy_net_destroy(&candidate);
    assert_true(warm(&candidate, &here, &model,
                     FT("ft_transformer.token_width=16", "ft_transformer.heads=4")) ==
                0.0);
    toy_net_destroy(&candidate);
    assert_true(warm(&candidate, &here, &model, FT("ft_transformer.token_width=32")) ==
                0.0);
    toy_net_destroy(&candidate);
    const double part =
        warm(&candidate, &here, &model,
             FT("ft_transformer.token_width=16", "ft_transformer.ffn_expansion=2.5"));
    assert_true(part > 0.1 && part < 1.0);
    toy_net_destroy(&candidate);
    toy_net_destroy(&source);
}

int main(void)
{
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs_are_as_counted_by_hand),
        cmocka_unit_test(only_matrices_of_linear_layers_decay),
        cmocka_unit_test(biases_of_attention_start_at_zero),
        cmocka_unit_test(what_cannot_be_built_is_refused),
        cmocka_unit_test(columns_of_one_kind_are_enough),
        cmocka_unit_test(parts_make_the_step_of_the_whole_batch),
        cmocka_unit_test(training_learns_and_repeats),
        cmocka_unit_test(memory_does_not_grow_with_the_batch),
        cmocka_unit_test(attention_drops_its_share),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(warm_starts_follow_the_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
