/* members.c: an ensemble cut to its first members. Each has its own loss in training
 * (TabM, Gorishniy et al. 2024), so that any of them are an ensemble, too.
 *
 *   head.weight (k outputs, inputs)   | member 0 | member 1 | … | member k - 1 |
 *                                     '---- kept -----'
 *
 * What members have of their own stands member by member in its tensor, and all else is
 * the same for k and for fewer: every tensor of the smaller network is the beginning of
 * that of the larger one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/model.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

/* The smaller network, before it takes the place of the other. */
struct smaller {
    struct nastl_candidate candidate;
    struct nastl_graph *graph;
    struct nastl_net *net;
};

static void finish(struct smaller *smaller)
{
    nastl_net_destroy(smaller->net);
    nastl_graph_destroy(smaller->graph);
    nastl_candidate_finish(&smaller->candidate);
}

static int check_members(const struct nastl_model *model, size_t members)
{
    const struct nastl_family *family = nastl_family_find(model->graph->family);
    const size_t most = nastl_graph_member_count(model->graph);
    if (!family->members_key)
        return nastl_error(NASTL_EINVAL,
                           "members: a model of the family '%s' has none; leave it whole",
                           family->name);
    if (members < 1 || members > most)
        return nastl_error(
            NASTL_EINVAL, "members: %zu of the model's %zu cannot be kept; give 1 to %zu",
            members, most, most);
    return 0;
}

static void copy_tensors(struct nastl_net *to, const struct nastl_net *from)
{
    assert(nastl_net_tensor_count(to) == nastl_net_tensor_count(from));
    for (size_t i = 0; i < nastl_net_tensor_count(to); i++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(to, i);
        memcpy(tensor->data, nastl_net_tensor(from, i)->data,
               tensor->shape[0] * tensor->shape[1] * sizeof *tensor->data);
    }
}

static int build(struct smaller *out, const struct nastl_model *model, size_t members)
{
    const struct nastl_shape shape = nastl_model_shape(model->layout);
    const struct nastl_family *family = nastl_family_find(model->graph->family);
    TRY(nastl_candidate_copy(&out->candidate, &model->candidate));
    TRY(nastl_candidate_set(&out->candidate, family->members_key, NULL, (double)members));
    TRY(nastl_arch_build(&out->graph, &out->candidate, &shape));
    return nastl_net_create(&out->net, out->graph);
}

int nastl_model_keep_members(struct nastl_model *model, size_t members)
{
    struct smaller smaller = {0};
    TRY(check_members(model, members));
    nastl_candidate_init(&smaller.candidate);
    const int status = build(&smaller, model, members);
    if (status < 0) {
        finish(&smaller);
        return status;
    }
    copy_tensors(smaller.net, model->net);
    struct smaller whole = {model->candidate, model->graph, model->net};
    model->candidate = smaller.candidate;
    model->graph = smaller.graph;
    model->net = smaller.net;
    finish(&whole);
    return 0;
}
