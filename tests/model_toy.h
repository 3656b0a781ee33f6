/* model_toy.h: small models of every task for tests: a table with numbers, missing values
 * and categories, statistics fitted on it, and a network of random weights.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MODEL_TOY_H
#define TESTS_MODEL_TOY_H

#include "nn/model.h"

#include "base/rng.h"
#include "check.h"

#include <math.h>

enum { TOY_ROWS = 300 };

static const char *const toy_labels[] = {"drop", "slice", "rate"};
enum { TOY_TASKS = 3 };

/* Columns: rsrp (a tenth missing), sinr, band (3 texts), cell (25 texts), and the label:
 * drop (no, yes), slice (embb, mmtc, urllc) or rate (numbers). `label` NULL: none. Rows
 * with `odd` labels: row 0 has none, row 1 one that nobody knows. */
static inline void toy_write(const char *path, size_t rows, const char *label, bool odd)
{
    static const char *const bands[] = {"n1", "n28", "n78"};
    static const char *const slices[] = {"embb", "mmtc", "urllc"};
    struct nastl_rng rng;
    nastl_rng_init(&rng, 1, 0, NASTL_RNG_TEST);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "rsrp,sinr,band,cell%s%s\n", label ? "," : "", label ? label : "");
    for (size_t i = 0; i < rows; i++) {
        const double rsrp = -95 + 8 * nastl_rng_normal(&rng);
        const double sinr = 10 + 5 * nastl_rng_normal(&rng);
        const size_t band = nastl_rng_below(&rng, 3), cell = nastl_rng_below(&rng, 25);
        const double value = fabs(sinr + 3 * (double)band + nastl_rng_normal(&rng));
        if (nastl_rng_below(&rng, 10) > 0)
            fprintf(file, "%.6f", rsrp);
        fprintf(file, ",%.6f,%s,cell %zu", sinr, bands[band], cell);
        if (label && odd && i < 2)
            fprintf(file, ",%s", i == 0 ? "" : strcmp(label, "rate") ? "other" : "1");
        else if (label && strcmp(label, "rate") == 0)
            fprintf(file, ",%.6f", value);
        else if (label && strcmp(label, "drop") == 0)
            fprintf(file, ",%s", value > 12 ? "yes" : "no");
        else if (label)
            fprintf(file, ",%s", slices[value < 10 ? 0 : value < 15 ? 1 : 2]);
        fprintf(file, "\n");
    }
    assert_int_equal(fclose(file), 0);
}

static inline void toy_candidate(struct nastl_candidate *candidate)
{
    nastl_candidate_init(candidate);
    assert_ok(nastl_candidate_set(candidate, "family", "mlp", 0));
    assert_ok(nastl_candidate_set(candidate, "mlp.layers", NULL, 2));
    assert_ok(nastl_candidate_set(candidate, "mlp.width.0", NULL, 24));
    assert_ok(nastl_candidate_set(candidate, "mlp.width.1", NULL, 17));
    assert_ok(nastl_candidate_set(candidate, "mlp.activation", "silu", 0));
    assert_ok(nastl_candidate_set(candidate, "mlp.normalization", "batch", 0));
    assert_ok(nastl_candidate_set(candidate, "mlp.dropout", NULL, 0.1));
}

/* Weights as trained ones might be: running statistics and norms too. */
static inline void toy_weights(struct nastl_net *net)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, 2, 0, NASTL_RNG_TEST);
    nastl_net_init(net, 2, 0);
    for (size_t t = 0; t < nastl_net_tensor_count(net); t++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(net, t);
        for (size_t i = 0; i < tensor->shape[0] && tensor->rank == 1; i++)
            tensor->data[i] += (float)(0.5 * nastl_rng_uniform(&rng));
    }
}

static inline void toy_dataset(struct nastl_dataset **out, const char *csv,
                               const char *label)
{
    char *items[] = {(char *)csv};
    const struct nastl_dataset_params params = {
        .target = {items, 1}, .label = label, .split = {0.6, 0.2, 0.2}, .seed = 1};
    assert_ok(nastl_dataset_load(out, &params, NULL));
}

/* What a model has beside its network. */
static inline struct nastl_model *toy_model_parts(const struct nastl_dataset *dataset,
                                                  enum nastl_scaling scaling)
{
    struct nastl_model *model = nastl_alloc_zero(1, sizeof *model);
    int32_t *rows;
    size_t count;
    assert_non_null(model);
    assert_ok(nastl_dataset_rows(&rows, &count, dataset, NASTL_PART_TRAIN));
    assert_ok(nastl_layout_fit(&model->layout, dataset, rows, count));
    assert_ok(nastl_prep_fit(&model->prep, model->layout, dataset, rows, count, scaling));
    if (dataset->task == NASTL_TASK_REGRESSION) {
        double *labels = malloc(count * sizeof *labels);
        assert_non_null(labels);
        for (size_t i = 0; i < count; i++)
            labels[i] = dataset->label[rows[i]];
        assert_ok(nastl_label_fit(&model->label, labels, count,
                                  scaling == NASTL_SCALING_QUANTILE ? NASTL_LABEL_QUANTILE
                                                                    : NASTL_LABEL_LOG1P));
        free(labels);
    }
    free(rows);
    nastl_candidate_init(&model->candidate);
    return model;
}

/* The network that the model's candidate gives. */
static inline void toy_model_net(struct nastl_model *model)
{
    const struct nastl_shape shape = nastl_model_shape(model->layout);
    assert_ok(nastl_arch_build(&model->graph, &model->candidate, &shape));
    assert_ok(nastl_net_create(&model->net, model->graph));
    toy_weights(model->net);
}

/* A model for `dataset`; nastl_model_destroy(). */
static inline struct nastl_model *toy_model(const struct nastl_dataset *dataset,
                                            enum nastl_scaling scaling)
{
    struct nastl_model *model = toy_model_parts(dataset, scaling);
    toy_candidate(&model->candidate);
    toy_model_net(model);
    return model;
}

static inline void toy_save(const struct nastl_model *model, const char *path,
                            const char *group)
{
    struct nastl_h5 *file;
    assert_ok(nastl_h5_create(&file, path));
    assert_ok(nastl_model_save(model, file, group));
    assert_ok(nastl_h5_commit(file));
    nastl_h5_close(file);
}

#endif
