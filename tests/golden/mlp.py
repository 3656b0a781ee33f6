#!/usr/bin/env python3
"""Makes mlp.json: 20 steps of training of three small perceptrons, in float64.

    python3 tests/golden/mlp.py > tests/golden/mlp.json

Needs NumPy alone. Where PyTorch is found, the same runs are made with torch.nn and
torch.optim.AdamW in float64, and must agree to 1e-10. The file holds for each case the
settings, the weights at the start, the rows, the batches, the loss of each step and the
gradients of the first (before clipping). tests/test_golden.c trains the engine on the same.
Other families' scripts use this one.
SPDX-License-Identifier: Apache-2.0
"""
import json
import math
import sys

import numpy as np

NUMERIC, CARDINALITY, ROWS, BATCH, STEPS, WIDTHS = 6, [4, 18], 48, 16, 20, [12, 8]
LEARNING_RATE, WEIGHT_DECAY, BETA1, BETA2, CLIP = 0.01, 0.1, 0.9, 0.999, 0.5

CASES = [
    {"activation": "relu", "normalization": "none", "loss": "cross_entropy", "outputs": 3},
    {"activation": "gelu", "normalization": "layer", "loss": "binary_cross_entropy", "outputs": 1},
    {"activation": "silu", "normalization": "batch", "loss": "squared_error", "outputs": 1},
]

erf = np.vectorize(math.erf)


def embedding_width(cardinality):
    return min(32, math.ceil(1.6 * cardinality ** 0.56))


# ---- weights and data, rounded to float32 so that the engine starts from the same numbers


def draw_tables(rng):
    """The tables, and the width of the input."""
    width = NUMERIC
    weights = {}
    for k, c in enumerate(CARDINALITY):
        if c > 16:
            weights[f"embeddings.{k}.weight"] = rng.normal(size=(c, embedding_width(c))) * 0.3
        width += embedding_width(c) if c > 16 else c
    return weights, width


def as_floats(weights):
    return {k: v.astype(np.float32).astype(np.float64) for k, v in weights.items()}


def draw(case, rng):
    weights, width = draw_tables(rng)
    for i, w in enumerate(WIDTHS):
        weights[f"blocks.{i}.weight"] = rng.uniform(-1, 1, (w, width)) / math.sqrt(width)
        weights[f"blocks.{i}.bias"] = rng.uniform(-1, 1, w) / math.sqrt(width)
        if case["normalization"] != "none":
            weights[f"blocks.{i}.norm.weight"] = rng.uniform(0.5, 1.5, w)
            weights[f"blocks.{i}.norm.bias"] = rng.uniform(-0.5, 0.5, w)
        width = w
    weights["head.weight"] = rng.uniform(-1, 1, (case["outputs"], width)) / math.sqrt(width)
    weights["head.bias"] = rng.uniform(-1, 1, case["outputs"]) / math.sqrt(width)
    return as_floats(weights)


def draw_rows(case, rng):
    x = rng.normal(size=(ROWS, NUMERIC)).astype(np.float32)
    code = np.stack([rng.integers(0, c, ROWS) for c in CARDINALITY], axis=1)
    if case["loss"] == "squared_error":
        y = rng.normal(size=ROWS).astype(np.float32)
    else:
        y = rng.integers(0, max(2, case["outputs"]), ROWS)
    return x.astype(np.float64), code, y.astype(np.float64)


# ---- one network: forward, loss, backward


def activation(name, z):
    """The value and the slope."""
    if name == "relu":
        return np.maximum(z, 0), (z > 0) * 1.0
    if name == "gelu":
        p = 0.5 * (1 + erf(z / math.sqrt(2)))
        return z * p, p + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    s = 1 / (1 + np.exp(-z))
    return z * s, s * (1 + z * (1 - s))


def encode(w, x, code):
    columns = [x]
    for k, c in enumerate(CARDINALITY):
        table = w.get(f"embeddings.{k}.weight", np.eye(c))
        columns.append(table[code[:, k]])
    return np.concatenate(columns, axis=1)


def loss_of(name, out, y):
    """The mean and its gradient by the outputs."""
    n = len(y)
    if name == "cross_entropy":
        e = np.exp(out - out.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        at = (np.arange(n), y.astype(int))
        delta = p.copy()
        delta[at] -= 1
        return -np.log(p[at]).mean(), delta / n
    o = out[:, 0]
    if name == "binary_cross_entropy":
        loss = np.maximum(o, 0) - o * y + np.log1p(np.exp(-np.abs(o)))
        return loss.mean(), ((1 / (1 + np.exp(-o)) - y) / n)[:, None]
    return ((o - y) ** 2).mean(), (2 * (o - y) / n)[:, None]


def gradients(case, w, x, code, y):
    norm_axis = {"layer": 1, "batch": 0}.get(case["normalization"])
    h = encode(w, x, code)
    trace = []
    for i in range(len(WIDTHS)):
        z = h @ w[f"blocks.{i}.weight"].T + w[f"blocks.{i}.bias"]
        xhat = rstd = None
        if norm_axis is not None:
            rstd = 1 / np.sqrt(z.var(axis=norm_axis, keepdims=True) + 1e-5)
            xhat = (z - z.mean(axis=norm_axis, keepdims=True)) * rstd
            z = xhat * w[f"blocks.{i}.norm.weight"] + w[f"blocks.{i}.norm.bias"]
        value, slope = activation(case["activation"], z)
        trace.append((h, xhat, rstd, slope))
        h = value
    loss, delta = loss_of(case["loss"], h @ w["head.weight"].T + w["head.bias"], y)
    g = {"head.weight": delta.T @ h, "head.bias": delta.sum(axis=0)}
    delta = delta @ w["head.weight"]
    for i in reversed(range(len(WIDTHS))):
        h, xhat, rstd, slope = trace[i]
        delta = delta * slope
        if norm_axis is not None:
            g[f"blocks.{i}.norm.weight"] = (delta * xhat).sum(axis=0)
            g[f"blocks.{i}.norm.bias"] = delta.sum(axis=0)
            d = delta * w[f"blocks.{i}.norm.weight"]
            delta = rstd * (d - d.mean(axis=norm_axis, keepdims=True)
                            - xhat * (d * xhat).mean(axis=norm_axis, keepdims=True))
        g[f"blocks.{i}.weight"] = delta.T @ h
        g[f"blocks.{i}.bias"] = delta.sum(axis=0)
        delta = delta @ w[f"blocks.{i}.weight"]
    tables_backward(g, delta, code)
    return loss, g


def tables_backward(g, delta, code):
    at = NUMERIC
    for k, c in enumerate(CARDINALITY):
        width = embedding_width(c) if c > 16 else c
        if c > 16:
            table = np.zeros((c, width))
            np.add.at(table, code[:, k], delta[:, at:at + width])
            g[f"embeddings.{k}.weight"] = table
        at += width


def decays(name):
    return name.endswith("weight") and "norm" not in name and "embeddings" not in name


def train(case, gradients, w, x, code, y, batches):
    w = {k: v.copy() for k, v in w.items()}
    m = {k: np.zeros_like(v) for k, v in w.items()}
    v = {k: np.zeros_like(p) for k, p in w.items()}
    losses, first = [], None
    for t, rows in enumerate(batches, 1):
        loss, g = gradients(case, w, x[rows], code[rows], y[rows])
        losses.append(loss)
        first = first or g
        norm = math.sqrt(sum((p ** 2).sum() for p in g.values()))
        scale = min(1.0, CLIP / (norm + 1e-6))
        for k in w:
            d = g[k] * scale
            m[k] = BETA1 * m[k] + (1 - BETA1) * d
            v[k] = BETA2 * v[k] + (1 - BETA2) * d * d
            w[k] = w[k] * (1 - LEARNING_RATE * (WEIGHT_DECAY if decays(k) else 0))
            w[k] -= (LEARNING_RATE * m[k] / (1 - BETA1 ** t)
                     / (np.sqrt(v[k] / (1 - BETA2 ** t)) + 1e-8))
    return losses, first


# ---- the same by PyTorch


def torch_outputs(torch, case, p, inputs):
    norm, f, h = case["normalization"], torch.nn.functional, inputs
    acts = {"relu": f.relu, "gelu": f.gelu, "silu": f.silu}
    for i, width in enumerate(WIDTHS):
        h = f.linear(h, p[f"blocks.{i}.weight"], p[f"blocks.{i}.bias"])
        if norm == "layer":
            h = f.layer_norm(h, (width,), p[f"blocks.{i}.norm.weight"], p[f"blocks.{i}.norm.bias"])
        elif norm == "batch":
            h = f.batch_norm(h, None, None, p[f"blocks.{i}.norm.weight"],
                             p[f"blocks.{i}.norm.bias"], training=True)
        h = acts[case["activation"]](h)
    return f.linear(h, p["head.weight"], p["head.bias"])


def train_with_torch(torch, case, outputs_of, w, x, code, y, batches):
    p = {k: torch.tensor(v, requires_grad=True) for k, v in w.items()}
    f = torch.nn.functional

    def run(rows):
        columns = [torch.tensor(x[rows])]
        for k, c in enumerate(CARDINALITY):
            table = p.get(f"embeddings.{k}.weight", torch.eye(c, dtype=torch.float64))
            columns.append(table[torch.tensor(code[rows, k])])
        return outputs_of(torch, case, p, torch.cat(columns, dim=1))

    groups = [{"params": [t for k, t in p.items() if decays(k)], "weight_decay": WEIGHT_DECAY},
              {"params": [t for k, t in p.items() if not decays(k)], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(BETA1, BETA2))
    losses, first = [], None
    for rows in batches:
        out, labels = run(rows), torch.tensor(y[rows])
        if out.dim() == 3:  # members, each with its loss
            labels = labels.repeat_interleave(out.shape[1])
            out = out.reshape(-1, out.shape[2])
        if case["loss"] == "cross_entropy":
            loss = f.cross_entropy(out, labels.long())
        elif case["loss"] == "binary_cross_entropy":
            loss = f.binary_cross_entropy_with_logits(out[:, 0], labels)
        else:
            loss = f.mse_loss(out[:, 0], labels)
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        first = first or {k: t.grad.numpy().copy() for k, t in p.items()}
        torch.nn.utils.clip_grad_norm_(list(p.values()), CLIP)
        optimizer.step()
    return losses, first


def compare_with_torch(case, outputs_of, w, x, code, y, batches, losses, first):
    try:
        import torch
    except ImportError:
        return
    others, gradient = train_with_torch(torch, case, outputs_of, w, x, code, y, batches)
    worst = max(abs(a - b) for a, b in zip(losses, others))
    worst = max([worst] + [abs(first[k] - gradient[k]).max() for k in first])
    print(f"{case['candidate']}: PyTorch differs by {worst:.1e}", file=sys.stderr)
    assert worst < 1e-10


def rounded(array):
    return [float(f"{v:.9g}") for v in np.asarray(array).ravel()]


def main(cases, draw, gradients, outputs_of):
    out = []
    for number, case in enumerate(cases):
        rng = np.random.default_rng(number)
        w = draw(case, rng)
        x, code, y = draw_rows(case, rng)
        batches = [rng.permutation(ROWS)[:BATCH] for _ in range(STEPS)]
        losses, first = train(case, gradients, w, x, code, y, batches)
        compare_with_torch(case, outputs_of, w, x, code, y, batches, losses, first)
        out.append({**case, "numeric": NUMERIC, "cardinality": CARDINALITY,
                    "batch_size": BATCH, "learning_rate": LEARNING_RATE,
                    "weight_decay": WEIGHT_DECAY, "beta1": BETA1, "beta2": BETA2, "clip": CLIP,
                    "x": rounded(x), "code": code.ravel().tolist(), "y": rounded(y),
                    "batches": np.concatenate(batches).tolist(),
                    "weights": {k: rounded(v) for k, v in w.items()},
                    "losses": [float(f"{v:.12g}") for v in losses],
                    "gradients": {k: rounded(v) for k, v in first.items()}})
    print("[" + ",\n".join(json.dumps(case) for case in out) + "]")


def with_candidate(case):
    candidate = {"family": "mlp", "mlp.layers": len(WIDTHS), "mlp.activation": case["activation"],
                 "mlp.normalization": case["normalization"]}
    candidate.update({f"mlp.width.{i}": width for i, width in enumerate(WIDTHS)})
    return {**case, "candidate": candidate}


if __name__ == "__main__":
    main([with_candidate(case) for case in CASES], draw, gradients, torch_outputs)
