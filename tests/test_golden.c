/* test_golden.c: the engine trains as PyTorch does, by the scripts in golden/: the loss
 * of 20 steps and all gradients of the first, from the same weights on the same batches,
 * in float against double. SPDX-License-Identifier: Apache-2.0 */
#include "net_toy.h"

#include <math.h>
#include <stdio.h>

#include <omp.h>

#include "io/json.h"
#include "nn/trainer.h"

/* Relative to the largest number of a tensor: sums in float. */
static const double GRADIENT_TOLERANCE = 4e-6;
/* Relative to the loss: what 20 steps of AdamW make of that. */
static const double LOSS_TOLERANCE = 5e-6;

enum { STEPS = 20 };

/* ---- reading ---- */

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    assert_non_null(value);
    return value;
}

static float *floats(const json_t *array)
{
    const size_t n = json_array_size(array);
    float *out = malloc((n + 1) * sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)json_number_value(json_array_get(array, i));
    return out;
}

static int32_t *integers(const json_t *array)
{
    const size_t n = json_array_size(array);
    int32_t *out = malloc((n + 1) * sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = (int32_t)json_integer_value(json_array_get(array, i));
    return out;
}

static enum nastl_loss loss_of(const char *name)
{
    static const char *const names[] = {"cross_entropy", "binary_cross_entropy",
                                        "squared_error", "huber"};
    _Static_assert(sizeof names / sizeof *names == NASTL_LOSS_COUNT, "names");
    for (int loss = 0; loss < NASTL_LOSS_COUNT; loss++)
        if (strcmp(names[loss], name) == 0)
            return (enum nastl_loss)loss;
    fail_msg("no loss is called %s", name);
    return NASTL_LOSS_COUNT;
}

/* ---- one case ---- */

/* The network of a case, and how it is trained. */
static void create_net(struct toy_net *toy, struct nastl_recipe *recipe,
                       const json_t *object)
{
    size_t cardinality[8];
    struct nastl_candidate candidate;
    const json_t *codes = json_object_get(object, "cardinality");
    for (size_t i = 0; i < json_array_size(codes); i++)
        cardinality[i] = (size_t)json_integer_value(json_array_get(codes, i));
    const struct nastl_shape shape = {.numeric = (size_t)number(object, "numeric"),
                                      .categorical = json_array_size(codes),
                                      .cardinality = cardinality,
                                      .outputs = (size_t)number(object, "outputs")};
    nastl_candidate_init(&candidate);
    assert_int_equal(
        nastl_candidate_from_json(&candidate, json_object_get(object, "candidate")), 0);
    assert_int_equal(nastl_arch_build(&toy->graph, &candidate, &shape), 0);
    assert_int_equal(nastl_net_create(&toy->net, toy->graph), 0);
    nastl_recipe_of(recipe, &candidate);
    nastl_candidate_finish(&candidate);
}

/* All that are learnt, and bins. */
static void set_weights(struct nastl_net *net, const json_t *weights)
{
    size_t set = 0;
    for (size_t i = 0; i < nastl_net_tensor_count(net); i++) {
        const struct nastl_tensor *t = nastl_net_tensor(net, i);
        const json_t *values = json_object_get(weights, t->name);
        if (!values && !t->trainable) /* running statistics */
            continue;
        assert_int_equal(json_array_size(values), t->shape[0] * t->shape[1]);
        float *from = floats(values);
        memcpy(t->data, from, json_array_size(values) * sizeof *from);
        free(from);
        set++;
    }
    assert_int_equal(set, json_object_size(weights));
}

/* Each tensor that is learnt has one, and no other has. */
static void check_gradients(const struct nastl_trainer *trainer,
                            const struct nastl_net *net, const json_t *wanted)
{
    size_t checked = 0;
    for (size_t i = 0; i < nastl_net_tensor_count(net); i++) {
        const struct nastl_tensor *t = nastl_net_tensor(net, i);
        if (!t->trainable)
            continue;
        const json_t *values = json_object_get(wanted, t->name);
        const float *got = nastl_trainer_gradient(trainer, i);
        assert_int_equal(json_array_size(values), t->shape[0] * t->shape[1]);
        double most = 0.1, error = 0.0;
        for (size_t j = 0; j < json_array_size(values); j++) {
            const double value = json_number_value(json_array_get(values, j));
            most = fmax(most, fabs(value));
            error = fmax(error, fabs(got[j] - value));
        }
        if (!(error <= GRADIENT_TOLERANCE * most))
            fail_msg("gradient of %s: off by %g of %g", t->name, error, most);
        checked++;
    }
    assert_int_equal(checked, json_object_size(wanted));
}

static void check_steps(struct nastl_net *net, struct nastl_trainer *trainer,
                        const json_t *object)
{
    const json_t *losses = json_object_get(object, "losses");
    const size_t batch =
        (size_t)number(json_object_get(object, "candidate"), "training.batch_size");
    int32_t *batches = integers(json_object_get(object, "batches"));
    assert_int_equal(json_array_size(losses), STEPS);
    assert_int_equal(json_array_size(json_object_get(object, "batches")), STEPS * batch);
    for (size_t t = 0; t < json_array_size(losses); t++) {
        double loss = 0.0;
        assert_int_equal(nastl_trainer_step(trainer, batches + t * batch, batch, &loss),
                         0);
        const double wanted = json_number_value(json_array_get(losses, t));
        if (!(fabs(loss / (double)batch - wanted) <= LOSS_TOLERANCE * wanted))
            fail_msg("step %zu: loss %.9g instead of %.9g", t + 1, loss / (double)batch,
                     wanted);
        if (t == 0)
            check_gradients(trainer, net, json_object_get(object, "gradients"));
    }
    free(batches);
}

static void check_case(const json_t *object)
{
    struct toy_net toy;
    struct nastl_recipe recipe;
    create_net(&toy, &recipe, object);
    set_weights(toy.net, json_object_get(object, "weights"));
    const size_t rows = json_array_size(json_object_get(object, "y"));
    struct nastl_xy xy = {.rows = rows,
                          .numeric = toy.graph->shape.numeric,
                          .categorical = toy.graph->shape.categorical,
                          .x = floats(json_object_get(object, "x")),
                          .code = integers(json_object_get(object, "code"))};
    float *y = floats(json_object_get(object, "y"));
    int32_t *all = toy_rows(rows);
    const struct nastl_train_params params = {.recipe = recipe,
                                              .loss = loss_of(text(object, "loss")),
                                              .xy = &xy,
                                              .y = y,
                                              .train = all,
                                              .train_count = rows};
    struct nastl_trainer *trainer;
    assert_int_equal(nastl_trainer_create(&trainer, toy.net, &params), 0);
    check_steps(toy.net, trainer, object);
    nastl_trainer_destroy(trainer);
    free(all);
    free(y);
    toy_xy_destroy(&xy);
    toy_net_destroy(&toy);
}

/* A file has cases of every kind: classes and values, with tables. */
static void check_file(const char *name)
{
    json_t *cases;
    char path[512];
    size_t classes = 0, values = 0, tables = 0;
    snprintf(path, sizeof path, TESTS_SOURCE "/golden/%s.json", name);
    assert_int_equal(nastl_json_read(&cases, path), 0);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *object = json_array_get(cases, i);
        print_message("%s, case %zu\n", name, i);
        check_case(object);
        const enum nastl_loss loss = loss_of(text(object, "loss"));
        values += loss == NASTL_LOSS_SQUARED_ERROR || loss == NASTL_LOSS_HUBER;
        classes += loss == NASTL_LOSS_CROSS_ENTROPY;
        tables += json_array_size(json_object_get(object, "cardinality")) > 1;
    }
    assert_true(classes > 0 && values > 0 && tables > 0);
    json_decref(cases);
}

/* One file a family, one a preset. */
static void training_is_as_golden(void **state)
{
    (void)state;
    for (size_t f = 0; nastl_families()[f]; f++)
        check_file(nastl_families()[f]->name);
    for (size_t i = 0; nastl_preset_at(i); i++)
        check_file(nastl_preset_at(i)->name);
}

int main(void)
{
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_is_as_golden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
