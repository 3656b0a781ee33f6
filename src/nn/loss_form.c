/* loss_form.c: label smoothing (Szegedy et al. 2016), weights of classes and rows, and
 * soft targets (Hinton, Vinyals and Dean 2015, at temperature 1) on top of the plain
 * losses, row by row.
 *
 * With a share s of each label spread over the C classes, t = (1 - s) onehot(y) + s / C:
 *   softmax:  loss + s (o[y] - mean(o));      gradient + s (onehot(y) - 1 / C)
 *   binary:   loss + s o (y - 1/2);           gradient + s (y - 1/2)
 * A row r then counts weight[y] * weight[r] times. A soft target q is that of the same
 * loss with q for the label, weight[r] times; of the softmax, with any label k:
 *   loss(k) + o[k] - sum of q o;             gradient(k) + onehot(k) - q
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/loss_form.h"

#include "base/alloc.h"
#include "base/error.h"
#include "nn/loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_classification(enum nastl_loss loss)
{
    return loss == NASTL_LOSS_CROSS_ENTROPY || loss == NASTL_LOSS_BINARY_CROSS_ENTROPY;
}

static float weight_of(const struct nastl_train_params *params, size_t i)
{
    return params->weights ? params->weights[params->train[i]] : 1.0f;
}

/* N / (C n of the class), as scikit-learn's "balanced": the weights of all rows sum to N.
 * Where rows have weights of their own, n is their sum. A class without rows has no row
 * to weigh. */
static int balance(struct nastl_loss_form *form, const struct nastl_train_params *params,
                   size_t classes)
{
    form->weights = nastl_alloc_zero(classes, sizeof *form->weights);
    if (!form->weights)
        return nastl_error_nomem("class weights");
    for (size_t i = 0; i < params->train_count; i++)
        form->weights[(size_t)params->y[params->train[i]]] += weight_of(params, i);
    size_t present = 0;
    for (size_t c = 0; c < classes; c++)
        present += form->weights[c] > 0.0f;
    const double rows = (double)params->train_count;
    for (size_t c = 0; c < classes; c++)
        if (form->weights[c] > 0.0f)
            form->weights[c] = (float)(rows / ((double)present * form->weights[c]));
    return 0;
}

int nastl_loss_form_init(struct nastl_loss_form *out,
                         const struct nastl_train_params *params, size_t outputs)
{
    *out = (struct nastl_loss_form){.loss = params->loss};
    if (params->guide && params->guide->soft.values) {
        out->share = params->guide->soft.share;
        out->work = nastl_alloc(outputs, sizeof *out->work);
        if (!out->work)
            return nastl_error_nomem("soft targets");
    }
    if (!is_classification(params->loss))
        return 0;
    out->smoothing = params->recipe.label_smoothing;
    return params->recipe.balanced ? balance(out, params, outputs > 1 ? outputs : 2) : 0;
}

void nastl_loss_form_finish(struct nastl_loss_form *form)
{
    free(form->weights);
    free(form->work);
}

static double smooth_classes(float *delta, const float *o, size_t label, size_t classes,
                             double s)
{
    double mean = 0.0;
    for (size_t c = 0; c < classes; c++) {
        mean += (double)o[c] / (double)classes;
        delta[c] -= (float)(s / (double)classes);
    }
    delta[label] += (float)s;
    return s * ((double)o[label] - mean);
}

static double smooth(const struct nastl_loss_form *form, float *delta, const float *o,
                     float y, size_t width)
{
    const double s = form->smoothing;
    if (form->loss == NASTL_LOSS_CROSS_ENTROPY)
        return smooth_classes(delta, o, (size_t)y, width, s);
    delta[0] += (float)s * (y - 0.5f);
    return s * (double)o[0] * ((double)y - 0.5);
}

/* The loss of one row, weighed; its gradient times `share`. */
static double row_gradient(const struct nastl_loss_form *form, float *delta,
                           const float *o, float y, float own, size_t width, float share)
{
    const float weight = own * (form->weights ? form->weights[(size_t)y] : 1.0f);
    double loss = nastl_loss_gradient(form->loss, delta, o, &y, 1, 1, width);
    if (form->smoothing > 0.0)
        loss += smooth(form, delta, o, y, width);
    for (size_t c = 0; c < width; c++)
        delta[c] *= weight * share;
    return (double)weight * loss;
}

/* The loss of one row by its soft target; its gradient goes to `delta`. */
static double soft_gradient(const struct nastl_loss_form *form, float *delta,
                            const float *o, const float *q, size_t width)
{
    const float label = 0.0f;
    if (form->loss != NASTL_LOSS_CROSS_ENTROPY)
        return nastl_loss_gradient(form->loss, delta, o, q, 1, 1, width);
    double loss = nastl_loss_gradient(form->loss, delta, o, &label, 1, 1, width);
    delta[0] += 1.0f;
    for (size_t c = 0; c < width; c++) {
        loss += (double)q[c] * ((double)o[0] - (double)o[c]);
        delta[c] -= q[c];
    }
    return loss;
}

/* delta (width) has the gradient by the label, times `share`; both are mixed. */
static double mix_soft(const struct nastl_loss_form *form, float *delta, double loss,
                       const float *o, const float *q, float own, size_t width,
                       float share)
{
    const double soft = form->share;
    const double by_soft = soft_gradient(form, form->work, o, q, width);
    for (size_t c = 0; c < width; c++)
        delta[c] =
            (float)(1.0 - soft) * delta[c] + (float)soft * own * share * form->work[c];
    return (1.0 - soft) * loss + soft * (double)own * by_soft;
}

double nastl_loss_form_gradient(const struct nastl_loss_form *form, float *delta,
                                const float *outputs, const float *y,
                                const float *weights, const float *soft, size_t count,
                                size_t batch, size_t width)
{
    const bool weighs = form->weights || weights;
    if (form->smoothing <= 0.0 && !weighs && form->share <= 0.0)
        return nastl_loss_gradient(form->loss, delta, outputs, y, count, batch, width);
    const float share = 1.0f / (float)count;
    double total = 0.0;
    for (size_t r = 0; r < count; r++) {
        const float *o = outputs + r * width, *q = soft ? soft + r * width : NULL;
        const float own = weights ? weights[r] : 1.0f;
        double loss = row_gradient(form, delta + r * width, o, y[r], own, width, share);
        if (form->share > 0.0 && !isnan(q[0]))
            loss = mix_soft(form, delta + r * width, loss, o, q, own, width, share);
        total += loss;
    }
    memset(delta + count * width, 0, (batch - count) * width * sizeof *delta);
    return total;
}
