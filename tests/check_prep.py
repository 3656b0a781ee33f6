#!/usr/bin/env python3
# check_prep.py MAKE_PREP [--timed]: what the preprocessing of a model promises, seen from
# outside.
#
#   values       tables are read as pandas reads them
#   NumPy        x, code and labels again, from the file and prep.h's description alone
#   scikit-learn StandardScaler, RobustScaler and QuantileTransformer
#   --timed      ucc5g (where NASTL_DATA_DIR has it): its values, no slower than pandas,
#                the peak of memory under 4 times the numbers' float32 size plus 150 MB
#
# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
import tempfile
import time

try:
    import h5py
    import numpy as np
    import pandas as pd
    from sklearn.preprocessing import QuantileTransformer, RobustScaler, StandardScaler
except ImportError as missing:
    print(f"SKIP: {missing}; install python3-sklearn, python3-pandas and python3-h5py")
    sys.exit(77)

ROWS = 20000
REBUILT = 1e-6         # x again in NumPy: one rounding to float
QUANTILE_MOST = 0.05   # in normal space, any row: 256 knots for 1,000 references
QUANTILE_MEDIAN = 0.005
TRIES = 3              # the best of them counts

program, timed = sys.argv[1], "--timed" in sys.argv


def run(*args):
    return subprocess.run([program, *args], check=True, capture_output=True,
                          text=True).stdout


def read_csv(path):
    return pd.read_csv(path, keep_default_na=False, float_precision="round_trip",
                       na_values=["", "NA", "NaN", "nan", "?"])


# Columns that are hard on scaling: throughput that is zero or heavy-tailed, integers,
# ratios of two decimals, large offsets, missing values.
def toy_table(seed):
    rng = np.random.default_rng(seed)
    rate = np.where(rng.random(ROWS) < 0.4, 0, np.exp(rng.normal(6, 2.5, ROWS)))
    table = pd.DataFrame({
        "id": np.arange(ROWS),
        "rate": rate.round(0),
        "history": pd.Series(rate).rolling(10, min_periods=1).mean(),
        "rsrp": rng.normal(-93, 12, ROWS).round(),
        "ratio": rng.beta(0.3, 2, ROWS).round(2),
        "time": 1.6e9 + rng.integers(0, 10**6, ROWS),
        "constant": 5,
        "mode": rng.choice(["LTE", "5G", "HSPA+", ""], ROWS),
        "cell": rng.choice(["a", "b", "c"], ROWS),
        "split": rng.choice(["train", "val", "test"], ROWS, p=[0.6, 0.2, 0.2]),
        "y": np.exp(rng.normal(0, 1, ROWS)) - 0.5,
    })
    table.loc[rng.random(ROWS) < 0.3, "rsrp"] = np.nan
    table.loc[(table["split"] != "train") & (rng.random(ROWS) < 0.02), "cell"] = "new"
    return table


def same(ours, theirs, what, most=0.0):
    gap = np.abs(ours - theirs)
    if not (np.isnan(ours) == np.isnan(theirs)).all() or np.nanmax(gap, initial=0) > most:
        sys.exit(f"{what}: differs by {np.nanmax(gap)}")


def check_values(path, folder):
    out = os.path.join(folder, "values.h5")
    run("values", path, out)
    table = read_csv(path)
    with h5py.File(out) as file:
        names = [name.decode() for name in file["names"]]
        assert names == list(table.columns), names
        for name, place in zip(names, file["paths"]):
            ours, theirs = file[place.decode()][:], table[name]
            if theirs.dtype == object:
                texts = np.array([text.decode() for text in ours])
                assert (texts == theirs.fillna("").to_numpy()).all(), name
            else:
                same(ours, theirs.to_numpy(dtype=float), name)


# ---- the same again, after prep.h ----

def rebuild(file, table):
    layout, prep = file["layout"], file["prep"]
    x = np.zeros((len(table), layout.attrs["numeric"]))
    code = np.zeros((len(table), layout.attrs["categorical"]), dtype=int)
    levels, first = layout["levels"][:], 0
    for i, name in enumerate(layout["features"]):
        column = table[name.decode()]
        at, count = layout["at"][i], layout["levels_of"][i]
        if layout["kind"][i] == 0:
            with np.errstate(over="ignore"):
                v = column.to_numpy(dtype=np.float32).astype(float)
            missing = ~np.isfinite(v)
            v[missing] = prep["median"][at]
            if prep.attrs["scaling"] == "standard":
                x[:, at] = (v - prep["mean"][at]) * prep["scale"][at]
            elif prep.attrs["scaling"] == "robust":
                c = (v - prep["mean"][at]) * prep["scale"][at]
                x[:, at] = c / np.sqrt(1 + (c / 3) ** 2)
            else:
                n = prep["knots"][at]
                x[:, at] = np.interp(v, prep["knots_x"][at, :n], prep["knots_y"][at, :n])
            if layout["indicator"][i] >= 0:
                x[:, layout["indicator"][i]] = missing
        else:
            own = {t.decode(): k + 1 for k, t in enumerate(levels[first:first + count])}
            none = count + 1 if layout["missing_level"][i] else 0
            code[:, at] = [none if pd.isna(t) else own.get(t, 0) for t in column]
            first += count
    return x, code


def rebuild_label(label, output):
    t = output * label.attrs["sd"] + label.attrs["mean"]
    kind = label.attrs["transform"]
    if kind == "log1p":
        t = np.sign(t) * np.expm1(np.abs(t))
    elif kind == "quantile":
        to, fro = label["to"][:], label["from"][:]
        at = np.clip(np.searchsorted(to, t, side="right") - 1, 0, len(to) - 2)
        t = fro[at] + (t - to[at]) * (fro[at + 1] - fro[at]) / (to[at + 1] - to[at])
    return np.clip(t, label.attrs["low"], label.attrs["high"])


# ---- scikit-learn ----

def check_sklearn(name, scaling, ours, column, train):
    v = column.to_numpy(dtype=np.float32).astype(float)[:, None]
    here = np.isfinite(v[:, 0])
    if scaling == "standard":
        theirs = StandardScaler().fit(v[train & here]).transform(v[here])[:, 0]
        same(ours[here], theirs, name, 1e-4 + 1e-6 * np.abs(theirs).max())
        return
    if scaling == "robust":
        fitted = RobustScaler().fit(v[train & here])
        low, high = np.percentile(v[train & here], [25, 75])
        c = fitted.transform(v[here])[:, 0]
        if low < high:
            same(ours[here], c / np.sqrt(1 + (c / 3) ** 2), name, 1e-4)
        return
    map = QuantileTransformer(output_distribution="normal", n_quantiles=1000,
                              subsample=10**9, random_state=0).fit(v[train & here])
    gap = np.abs(ours[here] - map.transform(v[here])[:, 0])
    print(f"{name}: quantile: greatest gap {gap.max():.4f}, median {np.median(gap):.5f}")
    assert gap.max() < QUANTILE_MOST and np.median(gap) < QUANTILE_MEDIAN, name


def check_prep(path, folder, scaling, transform):
    table = read_csv(path)
    out = os.path.join(folder, "prep.h5")
    run("prep", out, path, "y", scaling, transform)
    with h5py.File(out) as file:
        x, code = rebuild(file, table)
        same(file["x"][:].astype(float), x, scaling, REBUILT * max(1, np.abs(x).max()))
        assert (file["code"][:] == code).all()
        same(file["labels"][:], table["y"].to_numpy(), "labels")
        back = rebuild_label(file["label"], file["output"][:])
        same(file["back"][:], back, transform, 1e-9 * np.abs(back).max())
        train = (table["split"] == "train").to_numpy()
        names = [name.decode() for name in file["layout/features"]]
        for i, name in enumerate(names):
            if file["layout/kind"][i] == 0 and name != "constant":
                at = file["layout/at"][i]
                check_sklearn(name, scaling, file["x"][:, at].astype(float), table[name],
                              train)


# ---- real data ----

def check_speed(path):
    ours, theirs = [], []
    for _ in range(TRIES):
        seconds, peak, rows, columns = map(float, run("load", path).split())
        ours.append(seconds)
        start = time.perf_counter()
        pd.read_csv(path)
        theirs.append(time.perf_counter() - start)
    room = 4 * rows * columns * 4 / 2**20 + 150
    print(f"{path}: {min(ours):.3f} s, pandas {min(theirs):.3f} s; "
          f"peak {peak:.0f} MB of {room:.0f} MB")
    assert min(ours) <= min(theirs), "slower than pandas"
    assert peak < room, "too much memory"


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "toy.csv")
    for seed in (1, 2):
        toy_table(seed).to_csv(path, index=False)
        check_values(path, folder)
        check_prep(path, folder, "standard", ["none", "log1p"][seed - 1])
        check_prep(path, folder, "quantile", "quantile")
        check_prep(path, folder, "robust", "none")
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    shared = os.path.join(os.path.dirname(root), "shared", "data")
    real = os.path.join(os.environ.get("NASTL_DATA_DIR", shared), "ucc5g", "data.csv.gz")
    if timed and os.path.exists(real):
        check_values(real, folder)
        check_speed(real)
    elif timed:
        print(f"{real} is not here: values and speed on it are not checked")
