/* search.c: a search through the library: generated data of macro and small cells, a
 * front of small models. Build with `cc search.c $(pkg-config --cflags --libs nastl)`.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <nastl/nastl.h>

static int set(struct nastl_search_params *params, const char *key, const char *value)
{
    return nastl_opt_set(nastl_opt_find(nastl_search_opts, key), params, value);
}

int main(int argc, char **argv)
{
    struct nastl_search_params params;
    struct nastl_search_outcome outcome = {0};

    int status = nastl_opt_defaults(nastl_search_opts, &params);
    if (status == NASTL_OK)
        status = set(&params, "trials", argc > 1 ? argv[1] : "16");
    if (status == NASTL_OK)
        status = set(&params, "objectives", "macro_f1,latency,flops");
    if (status == NASTL_OK && argc > 2)
        status = set(&params, "study", argv[2]);
    if (status == NASTL_OK)
        status = nastl_search_run(&outcome, &params, NULL);

    if (status == NASTL_OK)
        printf("%s\n%zu models in %s/weights.h5\n", outcome.table, outcome.front,
               outcome.study);
    else
        fprintf(stderr, "search: %s\n", nastl_error_last());

    nastl_search_outcome_finish(&outcome);
    nastl_opt_clear(nastl_search_opts, &params);
    return nastl_error_exit_code(status);
}
