"""Rows as CSV and as a Markdown table. SPDX-License-Identifier: Apache-2.0"""
import csv

COLUMNS = ("bench", "case", "peer", "peer_version", "ours", "theirs", "unit", "ratio", "note")


def text_of(value):
    """Four digits say all that a measurement knows."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def write_csv(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([text_of(getattr(row, name)) for name in COLUMNS] for row in rows)


def markdown(rows):
    """The table; numbers stand to the right."""
    cells = [[text_of(getattr(row, name)).replace("|", "\\|") for name in COLUMNS]
             for row in rows]
    widths = [max(len(line[i]) for line in [list(COLUMNS), *cells])
              for i in range(len(COLUMNS))]
    right = [name in ("ours", "theirs", "ratio") for name in COLUMNS]

    def line(words):
        padded = (w.rjust(n) if r else w.ljust(n) for w, n, r in zip(words, widths, right))
        return "| " + " | ".join(padded) + " |"

    rule = ("-" * (n - 1) + ":" if r else "-" * n for n, r in zip(widths, right))
    return "\n".join([line(COLUMNS), "| " + " | ".join(rule) + " |", *map(line, cells)])
