/* test_train.c: properties of training: it learns, stops, keeps the best, repeats itself.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net_toy.h"

#include <math.h>

#include <omp.h>

#include "base/alloc.h"
#include "nn/dnnl.h"
#include "nn/trainer.h"

static const struct nastl_recipe plain = {.learning_rate = 1e-2,
                                          .beta1 = 0.9,
                                          .beta2 = 0.999,
                                          .batch_size = 64,
                                          .max_epochs = 60,
                                          .clip = 1.0};

/* XOR of the signs of two numbers; a third number is noise. */
static float xor_label(const float *x)
{
    return (x[0] > 0.0f) != (x[1] > 0.0f) ? 1.0f : 0.0f;
}

/* The share of rows whose class is right. */
static double accuracy(struct nastl_net *net, const struct nastl_xy *xy, const float *y)
{
    const size_t outputs = nastl_net_graph(net)->shape.outputs;
    float *out = malloc(xy->rows * outputs * sizeof *out);
    assert_int_equal(nastl_net_forward(net, xy, NULL, xy->rows, out), 0);
    size_t right = 0;
    for (size_t i = 0; i < xy->rows; i++) {
        const float *o = out + i * outputs;
        const bool one = outputs == 1 ? o[0] > 0.0f : o[1] > o[0];
        right += one == (y[i] > 0.5f);
    }
    free(out);
    return (double)right / (double)xy->rows;
}

static void learn_xor(const char *const *settings, enum nastl_loss loss, size_t outputs)
{
    const struct nastl_shape shape = {.numeric = 3, .outputs = outputs};
    struct toy_net toy;
    struct nastl_xy xy;
    toy_net_create(&toy, settings, &shape, 1);
    toy_xy_create(&xy, &shape, 1000, 2);
    float *y = malloc(xy.rows * sizeof *y);
    for (size_t i = 0; i < xy.rows; i++)
        y[i] = xor_label(xy.x + 3 * i);
    int32_t *rows = toy_rows(xy.rows);
    const struct nastl_train_params params = {.recipe = plain,
                                              .loss = loss,
                                              .seed = 3,
                                              .xy = &xy,
                                              .y = y,
                                              .train = rows,
                                              .train_count = 800,
                                              .valid = rows + 800,
                                              .valid_count = 200};
    struct nastl_train_result result;
    assert_int_equal(nastl_train(&result, toy.net, &params), 0);
    assert_int_equal(result.epochs, 60);
    assert_int_equal(result.steps, 60 * 13);
    assert_true(accuracy(toy.net, &xy, y) > 0.95);
    free(rows);
    free(y);
    toy_xy_destroy(&xy);
    toy_net_destroy(&toy);
}

static void xor_is_learnt(void **state)
{
    (void)state;
    learn_xor(SETTINGS("mlp.layers=2", "mlp.width=32"), NASTL_LOSS_CROSS_ENTROPY, 2);
    learn_xor(SETTINGS("mlp.layers=2", "mlp.width=32", "mlp.activation=gelu",
                       "mlp.normalization=layer"),
              NASTL_LOSS_BINARY_CROSS_ENTROPY, 1);
    learn_xor(SETTINGS("mlp.layers=2", "mlp.width=32", "mlp.activation=silu",
                       "mlp.normalization=batch", "mlp.dropout=0.1"),
              NASTL_LOSS_CROSS_ENTROPY, 2);
}

int main(void)
{
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xor_is_learnt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
