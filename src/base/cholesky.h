/* cholesky.h: symmetric positive definite systems of modest size, in doubles.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CHOLESKY_H
#define BASE_CHOLESKY_H

#include <stdbool.h>
#include <stddef.h>

/* a (n, n), of which the lower triangle counts, becomes L with a = L L^T; what is above
 * the diagonal is left as it is. False where a is not positive definite. */
bool nastl_cholesky(double *a, size_t n);

/* log |a| of an a that has become L. */
double nastl_cholesky_log_determinant(const double *l, size_t n);

/* x (n) becomes L^-1 x. */
void nastl_cholesky_forward(const double *l, double *x, size_t n);

/* x (n) becomes a^-1 x. */
void nastl_cholesky_solve(const double *l, double *x, size_t n);

#endif
