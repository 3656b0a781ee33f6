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
 * by their text), classes by name; match.h has the details. Whose statistics numbers are
 * scaled by is not looked at here: view.h has that.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSFER_WARM_H
#define TRANSFER_WARM_H

#include "nn/model.h"

/* Sorts the hidden neurons of each block by the norm of their incoming times their
 * outgoing weights, times |weight| of a norm between the two; most important first, equal
 * ones in the order they had. The model's outputs stay the same but for rounding. A graph
 * that is no chain of layers is left as it is. */
int nastl_warm_sort(struct nastl_model *source);

/* Copies into `net` (initialised before) whatever matches `source`, running statistics
 * too; *matched is the share of the network's trainable numbers that was copied, 0 for a
 * source of another family. The head is copied only where the last hidden layer is the
 * same block in both. Any number of threads may start from one source at a time. */
int nastl_warm_start(double *matched, struct nastl_net *net,
                     const struct nastl_layout *layout, const struct nastl_model *source);

/* Bins of a piecewise-linear embedding that the source has, too, become the source's: for
 * numbers that are scaled as the source's are. */
int nastl_warm_bins(struct nastl_net *net, const struct nastl_layout *layout,
                    const struct nastl_model *source);

#endif
