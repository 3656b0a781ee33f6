/* calibrate.h: how sure a model may be, learnt from rows that its weights have not seen.
 *
 * Classes: temperature scaling (Guo et al. 2017): all logits are divided by one number T,
 * so that no class overtakes another. Values: conformal intervals (Vovk et al. 2005): a
 * prediction, give or take what the distance of seen labels from their predictions stayed
 * below in 80, 90 and 95 of 100 cases. Distances are taken after the label's transform,
 * before it is standardised.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_CALIBRATE_H
#define NN_CALIBRATE_H

#include "data/prep.h"

enum { NASTL_INTERVAL_LEVELS = 3 };

/* 0.8, 0.9, 0.95: the share of labels that an interval is to hold. */
double nastl_interval_level(size_t level);
int nastl_interval_find(double share); /* -1: there is none of it */

struct nastl_calibration {
    size_t rows;        /* that it was learnt from; 0: nothing is known */
    double temperature; /* classes: above 0; values: 1 */
    double half_widths[NASTL_INTERVAL_LEVELS]; /* values: ascending; infinite: too few
                                                  rows to say; classes: 0 */
};

/* The T of the least log loss of `logits` (n, C), or (n, 1) for two classes; rows of a
 * class that is none of the C are left out. */
void nastl_calibrate_classes(struct nastl_calibration *out, const float *logits,
                             const double *labels, size_t n, size_t classes);

/* Sorts `distances` (n) of labels from predictions, of `distinct` rows: fewer than n
 * where rows were predicted several times. */
void nastl_calibrate_values(struct nastl_calibration *out, double *distances, size_t n,
                            size_t distinct);

/* 1 where nothing is known. */
double nastl_calibration_temperature(const struct nastl_calibration *calibration);

/* The distance of a label from its prediction, and the interval about a prediction; its
 * ends are clamped as predictions are. */
double nastl_label_distance(const struct nastl_label_map *map, double label,
                            double prediction);
void nastl_label_interval(double *low, double *high, const struct nastl_label_map *map,
                          double prediction, double half_width);

/* The group's attributes. Loading: NASTL_EFORMAT where they cannot be. */
int nastl_calibration_save(const struct nastl_calibration *calibration, enum nastl_task,
                           struct nastl_h5 *file, const char *group);
int nastl_calibration_load(struct nastl_calibration *out, enum nastl_task,
                           struct nastl_h5 *file, const char *group);

#endif
