#!/usr/bin/env python3
"""target_rows.py DATA.csv.gz DOMAINS LABEL MOST: the test rows of a data set's target.

Writes rows.csv, the rows of part `test` of the domains (names with commas between), at
most MOST of them, field by field as they stand; and bare.csv, the same without LABEL."""
import csv
import gzip
import itertools
import sys


def is_target(domains):
    return lambda row: row["domain"] in domains and row["split"] == "test"


def write(path, rows, columns):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def main(data, domains, label, most):
    with gzip.open(data, "rt", newline="") as file:
        reader = csv.DictReader(file)
        wanted = filter(is_target(domains.split(",")), reader)
        rows = list(itertools.islice(wanted, int(most)))
    write("rows.csv", rows, reader.fieldnames)
    write("bare.csv", rows, [name for name in reader.fieldnames if name != label])
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
