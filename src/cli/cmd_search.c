/* cmd_search.c: nas-tl search and nas-tl train.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- search -------------------------------------------------------------------------
 */

static bool was_given(const char *key, void *payload)
{
    return args_given(payload, key);
}

/* What a resumed study was begun with stands in its study.yaml; the command line need not
 * say it again. */
static int read_defaults(struct args *args)
{
    struct nastl_search_params *params = args->params;
    char path[4096];
    if (args->config)
        return nastl_search_config(params, args->config, was_given, args);
    if (!params->resume || !params->study)
        return NASTL_OK;
    snprintf(path, sizeof path, "%s/study.yaml", params->study);
    return access(path, R_OK) == 0 ? nastl_search_config(params, path, was_given, args)
                                   : NASTL_OK;
}

static int print_outcome(const struct args *args,
                         const struct nastl_search_outcome *outcome)
{
    if (args->json)
        return print_text(outcome->json);
    if (args->quiet)
        return NASTL_OK;
    if (outcome->front)
        printf("%s\n%zu on the front; ", outcome->table, outcome->front);
    else
        printf("no trial is complete; ");
    printf("stopped: %s\nstudy: %s\n", outcome->stop, outcome->study);
    return print_text("");
}

static int run_search(struct args *args)
{
    struct nastl_search_outcome outcome;
    int status = read_defaults(args);
    if (status < 0)
        return status;
    const struct nastl_hooks hooks = talk_hooks(args);
    status = nastl_search_run(&outcome, args->params, &hooks);
    talk_end();
    if (outcome.table && (status == NASTL_OK || status == NASTL_EINTERRUPTED)) {
        const int printed = print_outcome(args, &outcome);
        status = status < 0 ? status : printed;
    }
    nastl_search_outcome_finish(&outcome);
    return status;
}

const struct command command_search = {
    .name = "search",
    .usage =
        "[--space FILE.yaml] [--target DATA] [--source DATA] [--label COLUMN] [options]",
    .summary =
        "samples, warm-starts, trains, measures and ranks candidates; writes a study",
    .examples = "  nas-tl search\n"
                "  nas-tl search --target cell_b.csv --source cell_a.csv --label slice\n"
                "  nas-tl search --target kpis.csv.gz --label outage --study S \\\n"
                "      --domain-column site --source-domain a,b --target-domain c \\\n"
                "      --objectives macro_f1,latency,flops --trials 100\n"
                "  nas-tl search --study S --resume --trials 200\n"
                "  nas-tl search --config S/study.yaml --study S2\n",
    .options = nastl_search_opts,
    .params_size = sizeof(struct nastl_search_params),
    .run = run_search,
};

/* ---- train --------------------------------------------------------------------------
 */

static int run_train(struct args *args)
{
    char *report;
    const struct nastl_hooks hooks = talk_hooks(args);
    const int status = nastl_train_run(&report, args->params, args->json, &hooks);
    talk_end();
    if (status < 0)
        return status;
    if (args->quiet && !args->json) {
        free(report);
        return NASTL_OK;
    }
    return print_and_free(report);
}

const struct command command_train = {
    .name = "train",
    .usage = "--arch FILE.yaml|--preset NAME --target DATA --label COLUMN --out FILE.h5 "
             "[options]",
    .summary = "trains one architecture (a space in which everything is fixed)",
    .examples =
        "  nas-tl train --preset realmlp --target cell_b.csv --label slice --out b.h5\n"
        "  nas-tl train --arch mlp64.yaml --target cell_b.csv --label slice --out b.h5\n"
        "  nas-tl train --arch mlp64.yaml --target cell_c.csv --label slice \\\n"
        "      --warm-start b.h5 --out c.h5\n",
    .options = nastl_train_opts,
    .params_size = sizeof(struct nastl_train_one_params),
    .run = run_train,
};
