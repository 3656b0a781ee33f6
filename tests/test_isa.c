/* test_isa.c: what is learnt does not depend on the instruction set, but for the last
 * digits: each family is trained in processes of their own, whose oneDNN is held to one
 * instruction set each. What a processor lacks it replaces by the best that it has.
 * SPDX-License-Identifier: Apache-2.0 */
#include "train_toy.h"

#include "base/stat.h"
#include "nn/dnnl.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { ROWS = 192, TRAIN = 128, OUTPUTS = 3, EPOCHS = 6, FAMILIES_MOST = 16 };
enum { NUMBERS = (ROWS - TRAIN) * OUTPUTS, SEEDS = 3 };

/* Outputs, of the size of 1, of the same weights: sums of float32 in another order. After
 * 12 steps, over the seeds: the median, and the most. AdamW makes steps of the learning
 * rate (1e-3) of gradients that are 0 but for their last digits, as those of a bias that
 * a norm takes away again, and from there on a seed in several goes a way of its own. */
static const double start_tolerance = 1e-5, tolerance = 1e-2, loss_tolerance = 1e-3;
static const double most_tolerance = 0.2, most_loss_tolerance = 2e-2;

static const char *const limits[] = {"SSE41", "AVX2", "AVX512_CORE", "ALL"};
enum { LIMITS = sizeof limits / sizeof *limits };

/* What a child says of a family. */
struct learnt {
    double start[NUMBERS], outputs[NUMBERS]; /* of validation rows */
    double loss;
};

struct answer {
    char isa[64];
    size_t families;
    struct learnt learnt[FAMILIES_MOST][SEEDS];
};

/* ---- the child ---- */

static void label_rows(float *y, const struct nastl_xy *xy)
{
    for (size_t i = 0; i < xy->rows; i++) {
        const float *x = xy->x + i * xy->numeric;
        y[i] = (float)((x[0] + x[1] > 0) + (x[2] * x[3] > 0 && xy->code[i] > 1));
    }
}

static void print_outputs(struct nastl_net *net, const struct nastl_xy *xy,
                          const int32_t *rows)
{
    float outputs[NUMBERS];
    assert_int_equal(nastl_net_forward(net, xy, rows, ROWS - TRAIN, outputs), 0);
    for (size_t i = 0; i < NUMBERS; i++)
        printf("%.9g\n", (double)outputs[i]);
}

static void train(const char *family, uint64_t seed)
{
    static const size_t cardinality[] = {4};
    const struct nastl_shape shape = {
        .numeric = 20, .categorical = 1, .cardinality = cardinality, .outputs = OUTPUTS};
    const struct nastl_recipe recipe = {.learning_rate = 1e-3,
                                        .weight_decay = 1e-4,
                                        .beta1 = 0.9,
                                        .beta2 = 0.999,
                                        .batch_size = 64,
                                        .max_epochs = EPOCHS,
                                        .clip = 1.0};
    char setting[64];
    struct toy_training toy;
    snprintf(setting, sizeof setting, "family=%s", family);
    toy_training_create(&toy,
                        SETTINGS(setting, "mlp.normalization=layer", "tabm.members=4"),
                        &shape, &recipe, ROWS, TRAIN, seed);
    label_rows(toy.y, &toy.xy);
    print_outputs(toy.toy.net, &toy.xy, toy.params.valid);
    const struct nastl_train_result result = toy_train(&toy);
    print_outputs(toy.toy.net, &toy.xy, toy.params.valid);
    printf("%.9g\n", -result.score);
    toy_training_destroy(&toy);
}

static int be_child(void)
{
    char version[32], isa[64];
    nastl_dnnl_describe(version, isa);
    printf("%s\n", isa);
    for (const struct nastl_family *const *at = nastl_families(); *at; at++)
        for (uint64_t seed = 1; seed <= SEEDS; seed++)
            train((*at)->name, seed);
    return 0;
}

/* ---- the parent ---- */

static void read_numbers(double *out, size_t count, FILE *from)
{
    char line[64];
    for (size_t i = 0; i < count; i++) {
        assert_non_null(fgets(line, sizeof line, from));
        out[i] = strtod(line, NULL);
    }
}

static void read_learnt(struct learnt *out, FILE *from)
{
    read_numbers(out->start, NUMBERS, from);
    read_numbers(out->outputs, NUMBERS, from);
    read_numbers(&out->loss, 1, from);
}

static void ask(struct answer *out, const char *limit)
{
    char command[512], path[256] = {0};
    assert_true(readlink("/proc/self/exe", path, sizeof path - 1) > 0);
    snprintf(command, sizeof command, "ONEDNN_MAX_CPU_ISA=%s '%s' child", limit, path);
    FILE *child = popen(command, "r");
    assert_non_null(child);
    assert_non_null(fgets(out->isa, sizeof out->isa, child));
    out->isa[strcspn(out->isa, "\n")] = '\0';
    out->families = 0;
    for (const struct nastl_family *const *at = nastl_families(); *at; at++) {
        assert_true(out->families < FAMILIES_MOST);
        for (size_t k = 0; k < SEEDS; k++)
            read_learnt(&out->learnt[out->families][k], child);
        out->families++;
    }
    assert_int_equal(pclose(child), 0);
}

static double distance(const double *a, const double *b)
{
    double most = 0.0;
    for (size_t i = 0; i < NUMBERS; i++)
        most = fmax(most, fabs(a[i] - b[i]) / fmax(1.0, fabs(a[i])));
    return most;
}

static void compare_family(const struct learnt *one, const struct learnt *other)
{
    double ends[SEEDS], losses[SEEDS];
    for (size_t k = 0; k < SEEDS; k++) {
        const struct learnt *a = &one[k], *b = &other[k];
        const double start = distance(a->start, b->start);
        ends[k] = distance(a->outputs, b->outputs);
        losses[k] = fabs(a->loss - b->loss);
        print_message("  losses %g and %g, outputs off by %.1g, %.1g before\n", a->loss,
                      b->loss, ends[k], start);
        assert_true(a->loss < 1.08); /* it has learnt: ln 3 is 1.1 */
        assert_true(start < start_tolerance);
        assert_true(ends[k] < most_tolerance);
        assert_true(losses[k] < most_loss_tolerance);
    }
    assert_true(nastl_stat_median(ends, SEEDS) < tolerance);
    assert_true(nastl_stat_median(losses, SEEDS) < loss_tolerance);
}

static void compare(const struct answer *one, const struct answer *other)
{
    for (size_t f = 0; f < one->families; f++) {
        print_message("%s, %s and %s:\n", nastl_families()[f]->name, one->isa,
                      other->isa);
        compare_family(one->learnt[f], other->learnt[f]);
    }
}

static void what_is_learnt_does_not_depend_on_the_instruction_set(void **state)
{
    (void)state;
    struct answer *answers = calloc(LIMITS, sizeof *answers);
    assert_non_null(answers);
    for (size_t i = 0; i < LIMITS; i++)
        ask(&answers[i], limits[i]);
    assert_string_equal(answers[0].isa, "sse4.1");
    for (size_t i = 1; i < LIMITS; i++)
        compare(&answers[0], &answers[i]);
    free(answers);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "child") == 0)
        return be_child();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_learnt_does_not_depend_on_the_instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
