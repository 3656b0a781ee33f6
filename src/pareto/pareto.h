/* pareto.h: what the files of this module share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PARETO_PARETO_H
#define PARETO_PARETO_H

#include <nastl/pareto.h>

/* NASTL_EINVAL for no objective, NASTL_ENUMERIC for a NaN among the points (N, M). */
int nastl_pareto_check(const double *points, size_t n, size_t m);

/* -1, 0 or 1: the order of two rows by their first `m` numbers, the last one first. A row
 * that dominates another stands before it. */
int nastl_pareto_order(const double *a, const double *b, size_t m);

/* Sorts rows in that order; equal ones by their place in memory. */
void nastl_pareto_sort(const double **rows, size_t n, size_t m);

/* Whether `a` is nowhere worse than `b`: it dominates or equals it. */
bool nastl_pareto_covers(const double *a, const double *b, size_t m);

#endif
