/* teacher.h: what a source network says of target rows.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSFER_TEACHER_H
#define TRANSFER_TEACHER_H

#include "transfer/strategy.h"

/* soft (rows, outputs of the lesson's network): the source network's predictions as soft
 * targets. The rows go into it column by column as they match (match.h); what it has and
 * the target has not is missing or unseen.
 *
 * Classes go by their names: a row has the probabilities of those that both know, as if
 * there were no others; none (NaN) where the source does not know the row's own class.
 * A value is what the source's standardised output means on the target's scale, as after
 * a warm start. NASTL_EINVAL: another task, or no class that both know. */
int nastl_teacher_targets(float *soft, const struct nastl_lesson *lesson);

#endif
