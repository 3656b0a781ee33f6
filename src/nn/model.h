/* model.h: what a model consists of, and how it is saved.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_MODEL_H
#define NN_MODEL_H

#include <nastl/model.h>

#include "io/h5.h"
#include "nn/calibrate.h"
#include "nn/metric.h"
#include "nn/net.h"

/* All parts are owned by the model. */
struct nastl_model {
    struct nastl_layout *layout;
    struct nastl_prep *prep;
    struct nastl_label_map label; /* regression */
    struct nastl_candidate candidate;
    struct nastl_graph *graph;
    struct nastl_net *net;
    struct nastl_calibration calibration; /* what validation rows said; may be nothing */
    double interval; /* the share of labels that nastl_model_predict()'s intervals are to
                        hold; 0: 0.9 */
};

/* The shape of the network for a layout; borrows the layout's cardinalities. */
struct nastl_shape nastl_model_shape(const struct nastl_layout *layout);

/* The layout of the group is in docs/model-format.md. Reading checks everything:
 * NASTL_EFORMAT names the file, the group and what is wrong; NASTL_ENOENT: no such group.
 */
int nastl_model_save(const struct nastl_model *model, struct nastl_h5 *file,
                     const char *group);
int nastl_model_read(struct nastl_model **out, struct nastl_h5 *file, const char *group);

/* From outputs of the network (n, outputs) to what metrics take: probabilities (n, C), C
 * = 2 for binary, as they are; or label values (n). */
size_t nastl_prediction_width(enum nastl_task task, size_t classes);
void nastl_outputs_to_predictions(double *predictions, const float *outputs, size_t n,
                                  enum nastl_task task, size_t classes,
                                  const struct nastl_label_map *label);

/* Regression, with validation rows known to it. */
bool nastl_model_has_intervals(const struct nastl_model *model);

/* What the network answers for rows of a dataset, (n, outputs): logits, or standardised
 * values. NASTL_ENUMERIC as below. */
int nastl_model_outputs(struct nastl_model *model, const struct nastl_dataset *dataset,
                        const int32_t *rows, size_t n, float *outputs);

/* Predictions (n, width), calibrated where the model knows how, of rows of a dataset in
 * the model's own layout or of the dataset that it was trained from. NASTL_ENUMERIC names
 * the first row whose output is not finite.
 */
int nastl_model_predictions(struct nastl_model *model,
                            const struct nastl_dataset *dataset, const int32_t *rows,
                            size_t n, double *predictions);

#endif
