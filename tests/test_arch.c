/* test_arch.c: graphs of candidates, what they cost, and what is refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net_toy.h"

#include <stdio.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "base/error.h"

static int build(struct nastl_graph **out, const char *const *settings,
                 const struct nastl_shape *shape)
{
    struct nastl_candidate candidate;
    toy_candidate(&candidate, settings);
    const int status = nastl_arch_build(out, &candidate, shape);
    nastl_candidate_finish(&candidate);
    return status;
}

static struct nastl_graph *built(const char *const *settings,
                                 const struct nastl_shape *shape)
{
    struct nastl_graph *graph = NULL;
    assert_int_equal(build(&graph, settings, shape), 0);
    return graph;
}

static const struct nastl_tensor_spec *find(const struct nastl_graph *graph,
                                            const char *name)
{
    for (size_t i = 0; i < graph->tensor_count; i++)
        if (strcmp(graph->tensors[i].name, name) == 0)
            return &graph->tensors[i];
    return NULL;
}

static void families_are_found_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; nastl_families()[i]; i++)
        assert_ptr_equal(nastl_family_find(nastl_families()[i]->name),
                         nastl_families()[i]);
    assert_null(nastl_family_find("forest"));
}

static void blocks_stand_in_order(void **state)
{
    (void)state;
    const struct nastl_shape shape = {.numeric = 5, .outputs = 3};
    struct nastl_graph *graph = built(
        SETTINGS("mlp.layers=2", "mlp.width.0=8", "mlp.width.1=4", "mlp.activation=gelu",
                 "mlp.normalization=batch", "mlp.dropout=0.25"),
        &shape);
    const enum nastl_node_kind kinds[] = {NASTL_NODE_INPUT,      NASTL_NODE_LINEAR,
                                          NASTL_NODE_BATCH_NORM, NASTL_NODE_ACTIVATION,
                                          NASTL_NODE_DROPOUT,    NASTL_NODE_LINEAR,
                                          NASTL_NODE_BATCH_NORM, NASTL_NODE_ACTIVATION,
                                          NASTL_NODE_DROPOUT,    NASTL_NODE_LINEAR};
    const size_t widths[] = {5, 8, 8, 8, 8, 4, 4, 4, 4, 3};
    assert_int_equal(graph->node_count, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(graph->nodes[i].kind, kinds[i]);
        assert_int_equal(graph->nodes[i].width, widths[i]);
        assert_int_equal(graph->nodes[i].from, i ? i - 1 : 0);
        assert_string_not_equal(nastl_node_kind_name(kinds[i]), "");
    }
    assert_int_equal(graph->nodes[3].activation, NASTL_ACTIVATION_GELU);
    assert_true(graph->nodes[4].rate == 0.25);
    nastl_graph_destroy(graph);
}

/* As torch.nn.Linear, BatchNorm1d and LayerNorm name and shape them. */
static void tensors_are_named_as_in_pytorch(void **state)
{
    (void)state;
    static const size_t cardinality[] = {3, 100};
    const struct nastl_shape shape = {
        .numeric = 5, .categorical = 2, .cardinality = cardinality, .outputs = 4};
    struct nastl_graph *graph =
        built(SETTINGS("mlp.layers=1", "mlp.width=8", "mlp.normalization=batch"), &shape);
    const struct {
        const char *name;
        int rank;
        size_t rows, columns;
        enum nastl_role role;
    } wanted[] = {
        {"embeddings.1.weight", 2, 100, 22, NASTL_ROLE_EMBEDDING},
        {"blocks.0.weight", 2, 8, 5 + 3 + 22, NASTL_ROLE_WEIGHT},
        {"blocks.0.bias", 1, 8, 1, NASTL_ROLE_BIAS},
        {"blocks.0.norm.weight", 1, 8, 1, NASTL_ROLE_SCALE},
        {"blocks.0.norm.bias", 1, 8, 1, NASTL_ROLE_SHIFT},
        {"blocks.0.norm.running_mean", 1, 8, 1, NASTL_ROLE_MEAN},
        {"blocks.0.norm.running_var", 1, 8, 1, NASTL_ROLE_VARIANCE},
        {"head.weight", 2, 4, 8, NASTL_ROLE_WEIGHT},
        {"head.bias", 1, 4, 1, NASTL_ROLE_BIAS},
    };
    const size_t count = sizeof wanted / sizeof *wanted;
    assert_int_equal(graph->tensor_count, count);
    for (size_t i = 0; i < count; i++) {
        const struct nastl_tensor_spec *spec = find(graph, wanted[i].name);
        assert_non_null(spec);
        assert_int_equal(spec->rank, wanted[i].rank);
        assert_int_equal(spec->shape[0], wanted[i].rows);
        assert_int_equal(spec->shape[1], wanted[i].columns);
        assert_int_equal(spec->role, wanted[i].role);
    }
    nastl_graph_destroy(graph);
}

static void categories_are_encoded_by_cardinality(void **state)
{
    (void)state;
    static const size_t cardinality[] = {1, 16, 17, 1000};
    const struct nastl_shape shape = {
        .numeric = 2, .categorical = 4, .cardinality = cardinality, .outputs = 1};
    struct nastl_graph *graph = built(SETTINGS("mlp.layers=0"), &shape);
    /* ceil(1.6 * 17^0.56) = ceil(7.82) = 8; 1.6 * 1000^0.56 = 76.6 is above 32. */
    const size_t widths[] = {1, 16, 8, 32};
    size_t at = 2;
    for (size_t k = 0; k < 4; k++) {
        assert_int_equal(graph->encodings[k].at, at);
        assert_int_equal(graph->encodings[k].width, widths[k]);
        assert_int_equal(graph->encodings[k].embedded,
                         cardinality[k] > NASTL_ONE_HOT_MOST);
        at += widths[k];
    }
    assert_int_equal(graph->nodes[0].width, at);
    assert_null(find(graph, "embeddings.1.weight"));
    assert_int_equal(find(graph, "embeddings.3.weight")->shape[0], 1000);
    nastl_graph_destroy(graph);
}

/* ---- costs, counted by hand ---- */

static void costs_of_a_plain_network(void **state)
{
    (void)state;
    const struct nastl_shape shape = {.numeric = 10, .outputs = 3};
    struct nastl_graph *graph =
        built(SETTINGS("family=mlp", "mlp.layers=2", "mlp.width.0=16", "mlp.width.1=8"),
              &shape);
    assert_int_equal(nastl_graph_parameters(graph),
                     (10 * 16 + 16) + (16 * 8 + 8) + (8 * 3 + 3));
    assert_true(nastl_graph_flops(graph) ==
                (2 * 10 * 16 + 16 + 16) + (2 * 16 * 8 + 8 + 8) + (2 * 8 * 3 + 3));
    /* The most activations: 10 inputs and 16 outputs of the first layer. */
    assert_int_equal(nastl_graph_memory(graph), 4 * (339 + 26));
    nastl_graph_destroy(graph);
}

static void costs_of_norms_and_activations(void **state)
{
    (void)state;
    static const size_t cardinality[] = {4, 20};
    const struct nastl_shape shape = {
        .numeric = 6, .categorical = 2, .cardinality = cardinality, .outputs = 1};
    const size_t inputs = 6 + 4 + 9; /* ceil(1.6 * 20^0.56) = 9 */
    const size_t dense = inputs * 32 + 32 + 32 + 1 + 20 * 9;
    struct nastl_graph *layer =
        built(SETTINGS("mlp.layers=1", "mlp.width=32", "mlp.normalization=layer",
                       "mlp.activation=gelu", "mlp.dropout=0.5"),
              &shape);
    assert_int_equal(nastl_graph_parameters(layer), dense + 64);
    assert_true(nastl_graph_flops(layer) ==
                (double)(2 * inputs * 32 + 32 + 7 * 32 + 5 * 32 + 2 * 32 + 1));
    nastl_graph_destroy(layer);
    struct nastl_graph *batch =
        built(SETTINGS("mlp.layers=1", "mlp.width=32", "mlp.normalization=batch",
                       "mlp.activation=silu"),
              &shape);
    assert_int_equal(nastl_graph_parameters(batch), dense + 64);
    assert_true(nastl_graph_flops(batch) ==
                (double)(2 * inputs * 32 + 32 + 2 * 32 + 4 * 32 + 2 * 32 + 1));
    /* Running statistics are bytes, but no parameters. */
    assert_int_equal(nastl_graph_memory(batch), 4 * (dense + 64 + 64 + inputs + 32));
    nastl_graph_destroy(batch);
}

static void costs_of_a_residual_network(void **state)
{
    (void)state;
    const struct nastl_shape shape = {.numeric = 10, .outputs = 3};
    struct nastl_graph *graph =
        built(SETTINGS("family=resnet", "resnet.blocks=2", "resnet.width=20",
                       "resnet.expansion=1.3", "resnet.dropout=0.2"),
              &shape);
    /* 20 * 1.3 = 26 is rounded to 24. */
    const size_t linear1 = 20 * 24 + 24, linear2 = 24 * 20 + 20, norm = 2 * 20;
    const size_t parameters =
        (10 * 20 + 20) + 2 * (norm + linear1 + linear2) + norm + (20 * 3 + 3);
    assert_int_equal(nastl_graph_parameters(graph), parameters);
    const size_t block = 2 * 20 + (2 * 20 * 24 + 24) + 24 + (2 * 24 * 20 + 20) + 20;
    assert_true(nastl_graph_flops(graph) == (double)((2 * 10 * 20 + 20) + 2 * block +
                                                     2 * 20 + 20 + (2 * 20 * 3 + 3)));
    /* The most activations: the stream, what is normalised of it, and the hidden ones. */
    assert_int_equal(nastl_graph_memory(graph),
                     4 * (parameters + 3 * 2 * 20 + 20 + 20 + 24));
    nastl_graph_destroy(graph);
}

static void residual_blocks_are_added_to_the_stream(void **state)
{
    (void)state;
    const struct nastl_shape shape = {.numeric = 5, .outputs = 3};
    struct nastl_graph *graph =
        built(SETTINGS("family=resnet", "resnet.blocks=1", "resnet.width=8"), &shape);
    /* 0 input, 1 stem, 2 norm, 3 linear1, 4 relu, 5 linear2, 6 add, 7 norm, 8 relu, 9 */
    assert_int_equal(graph->node_count, 10);
    assert_int_equal(graph->nodes[6].kind, NASTL_NODE_ADD);
    assert_int_equal(graph->nodes[6].from, 5);
    assert_int_equal(graph->nodes[6].other, 1);
    assert_int_equal(nastl_graph_readers(graph, 1), 2);
    assert_int_equal(nastl_graph_readers(graph, 9), 0);
    assert_int_equal(find(graph, "blocks.0.linear1.weight")->shape[0], 16);
    const char *const names[] = {"stem.weight", "blocks.0.norm.running_mean",
                                 "blocks.0.linear2.bias", "head.norm.weight",
                                 "head.bias"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(find(graph, names[i]));
    nastl_graph_destroy(graph);
}

static void costs_of_members(void **state)
{
    (void)state;
    const struct nastl_shape shape = {.numeric = 10, .outputs = 3};
    struct nastl_graph *mini =
        built(SETTINGS("family=tabm", "tabm.members=4", "tabm.layers=2", "tabm.width=16"),
              &shape);
    const size_t head = 4 * (16 * 3 + 3);
    const size_t shared = (10 * 16 + 16) + (16 * 16 + 16);
    assert_int_equal(nastl_graph_parameters(mini), 4 * 10 + shared + head);
    /* Of each member: scale, two layers with a ReLU, head, probabilities; then
     * logarithms. */
    const size_t member =
        10 + (2 * 10 * 16 + 2 * 16) + (2 * 16 * 16 + 2 * 16) + (2 * 16 * 3 + 3) + 5 * 3;
    assert_true(nastl_graph_flops(mini) == (double)(4 * member + 2 * 3));
    assert_int_equal(nastl_graph_memory(mini),
                     4 * (4 * 10 + shared + head + 4 * (16 + 16)));
    nastl_graph_destroy(mini);
    struct nastl_graph *full =
        built(SETTINGS("family=tabm", "tabm.kind=full", "tabm.members=4", "tabm.layers=2",
                       "tabm.width=16"),
              &shape);
    assert_int_equal(nastl_graph_parameters(full),
                     4 * (10 + 16 + 16) + 10 * 16 + 4 * (16 + 16 + 16) + 16 * 16 + head);
    assert_int_equal(find(full, "blocks.1.r")->shape[0], 4);
    assert_int_equal(find(full, "blocks.1.bias")->rank, 2);
    assert_int_equal(find(full, "head.weight")->shape[0], 4 * 3);
    nastl_graph_destroy(full);
}

/* Several networks: tables once, all else for each of them. */
static void an_ensemble_has_the_costs_of_its_networks(void **state)
{
    (void)state;
    static const size_t cardinality[] = {40};
    const struct nastl_shape shape = {
        .numeric = 5, .categorical = 1, .cardinality = cardinality, .outputs = 3};
    struct nastl_graph *one = built(SETTINGS("mlp.width=16"), &shape);
    struct nastl_graph *four = built(SETTINGS("mlp.width=16", "ensemble=4"), &shape);
    const size_t table = nastl_tensor_size(find(one, "embeddings.0.weight"));
    assert_int_equal(nastl_graph_parameters(four),
                     4 * (nastl_graph_parameters(one) - table) + table);
    assert_true(nastl_graph_flops(four) ==
                4 * (nastl_graph_flops(one) + 5 * 3) + 2 * 3); /* and the average */
    assert_non_null(find(four, "embeddings.0.weight"));
    assert_non_null(find(four, "members.0.blocks.0.weight"));
    assert_non_null(find(four, "members.3.head.bias"));
    nastl_graph_destroy(one);
    nastl_graph_destroy(four);
    struct nastl_graph *tabm =
        built(SETTINGS("family=tabm", "tabm.members=3", "ensemble=2"), &shape);
    const struct nastl_node *last = &tabm->nodes[tabm->node_count - 1];
    assert_int_equal(last->kind, NASTL_NODE_AVERAGE);
    assert_int_equal(tabm->nodes[last->from].kind, NASTL_NODE_STACK);
    assert_int_equal(tabm->nodes[last->from].rows, 6);
    assert_int_equal(last->rows, 1);
    nastl_graph_destroy(tabm);
}

/* ---- refusals ---- */

static void assert_refused(const char *setting, const char *sentence)
{
    const struct nastl_shape shape = {.numeric = 5, .outputs = 3};
    struct nastl_graph *graph = NULL;
    assert_int_equal(build(&graph, SETTINGS(setting), &shape), NASTL_EINVAL);
    assert_string_equal(nastl_error_last(), sentence);
    assert_null(graph);
}

static void assert_refused_in(const char *family, const char *setting,
                              const char *sentence)
{
    char text[40];
    const struct nastl_shape shape = {.numeric = 5, .outputs = 3};
    struct nastl_graph *graph = NULL;
    snprintf(text, sizeof text, "family=%s", family);
    assert_int_equal(build(&graph, SETTINGS(text, setting), &shape), NASTL_EINVAL);
    assert_string_equal(nastl_error_last(), sentence);
    assert_null(graph);
}

static void what_cannot_be_built_is_refused(void **state)
{
    (void)state;
    assert_refused("family=forest",
                   "family: 'forest' is not known; give one of mlp, resnet, tabm, "
                   "ft_transformer");
    assert_refused("mlp.layers=2.5", "mlp.layers: 2.5 cannot be built; give a whole "
                                     "number from 0 to 64");
    assert_refused("mlp.layers=nan", "mlp.layers: 'nan' cannot be built; give a whole "
                                     "number from 0 to 64");
    assert_refused("mlp.width=0", "mlp.width: 0 cannot be built; give a whole number "
                                  "from 1 to 65536");
    assert_refused("mlp.width.1=-3", "mlp.width.1: -3 cannot be built; give a whole "
                                     "number from 1 to 65536");
    assert_refused(
        "mlp.activation=3",
        "mlp.activation: 3 is not known; give one of relu, gelu, silu, selu, mish");
    assert_refused(
        "mlp.activation=tanh",
        "mlp.activation: 'tanh' is not known; give one of relu, gelu, silu, selu, mish");
    assert_refused("mlp.normalization=group", "mlp.normalization: 'group' is not known; "
                                              "give one of none, layer, batch");
    assert_refused_in(
        "resnet", "resnet.expansion=0.5",
        "resnet.expansion: 0.5 cannot be built; give a number from 1 to 64");
    assert_refused("mlp.dropout=1",
                   "mlp.dropout: 1 cannot be built; give a number from 0 to below 1");
}

static void shapes_without_ends_are_refused(void **state)
{
    (void)state;
    static const size_t cardinality[] = {0};
    const struct nastl_shape shapes[] = {
        {.numeric = 5},
        {.outputs = 1},
        {.categorical = 1, .cardinality = cardinality, .outputs = 1},
    };
    struct nastl_graph *graph = NULL;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        assert_int_equal(build(&graph, SETTINGS("mlp.layers=1"), &shapes[i]),
                         NASTL_EINVAL);
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    static const size_t cardinality[] = {30, 4};
    const struct nastl_shape shape = {
        .numeric = 5, .categorical = 2, .cardinality = cardinality, .outputs = 3};
    struct nastl_candidate candidate;
    toy_candidate(&candidate, SETTINGS("mlp.layers=6", "mlp.normalization=batch"));
    struct nastl_graph *graph = NULL;
    int status = NASTL_ENOMEM;
    for (size_t n = 1; status != 0; n++) {
        nastl_alloc_fail_from(n);
        status = nastl_arch_build(&graph, &candidate, &shape);
        nastl_alloc_fail_from(0);
        assert_true(status == 0 || status == NASTL_ENOMEM);
    }
    nastl_graph_destroy(graph);
    nastl_candidate_finish(&candidate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_are_found_by_name),
        cmocka_unit_test(blocks_stand_in_order),
        cmocka_unit_test(tensors_are_named_as_in_pytorch),
        cmocka_unit_test(categories_are_encoded_by_cardinality),
        cmocka_unit_test(costs_of_a_plain_network),
        cmocka_unit_test(costs_of_norms_and_activations),
        cmocka_unit_test(costs_of_a_residual_network),
        cmocka_unit_test(costs_of_members),
        cmocka_unit_test(an_ensemble_has_the_costs_of_its_networks),
        cmocka_unit_test(residual_blocks_are_added_to_the_stream),
        cmocka_unit_test(what_cannot_be_built_is_refused),
        cmocka_unit_test(shapes_without_ends_are_refused),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
