/* strategy.c: see strategy.h. Where each strategy comes from stands above what it does.
 *
 * Phases are counted in epochs from the first, and those before the last take at most
 * half of training.max_epochs. A training for a number of epochs that others have found
 * (a refit) has them at the same epochs: of the epochs that were found to be best, as
 * many are the head's as there were. SPDX-License-Identifier: Apache-2.0 */
#include "transfer/strategy.h"

#include "base/error.h"
#include "transfer/ensemble.h"
#include "transfer/teacher.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- layers ------------------------------------------------------------------------ */

static const char blocks[] = "blocks.", norm_of_head[] = "head.norm.", head[] = "head.";

static bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

static const char *bare_name(const struct nastl_graph *graph, size_t tensor)
{
    const char *name = graph->tensors[tensor].name;
    nastl_ensemble_member(&name);
    return name;
}

/* 0 where it belongs to none, else 1 more than its number. */
static size_t block_of(const char *name)
{
    return begins(name, blocks) ? strtoul(name + strlen(blocks), NULL, 10) + 1 : 0;
}

size_t nastl_layer_distances(size_t *distance, const struct nastl_graph *graph)
{
    size_t count = 0;
    for (size_t t = 0; t < graph->tensor_count; t++) {
        const size_t block = block_of(bare_name(graph, t));
        count = block > count ? block : count;
    }
    for (size_t t = 0; t < graph->tensor_count; t++) {
        const char *name = bare_name(graph, t);
        distance[t] = count + 1 - block_of(name);
        if (begins(name, head))
            distance[t] = begins(name, norm_of_head) ? 1 : 0;
    }
    return count + 1;
}

static int distances_of(size_t **out, size_t *farthest, struct nastl_guidance *guidance,
                        const struct nastl_graph *graph)
{
    *out = nastl_arena_alloc(&guidance->memory, graph->tensor_count, sizeof **out);
    if (!*out)
        return nastl_error_nomem("layers");
    *farthest = nastl_layer_distances(*out, graph);
    return NASTL_OK;
}

/* ---- phases ------------------------------------------------------------------------ */

/* `rates` (tensors) of a phase. */
static int add_rates(double **rates, struct nastl_guidance *out, size_t tensors)
{
    *rates = nastl_arena_alloc(&out->memory, tensors, sizeof **rates);
    return *rates ? NASTL_OK : nastl_error_nomem("learning rates");
}

static int add_phases(struct nastl_phase **phases, struct nastl_guidance *out,
                      size_t count)
{
    *phases = nastl_arena_alloc(&out->memory, count, sizeof **phases);
    out->guide.phases = *phases;
    out->guide.phase_count = count;
    return *phases ? NASTL_OK : nastl_error_nomem("phases of a training");
}

/* The phase trains what is at most so far from the outputs. */
static int train_up_to(struct nastl_phase *phase, struct nastl_guidance *out,
                       const size_t *distance, size_t tensors, size_t farthest)
{
    double *rates;
    TRY(add_rates(&rates, out, tensors));
    for (size_t t = 0; t < tensors; t++)
        rates[t] = distance[t] <= farthest ? 1.0 : 0.0;
    *phase = (struct nastl_phase){.epochs = phase->epochs, .rate = 1.0, .rates = rates};
    return NASTL_OK;
}

/* Of each phase before the last. */
static size_t phase_epochs(const struct nastl_candidate *candidate, size_t before_last)
{
    const double most = nastl_candidate_number(candidate, "training.max_epochs", 100);
    const double asked = nastl_candidate_number(candidate, "transfer.head_epochs", 10);
    return (size_t)fmin(asked, floor(most / 2 / (double)before_last));
}

/* Head first, then all (Levin et al. 2023, "Transfer Learning with Deep Tabular Models"):
 * the new head does not drag features along while it is still wrong. As there, all layers
 * then learn at a tenth of the rate, after five epochs in which it rises. */
static int guide_head_first(struct nastl_guidance *out, const struct nastl_lesson *lesson)
{
    const struct nastl_graph *graph = nastl_net_graph(lesson->net);
    struct nastl_phase *phases;
    size_t *distance, farthest = 0;
    TRY(distances_of(&distance, &farthest, out, graph));
    TRY(add_phases(&phases, out, 2));
    phases[0].epochs = phase_epochs(lesson->candidate, 1);
    phases[1] = (struct nastl_phase){.warmup_epochs = 5, .rate = 0.1};
    return train_up_to(&phases[0], out, distance, graph->tensor_count, 0);
}

/* The head alone on features that stay the source's (Alain and Bengio 2017,
 * "Understanding intermediate layers using linear classifier probes"). */
static int guide_linear_probe(struct nastl_guidance *out,
                              const struct nastl_lesson *lesson)
{
    const struct nastl_graph *graph = nastl_net_graph(lesson->net);
    struct nastl_phase *phase;
    size_t *distance, farthest = 0;
    TRY(distances_of(&distance, &farthest, out, graph));
    TRY(add_phases(&phase, out, 1));
    return train_up_to(phase, out, distance, graph->tensor_count, 0);
}

/* From the head down, a layer more after some epochs (ULMFiT; Howard and Ruder 2018,
 * "Universal Language Model Fine-tuning for Text Classification"). */
static int guide_gradual(struct nastl_guidance *out, const struct nastl_lesson *lesson)
{
    const struct nastl_graph *graph = nastl_net_graph(lesson->net);
    struct nastl_phase *phases;
    size_t *distance, farthest = 0;
    TRY(distances_of(&distance, &farthest, out, graph));
    TRY(add_phases(&phases, out, farthest + 1));
    for (size_t i = 0; i <= farthest; i++) {
        phases[i].epochs = phase_epochs(lesson->candidate, farthest);
        TRY(train_up_to(&phases[i], out, distance, graph->tensor_count, i));
    }
    return NASTL_OK;
}

/* Learning rates that fall from layer to layer (the same paper, there by 2.6). */
static int guide_discriminative(struct nastl_guidance *out,
                                const struct nastl_lesson *lesson)
{
    const struct nastl_graph *graph = nastl_net_graph(lesson->net);
    const double factor =
        nastl_candidate_number(lesson->candidate, "transfer.layer_decay", 0.385);
    struct nastl_phase *phase;
    size_t *distance, farthest = 0;
    double *rates;
    TRY(distances_of(&distance, &farthest, out, graph));
    TRY(add_phases(&phase, out, 1));
    TRY(add_rates(&rates, out, graph->tensor_count));
    for (size_t t = 0; t < graph->tensor_count; t++)
        rates[t] = pow(factor, (double)distance[t]);
    *phase = (struct nastl_phase){.rate = 1.0, .rates = rates};
    return NASTL_OK;
}

/* ---- held to the source ------------------------------------------------------------ */

static double pull_of(const struct nastl_candidate *candidate)
{
    return nastl_candidate_number(candidate, "transfer.pull", 10);
}

/* All but the head decays to where it began (Li, Grandvalet and Davoine 2018, "Explicit
 * Inductive Bias for Transfer Learning with Convolutional Networks"), decoupled from the
 * gradient as weight decay is here; the head decays to 0 as ever. */
static int guide_l2_sp(struct nastl_guidance *out, const struct nastl_lesson *lesson)
{
    const struct nastl_graph *graph = nastl_net_graph(lesson->net);
    size_t *distance, farthest = 0, count;
    double *pull;
    const float *begin = nastl_net_numbers(lesson->net, &count);
    float *towards = nastl_arena_alloc(&out->memory, count, sizeof *towards);
    TRY(distances_of(&distance, &farthest, out, graph));
    TRY(add_rates(&pull, out, graph->tensor_count));
    if (!towards)
        return nastl_error_nomem("the weights of a source");
    memcpy(towards, begin, count * sizeof *towards);
    for (size_t t = 0; t < graph->tensor_count; t++)
        pull[t] = distance[t] > 0 ? pull_of(lesson->candidate) : 0.0;
    out->guide.anchor = (struct nastl_anchor){towards, pull};
    return NASTL_OK;
}

/* What the heads read, without dropout. */
static int find_hidden(size_t **nodes, size_t *count, struct nastl_guidance *out,
                       const struct nastl_graph *graph)
{
    size_t *distance, farthest = 0;
    TRY(distances_of(&distance, &farthest, out, graph));
    *nodes = nastl_arena_alloc(&out->memory, graph->node_count, sizeof **nodes);
    if (!*nodes)
        return nastl_error_nomem("hidden layers");
    *count = 0;
    for (size_t n = 1; n < graph->node_count; n++) {
        const struct nastl_node *node = &graph->nodes[n];
        size_t from = node->from;
        if (node->tensor_count == 0 || distance[node->tensor] > 0)
            continue;
        while (graph->nodes[from].kind == NASTL_NODE_DROPOUT)
            from = graph->nodes[from].from;
        (*nodes)[(*count)++] = from;
    }
    return NASTL_OK;
}

/* More would not fit beside what else is in memory. */
enum { FEATURES_MOST = 1 << 28 };

static int check_hidden(const struct nastl_graph *graph, const size_t *nodes,
                        size_t count, size_t rows)
{
    const struct nastl_node *node = &graph->nodes[count ? nodes[0] : 0];
    if (node->kind == NASTL_NODE_INPUT)
        return nastl_error(NASTL_EINVAL,
                           "transfer.strategy: delta holds hidden features, "
                           "and the network has no hidden layer; give it "
                           "one, or choose another strategy");
    if (rows > FEATURES_MOST / (node->rows * node->width))
        return nastl_error(NASTL_EINVAL,
                           "transfer.strategy: delta keeps %zu hidden features for each "
                           "of %zu rows; choose another strategy, or a narrower network",
                           node->rows * node->width, rows);
    return NASTL_OK;
}

static double mean_square(const float *x, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum / (double)n;
}

/* The last hidden features stay near those that the network began with, row by row (Li et
 * al. 2019, "DELTA: Deep Learning Transfer using Feature Map with Attention", without the
 * attention); off by as much as they are large costs `pull`. All members of an ensemble
 * are held to the first one's, which began as the source's. */
static int guide_delta(struct nastl_guidance *out, const struct nastl_lesson *lesson)
{
    const struct nastl_graph *graph = nastl_net_graph(lesson->net);
    const size_t rows = lesson->xy->rows;
    size_t *nodes, count = 0;
    TRY(find_hidden(&nodes, &count, out, graph));
    TRY(check_hidden(graph, nodes, count, rows));
    const struct nastl_node *node = &graph->nodes[nodes[0]];
    const size_t numbers = rows * node->rows * node->width;
    float *wanted = nastl_arena_alloc(&out->memory, numbers, sizeof *wanted);
    if (!wanted)
        return nastl_error_nomem("hidden features");
    TRY(nastl_net_node_outputs(lesson->net, nodes[0], lesson->xy, NULL, rows, wanted));
    const double square = mean_square(wanted, numbers);
    if (square > 0.0)
        out->guide.hold = (struct nastl_hold){wanted, nodes, count,
                                              pull_of(lesson->candidate) / square};
    return NASTL_OK;
}

/* The source network's predictions are soft targets (Hinton, Vinyals and Dean 2015,
 * "Distilling the Knowledge in a Neural Network", at temperature 1). */
static int guide_distill(struct nastl_guidance *out, const struct nastl_lesson *lesson)
{
    const size_t width = nastl_net_graph(lesson->net)->shape.outputs;
    float *soft = nastl_arena_alloc(&out->memory, lesson->xy->rows, width * sizeof *soft);
    if (!soft)
        return nastl_error_nomem("soft targets");
    TRY(nastl_teacher_targets(soft, lesson));
    out->guide.soft = (struct nastl_soft_targets){
        soft, nastl_candidate_number(lesson->candidate, "transfer.distill_share", 0.5)};
    return NASTL_OK;
}

/* ---- the table --------------------------------------------------------------------- */

#define NETWORK .needs_network = true
#define WEIGHTS .needs_network = true, .needs_weights = true

static const struct nastl_strategy scratch = {
    .name = "scratch",
    .description = "Random weights.",
};
static const struct nastl_strategy pooled = {
    .name = "pooled",
    .needs_rows = true,
    .description = "Random weights, on rows of the target and of the source together.",
};
static const struct nastl_strategy fine_tune = {
    .name = "fine_tune",
    NETWORK,
    .description = "The source network's weights, trained further on the target.",
};
static const struct nastl_strategy head_first = {
    .name = "head_first",
    WEIGHTS,
    .description = "The head alone for some epochs, then all layers at a tenth of the "
                   "learning rate.",
    .guide = guide_head_first,
};
static const struct nastl_strategy linear_probe = {
    .name = "linear_probe",
    WEIGHTS,
    .description = "The head alone, on hidden layers that stay the source's.",
    .guide = guide_linear_probe,
};
static const struct nastl_strategy gradual_unfreeze = {
    .name = "gradual_unfreeze",
    WEIGHTS,
    .description = "From the head down, a layer more every few epochs.",
    .guide = guide_gradual,
};
static const struct nastl_strategy discriminative = {
    .name = "discriminative",
    WEIGHTS,
    .description = "Learning rates that fall with each layer away from the head.",
    .guide = guide_discriminative,
};
static const struct nastl_strategy l2_sp = {
    .name = "l2_sp",
    WEIGHTS,
    .description = "Weights are pulled to the source's instead of to 0.",
    .guide = guide_l2_sp,
};
static const struct nastl_strategy delta = {
    .name = "delta",
    WEIGHTS,
    .description = "The last hidden features are held near those of the source.",
    .guide = guide_delta,
};
static const struct nastl_strategy distill = {
    .name = "distill",
    NETWORK,
    .description = "The source network's predictions are soft targets beside the labels.",
    .guide = guide_distill,
};

static const struct nastl_strategy *const strategies[] = {
    &scratch,        &pooled, &fine_tune, &head_first, &linear_probe, &gradual_unfreeze,
    &discriminative, &l2_sp,  &delta,     &distill,    NULL};

const struct nastl_strategy *const *nastl_strategies(void)
{
    return strategies;
}

const struct nastl_strategy *nastl_strategy_find(const char *name)
{
    for (size_t i = 0; strategies[i]; i++)
        if (strcmp(strategies[i]->name, name) == 0)
            return strategies[i];
    return NULL;
}

const struct nastl_strategy *nastl_strategy_of(const struct nastl_candidate *candidate)
{
    const struct nastl_strategy *found = nastl_strategy_find(
        nastl_candidate_text(candidate, "transfer.strategy", scratch.name));
    return found ? found : &scratch;
}

int nastl_strategy_guide(struct nastl_guidance *out, const struct nastl_lesson *lesson)
{
    const struct nastl_strategy *strategy = nastl_strategy_of(lesson->candidate);
    *out = (struct nastl_guidance){0};
    nastl_arena_init(&out->memory);
    if (strategy->needs_weights && lesson->matched <= 0.0)
        return nastl_error(NASTL_EINVAL,
                           "transfer.strategy: %s builds on weights of the source "
                           "network, and none of them fits this candidate; choose "
                           "another strategy or a network more like it",
                           strategy->name);
    return strategy->guide ? strategy->guide(out, lesson) : NASTL_OK;
}

void nastl_guidance_finish(struct nastl_guidance *guidance)
{
    nastl_arena_finish(&guidance->memory);
}
