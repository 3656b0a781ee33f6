/* cell.h: a generator of cellular key performance indicators with known physics, and so a
 * data set that everyone has: two domains, `macro` and `small`, that really differ.
 *
 * Users move through a layout of base stations; path loss and line-of-sight probability
 * are those of 3GPP TR 38.901 (UMa, UMi street canyon), shadowing is correlated in space,
 * cells are loaded unequally. Each row is one measurement report of one user; the label
 * columns tell what happened in the seconds after it. The same arguments give the same
 * bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NASTL_CELL_H
#define NASTL_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include <nastl/error.h>
#include <nastl/opt.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nastl_generate_params {
    int64_t rows; /* default 6000 */
    char *domain; /* "macro" or "small" */
    int64_t seed; /* default 1 */
    char *out;    /* FILE.csv, FILE.csv.gz or FILE.h5 */
    bool force;   /* overwrite */
};
NASTL_API extern const struct nastl_opt nastl_generate_opts[];

/* Names of the domains, NULL at the end. */
NASTL_API const char *const *nastl_cell_domains(void);

/* `nas-tl data generate`: writes `rows` rows of one domain. NASTL_EEXIST if the file is
 * there and not `force`. */
NASTL_API int nastl_cell_generate(const struct nastl_generate_params *params);

#ifdef __cplusplus
}
#endif
#endif
