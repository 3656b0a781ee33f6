#!/usr/bin/env python3
"""Makes realmlp.json: three small RealMLPs; see golden.py.

Everything is written here as it was published: weights w ~ N(0, 1) that the forward pass
divides by sqrt(inputs), biases, front scale, embeddings and activation shares with learning
rates of their own, coslog4 and flat_cos schedules. The engine learns w / sqrt(inputs)
instead, so that this is what the file has, with its gradient: the same steps must come out.
SPDX-License-Identifier: Apache-2.0
"""
import math

import torch

import golden
from golden import case

WIDTHS, FREQUENCIES, EACH, EPOCHS = [12, 8], 5, 4, 8
FACTORS = {"bias": 0.1, "front": 6.0, "embedding": 0.1, "share": 0.1, "weight": 1.0}
RECIPE = {"weight_decay": 0.02, "beta2": 0.95, "clip": 0, "schedule": "coslog4",
          "weight_decay_schedule": "flat_cosine", "decayed": "all_but_biases",
          "max_epochs": EPOCHS,
          **{f"{key}_rate": FACTORS[key] for key in ("bias", "front", "embedding", "share")}}


def candidate(activation):
    return {"family": "mlp", "mlp.layers": len(WIDTHS), "mlp.activation": activation,
            "mlp.activation_share": "learned", "mlp.parametrization": "ntk",
            "input.numeric_embedding": "pbld", "input.embedding_width": EACH,
            "input.embedding_frequencies": FREQUENCIES, "input.front_scale": "learned",
            **{f"mlp.width.{i}": width for i, width in enumerate(WIDTHS)}}


OF_CLASSES = {**RECIPE, "learning_rate": 0.04, "label_smoothing": 0.1}
OF_VALUES = {**RECIPE, "learning_rate": 0.2}

CASES = [
    case(candidate("selu"), "cross_entropy", outputs=3, training=OF_CLASSES),
    case(candidate("selu"), "binary_cross_entropy", training=OF_CLASSES),
    case(candidate("mish"), "squared_error", training=OF_VALUES),
]


def draw(problem, rng, x):
    w, width = golden.draw_inputs(problem, rng, x)
    w["front.scale"] = rng.uniform(0.5, 1.5, (1, width))
    for name, outputs in [*((f"blocks.{i}", n) for i, n in enumerate(WIDTHS)),
                          ("head", problem["outputs"])]:
        w[f"{name}.weight"] = rng.normal(size=(outputs, width)) / math.sqrt(width)
        w[f"{name}.bias"] = rng.normal(size=outputs)
        if name != "head":
            w[f"{name}.activation.share"] = rng.uniform(0.5, 1.5, outputs)
        width = outputs
    return w


# ---- the network, as it was published


def root_of(name, value):
    """What the forward pass divides by."""
    is_ntk = name.endswith(".weight") and not name.startswith("embeddings")
    return math.sqrt(value.shape[1]) if is_ntk else 1.0


def outputs_of(problem, p, x, code):
    f = getattr(torch.nn.functional, problem["candidate"]["mlp.activation"])
    h = golden.inputs(problem, p, x, code) * p["front.scale"]

    def linear(name):
        weight = p[f"{name}.weight"]
        return h @ weight.T / root_of(f"{name}.weight", weight) + p[f"{name}.bias"]

    for i in range(len(WIDTHS)):
        z = linear(f"blocks.{i}")
        h = z + (f(z) - z) * p[f"blocks.{i}.activation.share"]
    return linear("head")


# ---- its training


def kind_of(name):
    if name.endswith("bias"):
        return "bias"
    if name == "front.scale":
        return "front"
    if name.startswith("embeddings.numeric"):
        return "embedding"
    return "share" if name.endswith("share") else "weight"


def coslog4(t):
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t)))


def flat_cos(t):
    return 1.0 if t < 0.5 else 0.5 * (1 + math.cos(math.pi * (2 * t - 1)))


class Scheme:
    root = staticmethod(root_of)

    @staticmethod
    def groups(_problem, p):
        return [{"params": [t], "kind": kind_of(name)} for name, t in p.items()]

    @staticmethod
    def before_step(optimizer, problem, step):
        t = step / (golden.ROWS // golden.BATCH * EPOCHS)
        rate = problem["candidate"]["training.learning_rate"] * coslog4(t)
        for group in optimizer.param_groups:
            group["lr"] = rate * FACTORS[group["kind"]]
            group["weight_decay"] = \
                0.0 if group["kind"] == "bias" else RECIPE["weight_decay"] * flat_cos(t)


if __name__ == "__main__":
    golden.main()
