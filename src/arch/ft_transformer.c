/* ft_transformer.c: the transformer over feature tokens (Gorishniy et al. 2021): each
 * column a token, a class token in front; blocks of attention and a feed-forward network,
 * each beside a stream and with a layer norm before it; the head reads the class token.
 *
 *   x = x + Linear(Attention(LayerNorm(x)))     the first block has no norm here
 *   x = x + Linear(Dropout(ReGLU(Linear(LayerNorm(x)))))
 *   output = Linear(ReLU(LayerNorm(x of the class token)))
 *
 * As in the authors' rtdl: the last block works out the class token alone, weights and
 * biases are drawn as in PyTorch, the biases of attention are 0 at the start, and tokens
 * and norms do not decay. Departures: the hidden width of the feed-forward network is
 * rounded to a multiple of 8, for the products; attention of one head too has a linear
 * layer after it; there is no dropout on the stream. The
 * tokens are an embedding of their own: input.numeric_embedding does not count here.
 *
 *   key                               accepted          default
 *   ft_transformer.blocks             1 … 16            3
 *   ft_transformer.token_width        1 … 4096          64
 *   ft_transformer.heads              divides the width 8
 *   ft_transformer.ffn_expansion      0.1 … 16          1.33
 *   ft_transformer.activation         reglu, gelu       reglu
 *   ft_transformer.attention_dropout  [0, 1)            0.2
 *   ft_transformer.ffn_dropout        [0, 1)            0.1
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "arch/family.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"

enum { BLOCKS_MOST = 16, WIDTH_MOST = 4096, HIDDEN_STEP = 8 };

enum activation { REGLU, GELU };

static const char *const activations[] = {"reglu", "gelu", NULL};

struct settings {
    size_t blocks, width, heads, hidden;
    int activation;
    double attention_dropout, ffn_dropout;
};

static size_t hidden_width(size_t width, double expansion)
{
    const double steps = round((double)width * expansion / HIDDEN_STEP);
    return steps < 1.0 ? HIDDEN_STEP : (size_t)steps * HIDDEN_STEP;
}

static int read_heads(struct settings *out, const struct nastl_candidate *candidate)
{
    TRY(nastl_arch_whole(&out->heads, candidate, "ft_transformer.heads", 8, 1,
                         WIDTH_MOST));
    if (out->width % out->heads == 0)
        return 0;
    return nastl_error(NASTL_EINVAL,
                       "ft_transformer.heads: %zu heads do not divide a token width of "
                       "%zu; give a divisor, and 'token_width %% heads == 0' among the "
                       "constraints",
                       out->heads, out->width);
}

static int read_settings(struct settings *out, const struct nastl_candidate *candidate)
{
    double expansion;
    TRY(nastl_arch_whole(&out->blocks, candidate, "ft_transformer.blocks", 3, 1,
                         BLOCKS_MOST));
    TRY(nastl_arch_whole(&out->width, candidate, "ft_transformer.token_width", 64, 1,
                         WIDTH_MOST));
    TRY(read_heads(out, candidate));
    TRY(nastl_arch_number(&expansion, candidate, "ft_transformer.ffn_expansion", 1.33,
                          0.1, 16));
    out->hidden = hidden_width(out->width, expansion);
    TRY(nastl_arch_choice(&out->activation, candidate, "ft_transformer.activation",
                          activations, REGLU));
    TRY(nastl_arch_fraction(&out->attention_dropout, candidate,
                            "ft_transformer.attention_dropout", 0.2));
    return nastl_arch_fraction(&out->ffn_dropout, candidate, "ft_transformer.ffn_dropout",
                               0.1);
}

/* A linear layer whose bias is 0 at the start. */
static size_t add_unbiased(struct nastl_graph *graph, size_t from, const char *name,
                           size_t outputs)
{
    const size_t at = nastl_graph_linear(graph, from, name, outputs);
    if (!graph->failed)
        graph->tensors[graph->nodes[at].tensor + 1].role = NASTL_ROLE_SHIFT;
    return at;
}

/* "blocks.INDEX.part" */
static const char *part_name(char out[48], size_t index, const char *part)
{
    snprintf(out, 48, "blocks.%zu.%s", index, part);
    return out;
}

/* Beside the stream; the last one has the class token alone. */
static size_t add_attention(struct nastl_graph *graph, size_t stream, size_t index,
                            const struct settings *settings)
{
    char name[48];
    const bool last = index + 1 == settings->blocks;
    size_t at = stream;
    if (index > 0)
        at = nastl_graph_layer_norm(graph, at, part_name(name, index, "attention.norm"));
    at = add_unbiased(graph, at, part_name(name, index, "attention.qkv"),
                      3 * settings->width);
    at = nastl_graph_attention(graph, at, settings->heads, settings->attention_dropout,
                               last);
    at =
        add_unbiased(graph, at, part_name(name, index, "attention.out"), settings->width);
    if (last)
        stream = nastl_graph_first(graph, stream);
    return nastl_graph_add(graph, at, stream);
}

static size_t add_ffn(struct nastl_graph *graph, size_t stream, size_t index,
                      const struct settings *settings)
{
    char name[48];
    const bool gated = settings->activation == REGLU;
    size_t at = nastl_graph_layer_norm(graph, stream, part_name(name, index, "ffn.norm"));
    at = nastl_graph_linear(graph, at, part_name(name, index, "ffn.linear1"),
                            gated ? 2 * settings->hidden : settings->hidden);
    at = gated ? nastl_graph_reglu(graph, at)
               : nastl_graph_activation(graph, at, NASTL_ACTIVATION_GELU);
    if (settings->ffn_dropout > 0.0)
        at = nastl_graph_dropout(graph, at, settings->ffn_dropout);
    at = nastl_graph_linear(graph, at, part_name(name, index, "ffn.linear2"),
                            settings->width);
    return nastl_graph_add(graph, at, stream);
}

static int build(struct nastl_graph *graph, const struct nastl_candidate *candidate)
{
    struct settings settings;
    TRY(read_settings(&settings, candidate));
    size_t at = nastl_graph_token_input(graph, settings.width);
    at = nastl_graph_tokens(graph, at, "tokens", settings.width);
    for (size_t i = 0; i < settings.blocks; i++) {
        at = add_attention(graph, at, i, &settings);
        at = add_ffn(graph, at, i, &settings);
    }
    at = nastl_graph_layer_norm(graph, at, "head.norm");
    at = nastl_graph_activation(graph, at, NASTL_ACTIVATION_RELU);
    nastl_graph_linear(graph, at, "head", graph->shape.outputs);
    return 0;
}

const struct nastl_family nastl_family_ft_transformer = {
    .name = "ft_transformer",
    .description = "transformer over feature tokens",
    .build = build,
};
