#!/usr/bin/env python3
"""Opens studies in Optuna and compares what it finds with pareto.json and trials.csv.

usage: check_optuna.py STUDY...            studies that are there
       check_optuna.py --make MAKE_STUDY   random studies, made by tests/make_study

Exit code 77 where no python3 has Optuna.
SPDX-License-Identifier: Apache-2.0
"""
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import optuna
except ImportError:
    optuna = None

STATES = {"complete": "COMPLETE", "pruned": "PRUNED", "infeasible": "PRUNED",
          "failed": "FAIL", "running": "RUNNING"}


def other_python():
    """Another interpreter, which may have what this one lacks."""
    for path in ("/usr/bin/python3", shutil.which("python3")):
        if path and not os.path.samefile(path, sys.executable):
            return path
    return None


def read(folder, name):
    with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
        return json.load(file) if name.endswith(".json") else list(csv.DictReader(file))


def load(folder, name, scratch):
    """Optuna may write to what it opens: it gets a copy."""
    copy = os.path.join(scratch, "study.db")
    shutil.copy(os.path.join(folder, "study.db"), copy)
    return optuna.load_study(study_name=name, storage=f"sqlite:///{copy}")


def compare_trial(trial, row, names):
    assert trial.state.name == STATES[row["state"]], trial.state
    params = {k[6:]: v for k, v in row.items() if k.startswith("param.") and v != ""}
    assert list(params) == list(trial.params), "parameters differ"
    for key, text in params.items():
        value = trial.params[key]
        same = text == value if isinstance(value, str) else float(text) == value
        assert same, f"{key} is {value}, not {text}"
    if row["state"] == "failed":
        assert trial.values is None
    if row["state"] == "complete":
        assert trial.values == [float(row["value." + n]) for n in names], trial.values
    feasible = trial.system_attrs.get("constraints", [0])[0] <= 0
    assert feasible == (row["state"] != "infeasible")
    trial._validate()  # each value lies in its distribution


def compare(study, doc, rows):
    names = [o["name"] for o in doc["objectives"]]
    directions = [o["direction"].upper() for o in doc["objectives"]]
    assert [d.name for d in study.directions] == directions
    assert study.metric_names == names
    assert study.user_attrs["seed"] == doc["seed"]
    trials = study.trials
    assert [t.number for t in trials] == [int(r["trial"]) for r in rows]
    for trial, row in zip(trials, rows):
        compare_trial(trial, row, names)
    front = {m["trial"] for m in doc["front"]}
    if len(names) > 1:
        assert {t.number for t in study.best_trials} == front, "best_trials differ"
    elif front:
        assert study.best_trial.number in front
    by_number = {t.number: t for t in trials}
    for member in doc["front"]:
        trial = by_number[member["trial"]]
        assert trial.params == member["candidate"]
        assert trial.values == [member["values"][n] for n in names]


def check(folder):
    doc, rows = read(folder, "pareto.json"), read(folder, "trials.csv")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            compare(load(folder, doc["study"], scratch), doc, rows)
        except (AssertionError, KeyError, ValueError) as error:
            print(f"{folder}: {type(error).__name__} {error}")
            return 1
    print(f"{folder}: Optuna {optuna.__version__} finds the same {len(rows)} trials")
    return 0


def check_made(program):
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, names in enumerate(["macro_f1,latency", "macro_f1,latency,flops",
                                        "log_loss,flops,latency,energy"]):
            for trials in (0, 1, 40):
                study = os.path.join(folder, f"study-{number}-{trials}")
                subprocess.run([program, study, names, str(number), str(trials)], check=True)
                failures += check(study)
    return failures


def main(args):
    if not args:
        print(__doc__)
        return 2
    if optuna is None:
        python = None if os.environ.get("CHECK_OPTUNA_AGAIN") else other_python()
        if python:
            os.environ["CHECK_OPTUNA_AGAIN"] = "1"
            return subprocess.run([python, *sys.argv], check=False).returncode
        print("skipped: no python3 here has Optuna (pip install optuna)")
        return 77
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if args[0] == "--make":
        return 1 if check_made(args[1]) else 0
    return 1 if sum(check(folder) for folder in args) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
