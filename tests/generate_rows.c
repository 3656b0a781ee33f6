/* generate_rows.c: DOMAIN ROWS SEED FILE: the generator as a program, for
 * check_generator.py.
 * SPDX-License-Identifier: Apache-2.0 */
#include <nastl/cell.h>

#include <stdio.h>
#include <stdlib.h>

int main(int count, char **texts)
{
    if (count != 5)
        return 2;
    const struct nastl_generate_params params = {.rows = atol(texts[2]),
                                                 .domain = texts[1],
                                                 .seed = atol(texts[3]),
                                                 .out = texts[4]};
    const int status = nastl_cell_generate(&params);
    if (status < 0)
        fprintf(stderr, "generate_rows: %s\n", nastl_error_last());
    return nastl_error_exit_code(status);
}
