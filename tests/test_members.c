/* test_members.c: an ensemble cut to fewer members.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model_toy.h"

#include "meter/latency.h"

/* HDF5 1.10 leaks identifiers where reading fails in the midst of it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

enum { MEMBERS = 6 };

static const char *const kinds[] = {"mini", "full"};
enum { KINDS = 2 };

struct toy {
    struct nastl_dataset *dataset;
    struct nastl_model *model;
    int32_t rows[TOY_ROWS];
    size_t width;
};

/* A TabM of random weights; every task has an embedding of numbers of its own. */
static void toy_init(struct toy *toy, void **state, size_t task, const char *kind,
                     size_t members)
{
    static const char *const embeddings[] = {"none", "piecewise_linear", "periodic"};
    const char *csv = scratch(state, "data.csv");
    toy_write(csv, TOY_ROWS, toy_labels[task], false);
    toy_dataset(&toy->dataset, csv, toy_labels[task]);
    toy->model = toy_model_parts(toy->dataset, NASTL_SCALING_STANDARD);
    struct nastl_candidate *candidate = &toy->model->candidate;
    assert_ok(nastl_candidate_set(candidate, "family", "tabm", 0));
    assert_ok(nastl_candidate_set(candidate, "tabm.kind", kind, 0));
    assert_ok(nastl_candidate_set(candidate, "tabm.members", NULL, (double)members));
    assert_ok(
        nastl_candidate_set(candidate, "input.numeric_embedding", embeddings[task], 0));
    toy_model_net(toy->model);
    for (int32_t i = 0; i < TOY_ROWS; i++)
        toy->rows[i] = i;
    toy->width = nastl_prediction_width(toy->dataset->task, toy->dataset->class_count);
}

static void toy_finish(struct toy *toy)
{
    nastl_model_destroy(toy->model);
    nastl_dataset_destroy(toy->dataset);
}

static double *predictions_of(struct toy *toy)
{
    double *predictions = malloc(TOY_ROWS * toy->width * sizeof *predictions);
    assert_non_null(predictions);
    assert_ok(nastl_model_predictions(toy->model, toy->dataset, toy->rows, TOY_ROWS,
                                      predictions));
    return predictions;
}

/* Member m takes the place of the first. */
static void move_to_front(struct nastl_model *model, size_t m)
{
    for (size_t t = 0; t < model->graph->tensor_count; t++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(model->net, t);
        const enum nastl_role role = model->graph->tensors[t].role;
        const bool head = strncmp(tensor->name, "head.", 5) == 0;
        const bool own =
            head || role == NASTL_ROLE_SIGNS || role == NASTL_ROLE_SCALE ||
            (role == NASTL_ROLE_BIAS && tensor->shape[0] == MEMBERS && tensor->rank == 2);
        const size_t share = tensor->shape[0] * tensor->shape[1] / MEMBERS;
        if (own)
            memmove(tensor->data, tensor->data + m * share, share * sizeof(float));
    }
}

/* What member m alone says. */
static double *member_alone(void **state, size_t task, const char *kind, size_t m)
{
    struct toy toy;
    toy_init(&toy, state, task, kind, MEMBERS);
    move_to_front(toy.model, m);
    assert_ok(nastl_model_keep_members(toy.model, 1));
    double *predictions = predictions_of(&toy);
    toy_finish(&toy);
    return predictions;
}

/* Values are averaged before the transform of the label, which the toy's log1p is. */
static double comparable(enum nastl_task task, double prediction)
{
    return task == NASTL_TASK_REGRESSION ? copysign(log1p(fabs(prediction)), prediction)
                                         : prediction;
}

static void the_first_members_answer_by_their_average(void **state)
{
    for (size_t task = 0; task < TOY_TASKS; task++)
        for (size_t kind = 0; kind < KINDS; kind++) {
            double *alone[MEMBERS];
            for (size_t m = 0; m < MEMBERS; m++)
                alone[m] = member_alone(state, task, kinds[kind], m);
            for (size_t kept = 1; kept <= MEMBERS; kept++) {
                struct toy toy;
                toy_init(&toy, state, task, kinds[kind], MEMBERS);
                assert_ok(nastl_model_keep_members(toy.model, kept));
                double *found = predictions_of(&toy);
                for (size_t i = 0; i < TOY_ROWS * toy.width; i++) {
                    double mean = 0;
                    for (size_t m = 0; m < kept; m++)
                        mean += comparable(toy.dataset->task, alone[m][i]) / (double)kept;
                    const double one = comparable(toy.dataset->task, found[i]);
                    assert_true(fabs(one - mean) < 1e-5);
                }
                free(found);
                toy_finish(&toy);
            }
            for (size_t m = 0; m < MEMBERS; m++)
                free(alone[m]);
        }
}

/* Cut, saved and loaded: the same; and cut again. */
static void a_cut_model_is_a_model_of_fewer(void **state)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct toy toy;
        const char *path = scratch(state, "cut.h5");
        toy_init(&toy, state, 1, kinds[kind], MEMBERS);
        assert_ok(nastl_model_keep_members(toy.model, 4));
        double *before = predictions_of(&toy);
        toy_save(toy.model, path, "/");
        nastl_model_destroy(toy.model);
        assert_ok(nastl_model_load(&toy.model, path, NULL));
        double *after = predictions_of(&toy);
        assert_memory_equal(before, after, TOY_ROWS * toy.width * sizeof *before);
        assert_error(nastl_model_keep_members(toy.model, 5), NASTL_EINVAL, "1 to 4");
        assert_ok(nastl_model_keep_members(toy.model, 2));
        assert_int_equal(nastl_graph_member_count(toy.model->graph), 2);
        free(before);
        free(after);
        toy_finish(&toy);
    }
}

struct passes {
    struct nastl_net *net;
    float x[16];
    int32_t code[4];
    float out[4];
};

static void pass(void *payload)
{
    struct passes *passes = payload;
    nastl_net_forward_row(passes->net, passes->x, passes->code, passes->out);
}

static double latency_of(struct nastl_model *model)
{
    const struct nastl_latency_params params = {.seconds = 0.02};
    struct passes passes = {.net = model->net};
    struct nastl_latency latency;
    for (size_t i = 0; i < 16; i++)
        passes.x[i] = 0.1f * (float)i - 0.5f;
    assert_true(model->layout->numeric <= 16 && model->layout->categorical <= 4);
    assert_ok(nastl_net_prepare_row(model->net));
    assert_ok(nastl_latency_measure(&latency, pass, &passes, &params));
    return latency.median;
}

/* A quarter of the members takes less than half the time, also on a busy machine. */
static void fewer_members_cost_less(void **state)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct toy toy;
        toy_init(&toy, state, 1, kinds[kind], 32);
        const double flops = nastl_graph_flops(toy.model->graph);
        const double latency = latency_of(toy.model);
        const size_t memory = nastl_graph_memory(toy.model->graph);
        assert_ok(nastl_model_keep_members(toy.model, 8));
        const double less = latency_of(toy.model);
        print_message("%s: %.1f µs of 32 members, %.1f of 8\n", kinds[kind], latency,
                      less);
        assert_true(less < latency / 2);
        assert_true(nastl_graph_flops(toy.model->graph) < flops / 3);
        assert_true(nastl_graph_memory(toy.model->graph) < memory);
        toy_finish(&toy);
    }
}

static void what_cannot_be_cut_is_said(void **state)
{
    struct toy toy;
    toy_init(&toy, state, 1, "mini", MEMBERS);
    assert_error(nastl_model_keep_members(toy.model, 0), NASTL_EINVAL, "1 to 6");
    assert_error(nastl_model_keep_members(toy.model, 7), NASTL_EINVAL,
                 "7 of the model's 6");
    assert_int_equal(nastl_graph_member_count(toy.model->graph), MEMBERS);
    nastl_model_destroy(toy.model);
    toy.model = toy_model(toy.dataset, NASTL_SCALING_STANDARD);
    assert_error(nastl_model_keep_members(toy.model, 1), NASTL_EINVAL,
                 "members: a model of the family 'mlp' has none");
    toy_finish(&toy);
}

static int try_cut(void *payload)
{
    return nastl_model_keep_members(payload, 2);
}

/* Without memory, the model stays whole. */
static void memory_that_runs_out_is_said(void **state)
{
    struct toy toy;
    toy_init(&toy, state, 0, "full", MEMBERS);
    double *whole = predictions_of(&toy);
    nastl_alloc_fail_from(9);
    assert_int_equal(nastl_model_keep_members(toy.model, 2), NASTL_ENOMEM);
    nastl_alloc_fail_from(0);
    double *after = predictions_of(&toy);
    assert_memory_equal(whole, after, TOY_ROWS * toy.width * sizeof *whole);
    check_out_of_memory(try_cut, toy.model);
    assert_int_equal(nastl_graph_member_count(toy.model->graph), 2);
    free(whole);
    free(after);
    toy_finish(&toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_members_answer_by_their_average),
        cmocka_unit_test(a_cut_model_is_a_model_of_fewer),
        cmocka_unit_test(fewer_members_cost_less),
        cmocka_unit_test(what_cannot_be_cut_is_said),
        cmocka_unit_test(memory_that_runs_out_is_said),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
