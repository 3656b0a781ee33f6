/* match.h: which inputs and outputs of two networks stand for the same thing, by the
 * names in their layouts.
 *
 *   candidate's input     rsrp  sinr  sinr missing  band=n1  band=n7  speed
 *   column of the source  2     0     1             5        3        -1
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSFER_MATCH_H
#define TRANSFER_MATCH_H

#include "base/arena.h"
#include "nn/model.h"

/* For a column of codes: the column of the source and, code by code, the source's code.
 */
struct nastl_code_match {
    long column; /* -1: none */
    long *code;  /* (cardinality): -1: none */
};

struct nastl_match {
    long *input;                    /* (inputs of the graph): -1: none */
    long *output;                   /* (outputs of the graph): -1: none */
    struct nastl_code_match *codes; /* (K) */
    struct nastl_arena memory;
};

/* A network and its source, each as graph and layout. Numbers match by name; so do their
 * indicators of missing values, where both have one. Categories match by name and text,
 * where both are one-hot or both have a table; unseen matches unseen, missing missing.
 * The only output of a regression always matches, that of a binary task where both
 * classes are the same. Finish it whatever is returned. */
int nastl_match_init(struct nastl_match *out, const struct nastl_graph *graph,
                     const struct nastl_layout *layout,
                     const struct nastl_graph *source_graph,
                     const struct nastl_layout *source_layout);
void nastl_match_finish(struct nastl_match *match);

#endif
