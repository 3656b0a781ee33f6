/* loss_form.h: a loss that departs from its plain form: labels smoothed, rows weighted,
 * soft targets beside the labels.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_LOSS_FORM_H
#define NN_LOSS_FORM_H

#include "nn/train.h"

/* Zero but for `loss`: the plain form. */
struct nastl_loss_form {
    enum nastl_loss loss;
    double smoothing; /* of classes: this share of a label goes to all of them alike */
    float *weights;   /* (classes), owned: how much a row of a class counts; NULL: 1 */
    double share;     /* of soft targets; the others are no part of them */
    float *work;      /* (outputs), owned; NULL without soft targets */
};

/* The form that a recipe asks for; "balanced" weighs with the labels of these rows, each
 * as often as params->weights has it count.
 * Finish it whatever is returned. `outputs` as of the network. */
int nastl_loss_form_init(struct nastl_loss_form *out,
                         const struct nastl_train_params *params, size_t outputs);
void nastl_loss_form_finish(struct nastl_loss_form *form);

/* As nastl_loss_gradient(), whose bits it gives for the plain form. `weights` (count):
 * how much each row counts, times its class's; NULL: 1. The mean divides by the number of
 * rows, whatever they weigh. soft (count, width): as nastl_soft_targets has them, row by
 * row beside y; NULL where the form has no share. */
double nastl_loss_form_gradient(const struct nastl_loss_form *form, float *delta,
                                const float *outputs, const float *y,
                                const float *weights, const float *soft, size_t count,
                                size_t batch, size_t width);

#endif
