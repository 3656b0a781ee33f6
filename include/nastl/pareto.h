/* pareto.h: objectives, non-dominated fronts and hypervolume.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NASTL_PARETO_H
#define NASTL_PARETO_H

#include <stdbool.h>
#include <stddef.h>

#include <nastl/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where an objective's number comes from. */
enum nastl_objective_source {
    NASTL_FROM_SCORES,  /* a metric on validation rows */
    NASTL_FROM_GRAPH,   /* counted before training: flops, parameters, memory */
    NASTL_FROM_METER,   /* measured on the trained network: latency, energy */
    NASTL_FROM_TRAINING /* measured while it trained */
};

enum {
    NASTL_FOR_CLASSES = 1, /* binary and multiclass */
    NASTL_FOR_VALUES = 2   /* regression */
};

struct nastl_objective {
    const char *name;
    bool maximize;
    const char *unit;
    enum nastl_objective_source source;
    unsigned tasks; /* NASTL_FOR_… */
    const char *help;
};

/* All objectives that can be asked for, ended by one whose name is NULL; found by name
 * (NULL if unknown). */
NASTL_API const struct nastl_objective *nastl_objectives(void);
NASTL_API const struct nastl_objective *nastl_objective_find(const char *name);

/* Points are (N, M) row-major and minimised in every objective: negate what is maximised.
 * In every call below, a NaN among them is NASTL_ENUMERIC.
 * rank[i] = 0 for the first front, 1 for the next … (Deb et al. 2002). Equal points share
 * a rank. */
NASTL_API int nastl_pareto_rank(size_t *rank, const double *points, size_t n, size_t m);

/* Crowding distance within each rank; extremes are INFINITY (Deb et al. 2002). */
NASTL_API int nastl_pareto_crowding(double *distance, const size_t *rank,
                                    const double *points, size_t n, size_t m);

/* The exact hypervolume of what lies inside `reference` (M). Points outside count
 * nothing. Sweep for two objectives, Beume et al. 2009 for three, WFG (While et al. 2012)
 * beyond. */
NASTL_API int nastl_pareto_hypervolume(double *volume, const double *points, size_t n,
                                       size_t m, const double *reference);

/* The worst value of each objective, moved outwards by 10 % of the range; by
 * max(|value|, 1) * 10 % where the range is 0. n > 0. */
NASTL_API void nastl_pareto_reference(double *reference, const double *points, size_t n,
                                      size_t m);

/* The member at the greatest distance below the hyperplane through the front's extremes,
 * objectives scaled to [0, 1]; where is_cost[j], after taking the logarithm (of values
 * that are all positive). Costs that are least in the same member, because they rise
 * together, count as one. `points` is a front, finite, n > 0; *knee is an index below n.
 */
NASTL_API int nastl_pareto_knee(size_t *knee, const double *points, size_t n, size_t m,
                                const bool *is_cost);

#ifdef __cplusplus
}
#endif
#endif
