#!/usr/bin/env python3
"""The files in golden/ are what their scripts make, but for rounding, and every script has
one. Exit code 77 is a skip: there is no PyTorch. SPDX-License-Identifier: Apache-2.0
"""
import glob
import importlib
import json
import os
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
SHARED = ("golden", "metrics")  # the other scripts of that folder
TOLERANCE = 1e-8  # of the largest number of a list, where there are nine digits


def are_close(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(are_close(one[key], other[key]) for key in one)
    if isinstance(one, list) and one and isinstance(one[0], float):
        most = max(map(abs, one + [1e-3]))
        return len(one) == len(other) and \
            all(abs(a - b) <= TOLERANCE * most for a, b in zip(one, other))
    return one == other


def check(name):
    made = golden.cases_of(importlib.import_module(name))
    with open(os.path.join(FOLDER, name + ".json"), encoding="utf-8") as file:
        kept = json.load(file)
    same = len(made) == len(kept) and all(map(are_close, made, kept))
    print("%s: %d cases, %s" % (name, len(made), "as kept" if same else "NOT as kept"))
    return same


os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, FOLDER)
try:
    import golden
except ImportError as why:
    print("SKIP: %s" % why)
    sys.exit(77)
names = sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(FOLDER, "*.py")))
sys.exit(0 if all([check(name) for name in names if name not in SHARED]) else 1)
