/* stat.h: a few statistics over arrays of doubles. None allocates; those that need order
 * sort their argument.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_STAT_H
#define BASE_STAT_H

#include <stddef.h>

double nastl_stat_mean(const double *x, size_t n);           /* NaN for n = 0 */
double nastl_stat_variance(const double *x, size_t n);       /* over n - 1; 0 for n < 2 */
double nastl_stat_standard_error(const double *x, size_t n); /* sd / sqrt(n) */
void nastl_stat_sort(double *x, size_t n);                   /* ascending, NaN last */
double nastl_stat_quantile(const double *sorted, size_t n,
                           double q);          /* linear, as NumPy */
double nastl_stat_median(double *x, size_t n); /* sorts x */
double nastl_stat_normal_quantile(double p);   /* inverse of the normal distribution */
double nastl_stat_normal_cdf(double z);
double
nastl_stat_student_t95(size_t degrees); /* two-sided 95 % quantile of Student's t */

#endif
