/* heldout.h: what trainings answer for rows that their weights have not seen: the
 * validation rows of a split, or of each fold.
 *
 * Of a row of classes, the network's logits (one for two classes). Of a row of values
 * there are two numbers: the prediction, a value of the label, and the distance of the
 * true one from it (calibrate.h). They are floats, row by row in the order of the view.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_HELDOUT_H
#define RUN_HELDOUT_H

#include "run/checkpoint.h"
#include "run/problem.h"

enum { NASTL_HELDOUT_PREDICTION, NASTL_HELDOUT_DISTANCE, NASTL_HELDOUT_NUMBERS };

/* How many numbers a row has. */
size_t nastl_heldout_width(const struct nastl_layout *layout);

/* The model's answers for the view's validation rows: (valid, heldout width), and its
 * predictions (valid, width), not calibrated. */
int nastl_heldout_answer(float *answers, double *predictions, struct nastl_model *model,
                         const struct nastl_view *view);

/* From the answers of one training, or of all folds of a trial together. Nothing is known
 * (rows 0) where there are no answers. */
int nastl_heldout_calibrate(struct nastl_calibration *out,
                            const struct nastl_problem *problem,
                            const struct nastl_view *view, const float *answers);
int nastl_heldout_calibrate_folds(struct nastl_calibration *out,
                                  const struct nastl_problem *problem,
                                  const struct nastl_checkpoint *folds);

/* {"rows": N, "temperature": T} or {"rows": N, "half_widths": […]}, null for one that is
 * infinite; and back: nothing is known where it cannot be read. */
json_t *nastl_calibration_json(const struct nastl_calibration *calibration,
                               enum nastl_task task);
void nastl_calibration_from_json(struct nastl_calibration *out, const json_t *object);

#endif
