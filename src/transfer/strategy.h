/* strategy.h: how a candidate uses what a source network has learnt: a table of
 * strategies, by the names of transfer.strategy.
 *
 * A warm start gives the weights to begin with; a strategy then makes a guide of the
 * training (nn/guide.h): which layers learn when and how fast, and what holds them to the
 * source. All of them work for every family, and for ensembles.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSFER_STRATEGY_H
#define TRANSFER_STRATEGY_H

#include "base/arena.h"
#include "nn/model.h"
#include "nn/train.h"

/* A training that is about to begin. Everything is borrowed. */
struct nastl_lesson {
    const struct nastl_candidate *candidate;
    const struct nastl_net *net; /* with the weights that it begins with */
    const struct nastl_layout *layout;
    double matched; /* the share of the network's numbers that are the source's */
    const struct nastl_model *source;
    const struct nastl_xy *xy;        /* its rows */
    const struct nastl_xy *source_xy; /* the same with the scaling that the source has */
    const float *y;                   /* (rows) class index or standardised label */
    /* Of regression: how labels became y, and how they would have with the transform of
     * the source's; both are fitted to the training's own rows. */
    const struct nastl_label_map *map, *source_map;
};

/* A guide and what it points to. */
struct nastl_guidance {
    struct nastl_guide guide;
    struct nastl_arena memory;
};

struct nastl_strategy {
    const char *name;
    const char *description; /* one sentence */
    bool needs_network;      /* a source network of the candidate's family */
    bool needs_rows;         /* source rows beside those of the target */
    bool needs_weights;      /* some that fit: a candidate without is refused */
    /* Fills the guide, whose memory is ready; NULL: there is none. */
    int (*guide)(struct nastl_guidance *out, const struct nastl_lesson *lesson);
};

const struct nastl_strategy *const *nastl_strategies(void); /* NULL at the end */
/* NULL if unknown. */
const struct nastl_strategy *nastl_strategy_find(const char *name);
/* That of a candidate: "scratch" where it does not say. */
const struct nastl_strategy *nastl_strategy_of(const struct nastl_candidate *candidate);

/* Finish it whatever is returned. NASTL_EINVAL: the strategy cannot work here; the
 * sentence says why. */
int nastl_strategy_guide(struct nastl_guidance *out, const struct nastl_lesson *lesson);
void nastl_guidance_finish(struct nastl_guidance *guidance);

/* How far each tensor (of those of the graph) is from the outputs: 0 the head, 1 the last
 * block and norms after it, …; what stands before the first block is the farthest.
 * Returns the greatest. */
size_t nastl_layer_distances(size_t *distance, const struct nastl_graph *graph);

#endif
