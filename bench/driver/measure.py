"""Measuring: contenders work in turn, and each round gives one ratio.

A round is a slice of every contender, in an order that rotates; a neighbour who slows the
core down slows both sides of a ratio. What is reported is the median of the ratios. A rival
with many variants sends the two that short trials find best, and the better one counts.
SPDX-License-Identifier: Apache-2.0
"""
import statistics
import time
from dataclasses import dataclass, field

from .contender import Choice, Failed
from .machine import Load

ROUNDS_LEAST = 3
SLICE_LEAST = 0.05
TRIAL = 0.15       # seconds of a slice that chooses between variants
CLOSE = 0.85       # a variant this near to the best may be the best
FINALISTS = 2


@dataclass(frozen=True)
class Reading:
    """What is read from the replies of both sides; `suffix` tells rows of a case apart."""
    unit: str
    ours: object              # reply -> number
    theirs: object
    more_is_better: bool = True
    suffix: str = ""

    def ratio(self, ours, theirs):
        """Above 1: ours is better."""
        above, below = (ours, theirs) if self.more_is_better else (theirs, ours)
        return above / below if below else float("nan")

    def best(self, values):
        return max(values) if self.more_is_better else min(values)


@dataclass
class Finalist:
    """A variant that takes part in the rounds."""
    choice: Choice
    facts: dict               # of its program
    replies: list = field(default_factory=list)


@dataclass
class Rival:
    """One to compare with, in the best of its choices; `why_not` where it is absent."""
    peer: str
    readings: tuple
    choices: tuple = ()
    version: str = ""
    why_not: str = ""
    remark: str = ""
    share: float = 1.0        # of a slice, where less will do
    finalists: list = field(default_factory=list)


@dataclass
class Case:
    name: str
    ours: Choice
    rivals: list
    slice: float = 1.0        # seconds


@dataclass
class Row:
    """A line of the table; numbers are None where there is nothing to compare."""
    bench: str
    case: str
    peer: str
    peer_version: str = ""
    ours: float = None
    theirs: float = None
    unit: str = ""
    ratio: float = None
    note: str = ""


# ---- choosing between the variants of a rival ----

def warm(pool, choice):
    """The contender with this choice, once run: caches and branch predictors know it."""
    process = pool.get(choice)
    process.go(SLICE_LEAST)
    return process


def speed(reading, reply):
    """The rival's value, turned so that more is better."""
    value = reading.theirs(reply)
    return value if reading.more_is_better else 1.0 / value


def best_of(pool, reading, choices):
    """{choice: speed} in one short trial each, and what the last that failed said."""
    speeds, failure = {}, Failed("there is nothing to run")
    for choice in choices:
        try:
            speeds[choice] = speed(reading, warm(pool, choice).go(TRIAL))
        except Failed as failed:
            failure = failed
    return speeds, failure


def finalists(pool, rival):
    """The choices that are best in short trials; those that fail are left out."""
    if len(rival.choices) == 1:
        return rival.choices
    speeds, failure = best_of(pool, rival.readings[0], rival.choices)
    if not speeds:
        raise failure
    close = [c for c in speeds if speeds[c] >= CLOSE * max(speeds.values())]
    if len(close) > FINALISTS:
        again, _ = best_of(pool, rival.readings[0], close)
        close.sort(key=lambda c: -max(speeds[c], again.get(c, 0.0)))
    return close[:FINALISTS]


def prepare(pool, rival):
    """Finds the variants that take part, or says why there is none."""
    if rival.why_not:
        return
    try:
        rival.finalists = [Finalist(choice, warm(pool, choice).facts)
                           for choice in finalists(pool, rival)]
    except Failed as failed:
        rival.why_not = f"failed: {failed}"
        return
    facts = rival.finalists[0].facts
    rival.version = rival.version or str(facts.get("version", ""))


# ---- rounds ----

@dataclass
class Turns:
    """What a case has given so far: the replies of each round, and others' load."""
    core: int
    all_loads: list           # of every case
    ours: list = field(default_factory=list)
    loads: list = field(default_factory=list)

    def go(self, pool, choice, seconds):
        process = pool.get(choice)
        load = Load(self.core)
        reply = process.go(seconds)
        self.loads.append(load.foreign(reply.get("cpu", 0.0)))
        self.all_loads.append(self.loads[-1])
        return reply


def run_rival(turns, pool, rival, seconds):
    for finalist in rival.finalists:
        try:
            finalist.replies.append(turns.go(pool, finalist.choice, seconds * rival.share))
        except Failed as failed:
            rival.why_not = f"failed: {failed}"


def run_round(turns, index, pool, case, seconds):
    """Every contender once; each round begins with the next one."""
    sides = [None, *case.rivals]
    for i in range(len(sides)):
        rival = sides[(i + index) % len(sides)]
        if rival is None:
            turns.ours.append(turns.go(pool, case.ours, seconds))
        elif not rival.why_not:
            run_rival(turns, pool, rival, seconds)


def plan(case, seconds, rounds):
    """(rounds, slice) that fit into so many seconds."""
    shares = 1.0 + sum(rival.share * len(rival.finalists) for rival in case.rivals)
    whole = int(seconds / (case.slice * shares))
    if whole >= ROUNDS_LEAST:
        return min(rounds, whole), case.slice
    return ROUNDS_LEAST, max(SLICE_LEAST, seconds / (ROUNDS_LEAST * shares))


def run_rounds(turns, pool, case, end, rounds):
    """As many rounds as fit before `end`, and no fewer than the least."""
    begin = time.monotonic()
    count, length = plan(case, end - begin, rounds)
    for index in range(count):
        now = time.monotonic()
        if index >= ROUNDS_LEAST and now + (now - begin) / index > end:
            break
        run_round(turns, index, pool, case, length)


def measure(bench, case, pool, seconds, rounds):
    """The rows of a case."""
    end = time.monotonic() + seconds
    for rival in case.rivals:
        prepare(pool, rival)
    turns = Turns(pool.core, pool.loads)
    if not all(rival.why_not for rival in case.rivals):
        warm(pool, case.ours)
        run_rounds(turns, pool, case, end, rounds)
    return [row for rival in case.rivals for row in rows_of(bench, case, rival, turns)]


# ---- rows ----

def rows_of(bench, case, rival, turns):
    if rival.why_not:
        return [Row(bench, case.name + r.suffix, rival.peer, rival.version, unit=r.unit,
                    note=rival.why_not) for r in rival.readings]
    return [compare(bench, case, rival, turns, reading) for reading in rival.readings]


def winner(rival):
    """The finalist that was better in the rounds."""
    reading = rival.readings[0]
    return max(rival.finalists, key=lambda finalist: statistics.median(
        speed(reading, reply) for reply in finalist.replies))


def compare(bench, case, rival, turns, reading):
    best = winner(rival)
    ours = [reading.ours(reply) for reply in turns.ours]
    theirs = [reading.theirs(reply) for reply in best.replies]
    ratios = [reading.ratio(a, b) for a, b in zip(ours, theirs)]
    return Row(bench, case.name + reading.suffix, rival.peer, rival.version,
               statistics.median(ours), statistics.median(theirs), reading.unit,
               statistics.median(ratios),
               note_of(rival, best, turns, ratios, reading.ratio(
                   reading.best(ours), reading.best(theirs))))


def quartiles(values):
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def note_of(rival, best, turns, ratios, best_ratio):
    """`best_ratio` is that of both sides' best slices, which others disturbed least."""
    low, high = quartiles(ratios)
    variant = "" if best.choice.variant == "plain" else best.choice.variant
    return "; ".join(part for part in (
        f"quartiles {low:.3g} to {high:.3g} of {len(ratios)} rounds",
        f"best slices {best_ratio:.3g}", variant, rival.remark,
        *(f"{key} {value}" for key, value in best.facts.items() if key != "version"),
        f"foreign load {100 * statistics.median(turns.loads):.0f} %") if part)
