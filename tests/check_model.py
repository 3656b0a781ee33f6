#!/usr/bin/env python3
"""Rebuilds a saved model from docs/model-format.md alone and repeats its predictions.

usage: check_model.py MODEL.h5 GROUP DATA.csv PREDICTIONS.csv

DATA.csv is what `nas-tl predict` read, PREDICTIONS.csv what it wrote. Every number has to
agree to 1e-5. Needs h5py and NumPy, nothing of nas-tl's own; exit code 77 without them.
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

TOLERANCE = 1e-5  # float32 sums in another order
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


def embed_pbld(model, x):
    group = {name: model[f"embeddings.numeric.{name}"][()].astype(float)
             for name in ("weight", "bias", "frequencies", "phases")}
    columns = []
    for d in range(x.shape[1]):
        v = x[:, d].astype(float)
        e = np.cos(2 * np.pi * np.outer(v, group["frequencies"][d]) + group["phases"][d])
        bias = group["bias"][d]
        columns += [e @ group["weight"][d].reshape(len(bias), -1).T + bias, v[:, None]]
    return np.concatenate(columns, axis=1)


def embed(model, candidate, x):
    kind = candidate.get("input.numeric_embedding", "none")
    if kind == "none" or x.shape[1] == 0:
        return x
    if kind == "pbld":
        return embed_pbld(model, x)
    group = {name: model[f"embeddings.numeric.{name}"][()].astype(float) for name in
             ("weight", "bias", "bins" if kind == "piecewise_linear" else "frequencies")}
    columns = []
    for d in range(x.shape[1]):
        v = x[:, d].astype(float)
        if kind == "piecewise_linear":
            e = shares(v, group["bins"][d])
        else:
            turns = 2 * np.pi * np.outer(v, group["frequencies"][d])
            e = np.concatenate([np.cos(turns), np.sin(turns)], axis=1)
        bias = group["bias"][d]
        weight = group["weight"][d]
        if kind == "piecewise_linear":
            columns.append(e @ weight.reshape(-1, len(bias)) + bias)
        else:
            columns.append(np.maximum(e @ weight.reshape(len(bias), -1).T + bias, 0))
    return np.concatenate(columns, axis=1)


def encode(model, candidate, x, codes):
    parts = [embed(model, candidate, x)]
    for k, (code, cardinality) in enumerate(codes):
        table = f"embeddings.{k}.weight"
        rows = model[table][()] if table in model else np.eye(cardinality, dtype=np.float32)
        parts.append(rows[code])
    inputs = np.concatenate(parts, axis=1)
    return inputs * model["front.scale"][()] if "front.scale" in model else inputs


def activate(name, x):
    if name == "relu":
        return np.maximum(x, 0)
    if name == "gelu":
        return x * 0.5 * (1 + erf(x / math.sqrt(2)))
    if name == "selu":
        return 1.05070098 * np.where(x > 0, x, 1.67326324 * np.expm1(np.minimum(x, 0)))
    if name == "mish":
        return x * np.tanh(np.logaddexp(0, x))
    return x / (1 + np.exp(-x))


def normalize(model, block, kind, x):
    if kind == "none":
        return x
    if kind == "layer":
        mean, variance = x.mean(1, keepdims=True), x.var(1, keepdims=True)
    else:
        mean, variance = model[f"{block}.norm.running_mean"][()], \
            model[f"{block}.norm.running_var"][()]
    return (x - mean) / np.sqrt(variance + 1e-5) * model[f"{block}.norm.weight"][()] + \
        model[f"{block}.norm.bias"][()]


def linear(model, name, x):
    return x @ model[f"{name}.weight"][()].T.astype(float) + model[f"{name}.bias"][()]


def forward(model, candidate, x):
    for i in range(candidate.get("mlp.layers", 2)):
        block = f"blocks.{i}"
        x = linear(model, block, x)
        x = normalize(model, block, candidate.get("mlp.normalization", "none"), x)
        bent = activate(candidate.get("mlp.activation", "relu"), x)
        share = model[f"{block}.activation.share"][()] \
            if candidate.get("mlp.activation_share") == "learned" else 1
        x = x + share * (bent - x)
    return linear(model, "head", x)


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


def predict(model, layout, outputs):
    if layout.task == "regression":
        return invert_label(model["label"], outputs[:, 0])[:, None]
    if layout.task == "binary":
        p = 1 / (1 + np.exp(-outputs))
        return np.concatenate([1 - p, p], axis=1)
    p = np.exp(outputs - outputs.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


def fail(why):
    print(f"check_model: {why}")
    sys.exit(1)


def compare(layout, predictions, written, rows):
    names = [f"probability.{c}" for c in layout.classes] or ["prediction"]
    expected = ["prediction"] + names if layout.classes else names
    if list(written) != expected:
        fail(f"the columns are {list(written)}, not {expected}")
    numbers = np.array([[float(t) for t in written[n]] for n in names]).T.reshape(rows, -1)
    if numbers.shape != predictions.shape:
        fail(f"{len(numbers)} predictions of {rows} rows")
    off = np.abs(numbers - predictions) / np.maximum(1, np.abs(predictions))
    if not (off <= TOLERANCE).all():
        fail(f"a prediction is off by {off.max():g}, first in row {off.max(1).argmax() + 1}")
    if layout.classes:
        answers = [layout.classes[i] for i in numbers.argmax(1)]
        if answers != written["prediction"]:
            fail("a class is not that of the highest probability")
    print(f"{rows} rows agree to {off.max():.1g}")


def main(path, group, data_path, predictions_path):
    with h5py.File(path, "r") as file:
        model = file[group]
        if model.attrs["schema"] != "nas-tl/model/v1" or model.attrs["family"] != "mlp":
            fail(f"{path}:{group} is no model of the family mlp")
        layout = Layout(model["preprocessing/layout"])
        candidate = json.loads(model.attrs["candidate"])
        data, rows = read_csv(data_path)
        x, codes = inputs_of(model, layout, data, rows)
        outputs = forward(model, candidate, encode(model, candidate, x, codes).astype(float))
        written, count = read_csv(predictions_path)
        if count != rows:
            fail(f"{count} predictions for {rows} rows")
        compare(layout, predict(model, layout, outputs), written, rows)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        print(__doc__)
        sys.exit(2)
    main(*sys.argv[1:])
