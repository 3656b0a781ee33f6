#!/usr/bin/env python3
"""draw_front.py STUDY X Y TITLE >FILE.svg: trials of a study and its front, as the README
shows them. X is an objective that is minimised (drawn on a logarithmic axis), Y one that is
maximised. Standard library only."""
import csv
import json
import math
import sys

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 50, 60
INK, GREY, FRONT, WARM = "#1f2933", "#b8c1cc", "#0b6e99", "#d9480f"


def ticks(low, high):
    """1, 2 and 5 times powers of ten inside [low, high]."""
    first = math.floor(math.log10(low))
    last = math.ceil(math.log10(high))
    marks = [m * 10.0**e for e in range(first, last + 1) for m in (1, 2, 5)]
    return [m for m in marks if low <= m <= high]


def short(value):
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return "%g%s" % (value / size, letter)
    return "%g" % value


def main(study, x_name, y_name, title):
    doc = json.load(open(study + "/pareto.json"))
    with open(study + "/trials.csv", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["state"] == "complete"]
    point = {int(r["trial"]): (float(r["value." + x_name]), float(r["value." + y_name]))
             for r in rows}
    warm = {int(r["trial"]) for r in rows if r.get("param.transfer.strategy") != "scratch"}
    front = sorted((m["trial"] for m in doc["front"]), key=lambda t: point[t])
    units = {o["name"]: o["unit"] for o in doc["objectives"]}

    xs = [p[0] for p in point.values()]
    ys = sorted(p[1] for p in point.values())
    x_low, x_high = min(xs) / 1.25, max(xs) * 1.25
    y_low, y_high = ys[len(ys) // 10], ys[-1]
    pad = 0.08 * (y_high - y_low)
    y_low, y_high = y_low - pad, y_high + pad

    def at(p):
        u = math.log(p[0] / x_low) / math.log(x_high / x_low)
        v = (max(p[1], y_low) - y_low) / (y_high - y_low)
        return (LEFT + u * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - v * (HEIGHT - TOP - BOTTOM))

    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" '
           'font-family="sans-serif" font-size="13" fill="%s">' % (WIDTH, HEIGHT, INK),
           '<rect width="100%" height="100%" fill="#ffffff"/>',
           '<text x="%d" y="26" font-size="15">%s</text>' % (LEFT, title)]
    for mark in ticks(x_low, x_high):
        x, _ = at((mark, y_low))
        out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#e8ecf0"/>'
                   % (x, TOP, x, HEIGHT - BOTTOM))
        out.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>'
                   % (x, HEIGHT - BOTTOM + 18, short(mark)))
    step = 10 ** math.floor(math.log10(y_high - y_low))
    step = next(s for s in (step / 5, step / 2, step) if (y_high - y_low) / s <= 8)
    mark = math.ceil(y_low / step) * step
    while mark <= y_high:
        _, y = at((x_low, mark))
        out.append('<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#e8ecf0"/>'
                   % (LEFT, y, WIDTH - RIGHT, y))
        out.append('<text x="%d" y="%.1f" text-anchor="end">%g</text>'
                   % (LEFT - 8, y + 4, round(mark, 6)))
        mark += step
    label = {"1": ""}
    out.append('<text x="%d" y="%d" text-anchor="middle">%s %s</text>'
               % ((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18, x_name,
                  label.get(units[x_name], "(%s)" % units[x_name])))
    out.append('<text transform="translate(24 %d) rotate(-90)" text-anchor="middle">%s</text>'
               % ((TOP + HEIGHT - BOTTOM) / 2, y_name + " on validation rows"))
    for trial, p in point.items():
        if trial not in front:
            out.append('<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (*at(p), GREY))
    # A plane of two of several objectives: the line joins what nobody beats in these two.
    best, steps = -math.inf, []
    for trial in front:
        if point[trial][1] > best:
            best = point[trial][1]
            steps.append(at(point[trial]))
    path = " ".join("%s%.1f %.1f" % ("L" if i else "M", *s) for i, s in enumerate(steps))
    out.append('<path d="%s" fill="none" stroke="%s" stroke-width="1.5"/>' % (path, FRONT))
    for trial in front:
        colour = WARM if trial in warm else FRONT
        out.append('<circle cx="%.1f" cy="%.1f" r="5" fill="%s"><title>trial %d</title></circle>'
                   % (*at(point[trial]), colour, trial))
    if doc["knee"] in point:
        out.append('<circle cx="%.1f" cy="%.1f" r="9" fill="none" stroke="%s"/>'
                   % (*at(point[doc["knee"]]), INK))
    x = WIDTH - RIGHT - 400
    for colour, text, dx in ((WARM, "front, warm start", 0), (FRONT, "front, scratch", 135),
                             (GREY, "dominated", 250)):
        out.append('<circle cx="%d" cy="%d" r="5" fill="%s"/><text x="%d" y="%d">%s</text>'
                   % (x + dx, 40, colour, x + dx + 9, 44, text))
    out.append('<circle cx="%d" cy="40" r="6" fill="none" stroke="%s"/><text x="%d" y="44">knee</text>'
               % (x + 345, INK, x + 355))
    out.append("</svg>")
    print("\n".join(out))


if __name__ == "__main__":
    main(*sys.argv[1:5])
