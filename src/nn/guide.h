/* guide.h: what a training can be given beside labels: phases in which some tensors learn
 * slower or not at all, weights that others are pulled to, soft targets, and outputs of
 * inner nodes that are to stay near given numbers.
 *
 *   loss of a row = (1 - share) loss(label) + share loss(soft target)
 *                 + weight mean over the pulled numbers of (output - wanted)^2
 *
 * Everything is borrowed and must outlive the trainer. "Rows" are those of the training's
 * xy; "tensors" are those of the graph, in its order.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_GUIDE_H
#define NN_GUIDE_H

#include <stddef.h>

/* Epochs that follow each other. A tensor of rate 0 is frozen: neither it nor its moments
 * change, its gradient counts as 0, and batch normalisation normalises by its running
 * statistics and leaves them as they are. The steps of a tensor's optimiser are counted
 * from the first phase in which it is not frozen. */
struct nastl_phase {
    size_t epochs;        /* the last phase lasts to the end */
    size_t warmup_epochs; /* over which its learning rate rises to its full size */
    double rate;          /* factor of the learning rate of all tensors */
    const double *rates;  /* (tensors) factor of each, beside `rate`; NULL: 1 */
};

/* Weights are pulled as they decay, decoupled from the gradient:
 *   w = w - rate pull (w - towards) */
struct nastl_anchor {
    const float
        *towards;       /* one number a parameter, placed as the network's; NULL: none */
    const double *pull; /* (tensors); 0: it decays as the recipe says */
};

struct nastl_soft_targets {
    const float *values; /* (rows, outputs) probabilities that sum to 1 (of the second
                            class where there is one logit), or values as labels are; a
                            row that begins with NaN has its label alone. NULL: none */
    double share;        /* 0 … 1 */
};

/* Nodes must have the same shape, and none of them may be the input. */
struct nastl_hold {
    const float *wanted; /* (rows, rows of a node, width of it); NULL: none */
    const size_t *nodes; /* (count) of the graph: all of them are held to the same */
    size_t count;
    double weight;
};

struct nastl_guide {
    const struct nastl_phase *phases; /* (phase_count); none: one of rate 1 */
    size_t phase_count;
    struct nastl_anchor anchor;
    struct nastl_soft_targets soft;
    struct nastl_hold hold;
};

#endif
