/* op_members.c: what the k members of an ensemble do not share (BatchEnsemble, Wen et al.
 * 2020; TabM, Gorishniy et al. 2024). Row b of the data is rows b k … b k + k - 1 here.
 *
 *   members         y[b, m] = x[b] * r[m]                one row becomes k
 *   scale           y[b, m] = x[b, m] * s[m] (+ b[m])
 *   member_linear   y[b, m] = x[b, m] W[m]^T + b[m]      W (k, H, D): k heads
 *   average         one answer of k, when deployed
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/op.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/hot.h"

enum { SCALE, BIAS };       /* tensors of members and scale; a bias may be missing */
enum { WEIGHT, HEAD_BIAS }; /* of member_linear */

static size_t members_of(const struct nastl_op *op)
{
    return op->node->rows;
}

/* ---- one row: y = x * s (+ b), and back ---- */

NASTL_HOT static void scale_row(float *y, const float *x, const float *s, const float *b,
                                size_t width)
{
    if (b) {
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            y[c] = x[c] * s[c] + b[c];
    } else {
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            y[c] = x[c] * s[c];
    }
}

/* ds += dy * x; db += dy; dy = dy * s. */
NASTL_HOT static void scale_row_back(float *restrict ds, float *restrict db,
                                     float *restrict dy, const float *restrict x,
                                     const float *restrict s, size_t width)
{
#pragma omp simd
    for (size_t c = 0; c < width; c++)
        ds[c] += dy[c] * x[c];
    if (db) {
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            db[c] += dy[c];
    }
#pragma omp simd
    for (size_t c = 0; c < width; c++)
        dy[c] *= s[c];
}

/* ds += dy * x; dx += dy * s, unless nobody wants it. */
NASTL_HOT static void member_row_back(float *restrict ds, float *restrict dx,
                                      const float *restrict dy, const float *restrict x,
                                      const float *restrict s, size_t width)
{
    if (dx) {
#pragma omp simd
        for (size_t c = 0; c < width; c++) {
            ds[c] += dy[c] * x[c];
            dx[c] += dy[c] * s[c];
        }
        return;
    }
#pragma omp simd
    for (size_t c = 0; c < width; c++)
        ds[c] += dy[c] * x[c];
}

/* y += x * a */
NASTL_HOT static void add_multiple(float *restrict y, const float *restrict x, float a,
                                   size_t width)
{
#pragma omp simd
    for (size_t c = 0; c < width; c++)
        y[c] += x[c] * a;
}

NASTL_HOT static float dot(const float *restrict x, const float *restrict w, size_t width)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (size_t c = 0; c < width; c++)
        sum += x[c] * w[c];
    return sum;
}

/* ---- members and scale ---- */

static void clear(float *grad, size_t n)
{
    if (grad)
        memset(grad, 0, n * sizeof *grad);
}

void nastl_member_scale(float *y, const float *x, const float *scale, const float *bias,
                        size_t member, size_t width)
{
    scale_row(y, x, scale + member * width, bias ? bias + member * width : NULL, width);
}

/* `share`: rows of what is read that one row of the data has. */
static void scale_rows(struct nastl_op *op, size_t share)
{
    const size_t k = members_of(op), width = op->width;
    for (size_t r = 0; r < op->rows; r++)
        nastl_member_scale(op->out + r * width, op->in + (share == k ? r : r / k) * width,
                           op->param[SCALE], op->param[BIAS], r % k, width);
}

static int members_forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    scale_rows(op, 1);
    return 0;
}

static int members_backward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const size_t k = members_of(op), width = op->width;
    clear(op->grad[SCALE], k * width);
    if (op->passes_on)
        clear(op->delta_in, op->rows / k * width);
    for (size_t r = 0; r < op->rows; r++) {
        float *dx = op->passes_on ? op->delta_in + r / k * width : NULL;
        member_row_back(op->grad[SCALE] + r % k * width, dx, op->delta + r * width,
                        op->in + r / k * width, op->param[SCALE] + r % k * width, width);
    }
    return 0;
}

const struct nastl_op_kind nastl_op_members = {
    .forward = members_forward,
    .backward = members_backward,
};

static int scale_forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    scale_rows(op, members_of(op));
    return 0;
}

static int scale_backward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const size_t k = members_of(op), width = op->width;
    clear(op->grad[SCALE], k * width);
    clear(op->grad[BIAS], k * width);
    for (size_t r = 0; r < op->rows; r++) {
        const size_t at = r % k * width;
        scale_row_back(op->grad[SCALE] + at, op->grad[BIAS] ? op->grad[BIAS] + at : NULL,
                       op->delta + r * width, op->in + r * width, op->param[SCALE] + at,
                       width);
    }
    return 0;
}

const struct nastl_op_kind nastl_op_scale = {
    .in_place = true,
    .forward = scale_forward,
    .backward = scale_backward,
};

/* ---- a linear for each member: few outputs, so that products would leave most lanes of
 * a vector idle; member by member, whose weights then stay in the first cache ---- */

void nastl_member_linear(float *y, const float *x, const float *weight, const float *bias,
                         size_t member, size_t inputs, size_t width)
{
    for (size_t h = 0; h < width; h++) {
        const size_t at = member * width + h;
        y[h] = dot(x, weight + at * inputs, inputs) + bias[at];
    }
}

static int linear_forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const size_t k = members_of(op);
    for (size_t m = 0; m < k; m++)
        for (size_t r = m; r < op->rows; r += k)
            nastl_member_linear(op->out + r * op->width, op->in + r * op->inputs,
                                op->param[WEIGHT], op->param[HEAD_BIAS], m, op->inputs,
                                op->width);
    return 0;
}

static void linear_row_backward(struct nastl_op *op, size_t r, size_t member)
{
    const float *x = op->in + r * op->inputs, *dy = op->delta + r * op->width;
    float *dx = op->delta_in + r * op->inputs;
    if (op->passes_on)
        clear(dx, op->inputs);
    for (size_t h = 0; h < op->width; h++) {
        const size_t at = member * op->width + h;
        op->grad[HEAD_BIAS][at] += dy[h];
        add_multiple(op->grad[WEIGHT] + at * op->inputs, x, dy[h], op->inputs);
        if (op->passes_on)
            add_multiple(dx, op->param[WEIGHT] + at * op->inputs, dy[h], op->inputs);
    }
}

static int linear_backward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const size_t k = members_of(op), outputs = k * op->width;
    clear(op->grad[WEIGHT], outputs * op->inputs);
    clear(op->grad[HEAD_BIAS], outputs);
    for (size_t m = 0; m < k; m++)
        for (size_t r = m; r < op->rows; r += k)
            linear_row_backward(op, r, m);
    return 0;
}

const struct nastl_op_kind nastl_op_member_linear = {
    .forward = linear_forward,
    .backward = linear_backward,
};

/* ---- the average: of values, or of probabilities as logits ---- */

/* No probability that a logarithm is taken of is 0. */
static float safe_log(double p)
{
    return (float)log(p > DBL_MIN ? p : DBL_MIN);
}

static void average_values(float *out, const float *x, size_t members, size_t stride,
                           size_t width)
{
    for (size_t c = 0; c < width; c++) {
        double sum = 0.0;
        for (size_t m = 0; m < members; m++)
            sum += (double)x[m * stride + c];
        out[c] = (float)(sum / (double)members);
    }
}

/* log(p / (1 - p)) of the mean p; each from its own sum, so that neither loses digits. */
static void average_binary(float *out, const float *x, size_t members, size_t stride)
{
    double yes = 0.0, no = 0.0;
    for (size_t m = 0; m < members; m++) {
        const double e = exp(-fabs((double)x[m * stride]));
        const bool positive = x[m * stride] > 0.0f;
        yes += (positive ? 1.0 : e) / (1.0 + e);
        no += (positive ? e : 1.0) / (1.0 + e);
    }
    *out = safe_log(yes) - safe_log(no);
}

/* One member's share of the mean of softmax(z). */
static void add_softmax(double *mean, const float *z, size_t width, double share)
{
    double most = (double)z[0], sum = 0.0;
    for (size_t c = 1; c < width; c++)
        most = fmax(most, (double)z[c]);
    for (size_t c = 0; c < width; c++)
        sum += exp((double)z[c] - most);
    for (size_t c = 0; c < width; c++)
        mean[c] += share * exp((double)z[c] - most) / sum;
}

void nastl_average(float *out, const float *x, size_t members, size_t stride,
                   size_t width, bool values, double *work)
{
    if (values) {
        average_values(out, x, members, stride, width);
        return;
    }
    if (width == 1) {
        average_binary(out, x, members, stride);
        return;
    }
    memset(work, 0, width * sizeof *work);
    for (size_t m = 0; m < members; m++)
        add_softmax(work, x + m * stride, width, 1.0 / (double)members);
    for (size_t c = 0; c < width; c++)
        out[c] = safe_log(work[c]);
}

struct average_state {
    double *work; /* (width) */
};

static void average_place(struct nastl_op *op, struct nastl_carver *carver)
{
    struct average_state *state = op->state;
    state->work = nastl_carve(carver, op->width, sizeof *state->work);
}

static int average_forward(struct nastl_op *op, const struct nastl_step *step)
{
    (void)step;
    const struct average_state *state = op->state;
    const size_t k = members_of(op->from);
    for (size_t r = 0; r < op->rows; r++)
        nastl_average(op->out + r * op->width, op->in + r * k * op->width, k, op->width,
                      op->width, op->graph->shape.values, state->work);
    return 0;
}

const struct nastl_op_kind nastl_op_average = {
    .state = sizeof(struct average_state),
    .place = average_place,
    .forward = average_forward,
};
