/* attention.h: multi-head self-attention (Vaswani et al. 2017) of one row of the data, by
 * hand: the tokens of a table are few, so that a block of scores stays in the first cache
 * and is made again on the way back instead of being kept.
 *
 * Queries are worked on in blocks of NASTL_ATTENTION_BLOCK, one a lane of a vector;
 * scores stand transposed, (tokens, block), so that a softmax needs no sum across a
 * vector. SPDX-License-Identifier: Apache-2.0 */
#ifndef NN_ATTENTION_H
#define NN_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

/* Rows of Q, K, V stand side by side in one row of (T, 3 d); head h has the columns
 * h * width … of each third. The first `queries` tokens ask, all answer. */
struct nastl_attention {
    size_t tokens, queries; /* T; T, or fewer */
    size_t heads, width;    /* of a head; d = heads * width */
    uint32_t drop;          /* of 65536 probabilities, so many are dropped */
};

enum { NASTL_ATTENTION_BLOCK = 32 };

/* Of one row: numbers that go from forward to backward, and of scratch; numbers of the
 * stream that dropout takes, in blocks of 4. */
size_t nastl_attention_kept(const struct nastl_attention *shape);
size_t nastl_attention_scratch(const struct nastl_attention *shape);
size_t nastl_attention_noise(const struct nastl_attention *shape);

/* out (queries, d) = softmax(Q K^T / sqrt(width)) V, head by head; qkv (T, 3 d). kept and
 * scratch are aligned; kept NULL: deployed. `noise`: the stream of dropout, at the place
 * of this row; not used where drop is 0. */
void nastl_attention_forward(const struct nastl_attention *shape, float *out, float *kept,
                             const float *qkv, float *scratch,
                             const struct nastl_rng *noise);

/* delta_in (T, 3 d) from delta (queries, d), with what forward had and has given. */
void nastl_attention_backward(const struct nastl_attention *shape, float *delta_in,
                              const float *delta, const float *out, const float *kept,
                              const float *qkv, float *scratch,
                              const struct nastl_rng *noise);

#endif
