/* cmd_data.c: nas-tl data describe, convert, split and generate.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* A positional DATA goes where an option of the same name would have gone. */
static int take_data(char **field, const char *data)
{
    free(*field);
    *field = strdup(data);
    return *field ? NASTL_OK
                  : nastl_error_set(NASTL_ENOMEM, "DATA: out of memory; free some");
}

/* ---- describe -----------------------------------------------------------------------
 */

static int run_describe(struct args *args)
{
    struct nastl_describe_params *params = args->params;
    char *text;
    int status = take_data(&params->data, args->positional[0]);
    params->json = args->json;
    if (status == NASTL_OK)
        status = nastl_data_describe(&text, params);
    free(params->data);
    params->data = NULL;
    return status < 0 ? status : print_and_free(text);
}

const struct command command_describe = {
    .name = "data describe",
    .usage = "DATA [--label COLUMN] [--domain-column COLUMN]",
    .summary =
        "shows columns, what is missing, classes, domains and the shift between them",
    .examples = "  nas-tl data describe kpis.csv.gz --label slice --domain-column site\n",
    .options = nastl_describe_opts,
    .params_size = sizeof(struct nastl_describe_params),
    .positional_least = 1,
    .positional_most = 1,
    .run = run_describe,
};

/* ---- convert ------------------------------------------------------------------------
 */

struct convert_params {
    char *data_dir;
    bool force;
};

static const struct nastl_opt convert_opts[] = {
    {"data_dir", NASTL_OPT_TEXT, offsetof(struct convert_params, data_dir),
     .metavar = "DIR",
     .help = "where descriptors find their files; default: NASTL_DATA_DIR"},
    {"force", NASTL_OPT_BOOL, offsetof(struct convert_params, force), .fallback = "false",
     .help = "write over a file that is there"},
    {NULL},
};

static int run_convert(struct args *args)
{
    const struct convert_params *params = args->params;
    const char *out = args->positional[1];
    const int status =
        nastl_data_convert(args->positional[0], out, params->data_dir, params->force);
    return status < 0 ? status : print_written(args, out);
}

const struct command command_convert = {
    .name = "data convert",
    .usage = "DATA FILE",
    .summary = "writes DATA as .csv, .csv.gz or .h5, by the ending of FILE",
    .examples = "  nas-tl data convert kpis.csv.gz kpis.h5\n",
    .options = convert_opts,
    .params_size = sizeof(struct convert_params),
    .positional_least = 2,
    .positional_most = 2,
    .run = run_convert,
};

/* ---- split --------------------------------------------------------------------------
 */

static int run_split(struct args *args)
{
    struct nastl_split_params *params = args->params;
    int status = take_data(&params->data, args->positional[0]);
    if (status == NASTL_OK)
        status = nastl_data_split(params);
    if (status == NASTL_OK)
        status = print_written(args, params->out);
    free(params->data);
    params->data = NULL;
    return status;
}

const struct command command_split = {
    .name = "data split",
    .usage = "DATA --out FILE [--split TRAIN,VALID,TEST] [--label COLUMN] [options]",
    .summary = "writes DATA with a column `split` of train, val and test",
    .examples = "  nas-tl data split kpis.csv --out parts.csv --label slice "
                "--group-column user\n",
    .options = nastl_split_opts,
    .params_size = sizeof(struct nastl_split_params),
    .positional_least = 1,
    .positional_most = 1,
    .run = run_split,
};

/* ---- generate -----------------------------------------------------------------------
 */

static int run_generate(struct args *args)
{
    const struct nastl_generate_params *params = args->params;
    const int status = nastl_cell_generate(params);
    return status < 0 ? status : print_written(args, params->out);
}

const struct command command_generate = {
    .name = "data generate",
    .usage = "--domain macro|small --rows N --seed S --out FILE",
    .summary = "writes measurement reports of simulated users in macro or small cells",
    .examples =
        "  nas-tl data generate --domain small --rows 4000 --seed 1 --out small.csv\n",
    .options = nastl_generate_opts,
    .params_size = sizeof(struct nastl_generate_params),
    .run = run_generate,
};
