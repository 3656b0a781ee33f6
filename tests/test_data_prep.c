/* test_data_prep.c: layouts, statistics of features, maps of labels; in memory and in
 * files. tests/check_prep.py holds them against scikit-learn and NumPy.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data_toy.h"

#include "base/stat.h"
#include "data/prep_impl.h"
#include "data/quantile.h"
#include "data/table_read.h"

static const double sklearn_end = 5.199337582605575; /* norm.ppf(1 - 1e-7) */

/* A dataset with its training rows, layout and statistics. */
struct fitted {
    struct nastl_dataset *dataset;
    int32_t *rows;
    size_t count;
    struct nastl_layout *layout;
    struct nastl_prep *prep;
};

static void fit(struct fitted *f, void **state, const char *label, uint64_t seed,
                enum nastl_scaling scaling)
{
    char *items[1];
    const struct nastl_dataset_params p =
        toy_params(items, toy_rows(state, "rows.csv", 400, seed), label);
    assert_ok(nastl_dataset_load(&f->dataset, &p, NULL));
    assert_ok(nastl_dataset_rows(&f->rows, &f->count, f->dataset, NASTL_PART_TRAIN));
    assert_ok(nastl_layout_fit(&f->layout, f->dataset, f->rows, f->count));
    assert_ok(
        nastl_prep_fit(&f->prep, f->layout, f->dataset, f->rows, f->count, scaling));
}

static void finish(struct fitted *f)
{
    nastl_prep_destroy(f->prep);
    nastl_layout_destroy(f->layout);
    nastl_dataset_destroy(f->dataset);
    free(f->rows);
}

static const struct nastl_layout_feature *feature(const struct nastl_layout *layout,
                                                  const char *name)
{
    for (size_t i = 0; i < layout->feature_count; i++)
        if (strcmp(layout->features[i].name, name) == 0)
            return &layout->features[i];
    fail_msg("no feature %s", name);
    return NULL;
}

/* ---- layout ------------------------------------------------------------------------ */

static void a_layout_places_numbers_indicators_and_levels(void **state)
{
    struct fitted f;
    fit(&f, state, "class", 1, NASTL_SCALING_STANDARD);
    const struct nastl_layout *l = f.layout;
    assert_int_equal(l->feature_count, 8); /* without the label */
    assert_int_equal(l->numeric, 6);       /* id a b time value, b's indicator */
    assert_int_equal(l->categorical, 3);   /* text site group */
    assert_int_equal(feature(l, "a")->indicator, -1);
    assert_int_equal(feature(l, "b")->indicator, 5);
    const struct nastl_layout_feature *text = feature(l, "text");
    assert_int_equal(text->level_count, 3);
    assert_true(text->missing_level);
    assert_string_equal(text->levels[0], "blue");
    assert_string_equal(text->levels[2], "red");
    assert_int_equal(l->cardinality[text->at], 5);
    assert_int_equal(l->cardinality[feature(l, "site")->at], 3);
    assert_int_equal(l->class_count, 3);
    finish(&f);
}

static void codes_are_below_their_cardinality(void **state)
{
    struct fitted f;
    struct nastl_xy xy;
    struct nastl_table *t;
    struct nastl_dataset *other;
    fit(&f, state, "class", 2, NASTL_SCALING_QUANTILE);
    assert_ok(nastl_prep_apply(&xy, f.prep, f.layout, f.dataset, f.rows, f.count));
    for (size_t i = 0; i < xy.rows; i++)
        for (size_t k = 0; k < xy.categorical; k++)
            assert_in_range(xy.code[i * xy.categorical + k], 1,
                            f.layout->cardinality[k] - 1);
    nastl_xy_finish(&xy);
    assert_ok(nastl_table_load(
        &t, toy_write(state, "u.csv", "text,site\npink,north\n,south\n"), NULL));
    assert_ok(nastl_dataset_for_layout(&other, t, f.layout, NULL, NULL));
    static const int32_t both[] = {0, 1};
    assert_ok(nastl_prep_apply(&xy, f.prep, f.layout, other, both, 2));
    const size_t text = feature(f.layout, "text")->at,
                 site = feature(f.layout, "site")->at;
    assert_int_equal(xy.code[text], 0);                  /* unseen */
    assert_int_equal(xy.code[xy.categorical + text], 4); /* missing */
    assert_int_equal(xy.code[site], 1);
    assert_int_equal(xy.code[xy.categorical + site], 2);
    assert_int_equal(xy.code[feature(f.layout, "group")->at], 0); /* no such level */
    nastl_xy_finish(&xy);
    nastl_dataset_destroy(other);
    nastl_table_destroy(t);
    finish(&f);
}

/* ---- numbers ----------------------------------------------------------------------- */

static void robust_inputs_are_by_quartiles_and_clipped(void **state)
{
    struct fitted f;
    struct nastl_xy xy;
    fit(&f, state, "class", 3, NASTL_SCALING_ROBUST);
    assert_ok(nastl_prep_apply(&xy, f.prep, f.layout, f.dataset, f.rows, f.count));
    const size_t b = feature(f.layout, "b")->at;
    double *x = malloc(xy.rows * sizeof *x);
    for (size_t i = 0; i < xy.rows; i++) {
        x[i] = xy.x[i * xy.numeric + b];
        assert_true(fabs(x[i]) < 3);
    }
    assert_true(f.prep->mean[b] == f.prep->median[b]);
    nastl_stat_sort(x, xy.rows);
    assert_true(fabs(nastl_stat_quantile(x, xy.rows, 0.5)) < 0.05);
    const double between =
        nastl_stat_quantile(x, xy.rows, 0.75) - nastl_stat_quantile(x, xy.rows, 0.25);
    assert_true(between > 0.5 && between < 1.0); /* a fifth is missing: the median */
    free(x);
    nastl_xy_finish(&xy);
    finish(&f);
}

static void standard_inputs_have_mean_0_and_deviation_1(void **state)
{
    struct fitted f;
    struct nastl_xy xy;
    fit(&f, state, "class", 3, NASTL_SCALING_STANDARD);
    assert_ok(nastl_prep_apply(&xy, f.prep, f.layout, f.dataset, f.rows, f.count));
    const size_t b = feature(f.layout, "b")->at;
    const size_t indicator = (size_t)feature(f.layout, "b")->indicator;
    double sum = 0, squares = 0, n = 0;
    float imputed = NAN;
    for (size_t i = 0; i < xy.rows; i++) {
        const float *x = xy.x + i * xy.numeric;
        const struct nastl_feature *raw = toy_feature(f.dataset, "b");
        const bool missing = isnan(
            f.dataset->numeric[(size_t)f.rows[i] * f.dataset->numeric_count + raw->at]);
        assert_true(x[indicator] == (missing ? 1.0f : 0.0f));
        if (missing) {
            assert_true(isnan(imputed) || x[b] == imputed);
            imputed = x[b];
            continue;
        }
        sum += x[b];
        squares += x[b] * x[b];
        n++;
    }
    assert_false(isnan(imputed));
    assert_true(fabs(sum / n) < 1e-5 && fabs(squares / n - 1) < 1e-5);
    nastl_xy_finish(&xy);
    finish(&f);
}

/* Values that are hard on a quantile map, ascending floats. */
static size_t hard_values(double *x, size_t n, uint64_t seed)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, seed, 0, NASTL_RNG_TEST);
    const uint64_t kind = seed % 6;
    for (size_t i = 0; i < n; i++) {
        const double z = nastl_rng_normal(&rng);
        const double cases[] = {z,
                                exp(3 * z),
                                nastl_rng_below(&rng, 3) ? 0 : exp(z),
                                floor(10 * z),
                                1e9 + floor(z),
                                z < 1 ? 7 : 7 + 1e-6 * z};
        x[i] = (float)cases[kind];
    }
    nastl_stat_sort(x, n);
    return n;
}

static void quantile_maps_ascend_and_keep_their_ends(void **state)
{
    (void)state;
    static double x[5000];
    static struct nastl_knots k;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        const size_t n = hard_values(x, seed % 7 ? 20 * seed + 2 : 2 + seed / 7, seed);
        assert_ok(nastl_quantile_fit(&k, x, n));
        assert_in_range(k.count, 1, NASTL_KNOTS);
        for (size_t i = 0; i < k.count; i++) {
            assert_true(k.x[i] == (float)k.x[i] && k.y[i] == (float)k.y[i]);
            assert_true(i == 0 || (k.x[i] > k.x[i - 1] && k.y[i] >= k.y[i - 1]));
        }
        if (x[0] == x[n - 1]) {
            assert_int_equal(k.count, 1);
            assert_true(k.y[0] == 0);
            continue;
        }
        assert_true(k.x[0] == x[0] && k.x[k.count - 1] == x[n - 1]);
        assert_true(fabs(k.y[0] + sklearn_end) < 1e-6);
        assert_true(fabs(k.y[k.count - 1] - sklearn_end) < 1e-6);
    }
}

static void inputs_are_finite_whatever_comes(void **state)
{
    static const char *const numbers[] = {"1e38", "-3e38", "1e-40", "inf", "", "0"};
    struct nastl_strbuf buf;
    char *items[1];
    nastl_strbuf_init(&buf);
    nastl_strbuf_add(&buf, "constant,empty,wild,y\n");
    for (int i = 0; i < 60; i++)
        nastl_strbuf_addf(&buf, "5,,%s,%d\n", numbers[i % 6], i % 2);
    const struct nastl_dataset_params p =
        toy_params(items, toy_write(state, "wild.csv", nastl_strbuf_text(&buf)), "y");
    for (int s = 0; s < NASTL_SCALING_COUNT; s++) {
        struct fitted f;
        struct nastl_xy xy;
        assert_ok(nastl_dataset_load(&f.dataset, &p, NULL));
        assert_ok(nastl_dataset_rows(&f.rows, &f.count, f.dataset, NASTL_PART_TRAIN));
        assert_ok(nastl_layout_fit(&f.layout, f.dataset, f.rows, f.count));
        assert_ok(nastl_prep_fit(&f.prep, f.layout, f.dataset, f.rows, f.count,
                                 (enum nastl_scaling)s));
        assert_ok(nastl_prep_apply(&xy, f.prep, f.layout, f.dataset, f.rows, f.count));
        for (size_t i = 0; i < xy.rows * xy.numeric; i++)
            assert_true(isfinite(xy.x[i]));
        for (size_t i = 0; i < xy.rows; i++) {
            assert_true(xy.x[i * xy.numeric] == 0);     /* constant */
            assert_true(xy.x[i * xy.numeric + 1] == 0); /* empty */
        }
        nastl_xy_finish(&xy);
        finish(&f);
    }
    nastl_strbuf_finish(&buf);
}

/* ---- labels ------------------------------------------------------------------------ */

static void label_maps_are_invertible(void **state)
{
    (void)state;
    static double y[3000];
    static struct nastl_label_map map;
    for (uint64_t seed = 1; seed <= 30; seed++)
        for (int t = 0; t < NASTL_LABEL_TRANSFORM_COUNT; t++) {
            const size_t n = hard_values(y, 10 + 50 * seed, seed);
            assert_ok(nastl_label_fit(&map, y, n, (enum nastl_label_transform)t));
            const double range = y[n - 1] - y[0];
            for (size_t i = 0; i < n; i++) {
                const double back =
                    nastl_label_invert(&map, nastl_label_apply(&map, y[i]));
                assert_true(fabs(back - y[i]) <= 1e-7 * (fabs(y[i]) + range));
            }
            assert_true(nastl_label_invert(&map, 1e30) <= y[n - 1] + 0.1 * range + 1e-9);
            assert_true(nastl_label_invert(&map, -1e30) >= y[0] - 0.1 * range - 1e-9);
        }
}

static void mapped_labels_are_standard(void **state)
{
    (void)state;
    static double y[2000];
    static struct nastl_label_map map;
    hard_values(y, 2000, 7);
    for (int t = 0; t < NASTL_LABEL_TRANSFORM_COUNT; t++) {
        double sum = 0, squares = 0;
        assert_ok(nastl_label_fit(&map, y, 2000, (enum nastl_label_transform)t));
        for (size_t i = 0; i < 2000; i++) {
            const double z = nastl_label_apply(&map, y[i]);
            sum += z;
            squares += z * z;
        }
        assert_true(fabs(sum / 2000) < 1e-9 && fabs(squares / 2000 - 1) < 1e-9);
    }
    assert_error(nastl_label_fit(&map, y, 0, NASTL_LABEL_NONE), NASTL_EINVAL, "none");
}

/* ---- files ------------------------------------------------------------------------- */

static struct nastl_h5 *write_model(void **state, const struct fitted *f,
                                    const char *name)
{
    struct nastl_h5 *file;
    const char *path = scratch(state, name);
    assert_ok(nastl_h5_create(&file, path));
    assert_ok(nastl_layout_save(f->layout, file, "/m/layout"));
    assert_ok(nastl_prep_save(f->prep, file, "/m/prep"));
    assert_ok(nastl_h5_commit(file));
    nastl_h5_close(file);
    assert_ok(nastl_h5_open(&file, path));
    return file;
}

static void saved_layouts_prepare_the_same_rows(void **state)
{
    static const char *const labels[] = {"class", "value", "class"};
    for (int s = 0; s < NASTL_SCALING_COUNT; s++) {
        struct fitted f;
        struct nastl_layout *layout;
        struct nastl_prep *prep;
        struct nastl_xy a, b;
        fit(&f, state, labels[s], 4, (enum nastl_scaling)s);
        struct nastl_h5 *file = write_model(state, &f, "m.h5");
        assert_ok(nastl_layout_load(&layout, file, "/m/layout"));
        assert_ok(nastl_prep_load(&prep, layout, file, "/m/prep"));
        nastl_h5_close(file);
        assert_int_equal(layout->task, f.layout->task);
        assert_int_equal(layout->class_count, f.layout->class_count);
        assert_string_equal(layout->label_name, labels[s]);
        assert_memory_equal(layout->cardinality, f.layout->cardinality,
                            layout->categorical * sizeof *layout->cardinality);
        assert_ok(nastl_prep_apply(&a, f.prep, f.layout, f.dataset, f.rows, f.count));
        assert_ok(nastl_prep_apply(&b, prep, layout, f.dataset, f.rows, f.count));
        assert_memory_equal(a.x, b.x, a.rows * a.numeric * sizeof *a.x);
        assert_memory_equal(a.code, b.code, a.rows * a.categorical * sizeof *a.code);
        nastl_xy_finish(&a);
        nastl_xy_finish(&b);
        nastl_prep_destroy(prep);
        nastl_layout_destroy(layout);
        finish(&f);
    }
}

static void saved_label_maps_are_the_same(void **state)
{
    static double y[500];
    static struct nastl_label_map map, back;
    hard_values(y, 500, 3);
    for (int t = 0; t < NASTL_LABEL_TRANSFORM_COUNT; t++) {
        struct nastl_h5 *file;
        const char *path = scratch(state, "label.h5");
        assert_ok(nastl_label_fit(&map, y, 500, (enum nastl_label_transform)t));
        assert_ok(nastl_h5_create(&file, path));
        assert_ok(nastl_label_save(&map, file, "/label"));
        assert_ok(nastl_h5_commit(file));
        nastl_h5_close(file);
        assert_ok(nastl_h5_open(&file, path));
        assert_ok(nastl_label_load(&back, file, "/label"));
        nastl_h5_close(file);
        for (double v = -3; v <= 3; v += 0.25) {
            assert_true(nastl_label_apply(&map, v) == nastl_label_apply(&back, v));
            assert_true(nastl_label_invert(&map, v) == nastl_label_invert(&back, v));
        }
    }
}

/* One number of a layout is changed before it is saved: what is loaded is refused, or it
 * can be used without harm. */
static void spoil(struct nastl_layout_feature *feature, struct nastl_rng *rng)
{
    const int64_t value = (int64_t)nastl_rng_below(rng, 14) - 2;
    switch (nastl_rng_below(rng, 4)) {
    case 0:
        feature->at = (size_t)value;
        break;
    case 1:
        feature->indicator = (long)value;
        break;
    case 2:
        feature->kind = (enum nastl_kind)(value & 3);
        break;
    default:
        if (feature->level_count > 1)
            feature->levels[1][0] = (char)('a' + (value & 15));
    }
}

static void use(struct nastl_h5 *file, const struct fitted *f, size_t *refused)
{
    struct nastl_layout *layout;
    struct nastl_prep *prep;
    struct nastl_xy xy;
    if (nastl_layout_load(&layout, file, "/m/layout") < 0) {
        ++*refused;
        return;
    }
    if (nastl_prep_load(&prep, layout, file, "/m/prep") < 0) {
        ++*refused;
        nastl_layout_destroy(layout);
        return;
    }
    assert_ok(nastl_prep_apply(&xy, prep, layout, f->dataset, f->rows, f->count));
    for (size_t i = 0; i < xy.rows; i++)
        for (size_t k = 0; k < xy.categorical; k++)
            assert_in_range(xy.code[i * xy.categorical + k], 0,
                            layout->cardinality[k] - 1);
    nastl_xy_finish(&xy);
    nastl_prep_destroy(prep);
    nastl_layout_destroy(layout);
}

static void spoilt_models_do_no_harm(void **state)
{
    struct nastl_rng rng;
    size_t refused = 0;
    nastl_rng_init(&rng, 1, 0, NASTL_RNG_TEST);
    for (int i = 0; i < 60; i++) {
        struct fitted f;
        fit(&f, state, "class", 5, NASTL_SCALING_QUANTILE);
        if (i % 6 == 5)
            f.prep->knots_x[nastl_rng_below(&rng, 8)] = 1e9f;
        else
            spoil(&f.layout->features[nastl_rng_below(&rng, f.layout->feature_count)],
                  &rng);
        struct nastl_h5 *file = write_model(state, &f, "spoilt.h5");
        use(file, &f, &refused);
        nastl_h5_close(file);
        finish(&f);
    }
    assert_in_range(refused, 30, 60);
}

/* ---- memory ------------------------------------------------------------------------ */

static int attempt_fit(void *payload)
{
    const struct fitted *f = payload;
    struct nastl_layout *layout = NULL;
    struct nastl_prep *prep = NULL;
    struct nastl_xy xy = {0};
    int status = nastl_layout_fit(&layout, f->dataset, f->rows, f->count);
    if (status == NASTL_OK)
        status = nastl_prep_fit(&prep, layout, f->dataset, f->rows, f->count,
                                NASTL_SCALING_QUANTILE);
    if (status == NASTL_OK)
        status = nastl_prep_apply(&xy, prep, layout, f->dataset, f->rows, f->count);
    nastl_xy_finish(&xy);
    nastl_prep_destroy(prep);
    nastl_layout_destroy(layout);
    return status;
}

static int attempt_read(void *file)
{
    struct nastl_layout *layout = NULL;
    struct nastl_prep *prep = NULL;
    int status = nastl_layout_load(&layout, file, "/m/layout");
    if (status == NASTL_OK)
        status = nastl_prep_load(&prep, layout, file, "/m/prep");
    nastl_prep_destroy(prep);
    nastl_layout_destroy(layout);
    return status;
}

static void memory_may_run_out(void **state)
{
    struct fitted f;
    fit(&f, state, "class", 6, NASTL_SCALING_QUANTILE);
    check_out_of_memory(attempt_fit, &f);
    struct nastl_h5 *file = write_model(state, &f, "oom.h5");
    check_out_of_memory(attempt_read, file);
    nastl_h5_close(file);
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layout_places_numbers_indicators_and_levels),
        cmocka_unit_test(codes_are_below_their_cardinality),
        cmocka_unit_test(robust_inputs_are_by_quartiles_and_clipped),
        cmocka_unit_test(standard_inputs_have_mean_0_and_deviation_1),
        cmocka_unit_test(quantile_maps_ascend_and_keep_their_ends),
        cmocka_unit_test(inputs_are_finite_whatever_comes),
        cmocka_unit_test(label_maps_are_invertible),
        cmocka_unit_test(mapped_labels_are_standard),
        cmocka_unit_test(saved_layouts_prepare_the_same_rows),
        cmocka_unit_test(saved_label_maps_are_the_same),
        cmocka_unit_test(spoilt_models_do_no_harm),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
