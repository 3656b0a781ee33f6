/* candidate.h: a candidate as a list of keys and values: what crosses from the search to
 * the network builders, the ledger and the model files.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPACE_CANDIDATE_H
#define SPACE_CANDIDATE_H

#include <nastl/space.h>

#include "io/json.h"

void nastl_candidate_init(struct nastl_candidate *candidate);
void nastl_candidate_finish(struct nastl_candidate *candidate);
int nastl_candidate_copy(struct nastl_candidate *out, const struct nastl_candidate *from);

/* Sets or replaces a key. `text` NULL: the number counts. */
int nastl_candidate_set(struct nastl_candidate *candidate, const char *key,
                        const char *text, double number);
const struct nastl_setting *nastl_candidate_find(const struct nastl_candidate *candidate,
                                                 const char *key);
double nastl_candidate_number(const struct nastl_candidate *candidate, const char *key,
                              double fallback);
const char *nastl_candidate_text(const struct nastl_candidate *candidate, const char *key,
                                 const char *fallback);

/* Whether its weights are random at first, and trained on target rows alone. */
bool nastl_candidate_is_scratch(const struct nastl_candidate *candidate);

/* The same candidate trained from scratch: what it takes from a source is left out. */
int nastl_candidate_from_scratch(struct nastl_candidate *out,
                                 const struct nastl_candidate *from);

/* {"family": "mlp", "mlp.layers": 3, …}; whole numbers are written as integers. */
json_t *nastl_candidate_json(const struct nastl_candidate *candidate);
int nastl_candidate_from_json(struct nastl_candidate *out, const json_t *object);

/* The same for the same keys and values in any order. */
uint64_t nastl_candidate_hash(const struct nastl_candidate *candidate);

#endif
