#!/usr/bin/env python3
"""Makes resnet.json: three small residual networks; see golden.py. A hidden neuron that is on
for all rows of a batch has a bias whose gradient is 0, as a norm comes behind it, and AdamW
would make steps of what rounding leaves of that: the cases have none.
SPDX-License-Identifier: Apache-2.0
"""
import torch

import golden
from golden import batch_norm, case, linear, with_embedding

WIDTH, HIDDEN, BLOCKS = 10, 16, 2

CANDIDATE = {"family": "resnet", "resnet.blocks": BLOCKS, "resnet.width": WIDTH,
             "resnet.expansion": 1.6}

CASES = [
    case(CANDIDATE, "cross_entropy", outputs=3),
    case(with_embedding(CANDIDATE, "piecewise_linear"), "binary_cross_entropy", cardinality=[30]),
    case(CANDIDATE, "squared_error"),
]


def draw(problem, rng, x):
    w, width = golden.draw_inputs(problem, rng, x)
    golden.draw_linear(w, rng, "stem", WIDTH, width)
    for i in range(BLOCKS):
        golden.draw_norm(w, rng, f"blocks.{i}.norm", WIDTH)
        golden.draw_linear(w, rng, f"blocks.{i}.linear1", HIDDEN, WIDTH)
        golden.draw_linear(w, rng, f"blocks.{i}.linear2", WIDTH, HIDDEN)
    golden.draw_norm(w, rng, "head.norm", WIDTH)
    golden.draw_linear(w, rng, "head", problem["outputs"], WIDTH)
    return w


def outputs_of(problem, p, x, code):
    stream = linear(p, "stem", golden.inputs(problem, p, x, code))
    for i in range(BLOCKS):
        z = batch_norm(p, f"blocks.{i}.norm", stream)
        z = torch.relu(linear(p, f"blocks.{i}.linear1", z))
        stream = stream + linear(p, f"blocks.{i}.linear2", z)
    return linear(p, "head", torch.relu(batch_norm(p, "head.norm", stream)))


if __name__ == "__main__":
    golden.main()
