/* trainer.h: a training that can be looked at, and taken up again, between epochs.
 *
 * Everything that the next epoch depends on is in nastl_trainer_state, the network's
 * parameters and one block of numbers: restore these three and the training goes on with
 * the same bits. SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_TRAINER_H
#define NN_TRAINER_H

#include "nn/train.h"

struct nastl_trainer_state {
    size_t epoch, best_epoch; /* run; kept, from 1 */
    uint64_t step;
    double train_loss;            /* of the last epoch */
    double best_score, best_loss; /* on validation rows, of the best epoch */
    bool stopped;                 /* by a callback */
    bool in_epoch;                /* stopped in its midst: none to be taken up */
};

struct nastl_trainer;

/* `net` and what `params` points to must outlive the trainer; `params` is copied. Scores
 * the weights that the network has: epoch 0. */
int nastl_trainer_create(struct nastl_trainer **out, struct nastl_net *net,
                         const struct nastl_train_params *params);
void nastl_trainer_destroy(struct nastl_trainer *trainer);

bool nastl_trainer_done(const struct nastl_trainer *trainer);
/* One epoch: its steps, then a look at the validation rows. After a stop by the poll,
 * which is asked between steps and between parts of the validation rows, only
 * nastl_trainer_finish() makes sense: parameters and moments are in the midst of it. */
int nastl_trainer_epoch(struct nastl_trainer *trainer);
/* One step on these rows of params.xy (count <= the batch size); *loss grows by the sum
 * of their losses before the step. nastl_trainer_epoch() is made of these. */
int nastl_trainer_step(struct nastl_trainer *trainer, const int32_t *rows, size_t count,
                       double *loss);
/* The gradient of the last step by a tensor of the graph, before clipping; 0 where it is
 * frozen. Borrowed. */
const float *nastl_trainer_gradient(const struct nastl_trainer *trainer, size_t tensor);
/* Puts the kept weights into the network. */
void nastl_trainer_finish(struct nastl_trainer *trainer);

struct nastl_trainer_state *nastl_trainer_state(struct nastl_trainer *trainer);
/* The moments, the kept weights, those of the last epochs where they are averaged: one
 * block of *count numbers, borrowed. */
float *nastl_trainer_numbers(struct nastl_trainer *trainer, size_t *count);
/* The parameters with the running statistics: one block of *count numbers, borrowed. */
float *nastl_trainer_parameters(struct nastl_trainer *trainer, size_t *count);

#endif
