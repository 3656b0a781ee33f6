/* options.c: the option tables of search and train, and reading them from YAML.
 * SPDX-License-Identifier: Apache-2.0 */
#include <nastl/run.h>

#include "base/error.h"
#include "base/opt.h"
#include "io/yaml.h"

#include <stdio.h>
#include <string.h>

static const char *const tasks[] = {"auto", "binary", "multiclass", "regression", NULL};
static const char *const samplers[] = {"auto", "random", "nsga2", NULL};
static const char *const schedulers[] = {"none", NULL};
static const char *const keeps[] = {"front", "all", NULL};

#define AT(field) offsetof(struct nastl_search_params, field)

const struct nastl_opt nastl_search_opts[] = {
    {"space", NASTL_OPT_TEXT, AT(space), .metavar = "FILE.yaml",
     .help = "which candidates exist; default: the embedded default.yaml"},
    {"target", NASTL_OPT_REPEAT, AT(target), .metavar = "DATA",
     .help = "rows of the domain the model is for; default: the built-in generator's"},
    {"source", NASTL_OPT_REPEAT, AT(source), .metavar = "DATA",
     .help = "rows of a domain with many labels, to start from"},
    {"warm_start", NASTL_OPT_TEXT, AT(warm_start), .metavar = "MODEL",
     .help = "a saved model to start from instead of a source"},
    {"label", NASTL_OPT_TEXT, AT(label), .metavar = "COLUMN", .help = "what to predict"},
    {"task", NASTL_OPT_CHOICE, AT(task), .choices = tasks, .fallback = "auto",
     .metavar = "TASK", .help = "what kind of label it is"},
    {"domain_column", NASTL_OPT_TEXT, AT(domain_column), .metavar = "COLUMN",
     .help = "the column that tells the domain of a row"},
    {"source_domain", NASTL_OPT_LIST, AT(source_domain), .metavar = "V[,V...]",
     .help = "its values in source rows"},
    {"target_domain", NASTL_OPT_LIST, AT(target_domain), .metavar = "V[,V...]",
     .help = "its values in target rows"},
    {"drop", NASTL_OPT_LIST, AT(drop), .metavar = "COL[,COL...]",
     .help = "columns that are no features"},
    {"target_rows", NASTL_OPT_INT, AT(target_rows), 0, 1e9, .fallback = "0",
     .metavar = "N",
     .help = "keep N labelled target rows for training and validation; 0: all"},
    {"test", NASTL_OPT_TEXT, AT(test), .metavar = "DATA", .help = "rows to test on"},
    {"split", NASTL_OPT_LIST, AT(split), .metavar = "TRAIN,VALID,TEST",
     .help = "parts of the target rows; default 0.6,0.2,0.2, with --test 0.8,0.2,0"},
    {"split_column", NASTL_OPT_TEXT, AT(split_column), .metavar = "COLUMN",
     .help = "a column with train, val or valid, and test"},
    {"group_column", NASTL_OPT_TEXT, AT(group_column), .metavar = "COLUMN",
     .help = "rows with the same value stay in one part"},
    {"time_column", NASTL_OPT_TEXT, AT(time_column), .metavar = "COLUMN",
     .help = "split in the order of this column"},
    {"folds", NASTL_OPT_TEXT, AT(folds), .fallback = "auto", .metavar = "auto|K",
     .help = "cross-validation folds; auto: 5 under 2,000 labelled target rows, else one "
             "split"},
    {"objectives", NASTL_OPT_LIST, AT(objectives), .metavar = "NAME[,NAME...]",
     .help = "what ranks trials; default accuracy (rmse),latency,flops,energy"},
    {"constraint", NASTL_OPT_REPEAT, AT(constraint), .metavar = "EXPR",
     .help = "what a candidate must hold, such as \"parameters <= 20000\""},
    {"sampler", NASTL_OPT_CHOICE, AT(sampler), .choices = samplers, .fallback = "auto",
     .metavar = "NAME", .help = "how candidates are chosen"},
    {"scheduler", NASTL_OPT_CHOICE, AT(scheduler), .choices = schedulers,
     .fallback = "none", .metavar = "NAME", .help = "how trials are cut short"},
    {"trials", NASTL_OPT_INT, AT(trials), 0, 1e9, .fallback = "0", .metavar = "N",
     .help = "how many trials; default 64, without limit where --time is given"},
    {"time", NASTL_OPT_DURATION, AT(time), 0, 1e9, .fallback = "0", .metavar = "DURATION",
     .help = "how long the whole command may take: 30s, 10m, 2h"},
    {"jobs", NASTL_OPT_INT, AT(jobs), 0, 4096, .fallback = "0", .metavar = "N",
     .help = "candidates at a time, each on one core; default: all cores"},
    {"seed", NASTL_OPT_INT, AT(seed), 0, 9007199254740992.0, .fallback = "1",
     .metavar = "S", .help = "of everything random"},
    {"study", NASTL_OPT_TEXT, AT(study), .metavar = "DIR",
     .help = "the folder to write; default: a new one in the working directory"},
    {"resume", NASTL_OPT_BOOL, AT(resume), .fallback = "false",
     .help = "go on with the study where it stopped"},
    {"data_dir", NASTL_OPT_TEXT, AT(data_dir), .metavar = "DIR",
     .help = "where descriptors find their files; default: NASTL_DATA_DIR"},
    {"keep", NASTL_OPT_CHOICE, AT(keep), .choices = keeps, .fallback = "front",
     .metavar = "front|all",
     .help = "whose weights to keep: front members' or all trials'"},
    {NULL},
};

#undef AT
#define AT(field) offsetof(struct nastl_train_one_params, field)

const struct nastl_opt nastl_train_opts[] = {
    {"arch", NASTL_OPT_TEXT, AT(arch), .metavar = "FILE.yaml",
     .help = "the architecture: a space in which everything is fixed"},
    {"preset", NASTL_OPT_TEXT, AT(preset), .metavar = "NAME",
     .help = "instead: a network and a recipe that need no search, listed below"},
    {"target", NASTL_OPT_REPEAT, AT(target), .metavar = "DATA", .help = "labelled rows"},
    {"label", NASTL_OPT_TEXT, AT(label), .metavar = "COLUMN", .help = "what to predict"},
    {"task", NASTL_OPT_CHOICE, AT(task), .choices = tasks, .fallback = "auto",
     .metavar = "TASK", .help = "what kind of label it is"},
    {"domain_column", NASTL_OPT_TEXT, AT(domain_column), .metavar = "COLUMN",
     .help = "the column that tells the domain of a row"},
    {"target_domain", NASTL_OPT_LIST, AT(target_domain), .metavar = "V[,V...]",
     .help = "its values in the rows to train on"},
    {"drop", NASTL_OPT_LIST, AT(drop), .metavar = "COL[,COL...]",
     .help = "columns that are no features"},
    {"target_rows", NASTL_OPT_INT, AT(target_rows), 0, 1e9, .fallback = "0",
     .metavar = "N", .help = "keep N labelled rows for training and validation; 0: all"},
    {"test", NASTL_OPT_TEXT, AT(test), .metavar = "DATA", .help = "rows to test on"},
    {"split", NASTL_OPT_LIST, AT(split), .metavar = "TRAIN,VALID,TEST",
     .help = "parts of the rows; default 0.6,0.2,0.2, with --test 0.8,0.2,0"},
    {"split_column", NASTL_OPT_TEXT, AT(split_column), .metavar = "COLUMN",
     .help = "a column with train, val or valid, and test"},
    {"group_column", NASTL_OPT_TEXT, AT(group_column), .metavar = "COLUMN",
     .help = "rows with the same value stay in one part"},
    {"time_column", NASTL_OPT_TEXT, AT(time_column), .metavar = "COLUMN",
     .help = "split in the order of this column"},
    {"warm_start", NASTL_OPT_TEXT, AT(warm_start), .metavar = "MODEL",
     .help = "a saved model to start from"},
    {"seed", NASTL_OPT_INT, AT(seed), 0, 9007199254740992.0, .fallback = "1",
     .metavar = "S", .help = "of everything random"},
    {"data_dir", NASTL_OPT_TEXT, AT(data_dir), .metavar = "DIR",
     .help = "where descriptors find their files; default: NASTL_DATA_DIR"},
    {"out", NASTL_OPT_TEXT, AT(out), .metavar = "FILE.h5", .help = "the model to write"},
    {"force", NASTL_OPT_BOOL, AT(force), .fallback = "false",
     .help = "write over a file that is there"},
    {NULL},
};

#undef AT

const char *const *nastl_samplers(void)
{
    return samplers;
}

/* ---- options from YAML --------------------------------------------------------------
 */

/* Keys of a study.yaml that are no options. */
static bool is_record(const char *key)
{
    static const char *const records[] = {"schema", "version", "files", "sha256"};
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        if (strcmp(key, records[i]) == 0)
            return true;
    return false;
}

static int unknown_key(const struct nastl_yaml_tree *tree, const struct nastl_yaml *node)
{
    const char *near = nastl_opt_nearest(nastl_search_opts, node->key);
    return near ? nastl_yaml_error(tree, node, "unknown; did you mean '%s'?", near)
                : nastl_yaml_error(tree, node,
                                   "unknown; give an option of `nas-tl search`");
}

/* A list replaces what was there: REPEAT options would add to it. */
static int set_items(const struct nastl_yaml_tree *tree, const struct nastl_yaml *node,
                     const struct nastl_opt *option, void *params)
{
    if (option->type != NASTL_OPT_LIST && option->type != NASTL_OPT_REPEAT)
        return nastl_yaml_error(tree, node, "is one value, not a list; give one");
    struct nastl_list *list = (struct nastl_list *)((char *)params + option->offset);
    nastl_list_finish(list);
    for (size_t i = 0; i < node->count; i++) {
        if (node->items[i].kind != NASTL_YAML_SCALAR)
            return nastl_yaml_error(tree, &node->items[i],
                                    "is no plain value; give a text");
        TRY(nastl_list_add(list, node->items[i].text, strlen(node->items[i].text)));
    }
    return NASTL_OK;
}

static int set_from_node(const struct nastl_yaml_tree *tree,
                         const struct nastl_yaml *node, const struct nastl_opt *option,
                         void *params)
{
    if (node->kind == NASTL_YAML_MAP)
        return nastl_yaml_error(tree, node, "is a map; give a value");
    if (node->kind == NASTL_YAML_LIST)
        return set_items(tree, node, option, params);
    const int status = nastl_opt_set(option, params, node->text);
    if (status < 0)
        return nastl_error_prefix(status, "%s:%d:%d", nastl_yaml_name(tree), node->line,
                                  node->column);
    return NASTL_OK;
}

static int set_all(const struct nastl_yaml_tree *tree, struct nastl_search_params *params,
                   bool (*is_set)(const char *key, void *payload), void *payload)
{
    const struct nastl_yaml *root = nastl_yaml_root(tree);
    if (root->kind != NASTL_YAML_MAP)
        return nastl_yaml_error(tree, root,
                                "is no map; give options such as 'trials: 60'");
    for (size_t i = 0; i < root->count; i++) {
        const struct nastl_yaml *node = &root->items[i];
        if (is_record(node->key))
            continue;
        const struct nastl_opt *option = nastl_opt_find(nastl_search_opts, node->key);
        if (!option)
            return unknown_key(tree, node);
        if (!is_set || !is_set(option->key, payload))
            TRY(set_from_node(tree, node, option, params));
    }
    return NASTL_OK;
}

int nastl_search_config(struct nastl_search_params *params, const char *path,
                        bool (*is_set)(const char *key, void *payload), void *payload)
{
    struct nastl_yaml_tree *tree;
    TRY(nastl_yaml_read(&tree, path));
    const int status = set_all(tree, params, is_set, payload);
    nastl_yaml_destroy(tree);
    return status;
}
