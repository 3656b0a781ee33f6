/* generator.h: the generator's rows as a table in memory, for the embedded default.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CELL_GENERATOR_H
#define CELL_GENERATOR_H

#include <nastl/cell.h>

#include "data/table.h"

/* A table as nastl_table_load() would give it after nastl_cell_generate(). The column
 * `domain` holds the domain's name. The descriptor is filled: label, columns that are no
 * features, the group column. */
int nastl_cell_table(struct nastl_table **out, const char *domain, size_t rows,
                     uint64_t seed);

#endif
