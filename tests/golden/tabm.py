#!/usr/bin/env python3
"""Makes tabm.json: four small TabM networks, full and mini; see golden.py.
SPDX-License-Identifier: Apache-2.0
"""
import math

import torch

import golden
from golden import case, with_embedding

WIDTH, LAYERS, MEMBERS = 10, 2, 4


def candidate(kind):
    return {"family": "tabm", "tabm.kind": kind, "tabm.members": MEMBERS, "tabm.layers": LAYERS,
            "tabm.width": WIDTH}


CASES = [
    case(candidate("mini"), "cross_entropy", outputs=3),
    case(candidate("full"), "binary_cross_entropy"),
    case(with_embedding(candidate("mini"), "piecewise_linear"), "squared_error"),
    case(with_embedding(candidate("full"), "periodic"), "squared_error", cardinality=[]),
]


def is_full(problem):
    return problem["candidate"]["tabm.kind"] == "full"


def draw(problem, rng, x):
    w, width = golden.draw_inputs(problem, rng, x)
    full = is_full(problem)
    w["blocks.0.r" if full else "members.r"] = rng.choice([-1.0, 1.0], (MEMBERS, width))
    for i in range(LAYERS):
        name, bound = f"blocks.{i}", 1 / math.sqrt(width)
        w[f"{name}.weight"] = rng.uniform(-bound, bound, (WIDTH, width))
        w[f"{name}.bias"] = rng.uniform(-bound, bound, (MEMBERS, WIDTH) if full else WIDTH)
        if full:
            w[f"{name}.s"] = rng.uniform(0.5, 1.5, (MEMBERS, WIDTH))
        if full and i > 0:
            w[f"{name}.r"] = rng.uniform(0.5, 1.5, (MEMBERS, width))
        width = WIDTH
    golden.draw_linear(w, rng, "head", MEMBERS * problem["outputs"], width)
    return w


def outputs_of(problem, p, x, code):
    """(rows, members, outputs)"""
    h = golden.inputs(problem, p, x, code)[:, None].expand(-1, MEMBERS, -1)
    if not is_full(problem):
        h = h * p["members.r"]
    for i in range(LAYERS):
        name = f"blocks.{i}"
        if is_full(problem):
            h = (h * p[f"{name}.r"]) @ p[f"{name}.weight"].T * p[f"{name}.s"]
        else:
            h = h @ p[f"{name}.weight"].T
        h = torch.relu(h + p[f"{name}.bias"])
    head = p["head.weight"].reshape(MEMBERS, problem["outputs"], -1)
    return torch.einsum("nmi,moi->nmo", h, head) + p["head.bias"].reshape(MEMBERS, -1)


if __name__ == "__main__":
    golden.main()
