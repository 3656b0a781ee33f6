#!/usr/bin/env python3
"""check_same.py A B: two studies have the same trials in every column that is not timed."""
import csv
import sys

TIMED = ("latency", "latency_p99", "energy", "training_energy", "training_time")


def untimed(study):
    skipped = {"seconds"}
    skipped.update(kind + name for kind in ("value.", "error.") for name in TIMED)
    with open(study + "/trials.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if k not in skipped} for row in rows]


def main(a, b):
    one, other = untimed(a), untimed(b)
    for x, y in zip(one, other):
        if x != y:
            keys = [k for k in x if x[k] != y.get(k)]
            print("trial %s differs in %s" % (x["trial"], ", ".join(keys)))
    if len(one) != len(other):
        print("%d and %d trials" % (len(one), len(other)))
    return 0 if one == other and one else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
