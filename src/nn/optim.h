/* optim.h: optimisers over flat blocks.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_OPTIM_H
#define NN_OPTIM_H

#include "nn/train.h"

/* Parameters that stand together and are stepped alike. */
struct nastl_group {
    size_t at, count;
    double rate;    /* factor of the learning rate */
    double decay;   /* of the learning rate that decay takes: 0 for those that do not */
    double epsilon; /* factor of Adam's epsilon */
    double pull;    /* of the learning rate that the pull to `towards` takes */
    bool is_frozen; /* is not stepped */
    uint64_t waits; /* steps before its first */
};

/* What decides the groups of a phase. */
struct nastl_group_params {
    const struct nastl_recipe *recipe;
    const struct nastl_guide *guide; /* may be NULL */
    size_t phase;                    /* of the guide's */
    size_t epoch_steps;
};

/* The groups of a network's trainable parameters, in their order: those that decay, those
 * that do not, and what a recipe and a guide make of it. Free with free().
 *
 * A weight w / sqrt(n) of which w is learnt (spec->ntk): Adam's step does not depend on
 * the size of gradients, so that a step of w is one of the product with the learning rate
 * divided by sqrt(n) and epsilon times sqrt(n), and its decay is the same. */
int nastl_groups_create(struct nastl_group **out, size_t *count,
                        const struct nastl_net *net,
                        const struct nastl_group_params *params);

/* One step of AdamW (Loshchilov and Hutter 2019) as PyTorch computes it, step t = 1, 2, …
 * on the parameters of each group. All gradients are first multiplied with `scale`. */
struct nastl_moments {
    float *m, *v;
    const float *towards; /* see nastl_anchor; may be NULL where no group has a pull */
};
void nastl_adamw(float *params, const float *grads, const struct nastl_moments *moments,
                 const struct nastl_group *groups, size_t count,
                 const struct nastl_recipe *recipe, uint64_t t, float scale);

/* A schedule's factor at t, from 0 at the start to 1 at the end. */
double nastl_schedule_at(enum nastl_schedule schedule, double t);

/* The factor of the learning rate at a step from 0, with so many steps an epoch: rises
 * over warmup_epochs, then follows the schedule, which ends at max_epochs. */
double nastl_schedule_factor(const struct nastl_recipe *recipe, uint64_t step,
                             size_t epoch_steps);

/* How long a whole course of the schedule is that has as much of the learning rate,
 * summed over its epochs, as the first `epochs` of one over max_epochs: at least 1. */
size_t nastl_schedule_match(const struct nastl_recipe *recipe, size_t epochs);

/* The factor that brings the norm of the gradient down to `clip` (0: 1). */
float nastl_clip_scale(const float *grads, size_t n, double clip);

#endif
