/* test_data_errors.c: every file of fixtures/data is refused with one sentence that says
 * where and why.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data_toy.h"

#include <dirent.h>

#define FIXTURES TESTS_SOURCE "/fixtures/data/"

/* Files that are well formed: others name them. */
static const char *const well_formed[] = {"good.csv", "negative.csv", "other_names.csv",
                                          "three_rows.csv"};

static const struct {
    const char *name, *sentence;
    const char *split_column, *group_column, *time_column;
} malformed[] = {
    {"about_is_text.yaml",
     "about_is_text.yaml:4:8: key 'about': not a map; give {origin: …, licence: …}"},
    {"blank.csv", "blank.csv:1: is empty; give a CSV file with a header"},
    {"both_kinds.yaml",
     "both_kinds.yaml:5:14: key 'categorical': 'a' is under numeric too; keep one"},
    {"columns_differ.yaml", "three_rows.csv:1: it has 2 columns and good.csv has 4; "
                            "files of one dataset need the same columns"},
    {"columns_named_otherwise.yaml",
     "other_names.csv:1: column 'place' is not in good.csv; files of one dataset need "
     "the same columns"},
    {"constant_label.csv", "constant_label.csv:1: column 'label': the label is the same "
                           "in all rows of the target; give a column that varies"},
    {"cut.csv.gz", "cut.csv.gz:1: the gzip data ends early; get the whole file"},
    {"damaged.csv.gz", "damaged.csv.gz:1: damaged gzip data (invalid bit length "
                       "repeat); get it again"},
    {"domain_absent.yaml",
     "target domain C: no row of good.csv is of it; did you mean 'A'? There are A, B"},
    {"domain_on_both_sides.yaml",
     "--source-domain A: it is the target domain too; give another"},
    {"domains_is_list.yaml", "domains_is_list.yaml:5:10: key 'domains': not a map; give "
                             "{source: [a], target: [b]}"},
    {"domains_without_column.yaml", "domains_without_column.yaml:4:10: key 'domains': no "
                                    "domain_column says where they are; give it"},
    {"drop_is_map.yaml",
     "drop_is_map.yaml:4:7: key 'drop': a map; give a list such as [a, b]"},
    {"duplicate_name.csv",
     "duplicate_name.csv:1: column 'a': stands twice (columns 1 and 3); rename one"},
    {"empty.csv", "empty.csv:1: is empty; give a CSV file with a header"},
    {"empty_part.csv",
     "empty_part.csv: row 2, column 'split': nothing is no part; give train, val, valid "
     "or test",
     .split_column = "split"},
    {"feature_absent.yaml", "feature_absent.yaml:4:15: column bb: no such column in "
                            "good.csv; did you mean 'b'?"},
    {"few_groups.csv",
     "few_groups.csv: no test rows; give more rows, more groups or another split",
     .group_column = "group"},
    {"file_absent.yaml",
     "file_absent.yaml:2:9: absent.csv is neither beside this file nor in --data-dir nor "
     "in NASTL_DATA_DIR; say where it is with one of these"},
    {"file_is_descriptor.yaml", "file_is_descriptor.yaml:2:9: no_schema.yaml is a "
                                "descriptor; give .csv, .csv.gz or .h5"},
    {"file_is_map.yaml", "file_is_map.yaml:2:9: not the name of a file; give one"},
    {"header_only.csv", "header_only.csv: it has a header and no rows; add some"},
    {"infinite_label.csv", "infinite_label.csv:1: column 'label': an infinite label; "
                           "correct it or leave it empty"},
    {"invalid_utf8.csv",
     "invalid_utf8.csv:3: column 'b': invalid UTF-8; save the file as UTF-8"},
    {"is_list.yaml", "is_list.yaml:1:1: not a map; begin with schema: nas-tl/dataset/v1"},
    {"label_absent.yaml", "label_absent.yaml:3:8: column lable: no such column in "
                          "good.csv; did you mean 'label'?"},
    {"label_is_list.yaml",
     "label_is_list.yaml:3:8: key 'label': not one text; give a name"},
    {"label_unknown_key.yaml", "label_unknown_key.yaml:3:20: key 'scael': unknown; did "
                               "you mean 'scale'? Accepted: column, scale, transform"},
    {"label_without_column.yaml",
     "label_without_column.yaml:3:8: key 'label': no column; give {column: NAME}"},
    {"log_of_negative.yaml", "negative.csv: row 1, column 'label': the label -2.5 has no "
                             "log1p(scale * label); correct it or leave it empty"},
    {"long_row.csv", "long_row.csv:3: 4 fields where the header has 3; correct it"},
    {"many_labels.csv", "many_labels.csv:1: column 'label': a label of more than 1000 "
                        "distinct texts; give the column of the classes"},
    {"missing_time.csv",
     "missing_time.csv: row 11: no time in column 'time'; every row needs one, as all "
     "rows have it",
     .time_column = "time"},
    {"no_file_in_list.yaml", "no_file_in_list.yaml:2:8: key 'files': no files; give a "
                             "list such as [data.csv.gz]"},
    {"no_files.yaml", "no_files.yaml:1:1: no files; give a list such as [data.csv.gz]"},
    {"no_hdf5.h5", "no_hdf5.h5: is no HDF5 file; give one"},
    {"no_header.csv", "no_header.csv:1: numbers where the header should be; put the "
                      "columns' names into the first line"},
    {"no_labels.csv", "no_labels.csv:1: column 'label': no row of the target has a "
                      "label; give labelled rows"},
    {"no_schema.yaml",
     "no_schema.yaml:1:1: no schema; begin with schema: nas-tl/dataset/v1"},
    {"no_train.csv",
     "no_train.csv: no training rows by column split; give more rows or another split",
     .split_column = "split"},
    {"no_yaml.yaml",
     "no_yaml.yaml:2:1: did not find expected node content; correct the YAML here"},
    {"nothing_left.csv",
     "nothing_left.csv: no feature is left beside the label and what is dropped; drop "
     "fewer columns",
     .split_column = "split"},
    {"nul_byte.csv", "nul_byte.csv:2: column 'b': a NUL byte; this is no CSV, give one"},
    {"one_class_trains.csv",
     "one_class_trains.csv:1: column 'label': the training rows are all of one class; "
     "give more rows",
     .split_column = "split"},
    {"open_quote.csv",
     "open_quote.csv:2: column 'b': a quote that is never closed; close it"},
    {"other_schema.yaml", "other_schema.yaml:1:9: key 'schema': not the schema of a "
                          "dataset; give nas-tl/dataset/v1"},
    {"picture.csv", "picture.csv:1: column 1: invalid UTF-8; save the file as UTF-8"},
    {"scale_of_classes.yaml",
     "scale_of_classes.yaml: scale and transform of the label are for regression, and "
     "the task is binary; take one away"},
    {"scale_zero.yaml",
     "scale_zero.yaml:3:27: key 'scale': not a number above 0; give one"},
    {"short_row.csv", "short_row.csv:3: 2 fields where the header has 3; correct it"},
    {"task_unknown.yaml", "task_unknown.yaml:4:7: key 'task': 'clasification' is not "
                          "accepted; give one of auto, binary, multiclass, regression"},
    {"text_after_quote.csv",
     "text_after_quote.csv:2: column 'b': text after a closing quote; double "
     "the quotes inside a field"},
    {"text_in_numeric.yaml",
     "good.csv:2: column 'site': 'A' is not a number, and the descriptor says numeric; "
     "correct it or list it under missing"},
    {"transform_unknown.yaml", "transform_unknown.yaml:3:31: key 'transform': 'log' is "
                               "not accepted; give one of none, log1p"},
    {"unknown_key.yaml",
     "unknown_key.yaml:4:1: key 'featuers': unknown; did you mean 'features'? Accepted: "
     "schema, name, files, label, task, features, numeric, categorical, drop, "
     "domain_column, domains, split_column, group_column, time_column, missing, about"},
    {"unnamed_column.csv", "unnamed_column.csv:1: column 2: has no name; give it one"},
    {"wrong_part.csv",
     "wrong_part.csv: row 11, column 'split': 'dev' is no part; give train, val, valid "
     "or test",
     .split_column = "split"},
};

static bool is_listed(const char *name)
{
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        if (strcmp(malformed[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < sizeof well_formed / sizeof *well_formed; i++)
        if (strcmp(well_formed[i], name) == 0)
            return true;
    return false;
}

/* Takes every mention of the folder out of a sentence. */
static void strip(char *text)
{
    for (char *at; (at = strstr(text, FIXTURES));)
        memmove(at, at + strlen(FIXTURES), strlen(at + strlen(FIXTURES)) + 1);
}

static void load_one(size_t i)
{
    char path[512], *items[1], sentence[1024];
    struct nastl_dataset *dataset = NULL;
    snprintf(path, sizeof path, FIXTURES "%s", malformed[i].name);
    const bool descriptor = strstr(path, ".yaml") != NULL;
    struct nastl_dataset_params params =
        toy_params(items, path, descriptor ? NULL : "label");
    params.split_column = malformed[i].split_column;
    params.group_column = malformed[i].group_column;
    params.time_column = malformed[i].time_column;
    const int status = nastl_dataset_load(&dataset, &params, NULL);
    snprintf(sentence, sizeof sentence, "%s", nastl_error_last());
    strip(sentence);
    if (status >= 0 || strcmp(sentence, malformed[i].sentence) != 0)
        print_error("%s: %d\n  '%s', expected\n  '%s'\n", malformed[i].name, status,
                    sentence, malformed[i].sentence);
    assert_string_equal(sentence, malformed[i].sentence);
    assert_int_equal(nastl_error_exit_code(status), 2);
    assert_null(strchr(sentence, '\n'));
}

static void malformed_data_is_refused_with_one_sentence(void **state)
{
    (void)state;
    assert_true(sizeof malformed / sizeof *malformed >= 20);
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        load_one(i);
}

static void every_fixture_is_tested(void **state)
{
    (void)state;
    DIR *folder = opendir(FIXTURES);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.' && !is_listed(entry->d_name))
            fail_msg("%s is not in the list", entry->d_name);
    closedir(folder);
}

/* ---- what is asked for ------------------------------------------------------------- */

static void questions_that_cannot_be_answered(void **state)
{
    const char *path = toy_rows(state, "rows.csv", 60, 1);
    char *items[1], *north[] = {"north"}, *wrong[] = {"nort"}, *drop[] = {"grup"};
    struct nastl_dataset *d = NULL;
    const struct nastl_dataset_params plain = toy_params(items, path, "class");
    struct nastl_dataset_params p = plain;
    p.target.count = 0;
    assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_EINVAL, "--target: no data");
    p = plain;
    p.label = NULL;
    assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_EINVAL, "--label: nothing says");
    p = plain;
    p.label = "clas";
    assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_ENOENT, "did you mean 'class'?");
    p.label = "throughput_next";
    assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_ENOENT,
                 "it has id, a, b, text, site, group, time, class and 1 more");
    p = plain;
    p.drop = (struct nastl_list){drop, 1};
    assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_ENOENT,
                 "--drop grup: no such column");
    p = plain;
    p.source_domain = (struct nastl_list){north, 1};
    assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_EINVAL, "give --domain-column");
    p.domain_column = "site";
    p.target_domain = (struct nastl_list){wrong, 1};
    assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_ENOENT, "did you mean 'north'?");
    p = plain;
    p.task = NASTL_TASK_REGRESSION;
    assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_EFORMAT,
                 "the label holds texts");
    p.task = NASTL_TASK_BINARY;
    assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_EINVAL, "has 3 classes");
    p = plain;
    p.target_rows = 1;
    assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_EINVAL, "--target-rows 1");
    p = plain;
    p.data_dir = "/";
    items[0] = "absent.csv";
    assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_ENOENT, "absent.csv");
}

static void splits_that_cannot_be(void **state)
{
    const char *path = toy_rows(state, "rows.csv", 60, 1);
    char *items[1];
    struct nastl_dataset *d = NULL;
    struct nastl_dataset_params p = toy_params(items, path, "class");
    static const double wrong[][3] = {
        {0.5, 0.2, 0.2}, {1, 0, 0}, {0.8, 0.3, -0.1}, {0, 0.5, 0.5}, {NAN, 0.5, 0.5}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        memcpy(p.split, wrong[i], sizeof p.split);
        assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_EINVAL,
                     "not three parts of a whole");
    }
    memcpy(p.split, (double[]){0.6, 0.2, 0.2}, sizeof p.split);
    p.test = path;
    assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_EINVAL, "beside --test");
    p.test = NULL;
    p.split_column = "site";
    assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_EINVAL,
                 "--split-column is given");
    memset(p.split, 0, sizeof p.split);
    assert_error(nastl_dataset_load(&d, &p, NULL), NASTL_EFORMAT, "is no part");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_data_is_refused_with_one_sentence),
        cmocka_unit_test(every_fixture_is_tested),
        cmocka_unit_test(questions_that_cannot_be_answered),
        cmocka_unit_test(splits_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
