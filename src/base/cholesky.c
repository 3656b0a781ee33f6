/* cholesky.c: see cholesky.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/cholesky.h"

#include <math.h>

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* L[i][j] = (a[i][j] - sum over k < j of L[i][k] L[j][k]) / L[j][j] */
bool nastl_cholesky(double *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double *row = a + i * n;
        for (size_t j = 0; j < i; j++)
            row[j] = (row[j] - dot(row, a + j * n, j)) / a[j * n + j];
        const double rest = row[i] - dot(row, row, i);
        if (!(rest > 0) || !isfinite(rest))
            return false;
        row[i] = sqrt(rest);
    }
    return true;
}

double nastl_cholesky_log_determinant(const double *l, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += 2 * log(l[i * n + i]);
    return sum;
}

void nastl_cholesky_forward(const double *l, double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (x[i] - dot(l + i * n, x, i)) / l[i * n + i];
}

void nastl_cholesky_solve(const double *l, double *x, size_t n)
{
    nastl_cholesky_forward(l, x, n);
    for (size_t i = n; i-- > 0;) {
        x[i] /= l[i * n + i];
        for (size_t j = 0; j < i; j++)
            x[j] -= l[i * n + j] * x[i];
    }
}
