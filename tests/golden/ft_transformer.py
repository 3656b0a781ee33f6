#!/usr/bin/env python3
"""Makes ft_transformer.json: 20 steps of training of two small transformers, in float64.

    python3 tests/golden/ft_transformer.py > tests/golden/ft_transformer.json

Needs NumPy alone: the network of Gorishniy et al. 2021 with gradients by a tape of this
file. Where PyTorch is found, its loss and gradients of the first batch must agree to
1e-10. The file holds what that of mlp.py does, and tests/test_golden.c trains the
engine on it; dropout is off.
SPDX-License-Identifier: Apache-2.0
"""
import json
import math
import sys

import numpy as np

NUMERIC, CARDINALITY, ROWS, BATCH, STEPS = 5, [4, 18], 48, 16, 20
LEARNING_RATE, WEIGHT_DECAY, BETA1, BETA2, CLIP = 0.003, 0.1, 0.9, 0.999, 0.5

CASES = [
    {"blocks": 2, "width": 12, "heads": 3, "hidden": 16, "activation": "reglu",
     "loss": "cross_entropy", "outputs": 3},
    {"blocks": 1, "width": 8, "heads": 1, "hidden": 8, "activation": "gelu",
     "loss": "squared_error", "outputs": 1},
]

erf = np.vectorize(math.erf)


# ---- a tape: each step keeps how its gradient goes back


class Tape:
    def __init__(self, value, parents=(), back=None):
        self.value, self.parents, self.back, self.grad = value, parents, back, None

    def add(self, other):
        return Tape(self.value + other.value, (self, other), lambda d: (d, d))

    def mul(self, other):
        return Tape(self.value * other.value, (self, other),
                    lambda d: (d * other.value, d * self.value))

    def einsum(self, how, other):
        a, b, out = how.replace("->", ",").split(",")
        return Tape(np.einsum(how, self.value, other.value), (self, other),
                    lambda d: (np.einsum(f"{out},{b}->{a}", d, other.value),
                               np.einsum(f"{a},{out}->{b}", self.value, d)))

    def map(self, value, slope):
        return Tape(value, (self,), lambda d: (d * slope,))

    def linear(self, w, b):
        letters = "xyz"[:self.value.ndim - 1]
        return self.einsum(f"{letters}i,oi->{letters}o", w).add(b)

    def shape(self, shape):
        return Tape(self.value.reshape(shape), (self,),
                    lambda d: (d.reshape(self.value.shape),))

    def take(self, key):
        def back(d):
            whole = np.zeros_like(self.value)
            np.add.at(whole, key, d)
            return (whole,)
        return Tape(self.value[key], (self,), back)

    def softmax(self):
        e = np.exp(self.value - self.value.max(axis=-1, keepdims=True))
        p = e / e.sum(axis=-1, keepdims=True)
        return Tape(p, (self,), lambda d: (p * (d - (d * p).sum(axis=-1, keepdims=True)),))

    def layer_norm(self, w, b):
        x = self.value
        rstd = 1 / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
        xhat = (x - x.mean(axis=-1, keepdims=True)) * rstd

        def back(d):
            return (rstd * (d - d.mean(axis=-1, keepdims=True)
                            - xhat * (d * xhat).mean(axis=-1, keepdims=True)),)
        return Tape(xhat, (self,), back).mul(w).add(b)

    def relu(self):
        return self.map(np.maximum(self.value, 0), (self.value > 0) * 1.0)

    def gelu(self):
        z = self.value
        p = 0.5 * (1 + erf(z / math.sqrt(2)))
        return self.map(z * p, p + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi))

    def backward(self, delta):
        order, seen = [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent in node.parents:
                    visit(parent)
                order.append(node)
        visit(self)
        self.grad = delta
        for node in reversed(order):
            for parent, d in zip(node.parents, node.back(node.grad) if node.back else ()):
                extra = d.ndim - parent.value.ndim  # what was broadcast is summed
                d = d.sum(axis=tuple(range(extra))) if extra else d
                parent.grad = d if parent.grad is None else parent.grad + d


def concat(parts):
    ends = np.cumsum([part.value.shape[1] for part in parts])[:-1]
    return Tape(np.concatenate([part.value for part in parts], axis=1), tuple(parts),
                lambda d: tuple(np.split(d, ends, axis=1)))


# ---- weights and data, rounded to float32 so that the engine starts from the same numbers


def draw(case, rng):
    d, h = case["width"], case["hidden"]
    first = 2 * h if case["activation"] == "reglu" else h

    def uniform(*shape):
        return rng.uniform(-1, 1, shape) / math.sqrt(shape[-1])

    w = {f"embeddings.{k}.weight": uniform(c, d) for k, c in enumerate(CARDINALITY)}
    w["tokens.cls"] = uniform(d)
    w["tokens.weight"], w["tokens.bias"] = uniform(NUMERIC, d), uniform(NUMERIC, d)
    w["tokens.table_bias"] = uniform(len(CARDINALITY), d)
    norms = [f"blocks.{i}.ffn.norm" for i in range(case["blocks"])]
    norms += [f"blocks.{i}.attention.norm" for i in range(1, case["blocks"])]
    for name in norms + ["head.norm"]:
        w[f"{name}.weight"], w[f"{name}.bias"] = rng.uniform(0.5, 1.5, d), uniform(d)
    linears = {"head": (case["outputs"], d)}
    for i in range(case["blocks"]):
        linears[f"blocks.{i}.attention.qkv"] = (3 * d, d)
        linears[f"blocks.{i}.attention.out"] = (d, d)
        linears[f"blocks.{i}.ffn.linear1"] = (first, d)
        linears[f"blocks.{i}.ffn.linear2"] = (d, h)
    for name, (o, n) in linears.items():
        w[f"{name}.weight"], w[f"{name}.bias"] = uniform(o, n), uniform(o)
    return {k: v.astype(np.float32).astype(np.float64) for k, v in w.items()}


def draw_rows(case, rng):
    x = rng.normal(size=(ROWS, NUMERIC)).astype(np.float32)
    code = np.stack([rng.integers(0, c, ROWS) for c in CARDINALITY], axis=1)
    if case["loss"] == "squared_error":
        y = rng.normal(size=ROWS).astype(np.float32)
    else:
        y = rng.integers(0, case["outputs"], ROWS)
    return x.astype(np.float64), code, y.astype(np.float64)


# ---- the network by the tape


def attention(case, w, x, name):
    n, t, d = x.value.shape
    heads = case["heads"]
    qkv = x.linear(w[f"{name}.qkv.weight"], w[f"{name}.qkv.bias"])
    q, k, v = (qkv.take((slice(None), slice(None), slice(i * d, (i + 1) * d)))
               .shape((n, t, heads, d // heads)) for i in range(3))
    scores = q.einsum("nihc,njhc->nhij", k).mul(Tape(np.array(math.sqrt(heads / d))))
    out = scores.softmax().einsum("nhij,njhc->nihc", v).shape((n, t, d))
    return out.linear(w[f"{name}.out.weight"], w[f"{name}.out.bias"])


def ffn(case, w, x, name):
    z = x.linear(w[f"{name}.linear1.weight"], w[f"{name}.linear1.bias"])
    h = case["hidden"]
    if case["activation"] == "reglu":
        z = z.take((..., slice(0, h))).mul(z.take((..., slice(h, 2 * h))).relu())
    else:
        z = z.gelu()
    return z.linear(w[f"{name}.linear2.weight"], w[f"{name}.linear2.bias"])


def outputs(case, w, x, code):
    def norm(z, name):
        return z.layer_norm(w[f"{name}.weight"], w[f"{name}.bias"])

    n = len(x)
    numbers = w["tokens.weight"].einsum("td,nt->ntd", Tape(x)).add(w["tokens.bias"])
    tables = concat([w[f"embeddings.{k}.weight"].take(code[:, k]).shape((n, 1, -1))
                     for k in range(len(CARDINALITY))]).add(w["tokens.table_bias"])
    cls = Tape(np.ones((n, 1))).einsum("nt,d->ntd", w["tokens.cls"])
    s = concat([cls, numbers, tables])
    for i in range(case["blocks"]):
        z = norm(s, f"blocks.{i}.attention.norm") if i > 0 else s
        s = s.add(attention(case, w, z, f"blocks.{i}.attention"))
        s = s.add(ffn(case, w, norm(s, f"blocks.{i}.ffn.norm"), f"blocks.{i}.ffn"))
    s = norm(s.take((slice(None), 0)), "head.norm").relu()
    return s.linear(w["head.weight"], w["head.bias"])


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
    return ((o - y) ** 2).mean(), (2 * (o - y) / n)[:, None]


def gradients(case, w, x, code, y):
    leaves = {k: Tape(v) for k, v in w.items()}
    out = outputs(case, leaves, x, code)
    loss, delta = loss_of(case["loss"], out.value, y)
    out.backward(delta)
    return loss, {k: leaf.grad for k, leaf in leaves.items()}


def decays(name):
    return name.endswith("weight") and not any(
        part in name for part in ("norm", "embeddings", "tokens"))


def train(case, w, x, code, y, batches):
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


# ---- the same by PyTorch: loss and gradients of the first batch


def compare_with_torch(case, w, x, code, y, losses, first):
    try:
        import torch
    except ImportError:
        return
    f = torch.nn.functional
    p = {k: torch.tensor(v, requires_grad=True) for k, v in w.items()}
    d, n, heads = case["width"], len(x), case["heads"]

    def norm(z, name):
        return f.layer_norm(z, (d,), p[f"{name}.weight"], p[f"{name}.bias"])

    def linear(z, name):
        return f.linear(z, p[f"{name}.weight"], p[f"{name}.bias"])

    tables = torch.stack([p[f"embeddings.{k}.weight"][torch.tensor(code[:, k])]
                          for k in range(len(CARDINALITY))], dim=1)
    s = torch.cat([p["tokens.cls"].expand(n, 1, d),
                   torch.tensor(x)[..., None] * p["tokens.weight"] + p["tokens.bias"],
                   tables + p["tokens.table_bias"]], dim=1)
    for i in range(case["blocks"]):
        name = f"blocks.{i}"
        z = norm(s, f"{name}.attention.norm") if i > 0 else s
        q, k, v = (part.reshape(n, -1, heads, d // heads).transpose(1, 2)
                   for part in linear(z, f"{name}.attention.qkv").chunk(3, dim=-1))
        a = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(d // heads), dim=-1) @ v
        s = s + linear(a.transpose(1, 2).reshape(n, -1, d), f"{name}.attention.out")
        z = linear(norm(s, f"{name}.ffn.norm"), f"{name}.ffn.linear1")
        if case["activation"] == "reglu":
            a, b = z.chunk(2, dim=-1)
            z = a * f.relu(b)
        else:
            z = f.gelu(z)
        s = s + linear(z, f"{name}.ffn.linear2")
    out, labels = linear(f.relu(norm(s[:, 0], "head.norm")), "head"), torch.tensor(y)
    loss = (f.cross_entropy(out, labels.long()) if case["loss"] == "cross_entropy"
            else f.mse_loss(out[:, 0], labels))
    loss.backward()
    worst = max([abs(loss.item() - losses[0])]
                + [abs(first[k] - t.grad.numpy()).max() for k, t in p.items()])
    print(f"{case['activation']}: PyTorch differs by {worst:.1e}", file=sys.stderr)
    assert worst < 1e-10


def rounded(array):
    return [float(f"{v:.9g}") for v in np.asarray(array).ravel()]


def settings(case):
    keys = {"blocks": case["blocks"], "token_width": case["width"], "heads": case["heads"],
            "ffn_expansion": case["hidden"] / case["width"],
            "activation": case["activation"], "attention_dropout": 0, "ffn_dropout": 0}
    return ["family=ft_transformer"] + [f"ft_transformer.{k}={v}" for k, v in keys.items()]


def main():
    out = []
    for number, case in enumerate(CASES):
        rng = np.random.default_rng(number)
        w = draw(case, rng)
        x, code, y = draw_rows(case, rng)
        batches = [rng.permutation(ROWS)[:BATCH] for _ in range(STEPS)]
        losses, first = train(case, w, x, code, y, batches)
        b = batches[0]
        compare_with_torch(case, w, x[b], code[b], y[b], losses, first)
        out.append({"settings": settings(case), "loss": case["loss"],
                    "outputs": case["outputs"], "numeric": NUMERIC,
                    "cardinality": CARDINALITY, "batch_size": BATCH,
                    "learning_rate": LEARNING_RATE, "weight_decay": WEIGHT_DECAY,
                    "beta1": BETA1, "beta2": BETA2, "clip": CLIP,
                    "x": rounded(x), "code": code.ravel().tolist(), "y": rounded(y),
                    "batches": np.concatenate(batches).tolist(),
                    "weights": {k: rounded(v) for k, v in w.items()},
                    "losses": [float(f"{v:.12g}") for v in losses],
                    "gradients": {k: rounded(v) for k, v in first.items()}})
    print("[" + ",\n".join(json.dumps(case) for case in out) + "]")


main()
