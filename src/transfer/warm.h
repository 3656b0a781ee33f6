/* warm.h: warm starts: a candidate's weights taken from a network trained on the source.
 *
 * The source's hidden neurons are sorted by importance once, which changes nothing that
 * it computes; then every narrower network takes the leading part of each tensor:
 *
 *   source blocks.1.weight (256, 256)   candidate blocks.1.weight (64, 96)
 *   [ ######........ ]                  [ ###### ]
 *   [ ######........ ]   leading part   [ ###### ]
 *   [ .............. ]
 *
 * Tensors are matched by name, input columns by the feature's name and kind (categories
 * by their text), classes by name. SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSFER_WARM_H
#define TRANSFER_WARM_H

#include "nn/model.h"

/* Sorts the hidden neurons of each block by the norm of their incoming times their
 * outgoing weights, most important first. The model's outputs stay the same but for
 * rounding. */
int nastl_warm_sort(struct nastl_model *source);

/* Copies into `net` (initialised before) whatever matches `source`; *matched is the share
 * of the network's trainable numbers that was copied. The head is copied only where the
 * last hidden layer is the same block in both. */
int nastl_warm_start(double *matched, struct nastl_net *net,
                     const struct nastl_layout *layout, const struct nastl_model *source);

/* The strategies of this version, NULL at the end: scratch, fine_tune. */
const char *const *nastl_transfer_strategies(void);

#endif
