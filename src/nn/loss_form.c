/* loss_form.c: label smoothing (Szegedy et al. 2016) and weights of classes and rows on
 * top of the plain losses, row by row.
 *
 * With a share s of each label spread over the C classes, t = (1 - s) onehot(y) + s / C:
 *   softmax:  loss + s (o[y] - mean(o));      gradient + s (onehot(y) - 1 / C)
 *   binary:   loss + s o (y - 1/2);           gradient + s (y - 1/2)
 * A row r then counts weight[y] * weight[r] times.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/loss_form.h"

#include "base/alloc.h"
#include "base/error.h"
#include "nn/loss.h"

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
    if (!is_classification(params->loss))
        return 0;
    out->smoothing = params->recipe.label_smoothing;
    return params->recipe.balanced ? balance(out, params, outputs > 1 ? outputs : 2) : 0;
}

void nastl_loss_form_finish(struct nastl_loss_form *form)
{
    free(form->weights);
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

double nastl_loss_form_gradient(const struct nastl_loss_form *form, float *delta,
                                const float *outputs, const float *y,
                                const float *weights, size_t count, size_t batch,
                                size_t width)
{
    if (form->smoothing <= 0.0 && !form->weights && !weights)
        return nastl_loss_gradient(form->loss, delta, outputs, y, count, batch, width);
    const float share = 1.0f / (float)count;
    double total = 0.0;
    for (size_t r = 0; r < count; r++)
        total += row_gradient(form, delta + r * width, outputs + r * width, y[r],
                              weights ? weights[r] : 1.0f, width, share);
    memset(delta + count * width, 0, (batch - count) * width * sizeof *delta);
    return total;
}
