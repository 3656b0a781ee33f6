"""What the scripts of this folder share: rows, input embeddings, training by PyTorch.

    python3 tests/golden/NAME.py > tests/golden/NAME.json

makes the file of a family, or of a preset, with PyTorch alone (Debian's python3-torch; where
its BLAS does not know the processor, OPENBLAS_CORETYPE=SkylakeX or Haswell says which one it
is). All is computed in float64, by torch.nn.functional, autograd and torch.optim.AdamW, from
weights and rows that are float32, with dropout off. The file holds for each case the
candidate, the weights at the start, the rows, the batches, the loss of each of 20 steps and
all gradients of the first, before clipping; tests/test_golden.c trains the engine on the
same, and has the tolerances. SPDX-License-Identifier: Apache-2.0
"""
import json
import math
import sys

import numpy as np
import torch

NUMERIC, CARDINALITY, ROWS, BATCH, STEPS = 6, [4, 18], 48, 16, 20
TRAINING = {"learning_rate": 0.01, "weight_decay": 0.1, "clip": 0.5, "batch_size": BATCH}
BETA1 = 0.9


def case(candidate, loss, outputs=1, cardinality=CARDINALITY, training=None):
    """A candidate with its recipe, and the problem that it is trained on."""
    recipe = {f"training.{key}": value for key, value in {**TRAINING, **(training or {})}.items()}
    return {"candidate": {**candidate, **recipe}, "loss": loss, "outputs": outputs,
            "numeric": NUMERIC, "cardinality": cardinality}


def with_embedding(candidate, kind):
    """The candidate with 3 inputs a numeric column, by 4 bins or frequencies."""
    pieces = "input.embedding_bins" if kind == "piecewise_linear" else \
        "input.embedding_frequencies"
    return {**candidate, "input.numeric_embedding": kind, "input.embedding_width": 3, pieces: 4}


# ---- rows


def draw_rows(problem, rng):
    x = rng.normal(size=(ROWS, NUMERIC)).astype(np.float32)
    code = np.stack([np.zeros(ROWS, int)] + [rng.integers(0, c, ROWS)
                                             for c in problem["cardinality"]], axis=1)[:, 1:]
    if is_of_values(problem):
        y = rng.normal(size=ROWS).astype(np.float32)
    else:
        y = rng.integers(0, max(2, problem["outputs"]), ROWS)
    return x.astype(np.float64), code, y.astype(np.float64)


def is_of_values(problem):
    return problem["loss"] in ("squared_error", "huber")


# ---- the inputs: numbers, embedded or not, then a table or one-hot columns each


def embedding_of(problem):
    """Its kind, width and number of bins or frequencies."""
    key = problem["candidate"]
    return (key.get("input.numeric_embedding", "none"), key.get("input.embedding_width"),
            key.get("input.embedding_bins") or key.get("input.embedding_frequencies"))


def draw_numeric(problem, rng, x):
    """Weights of the embedding of numbers, and the width of what it gives."""
    kind, each, pieces = embedding_of(problem)
    if kind == "none":
        return {}, NUMERIC
    made = each - 1 if kind == "pbld" else each
    fan_in = 2 * pieces if kind == "periodic" else pieces
    w = {"weight": rng.uniform(-1, 1, (NUMERIC, made * fan_in)) / math.sqrt(fan_in),
         "bias": rng.uniform(-1, 1, (NUMERIC, made)) / math.sqrt(fan_in)}
    if kind == "piecewise_linear":
        w["bins"] = np.quantile(x, np.linspace(0, 1, pieces + 1), axis=0).T
    else:
        w["frequencies"] = 0.2 * rng.normal(size=(NUMERIC, pieces))
    if kind == "pbld":
        w["phases"] = rng.uniform(-math.pi, math.pi, (NUMERIC, pieces))
    return {f"embeddings.numeric.{name}": value for name, value in w.items()}, NUMERIC * each


def table_width(cardinality):
    return min(32, math.ceil(1.6 * cardinality ** 0.56))


def draw_inputs(problem, rng, x):
    """Weights of all embeddings, and the width of the inputs."""
    w, width = draw_numeric(problem, rng, x)
    for k, c in enumerate(problem["cardinality"]):
        if c > 16:
            w[f"embeddings.{k}.weight"] = rng.normal(size=(c, table_width(c))) * 0.3
        width += table_width(c) if c > 16 else c
    return w, width


def piecewise(edges, v):
    """The share of each bin that lies below v; the first and the last go on beyond."""
    parts = (v - edges[:-1]) / (edges[1:] - edges[:-1])
    low = torch.full_like(edges[1:], 0.0)
    high = torch.full_like(edges[1:], 1.0)
    low[0], high[-1] = -math.inf, math.inf
    return torch.minimum(torch.maximum(parts, low), high)


def embed_column(kind, p, d, v):
    """(rows, 1): (rows, each)"""
    bias = p["embeddings.numeric.bias"][d]
    weight = p["embeddings.numeric.weight"][d]
    if kind == "piecewise_linear":
        e = piecewise(p["embeddings.numeric.bins"][d], v)
        return e @ weight.reshape(e.shape[1], -1) + bias
    turns = 2 * math.pi * v * p["embeddings.numeric.frequencies"][d]
    if kind == "periodic":
        e = torch.cat([torch.cos(turns), torch.sin(turns)], dim=1)
        return torch.relu(e @ weight.reshape(-1, e.shape[1]).T + bias)
    e = torch.cos(turns + p["embeddings.numeric.phases"][d])
    return torch.cat([e @ weight.reshape(-1, e.shape[1]).T + bias, v], dim=1)


def inputs(problem, p, x, code):
    kind = embedding_of(problem)[0]
    columns = [x] if kind == "none" else [embed_column(kind, p, d, x[:, d:d + 1])
                                          for d in range(NUMERIC)]
    for k, c in enumerate(problem["cardinality"]):
        table = p.get(f"embeddings.{k}.weight", torch.eye(c, dtype=torch.float64))
        columns.append(table[code[:, k]])
    return torch.cat(columns, dim=1)


# ---- weights that all families draw alike


def draw_linear(w, rng, name, outputs, width):
    w[f"{name}.weight"] = rng.uniform(-1, 1, (outputs, width)) / math.sqrt(width)
    w[f"{name}.bias"] = rng.uniform(-1, 1, outputs) / math.sqrt(width)


def draw_norm(w, rng, name, width):
    w[f"{name}.weight"] = rng.uniform(0.5, 1.5, width)
    w[f"{name}.bias"] = rng.uniform(-0.5, 0.5, width)


def linear(p, name, x):
    return torch.nn.functional.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])


def layer_norm(p, name, x):
    weight = p[f"{name}.weight"]
    return torch.nn.functional.layer_norm(x, weight.shape, weight, p[f"{name}.bias"])


def batch_norm(p, name, x):
    return torch.nn.functional.batch_norm(x, None, None, p[f"{name}.weight"], p[f"{name}.bias"],
                                          training=True)


# ---- training


def loss_of(problem, out, y):
    """The mean over rows; where there are members (rows, members, outputs), each has its
    loss."""
    f = torch.nn.functional
    if out.dim() == 3:
        y = y.repeat_interleave(out.shape[1])
        out = out.reshape(-1, out.shape[2])
    smoothing = problem["candidate"].get("training.label_smoothing", 0)
    if problem["loss"] == "cross_entropy":
        return f.cross_entropy(out, y.long(), label_smoothing=smoothing)
    if problem["loss"] == "binary_cross_entropy":
        return f.binary_cross_entropy_with_logits(out[:, 0], (1 - smoothing) * y + smoothing / 2)
    return (f.huber_loss if problem["loss"] == "huber" else f.mse_loss)(out[:, 0], y)


def decays(name):
    return name.endswith("weight") and not any(
        part in name for part in ("norm", "embeddings", "tokens"))


def plain_groups(problem, p):
    training = problem["candidate"]
    return [{"params": [t], "lr": training["training.learning_rate"],
             "weight_decay": training["training.weight_decay"] if decays(name) else 0.0}
            for name, t in p.items()]


class Plain:
    """The parameters are those of the engine; rates are constant."""

    @staticmethod
    def root(_name, _value):
        """By what a parameter is larger than the engine's."""
        return 1.0

    groups = staticmethod(plain_groups)

    @staticmethod
    def before_step(_optimizer, _problem, _step):
        pass


def train(problem, w, outputs_of, scheme, rows, batches):
    """The losses, and the gradients of the first step, as the engine has them."""
    x, code, y = (torch.tensor(values) for values in rows)
    p = {name: torch.tensor(value * scheme.root(name, value)) for name, value in w.items()}
    learnt = {name: t.requires_grad_() for name, t in p.items() if not name.endswith("bins")}
    training = problem["candidate"]
    betas = BETA1, training.get("training.beta2", 0.999)
    optimizer = torch.optim.AdamW(scheme.groups(problem, learnt), betas=betas)
    losses, first = [], None
    for step, batch in enumerate(batches):
        scheme.before_step(optimizer, problem, step)
        loss = loss_of(problem, outputs_of(problem, p, x[batch], code[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        first = first or {name: t.grad.numpy() * scheme.root(name, t)
                          for name, t in learnt.items()}
        if training["training.clip"]:
            torch.nn.utils.clip_grad_norm_(learnt.values(), training["training.clip"])
        optimizer.step()
    return losses, first


# ---- the file


def rounded(array):
    """Nine digits; what only rounding has left of a zero is one, whatever the machine."""
    return [float(f"{v:.9g}") if abs(v) > 1e-12 else 0.0 for v in np.asarray(array).ravel()]


def make(problem, seed, draw, outputs_of, scheme):
    rng = np.random.default_rng(seed)
    rows = draw_rows(problem, rng)
    w = {name: value.astype(np.float32).astype(np.float64)
         for name, value in draw(problem, rng, rows[0]).items()}
    batches = [rng.permutation(ROWS)[:BATCH] for _ in range(STEPS)]
    losses, first = train(problem, w, outputs_of, scheme, rows, batches)
    return {**problem, "x": rounded(rows[0]), "code": rows[1].ravel().tolist(),
            "y": rounded(rows[2]), "batches": np.concatenate(batches).tolist(),
            "weights": {name: rounded(value) for name, value in w.items()},
            "losses": [float(f"{loss:.12g}") for loss in losses],
            "gradients": {name: rounded(value) for name, value in first.items()}}


def cases_of(family):
    """What the file of a script has: the script is a module with CASES, draw(), outputs_of()
    and, unless it is Plain, a Scheme."""
    torch.set_num_threads(1)
    scheme = getattr(family, "Scheme", Plain)
    return [make(problem, seed, family.draw, family.outputs_of, scheme)
            for seed, problem in enumerate(family.CASES)]


def main():
    made = cases_of(sys.modules["__main__"])
    print("[" + ",\n".join(json.dumps(each) for each in made) + "]")
