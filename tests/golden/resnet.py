#!/usr/bin/env python3
"""Makes resnet.json: 20 steps of training of two small residual networks, in float64.

    python3 tests/golden/resnet.py > tests/golden/resnet.json

Needs NumPy alone; settings, data, optimiser and the comparison with PyTorch are those of
mlp.py. SPDX-License-Identifier: Apache-2.0
"""
import math

import numpy as np

import mlp

WIDTH, HIDDEN, BLOCKS = 10, 16, 2

CANDIDATE = {"family": "resnet", "resnet.blocks": BLOCKS, "resnet.width": WIDTH,
             "resnet.expansion": 1.6}

CASES = [
    {"loss": "cross_entropy", "outputs": 3, "candidate": CANDIDATE},
    {"loss": "squared_error", "outputs": 1, "candidate": CANDIDATE},
]


def draw(case, rng):
    weights, width = mlp.draw_tables(rng)

    def linear(name, outputs, inputs):
        weights[f"{name}.weight"] = rng.uniform(-1, 1, (outputs, inputs)) / math.sqrt(inputs)
        weights[f"{name}.bias"] = rng.uniform(-1, 1, outputs) / math.sqrt(inputs)

    def norm(name):
        weights[f"{name}.weight"] = rng.uniform(0.5, 1.5, WIDTH)
        weights[f"{name}.bias"] = rng.uniform(-0.5, 0.5, WIDTH)

    linear("stem", WIDTH, width)
    for i in range(BLOCKS):
        norm(f"blocks.{i}.norm")
        linear(f"blocks.{i}.linear1", HIDDEN, WIDTH)
        linear(f"blocks.{i}.linear2", WIDTH, HIDDEN)
    norm("head.norm")
    linear("head", case["outputs"], WIDTH)
    return mlp.as_floats(weights)


def norm_forward(w, name, x):
    rstd = 1 / np.sqrt(x.var(axis=0) + 1e-5)
    xhat = (x - x.mean(axis=0)) * rstd
    return xhat * w[f"{name}.weight"] + w[f"{name}.bias"], (xhat, rstd)


def norm_backward(w, g, name, delta, kept):
    xhat, rstd = kept
    g[f"{name}.weight"] = (delta * xhat).sum(axis=0)
    g[f"{name}.bias"] = delta.sum(axis=0)
    d = delta * w[f"{name}.weight"]
    return rstd * (d - d.mean(axis=0) - xhat * (d * xhat).mean(axis=0))


def linear_backward(w, g, name, delta, x):
    g[f"{name}.weight"] = delta.T @ x
    g[f"{name}.bias"] = delta.sum(axis=0)
    return delta @ w[f"{name}.weight"]


def linear(w, name, x):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def gradients(case, w, x, code, y):
    inputs = mlp.encode(w, x, code)
    stream, trace, g = linear(w, "stem", inputs), [], {}
    for i in range(BLOCKS):
        z, kept = norm_forward(w, f"blocks.{i}.norm", stream)
        a = linear(w, f"blocks.{i}.linear1", z)
        trace.append((z, kept, a))
        stream = stream + linear(w, f"blocks.{i}.linear2", np.maximum(a, 0))
    z, kept = norm_forward(w, "head.norm", stream)
    h = np.maximum(z, 0)
    loss, delta = mlp.loss_of(case["loss"], linear(w, "head", h), y)
    delta = linear_backward(w, g, "head", delta, h) * (z > 0)
    delta = norm_backward(w, g, "head.norm", delta, kept)
    for i in reversed(range(BLOCKS)):
        z, kept, a = trace[i]
        d = linear_backward(w, g, f"blocks.{i}.linear2", delta, np.maximum(a, 0)) * (a > 0)
        d = linear_backward(w, g, f"blocks.{i}.linear1", d, z)
        delta = delta + norm_backward(w, g, f"blocks.{i}.norm", d, kept)
    mlp.tables_backward(g, linear_backward(w, g, "stem", delta, inputs), code)
    return loss, g


def torch_outputs(torch, case, p, inputs):
    f = torch.nn.functional

    def linear(name, x):
        return f.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])

    def norm(name, x):
        return f.batch_norm(x, None, None, p[f"{name}.weight"], p[f"{name}.bias"], training=True)

    x = linear("stem", inputs)
    for i in range(BLOCKS):
        z = f.relu(linear(f"blocks.{i}.linear1", norm(f"blocks.{i}.norm", x)))
        x = x + linear(f"blocks.{i}.linear2", z)
    return linear("head", f.relu(norm("head.norm", x)))


if __name__ == "__main__":
    mlp.main(CASES, draw, gradients, torch_outputs)
