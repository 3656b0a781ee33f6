#!/usr/bin/env python3
"""Makes realmlp.json: 20 steps of training of three small RealMLPs, in float64.

    python3 tests/golden/realmlp.py > tests/golden/realmlp.json

Needs NumPy and PyTorch; rows and format are those of mlp.py. Everything is written here as
it was published: weights w ~ N(0, 1) that the forward pass divides by sqrt(inputs), biases,
front scale, embeddings and activation shares with learning rates of their own, coslog4 and
flat_cos schedules. The engine learns w / sqrt(inputs) instead, so that this is what the file
has, with its gradient: the same steps must come out.
SPDX-License-Identifier: Apache-2.0
"""
import json
import math

import numpy as np
import torch

import mlp

WIDTHS, FREQUENCIES, EACH, EPOCHS = [12, 8], 5, 4, 8
FACTORS = {"bias": 0.1, "front": 6.0, "embedding": 0.1, "share": 0.1, "weight": 1.0}
TRAINING = {"weight_decay": 0.02, "beta2": 0.95, "clip": 0, "schedule": "coslog4",
            "weight_decay_schedule": "flat_cosine", "decayed": "all_but_biases",
            "max_epochs": EPOCHS, "batch_size": mlp.BATCH,
            **{f"{key}_rate": FACTORS[key] for key in ("bias", "front", "embedding", "share")}}

CASES = [
    {"activation": "selu", "loss": "cross_entropy", "outputs": 3, "rate": 0.04, "smoothing": 0.1},
    {"activation": "selu", "loss": "binary_cross_entropy", "outputs": 1, "rate": 0.04,
     "smoothing": 0.1},
    {"activation": "mish", "loss": "squared_error", "outputs": 1, "rate": 0.2, "smoothing": 0},
]


def with_candidate(case):
    candidate = {"family": "mlp", "mlp.layers": len(WIDTHS), "mlp.activation": case["activation"],
                 "mlp.activation_share": "learned", "mlp.parametrization": "ntk",
                 "input.numeric_embedding": "pbld", "input.embedding_width": EACH,
                 "input.embedding_frequencies": FREQUENCIES, "input.front_scale": "learned",
                 "training.learning_rate": case["rate"],
                 "training.label_smoothing": case["smoothing"]}
    candidate.update({f"mlp.width.{i}": width for i, width in enumerate(WIDTHS)})
    candidate.update({f"training.{key}": value for key, value in TRAINING.items()})
    return {**case, "candidate": candidate}


# ---- weights, as the engine has them


def draw(case, rng):
    w, width = mlp.draw_tables(rng)
    columns, made = mlp.NUMERIC, EACH - 1
    w["embeddings.numeric.frequencies"] = 0.1 * rng.normal(size=(columns, FREQUENCIES))
    w["embeddings.numeric.phases"] = rng.uniform(-math.pi, math.pi, (columns, FREQUENCIES))
    w["embeddings.numeric.weight"] = rng.uniform(-1, 1, (columns, made * FREQUENCIES)) \
        / math.sqrt(FREQUENCIES)
    w["embeddings.numeric.bias"] = rng.uniform(-1, 1, (columns, made)) / math.sqrt(FREQUENCIES)
    width += columns * made
    w["front.scale"] = rng.uniform(0.5, 1.5, (1, width))
    for name, outputs in [*((f"blocks.{i}", n) for i, n in enumerate(WIDTHS)),
                          ("head", case["outputs"])]:
        w[f"{name}.weight"] = rng.normal(size=(outputs, width)) / math.sqrt(width)
        w[f"{name}.bias"] = rng.normal(size=outputs)
        if name != "head":
            w[f"{name}.activation.share"] = rng.uniform(0.5, 1.5, outputs)
        width = outputs
    return mlp.as_floats(w)


def is_ntk(name):
    return name.endswith(".weight") and not name.startswith("embeddings")


def root_of(name, value):
    """What the forward pass divides by."""
    return math.sqrt(value.shape[1]) if is_ntk(name) else 1.0


# ---- the network, as it was published


def activation(case, share, x):
    f = {"selu": torch.selu, "mish": torch.nn.functional.mish}[case["activation"]]
    return x + (f(x) - x) * share


def outputs_of(case, p, x, code):
    columns = []
    for d in range(mlp.NUMERIC):
        v = x[:, d:d + 1]
        wave = torch.cos(2 * math.pi * v * p["embeddings.numeric.frequencies"][d]
                         + p["embeddings.numeric.phases"][d])
        weight = p["embeddings.numeric.weight"][d].reshape(EACH - 1, FREQUENCIES)
        columns += [wave @ weight.T + p["embeddings.numeric.bias"][d], v]
    for k, c in enumerate(mlp.CARDINALITY):
        table = p.get(f"embeddings.{k}.weight", torch.eye(c, dtype=torch.float64))
        columns.append(table[code[:, k]])
    h = torch.cat(columns, dim=1) * p["front.scale"]

    def linear(name):
        weight = p[f"{name}.weight"]
        return h @ weight.T / root_of(f"{name}.weight", weight) + p[f"{name}.bias"]

    for i in range(len(WIDTHS)):
        h = activation(case, p[f"blocks.{i}.activation.share"], linear(f"blocks.{i}"))
    return linear("head")


def loss_of(case, out, y):
    f, s = torch.nn.functional, case["smoothing"]
    if case["loss"] == "cross_entropy":
        return f.cross_entropy(out, y.long(), label_smoothing=s)
    if case["loss"] == "binary_cross_entropy":
        return f.binary_cross_entropy_with_logits(out[:, 0], (1 - s) * y + s / 2)
    return f.mse_loss(out[:, 0], y)


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


def set_rates(optimizer, case, t):
    for group in optimizer.param_groups:
        group["lr"] = case["rate"] * coslog4(t) * FACTORS[group["kind"]]
        group["weight_decay"] = \
            0.0 if group["kind"] == "bias" else TRAINING["weight_decay"] * flat_cos(t)


def train(case, w, x, code, y, batches):
    p = {name: torch.tensor(value * root_of(name, value), requires_grad=True)
         for name, value in w.items()}
    optimizer = torch.optim.AdamW([{"params": [t], "kind": kind_of(name)}
                                   for name, t in p.items()], betas=(0.9, TRAINING["beta2"]))
    steps = mlp.ROWS // mlp.BATCH * EPOCHS
    losses, first = [], None
    for step, rows in enumerate(batches):
        set_rates(optimizer, case, step / steps)
        loss = loss_of(case, outputs_of(case, p, torch.tensor(x[rows]), torch.tensor(code[rows])),
                       torch.tensor(y[rows]))
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        first = first or {name: t.grad.numpy() * root_of(name, t) for name, t in p.items()}
        optimizer.step()
    return losses, first


def main():
    out = []
    for number, case in enumerate(map(with_candidate, CASES)):
        rng = np.random.default_rng(number)
        w = draw(case, rng)
        x, code, y = mlp.draw_rows(case, rng)
        batches = [rng.permutation(mlp.ROWS)[:mlp.BATCH] for _ in range(mlp.STEPS)]
        losses, first = train(case, w, x, code, y, batches)
        out.append({**case, "numeric": mlp.NUMERIC, "cardinality": mlp.CARDINALITY,
                    "batch_size": mlp.BATCH, "x": mlp.rounded(x), "code": code.ravel().tolist(),
                    "y": mlp.rounded(y), "batches": np.concatenate(batches).tolist(),
                    "weights": {k: mlp.rounded(v) for k, v in w.items()},
                    "losses": [float(f"{v:.12g}") for v in losses],
                    "gradients": {k: mlp.rounded(v) for k, v in first.items()}})
    print("[" + ",\n".join(json.dumps(case) for case in out) + "]")


if __name__ == "__main__":
    main()
