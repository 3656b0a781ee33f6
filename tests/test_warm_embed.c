/* test_warm_embed.c: warm starts of networks that embed numbers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "transfer/warm.h"

#include "base/rng.h"
#include "check.h"

#include <math.h>

enum { ROWS = 20, NUMBERS = 4, LEVELS = 3 };

/* Three numbers, one with an indicator, and a one-hot category, in some order. */
struct domain {
    struct nastl_layout layout;
    struct nastl_layout_feature features[4];
    char *levels[LEVELS], *classes[2];
    size_t cardinality[1];
    struct nastl_model model;
};

/* Column i of domain b is column order[i] of domain a; code i is code codes[i]. */
static const size_t order[NUMBERS] = {2, 0, 3, 1};
static const int32_t codes[LEVELS + 1] = {0, 3, 1, 2};

static void domain_init(struct domain *d, bool other)
{
    static char *const levels[] = {"n1", "n28", "n78"};
    static char *const swapped[] = {"n78", "n1", "n28"};
    memset(d, 0, sizeof *d);
    memcpy(d->levels, other ? swapped : levels, sizeof levels);
    d->classes[0] = "embb";
    d->classes[1] = "urllc";
    d->cardinality[0] = LEVELS + 1;
    const struct nastl_layout_feature a[] = {
        {"rsrp", NASTL_NUMERIC, 0, 3, NULL, 0, false},
        {"sinr", NASTL_NUMERIC, 1, -1, NULL, 0, false},
        {"speed", NASTL_NUMERIC, 2, -1, NULL, 0, false},
        {"band", NASTL_CATEGORICAL, 0, -1, d->levels, LEVELS, false}};
    const struct nastl_layout_feature b[] = {
        {"speed", NASTL_NUMERIC, 0, -1, NULL, 0, false},
        {"rsrp", NASTL_NUMERIC, 1, 2, NULL, 0, false},
        {"sinr", NASTL_NUMERIC, 3, -1, NULL, 0, false},
        {"band", NASTL_CATEGORICAL, 0, -1, d->levels, LEVELS, false}};
    memcpy(d->features, other ? b : a, sizeof a);
    d->layout = (struct nastl_layout){.features = d->features,
                                      .feature_count = 4,
                                      .numeric = NUMBERS,
                                      .categorical = 1,
                                      .cardinality = d->cardinality,
                                      .task = NASTL_TASK_BINARY,
                                      .label_name = "slice",
                                      .label_scale = 1,
                                      .label_transform = "none",
                                      .classes = d->classes,
                                      .class_count = 2};
}

/* Front scales and shares of activations that are not all 1. */
static void draw_scales(struct nastl_net *net, uint64_t seed)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 1, NASTL_RNG_TEST);
    for (size_t i = 0; i < nastl_net_tensor_count(net); i++) {
        const struct nastl_tensor *t = nastl_net_tensor(net, i);
        const bool drawn = strstr(t->name, ".scale") || strstr(t->name, ".share");
        for (size_t j = 0; drawn && j < t->shape[0] * t->shape[1]; j++)
            t->data[j] = (float)(0.5 + nastl_rng_uniform(&rng));
    }
}

static void model_init(struct domain *d, const char *embedding, double width,
                       uint64_t seed)
{
    struct nastl_model *model = &d->model;
    struct nastl_candidate *candidate = &model->candidate;
    *model = (struct nastl_model){.layout = &d->layout};
    nastl_candidate_init(candidate);
    assert_ok(nastl_candidate_set(candidate, "family", "mlp", 0));
    assert_ok(nastl_candidate_set(candidate, "input.numeric_embedding", embedding, 0));
    assert_ok(nastl_candidate_set(candidate, "input.embedding_width", NULL, width));
    assert_ok(nastl_candidate_set(candidate, "mlp.width", NULL, 24));
    assert_ok(nastl_candidate_set(candidate, "mlp.activation_share", "learned", 0));
    assert_ok(nastl_candidate_set(candidate, "input.front_scale", "learned", 0));
    const struct nastl_shape shape = nastl_model_shape(&d->layout);
    assert_ok(nastl_arch_build(&model->graph, candidate, &shape));
    assert_ok(nastl_net_create(&model->net, model->graph));
    nastl_net_init(model->net, seed, 0);
    draw_scales(model->net, seed);
}

static void model_finish(struct domain *d)
{
    nastl_net_destroy(d->model.net);
    nastl_graph_destroy(d->model.graph);
    nastl_candidate_finish(&d->model.candidate);
}

/* The same rows as both domains have them, and each network fitted to its own. */
static void run_both(float *a_out, float *b_out, struct domain *a, struct domain *b)
{
    float x[ROWS * NUMBERS], y[ROWS * NUMBERS];
    int32_t code[ROWS], other[ROWS];
    struct nastl_rng rng;
    nastl_rng_init(&rng, 9, 0, NASTL_RNG_TEST);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t d = 0; d < NUMBERS; d++)
            x[i * NUMBERS + d] = (float)nastl_rng_normal(&rng);
        for (size_t d = 0; d < NUMBERS; d++)
            y[i * NUMBERS + d] = x[i * NUMBERS + order[d]];
        other[i] = (int32_t)(i % (LEVELS + 1));
        code[i] = codes[other[i]];
    }
    int32_t rows[ROWS];
    for (int32_t i = 0; i < ROWS; i++)
        rows[i] = i;
    const struct nastl_xy xy = {ROWS, NUMBERS, 1, x, code};
    const struct nastl_xy swapped = {ROWS, NUMBERS, 1, y, other};
    assert_ok(nastl_net_fit(a->model.net, &xy, NULL, rows, ROWS));
    assert_ok(nastl_net_fit(b->model.net, &swapped, NULL, rows, ROWS));
    assert_ok(nastl_net_forward(a->model.net, &xy, NULL, ROWS, a_out));
    assert_ok(nastl_net_forward(b->model.net, &swapped, NULL, ROWS, b_out));
}

static void columns_in_another_order_give_the_same_outputs(void **state)
{
    (void)state;
    static const char *const embeddings[] = {"none", "piecewise_linear", "periodic",
                                             "pbld"};
    for (size_t i = 0; i < 4; i++) {
        struct domain a, b;
        float a_out[ROWS], b_out[ROWS];
        double matched;
        domain_init(&a, false);
        domain_init(&b, true);
        model_init(&a, embeddings[i], 5, 1);
        model_init(&b, embeddings[i], 5, 2);
        assert_ok(nastl_warm_sort(&a.model));
        assert_ok(nastl_warm_start(&matched, b.model.net, &b.layout, &a.model));
        assert_true(matched == 1);
        run_both(a_out, b_out, &a, &b);
        for (size_t r = 0; r < ROWS; r++)
            assert_true(fabsf(a_out[r] - b_out[r]) < 1e-5f);
        model_finish(&a);
        model_finish(&b);
    }
}

static bool equal(const struct domain *a, const struct domain *b, const char *tensor)
{
    const struct nastl_tensor *x = nastl_net_find(a->model.net, tensor);
    const struct nastl_tensor *y = nastl_net_find(b->model.net, tensor);
    return memcmp(x->data, y->data, x->shape[0] * x->shape[1] * sizeof *x->data) == 0;
}

/* From `source` to an embedding of width 5: nothing of the numbers is taken over, what
 * the categories are weighed by is. */
static void check_other(const char *source, double width)
{
    struct domain a, b, before;
    double matched;
    domain_init(&a, false);
    domain_init(&b, false);
    domain_init(&before, false);
    model_init(&a, source, width, 1);
    model_init(&b, "piecewise_linear", 5, 2);
    model_init(&before, "piecewise_linear", 5, 2);
    assert_ok(nastl_warm_start(&matched, b.model.net, &b.layout, &a.model));
    assert_true(matched > 0 && matched < 1);
    assert_true(equal(&b, &before, "embeddings.numeric.weight"));
    assert_true(equal(&b, &before, "embeddings.numeric.bins"));
    assert_true(equal(&b, &a, "blocks.0.bias"));
    const struct nastl_tensor *now = nastl_net_find(b.model.net, "blocks.0.weight");
    const struct nastl_tensor *then = nastl_net_find(before.model.net, "blocks.0.weight");
    const struct nastl_tensor *from = nastl_net_find(a.model.net, "blocks.0.weight");
    const size_t made = 5 * NUMBERS, source_made = from->shape[1] - (LEVELS + 1);
    for (size_t c = 0; c < now->shape[1]; c++)
        assert_true(now->data[c] ==
                    (c < made ? then->data[c] : from->data[c - made + source_made]));
    model_finish(&a);
    model_finish(&b);
    model_finish(&before);
}

static void another_embedding_starts_anew(void **state)
{
    (void)state;
    check_other("none", 5);
    check_other("periodic", 5);
    check_other("piecewise_linear", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_in_another_order_give_the_same_outputs),
        cmocka_unit_test(another_embedding_starts_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
