#!/usr/bin/env python3
"""Makes mlp.json: five small perceptrons; see golden.py.
SPDX-License-Identifier: Apache-2.0
"""
import torch

import golden
from golden import batch_norm, case, layer_norm, linear, with_embedding

WIDTHS = [12, 8]
NORMS = {"layer": layer_norm, "batch": batch_norm, "none": lambda p, name, x: x}


def candidate(activation, normalization):
    return {"family": "mlp", "mlp.layers": len(WIDTHS), "mlp.activation": activation,
            "mlp.normalization": normalization,
            **{f"mlp.width.{i}": width for i, width in enumerate(WIDTHS)}}


CASES = [
    case(candidate("relu", "none"), "cross_entropy", outputs=3),
    case(candidate("gelu", "layer"), "binary_cross_entropy"),
    case(candidate("silu", "batch"), "squared_error"),
    case(with_embedding(candidate("relu", "none"), "piecewise_linear"), "cross_entropy", outputs=3),
    case(with_embedding(candidate("gelu", "none"), "periodic"), "huber", cardinality=[],
         training={"loss": "huber"}),
]


def draw(problem, rng, x):
    w, width = golden.draw_inputs(problem, rng, x)
    for i, outputs in enumerate(WIDTHS):
        golden.draw_linear(w, rng, f"blocks.{i}", outputs, width)
        if problem["candidate"]["mlp.normalization"] != "none":
            golden.draw_norm(w, rng, f"blocks.{i}.norm", outputs)
        width = outputs
    golden.draw_linear(w, rng, "head", problem["outputs"], width)
    return w


def outputs_of(problem, p, x, code):
    keys = problem["candidate"]
    activation = getattr(torch.nn.functional, keys["mlp.activation"])
    norm = NORMS[keys["mlp.normalization"]]
    h = golden.inputs(problem, p, x, code)
    for i in range(len(WIDTHS)):
        h = activation(norm(p, f"blocks.{i}.norm", linear(p, f"blocks.{i}", h)))
    return linear(p, "head", h)


if __name__ == "__main__":
    golden.main()
