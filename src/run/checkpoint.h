/* checkpoint.h: trainings that outlive their process: how far the trainings of one
 * candidate have come, in memory and in a file. A trial has one training a fold; a source
 * network and a refit have one.
 *
 *   folds      [ over ][ over ][ under way ][ ..... ]
 *                |               `- snapshot: the trainer between two epochs
 *                |- the first one's model is kept, since that is the one measured
 *                `- the answers of each for its validation rows
 *
 * A snapshot is taken, and the file written, when the clock says that it costs less than
 * a hundredth of the time: a training that is over at once never writes one. What is
 * computed does not depend on it: a training that is taken up again gives the same bits.
 *
 * The file is an HDF5 file (io/h5) with an identity, against another's checkpoint, and a
 * digest of all numbers, against damage. It belongs to one process at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_CHECKPOINT_H
#define RUN_CHECKPOINT_H

#include "base/error.h"
#include "nn/model.h"
#include "nn/trainer.h"

enum { NASTL_FOLDS_MOST = 31 }; /* of a trial */

/* What a training that is over came to. */
struct nastl_fold {
    struct nastl_scores scores; /* on the validation rows, if there are any */
    double epochs, best_epoch, seconds, matched;
};

struct nastl_checkpoint;

/* Takes up what lies at `path`, if its identity is this one. What is damaged or another's
 * is one warning, and as good as nothing. `path` NULL: in memory alone. */
int nastl_checkpoint_open(struct nastl_checkpoint **out, const char *path,
                          uint64_t identity, const struct nastl_log *log);
void nastl_checkpoint_close(struct nastl_checkpoint *checkpoint); /* accepts NULL */

/* The folds that are over, and the seconds that all of it took up to now, in earlier
 * processes too. */
size_t nastl_checkpoint_folds(const struct nastl_checkpoint *checkpoint);
const struct nastl_fold *nastl_checkpoint_fold(const struct nastl_checkpoint *checkpoint,
                                               size_t k);
double nastl_checkpoint_seconds(const struct nastl_checkpoint *checkpoint);

/* Gives `model` the first fold's parameters. NASTL_EFORMAT where it has others. */
int nastl_checkpoint_fill(struct nastl_model *model,
                          const struct nastl_checkpoint *checkpoint);

/* A fold is over: its snapshot goes, and the first one's parameters are copied. `answers`
 * are `count` numbers, the checkpoint's from now on; NULL: there are none. */
void nastl_checkpoint_add(struct nastl_checkpoint *checkpoint,
                          const struct nastl_fold *fold, const struct nastl_model *model,
                          float *answers, size_t count);

/* What the model of fold k answers for its view's validation rows: see heldout.h.
 * Borrowed; NULL and 0 where nobody asked for scores. */
const float *nastl_checkpoint_answers(const struct nastl_checkpoint *checkpoint, size_t k,
                                      size_t *count);

/* For the training of the fold under way: it goes on where it was left, if it was begun;
 * after an epoch a snapshot is taken, and the file written, where it is time to, or where
 * the training is stopped. */
struct nastl_keeper nastl_checkpoint_keeper(struct nastl_checkpoint *checkpoint);

/* Writes the file: always, or only where losing all of it would cost seconds. What cannot
 * be kept is one warning; a training needs no checkpoint to go on. */
void nastl_checkpoint_save(struct nastl_checkpoint *checkpoint);
void nastl_checkpoint_keep(struct nastl_checkpoint *checkpoint);

#endif
