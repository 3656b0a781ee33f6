/* members.c: an ensemble cut to its first members: those of a TabM (Gorishniy et al.
 * 2024), or several networks side by side. Each has its own loss in training, so that any
 * of them are an ensemble, too.
 *
 *   head.weight (k outputs, inputs)   | member 0 | member 1 | … | member k - 1 |
 *                                     '---- kept -----'
 *
 * What members of a TabM have of their own stands member by member in its tensor, and all
 * else is the same for k and for fewer: every tensor of the smaller network is the
 * beginning of that of the larger one. SPDX-License-Identifier: Apache-2.0 */
#include "nn/model.h"

#include <stdio.h>
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

/* The key of the candidate that says how many there are, and how many; NULL: none. Of
 * several TabMs side by side, each keeps its first members. */
static const char *members_key(size_t *most, const struct nastl_model *model)
{
    const char *key = nastl_family_find(model->graph->family)->members_key;
    *most = key ? nastl_graph_member_count(model->graph)
                : (size_t)nastl_candidate_number(&model->candidate, "ensemble", 1.0);
    return key ? key : *most > 1 ? "ensemble" : NULL;
}

static int check_members(const struct nastl_model *model, size_t members)
{
    size_t most;
    if (!members_key(&most, model))
        return nastl_error(NASTL_EINVAL,
                           "members: a model of the family '%s' has none; leave it whole",
                           model->graph->family);
    if (members < 1 || members > most)
        return nastl_error(
            NASTL_EINVAL, "members: %zu of the model's %zu cannot be kept; give 1 to %zu",
            members, most, most);
    return 0;
}

/* Of several networks, the tensors of the first are "members.0.NAME", where one alone has
 * "NAME". */
static const struct nastl_tensor *find(const struct nastl_net *net, const char *name)
{
    char first[128];
    const struct nastl_tensor *tensor = nastl_net_find(net, name);
    if (tensor)
        return tensor;
    snprintf(first, sizeof first, "members.0.%s", name);
    return nastl_net_find(net, first);
}

static void copy_tensors(struct nastl_net *to, const struct nastl_net *from)
{
    for (size_t i = 0; i < nastl_net_tensor_count(to); i++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(to, i);
        memcpy(tensor->data, find(from, tensor->name)->data,
               tensor->shape[0] * tensor->shape[1] * sizeof *tensor->data);
    }
}

static int build(struct smaller *out, const struct nastl_model *model, size_t members)
{
    const struct nastl_shape shape = nastl_model_shape(model->layout);
    size_t most;
    const char *key = members_key(&most, model);
    TRY(nastl_candidate_copy(&out->candidate, &model->candidate));
    TRY(nastl_candidate_set(&out->candidate, key, NULL, (double)members));
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
