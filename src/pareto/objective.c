/* objective.c: the table of objectives, as users see it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "pareto/pareto.h"

#include <string.h>

enum { FOR_ALL = NASTL_FOR_CLASSES | NASTL_FOR_VALUES };

static const struct nastl_objective objectives[] = {
    {"accuracy", true, "1", NASTL_FROM_SCORES, NASTL_FOR_CLASSES,
     "share of validation rows whose class is right"},
    {"balanced_accuracy", true, "1", NASTL_FROM_SCORES, NASTL_FOR_CLASSES,
     "mean over classes of the share of their rows that is found"},
    {"macro_f1", true, "1", NASTL_FROM_SCORES, NASTL_FOR_CLASSES,
     "mean over classes of the F1 score"},
    {"auc", true, "1", NASTL_FROM_SCORES, NASTL_FOR_CLASSES,
     "area under the ROC curve; one class against the rest, mean over classes"},
    {"log_loss", false, "1", NASTL_FROM_SCORES, NASTL_FOR_CLASSES,
     "cross-entropy in nats"},
    {"ece", false, "1", NASTL_FROM_SCORES, NASTL_FOR_CLASSES,
     "expected calibration error, 15 bins"},
    {"rmse", false, "label's unit", NASTL_FROM_SCORES, NASTL_FOR_VALUES,
     "root of the mean squared error"},
    {"mae", false, "label's unit", NASTL_FROM_SCORES, NASTL_FOR_VALUES,
     "mean absolute error"},
    {"nmae", false, "1", NASTL_FROM_SCORES, NASTL_FOR_VALUES,
     "mean absolute error divided by the mean of the labels"},
    {"r2", true, "1", NASTL_FROM_SCORES, NASTL_FOR_VALUES,
     "share of the labels' variance that is explained"},
    {"latency", false, "µs", NASTL_FROM_METER, FOR_ALL,
     "median time of one forward pass of one row on one thread"},
    {"latency_p99", false, "µs", NASTL_FROM_METER, FOR_ALL,
     "99th percentile of the time of one forward pass of one row on one thread"},
    {"flops", false, "FLOP", NASTL_FROM_GRAPH, FOR_ALL,
     "operations of one forward pass of one row; a multiply-add counts 2"},
    {"parameters", false, "1", NASTL_FROM_GRAPH, FOR_ALL,
     "trainable numbers of the deployed model"},
    {"memory", false, "byte", NASTL_FROM_GRAPH, FOR_ALL,
     "parameters and peak activations of one row"},
    {"energy", false, "µJ", NASTL_FROM_METER, FOR_ALL,
     "measured energy of one forward pass of one row, above the idle baseline"},
    {"training_energy", false, "J", NASTL_FROM_TRAINING, FOR_ALL,
     "measured energy while the candidate trained"},
    {"training_time", false, "s", NASTL_FROM_TRAINING, FOR_ALL,
     "time in which the candidate trained"},
    {NULL},
};

const struct nastl_objective *nastl_objectives(void)
{
    return objectives;
}

const struct nastl_objective *nastl_objective_find(const char *name)
{
    for (const struct nastl_objective *at = objectives; at->name; at++)
        if (strcmp(at->name, name) == 0)
            return at;
    return NULL;
}
