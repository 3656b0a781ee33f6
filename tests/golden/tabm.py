#!/usr/bin/env python3
"""Makes tabm.json: 20 steps of training of two small TabM networks, in float64.

    python3 tests/golden/tabm.py > tests/golden/tabm.json

Needs NumPy alone; settings, data, optimiser and the comparison with PyTorch are those of
mlp.py. SPDX-License-Identifier: Apache-2.0
"""
import math

import numpy as np

import mlp

WIDTH, LAYERS, MEMBERS = 10, 2, 4

SIZES = {"family": "tabm", "tabm.members": MEMBERS, "tabm.layers": LAYERS, "tabm.width": WIDTH}

CASES = [
    {"loss": "cross_entropy", "outputs": 3, "candidate": {**SIZES, "tabm.kind": "mini"}},
    {"loss": "binary_cross_entropy", "outputs": 1, "candidate": {**SIZES, "tabm.kind": "full"}},
]


def is_full(case):
    return case["candidate"]["tabm.kind"] == "full"


def draw(case, rng):
    w, width = mlp.draw_tables(rng)
    w["blocks.0.r" if is_full(case) else "members.r"] = rng.choice([-1.0, 1.0], (MEMBERS, width))
    for i in range(LAYERS):
        name, bound = f"blocks.{i}", 1 / math.sqrt(width)
        w[f"{name}.weight"] = rng.uniform(-bound, bound, (WIDTH, width))
        w[f"{name}.bias"] = rng.uniform(-bound, bound, (MEMBERS, WIDTH) if is_full(case) else WIDTH)
        if is_full(case):
            w[f"{name}.s"] = rng.uniform(0.5, 1.5, (MEMBERS, WIDTH))
        if is_full(case) and i > 0:
            w[f"{name}.r"] = rng.uniform(0.5, 1.5, (MEMBERS, width))
        width = WIDTH
    bound = 1 / math.sqrt(width)
    w["head.weight"] = rng.uniform(-bound, bound, (MEMBERS * case["outputs"], width))
    w["head.bias"] = rng.uniform(-bound, bound, MEMBERS * case["outputs"])
    return mlp.as_floats(w)


def gradients(case, w, x, code, y):
    """Arrays are (member, row, column); products over the last axis."""
    inputs, trace, g = mlp.encode(w, x, code), [], {}
    outputs, rows = case["outputs"], len(y)
    h = np.repeat(inputs[None], MEMBERS, axis=0)
    if not is_full(case):
        h = h * w["members.r"][:, None]
    for i in range(LAYERS):
        name = f"blocks.{i}"
        scaled = h * w[f"{name}.r"][:, None] if is_full(case) else h
        product = scaled @ w[f"{name}.weight"].T
        if is_full(case):
            a = product * w[f"{name}.s"][:, None] + w[f"{name}.bias"][:, None]
        else:
            a = product + w[f"{name}.bias"]
        trace.append((h, scaled, product, a))
        h = np.maximum(a, 0)
    head = w["head.weight"].reshape(MEMBERS, outputs, -1)
    out = h @ head.transpose(0, 2, 1) + w["head.bias"].reshape(MEMBERS, 1, outputs)
    loss, delta = mlp.loss_of(case["loss"], out.reshape(-1, outputs), np.tile(y, MEMBERS))
    delta = delta.reshape(MEMBERS, rows, outputs)
    g["head.weight"] = (delta.transpose(0, 2, 1) @ h).reshape(MEMBERS * outputs, -1)
    g["head.bias"] = delta.sum(axis=1).ravel()
    delta = delta @ head
    for i in reversed(range(LAYERS)):
        name = f"blocks.{i}"
        h, scaled, product, a = trace[i]
        delta = delta * (a > 0)
        g[f"{name}.bias"] = delta.sum(axis=1) if is_full(case) else delta.sum(axis=(0, 1))
        if is_full(case):
            g[f"{name}.s"] = (delta * product).sum(axis=1)
            delta = delta * w[f"{name}.s"][:, None]
        g[f"{name}.weight"] = np.einsum("mno,mni->oi", delta, scaled)
        delta = delta @ w[f"{name}.weight"]
        if is_full(case):
            g[f"{name}.r"] = (delta * h).sum(axis=1)
            delta = delta * w[f"{name}.r"][:, None]
    if not is_full(case):
        g["members.r"] = (delta * inputs).sum(axis=1)
        delta = delta * w["members.r"][:, None]
    mlp.tables_backward(g, delta.sum(axis=0), code)
    return loss, g


def torch_outputs(torch, case, p, inputs):
    """(rows, members, outputs)"""
    h = inputs[:, None].expand(-1, MEMBERS, -1)
    if not is_full(case):
        h = h * p["members.r"]
    for i in range(LAYERS):
        name = f"blocks.{i}"
        if is_full(case):
            h = (h * p[f"{name}.r"]) @ p[f"{name}.weight"].T * p[f"{name}.s"] + p[f"{name}.bias"]
        else:
            h = h @ p[f"{name}.weight"].T + p[f"{name}.bias"]
        h = torch.relu(h)
    head = p["head.weight"].reshape(MEMBERS, case["outputs"], -1)
    return torch.einsum("nmi,moi->nmo", h, head) + p["head.bias"].reshape(MEMBERS, -1)


if __name__ == "__main__":
    mlp.main(CASES, draw, gradients, torch_outputs)
