/* study.c: what a study is about, and which of its trials are on the front.
 * SPDX-License-Identifier: Apache-2.0 */
#include "study/study_impl.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>

const char *nastl_study_folder(const struct nastl_study *study)
{
    return study->folder;
}

const char *nastl_study_name(const struct nastl_study *study)
{
    return study->name;
}

uint64_t nastl_study_seed(const struct nastl_study *study)
{
    return study->seed;
}

size_t nastl_study_objectives(const struct nastl_study *study)
{
    return study->objectives;
}

const struct nastl_objective *nastl_study_objective(const struct nastl_study *study,
                                                    size_t j)
{
    return study->objective[j];
}

/* ---- points ------------------------------------------------------------------------ */

static bool is_ranked(const struct nastl_study *study, const struct nastl_trial *trial)
{
    if (trial->state != NASTL_STATE_COMPLETE)
        return false;
    for (size_t j = 0; j < study->objectives; j++)
        if (!isfinite(trial->values[j]))
            return false;
    return true;
}

int nastl_study_ranked(const struct nastl_study *study, const struct nastl_trial *trials,
                       size_t count, size_t **out, size_t *ranked)
{
    size_t *which = nastl_alloc(count + 1, sizeof *which);
    if (!which)
        return nastl_error_nomem("a front");
    *ranked = 0;
    for (size_t i = 0; i < count; i++)
        if (is_ranked(study, &trials[i]))
            which[(*ranked)++] = i;
    *out = which;
    return NASTL_OK;
}

int nastl_study_points(double **out, const struct nastl_study *study,
                       const struct nastl_trial *trials, const size_t *which, size_t n)
{
    const size_t m = study->objectives;
    double *points = nastl_alloc(n * m + 1, sizeof *points);
    if (!points)
        return nastl_error_nomem("a front");
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++) {
            const double value = trials[which[i]].values[j];
            points[i * m + j] = study->objective[j]->maximize ? -value : value;
        }
    *out = points;
    return NASTL_OK;
}

/* ---- the front --------------------------------------------------------------------- */

struct order {
    const struct nastl_study *study;
    const struct nastl_trial *trials;
};

/* By the objectives in their order, best first, then by number. */
static int by_objectives(const void *a, const void *b, void *payload)
{
    const struct order *order = payload;
    const struct nastl_trial *x = &order->trials[*(const size_t *)a];
    const struct nastl_trial *y = &order->trials[*(const size_t *)b];
    for (size_t j = 0; j < order->study->objectives; j++)
        if (x->values[j] != y->values[j])
            return (x->values[j] < y->values[j]) == order->study->objective[j]->maximize
                       ? 1
                       : -1;
    return (x->number > y->number) - (x->number < y->number);
}

/* Leaves those of `which` (n) that have rank 0. */
static int keep_front(size_t *which, size_t *n, const double *points, size_t m)
{
    size_t *rank = nastl_alloc(*n + 1, sizeof *rank);
    if (!rank)
        return nastl_error_nomem("a front");
    const int status = nastl_pareto_rank(rank, points, *n, m);
    size_t kept = 0;
    for (size_t i = 0; status == NASTL_OK && i < *n; i++)
        if (rank[i] == 0)
            which[kept++] = which[i];
    *n = kept;
    free(rank);
    return status;
}

int nastl_study_front(struct nastl_study *study, const struct nastl_trial *trials,
                      size_t count, size_t **out, size_t *members)
{
    size_t *which = NULL;
    double *points = NULL;
    TRY(nastl_study_ranked(study, trials, count, &which, members));
    int status = nastl_study_points(&points, study, trials, which, *members);
    if (status == NASTL_OK) {
        status = keep_front(which, members, points, study->objectives);
        free(points);
    }
    if (status < 0) {
        free(which);
        return status;
    }
    struct order order = {.study = study, .trials = trials};
    if (*members)
        qsort_r(which, *members, sizeof *which, by_objectives, &order);
    *out = which;
    return NASTL_OK;
}
