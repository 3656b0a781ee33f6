/* test_strategy.c: strategies of transfer: one list of them everywhere, what each makes
 * of a training, and every one with every family, alone and in an ensemble.
 * SPDX-License-Identifier: Apache-2.0 */
#include "run_toy.h"

#include <math.h>

#include "io/file.h"
#include "run/source.h"
#include "run/trial.h"
#include "space/keys.h"
#include "transfer/strategy.h"

/* ---- one list ---------------------------------------------------------------------- */

static const struct nastl_key *transfer_key(const char *name)
{
    for (const struct nastl_section *s = nastl_vocabulary.shared; s->name; s++)
        for (const struct nastl_key *key = s->keys; key->name; key++)
            if (strcmp(s->name, "transfer") == 0 && strcmp(key->name, name) == 0)
                return key;
    fail_msg("transfer.%s: no such key", name);
    return NULL;
}

static void the_space_has_the_words_of_the_table(void **state)
{
    (void)state;
    const struct nastl_strategy *const *strategies = nastl_strategies();
    const char *const *words = transfer_key("strategy")->words;
    for (; *strategies && *words; strategies++, words++) {
        assert_string_equal((*strategies)->name, *words);
        assert_ptr_equal(nastl_strategy_find(*words), *strategies);
    }
    assert_null(*strategies);
    assert_null(*words);
    assert_null(nastl_strategy_find("none"));
}

static void the_readme_describes_every_strategy(void **state)
{
    (void)state;
    char *text, row[512];
    size_t length;
    assert_ok(nastl_file_read(&text, &length, TESTS_SOURCE "/../search_spaces/README.md",
                              1 << 20));
    for (const struct nastl_strategy *const *s = nastl_strategies(); *s; s++) {
        snprintf(row, sizeof row, "| `%s` | %s |", (*s)->name, (*s)->description);
        if (!strstr(text, row))
            fail_msg("search_spaces/README.md lacks: %s", row);
    }
    free(text);
}

/* ---- layers ------------------------------------------------------------------------ */

static void set(struct nastl_candidate *candidate, const char *key, const char *text,
                double number)
{
    assert_ok(nastl_candidate_set(candidate, key, text, number));
}

static void check_layers(const char *family, double ensemble, const char *const *names,
                         const size_t *wanted, size_t deepest)
{
    static const size_t cardinality[] = {40};
    const struct nastl_shape shape = {
        .numeric = 3, .categorical = 1, .cardinality = cardinality, .outputs = 2};
    struct nastl_candidate candidate;
    struct nastl_graph *graph;
    size_t distance[128], found = 0;
    nastl_candidate_init(&candidate);
    set(&candidate, "family", family, 0);
    set(&candidate, "ensemble", NULL, ensemble);
    set(&candidate, "mlp.normalization", "batch", 0);
    assert_ok(nastl_arch_build(&graph, &candidate, &shape));
    assert_true(graph->tensor_count <= 128);
    assert_int_equal(nastl_layer_distances(distance, graph), deepest);
    for (size_t i = 0; names[i]; i++)
        for (size_t t = 0; t < graph->tensor_count; t++) {
            if (!strstr(graph->tensors[t].name, names[i]))
                continue;
            assert_int_equal(distance[t], wanted[i]);
            found++;
        }
    assert_true(found >= 4);
    nastl_graph_destroy(graph);
    nastl_candidate_finish(&candidate);
}

static void layers_are_counted_from_the_head(void **state)
{
    (void)state;
    static const char *const mlp[] = {"head.weight", "blocks.1.norm.weight",
                                      "blocks.0.bias", "embeddings.0.weight", NULL};
    static const char *const others[] = {"head.bias", "head.norm.weight",    "blocks.1.",
                                         "blocks.0.", "embeddings.0.weight", NULL};
    static const char *const tabm[] = {"head.weight", "blocks.1.weight",
                                       "blocks.0.weight", "members.r", NULL};
    const size_t four[] = {0, 1, 2, 3}, more[] = {0, 1, 1, 2, 3};
    const size_t three[] = {0, 1, 2, 3, 4};
    check_layers("mlp", 1, mlp, four, 3);
    check_layers("mlp", 3, mlp, four, 3);
    check_layers("resnet", 1, others, more, 3);
    check_layers("tabm", 1, tabm, four, 3);
    check_layers("tabm", 2, tabm, four, 3);
    check_layers("ft_transformer", 1,
                 (const char *const[]){"head.weight", "blocks.2.", "blocks.1.",
                                       "blocks.0.", "tokens.", NULL},
                 three, 4);
}

/* ---- trainings --------------------------------------------------------------------- */

static const char space[] =
    "schema: nas-tl/space/v1\n"
    "family: {choice: [mlp, resnet, tabm, ft_transformer]}\n"
    "mlp: {layers: 2, width: 12, normalization: batch, dropout: 0.1}\n"
    "resnet: {blocks: 1, width: 8}\n"
    "tabm: {members: 3, layers: 2, width: 8}\n"
    "ft_transformer: {blocks: 1, token_width: 8, heads: {choice: [2, 4]}}\n"
    "training: {batch_size: 32, max_epochs: 8, learning_rate: 0.01}\n"
    "transfer: {strategy: {choice: [scratch, fine_tune]}}\n";

static const char *const families[] = {"mlp", "resnet", "tabm", "ft_transformer"};
enum { FAMILIES = 4 };

static struct nastl_problem *problem_with_sources(void **state)
{
    struct nastl_problem *problem = toy_problem(state, space, "1", 1);
    const struct nastl_hooks hooks = {0};
    struct nastl_budget budget;
    const struct nastl_source_params params = {.path = scratch(state, "source.h5"),
                                               .checkpoints = *state,
                                               .jobs = 1,
                                               .budget = &budget};
    nastl_budget_start(&budget, 0, &hooks);
    assert_ok(nastl_source_prepare(problem, &params));
    assert_int_equal(problem->warm_count, FAMILIES);
    return problem;
}

/* As the source network of the family, with a strategy. */
static void candidate_of(struct nastl_candidate *out, const struct nastl_problem *problem,
                         const char *family, const char *strategy, double ensemble)
{
    nastl_candidate_init(out);
    assert_ok(nastl_candidate_copy(out, &nastl_problem_warm(problem, family)->candidate));
    set(out, "transfer.strategy", strategy, 0);
    set(out, "transfer.head_epochs", NULL, 2);
    set(out, "ensemble", NULL, ensemble);
}

static int train(struct nastl_model **out, struct nastl_trained *trained,
                 const struct nastl_problem *problem,
                 const struct nastl_candidate *candidate, size_t epochs)
{
    const struct nastl_training training = {
        .problem = problem,
        .view = epochs ? problem->full : problem->folds[0],
        .candidate = candidate,
        .epochs = epochs,
        .warm =
            nastl_problem_warm(problem, nastl_candidate_text(candidate, "family", "")),
    };
    TRY(nastl_train_model(out, trained, &training));
    free(trained->answers);
    trained->answers = NULL;
    return NASTL_OK;
}

static struct nastl_model *trained_model(const struct nastl_problem *problem,
                                         const struct nastl_candidate *candidate,
                                         size_t epochs)
{
    struct nastl_trained trained;
    struct nastl_model *model;
    assert_ok(train(&model, &trained, problem, candidate, epochs));
    assert_true(trained.matched > 0.9);
    return model;
}

static bool is_same(const struct nastl_tensor *a, const struct nastl_tensor *b)
{
    return memcmp(a->data, b->data, a->shape[0] * a->shape[1] * sizeof *a->data) == 0;
}

static bool same_weights(const struct nastl_model *a, const struct nastl_model *b)
{
    bool same = true;
    for (size_t t = 0; t < nastl_net_tensor_count(a->net); t++)
        same = same && is_same(nastl_net_tensor(a->net, t), nastl_net_tensor(b->net, t));
    return same;
}

/* It trains, the same way each time, and not as fine-tuning does. */
static void check_strategy(const struct nastl_problem *problem, const char *family,
                           const char *strategy, double ensemble)
{
    struct nastl_candidate candidate, plain;
    candidate_of(&candidate, problem, family, strategy, ensemble);
    candidate_of(&plain, problem, family, "fine_tune", ensemble);
    struct nastl_model *one = trained_model(problem, &candidate, 6);
    struct nastl_model *other = trained_model(problem, &candidate, 6);
    struct nastl_model *tuned = trained_model(problem, &plain, 6);
    assert_true(same_weights(one, other));
    assert_true(same_weights(one, tuned) == (strcmp(strategy, "fine_tune") == 0));
    nastl_model_destroy(one);
    nastl_model_destroy(other);
    nastl_model_destroy(tuned);
    nastl_candidate_finish(&candidate);
    nastl_candidate_finish(&plain);
}

/* There are no ensembles of transformers. */
static double most_networks(const char *family)
{
    return strcmp(family, "ft_transformer") == 0 ? 1 : 2;
}

static void every_strategy_trains_every_family(void **state)
{
    struct nastl_problem *problem = problem_with_sources(state);
    for (size_t f = 0; f < FAMILIES; f++)
        for (const struct nastl_strategy *const *s = nastl_strategies(); *s; s++)
            for (int n = 1; n <= most_networks(families[f]) && (*s)->needs_network; n++)
                check_strategy(problem, families[f], (*s)->name, n);
    nastl_problem_destroy(problem);
}

static void a_linear_probe_keeps_all_but_the_head(void **state)
{
    struct nastl_problem *problem = problem_with_sources(state);
    for (size_t f = 0; f < FAMILIES; f++) {
        struct nastl_candidate candidate;
        candidate_of(&candidate, problem, families[f], "linear_probe", 1);
        struct nastl_model *model = trained_model(problem, &candidate, 3);
        const struct nastl_model *source = nastl_problem_warm(problem, families[f]);
        for (size_t t = 0; t < nastl_net_tensor_count(model->net); t++) {
            const struct nastl_tensor *tensor = nastl_net_tensor(model->net, t);
            const bool head = strcmp(tensor->name, "head.weight") == 0 ||
                              strcmp(tensor->name, "head.bias") == 0;
            assert_true(is_same(tensor, nastl_net_find(source->net, tensor->name)) !=
                        head);
        }
        nastl_model_destroy(model);
        nastl_candidate_finish(&candidate);
    }
    nastl_problem_destroy(problem);
}

/* Settings with which a strategy does what fine-tuning does. */
static void strategies_without_effect_are_fine_tuning(void **state)
{
    static const struct {
        const char *strategy, *key;
        double value;
    } cases[] = {{"discriminative", "transfer.layer_decay", 1},
                 {"delta", "transfer.pull", 0},
                 {"distill", "transfer.distill_share", 0}};
    struct nastl_problem *problem = problem_with_sources(state);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nastl_candidate candidate, plain;
        candidate_of(&candidate, problem, "resnet", cases[i].strategy, 2);
        candidate_of(&plain, problem, "resnet", "fine_tune", 2);
        set(&candidate, cases[i].key, NULL, cases[i].value);
        struct nastl_model *one = trained_model(problem, &candidate, 0);
        struct nastl_model *other = trained_model(problem, &plain, 0);
        assert_true(same_weights(one, other));
        nastl_model_destroy(one);
        nastl_model_destroy(other);
        nastl_candidate_finish(&candidate);
        nastl_candidate_finish(&plain);
    }
    nastl_problem_destroy(problem);
}

static void a_huge_pull_stays_at_the_source(void **state)
{
    struct nastl_problem *problem = problem_with_sources(state);
    struct nastl_candidate candidate;
    candidate_of(&candidate, problem, "mlp", "l2_sp", 1);
    set(&candidate, "transfer.pull", NULL, 1000);
    struct nastl_model *model = trained_model(problem, &candidate, 20);
    const struct nastl_model *source = nastl_problem_warm(problem, "mlp");
    for (size_t t = 0; t < nastl_net_tensor_count(model->net); t++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(model->net, t);
        const struct nastl_tensor *from = nastl_net_find(source->net, tensor->name);
        for (size_t i = 0; i < tensor->shape[0] * tensor->shape[1] && tensor->trainable &&
                           !strstr(tensor->name, "head.");
             i++)
            assert_true(fabsf(tensor->data[i] - from->data[i]) < 0.02f);
    }
    nastl_model_destroy(model);
    nastl_candidate_finish(&candidate);
    nastl_problem_destroy(problem);
}

/* Trains in processes that are stopped after two epochs and a bit. */
static struct nastl_model *trained_in_pieces(const struct nastl_problem *problem,
                                             const struct nastl_candidate *candidate,
                                             const char *path)
{
    struct nastl_model *model;
    int status = NASTL_EINTERRUPTED, processes = 0;
    for (; status == NASTL_EINTERRUPTED; processes++) {
        struct halt halt = {.at = 18};
        const struct nastl_stop stop = {is_halted, NULL, &halt};
        struct nastl_training training = {
            .problem = problem,
            .view = problem->folds[0],
            .candidate = candidate,
            .warm = nastl_problem_warm(problem, "mlp"),
            .stop = &stop,
        };
        assert_ok(nastl_checkpoint_open(&training.checkpoint, path, 7, NULL));
        status = nastl_train_fold(&model, &training, 0);
        nastl_checkpoint_close(training.checkpoint);
        assert_true(processes < 20);
    }
    assert_ok(status);
    assert_true(processes > 1);
    return model;
}

static void stopped_trainings_go_on_with_the_same_bits(void **state)
{
    struct nastl_problem *problem = problem_with_sources(state);
    const char *path = scratch(state, "pieces.h5");
    for (const struct nastl_strategy *const *s = nastl_strategies(); *s; s++) {
        if (!(*s)->guide)
            continue;
        struct nastl_candidate candidate;
        candidate_of(&candidate, problem, "mlp", (*s)->name, 2);
        struct nastl_model *whole = trained_model(problem, &candidate, 0);
        struct nastl_model *pieces = trained_in_pieces(problem, &candidate, path);
        assert_true(same_weights(whole, pieces));
        nastl_model_destroy(whole);
        nastl_model_destroy(pieces);
        nastl_candidate_finish(&candidate);
        remove(path);
    }
    nastl_problem_destroy(problem);
}

/* Another number of heads: nothing of the source fits. */
static void a_candidate_that_nothing_fits_is_refused(void **state)
{
    struct nastl_problem *problem = problem_with_sources(state);
    for (const struct nastl_strategy *const *s = nastl_strategies(); *s; s++) {
        struct nastl_candidate candidate;
        struct nastl_trained trained;
        struct nastl_model *model = NULL;
        candidate_of(&candidate, problem, "ft_transformer", (*s)->name, 1);
        set(&candidate, "ft_transformer.heads", NULL,
            nastl_candidate_number(&candidate, "ft_transformer.heads", 2) == 2 ? 4 : 2);
        const int status = train(&model, &trained, problem, &candidate, 2);
        assert_int_equal(status, (*s)->needs_weights ? NASTL_EINVAL : NASTL_OK);
        if (status < 0)
            assert_non_null(strstr(nastl_error_last(), "none of them fits"));
        nastl_model_destroy(status < 0 ? NULL : model);
        nastl_candidate_finish(&candidate);
    }
    nastl_problem_destroy(problem);
}

/* ---- guides ------------------------------------------------------------------------ */

struct attempt {
    const struct nastl_lesson *lesson;
    struct nastl_guidance guidance;
};

static int try_guide(void *payload)
{
    struct attempt *attempt = payload;
    const int status = nastl_strategy_guide(&attempt->guidance, attempt->lesson);
    nastl_guidance_finish(&attempt->guidance);
    return status;
}

/* What a lesson of the source network itself looks like. */
static void lesson_of(struct nastl_lesson *out, const struct nastl_problem *problem,
                      const struct nastl_candidate *candidate)
{
    const struct nastl_model *source = nastl_problem_warm(problem, "mlp");
    const struct nastl_prep *prep;
    *out = (struct nastl_lesson){.candidate = candidate,
                                 .net = source->net,
                                 .layout = source->layout,
                                 .matched = 1,
                                 .source = source};
    assert_ok(
        nastl_view_features(&prep, &out->xy, problem->full, NASTL_SCALING_STANDARD));
    assert_ok(nastl_view_labels(&out->map, &out->y, problem->full, NASTL_LABEL_NONE));
    out->source_xy = out->xy;
    out->source_map = out->map;
}

static void memory_that_runs_out_is_said(void **state)
{
    struct nastl_problem *problem = problem_with_sources(state);
    for (const struct nastl_strategy *const *s = nastl_strategies(); *s; s++) {
        struct nastl_candidate candidate;
        struct nastl_lesson lesson;
        candidate_of(&candidate, problem, "mlp", (*s)->name, 1);
        lesson_of(&lesson, problem, &candidate);
        struct attempt attempt = {.lesson = &lesson};
        check_out_of_memory(try_guide, &attempt);
        nastl_candidate_finish(&candidate);
    }
    nastl_problem_destroy(problem);
}

static void check_phases(const struct nastl_problem *problem, const char *strategy,
                         double head_epochs, double max_epochs, const size_t *wanted,
                         size_t count)
{
    struct nastl_candidate candidate;
    struct nastl_lesson lesson;
    struct nastl_guidance guidance;
    candidate_of(&candidate, problem, "mlp", strategy, 1);
    set(&candidate, "transfer.head_epochs", NULL, head_epochs);
    set(&candidate, "training.max_epochs", NULL, max_epochs);
    lesson_of(&lesson, problem, &candidate);
    assert_ok(nastl_strategy_guide(&guidance, &lesson));
    assert_int_equal(guidance.guide.phase_count, count);
    for (size_t i = 0; i + 1 < count; i++)
        assert_int_equal(guidance.guide.phases[i].epochs, wanted[i]);
    nastl_guidance_finish(&guidance);
    nastl_candidate_finish(&candidate);
}

static void phases_take_at_most_half_of_the_epochs(void **state)
{
    struct nastl_problem *problem = problem_with_sources(state);
    check_phases(problem, "head_first", 10, 100, (const size_t[]){10}, 2);
    check_phases(problem, "head_first", 10, 12, (const size_t[]){6}, 2);
    check_phases(problem, "head_first", 10, 1, (const size_t[]){0}, 2);
    check_phases(problem, "gradual_unfreeze", 10, 100, (const size_t[]){10, 10, 10}, 4);
    check_phases(problem, "gradual_unfreeze", 10, 30, (const size_t[]){5, 5, 5}, 4);
    check_phases(problem, "linear_probe", 10, 100, NULL, 1);
    check_phases(problem, "fine_tune", 10, 100, NULL, 0);
    nastl_problem_destroy(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_space_has_the_words_of_the_table),
        cmocka_unit_test(the_readme_describes_every_strategy),
        cmocka_unit_test(layers_are_counted_from_the_head),
        cmocka_unit_test(every_strategy_trains_every_family),
        cmocka_unit_test(a_linear_probe_keeps_all_but_the_head),
        cmocka_unit_test(strategies_without_effect_are_fine_tuning),
        cmocka_unit_test(a_huge_pull_stays_at_the_source),
        cmocka_unit_test(stopped_trainings_go_on_with_the_same_bits),
        cmocka_unit_test(a_candidate_that_nothing_fits_is_refused),
        cmocka_unit_test(memory_that_runs_out_is_said),
        cmocka_unit_test(phases_take_at_most_half_of_the_epochs),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
