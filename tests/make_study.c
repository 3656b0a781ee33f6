/* make_study.c: make_study FOLDER OBJECTIVES SEED TRIALS writes a random study, for the
 * scripts that check what others read.
 * SPDX-License-Identifier: Apache-2.0 */
#include "study_toy.h"

static int make(const char *folder, const char *objectives, uint64_t seed, size_t trials)
{
    struct toy toy;
    TRY(toy_create(&toy, folder, objectives, seed));
    int status = NASTL_OK;
    for (size_t i = 0; status == NASTL_OK && i < trials; i++)
        status = toy_run(&toy, i);
    if (status == NASTL_OK)
        status = toy_publish(&toy);
    toy_finish(&toy);
    return status;
}

int main(int count, char **args)
{
    if (count != 5) {
        fprintf(stderr, "usage: make_study FOLDER OBJECTIVES SEED TRIALS\n");
        return 2;
    }
    const int status =
        make(args[1], args[2], strtoull(args[3], NULL, 10), strtoull(args[4], NULL, 10));
    if (status < 0)
        fprintf(stderr, "make_study: %s\n", nastl_error_last());
    return status < 0 ? 1 : 0;
}
