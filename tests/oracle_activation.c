/* oracle_activation.c: activations, and shares of them that neurons learn.
 * SPDX-License-Identifier: Apache-2.0 */
#include "oracle.h"

#include <math.h>
#include <string.h>

static const double PI = 3.14159265358979323846;

static double normal_cdf(double x)
{
    return 0.5 * erfc(-x / sqrt(2.0));
}

static const double SELU_SCALE = 1.0507009873554805, SELU_ALPHA = 1.6732632423543772;

static double softplus(double x)
{
    return fmax(x, 0.0) + log1p(exp(-fabs(x)));
}

double oracle_activation(enum nastl_activation activation, double x)
{
    if (activation == NASTL_ACTIVATION_RELU)
        return x > 0.0 ? x : 0.0;
    if (activation == NASTL_ACTIVATION_GELU)
        return x * normal_cdf(x);
    if (activation == NASTL_ACTIVATION_SELU)
        return SELU_SCALE * (x > 0.0 ? x : SELU_ALPHA * expm1(x));
    if (activation == NASTL_ACTIVATION_MISH)
        return x * tanh(softplus(x));
    return x / (1.0 + exp(-x));
}

double oracle_activation_slope(enum nastl_activation activation, double x)
{
    if (activation == NASTL_ACTIVATION_RELU)
        return x > 0.0 ? 1.0 : 0.0;
    if (activation == NASTL_ACTIVATION_GELU)
        return normal_cdf(x) + x * exp(-x * x / 2.0) / sqrt(2.0 * PI);
    const double s = 1.0 / (1.0 + exp(-x));
    if (activation == NASTL_ACTIVATION_SELU)
        return SELU_SCALE * (x > 0.0 ? 1.0 : SELU_ALPHA * exp(x));
    if (activation == NASTL_ACTIVATION_MISH)
        return tanh(softplus(x)) + x * s / pow(cosh(softplus(x)), 2);
    return s * (1.0 + x * (1.0 - s));
}

void oracle_share(double *y, const double *x, const double *a,
                  enum nastl_activation activation, size_t n, size_t d)
{
    for (size_t i = 0; i < n * d; i++)
        y[i] = x[i] + a[i % d] * (oracle_activation(activation, x[i]) - x[i]);
}

void oracle_share_backward(double *dx, double *da, const double *dy, const double *x,
                           const double *a, enum nastl_activation activation, size_t n,
                           size_t d)
{
    memset(da, 0, d * sizeof *da);
    for (size_t i = 0; i < n * d; i++) {
        const double slope = oracle_activation_slope(activation, x[i]);
        da[i % d] += dy[i] * (oracle_activation(activation, x[i]) - x[i]);
        dx[i] = dy[i] * (1.0 + a[i % d] * (slope - 1.0));
    }
}
