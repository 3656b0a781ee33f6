/* test_data_dataset.c: from tables to a dataset: domains, parts, labels, features.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data_toy.h"

#include "data/table_read.h"

static struct nastl_dataset *load(const struct nastl_dataset_params *p, const char *said)
{
    struct toy_log log;
    struct nastl_dataset *d = NULL;
    assert_ok(nastl_dataset_load(&d, p, toy_log_start(&log)));
    toy_log_check(&log, said);
    return d;
}

static void check_parts(const struct nastl_dataset *d, size_t source_train,
                        size_t source_valid, size_t train, size_t valid, size_t test)
{
    assert_int_equal(nastl_dataset_count(d, NASTL_PART_SOURCE_TRAIN), source_train);
    assert_int_equal(nastl_dataset_count(d, NASTL_PART_SOURCE_VALID), source_valid);
    assert_int_equal(nastl_dataset_count(d, NASTL_PART_TRAIN), train);
    assert_int_equal(nastl_dataset_count(d, NASTL_PART_VALID), valid);
    assert_int_equal(nastl_dataset_count(d, NASTL_PART_TEST), test);
    assert_int_equal(d->rows, source_train + source_valid + train + valid + test);
}

static float number(const struct nastl_dataset *d, const char *name, size_t row)
{
    const struct nastl_feature *f = toy_feature(d, name);
    assert_non_null(f);
    return d->numeric[row * d->numeric_count + f->at];
}

static const char *text(const struct nastl_dataset *d, const char *name, size_t row)
{
    const struct nastl_feature *f = toy_feature(d, name);
    assert_non_null(f);
    const int32_t code = d->code[row * d->categorical_count + f->at];
    return code < 0 ? "" : (size_t)code < f->level_count ? f->levels[code] : "unseen";
}

/* ---- values ------------------------------------------------------------------------ */

/* The rows of the dataset, found again in the table by the number in column `id`. */
static void values_are_those_of_the_table(void **state)
{
    char *items[1], *north[] = {"north"};
    const char *path = toy_rows(state, "rows.csv", 300, 2);
    struct nastl_dataset_params p = toy_params(items, path, "class");
    p.domain_column = "site";
    p.source_domain = (struct nastl_list){north, 1};
    struct nastl_dataset *d = load(&p, NULL);
    struct nastl_table *t;
    assert_ok(nastl_table_load(&t, path, NULL));
    const struct nastl_column *a = &t->columns[nastl_table_find(t, "a")];
    const struct nastl_column *b = &t->columns[nastl_table_find(t, "b")];
    const struct nastl_column *texts = &t->columns[nastl_table_find(t, "text")];
    const struct nastl_column *site = &t->columns[nastl_table_find(t, "site")];
    const struct nastl_column *class = &t->columns[nastl_table_find(t, "class")];
    assert_int_equal(d->rows, 300);
    for (size_t i = 0; i < d->rows; i++) {
        const size_t row = (size_t)number(d, "id", i);
        const float y = number(d, "b", i);
        const bool source = strcmp(site->levels[site->code[row]], "north") == 0;
        assert_true(number(d, "a", i) == (float)a->number[row]);
        assert_true(y == (float)b->number[row] || (isnan(y) && isnan(b->number[row])));
        assert_string_equal(text(d, "text", i),
                            texts->code[row] < 0 ? "" : texts->levels[texts->code[row]]);
        assert_string_equal(d->classes[(size_t)d->label[i]],
                            class->levels[class->code[row]]);
        assert_int_equal(d->part[i] <= NASTL_PART_SOURCE_VALID, source);
    }
    assert_null(toy_feature(d, "site"));
    assert_null(toy_feature(d, "class"));
    assert_int_equal(d->numeric_count + d->categorical_count, d->feature_count);
    nastl_table_destroy(t);
    nastl_dataset_destroy(d);
}

static void infinite_numbers_count_as_missing(void **state)
{
    char *items[1];
    const char *path = toy_write(state, "inf.csv",
                                 "a,y\n1,0\ninf,1\n1e300,0\n2,1\n3,0\n"
                                 "4,1\n5,0\n6,1\n");
    const struct nastl_dataset_params p = toy_params(items, path, "y");
    struct nastl_dataset *d = load(&p, "2 infinite numbers count as missing");
    assert_true(isnan(number(d, "a", 1)) && isnan(number(d, "a", 2)));
    nastl_dataset_destroy(d);
}

/* ---- domains and parts ------------------------------------------------------------- */

static const char *domain_rows(void **state)
{
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    nastl_strbuf_add(&buf, "x,d,split,y\n");
    static const char *const parts[] = {"train", "train", "train", "val", "test"};
    for (int i = 0; i < 60; i++)
        nastl_strbuf_addf(&buf, "%d,%c,%s,%c\n", i, "ABC"[i % 3], parts[i / 3 % 5],
                          "pq"[i % 2]);
    const char *path = toy_write(state, "domains.csv", nastl_strbuf_text(&buf));
    nastl_strbuf_finish(&buf);
    return path;
}

static void domains_of_one_file_are_source_and_target(void **state)
{
    char *items[1], *a[] = {"A"}, *b[] = {"B"}, *bc[] = {"B", "C"};
    struct nastl_dataset_params p = toy_params(items, domain_rows(state), "y");
    p.domain_column = "d";
    p.split_column = "split";
    p.source_domain = (struct nastl_list){a, 1};
    p.target_domain = (struct nastl_list){b, 1};
    struct nastl_dataset *d = load(&p, NULL);
    check_parts(d, 12, 4, 12, 4, 4);
    assert_non_null(strstr(d->source_name, "[A]"));
    assert_non_null(strstr(d->target_name, "[B]"));
    nastl_dataset_destroy(d);
    p.target_domain = (struct nastl_list){bc, 2};
    d = load(&p, NULL);
    check_parts(d, 12, 4, 24, 8, 8);
    nastl_dataset_destroy(d);
    p.target_domain = (struct nastl_list){NULL, 0};
    d = load(&p, NULL); /* all others */
    check_parts(d, 12, 4, 24, 8, 8);
    nastl_dataset_destroy(d);
    p.source_domain = (struct nastl_list){NULL, 0};
    p.target_domain = (struct nastl_list){a, 1};
    d = load(&p, NULL);
    check_parts(d, 0, 0, 12, 4, 4);
    assert_null(d->source_name);
    nastl_dataset_destroy(d);
    p.target_domain = (struct nastl_list){NULL, 0};
    d = load(&p, NULL); /* a column, but no word on domains */
    check_parts(d, 0, 0, 36, 12, 12);
    nastl_dataset_destroy(d);
}

static void source_files_are_source_rows(void **state)
{
    char *items[1], *sources[1], *a[] = {"A"}, *b[] = {"B"};
    const char *path = domain_rows(state);
    struct nastl_dataset_params p = toy_params(items, path, "y");
    sources[0] = items[0];
    p.source = (struct nastl_list){sources, 1};
    p.domain_column = "d";
    p.split_column = "split";
    p.target_domain = (struct nastl_list){b, 1};
    struct nastl_dataset *d = load(&p, NULL);
    check_parts(d, 36, 12, 12, 4, 4);
    nastl_dataset_destroy(d);
    p.source_domain = (struct nastl_list){a, 1};
    d = load(&p, NULL);
    check_parts(d, 12, 4, 12, 4, 4);
    assert_int_equal(d->files.count, 1);
    nastl_dataset_destroy(d);
}

static void a_test_file_gives_all_test_rows(void **state)
{
    char *items[1], *b[] = {"B"};
    const char *path = domain_rows(state);
    struct nastl_dataset_params p = toy_params(items, path, "y");
    p.test = path;
    p.domain_column = "d";
    p.target_domain = (struct nastl_list){b, 1};
    struct nastl_dataset *d = load(&p, NULL);
    check_parts(d, 0, 0, 16, 4, 20); /* 0.8,0.2,0 of 20 */
    nastl_dataset_destroy(d);
    p.split_column = "split";
    d = load(&p, NULL); /* the target's own test rows play no part */
    check_parts(d, 0, 0, 12, 4, 20);
    nastl_dataset_destroy(d);
}

static void a_split_without_validation_rows_gets_some(void **state)
{
    char *items[1];
    struct nastl_strbuf buf;
    nastl_strbuf_init(&buf);
    nastl_strbuf_add(&buf, "x,split,y\n");
    for (int i = 0; i < 50; i++)
        nastl_strbuf_addf(&buf, "%d,%s,%c\n", i, i < 40 ? "train" : "test", "pq"[i % 2]);
    struct nastl_dataset_params p =
        toy_params(items, toy_write(state, "tt.csv", nastl_strbuf_text(&buf)), "y");
    p.split_column = "split";
    struct nastl_dataset *d = load(&p, "a fifth of its training rows validate");
    check_parts(d, 0, 0, 32, 8, 10);
    nastl_dataset_destroy(d);
    nastl_strbuf_finish(&buf);
}

static void target_rows_are_fewer_and_nested(void **state)
{
    char *items[1];
    const char *path = toy_rows(state, "many.csv", 1000, 4);
    struct nastl_dataset_params p = toy_params(items, path, "class");
    static const int64_t wanted[] = {10, 50, 100, 400, 800};
    bool kept[2][1000] = {{false}};
    for (size_t k = 0; k < 5; k++) {
        p.target_rows = wanted[k];
        struct nastl_dataset *d = load(&p, NULL);
        assert_int_equal(d->rows, 200 + (size_t)wanted[k]);
        assert_int_equal(nastl_dataset_count(d, NASTL_PART_TEST), 200);
        assert_true(fabs((double)nastl_dataset_count(d, NASTL_PART_TRAIN) -
                         0.75 * (double)wanted[k]) <= 1);
        memset(kept[k % 2], 0, sizeof kept[0]);
        for (size_t i = 0; i < d->rows; i++)
            kept[k % 2][(size_t)number(d, "id", i)] = true;
        for (size_t i = 0; k && i < 1000; i++)
            assert_true(!kept[(k + 1) % 2][i] || kept[k % 2][i]);
        nastl_dataset_destroy(d);
    }
    p.target_rows = 900;
    nastl_dataset_destroy(load(&p, "--target-rows 900: there are 800"));
}

static void one_seed_gives_one_dataset(void **state)
{
    char *items[1];
    struct nastl_dataset_params p =
        toy_params(items, toy_rows(state, "many.csv", 300, 4), "class");
    p.target_rows = 100;
    struct nastl_dataset *a = load(&p, NULL), *b = load(&p, NULL);
    assert_memory_equal(a->label, b->label, a->rows * sizeof *a->label);
    assert_memory_equal(a->part, b->part, a->rows);
    assert_memory_equal(a->numeric, b->numeric,
                        a->rows * a->numeric_count * sizeof *a->numeric);
    p.seed = 2;
    struct nastl_dataset *c = load(&p, NULL);
    assert_int_equal(c->rows, a->rows);
    assert_memory_not_equal(a->part, c->part, a->rows);
    nastl_dataset_destroy(a);
    nastl_dataset_destroy(b);
    nastl_dataset_destroy(c);
}

/* ---- labels ------------------------------------------------------------------------ */

static enum nastl_task task_of(void **state, const char *values, size_t *classes,
                               enum nastl_task asked)
{
    char *items[1];
    struct nastl_strbuf buf;
    struct nastl_list list = {0};
    nastl_strbuf_init(&buf);
    nastl_strbuf_add(&buf, "x,y\n");
    assert_ok(nastl_list_split(&list, values, ' '));
    for (size_t i = 0; i < 10 * list.count; i++)
        nastl_strbuf_addf(&buf, "%zu,%s\n", i, list.items[i % list.count]);
    struct nastl_dataset_params p =
        toy_params(items, toy_write(state, "task.csv", nastl_strbuf_text(&buf)), "y");
    p.task = asked;
    struct nastl_dataset *d = load(&p, NULL);
    const enum nastl_task task = d->task;
    *classes = d->class_count;
    nastl_dataset_destroy(d);
    nastl_list_finish(&list);
    nastl_strbuf_finish(&buf);
    return task;
}

static void the_task_follows_from_the_label(void **state)
{
    static const struct {
        const char *values;
        enum nastl_task asked, task;
        size_t classes;
    } cases[] = {
        {"a b", NASTL_TASK_AUTO, NASTL_TASK_BINARY, 2},
        {"a b c", NASTL_TASK_AUTO, NASTL_TASK_MULTICLASS, 3},
        {"0.5 1.5", NASTL_TASK_AUTO, NASTL_TASK_BINARY, 2},
        {"0 1 2 3", NASTL_TASK_AUTO, NASTL_TASK_MULTICLASS, 4},
        {"0 1 2 2.5", NASTL_TASK_AUTO, NASTL_TASK_REGRESSION, 0},
        {"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20", NASTL_TASK_AUTO,
         NASTL_TASK_MULTICLASS, 20},
        {"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21", NASTL_TASK_AUTO,
         NASTL_TASK_REGRESSION, 0},
        {"0 1", NASTL_TASK_REGRESSION, NASTL_TASK_REGRESSION, 0},
        {"0 1", NASTL_TASK_MULTICLASS, NASTL_TASK_MULTICLASS, 2},
        {"0 1 2 2.5", NASTL_TASK_MULTICLASS, NASTL_TASK_MULTICLASS, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t classes;
        const enum nastl_task task =
            task_of(state, cases[i].values, &classes, cases[i].asked);
        assert_int_equal(task, cases[i].task);
        assert_int_equal(classes, cases[i].classes);
    }
}

static void classes_are_sorted_by_value_or_bytes(void **state)
{
    char *items[1];
    static const char *const values[] = {"10 9 -1 0", "b B a 10"};
    static const char *const sorted[][4] = {{"-1", "0", "9", "10"},
                                            {"10", "B", "a", "b"}};
    for (size_t k = 0; k < 2; k++) {
        struct nastl_strbuf buf;
        struct nastl_list list = {0};
        nastl_strbuf_init(&buf);
        nastl_strbuf_add(&buf, "x,y\n");
        assert_ok(nastl_list_split(&list, values[k], ' '));
        for (size_t i = 0; i < 40; i++)
            nastl_strbuf_addf(&buf, "%zu,%s\n", i, list.items[i % 4]);
        const struct nastl_dataset_params p =
            toy_params(items, toy_write(state, "c.csv", nastl_strbuf_text(&buf)), "y");
        struct nastl_dataset *d = load(&p, NULL);
        for (size_t c = 0; c < 4; c++)
            assert_string_equal(d->classes[c], sorted[k][c]);
        for (size_t i = 0; i < 40; i++)
            assert_string_equal(d->classes[(size_t)d->label[i]],
                                list.items[(size_t)number(d, "x", i) % 4]);
        nastl_dataset_destroy(d);
        nastl_list_finish(&list);
        nastl_strbuf_finish(&buf);
    }
}

static void a_class_of_test_rows_alone_counts_as_wrong(void **state)
{
    char *items[1];
    const char *path = toy_write(state, "new.csv",
                                 "x,split,y\n1,train,a\n2,train,c\n"
                                 "3,val,a\n4,val,c\n5,test,b\n6,test,c\n"
                                 "7,test,b\n");
    struct nastl_dataset_params p = toy_params(items, path, "y");
    p.split_column = "split";
    struct nastl_dataset *d =
        load(&p, "2 test rows are of classes that no training row has (b)");
    assert_int_equal(d->class_count, 2);
    assert_string_equal(d->classes[1], "c");
    static const double expected[] = {0, 1, 0, 1, 2, 1, 2};
    for (size_t i = 0; i < d->rows; i++)
        assert_true(d->label[i] == expected[i]);
    nastl_dataset_destroy(d);
}

static void rows_without_a_label_are_left_out(void **state)
{
    char *items[1];
    const char *path =
        toy_write(state, "no.csv", "x,y\n1,a\n2,\n3,b\n4,NA\n5,a\n6,b\n7,a\n8,b\n9,a\n");
    const struct nastl_dataset_params p = toy_params(items, path, "y");
    struct nastl_dataset *d = load(&p, "2 rows without a label in 'y' are left out");
    assert_int_equal(d->rows, 7);
    nastl_dataset_destroy(d);
}

static void a_descriptor_maps_its_own_label_alone(void **state)
{
    char *items[1];
    toy_rows(state, "v.csv", 100, 6);
    const char *path =
        toy_write(state, "v.yaml",
                  "schema: nas-tl/dataset/v1\nfiles: [v.csv]\n"
                  "label: {column: value, scale: 0.5, transform: log1p}\n"
                  "features: [a, b]\nsplit_column: site\ngroup_column: group\n");
    static const char *const labels[] = {NULL, "value", "time"};
    for (size_t k = 0; k < 3; k++) {
        struct nastl_dataset_params p = toy_params(items, path, labels[k]);
        memcpy(p.split, (double[]){0.6, 0.2, 0.2}, sizeof p.split);
        struct nastl_dataset *d = load(&p, NULL);
        assert_int_equal(d->task, NASTL_TASK_REGRESSION);
        assert_int_equal(d->feature_count, 2);
        assert_string_equal(d->label_transform, k < 2 ? "log1p" : "none");
        assert_true(d->label_scale == (k < 2 ? 0.5 : 1));
        struct nastl_table *t;
        assert_ok(nastl_table_load(&t, path, NULL));
        const struct nastl_column *y =
            &t->columns[nastl_table_find(t, k < 2 ? "value" : "time")];
        for (size_t i = 0; i < d->rows; i++) /* one table, all rows: the order stays */
            assert_true(d->label[i] ==
                        (k < 2 ? log1p(0.5 * y->number[i]) : y->number[i]));
        nastl_table_destroy(t);
        nastl_dataset_destroy(d);
    }
}

/* ---- features ---------------------------------------------------------------------- */

static void what_is_used_otherwise_is_no_feature(void **state)
{
    char *items[1], *drop[] = {"id", "text"};
    struct nastl_dataset_params p =
        toy_params(items, toy_rows(state, "f.csv", 100, 6), "class");
    p.domain_column = "site";
    p.group_column = "group";
    p.time_column = "time";
    p.drop = (struct nastl_list){drop, 2};
    struct nastl_dataset *d = load(&p, NULL);
    assert_int_equal(d->feature_count, 3);
    assert_non_null(toy_feature(d, "a"));
    assert_non_null(toy_feature(d, "b"));
    assert_non_null(toy_feature(d, "value"));
    assert_non_null(d->group);
    nastl_dataset_destroy(d);
}

static void a_listed_feature_that_is_the_label_is_left_out(void **state)
{
    char *items[1];
    toy_rows(state, "f.csv", 100, 6);
    const char *path = toy_write(state, "f.yaml",
                                 "schema: nas-tl/dataset/v1\nfiles: [f.csv]\n"
                                 "label: class\nfeatures: [a, class, b]\n");
    const struct nastl_dataset_params p = toy_params(items, path, NULL);
    struct nastl_dataset *d =
        load(&p, "'class' is listed as a feature and used otherwise");
    assert_int_equal(d->feature_count, 2);
    nastl_dataset_destroy(d);
}

static void source_columns_match_by_name_and_kind(void **state)
{
    char *items[1], *sources[1];
    struct nastl_strbuf target, source;
    nastl_strbuf_init(&target);
    nastl_strbuf_init(&source);
    nastl_strbuf_add(&target, "a,b,c,y\n");
    nastl_strbuf_add(&source, "y,extra,b,a\n");
    for (int i = 0; i < 30; i++) {
        nastl_strbuf_addf(&target, "%d,%d,%c,%c\n", i, 2 * i, "uv"[i % 2], "pq"[i % 2]);
        nastl_strbuf_addf(&source, "%c,0,word,%d\n", "pqr"[i % 3], 100 + i);
    }
    struct nastl_dataset_params p =
        toy_params(items, toy_write(state, "t.csv", nastl_strbuf_text(&target)), "y");
    sources[0] = (char *)(uintptr_t)toy_write(state, "s.csv", nastl_strbuf_text(&source));
    p.source = (struct nastl_list){sources, 1};
    struct nastl_dataset *d =
        load(&p, "s.csv: features that it lacks count as missing there: b, c\n");
    assert_int_equal(d->class_count, 3);
    assert_int_equal(d->feature_count, 3);
    for (size_t i = 0; i < d->rows; i++) {
        const bool from_source = d->part[i] <= NASTL_PART_SOURCE_VALID;
        assert_int_equal(isnan(number(d, "b", i)) != 0, from_source);
        assert_int_equal(number(d, "a", i) >= 100, from_source);
        assert_int_equal(*text(d, "c", i) == '\0', from_source);
    }
    nastl_dataset_destroy(d);
    nastl_dataset_destroy(
        load(&p, "s.csv: columns that the target lacks are not used: extra"));
    nastl_strbuf_finish(&target);
    nastl_strbuf_finish(&source);
}

/* ---- for a layout ------------------------------------------------------------------ */

static struct nastl_layout *layout_of(const struct nastl_dataset *d)
{
    struct nastl_layout *layout;
    int32_t *rows;
    size_t count;
    assert_ok(nastl_dataset_rows(&rows, &count, d, NASTL_PART_TRAIN));
    assert_ok(nastl_layout_fit(&layout, d, rows, count));
    free(rows);
    return layout;
}

static void a_table_is_read_as_a_layout_wants_it(void **state)
{
    char *items[1];
    struct nastl_dataset_params p =
        toy_params(items, toy_rows(state, "train.csv", 200, 8), "class");
    struct nastl_dataset *d = load(&p, NULL), *other = NULL;
    struct nastl_layout *layout = layout_of(d);
    struct nastl_table *t;
    struct toy_log log;
    assert_ok(
        nastl_table_load(&t,
                         toy_write(state, "new.csv",
                                   "text,a,site,class\n5,1,north,low\nred,x,south,\n"
                                   "blue,3,north,alien\n,,,mid\n"),
                         NULL));
    assert_ok(nastl_dataset_for_layout(&other, t, layout, NULL, toy_log_start(&log)));
    toy_log_check(&log, "features of the model that it lacks count as missing: id, b, "
                        "group, time, value");
    assert_int_equal(other->rows, 4);
    assert_string_equal(text(other, "text", 0), "unseen");
    assert_string_equal(text(other, "text", 1), "red");
    assert_string_equal(text(other, "text", 3), "");
    assert_true(isnan(number(other, "a", 1)) && number(other, "a", 2) == 3);
    assert_true(isnan(number(other, "b", 0)) && isnan(other->label[0]));
    nastl_dataset_destroy(other);
    assert_ok(nastl_dataset_for_layout(&other, t, layout, "class", toy_log_start(&log)));
    toy_log_check(&log, "1 rows are of classes that the model does not know");
    assert_int_equal(other->rows, 3);
    assert_string_equal(other->classes[(size_t)other->label[0]], "low");
    assert_true(other->label[1] == (double)other->class_count);
    assert_string_equal(text(other, "text", 1), "blue");
    nastl_dataset_destroy(other);
    assert_error(nastl_dataset_for_layout(&other, t, layout, "clas", NULL), NASTL_ENOENT,
                 "did you mean 'class'?");
    nastl_table_destroy(t);
    assert_ok(nastl_table_load(&t, toy_write(state, "o.csv", "q\n1\n"), NULL));
    assert_error(nastl_dataset_for_layout(&other, t, layout, NULL, NULL), NASTL_EFORMAT,
                 "it has none of the model's");
    nastl_table_destroy(t);
    nastl_layout_destroy(layout);
    nastl_dataset_destroy(d);
}

/* ---- memory ------------------------------------------------------------------------ */

static int attempt_load(void *params)
{
    struct nastl_dataset *d;
    const int status = nastl_dataset_load(&d, params, NULL);
    if (status == NASTL_OK)
        nastl_dataset_destroy(d);
    return status;
}

static void memory_may_run_out_while_loading(void **state)
{
    char *items[1], *north[] = {"north"};
    static const char *const labels[] = {"class", "value"};
    for (size_t k = 0; k < 2; k++) {
        struct nastl_dataset_params p =
            toy_params(items, toy_rows(state, "oom.csv", 40, 3), labels[k]);
        p.domain_column = "site";
        p.source_domain = (struct nastl_list){north, 1};
        p.group_column = k ? NULL : "group";
        p.time_column = k ? "time" : NULL;
        p.target_rows = 10;
        check_out_of_memory(attempt_load, &p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_of_the_table),
        cmocka_unit_test(infinite_numbers_count_as_missing),
        cmocka_unit_test(domains_of_one_file_are_source_and_target),
        cmocka_unit_test(source_files_are_source_rows),
        cmocka_unit_test(a_test_file_gives_all_test_rows),
        cmocka_unit_test(a_split_without_validation_rows_gets_some),
        cmocka_unit_test(target_rows_are_fewer_and_nested),
        cmocka_unit_test(one_seed_gives_one_dataset),
        cmocka_unit_test(the_task_follows_from_the_label),
        cmocka_unit_test(classes_are_sorted_by_value_or_bytes),
        cmocka_unit_test(a_class_of_test_rows_alone_counts_as_wrong),
        cmocka_unit_test(rows_without_a_label_are_left_out),
        cmocka_unit_test(a_descriptor_maps_its_own_label_alone),
        cmocka_unit_test(what_is_used_otherwise_is_no_feature),
        cmocka_unit_test(a_listed_feature_that_is_the_label_is_left_out),
        cmocka_unit_test(source_columns_match_by_name_and_kind),
        cmocka_unit_test(a_table_is_read_as_a_layout_wants_it),
        cmocka_unit_test(memory_may_run_out_while_loading),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
