/* ensemble.c: see ensemble.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "transfer/ensemble.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static const float drawn_share = 0.1f;

static const char members[] = "members.";

/* TabM has a tensor "members.r", which is no member's. */
long nastl_ensemble_member(const char **name)
{
    char *end;
    if (strncmp(*name, members, strlen(members)) != 0)
        return -1;
    const long member = strtol(*name + strlen(members), &end, 10);
    if (end == *name + strlen(members) || *end != '.')
        return -1;
    *name = end + 1;
    return member;
}

static size_t size_of(const struct nastl_tensor *tensor)
{
    return tensor->shape[0] * tensor->shape[1];
}

void nastl_ensemble_start(struct nastl_net *net, const struct nastl_net *one)
{
    for (size_t t = 0; t < nastl_net_tensor_count(net); t++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(net, t);
        const char *name = tensor->name;
        const bool drawn =
            nastl_ensemble_member(&name) > 0 && tensor->trainable && tensor->rank == 2;
        const float share = drawn ? drawn_share : 0.0f;
        const struct nastl_tensor *from = nastl_net_find(one, name);
        for (size_t i = 0; from && i < size_of(tensor); i++)
            tensor->data[i] = from->data[i] + share * tensor->data[i];
    }
}

/* ---- the first alone ---- */

static void copy_first(struct nastl_net *one, const struct nastl_net *net)
{
    for (size_t t = 0; t < nastl_net_tensor_count(net); t++) {
        const struct nastl_tensor *tensor = nastl_net_tensor(net, t);
        const char *name = tensor->name;
        if (nastl_ensemble_member(&name) > 0)
            continue;
        const struct nastl_tensor *to = nastl_net_find(one, name);
        if (to)
            memcpy(to->data, tensor->data, size_of(tensor) * sizeof *tensor->data);
    }
}

int nastl_ensemble_keep_first(struct nastl_model *model)
{
    const struct nastl_shape shape = nastl_model_shape(model->layout);
    struct nastl_graph *graph;
    struct nastl_net *one;
    if (nastl_candidate_number(&model->candidate, "ensemble", 1) < 2)
        return NASTL_OK;
    TRY(nastl_candidate_set(&model->candidate, "ensemble", NULL, 1));
    TRY(nastl_arch_build(&graph, &model->candidate, &shape));
    const int status = nastl_net_create(&one, graph);
    if (status < 0) {
        nastl_graph_destroy(graph);
        return status;
    }
    copy_first(one, model->net);
    nastl_net_destroy(model->net);
    nastl_graph_destroy(model->graph);
    model->graph = graph;
    model->net = one;
    return NASTL_OK;
}
