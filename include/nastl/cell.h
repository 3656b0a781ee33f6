/* cell.h: a generator of cellular key performance indicators with known physics, and so a
 * data set that everyone has: two domains, `macro` and `small`, that really differ.
 *
 * Users move through a layout of base stations; path loss and line-of-sight probability
 * are those of 3GPP TR 38.901 (UMa, UMi street canyon), shadowing is correlated in space,
 * cells are loaded unequally. Each row is one measurement report of one user; the label
 * columns tell what happened in the second after it. The same arguments give the same
 * bytes, and fewer rows the first of them.
 *
 *   column           unit    meaning
 *   rsrp rsrq sinr   dBm dB  serving cell: reference power, its share of all, and its
 *                            ratio to interference and noise; filtered and noisy
 *   cqi              0 … 15  channel quality indicator
 *   load             0 … 1   of the serving cell, used by others; at times missing
 *   speed            m/s     of the user
 *   since_handover   s       or since the connection
 *   neighbour1 … 3   dB      RSRP above the serving cell's; missing where not heard
 *   rsrp_slope       dB/s    of the last second
 *   distance         m       to the serving site, by timing advance; at times missing
 *   user_type                pedestrian, cyclist, car
 *   terminal                 sensor, phone, router: one, two or four spatial layers
 *   domain, user             the domain's name; whose report it is (a group)
 *   throughput       Mbit/s  label: mean over the next second
 *   handover         0, 1    label: a neighbour exceeds the serving cell by 3 dB in it
 *   throughput_class         the default label: low < 15 <= medium < 40 <= high < 100 <=
 *                            very_high, of throughput
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
