/* test_family_oom.c: memory runs out at any place, in every family: building its graph, a
 * network, a training, single rows, saving and loading. What leaks, AddressSanitizer and
 * valgrind see.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model_toy.h"

#include "base/error.h"
#include "nn/train.h"

/* HDF5 1.10 leaks identifiers where reading fails in the midst of it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

/* What is particular to a family and what it reads; others leave it alone. */
static const struct {
    const char *key, *text;
    double number;
} settings[] = {
    {"mlp.layers", NULL, 1},
    {"mlp.normalization", "batch", 0},
    {"mlp.activation", "mish", 0},
    {"mlp.activation_share", "learned", 0},
    {"mlp.parametrization", "ntk", 0},
    {"mlp.initialization", "data", 0},
    {"mlp.dropout", NULL, 0.1},
    {"resnet.blocks", NULL, 1},
    {"resnet.width", NULL, 16},
    {"resnet.dropout", NULL, 0.1},
    {"tabm.members", NULL, 3},
    {"tabm.width", NULL, 16},
    {"tabm.kind", "full", 0},
    {"tabm.dropout", NULL, 0.1},
    {"ft_transformer.blocks", NULL, 1},
    {"ft_transformer.token_width", NULL, 16},
    {"ft_transformer.heads", NULL, 2},
    {"input.front_scale", "learned", 0},
    {"input.embedding_width", NULL, 3},
    {"input.embedding_bins", NULL, 4},
    {"input.embedding_frequencies", NULL, 3},
};

static const char *const embeddings[] = {"none", "piecewise_linear", "periodic", "pbld"};
enum { EMBEDDINGS = sizeof embeddings / sizeof *embeddings, BATCH = 32, TRAIN = 80 };

struct toy {
    struct nastl_dataset *dataset;
    struct nastl_model *model;
    struct nastl_xy xy;
    float y[TOY_ROWS];
    int32_t rows[TOY_ROWS];
    const char *path;
};

static void toy_init(struct toy *toy, void **state, const char *family,
                     const char *embedding)
{
    const char *csv = scratch(state, "data.csv");
    toy->path = scratch(state, "model.h5");
    toy_write(csv, TOY_ROWS, "slice", false);
    toy_dataset(&toy->dataset, csv, "slice");
    toy->model = toy_model_parts(toy->dataset, NASTL_SCALING_STANDARD);
    struct nastl_candidate *candidate = &toy->model->candidate;
    assert_ok(nastl_candidate_set(candidate, "family", family, 0));
    assert_ok(nastl_candidate_set(candidate, "input.numeric_embedding", embedding, 0));
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        assert_ok(nastl_candidate_set(candidate, settings[i].key, settings[i].text,
                                      settings[i].number));
    toy_model_net(toy->model);
    for (int32_t i = 0; i < TOY_ROWS; i++)
        toy->rows[i] = i;
    assert_ok(nastl_prep_apply(&toy->xy, toy->model->prep, toy->model->layout,
                               toy->dataset, toy->rows, TOY_ROWS));
    for (size_t i = 0; i < TOY_ROWS; i++)
        toy->y[i] = (float)toy->dataset->label[i];
}

static void toy_finish(struct toy *toy)
{
    nastl_xy_finish(&toy->xy);
    nastl_model_destroy(toy->model);
    nastl_dataset_destroy(toy->dataset);
}

static int train(const struct toy *toy, struct nastl_net *net)
{
    struct nastl_train_result result;
    const struct nastl_train_params params = {
        .recipe = {.learning_rate = 1e-3,
                   .beta1 = 0.9,
                   .beta2 = 0.999,
                   .batch_size = BATCH,
                   .max_epochs = 2,
                   .clip = 1.0,
                   .label_smoothing = 0.1,
                   .weight_average = 2,
                   .balanced = true},
        .loss = NASTL_LOSS_CROSS_ENTROPY,
        .seed = 1,
        .xy = &toy->xy,
        .y = toy->y,
        .train = toy->rows,
        .valid = toy->rows + TRAIN,
        .train_count = TRAIN,
        .valid_count = TOY_ROWS - TRAIN,
    };
    TRY(nastl_net_fit(net, &toy->xy, toy->y, toy->rows, TRAIN));
    TRY(nastl_train(&result, net, &params));
    return nastl_net_prepare_row(net);
}

static int try_train(void *payload)
{
    const struct toy *toy = payload;
    const struct nastl_shape shape = nastl_model_shape(toy->model->layout);
    struct nastl_graph *graph;
    struct nastl_net *net = NULL;
    TRY(nastl_arch_build(&graph, &toy->model->candidate, &shape));
    int status = nastl_net_create(&net, graph);
    if (status == 0) {
        nastl_net_init(net, 1, 0);
        status = train(toy, net);
    }
    nastl_net_destroy(net);
    nastl_graph_destroy(graph);
    return status;
}

static int try_file(void *payload)
{
    const struct toy *toy = payload;
    struct nastl_model *model;
    struct nastl_h5 *file;
    TRY(nastl_h5_create(&file, toy->path));
    int status = nastl_model_save(toy->model, file, "/");
    if (status == 0)
        status = nastl_h5_commit(file);
    nastl_h5_close(file);
    TRY(status);
    TRY(nastl_model_load(&model, toy->path, NULL));
    nastl_model_destroy(model);
    return 0;
}

static void check_training(void **state, const char *family, const char *embedding)
{
    struct toy toy;
    toy_init(&toy, state, family, embedding);
    check_out_of_memory(try_train, &toy);
    toy_finish(&toy);
}

static void every_family_says_that_memory_ran_out(void **state)
{
    for (const struct nastl_family *const *at = nastl_families(); *at; at++)
        check_training(state, (*at)->name, "none");
}

static void every_embedding_says_that_memory_ran_out(void **state)
{
    for (size_t i = 1; i < EMBEDDINGS; i++)
        check_training(state, "mlp", embeddings[i]);
}

static void every_family_is_saved_or_says_why_not(void **state)
{
    for (const struct nastl_family *const *at = nastl_families(); *at; at++) {
        struct toy toy;
        toy_init(&toy, state, (*at)->name, "pbld");
        check_out_of_memory(try_file, &toy);
        toy_finish(&toy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_says_that_memory_ran_out),
        cmocka_unit_test(every_embedding_says_that_memory_ran_out),
        cmocka_unit_test(every_family_is_saved_or_says_why_not),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
