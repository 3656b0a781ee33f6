/* test_memory.c: what training takes of the machine's memory, all of it: what the library
 * allocates and what oneDNN does. Not built with sanitizers, which have their own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net_toy.h"

#include "base/alloc.h"
#include "nn/trainer.h"

#include <malloc.h>

enum { ROWS = 640, TRAIN = 512, EPOCHS = 30, MB = 1 << 20 };

/* A line of /proc/self/status in bytes: "VmRSS" now, "VmHWM" the most since the last
 * forget_peak(). */
static size_t memory(const char *name)
{
    char line[256];
    size_t kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtoul(line + strlen(name) + 1, NULL, 10);
    fclose(file);
    assert_true(kib > 0);
    return kib * 1024;
}

/* Where the kernel does not allow this, the peak is that of the process: never less. */
static void forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file)
        return;
    fputs("5", file);
    fclose(file);
}

struct rig {
    struct toy_net toy;
    struct nastl_xy xy;
    float *y;
    int32_t *rows;
    struct nastl_train_params params;
};

static void rig_create(struct rig *rig, const char *const *settings, size_t columns)
{
    const struct nastl_shape shape = {.numeric = columns, .outputs = 5};
    toy_xy_create(&rig->xy, &shape, ROWS, 1);
    rig->y = toy_labels(NASTL_LOSS_CROSS_ENTROPY, ROWS, 5, 1);
    rig->rows = toy_rows(ROWS);
    toy_net_create(&rig->toy, settings, &shape, 1);
    rig->params = (struct nastl_train_params){
        .recipe = {.learning_rate = 1e-3,
                   .beta1 = 0.9,
                   .beta2 = 0.999,
                   .batch_size = 256,
                   .max_epochs = EPOCHS,
                   .clip = 1.0},
        .loss = NASTL_LOSS_CROSS_ENTROPY,
        .seed = 1,
        .xy = &rig->xy,
        .y = rig->y,
        .train = rig->rows,
        .valid = rig->rows + TRAIN,
        .train_count = TRAIN,
        .valid_count = ROWS - TRAIN,
    };
}

static void rig_destroy(struct rig *rig)
{
    toy_net_destroy(&rig->toy);
    toy_xy_destroy(&rig->xy);
    free(rig->y);
    free(rig->rows);
}

/* 64 columns and the class token; the network, its optimizer and validation included. */
static void a_transformer_trains_in_200_mb(void **state)
{
    (void)state;
    struct rig rig;
    struct nastl_train_result result;
    forget_peak();
    const size_t before = memory("VmRSS");
    rig_create(&rig, SETTINGS("family=ft_transformer", "ft_transformer.token_width=64"),
               64);
    rig.params.recipe.max_epochs = 1;
    const size_t data = ROWS * (64 + 2) * sizeof(float);
    assert_int_equal(nastl_train(&result, rig.toy.net, &rig.params), 0);
    const size_t taken = memory("VmHWM") - before - data;
    print_message("%.1f MB\n", (double)taken / MB);
    assert_true(taken < 200 * MB);
    rig_destroy(&rig);
}

/* A larger batch takes no more, but for its rows' labels. */
static void a_transformer_takes_no_more_for_a_larger_batch(void **state)
{
    (void)state;
    size_t taken[2];
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        struct nastl_trainer *trainer;
        double loss = 0.0;
        rig_create(&rig, SETTINGS("family=ft_transformer"), 64);
        rig.params.recipe.batch_size = i == 0 ? 64 : 512;
        const struct mallinfo2 before = mallinfo2();
        assert_int_equal(nastl_trainer_create(&trainer, rig.toy.net, &rig.params), 0);
        const size_t batch = rig.params.recipe.batch_size;
        assert_int_equal(nastl_trainer_step(trainer, rig.rows, batch, &loss), 0);
        const struct mallinfo2 after = mallinfo2();
        taken[i] = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
        nastl_trainer_destroy(trainer);
        rig_destroy(&rig);
    }
    print_message("batch 64: %zu bytes, 512: %zu\n", taken[0], taken[1]);
    assert_true(taken[1] < taken[0] + MB);
}

/* Every family: nothing is allocated after the first epoch, and nothing grows. */
static void memory_is_flat_over_epochs(void **state)
{
    (void)state;
    for (const struct nastl_family *const *at = nastl_families(); *at; at++) {
        char family[64];
        struct rig rig;
        struct nastl_trainer *trainer;
        snprintf(family, sizeof family, "family=%s", (*at)->name);
        rig_create(&rig,
                   SETTINGS(family, "mlp.dropout=0.1", "mlp.normalization=batch",
                            "ft_transformer.token_width=16", "ft_transformer.blocks=1",
                            "tabm.members=4", "input.numeric_embedding=periodic"),
                   6);
        assert_int_equal(nastl_trainer_create(&trainer, rig.toy.net, &rig.params), 0);
        size_t calls = 0, now = 0;
        while (!nastl_trainer_done(trainer)) {
            assert_int_equal(nastl_trainer_epoch(trainer), 0);
            if (nastl_trainer_state(trainer)->epoch != 2)
                continue;
            calls = nastl_alloc_count();
            forget_peak();
            now = memory("VmRSS");
        }
        assert_int_equal(nastl_trainer_state(trainer)->epoch, EPOCHS);
        assert_int_equal(nastl_alloc_count(), calls);
        const size_t peak = memory("VmHWM");
        print_message("%s: %zu bytes after 2 epochs, %zu at most in %d\n", (*at)->name,
                      now, peak, EPOCHS);
        assert_true(peak < now + MB / 4);
        nastl_trainer_destroy(trainer);
        rig_destroy(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transformer_trains_in_200_mb),
        cmocka_unit_test(a_transformer_takes_no_more_for_a_larger_batch),
        cmocka_unit_test(memory_is_flat_over_epochs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
