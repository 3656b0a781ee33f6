/* ensemble.h: between one network and several that answer together (the candidate's
 * "ensemble"): their tensors are "members.M.NAME" where that of one is "NAME".
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSFER_ENSEMBLE_H
#define TRANSFER_ENSEMBLE_H

#include "nn/model.h"

/* Which member a tensor of this name belongs to, and its name there; -1, and the whole
 * name, for what all of them read. */
long nastl_ensemble_member(const char **name);

/* All members of `net` (initialised before) start from `one`, a network of the same
 * candidate alone. The first takes it as it is; the weights of the others add a tenth of
 * what they were drawn as, or all would stay the same (Ash and Adams 2020). */
void nastl_ensemble_start(struct nastl_net *net, const struct nastl_net *one);

/* Leaves the first member of a model alone. A model of one network stays as it is. */
int nastl_ensemble_keep_first(struct nastl_model *model);

#endif
