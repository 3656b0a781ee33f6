/* test_warm.c: warm starts: what is sorted, matched and copied, and that nothing else is
 * touched.
 * SPDX-License-Identifier: Apache-2.0 */
#include "transfer/match.h"
#include "transfer/warm.h"

#include "base/rng.h"
#include "check.h"

#include <math.h>

/* ---- layouts and networks ---------------------------------------------------------- */

enum { ROWS = 33, LEVELS = 40, FEATURES = 5 };

/* Five features: three numbers, the first with an indicator; `band` is one-hot, `cell`
 * has a table. */
struct fixture {
    struct nastl_layout layout;
    struct nastl_layout_feature features[FEATURES];
    size_t cardinality[2];
    char *bands[3], *cells[LEVELS], *classes[4];
    char text[LEVELS][8];
};

static void fixture_init(struct fixture *f)
{
    static char *const bands[] = {"n1", "n28", "n78"};
    static char *const classes[] = {"embb", "mmtc", "none", "urllc"};
    memset(f, 0, sizeof *f);
    memcpy(f->bands, bands, sizeof bands);
    memcpy(f->classes, classes, sizeof classes);
    for (size_t i = 0; i < LEVELS; i++) {
        snprintf(f->text[i], sizeof f->text[i], "c%02zu", i);
        f->cells[i] = f->text[i];
    }
    const struct nastl_layout_feature features[FEATURES] = {
        {"rsrp", NASTL_NUMERIC, 0, 3, NULL, 0, false},
        {"sinr", NASTL_NUMERIC, 1, -1, NULL, 0, false},
        {"speed", NASTL_NUMERIC, 2, -1, NULL, 0, false},
        {"band", NASTL_CATEGORICAL, 0, -1, f->bands, 3, false},
        {"cell", NASTL_CATEGORICAL, 1, -1, f->cells, LEVELS, true},
    };
    memcpy(f->features, features, sizeof features);
    f->cardinality[0] = 4;
    f->cardinality[1] = LEVELS + 2;
    f->layout = (struct nastl_layout){.features = f->features,
                                      .feature_count = FEATURES,
                                      .numeric = 4,
                                      .categorical = 2,
                                      .cardinality = f->cardinality,
                                      .task = NASTL_TASK_MULTICLASS,
                                      .label_name = "slice",
                                      .label_scale = 1,
                                      .label_transform = "none",
                                      .classes = f->classes,
                                      .class_count = 4};
}

struct shape {
    size_t layers, width[4];
    const char *norm;
};

static void fill(struct nastl_net *net, uint64_t seed)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    for (size_t t = 0; t < nastl_net_tensor_count(net); t++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(net, t);
        const size_t width = tensor->rank == 2 ? tensor->shape[1] : 1;
        for (size_t i = 0; i < tensor->shape[0] * width; i++)
            tensor->data[i] = (float)nastl_rng_normal(&rng) / sqrtf((float)width);
        if (strstr(tensor->name, "running_var"))
            for (size_t i = 0; i < tensor->shape[0]; i++)
                tensor->data[i] = fabsf(tensor->data[i]) + 0.5f;
    }
}

/* A model without statistics: a warm start needs none. Every number in it is random. */
static void model_init(struct nastl_model *model, struct nastl_layout *layout,
                       const struct shape *shape, uint64_t seed)
{
    *model = (struct nastl_model){.layout = layout};
    struct nastl_candidate *candidate = &model->candidate;
    nastl_candidate_init(candidate);
    assert_ok(nastl_candidate_set(candidate, "family", "mlp", 0));
    assert_ok(nastl_candidate_set(candidate, "mlp.layers", NULL, (double)shape->layers));
    for (size_t i = 0; i < shape->layers; i++) {
        char key[32];
        snprintf(key, sizeof key, "mlp.width.%zu", i);
        assert_ok(nastl_candidate_set(candidate, key, NULL, (double)shape->width[i]));
    }
    assert_ok(nastl_candidate_set(candidate, "mlp.normalization", shape->norm, 0));
    assert_ok(nastl_candidate_set(candidate, "mlp.activation", "gelu", 0));
    const struct nastl_shape in_out = nastl_model_shape(layout);
    assert_ok(nastl_arch_build(&model->graph, candidate, &in_out));
    assert_ok(nastl_net_create(&model->net, model->graph));
    fill(model->net, seed);
}

static void model_finish(struct nastl_model *model)
{
    nastl_net_destroy(model->net);
    nastl_graph_destroy(model->graph);
    nastl_candidate_finish(&model->candidate);
}

static const float *data_of(const struct nastl_model *model, const char *tensor)
{
    const struct nastl_tensor *found = nastl_net_find(model->net, tensor);
    assert_non_null(found);
    return found->data;
}

/* ---- rows -------------------------------------------------------------------------- */

struct rows {
    float x[ROWS * 4];
    int32_t code[ROWS * 2];
    struct nastl_xy xy;
};

static void rows_init(struct rows *rows)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, 11, 0, NASTL_RNG_TEST);
    for (size_t i = 0; i < ROWS * 4; i++)
        rows->x[i] = (float)nastl_rng_normal(&rng);
    for (size_t i = 0; i < ROWS; i++) {
        rows->code[2 * i] = (int32_t)nastl_rng_below(&rng, 4);
        rows->code[2 * i + 1] = (int32_t)nastl_rng_below(&rng, LEVELS + 2);
    }
    rows->xy = (struct nastl_xy){ROWS, 4, 2, rows->x, rows->code};
}

static void outputs_of(float *out, struct nastl_model *model, const struct rows *rows)
{
    assert_ok(nastl_net_forward(model->net, &rows->xy, NULL, ROWS, out));
}

/* Sums in another order: floats have 24 bits, layers have up to 64 inputs. */
static const float TOLERANCE = 1e-5f;

static void assert_same_outputs(const float *a, const float *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(a[i] - b[i]) <= TOLERANCE * fmaxf(1, fabsf(b[i]))))
            fail_msg("output %zu: %.9g, not %.9g", i, a[i], b[i]);
}

static double warm_start(struct nastl_model *to, const struct nastl_model *from)
{
    double matched = -1;
    assert_ok(nastl_warm_start(&matched, to->net, to->layout, from));
    return matched;
}

static const struct shape wide[] = {
    {3, {48, 64, 32}, "none"}, {3, {48, 64, 32}, "layer"}, {3, {48, 64, 32}, "batch"},
    {1, {20}, "batch"},        {0, {0}, "none"},
};
enum { WIDES = sizeof wide / sizeof *wide };

/* ---- the same network -------------------------------------------------------------- */

static void the_same_network_gives_the_same_bits(void **state)
{
    (void)state;
    struct fixture f;
    struct rows rows;
    fixture_init(&f);
    rows_init(&rows);
    for (size_t s = 0; s < WIDES; s++) {
        struct nastl_model source, candidate;
        float expected[ROWS * 4], got[ROWS * 4];
        model_init(&source, &f.layout, &wide[s], 1);
        model_init(&candidate, &f.layout, &wide[s], 2);
        assert_true(warm_start(&candidate, &source) == 1);
        outputs_of(expected, &source, &rows);
        outputs_of(got, &candidate, &rows);
        assert_memory_equal(got, expected, sizeof got);
        model_finish(&source);
        model_finish(&candidate);
    }
}

/* ---- sorting ----------------------------------------------------------------------- */

static void sorting_keeps_the_outputs(void **state)
{
    (void)state;
    struct fixture f;
    struct rows rows;
    fixture_init(&f);
    rows_init(&rows);
    for (size_t s = 0; s < WIDES; s++) {
        struct nastl_model model;
        float before[ROWS * 4], after[ROWS * 4];
        model_init(&model, &f.layout, &wide[s], 3);
        outputs_of(before, &model, &rows);
        assert_ok(nastl_warm_sort(&model));
        outputs_of(after, &model, &rows);
        assert_same_outputs(after, before, ROWS * 4);
        model_finish(&model);
    }
}

static double norm_of(const float *x, size_t count, size_t stride)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)x[i * stride] * x[i * stride];
    return sqrt(sum);
}

static void sorting_puts_important_neurons_first(void **state)
{
    (void)state;
    struct fixture f;
    struct nastl_model model;
    fixture_init(&f);
    model_init(&model, &f.layout, &wide[1], 4);
    assert_ok(nastl_warm_sort(&model));
    const struct nastl_tensor *in = nastl_net_find(model.net, "blocks.1.weight");
    const struct nastl_tensor *out = nastl_net_find(model.net, "blocks.2.weight");
    const float *scale = data_of(&model, "blocks.1.norm.weight");
    double previous = INFINITY;
    for (size_t j = 0; j < 64; j++) {
        const double importance = norm_of(in->data + j * 48, 48, 1) * fabsf(scale[j]) *
                                  norm_of(out->data + j, 32, 64);
        assert_true(importance <= previous * (1 + 1e-12));
        previous = importance;
    }
    model_finish(&model);
}

static void sorting_twice_is_sorting_once(void **state)
{
    (void)state;
    struct fixture f;
    struct nastl_model model, copy;
    fixture_init(&f);
    model_init(&model, &f.layout, &wide[2], 5);
    model_init(&copy, &f.layout, &wide[2], 6);
    assert_ok(nastl_warm_sort(&model));
    assert_true(warm_start(&copy, &model) == 1);
    assert_ok(nastl_warm_sort(&copy));
    for (size_t t = 0; t < nastl_net_tensor_count(model.net); t++) {
        const struct nastl_tensor *a = nastl_net_tensor(model.net, t);
        const struct nastl_tensor *b = nastl_net_tensor(copy.net, t);
        const size_t width = a->rank == 2 ? a->shape[1] : 1;
        assert_memory_equal(a->data, b->data, a->shape[0] * width * sizeof(float));
    }
    model_finish(&model);
    model_finish(&copy);
}

/* ---- other widths and depths ------------------------------------------------------- */

/* The leading part of every tensor but those of the input; heads have the same rows. */
static void assert_leading(const struct nastl_model *part,
                           const struct nastl_model *whole, const char *tensor)
{
    const struct nastl_tensor *a = nastl_net_find(part->net, tensor);
    const struct nastl_tensor *b = nastl_net_find(whole->net, tensor);
    assert_non_null(a);
    assert_non_null(b);
    for (size_t r = 0; r < a->shape[0] && r < b->shape[0]; r++)
        for (size_t c = 0; c < a->shape[1] && c < b->shape[1]; c++) {
            const size_t from = a->rank == 2 ? r * b->shape[1] + c : r;
            const size_t to = a->rank == 2 ? r * a->shape[1] + c : r;
            assert_true(a->data[to] == b->data[from]);
        }
}

static void a_narrower_network_takes_the_leading_parts(void **state)
{
    (void)state;
    const struct shape narrow = {3, {16, 40, 8}, "batch"};
    struct fixture f;
    struct nastl_model source, candidate;
    fixture_init(&f);
    model_init(&source, &f.layout, &wide[2], 7);
    model_init(&candidate, &f.layout, &narrow, 8);
    assert_ok(nastl_warm_sort(&source));
    assert_true(warm_start(&candidate, &source) == 1);
    for (size_t t = 0; t < nastl_net_tensor_count(candidate.net); t++)
        assert_leading(&candidate, &source, nastl_net_tensor(candidate.net, t)->name);
    model_finish(&source);
    model_finish(&candidate);
}

static void a_wider_network_keeps_its_own_rest(void **state)
{
    (void)state;
    const struct shape narrow = {2, {8, 8}, "none"}, wider = {2, {12, 10}, "none"};
    struct fixture f;
    struct nastl_model source, candidate, before;
    fixture_init(&f);
    model_init(&source, &f.layout, &narrow, 7);
    model_init(&candidate, &f.layout, &wider, 8);
    model_init(&before, &f.layout, &wider, 8);
    const double matched = warm_start(&candidate, &source);
    assert_leading(&candidate, &source, "blocks.1.weight");
    const float *now = data_of(&candidate, "blocks.1.weight");
    const float *then = data_of(&before, "blocks.1.weight");
    for (size_t r = 0; r < 10; r++)
        for (size_t c = 0; c < 12; c++)
            if (r >= 8 || c >= 8)
                assert_true(now[r * 12 + c] == then[r * 12 + c]);
    assert_true(matched > 0.5 && matched < 1);
    model_finish(&source);
    model_finish(&candidate);
    model_finish(&before);
}

static void assert_untouched(const struct nastl_model *now,
                             const struct nastl_model *then, const char *prefix)
{
    size_t seen = 0;
    for (size_t t = 0; t < nastl_net_tensor_count(now->net); t++) {
        const struct nastl_tensor *a = nastl_net_tensor(now->net, t);
        const struct nastl_tensor *b = nastl_net_tensor(then->net, t);
        const size_t width = a->rank == 2 ? a->shape[1] : 1;
        if (strncmp(a->name, prefix, strlen(prefix)) != 0)
            continue;
        assert_memory_equal(a->data, b->data, a->shape[0] * width * sizeof(float));
        seen++;
    }
    assert_true(seen > 0);
}

static void another_depth_keeps_its_own_head(void **state)
{
    (void)state;
    const struct shape shapes[] = {{4, {48, 64, 32, 16}, "layer"},
                                   {2, {48, 64}, "layer"}};
    struct fixture f;
    struct nastl_model source;
    fixture_init(&f);
    model_init(&source, &f.layout, &wide[1], 9);
    for (size_t s = 0; s < 2; s++) {
        struct nastl_model candidate, before;
        model_init(&candidate, &f.layout, &shapes[s], 10);
        model_init(&before, &f.layout, &shapes[s], 10);
        const double matched = warm_start(&candidate, &source);
        assert_true(matched > 0.5 && matched < 1);
        assert_leading(&candidate, &source, "blocks.1.weight");
        assert_leading(&candidate, &source, "blocks.1.norm.bias");
        assert_untouched(&candidate, &before, "head");
        if (s == 0)
            assert_untouched(&candidate, &before, "blocks.3");
        model_finish(&candidate);
        model_finish(&before);
    }
    model_finish(&source);
}

static void another_family_takes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    struct nastl_model source, candidate, before;
    fixture_init(&f);
    model_init(&source, &f.layout, &wide[0], 9);
    model_init(&candidate, &f.layout, &wide[0], 10);
    model_init(&before, &f.layout, &wide[0], 10);
    source.graph->family = "resnet";
    assert_true(warm_start(&candidate, &source) == 0);
    assert_untouched(&candidate, &before, "");
    model_finish(&source);
    model_finish(&candidate);
    model_finish(&before);
}

/* ---- other layouts ----------------------------------------------------------------- */

/* A source, a candidate whose layout may be another, and the candidate as it was. */
struct transfer {
    struct fixture from, to;
    struct nastl_model source, candidate, before;
};

static void transfer_init(struct transfer *t)
{
    fixture_init(&t->from);
    fixture_init(&t->to);
}

/* The layouts are as they shall be: the share that is matched. */
static double transfer_start(struct transfer *t, const struct shape *shape)
{
    model_init(&t->source, &t->from.layout, shape, 14);
    model_init(&t->candidate, &t->to.layout, shape, 15);
    model_init(&t->before, &t->to.layout, shape, 15);
    return warm_start(&t->candidate, &t->source);
}

static void transfer_finish(struct transfer *t)
{
    model_finish(&t->source);
    model_finish(&t->candidate);
    model_finish(&t->before);
}

/* The same features in another order: the same rows, told in the candidate's way, have
 * the same outputs. */
static void features_in_another_order_give_the_same_outputs(void **state)
{
    (void)state;
    struct transfer t;
    struct rows rows, turned;
    float expected[ROWS * 4], got[ROWS * 4];
    const size_t place[4] = {2, 0, 1, 3}; /* of column i of the source */
    transfer_init(&t);
    rows_init(&rows);
    rows_init(&turned);
    for (size_t i = 0; i < 3; i++)
        t.to.features[i].at = place[i];
    const struct nastl_layout_feature swap = t.to.features[0];
    t.to.features[0] = t.to.features[2];
    t.to.features[2] = swap;
    char *const bands[] = {"n78", "n1",
                           "n28"}; /* level i of the source is at 1 + i % 3 */
    memcpy(t.to.bands, bands, sizeof bands);
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t i = 0; i < 4; i++)
            turned.x[4 * r + place[i]] = rows.x[4 * r + i];
        const int32_t band = rows.code[2 * r];
        turned.code[2 * r] = band ? band % 3 + 1 : 0;
    }
    assert_true(transfer_start(&t, &wide[1]) == 1);
    outputs_of(expected, &t.source, &rows);
    outputs_of(got, &t.candidate, &turned);
    assert_same_outputs(got, expected, ROWS * 4);
    transfer_finish(&t);
}

/* Columns `first` … of the first block's weight, `count` of them, are (not) the source's.
 */
static void assert_columns(const struct nastl_model *a, const struct nastl_model *b,
                           size_t first, size_t count, bool same)
{
    const struct nastl_tensor *x = nastl_net_find(a->net, "blocks.0.weight");
    const struct nastl_tensor *y = nastl_net_find(b->net, "blocks.0.weight");
    for (size_t r = 0; r < x->shape[0]; r++)
        for (size_t c = first; c < first + count; c++)
            assert_true((x->data[r * x->shape[1] + c] == y->data[r * y->shape[1] + c]) ==
                        same);
}

static void a_renamed_column_is_not_matched_and_others_are(void **state)
{
    (void)state;
    struct transfer t;
    transfer_init(&t);
    t.to.features[0].name = "rsrp_dbm"; /* x 0 and its indicator, x 3 */
    const double matched = transfer_start(&t, &wide[0]);
    const size_t all = nastl_graph_parameters(t.candidate.graph);
    const size_t inputs = t.candidate.graph->nodes[0].width;
    assert_columns(&t.candidate, &t.source, 0, 1, false);
    assert_columns(&t.candidate, &t.source, 1, 2, true);
    assert_columns(&t.candidate, &t.source, 3, 1, false);
    assert_columns(&t.candidate, &t.source, 4, inputs - 4, true);
    assert_true(matched == (double)(all - 2 * 48) / (double)all);
    transfer_finish(&t);
}

static void a_column_of_another_kind_is_not_matched(void **state)
{
    (void)state;
    struct transfer t;
    transfer_init(&t);
    t.to.features[3].name = "speed"; /* now a category, and */
    t.to.features[2].name = "band";  /* now a number */
    transfer_start(&t, &wide[0]);
    assert_columns(&t.candidate, &t.source, 0, 2, true);
    assert_columns(&t.candidate, &t.source, 2, 1, false);
    assert_columns(&t.candidate, &t.source, 3, 1, true);
    assert_columns(&t.candidate, &t.source, 4, 4, false);
    transfer_finish(&t);
}

static void categories_are_matched_by_their_text(void **state)
{
    (void)state;
    struct transfer t;
    transfer_init(&t);
    t.to.bands[1] = "n40"; /* new: code 2, input column 4 + 2 */
    for (size_t i = 0; i < LEVELS; i++)
        t.to.cells[i] = t.from.text[LEVELS - 1 - i];
    t.to.cells[0] = "new";
    t.to.features[4].missing_level = false;
    t.to.cardinality[1] = LEVELS + 1;
    transfer_start(&t, &wide[0]);
    assert_columns(&t.candidate, &t.source, 4, 2, true);
    assert_columns(&t.candidate, &t.source, 6, 1, false);
    assert_columns(&t.candidate, &t.source, 7, 1, true);
    const size_t width = t.source.graph->encodings[1].width, row = width * sizeof(float);
    assert_int_equal(t.candidate.graph->encodings[1].width, width);
    const float *table = data_of(&t.candidate, "embeddings.1.weight");
    const float *origin = data_of(&t.source, "embeddings.1.weight");
    assert_memory_equal(table, origin, row); /* unseen */
    assert_memory_equal(table + width, data_of(&t.before, "embeddings.1.weight") + width,
                        row); /* new */
    for (size_t code = 2; code <= LEVELS; code++)
        assert_memory_equal(table + code * width, origin + (LEVELS + 1 - code) * width,
                            row);
    transfer_finish(&t);
}

/* With few enough levels the column becomes one-hot, and there is no table to copy. */
static void another_encoding_is_not_matched(void **state)
{
    (void)state;
    struct transfer t;
    transfer_init(&t);
    t.to.features[4].level_count = 5;
    t.to.cardinality[1] = 7;
    transfer_start(&t, &wide[0]);
    assert_columns(&t.candidate, &t.source, 0, 8, true);
    assert_columns(&t.candidate, &t.before, 8, 7, true);
    transfer_finish(&t);
}

/* ---- heads ------------------------------------------------------------------------- */

static void classes_are_matched_by_name(void **state)
{
    (void)state;
    struct transfer t;
    transfer_init(&t);
    char *const classes[] = {"iot", "mmtc", "urllc"};
    const long twin[] = {-1, 1, 3};
    memcpy(t.to.classes, classes, sizeof classes);
    t.to.layout.class_count = 3;
    transfer_start(&t, &wide[0]);
    for (size_t c = 0; c < 3; c++) {
        const struct nastl_model *origin = twin[c] < 0 ? &t.before : &t.source;
        const size_t row = twin[c] < 0 ? c : (size_t)twin[c];
        assert_memory_equal(data_of(&t.candidate, "head.weight") + 32 * c,
                            data_of(origin, "head.weight") + 32 * row,
                            32 * sizeof(float));
        assert_true(data_of(&t.candidate, "head.bias")[c] ==
                    data_of(origin, "head.bias")[row]);
    }
    transfer_finish(&t);
}

/* The share of a network with one output that a source with one output gives. */
static double share(struct fixture *to, struct fixture *from)
{
    struct nastl_model source, candidate;
    model_init(&source, &from->layout, &wide[3], 22);
    model_init(&candidate, &to->layout, &wide[3], 23);
    const double matched = warm_start(&candidate, &source);
    model_finish(&source);
    model_finish(&candidate);
    return matched;
}

static void a_single_output_is_matched_by_task(void **state)
{
    (void)state;
    struct fixture from, to;
    fixture_init(&from);
    fixture_init(&to);
    from.layout.task = to.layout.task = NASTL_TASK_BINARY;
    from.layout.class_count = to.layout.class_count = 2;
    assert_true(share(&to, &from) == 1);
    to.classes[1] = "other";
    assert_true(share(&to, &from) < 1);
    to.layout.task = NASTL_TASK_REGRESSION;
    to.layout.class_count = 0;
    assert_true(share(&to, &from) < 1);
    from.layout.task = NASTL_TASK_REGRESSION;
    from.layout.class_count = 0;
    from.layout.label_name = "throughput";
    assert_true(share(&to, &from) == 1);
}

/* ---- the rest ---------------------------------------------------------------------- */

struct pair {
    struct nastl_model source, candidate;
};

static int try_sort(void *payload)
{
    struct pair *pair = payload;
    return nastl_warm_sort(&pair->source);
}

static int try_start(void *payload)
{
    struct pair *pair = payload;
    double matched;
    return nastl_warm_start(&matched, pair->candidate.net, pair->candidate.layout,
                            &pair->source);
}

static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    struct fixture f;
    struct rows rows;
    struct pair pair;
    float before[ROWS * 4], after[ROWS * 4];
    fixture_init(&f);
    rows_init(&rows);
    model_init(&pair.source, &f.layout, &wide[1], 24);
    model_init(&pair.candidate, &f.layout, &wide[1], 25);
    outputs_of(before, &pair.source, &rows);
    check_out_of_memory(try_sort, &pair);
    check_out_of_memory(try_start, &pair);
    outputs_of(after, &pair.candidate, &rows);
    assert_same_outputs(after, before, ROWS * 4);
    model_finish(&pair.source);
    model_finish(&pair.candidate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_network_gives_the_same_bits),
        cmocka_unit_test(sorting_keeps_the_outputs),
        cmocka_unit_test(sorting_puts_important_neurons_first),
        cmocka_unit_test(sorting_twice_is_sorting_once),
        cmocka_unit_test(a_narrower_network_takes_the_leading_parts),
        cmocka_unit_test(a_wider_network_keeps_its_own_rest),
        cmocka_unit_test(another_depth_keeps_its_own_head),
        cmocka_unit_test(another_family_takes_nothing),
        cmocka_unit_test(features_in_another_order_give_the_same_outputs),
        cmocka_unit_test(a_renamed_column_is_not_matched_and_others_are),
        cmocka_unit_test(a_column_of_another_kind_is_not_matched),
        cmocka_unit_test(categories_are_matched_by_their_text),
        cmocka_unit_test(another_encoding_is_not_matched),
        cmocka_unit_test(classes_are_matched_by_name),
        cmocka_unit_test(a_single_output_is_matched_by_task),
        cmocka_unit_test(memory_that_runs_out_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
