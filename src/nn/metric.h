/* metric.h: scores of predictions, as scikit-learn 1.2 defines them.
 *
 * Macro averages go over
 * the classes that occur: among labels or predictions for macro_f1, among labels for
 * balanced_accuracy. Classes that the model does not know count together as one class
 * that is never predicted; for auc they are part of the rest, for log_loss their
 * probability is the smallest there is, the epsilon of a double. Probabilities are
 * clipped to [epsilon, 1 - epsilon] for log_loss. SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_METRIC_H
#define NN_METRIC_H

#include "data/dataset.h"

enum nastl_metric {
    NASTL_METRIC_ACCURACY,
    NASTL_METRIC_BALANCED_ACCURACY,
    NASTL_METRIC_MACRO_F1,
    NASTL_METRIC_AUC, /* binary; multiclass: one versus rest, macro average */
    NASTL_METRIC_LOG_LOSS,
    NASTL_METRIC_ECE, /* 15 equal bins of the highest probability (Guo et al. 2017) */
    NASTL_METRIC_RMSE,
    NASTL_METRIC_MAE,
    NASTL_METRIC_NMAE, /* MAE / |mean of the labels| */
    NASTL_METRIC_R2,   /* constant labels: 1 if all are hit, else 0 */
    NASTL_METRIC_COUNT
};
const char *nastl_metric_name(enum nastl_metric metric); /* "macro_f1" */
int nastl_metric_from_name(const char *name);            /* -1 if unknown */
bool nastl_metric_maximized(enum nastl_metric metric);
bool nastl_metric_applies(enum nastl_metric metric, enum nastl_task task);

/* The class that C probabilities stand for: the first of the highest. */
size_t nastl_most_probable(const double *p, size_t classes);

/* Every metric of the task; others are NaN, as is one that cannot be computed (auc with
 * one class among the labels). All are NaN where a prediction is not finite. */
struct nastl_scores {
    double value[NASTL_METRIC_COUNT];
};

/* `labels` (n): class indices (C or more: a class the model does not know, always wrong)
 * or values. `predictions`: probabilities (n, C) for classes, binary too (C = 2); values
 * (n) for regression. n > 0. */
int nastl_scores_compute(struct nastl_scores *out, enum nastl_task task, size_t classes,
                         const double *labels, const double *predictions, size_t n);
/* One of them, for early stopping: cheap. NaN if it is not of the task. */
int nastl_score_one(double *out, enum nastl_metric metric, enum nastl_task task,
                    size_t classes, const double *labels, const double *predictions,
                    size_t n);

#endif
