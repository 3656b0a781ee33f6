/* course.h: the phases of a training, made ready to be stepped through.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_COURSE_H
#define NN_COURSE_H

#include "nn/optim.h"

struct nastl_stage {
    size_t begin; /* epochs before it */
    struct nastl_phase phase;
    struct nastl_group *groups; /* (group_count), owned */
    size_t group_count;
    bool freezes; /* something */
};

struct nastl_course {
    struct nastl_stage *stages; /* (count), owned */
    size_t count;
};

/* `guide` may be NULL, and is borrowed. Finish it whatever is returned. */
int nastl_course_init(struct nastl_course *out, const struct nastl_net *net,
                      const struct nastl_recipe *recipe, const struct nastl_guide *guide,
                      size_t epoch_steps);
void nastl_course_finish(struct nastl_course *course);

/* That of an epoch from 1; 0 has the first one. */
const struct nastl_stage *nastl_course_at(const struct nastl_course *course,
                                          size_t epoch);
/* Epochs before the last one. */
size_t nastl_course_last(const struct nastl_course *course);
/* Factor of the learning rate at a step from 0, counted from the training's begin. */
double nastl_stage_rate(const struct nastl_stage *stage, uint64_t step,
                        size_t epoch_steps);

#endif
