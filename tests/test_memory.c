/* test_memory.c: what training takes of the machine's memory, all of it: what the library
 * allocates and what oneDNN does. Not built with sanitizers, which have their own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "train_toy.h"

#include "base/alloc.h"

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

static void rig_create(struct toy_training *rig, const char *const *settings,
                       size_t columns)
{
    const struct nastl_shape shape = {.numeric = columns, .outputs = 5};
    const struct nastl_recipe recipe = {.learning_rate = 1e-3,
                                        .beta1 = 0.9,
                                        .beta2 = 0.999,
                                        .batch_size = 256,
                                        .max_epochs = EPOCHS,
                                        .clip = 1.0};
    toy_training_create(rig, settings, &shape, &recipe, ROWS, TRAIN, 1);
}

/* 64 columns and the class token; the network, its optimizer and validation included. */
static void a_transformer_trains_in_200_mb(void **state)
{
    (void)state;
    struct toy_training rig;
    forget_peak();
    const size_t before = memory("VmRSS");
    rig_create(&rig, SETTINGS("family=ft_transformer", "ft_transformer.token_width=64"),
               64);
    rig.params.recipe.max_epochs = 1;
    const size_t data = ROWS * (64 + 2) * sizeof(float);
    toy_train(&rig);
    const size_t taken = memory("VmHWM") - before - data;
    print_message("%.1f MB\n", (double)taken / MB);
    assert_true(taken < 200 * MB);
    toy_training_destroy(&rig);
}

/* A larger batch takes no more, but for its rows' labels. */
static void a_transformer_takes_no_more_for_a_larger_batch(void **state)
{
    (void)state;
    size_t taken[2];
    for (size_t i = 0; i < 2; i++) {
        struct toy_training rig;
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
        toy_training_destroy(&rig);
    }
    print_message("batch 64: %zu bytes, 512: %zu\n", taken[0], taken[1]);
    assert_true(taken[1] < taken[0] + MB);
}

/* What is taken after the second epoch. */
struct taken {
    size_t calls, now;
};

static bool look_at_memory(size_t epoch, double train_loss, double score, void *payload)
{
    struct taken *taken = payload;
    (void)train_loss, (void)score;
    if (epoch == EPOCHS)
        assert_int_equal(nastl_alloc_count(), taken->calls);
    if (epoch != 2)
        return true;
    taken->calls = nastl_alloc_count();
    forget_peak();
    taken->now = memory("VmRSS");
    return true;
}

/* Every family: nothing is allocated after the first epoch, and nothing grows. */
static void memory_is_flat_over_epochs(void **state)
{
    (void)state;
    for (const struct nastl_family *const *at = nastl_families(); *at; at++) {
        char family[64];
        struct toy_training rig;
        struct taken taken = {0};
        snprintf(family, sizeof family, "family=%s", (*at)->name);
        rig_create(&rig,
                   SETTINGS(family, "mlp.dropout=0.1", "mlp.normalization=batch",
                            "ft_transformer.token_width=16", "ft_transformer.blocks=1",
                            "tabm.members=4", "input.numeric_embedding=periodic"),
                   6);
        rig.params.epoch = look_at_memory;
        rig.params.epoch_payload = &taken;
        assert_int_equal(toy_train(&rig).epochs, EPOCHS);
        const size_t peak = memory("VmHWM");
        print_message("%s: %zu bytes after 2 epochs, %zu at most in %d\n", (*at)->name,
                      taken.now, peak, EPOCHS);
        assert_true(peak < taken.now + MB / 4);
        toy_training_destroy(&rig);
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
