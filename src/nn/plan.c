/* plan.c: from a graph to a list of operators over one workspace.
 * SPDX-License-Identifier: Apache-2.0 */
#include "nn/op.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/kernel.h"

static const struct nastl_op_kind *const kinds[] = {
    &nastl_op_input,      &nastl_op_linear,        &nastl_op_layer_norm,
    &nastl_op_batch_norm, &nastl_op_activation,    &nastl_op_activation,
    &nastl_op_piecewise,  &nastl_op_wave,          &nastl_op_wave,
    &nastl_op_add,        &nastl_op_tokens,        &nastl_op_attention,
    &nastl_op_reglu,      &nastl_op_first,         &nastl_op_members,
    &nastl_op_scale,      &nastl_op_member_linear, &nastl_op_stack,
    &nastl_op_average,
};
_Static_assert(sizeof kinds / sizeof *kinds == NASTL_NODE_COUNT, "one a kind of node");

void *nastl_carve(struct nastl_carver *carver, size_t count, size_t size)
{
    void *piece = carver->base ? carver->base + carver->used : NULL;
    const size_t bytes = count * size;
    carver->used += (bytes + NASTL_ALIGN - 1) / NASTL_ALIGN * NASTL_ALIGN;
    return piece;
}

/* ---- lowering: nodes to operators ---- */

static bool is_dropout(const struct nastl_graph *graph, size_t at, size_t from)
{
    return at < graph->node_count && graph->nodes[at].kind == NASTL_NODE_DROPOUT &&
           graph->nodes[at].from == from;
}

/* Whether nobody else reads what the node reads; a dropout may have been left out. */
static bool reads_alone(const struct nastl_graph *graph, size_t at)
{
    const size_t from = graph->nodes[at].from;
    return nastl_graph_readers(graph, from) == 1 &&
           (graph->nodes[from].kind != NASTL_NODE_DROPOUT || reads_alone(graph, from));
}

/* Whether an operator can do a dropout of its own output. */
static bool drops_out(const struct nastl_op *op)
{
    return op->node->kind == NASTL_NODE_ACTIVATION || op->node->kind == NASTL_NODE_REGLU;
}

static bool is_held(const struct nastl_plan *plan, size_t node)
{
    for (size_t i = 0; plan->hold && i < plan->hold->count; i++)
        if (plan->hold->nodes[i] == node)
            return true;
    return false;
}

/* Whether the operator `from` can do the work of the node too. A ReLU with a dropout
 * after it stays apart: that one pass does both. What is held must be there as it is. */
static bool fuses(const struct nastl_plan *plan, const struct nastl_op *from, size_t at)
{
    const struct nastl_graph *graph = plan->graph;
    const struct nastl_node *node = &graph->nodes[at];
    const bool training = plan->grads.data != NULL;
    if (node->kind == NASTL_NODE_AVERAGE)
        return training; /* left out: the loss sees every member */
    if (is_held(plan, node->from) &&
        !(node->kind == NASTL_NODE_DROPOUT && node->rate == 0.0))
        return false;
    if (node->kind == NASTL_NODE_DROPOUT)
        return !training || node->rate == 0.0 ||
               (drops_out(from) && from->rate == 0.0 && reads_alone(graph, at));
    return node->kind == NASTL_NODE_ACTIVATION &&
           node->activation == NASTL_ACTIVATION_RELU && node->tensor_count == 0 &&
           from->node->kind == NASTL_NODE_LINEAR && from->node->tensor_count == 2 &&
           from->activation == NASTL_NO_ACTIVATION && reads_alone(graph, at) &&
           !(training && is_dropout(graph, at + 1, at));
}

static void fuse(struct nastl_op *from, const struct nastl_node *node)
{
    if (node->kind == NASTL_NODE_ACTIVATION)
        from->activation = (int)node->activation;
    else if (node->kind == NASTL_NODE_DROPOUT && drops_out(from))
        from->rate = node->rate;
}

static void init_op(struct nastl_op *op, const struct nastl_plan *plan,
                    const struct nastl_node *node, struct nastl_op *from)
{
    *op = (struct nastl_op){
        .kind = kinds[node->kind],
        .graph = plan->graph,
        .node = node,
        .from = from,
        .training = plan->grads.data != NULL,
        .rows = plan->batch * node->rows,
        .inputs = from ? from->width : 0,
        .width = node->width,
        .activation = NASTL_NO_ACTIVATION,
        .rate = node->rate,
    };
    if (node->kind == NASTL_NODE_ACTIVATION)
        op->activation = (int)node->activation;
}

static void attach_tensors(struct nastl_op *op, const struct nastl_plan *plan)
{
    if (op->node->kind == NASTL_NODE_INPUT)
        return; /* it looks its tables up by the encodings */
    for (size_t i = 0; i < op->node->tensor_count; i++) {
        const size_t tensor = op->node->tensor + i;
        op->param[i] = plan->params.data + plan->params.at[tensor];
        if (op->training && nastl_role_trainable(plan->graph->tensors[tensor].role))
            op->grad[i] = plan->grads.data + plan->grads.at[tensor];
    }
}

/* by_node (nodes): the operator that gives the output of each node. */
static int lower(struct nastl_plan *plan, struct nastl_op **by_node)
{
    for (size_t i = 0; i < plan->graph->node_count; i++) {
        const struct nastl_node *node = &plan->graph->nodes[i];
        struct nastl_op *from = i ? by_node[node->from] : NULL;
        if (from && fuses(plan, from, i)) {
            fuse(from, node);
            by_node[i] = from;
            continue;
        }
        struct nastl_op *op = &plan->ops[plan->count];
        init_op(op, plan, node, from);
        attach_tensors(op, plan);
        op->state = nastl_alloc_zero(1, op->kind->state);
        if (!op->state)
            return nastl_error_nomem("an operator");
        if (from)
            from->readers++;
        if (nastl_node_reads_two(node->kind)) {
            op->other = by_node[node->other];
            op->other->readers++;
        }
        plan->count++;
        by_node[i] = op;
    }
    return 0;
}

static void mark_held(struct nastl_plan *plan, struct nastl_op *const *by_node)
{
    for (size_t i = 0; plan->hold && i < plan->hold->count; i++) {
        assert(by_node[plan->hold->nodes[i]]->from);
        by_node[plan->hold->nodes[i]]->is_held = true;
    }
}

/* An activation sums the bias gradient of the linear before it in its own pass. */
static void couple_bias(struct nastl_plan *plan)
{
    for (size_t i = 1; i < plan->count; i++) {
        struct nastl_op *op = &plan->ops[i];
        if (op->kind != &nastl_op_activation || op->from->kind != &nastl_op_linear ||
            op->from->readers > 1)
            continue;
        op->bias_grad = op->from->grad[1];
        op->from->bias_done = true;
    }
}

/* Of two linear operators in a row the second makes the delta that it passes on 0 where
 * the ReLU of the first was. */
static void couple_masks(struct nastl_plan *plan)
{
    for (size_t i = 1; i < plan->count; i++) {
        struct nastl_op *op = &plan->ops[i];
        op->masks_in = op->kind == &nastl_op_linear &&
                       op->from->kind == &nastl_op_linear && op->from->readers == 1 &&
                       op->from->activation == NASTL_ACTIVATION_RELU;
        if (op->masks_in)
            op->from->masked = true;
    }
}

/* The first column of the input that comes from a table, the width if there is none: only
 * from there on is a gradient of the input wanted, and only a linear can leave the
 * columns before it out. */
static size_t first_embedded(const struct nastl_graph *graph)
{
    size_t first = graph->nodes[0].width;
    for (size_t k = 0; k < graph->shape.categorical; k++)
        if (graph->encodings[k].embedded && graph->encodings[k].at < first)
            first = graph->encodings[k].at;
    return first;
}

static void decide_passing(struct nastl_plan *plan)
{
    const size_t embedded = first_embedded(plan->graph);
    struct nastl_op *input = &plan->ops[0];
    for (size_t i = 1; i < plan->count; i++) {
        struct nastl_op *op = &plan->ops[i];
        op->passes_on = op->from != input || embedded < input->width;
        if (op->from == input && op->kind == &nastl_op_linear && input->readers == 1)
            op->grad_from = input->grad_from = embedded;
    }
}

static void number_noise(struct nastl_plan *plan)
{
    uint64_t block = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct nastl_op *op = &plan->ops[i];
        const size_t tiles = op->rows * op->width / NASTL_NOISE_TILE + 1;
        plan->ops[i].noise_block = block;
        if (op->rate > 0.0)
            block += op->noise_blocks ? op->noise_blocks : tiles * NASTL_NOISE_BLOCKS;
    }
    plan->noise_blocks = block;
}

struct nastl_rng nastl_op_noise(const struct nastl_op *op, const struct nastl_step *step,
                                uint64_t offset)
{
    struct nastl_rng rng;
    nastl_rng_init(&rng, step->seed, step->trial, NASTL_RNG_DROPOUT);
    nastl_rng_seek(&rng, (step->index << 32) + step->noise + op->noise_block + offset);
    return rng;
}

uint32_t nastl_op_drop(const struct nastl_op *op, const struct nastl_step *step)
{
    return op->training ? (uint32_t)(op->rate * (1.0 - step->spared) * 65536.0 + 0.5) : 0;
}

/* ---- placing: blocks in the workspace ---- */

static size_t most_numbers(const struct nastl_plan *plan)
{
    size_t most = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const size_t numbers = plan->ops[i].rows * plan->ops[i].width;
        most = numbers > most ? numbers : most;
    }
    return most;
}

/* Between an operator and the next, which alone reads it, a delta is needed no longer
 * than until that has run: two blocks in turn do. */
static bool owns_delta(const struct nastl_plan *plan, size_t at)
{
    return at + 1 < plan->count &&
           (plan->ops[at].readers != 1 || plan->ops[at + 1].from != &plan->ops[at]);
}

static enum nastl_merge merge_into(struct nastl_op *read)
{
    const enum nastl_merge merge = read->reached ? NASTL_MERGE_ADD : NASTL_MERGE_COPY;
    read->reached = true;
    return merge;
}

/* Where the delta of what the operator reads is written, and how it gets there. */
static void place_delta_in(struct nastl_op *op, float *spare)
{
    struct nastl_op *from = op->from;
    op->merge = NASTL_MERGE_NONE;
    op->delta_in = op->kind->in_place ? op->delta : spare;
    if (!from->owns_delta) {
        from->delta = op->delta_in;
    } else if (!op->kind->in_place && !from->reached) {
        op->delta_in = from->delta;
        from->reached = true;
    } else if (op->passes_on) {
        op->merge = merge_into(from);
    }
}

static void place_deltas(struct nastl_plan *plan, struct nastl_carver *carver)
{
    float *block[2];
    const size_t most = most_numbers(plan);
    for (int i = 0; i < 2; i++)
        block[i] = nastl_carve(carver, most, sizeof(float));
    for (size_t i = 0; i < plan->count; i++) {
        struct nastl_op *op = &plan->ops[i];
        op->reached = false;
        op->owns_delta = owns_delta(plan, i);
        op->delta = op->owns_delta
                        ? nastl_carve(carver, op->rows * op->width, sizeof(float))
                        : block[0];
    }
    for (size_t i = plan->count; i-- > 1;) {
        struct nastl_op *op = &plan->ops[i];
        if (op->other)
            op->merge_other = merge_into(op->other);
        place_delta_in(op, op->delta == block[0] ? block[1] : block[0]);
    }
    plan->output_delta = plan->ops[plan->count - 1].delta;
}

/* Deployed, what follows the linear operators works in place, where nobody else reads
 * what it reads. */
static bool works_in_place(const struct nastl_op *op)
{
    return op->kind->in_place && !op->training && op->from && op->from->readers == 1;
}

static void place(struct nastl_plan *plan, struct nastl_carver *carver)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct nastl_op *op = &plan->ops[i];
        op->in = op->from ? op->from->out : NULL;
        op->out = works_in_place(op)
                      ? op->from->out
                      : nastl_carve(carver, op->rows * op->width, sizeof(float));
        if (op->kind->place)
            op->kind->place(op, carver);
    }
    plan->output = plan->ops[plan->count - 1].out;
    plan->members = plan->ops[plan->count - 1].rows / plan->batch;
    if (plan->grads.data)
        place_deltas(plan, carver);
}

static int allocate(struct nastl_plan *plan)
{
    struct nastl_carver carver = {0};
    place(plan, &carver);
    nastl_carve(&carver, plan->scratch_bytes, 1);
    plan->workspace = nastl_alloc_aligned(carver.used, 1);
    if (!plan->workspace)
        return nastl_error_nomem("the workspace of a network");
    carver = (struct nastl_carver){.base = plan->workspace};
    place(plan, &carver);
    void *scratch = nastl_carve(&carver, plan->scratch_bytes, 1);
    for (size_t i = 0; i < plan->count; i++)
        if (plan->ops[i].kind->bind)
            TRY(plan->ops[i].kind->bind(&plan->ops[i], scratch));
    return 0;
}

/* ---- the plan ---- */

static int build(struct nastl_plan *plan, struct nastl_op **by_node)
{
    TRY(lower(plan, by_node));
    mark_held(plan, by_node);
    if (plan->grads.data) {
        couple_bias(plan);
        couple_masks(plan);
    }
    decide_passing(plan);
    for (size_t i = 0; i < plan->count; i++)
        if (plan->ops[i].kind->create)
            TRY(plan->ops[i].kind->create(&plan->ops[i], plan));
    number_noise(plan);
    return allocate(plan);
}

int nastl_plan_create_holding(struct nastl_plan **out, const struct nastl_graph *graph,
                              struct nastl_dnnl *dnnl, size_t batch,
                              const struct nastl_block *params,
                              const struct nastl_block *grads,
                              const struct nastl_hold *hold)
{
    struct nastl_plan *plan = nastl_alloc_zero(1, sizeof *plan);
    if (!plan)
        return nastl_error_nomem("a plan");
    *plan = (struct nastl_plan){
        .graph = graph, .dnnl = dnnl, .batch = batch, .params = *params, .hold = hold};
    if (grads)
        plan->grads = *grads;
    plan->ops = nastl_alloc_zero(graph->node_count, sizeof *plan->ops);
    struct nastl_op **by_node = nastl_alloc_zero(graph->node_count, sizeof(*by_node));
    const int status =
        plan->ops && by_node ? build(plan, by_node) : nastl_error_nomem("a plan");
    free(by_node);
    if (status < 0) {
        nastl_plan_destroy(plan);
        return status;
    }
    *out = plan;
    return 0;
}

int nastl_plan_create(struct nastl_plan **out, const struct nastl_graph *graph,
                      struct nastl_dnnl *dnnl, size_t batch,
                      const struct nastl_block *params, const struct nastl_block *grads)
{
    return nastl_plan_create_holding(out, graph, dnnl, batch, params, grads, NULL);
}

void nastl_plan_destroy(struct nastl_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->ops[i].kind->destroy)
            plan->ops[i].kind->destroy(&plan->ops[i]);
        free(plan->ops[i].state);
    }
    free(plan->ops);
    free(plan->workspace);
    free(plan);
}

/* ---- freezing ---- */

bool nastl_is_frozen(const struct nastl_phase *phase, size_t tensor)
{
    return phase->rate == 0.0 || (phase->rates && phase->rates[tensor] == 0.0);
}

static bool learns(const struct nastl_graph *graph, const struct nastl_phase *phase,
                   size_t tensor)
{
    return nastl_role_trainable(graph->tensors[tensor].role) &&
           !nastl_is_frozen(phase, tensor);
}

/* Whether something of the operator learns; tables count for the input. */
static bool op_learns(const struct nastl_op *op, const struct nastl_phase *phase)
{
    const struct nastl_graph *graph = op->graph;
    bool any = false;
    for (size_t i = 0; i < op->node->tensor_count && op->from; i++)
        any = any || learns(graph, phase, op->node->tensor + i);
    for (size_t k = 0; k < graph->shape.categorical && !op->from; k++)
        any = any || (graph->encodings[k].embedded &&
                      learns(graph, phase, graph->encodings[k].tensor));
    return any;
}

void nastl_plan_freeze(struct nastl_plan *plan, const struct nastl_phase *phase)
{
    plan->first = plan->count;
    for (size_t i = plan->count; i-- > 0;) {
        const bool any = op_learns(&plan->ops[i], phase);
        plan->ops[i].is_frozen = !any;
        plan->first = any ? i : plan->first;
    }
}

/* ---- running ---- */

int nastl_plan_forward(struct nastl_plan *plan, const struct nastl_step *step)
{
    for (size_t i = 0; i < plan->count; i++)
        TRY(plan->ops[i].kind->forward(&plan->ops[i], step));
    return 0;
}

static void merge(enum nastl_merge how, const struct nastl_op *read, const float *share)
{
    const size_t n = read->rows * read->width;
    if (how == NASTL_MERGE_COPY)
        memcpy(read->delta, share, n * sizeof *share);
    else if (how == NASTL_MERGE_ADD)
        nastl_add(read->delta, read->delta, share, n);
}

int nastl_plan_backward(struct nastl_plan *plan, const struct nastl_step *step)
{
    plan->hold_loss = 0.0;
    for (size_t i = plan->count; i-- > plan->first;) {
        struct nastl_op *op = &plan->ops[i];
        if (op->is_held)
            plan->hold_loss += nastl_hold_add(op, step, plan->hold);
        if (op->other && !op->kind->splits)
            merge(op->merge_other, op->other, op->delta);
        TRY(op->kind->backward(op, step));
        if (op->from)
            merge(op->merge, op->from, op->delta_in);
    }
    return 0;
}
