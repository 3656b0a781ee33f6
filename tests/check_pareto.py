#!/usr/bin/env python3
"""Checks the published files of studies against each other, from the words of the contract.

usage: check_pareto.py STUDY...            studies that are there
       check_pareto.py --make MAKE_STUDY   random studies, made by tests/make_study

Needs the standard library alone. Nothing of nas-tl's own code is used: the front, the
reference point, the hypervolume and the knee are computed anew, by other algorithms.
SPDX-License-Identifier: Apache-2.0
"""
import csv
import itertools
import json
import math
import os
import re
import subprocess
import sys
import tempfile

TOP = ["schema", "version", "study", "seed", "space", "task", "data", "objectives", "trials",
       "seconds", "stop", "reference_point", "hypervolume", "front", "knee", "deliver",
       "hardware"]
MEMBER = ["trial", "family", "candidate", "values", "errors", "valid", "test", "cost",
          "warm_start", "indistinguishable", "weights"]
COST = ["parameters", "flops", "memory", "latency", "latency_p99", "energy", "energy_source",
        "training_time", "training_energy", "epochs"]
COUNTS = ["complete", "pruned", "infeasible", "failed"]
SCORES = {"accuracy", "balanced_accuracy", "macro_f1", "auc", "log_loss", "ece", "rmse", "mae",
          "nmae", "r2"}
RELATIVE = 1e-9  # sums of boxes in another order


class Study:
    """The files of one study, and its complete trials as points that are minimised."""

    def __init__(self, folder):
        self.literals = []
        with open(os.path.join(folder, "pareto.json"), encoding="utf-8") as file:
            self.doc = json.load(file, parse_float=self.number, parse_int=self.number)
        self.rows = self.read(folder, "trials.csv")
        self.members = self.read(folder, "pareto.csv")
        self.names = [o["name"] for o in self.doc["objectives"]]
        self.signs = [-1 if o["direction"] == "maximize" else 1
                      for o in self.doc["objectives"]]
        self.complete = [r for r in self.rows if r["state"] == "complete"]
        self.points = {int(r["trial"]): [s * float(r["value." + n]) for s, n in self.axes()]
                       for r in self.complete}
        self.front = [m["trial"] for m in self.doc["front"]]

    def number(self, literal):
        self.literals.append(literal)
        return int(literal) if re.fullmatch(r"-?\d+", literal) else float(literal)

    @staticmethod
    def read(folder, name):
        with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def axes(self):
        return zip(self.signs, self.names)


def digits(literal):
    """Significant digits of a decimal."""
    mantissa = re.split("[eE]", literal)[0].replace("-", "").replace(".", "").lstrip("0")
    return len(mantissa.rstrip("0"))


def check_numbers(study):
    for literal in study.literals:
        shortest = repr(float(literal))
        assert digits(literal) <= digits(shortest), f"{literal} is longer than {shortest}"


def check_keys(study):
    doc = study.doc
    assert list(doc) == TOP, f"keys are {list(doc)}"
    assert doc["schema"] == "nas-tl/pareto/v1"
    assert list(doc["trials"]) == COUNTS + ["rejected"]
    for member in doc["front"]:
        assert list(member) == MEMBER, f"keys of a member are {list(member)}"
        assert list(member["cost"]) == COST
        assert member["weights"] == f"weights.h5:/trials/{member['trial']}"


def check_counts(study):
    for state in COUNTS:
        there = sum(r["state"] == state for r in study.rows)
        assert study.doc["trials"][state] == there, f"{there} trials are {state}"
    numbers = [int(r["trial"]) for r in study.rows]
    assert numbers == sorted(set(numbers)), "trials.csv is not in order"


def dominates(a, b):
    return all(x <= y for x, y in zip(a, b)) and a != b


def check_front(study):
    points = study.points
    expected = {t for t in points if not any(dominates(p, points[t]) for p in points.values())}
    assert set(study.front) == expected, f"front {study.front}, expected {expected}"
    assert len(study.front) == len(expected)
    order = sorted(expected, key=lambda t: (points[t], t))
    assert study.front == order, "the front is not sorted"


def check_reference(study):
    reference = study.doc["reference_point"]
    if not study.points:
        assert reference == []
        return
    for j, (sign, name) in enumerate(study.axes()):
        column = [p[j] for p in study.points.values()]
        worst, spread = max(column), max(column) - min(column)
        step = 0.1 * (spread if spread else max(abs(worst), 1))
        expected = sign * (worst + step)
        assert math.isclose(reference[j], expected, rel_tol=RELATIVE, abs_tol=1e-12), name


def hypervolume(points, reference):
    """The cells between the points' coordinates that some point covers, added up."""
    edges = [sorted({p[j] for p in points} | {reference[j]}) for j in range(len(reference))]
    cells = [list(zip(e, e[1:])) for e in edges]
    volume = []
    for cell in itertools.product(*cells):
        if any(all(x <= low for x, (low, _) in zip(p, cell)) for p in points):
            volume.append(math.prod(high - low for low, high in cell))
    return math.fsum(volume)


def check_volume(study):
    if not study.front:
        assert study.doc["hypervolume"] == 0
        return
    reference = [s * r for s, r in zip(study.signs, study.doc["reference_point"])]
    points = [study.points[t] for t in study.front]
    assert all(x < r for p in points for x, r in zip(p, reference)), "outside the reference"
    expected = hypervolume(points, reference)
    told = study.doc["hypervolume"]
    assert math.isclose(told, expected, rel_tol=RELATIVE), f"{told}, expected {expected}"


def knee_height(study, trial):
    """How far below the line through the extremes, for two objectives."""
    total = 0
    for j, name in enumerate(study.names):
        column = {t: study.points[t][j] for t in study.front}
        if name not in SCORES:
            column = {t: math.log(x) for t, x in column.items()}
        low, high = min(column.values()), max(column.values())
        total += (column[trial] - low) / (high - low)
    return 1 - total


def check_knee(study):
    knee = study.doc["knee"]
    if not study.front:
        assert knee is None
        return
    assert knee in study.front, f"knee {knee} is not on the front"
    if len(study.names) == 2 and len(study.front) > 1:
        vectors = {tuple(study.points[t]) for t in study.front}
        if len(vectors) > 1:
            best = max(knee_height(study, t) for t in study.front)
            assert knee_height(study, knee) >= best - 1e-9, f"{knee} is not the knee"


def check_deliver(study):
    """The best first objective, or one that is not from a source where that may hurt."""
    deliver = study.doc["deliver"]
    if not study.front:
        assert deliver is None
        return
    best = min(study.points[t][0] for t in study.front)
    ties = [m for m in study.doc["front"] if study.points[m["trial"]][0] == best]
    small = min(m["cost"]["parameters"] for m in ties)
    chosen = next(m for m in study.doc["front"] if m["trial"] == deliver["trial"])
    strategy = chosen["candidate"].get("transfer.strategy", "scratch")
    gain, interval = deliver["gain"], deliver["interval"]
    assert deliver["reason"] and (gain is None) == (interval is None)
    assert gain is None or interval[0] <= gain <= interval[1], interval
    if chosen not in ties or chosen["cost"]["parameters"] != small:
        assert strategy in ("scratch", "pooled") and interval[0] >= 0, "not the best"
        assert "does not exclude harm" in deliver["reason"]
    if strategy == "scratch":
        assert gain == 0 and interval == [0, 0]
    told = {m["trial"]: [row[k] for k in ("gain", "gain.low", "gain.high")]
            for m, row in zip(study.doc["front"], study.members)}
    for trial, fields in told.items():
        figures = [gain, *interval] if trial == deliver["trial"] and interval else [None] * 3
        assert all(map(same, fields, figures)), f"trial {trial}: its gain in pareto.csv"


def same(text, value):
    """A field of a CSV file and a value of a JSON file."""
    if value is None:
        return text == ""
    return text == value if isinstance(value, str) else float(text) == value


def check_member(study, member, row, front_row):
    trial = member["trial"]
    for key, field in row.items():
        assert front_row[key] == field, f"trial {trial}: {key} differs in pareto.csv"
        kind, _, name = key.partition(".")
        if kind == "param":
            assert same(field, member["candidate"].get(name)), f"trial {trial}: {key}"
        if kind == "value":
            assert same(field, member["values"][name]), f"trial {trial}: {key}"
        if kind == "error":
            assert same(field, member["errors"].get(name)), f"trial {trial}: {key}"
    for name in set(study.names) & set(member["valid"]):
        assert member["valid"][name] == member["values"][name], f"trial {trial}: {name}"
    for key in (k for k in front_row if k.startswith("test.")):
        assert same(front_row[key], member["test"].get(key[5:])), f"trial {trial}: {key}"
    assert row["family"] == member["family"] == member["candidate"]["family"]


def check_members(study):
    rows = {int(r["trial"]): r for r in study.rows}
    assert [int(r["trial"]) for r in study.members] == study.front, "pareto.csv differs"
    for member, front_row in zip(study.doc["front"], study.members):
        check_member(study, member, rows[member["trial"]], front_row)


def check_alike(study):
    pairs = {(m["trial"], t) for m in study.doc["front"] for t in m["indistinguishable"]}
    for a, b in pairs:
        assert a != b and b in study.front and (b, a) in pairs, f"{a} and {b}"


def check_columns(study):
    if not study.rows:
        return
    kinds = [c.partition(".")[0] for c in study.rows[0]]
    order = ["trial", "state", "family", "param", "value", "error", "reason", "seconds"]
    assert [k for k, _ in itertools.groupby(kinds)] == order, kinds
    for row in study.rows:
        running = row["state"] == "running"
        assert (row["seconds"] == "") == running
        assert None not in row and None not in row.values(), "a row of another length"


CHECKS = [check_numbers, check_keys, check_counts, check_columns, check_front, check_reference,
          check_volume, check_knee, check_deliver, check_members, check_alike]


def check(folder):
    study = Study(folder)
    failures = 0
    for one in CHECKS:
        try:
            one(study)
        except (AssertionError, KeyError, ValueError, StopIteration) as error:
            print(f"{folder}: {one.__name__}: {type(error).__name__} {error}")
            failures += 1
    print(f"{folder}: {len(study.rows)} trials, {len(study.front)} on the front")
    return failures


def check_made(program):
    sizes = [0, 1, 2, 40]
    cases = [(names, trials) for trials in sizes
             for names in ("macro_f1,latency", "macro_f1,flops", "macro_f1,parameters",
                           "log_loss,latency,flops", "macro_f1,latency,flops,energy")]
    cases += [("macro_f1,latency", 200), ("macro_f1,latency,flops", 100)]
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (names, trials) in enumerate(cases):
            study = os.path.join(folder, f"study-{number}")
            subprocess.run([program, study, names, str(number), str(trials)], check=True)
            failures += check(study)
    return failures


def main(args):
    if not args:
        print(__doc__)
        return 2
    if args[0] == "--make":
        return 1 if check_made(args[1]) else 0
    return 1 if sum(check(folder) for folder in args) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
