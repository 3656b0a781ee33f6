#!/usr/bin/env python3
"""Makes ft_transformer.json: three small transformers of Gorishniy et al. 2021; see golden.py.
Its tokens are embeddings of their own: of each number, and of each category, of a table
however few they are. SPDX-License-Identifier: Apache-2.0
"""
import math

import torch

import golden
from golden import case, layer_norm, linear


def candidate(blocks, width, heads, hidden, activation):
    keys = {"blocks": blocks, "token_width": width, "heads": heads,
            "ffn_expansion": hidden / width, "activation": activation,
            "attention_dropout": 0, "ffn_dropout": 0}
    return {"family": "ft_transformer",
            **{f"ft_transformer.{key}": value for key, value in keys.items()}}


SLOWLY = {"learning_rate": 0.003}

CASES = [
    case(candidate(2, 12, 3, 16, "reglu"), "cross_entropy", outputs=3, training=SLOWLY),
    case(candidate(1, 8, 1, 8, "gelu"), "squared_error", training=SLOWLY),
    case(candidate(2, 8, 2, 16, "reglu"), "binary_cross_entropy", cardinality=[],
         training=SLOWLY),
]


def sizes_of(problem):
    """Blocks, width, heads and the feed-forward part's hidden neurons."""
    keys = problem["candidate"]
    width = keys["ft_transformer.token_width"]
    return (keys["ft_transformer.blocks"], width, keys["ft_transformer.heads"],
            round(width * keys["ft_transformer.ffn_expansion"]))


def is_reglu(problem):
    return problem["candidate"]["ft_transformer.activation"] == "reglu"


def draw(problem, rng, _x):
    blocks, d, _, hidden = sizes_of(problem)
    tables = problem["cardinality"]

    def uniform(*shape):
        return rng.uniform(-1, 1, shape) / math.sqrt(d)

    w = {f"embeddings.{k}.weight": uniform(c, d) for k, c in enumerate(tables)}
    w["tokens.cls"] = uniform(d)
    w["tokens.weight"], w["tokens.bias"] = uniform(golden.NUMERIC, d), uniform(golden.NUMERIC, d)
    if tables:
        w["tokens.table_bias"] = uniform(len(tables), d)
    for i in range(blocks):
        name = f"blocks.{i}"
        if i > 0:
            golden.draw_norm(w, rng, f"{name}.attention.norm", d)
        golden.draw_linear(w, rng, f"{name}.attention.qkv", 3 * d, d)
        golden.draw_linear(w, rng, f"{name}.attention.out", d, d)
        golden.draw_norm(w, rng, f"{name}.ffn.norm", d)
        golden.draw_linear(w, rng, f"{name}.ffn.linear1", (1 + is_reglu(problem)) * hidden, d)
        golden.draw_linear(w, rng, f"{name}.ffn.linear2", d, hidden)
    golden.draw_norm(w, rng, "head.norm", d)
    golden.draw_linear(w, rng, "head", problem["outputs"], d)
    return w


def tokens(problem, p, x, code):
    """(rows, tokens, width): the class token, numbers, categories."""
    d = p["tokens.cls"].shape[0]
    parts = [p["tokens.cls"].expand(len(x), 1, d),
             x[..., None] * p["tokens.weight"] + p["tokens.bias"]]
    tables = [p[f"embeddings.{k}.weight"][code[:, k]] for k in range(len(problem["cardinality"]))]
    if tables:
        parts.append(torch.stack(tables, dim=1) + p["tokens.table_bias"])
    return torch.cat(parts, dim=1)


def attention(p, name, z, heads):
    rows, count, d = z.shape
    q, k, v = (part.reshape(rows, count, heads, d // heads).transpose(1, 2)
               for part in linear(p, f"{name}.qkv", z).chunk(3, dim=-1))
    a = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(d // heads), dim=-1) @ v
    return linear(p, f"{name}.out", a.transpose(1, 2).reshape(rows, count, d))


def feed_forward(problem, p, name, z):
    z = linear(p, f"{name}.linear1", z)
    if is_reglu(problem):
        a, b = z.chunk(2, dim=-1)
        z = a * torch.relu(b)
    else:
        z = torch.nn.functional.gelu(z)
    return linear(p, f"{name}.linear2", z)


def outputs_of(problem, p, x, code):
    blocks, _, heads, _ = sizes_of(problem)
    s = tokens(problem, p, x, code)
    for i in range(blocks):
        name = f"blocks.{i}"
        z = layer_norm(p, f"{name}.attention.norm", s) if i > 0 else s
        s = s + attention(p, f"{name}.attention", z, heads)
        s = s + feed_forward(problem, p, f"{name}.ffn", layer_norm(p, f"{name}.ffn.norm", s))
    return linear(p, "head", torch.relu(layer_norm(p, "head.norm", s[:, 0])))


if __name__ == "__main__":
    golden.main()
