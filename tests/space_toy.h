/* space_toy.h: what the tests of the space share: reading a space from text, and a
 * vocabulary of two families that no release has, so that families are tested as such.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SPACE_TOY_H
#define TESTS_SPACE_TOY_H

#include "space/space_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOY_SCHEMA "schema: nas-tl/space/v1\n"

static const struct nastl_key toy_wide_keys[] = {
    {"layers", NASTL_KEY_INT, 1, 4, .fallback = "1"},
    {"width", NASTL_KEY_INT, 1, 1024, .fallback = "8", .per_layer = true},
    {"dropout", NASTL_KEY_FLOAT, 0, 0.9, .fallback = "0"},
    {NULL},
};

static const struct nastl_key toy_token_keys[] = {
    {"token_width", NASTL_KEY_INT, 8, 64, .fallback = "16"},
    {"heads", NASTL_KEY_INT, 1, 8, .fallback = "2"},
    {"dropout", NASTL_KEY_FLOAT, 0, 0.5, .fallback = "0.1"},
    {NULL},
};

static const char *const toy_embeddings[] = {"none", "periodic", NULL};

static const struct nastl_key toy_input_keys[] = {
    {"embedding", NASTL_KEY_WORD, .words = toy_embeddings, .fallback = "none"},
    {"embedding_width", NASTL_KEY_INT, 8, 32, .fallback = "8"},
    {NULL},
};

static const struct nastl_key toy_bare_keys[] = {
    {"ensemble", NASTL_KEY_INT, 1, 4, .fallback = "1"},
    {NULL},
};

static const struct nastl_section toy_families[] = {
    {"wide", "", toy_wide_keys},
    {"token", "", toy_token_keys},
    {NULL},
};

static const struct nastl_section toy_shared[] = {{"input", "", toy_input_keys}, {NULL}};

static const struct nastl_vocabulary toy_vocabulary = {toy_families, toy_shared,
                                                       toy_bare_keys};

/* Conditions of every sort: families, layers, `when`, a `when` that another one rests on.
 */
#define TOY_SPACE                                                                        \
    TOY_SCHEMA                                                                           \
    "name: toy\n"                                                                        \
    "family: {choice: [wide, token]}\n"                                                  \
    "wide:\n"                                                                            \
    "  layers: {int: [1, 3]}\n"                                                          \
    "  width: {choice: [8, 16], per: layer}\n"                                           \
    "  dropout: {float: [0, 0.4], step: 0.2, when: embedding_width > 8}\n"               \
    "token:\n"                                                                           \
    "  token_width: {int: [8, 32], step: 8}\n"                                           \
    "  heads: {choice: [1, 2, 4, 8]}\n"                                                  \
    "input:\n"                                                                           \
    "  embedding: {choice: [none, periodic]}\n"                                          \
    "  embedding_width: {int: [8, 16], step: 4, when: \"embedding != none\"}\n"

/* Spaces that properties are tested on. */
#define RICH_SPACE                                                                       \
    TOY_SCHEMA                                                                           \
    "name: rich\n"                                                                       \
    "mlp:\n"                                                                             \
    "  layers: {choice: [1, 3, 8]}\n"                                                    \
    "  width: {int: [1, 2048], scale: log, per: layer}\n"                                \
    "  activation: {choice: [silu, relu]}\n"                                             \
    "  dropout: {float: [0.1, 0.9], step: 0.1}\n"                                        \
    "training:\n"                                                                        \
    "  learning_rate: {float: [1e-5, 1], scale: log}\n"                                  \
    "  weight_decay: {float: [1e-4, 1e-1], scale: log, step: 1e-4, when: \"layers > "    \
    "1\"}\n"                                                                             \
    "  batch_size: {int: [16, 256], scale: log, step: 16}\n"                             \
    "  max_epochs: {int: [1, 91], step: 15, scale: log}\n"                               \
    "  patience: {int: [7, 7]}\n"                                                        \
    "transfer: {strategy: {choice: [scratch, fine_tune]}}\n"

static inline struct nastl_space *toy_space_with(const char *text,
                                                 const struct nastl_vocabulary *words)
{
    struct nastl_space *space = NULL;
    if (nastl_space_parse_with(&space, text, strlen(text), "toy.yaml", words) < 0)
        fprintf(stderr, "%s\n", nastl_error_last());
    return space;
}

static inline struct nastl_space *toy_space(const char *text)
{
    return toy_space_with(text, &nastl_vocabulary);
}

#endif
