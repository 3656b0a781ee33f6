/* course.c: see course.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/course.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/op.h"

static const struct nastl_phase whole = {.rate = 1.0};

static int init_stage(struct nastl_stage *stage, const struct nastl_net *net,
                      const struct nastl_group_params *params)
{
    const size_t tensors = nastl_net_tensor_count(net);
    for (size_t i = 0; i < tensors && !stage->freezes; i++)
        stage->freezes = nastl_is_frozen(&stage->phase, i);
    return nastl_groups_create(&stage->groups, &stage->group_count, net, params);
}

int nastl_course_init(struct nastl_course *out, const struct nastl_net *net,
                      const struct nastl_recipe *recipe, const struct nastl_guide *guide,
                      size_t epoch_steps)
{
    const bool has_phases = guide && guide->phase_count > 0;
    const size_t count = has_phases ? guide->phase_count : 1;
    struct nastl_group_params params = {
        .recipe = recipe, .guide = guide, .epoch_steps = epoch_steps};
    *out = (struct nastl_course){nastl_alloc_zero(count, sizeof *out->stages), count};
    if (!out->stages)
        return nastl_error_nomem("the phases of a training");
    for (size_t i = 0, epochs = 0; i < count; i++) {
        struct nastl_stage *stage = &out->stages[i];
        stage->phase = has_phases ? guide->phases[i] : whole;
        stage->begin = epochs;
        params.phase = i;
        TRY(init_stage(stage, net, &params));
        epochs += stage->phase.epochs;
    }
    return NASTL_OK;
}

void nastl_course_finish(struct nastl_course *course)
{
    for (size_t i = 0; course->stages && i < course->count; i++)
        free(course->stages[i].groups);
    free(course->stages);
}

const struct nastl_stage *nastl_course_at(const struct nastl_course *course, size_t epoch)
{
    size_t at = 0;
    while (at + 1 < course->count && course->stages[at + 1].begin < epoch)
        at++;
    return &course->stages[at];
}

size_t nastl_course_last(const struct nastl_course *course)
{
    return course->stages[course->count - 1].begin;
}

double nastl_stage_rate(const struct nastl_stage *stage, uint64_t step,
                        size_t epoch_steps)
{
    const double done = (double)step - (double)stage->begin * (double)epoch_steps;
    const double warm = (double)stage->phase.warmup_epochs * (double)epoch_steps;
    return stage->phase.rate * (done < warm ? (done + 1.0) / warm : 1.0);
}
