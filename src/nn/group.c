/* group.c: which parameters of a network are stepped alike.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/optim.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/net_impl.h"

static double or_one(double factor)
{
    return factor > 0.0 ? factor : 1.0;
}

static bool is_embedding(enum nastl_role role)
{
    return role == NASTL_ROLE_NUMERIC || role == NASTL_ROLE_FREQUENCY ||
           role == NASTL_ROLE_PHASE;
}

static double rate_of(enum nastl_role role, const struct nastl_recipe *recipe)
{
    if (role == NASTL_ROLE_BIAS || role == NASTL_ROLE_SHIFT)
        return or_one(recipe->bias_rate);
    if (role == NASTL_ROLE_FRONT)
        return or_one(recipe->front_rate);
    if (role == NASTL_ROLE_SHARE)
        return or_one(recipe->share_rate);
    return is_embedding(role) ? or_one(recipe->embedding_rate) : 1.0;
}

static bool decays(enum nastl_role role, const struct nastl_recipe *recipe)
{
    return nastl_role_decays(role) ||
           (recipe->decays_all && (is_embedding(role) || role == NASTL_ROLE_EMBEDDING ||
                                   role == NASTL_ROLE_FRONT || role == NASTL_ROLE_SHARE));
}

/* What a phase multiplies a tensor's learning rate with; what all phases do is left to
 * the step. */
static double factor_in(const struct nastl_phase *phase, size_t tensor)
{
    if (phase->rate == 0.0)
        return 0.0;
    return phase->rates ? phase->rates[tensor] : 1.0;
}

static size_t frozen_epochs(const struct nastl_guide *guide, size_t tensor)
{
    size_t epochs = 0;
    for (size_t i = 0; i + 1 < guide->phase_count; i++) {
        if (factor_in(&guide->phases[i], tensor) > 0.0)
            break;
        epochs += guide->phases[i].epochs;
    }
    return epochs;
}

/* What a guide makes of a group that has only this tensor. */
static void apply_guide(struct nastl_group *group,
                        const struct nastl_group_params *params, size_t tensor,
                        double rate)
{
    const struct nastl_guide *guide = params->guide;
    double factor = 1.0;
    if (guide->phase_count > 0) {
        factor = factor_in(&guide->phases[params->phase], tensor);
        group->waits = (uint64_t)frozen_epochs(guide, tensor) * params->epoch_steps;
    }
    group->is_frozen = factor == 0.0;
    group->rate *= factor;
    group->decay *= factor;
    if (guide->anchor.towards && guide->anchor.pull[tensor] > 0.0) {
        group->pull = factor * rate * guide->anchor.pull[tensor];
        group->decay = 0.0;
    }
}

static struct nastl_group group_of(const struct nastl_tensor_spec *spec, size_t tensor,
                                   const struct nastl_group_params *params)
{
    const double rate = rate_of(spec->role, params->recipe);
    const double root = spec->ntk ? sqrt((double)spec->fan_in) : 1.0;
    struct nastl_group group = {.rate = rate / root,
                                .decay = decays(spec->role, params->recipe) ? rate : 0.0,
                                .epsilon = root};
    if (params->guide)
        apply_guide(&group, params, tensor, rate);
    return group;
}

/* The tensor of the block that begins at `at`; there is one, but where it is empty more
 * than one may begin there. */
static size_t tensor_at(const struct nastl_net *net, size_t at)
{
    for (size_t i = 0; i < net->graph->tensor_count; i++)
        if (net->at[i] == at && nastl_tensor_size(&net->graph->tensors[i]) > 0)
            return i;
    return SIZE_MAX;
}

/* With the gap up to the next cache line. */
static size_t room_of(const struct nastl_tensor_spec *spec)
{
    const size_t line = NASTL_ALIGN / sizeof(float);
    return (nastl_tensor_size(spec) + line - 1) / line * line;
}

static bool are_alike(const struct nastl_group *a, const struct nastl_group *b)
{
    return a->rate == b->rate && a->decay == b->decay && a->epsilon == b->epsilon &&
           a->pull == b->pull && a->is_frozen == b->is_frozen && a->waits == b->waits;
}

int nastl_groups_create(struct nastl_group **out, size_t *count,
                        const struct nastl_net *net,
                        const struct nastl_group_params *params)
{
    struct nastl_group *groups = nastl_alloc(net->graph->tensor_count, sizeof *groups);
    if (!groups)
        return nastl_error_nomem("groups of parameters");
    *count = 0;
    for (size_t at = 0; at < net->trainable;) {
        const size_t i = tensor_at(net, at);
        struct nastl_group next = group_of(&net->graph->tensors[i], i, params);
        next.at = at;
        next.count = room_of(&net->graph->tensors[i]);
        at += next.count;
        if (*count > 0 && are_alike(&groups[*count - 1], &next))
            groups[*count - 1].count += next.count;
        else
            groups[(*count)++] = next;
    }
    *out = groups;
    return NASTL_OK;
}
