/* cmd_model.c: nas-tl predict and nas-tl evaluate.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct model_params {
    char *out, *label, *data_dir, *interval;
    int64_t members;
    bool force;
};

static const char *const intervals[] = {"0.8", "0.9", "0.95", NULL};

static const struct nastl_opt predict_opts[] = {
    {"out", NASTL_OPT_TEXT, offsetof(struct model_params, out), .fallback = "-",
     .metavar = "FILE.csv", .help = "where to write; default: standard output"},
    {"force", NASTL_OPT_BOOL, offsetof(struct model_params, force), .fallback = "false",
     .help = "write over a file that is there"},
    {"interval", NASTL_OPT_CHOICE, offsetof(struct model_params, interval),
     .choices = intervals, .metavar = "SHARE",
     .help = "of values: the share of labels that low to high is to hold; default: 0.9"},
    {"members", NASTL_OPT_INT, offsetof(struct model_params, members), 0, 1e6,
     .fallback = "0", .metavar = "N",
     .help = "of an ensemble or a tabm, use the first N members; 0: all"},
    {"data_dir", NASTL_OPT_TEXT, offsetof(struct model_params, data_dir),
     .metavar = "DIR",
     .help = "where descriptors find their files; default: NASTL_DATA_DIR"},
    {NULL},
};

static const struct nastl_opt evaluate_opts[] = {
    {"label", NASTL_OPT_TEXT, offsetof(struct model_params, label), .metavar = "COLUMN",
     .help = "the column with the truth; default: the one the model was trained for"},
    {"members", NASTL_OPT_INT, offsetof(struct model_params, members), 0, 1e6,
     .fallback = "0", .metavar = "N",
     .help = "of an ensemble or a tabm, use the first N members; 0: all"},
    {"data_dir", NASTL_OPT_TEXT, offsetof(struct model_params, data_dir),
     .metavar = "DIR",
     .help = "where descriptors find their files; default: NASTL_DATA_DIR"},
    {NULL},
};

static int load_model(struct nastl_model **out, const char *name, int64_t members)
{
    char *file, *group;
    int status = nastl_study_model(&file, &group, name);
    if (status < 0)
        return status;
    status = nastl_model_load(out, file, group);
    free(file);
    free(group);
    if (status < 0 || members == 0)
        return status;
    status = nastl_model_keep_members(*out, (size_t)members);
    if (status < 0)
        nastl_model_destroy(*out);
    return status;
}

static int run_predict(struct args *args)
{
    const struct model_params *params = args->params;
    struct nastl_model *model;
    if (args->json && strcmp(params->out, "-") == 0)
        return nastl_error_set(NASTL_EINVAL, "--json: predictions are CSV; give --out "
                                             "FILE.csv for them, or leave --json out");
    int status = load_model(&model, args->positional[0], params->members);
    if (status < 0)
        return status;
    if (params->interval)
        status = nastl_model_choose_interval(model, strtod(params->interval, NULL));
    if (status == 0)
        status = nastl_model_predict(model, args->positional[1], params->data_dir,
                                     params->out, params->force, talk_log(args));
    nastl_model_destroy(model);
    return status < 0 ? status : print_written(args, params->out);
}

static int run_evaluate(struct args *args)
{
    const struct model_params *params = args->params;
    struct nastl_model *model;
    char *text;
    int status = load_model(&model, args->positional[0], params->members);
    if (status < 0)
        return status;
    status = nastl_model_evaluate(&text, model, args->positional[1], params->data_dir,
                                  params->label, args->json, talk_log(args));
    nastl_model_destroy(model);
    return status < 0 ? status : print_and_free(text);
}

const struct command command_predict = {
    .name = "predict",
    .usage = "MODEL DATA [--out FILE.csv]",
    .summary = "applies a model to rows: class probabilities and class, or values",
    .examples = "  nas-tl predict study-1 new_rows.csv --out predictions.csv\n"
                "  nas-tl predict study-1:17 new_rows.csv.gz\n"
                "  nas-tl predict model.h5 new_rows.h5\n"
                "  nas-tl predict tabm32.h5 new_rows.csv --members 8\n"
                "  nas-tl predict throughput.h5 new_rows.csv --interval 0.95\n",
    .options = predict_opts,
    .params_size = sizeof(struct model_params),
    .positional_least = 2,
    .positional_most = 2,
    .run = run_predict,
};

const struct command command_evaluate = {
    .name = "evaluate",
    .usage = "MODEL DATA [--label COLUMN]",
    .summary = "scores a model on labelled rows, with every metric of its task",
    .examples = "  nas-tl evaluate study-1 test_rows.csv\n"
                "  nas-tl evaluate model.h5 test_rows.csv --label slice --json\n",
    .options = evaluate_opts,
    .params_size = sizeof(struct model_params),
    .positional_least = 2,
    .positional_most = 2,
    .run = run_evaluate,
};
