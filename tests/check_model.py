#!/usr/bin/env python3
"""Rebuilds a saved model from docs/model-format.md alone and repeats its predictions.

usage: check_model.py MODEL.h5 GROUP DATA.csv PREDICTIONS.csv [MEMBERS]

DATA.csv is what `nas-tl predict` read, PREDICTIONS.csv what it wrote, with
--members MEMBERS. Every number has to agree to 1e-5 (of its size or of the spread of all,
where one is greater than 1). Needs h5py and NumPy, nothing of nas-tl's own; exit code 77
without them.
SPDX-License-Identifier: Apache-2.0
"""
import csv
import gzip
import json
import math
import sys

try:
    import h5py
    import numpy as np
except ImportError as absent:
    print(f"SKIP: {absent.name} is not installed: the model was not rebuilt; "
          "install python3-h5py and python3-numpy")
    sys.exit(77)

TOLERANCE = 1e-5  # float32 sums in another order, times the spread of a label
MISSING = {"", "NA", "NaN", "?", "nan", "null", "NULL"}
erf = np.vectorize(math.erf, otypes=[float])


def read_csv(path):
    """The header and the columns as texts."""
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}, len(rows) - 1


def texts(group, name):
    return [item.decode() for item in group[name][()]] if name in group else []


def number_of(text):
    """float32, NaN where it is missing."""
    try:
        value = np.float32(float(text)) if text not in MISSING else np.nan
    except ValueError:
        value = np.nan
    return value if np.isfinite(value) else np.nan


class Layout:
    def __init__(self, group):
        self.task = group.attrs["task"]
        self.numbers, self.codes = int(group.attrs["numeric"]), int(group.attrs["categorical"])
        self.classes = texts(group, "classes")
        self.names = texts(group, "features")
        self.columns = {key: group[key][()] for key in
                        ("kind", "at", "indicator", "levels_of", "missing_level")}
        self.levels = texts(group, "levels")

    def features(self):
        used = 0
        for i, name in enumerate(self.names):
            feature = {key: int(column[i]) for key, column in self.columns.items()}
            levels = self.levels[used:used + feature["levels_of"]]
            used += feature["levels_of"]
            yield name, feature, levels


def scale(group, at, values):
    if group.attrs["scaling"] == "standard":
        return (values - group["mean"][at]) * group["scale"][at]
    if group.attrs["scaling"] == "robust":
        c = (values - group["mean"][at]) * group["scale"][at]
        return c / np.sqrt(1 + (c / 3) ** 2)
    knots = int(group["knots"][at])
    return np.interp(values, group["knots_x"][at, :knots].astype(float),
                     group["knots_y"][at, :knots].astype(float))


def shortest(text):
    """A number in a column of categories counts as its shortest text."""
    try:
        return f"{float(text):.17g}" if float(text) != float(f"{float(text):.15g}") \
            else f"{float(text):.15g}"
    except ValueError:
        return text


def code_of(text, levels, missing_level):
    if text in MISSING:
        return len(levels) + 1 if missing_level else 0
    for known in (text, shortest(text)):
        if known in levels:
            return levels.index(known) + 1
    return 0


def inputs_of(model, layout, data, rows):
    """The numbers and, by column of codes, its codes and cardinality."""
    x = np.zeros((rows, layout.numbers), np.float32)
    codes = [None] * layout.codes
    statistics = model["preprocessing/statistics"]
    for name, feature, levels in layout.features():
        column, at = data.get(name, [""] * rows), feature["at"]
        if feature["kind"] == 1:
            code = [code_of(text, levels, feature["missing_level"]) for text in column]
            codes[at] = np.array(code, int), len(levels) + 1 + feature["missing_level"]
            continue
        values = np.array([number_of(text) for text in column], float)
        missing = np.isnan(values)
        values[missing] = statistics["median"][at]
        x[:, at] = scale(statistics, at, values)
        if feature["indicator"] >= 0:
            x[:, feature["indicator"]] = missing
    return x, codes


def shares(v, edges):
    """How far each number is through each of a column's bins: (rows, bins)."""
    used = 0
    while used < len(edges) - 1 and edges[used + 1] > edges[used]:
        used += 1
    e = np.zeros((len(v), len(edges) - 1))
    for t in range(used):
        e[:, t] = (v - edges[t]) / (edges[t + 1] - edges[t])
        e[:, t] = np.clip(e[:, t], 0 if t else -np.inf, 1 if t + 1 < used else np.inf)
    return e


def piecewise_linear(tensors, d, v):
    e, bias = shares(v, tensors("bins")[d]), tensors("bias")[d]
    return e @ tensors("weight")[d].reshape(-1, len(bias)) + bias


def periodic(tensors, d, v):
    turns, bias = 2 * np.pi * np.outer(v, tensors("frequencies")[d]), tensors("bias")[d]
    e = np.concatenate([np.cos(turns), np.sin(turns)], axis=1)
    return np.maximum(e @ tensors("weight")[d].reshape(len(bias), -1).T + bias, 0)


def pbld(tensors, d, v):
    turns, bias = 2 * np.pi * np.outer(v, tensors("frequencies")[d]), tensors("bias")[d]
    e = np.cos(turns + tensors("phases")[d])
    made = e @ tensors("weight")[d].reshape(len(bias), -1).T + bias
    return np.concatenate([made, v[:, None]], axis=1)


EMBEDDINGS = {kind.__name__: kind for kind in (piecewise_linear, periodic, pbld)}


def embed(model, candidate, x):
    kind = EMBEDDINGS.get(candidate.get("input.numeric_embedding", "none"))
    if not kind or x.shape[1] == 0:
        return x

    def tensors(name):
        return model[f"embeddings.numeric.{name}"][()].astype(float)
    return np.concatenate([kind(tensors, d, x[:, d].astype(float))
                           for d in range(x.shape[1])], axis=1)


def encode(model, candidate, x, codes):
    parts = [embed(model, candidate, x)]
    for k, (code, cardinality) in enumerate(codes):
        table = f"embeddings.{k}.weight"
        rows = model[table][()] if table in model else np.eye(cardinality, dtype=np.float32)
        parts.append(rows[code])
    x = np.concatenate(parts, axis=1).astype(float)
    if candidate.get("input.front_scale", "none") == "learned":
        x = x * model["front.scale"][()]
    return x


def activate(name, x):
    if name == "relu":
        return np.maximum(x, 0)
    if name == "gelu":
        return x * 0.5 * (1 + erf(x / math.sqrt(2)))
    if name == "selu":
        negative = 1.6732632423543772 * np.expm1(np.minimum(x, 0))
        return 1.0507009873554805 * np.where(x > 0, x, negative)
    if name == "mish":
        return x * np.tanh(np.logaddexp(0, x))
    return x / (1 + np.exp(-x))


def normalize(model, name, kind, x):
    if kind == "none":
        return x
    if kind == "layer":
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    else:
        mean, variance = model[f"{name}.running_mean"][()], model[f"{name}.running_var"][()]
    return (x - mean) / np.sqrt(variance + 1e-5) * model[f"{name}.weight"][()] + \
        model[f"{name}.bias"][()]


def softmax(x):
    p = np.exp(x - x.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


def linear(model, name, x):
    return x @ model[f"{name}.weight"][()].T.astype(float) + model[f"{name}.bias"][()]


def mlp(model, candidate, x, codes):
    x = encode(model, candidate, x, codes)
    for i in range(candidate.get("mlp.layers", 2)):
        block = f"blocks.{i}"
        x = linear(model, block, x)
        x = normalize(model, f"{block}.norm", candidate.get("mlp.normalization", "none"), x)
        y = activate(candidate.get("mlp.activation", "relu"), x)
        shared = candidate.get("mlp.activation_share", "fixed") == "learned"
        x = x + model[f"{block}.activation.share"][()] * (y - x) if shared else y
    return linear(model, "head", x)[:, None]


def resnet(model, candidate, x, codes):
    x = linear(model, "stem", encode(model, candidate, x, codes))
    for i in range(candidate.get("resnet.blocks", 2)):
        y = normalize(model, f"blocks.{i}.norm", "batch", x)
        y = activate("relu", linear(model, f"blocks.{i}.linear1", y))
        x = x + linear(model, f"blocks.{i}.linear2", y)
    x = activate("relu", normalize(model, "head.norm", "batch", x))
    return linear(model, "head", x)[:, None]


def tabm(model, candidate, x, codes):
    layers = candidate.get("tabm.layers", 2)
    full = candidate.get("tabm.kind", "mini") == "full"
    x = encode(model, candidate, x, codes)[:, None]
    x = x * model["blocks.0.r" if full and layers else "members.r"][()]
    for i in range(layers):
        block = f"blocks.{i}"
        if full and i > 0:
            x = x * model[f"{block}.r"][()]
        x = x @ model[f"{block}.weight"][()].T.astype(float)
        if full:
            x = x * model[f"{block}.s"][()]
        x = activate("relu", x + model[f"{block}.bias"][()])
    weight = model["head.weight"][()].reshape(x.shape[1], -1, x.shape[2])
    bias = model["head.bias"][()].reshape(x.shape[1], -1)
    return np.einsum("nki,koi->nko", x, weight.astype(float)) + bias


def tokens_of(model, x, codes):
    """(n, tokens, width): the class token, one a number, one a categorical column."""
    tokens = [np.broadcast_to(model["tokens.cls"][()], (len(x), 1, len(model["tokens.cls"])))]
    if x.shape[1]:
        tokens.append(x[:, :, None] * model["tokens.weight"][()] + model["tokens.bias"][()])
    for k, (code, _) in enumerate(codes):
        row = model[f"embeddings.{k}.weight"][()][code] + model["tokens.table_bias"][k]
        tokens.append(row[:, None])
    return np.concatenate(tokens, axis=1).astype(float)


def attention(qkv, heads, queries):
    """Of the first `queries` tokens, to all; qkv (n, tokens, 3 width)."""
    n, count, width = qkv.shape[0], qkv.shape[1], qkv.shape[2] // 3
    q, k, v = (part.reshape(n, count, heads, -1).transpose(0, 2, 1, 3)
               for part in np.split(qkv, 3, axis=2))
    scores = q[:, :, :queries] @ k.transpose(0, 1, 3, 2) / math.sqrt(width // heads)
    return (softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(n, queries, width)


def feed_forward(model, block, kind, x):
    y = normalize(model, f"{block}.ffn.norm", "layer", x)
    y = linear(model, f"{block}.ffn.linear1", y)
    if kind == "reglu":
        a, b = np.split(y, 2, axis=2)
        y = a * activate("relu", b)
    else:
        y = activate(kind, y)
    return x + linear(model, f"{block}.ffn.linear2", y)


def ft_transformer(model, candidate, x, codes):
    x = tokens_of(model, x, codes)
    blocks = candidate.get("ft_transformer.blocks", 3)
    for i in range(blocks):
        block, y = f"blocks.{i}", x
        if i > 0:
            y = normalize(model, f"{block}.attention.norm", "layer", y)
        queries = 1 if i + 1 == blocks else x.shape[1]  # only the class token is read
        y = attention(linear(model, f"{block}.attention.qkv", y),
                      candidate.get("ft_transformer.heads", 8), queries)
        x = x[:, :queries] + linear(model, f"{block}.attention.out", y)
        x = feed_forward(model, block, candidate.get("ft_transformer.activation", "reglu"), x)
    x = activate("relu", normalize(model, "head.norm", "layer", x))
    return linear(model, "head", x)


class Member:
    """A network of an ensemble: tables are for all of them, the rest is its own."""
    def __init__(self, model, m):
        self.model, self.prefix = model, f"members.{m}."

    def __getitem__(self, name):
        own = self.prefix + name
        return self.model[own if own in self.model else name]

    def __contains__(self, name):
        return self.prefix + name in self.model or name in self.model


def ensemble(model, candidate):
    count = candidate.get("ensemble", 1)
    return [model] if count == 1 else [Member(model, m) for m in range(count)]


# From the inputs to outputs (n, members, outputs); most families have one member.
FAMILIES = {family.__name__: family for family in (mlp, resnet, tabm, ft_transformer)}


def invert_label(group, z):
    v = z * group.attrs["sd"] + group.attrs["mean"]
    if group.attrs["transform"] == "log1p":
        v = np.sign(v) * np.expm1(np.abs(v))
    elif group.attrs["transform"] == "quantile":
        v = along(group["to"][()], group["from"][()], v)
    return np.clip(v, group.attrs["low"], group.attrs["high"])


def along(x, y, v):
    """Linear between knots and beyond the ends."""
    if len(x) == 1:
        return np.full_like(v, y[0])
    low = np.clip(np.searchsorted(x, v, side="right") - 1, 0, len(x) - 2)
    return y[low] + (y[low + 1] - y[low]) / (x[low + 1] - x[low]) * (v - x[low])


def apply_label(group, y):
    if group.attrs["transform"] == "log1p":
        y = np.sign(y) * np.log1p(np.abs(y))
    elif group.attrs["transform"] == "quantile":
        y = along(group["from"][()], group["to"][()], y)
    return (y - group.attrs["mean"]) / group.attrs["sd"]


def with_intervals(model, values):
    """The prediction; and the ends of its interval, where the model has intervals."""
    if "calibration" not in model:
        return values[:, None]
    label = model["label"]
    step = model["calibration"].attrs["half_width_90"] / label.attrs["sd"]
    at = apply_label(label, values)
    ends = [invert_label(label, at - step), invert_label(label, at + step)]
    return np.stack([values] + ends, axis=1)


def log_probabilities(layout, outputs):
    """Of each member."""
    if layout.task == "binary":
        outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=2)
    outputs = outputs - outputs.max(-1, keepdims=True)
    return outputs - np.log(np.exp(outputs).sum(-1, keepdims=True))


def predict(model, layout, outputs):
    """Members are averaged: their values, or their probabilities."""
    if layout.task == "regression":
        return with_intervals(model, invert_label(model["label"], outputs[:, :, 0].mean(1)))
    logits = np.logaddexp.reduce(log_probabilities(layout, outputs), axis=1)
    known = "calibration" in model
    return softmax(logits / (model["calibration"].attrs["temperature"] if known else 1))


def fail(why):
    print(f"check_model: {why}")
    sys.exit(1)


def compare(layout, predictions, written, rows):
    names = [f"probability.{c}" for c in layout.classes] or \
        ["prediction", "low", "high"][:predictions.shape[1]]
    expected = ["prediction"] + names if layout.classes else names
    if list(written) != expected:
        fail(f"the columns are {list(written)}, not {expected}")
    numbers = np.array([[float(t) for t in written[n]] for n in names]).T.reshape(rows, -1)
    if numbers.shape != predictions.shape:
        fail(f"{len(numbers)} predictions of {rows} rows")
    size = np.maximum(np.abs(predictions), max(1, predictions.std()))
    off = np.abs(numbers - predictions) / size
    if not (off <= TOLERANCE).all():
        fail(f"a prediction is off by {off.max():g}, first in row {off.max(1).argmax() + 1}")
    if layout.classes:
        answers = [layout.classes[i] for i in numbers.argmax(1)]
        if answers != written["prediction"]:
            fail("a class is not that of the highest probability")
    print(f"{rows} rows agree to {off.max():.1g}")


def main(path, group, data_path, predictions_path, members=None):
    with h5py.File(path, "r") as file:
        model = file[group]
        family = FAMILIES.get(model.attrs["family"])
        if model.attrs["schema"] != "nas-tl/model/v1" or not family:
            fail(f"{path}:{group} is no model of a family of {', '.join(FAMILIES)}")
        layout = Layout(model["preprocessing/layout"])
        candidate = json.loads(model.attrs["candidate"])
        data, rows = read_csv(data_path)
        x, codes = inputs_of(model, layout, data, rows)
        outputs = np.concatenate([family(one, candidate, x.astype(float), codes)
                                  for one in ensemble(model, candidate)], axis=1)
        written, count = read_csv(predictions_path)
        if count != rows:
            fail(f"{count} predictions for {rows} rows")
        kept = outputs[:, :int(members)] if members else outputs
        compare(layout, predict(model, layout, kept), written, rows)


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        print(__doc__)
        sys.exit(2)
    main(*sys.argv[1:])
