/* test_source.c: the networks that candidates are warm-started from: one for each family
 * that can inherit, kept in one file, taken up where they were stopped.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run_toy.h"

#include "io/file.h"
#include "run/source.h"
#include "run/trial.h"
#include "run/widest.h"

static const char joint[] =
    "schema: nas-tl/space/v1\n"
    "name: toy\n"
    "family: {choice: [mlp, resnet, tabm]}\n"
    "mlp: {layers: {int: [1, 2]}, width: {int: [4, 12], per: layer}}\n"
    "resnet: {blocks: {int: [1, 2]}, width: {int: [4, 16]}, dropout: {float: [0, 0.5]}}\n"
    "tabm: {members: {choice: [2, 4, 3]}, layers: 1, width: {int: [4, 8]}}\n"
    "training: {batch_size: 32, max_epochs: 8}\n"
    "transfer: {strategy: {choice: [scratch, fine_tune], when: \"family != tabm\"}}\n";

static const char plain[] = "schema: nas-tl/space/v1\n"
                            "name: toy\n"
                            "family: mlp\n"
                            "transfer: {strategy: scratch}\n";

/* ---- hooks ------------------------------------------------------------------------- */

/* What was told, and a wish to stop. */
struct listener {
    struct halt halt;
    double time;      /* seconds that the search has; 0: without limit */
    char phases[512]; /* each once */
    double begun;     /* when the last one of these was told first */
};

static bool wants_stop(void *payload)
{
    return is_halted(&((struct listener *)payload)->halt);
}

static void listen(const struct nastl_progress *progress, void *payload)
{
    struct listener *listener = payload;
    const size_t length = strlen(listener->phases);
    if (strstr(listener->phases, progress->phase))
        return;
    snprintf(listener->phases + length, sizeof listener->phases - length, "%s;",
             progress->phase);
    listener->begun = progress->seconds;
}

static int prepare(struct nastl_problem *problem, void **state, const char *warm_start,
                   struct listener *listener)
{
    const struct nastl_hooks hooks = {
        .progress = listen, .stop = wants_stop, .payload = listener};
    struct nastl_budget budget;
    const struct nastl_source_params params = {
        .warm_start = warm_start,
        .path = scratch(state, "source.h5"),
        .checkpoints = *state,
        .jobs = 1,
        .budget = &budget,
    };
    nastl_budget_start(&budget, listener->time, &hooks);
    return nastl_source_prepare(problem, &params);
}

static void assert_same_weights(const struct nastl_model *a, const struct nastl_model *b)
{
    for (size_t t = 0; t < nastl_net_tensor_count(a->net); t++) {
        const struct nastl_tensor *x = nastl_net_tensor(a->net, t);
        const struct nastl_tensor *y = nastl_net_tensor(b->net, t);
        assert_memory_equal(x->data, y->data,
                            x->shape[0] * (x->rank == 2 ? x->shape[1] : 1) *
                                sizeof(float));
    }
}

/* ---- which ones -------------------------------------------------------------------- */

static void families_that_inherit_have_one(void **state)
{
    struct nastl_problem *problem = toy_problem(state, joint, "1", 1);
    struct nastl_problem *again = toy_problem(state, joint, "1", 1);
    struct listener listener = {0};
    assert_ok(prepare(problem, state, NULL, &listener));
    assert_int_equal(problem->warm_count, 2);
    assert_non_null(nastl_problem_warm(problem, "mlp"));
    assert_non_null(nastl_problem_warm(problem, "resnet"));
    assert_null(nastl_problem_warm(problem, "tabm"));
    assert_string_equal(listener.phases, "source mlp;source resnet;");
    listener = (struct listener){.halt.at = 1}; /* nothing is trained again */
    assert_ok(prepare(again, state, NULL, &listener));
    assert_int_equal(again->warm_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_same_weights(problem->warm[i], again->warm[i]);
    remove(scratch(state, "source.h5"));
    nastl_problem_destroy(problem);
    nastl_problem_destroy(again);
}

static void nobody_inherits_nothing_is_trained(void **state)
{
    struct nastl_problem *problem = toy_problem(state, plain, "1", 1);
    struct listener listener = {.halt.at = 1};
    assert_ok(prepare(problem, state, NULL, &listener));
    assert_int_equal(problem->warm_count, 0);
    assert_false(nastl_file_exists(scratch(state, "source.h5")));
    nastl_problem_destroy(problem);
}

static void the_widest_is_wide(void **state)
{
    struct nastl_problem *problem = toy_problem(state, joint, "1", 1);
    struct nastl_candidate candidate;
    nastl_candidate_init(&candidate);
    assert_ok(nastl_widest_candidate(&candidate, problem, "resnet"));
    assert_true(nastl_candidate_number(&candidate, "resnet.blocks", 0) == 2);
    assert_true(nastl_candidate_number(&candidate, "resnet.width", 0) == 16);
    assert_true(nastl_candidate_number(&candidate, "resnet.dropout", 1) < 0.2);
    assert_true(nastl_candidate_number(&candidate, "training.max_epochs", 0) == 8);
    nastl_candidate_finish(&candidate);
    assert_ok(nastl_widest_candidate(&candidate, problem, "tabm"));
    assert_true(nastl_candidate_number(&candidate, "tabm.members", 0) == 4);
    nastl_candidate_finish(&candidate);
    nastl_problem_destroy(problem);
}

/* Few rows of the toy stand for many: an epoch costs what its rows cost. */
static void the_widest_stays_affordable(void **state)
{
    struct nastl_problem *problem = toy_problem(state, joint, "1", 1);
    struct nastl_candidate candidate;
    const size_t rows = problem->source->train_count;
    double width = 16, epochs = 8;
    for (size_t most = 1000 * 1000; most < (size_t)1e12; most *= 10) {
        nastl_candidate_init(&candidate);
        problem->source->train_count = most;
        assert_ok(nastl_widest_candidate(&candidate, problem, "resnet"));
        const double wide = nastl_candidate_number(&candidate, "resnet.width", 0);
        const double long_for =
            nastl_candidate_number(&candidate, "training.max_epochs", 0);
        assert_true(wide <= width && wide >= 4);
        assert_true(long_for <= epochs && long_for >= 4);
        width = wide;
        epochs = long_for;
        nastl_candidate_finish(&candidate);
    }
    assert_true(width < 16 && epochs == 4);
    problem->source->train_count = rows;
    nastl_problem_destroy(problem);
}

/* ---- stopped and taken up ---------------------------------------------------------- */

static void a_stopped_one_goes_on(void **state)
{
    struct nastl_problem *problem = toy_problem(state, joint, "1", 1);
    struct listener listener = {0};
    assert_ok(prepare(problem, state, NULL, &listener));
    remove(scratch(state, "source.h5"));
    size_t processes = 0;
    for (int status = NASTL_EINTERRUPTED; status != NASTL_OK; processes++) {
        struct nastl_problem *again = toy_problem(state, joint, "1", 1);
        listener = (struct listener){.halt.at = 19};
        status = prepare(again, state, NULL, &listener);
        assert_true(status == NASTL_OK || status == NASTL_EINTERRUPTED);
        assert_int_equal(again->warm_count, status == NASTL_OK ? 2 : 0);
        for (size_t i = 0; i < again->warm_count; i++)
            assert_same_weights(problem->warm[i], again->warm[i]);
        nastl_problem_destroy(again);
        assert_true(processes < 50);
    }
    assert_true(processes > 3);
    assert_false(nastl_file_exists(scratch(state, "source-mlp.h5")));
    assert_false(nastl_file_exists(scratch(state, "source-resnet.h5")));
    remove(scratch(state, "source.h5"));
    nastl_problem_destroy(problem);
}

/* ---- time ------------------------------------------------------------------------- */

/* Two that would never end: of a third of the time, each has a half. */
static void families_share_a_third_of_the_time(void **state)
{
    char endless[sizeof joint + 64];
    const char *at = strstr(joint, "max_epochs: 8");
    snprintf(endless, sizeof endless, "%.*smax_epochs: 100000, patience: 100000%s",
             (int)(at - joint), joint, at + strlen("max_epochs: 8"));
    struct nastl_problem *problem = toy_problem(state, endless, "1", 1);
    struct listener listener = {.time = 4};
    const double third = (4 - 1 - 0.05 * 4) / 3; /* files have their second */
    const double begun = nastl_clock_seconds();
    assert_ok(prepare(problem, state, NULL, &listener));
    const double took = nastl_clock_seconds() - begun;
    print_message("%.2f s of %.2f s, the second from %.2f s on\n", took, third,
                  listener.begun);
    assert_int_equal(problem->warm_count, 2);
    assert_true(took > 0.9 * third && took < third + 0.5);
    assert_true(listener.begun > 0.4 * third && listener.begun < 0.9 * third);
    remove(scratch(state, "source.h5"));
    nastl_problem_destroy(problem);
}

/* ---- --warm-start ------------------------------------------------------------------ */

static void a_model_serves_its_own_family(void **state)
{
    char model[600];
    struct nastl_problem *problem = toy_problem(state, joint, "1", 1);
    struct listener listener = {0};
    assert_ok(prepare(problem, state, NULL, &listener));
    assert_error(prepare(problem, state, "x.h5", &listener), NASTL_EINVAL,
                 "--warm-start");
    nastl_problem_destroy(problem);
    assert_int_equal(rename(scratch(state, "source.h5"), scratch(state, "old.h5")), 0);

    problem = toy_problem(state, joint, "1", 1);
    nastl_view_destroy(problem->source);
    problem->source = NULL;
    snprintf(model, sizeof model, "%s:/resnet", scratch(state, "old.h5"));
    assert_ok(prepare(problem, state, model, &listener));
    assert_int_equal(problem->warm_count, 1);
    assert_non_null(nastl_problem_warm(problem, "resnet"));
    nastl_problem_destroy(problem);

    problem = toy_problem(state, joint, "1", 1);
    nastl_view_destroy(problem->source);
    problem->source = NULL;
    assert_ok(prepare(problem, state, scratch(state, "old.h5"), &listener));
    assert_int_equal(problem->warm_count, 2); /* as it was left */
    remove(scratch(state, "old.h5"));
    nastl_problem_destroy(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_that_inherit_have_one),
        cmocka_unit_test(nobody_inherits_nothing_is_trained),
        cmocka_unit_test(the_widest_is_wide),
        cmocka_unit_test(the_widest_stays_affordable),
        cmocka_unit_test(a_stopped_one_goes_on),
        cmocka_unit_test(families_share_a_third_of_the_time),
        cmocka_unit_test(a_model_serves_its_own_family),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
