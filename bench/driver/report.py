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
    """The table of all columns."""
    return table(COLUMNS, [[text_of(getattr(row, name)) for name in COLUMNS] for row in rows],
                 [name in ("ours", "theirs", "ratio") for name in COLUMNS])


def nearest(rows, case):
    """The row of the PyTorch that is the hardest to beat, if there is one."""
    found = [row for row in rows if row.case == case and row.peer.startswith("pytorch")
             and row.ratio is not None]
    return min(found, key=lambda row: row.ratio, default=None)


def against_targets(rows, targets):
    """How near each case comes to what is to be reached; "" where nothing was measured."""
    lines = []
    for case, (least, aim) in targets.items():
        row = nearest(rows, case)
        if row:
            lines.append([case, f"{row.peer} {row.peer_version}", f"{row.ratio:.3g}",
                          f"{least:g}", "yes" if row.ratio >= least else
                          f"{100 * row.ratio / least:.0f} %",
                          f"{aim:g}", f"{100 * row.ratio / aim:.0f} %"])
    head = ("case", "the faster PyTorch", "ratio", "at least", "reached", "aim", "of the aim")
    return table(head, lines, [i > 1 for i in range(len(head))]) if lines else ""


def table(head, lines, right):
    """Markdown; the columns that `right` says stand to the right."""
    cells = [[word.replace("|", "\\|") for word in line] for line in lines]
    widths = [max(len(line[i]) for line in [list(head), *cells]) for i in range(len(head))]

    def line(words):
        padded = (w.rjust(n) if r else w.ljust(n) for w, n, r in zip(words, widths, right))
        return "| " + " | ".join(padded) + " |"

    rule = ("-" * (n - 1) + ":" if r else "-" * n for n, r in zip(widths, right))
    return "\n".join([line(head), "| " + " | ".join(rule) + " |", *map(line, cells)])
