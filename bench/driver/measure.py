"""Measuring: contenders work in turn, and each round gives one ratio.

A round is a slice of every contender, in an order that rotates; a neighbour who slows the
core down slows both sides of a ratio. What is reported is the median of the ratios.
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
CLOSE = 0.85       # a variant this near to the best is tried again
TRIALS = 3


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
    chosen: Choice = None
    process: object = None
    replies: list = field(default_factory=list)


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


def speed(pool, rival, choice):
    reading = rival.readings[0]
    value = reading.theirs(warm(pool, choice).go(TRIAL))
    return value if reading.more_is_better else 1.0 / value


def fastest(pool, rival, end):
    """The choice that is best in short trials until `end`; those that fail are left out."""
    best, failure = {}, Failed("there is nothing to run")
    for choice in rival.choices:
        try:
            best[choice] = speed(pool, rival, choice)
        except Failed as failed:
            failure = failed
    if not best:
        raise failure
    close = [c for c in best if best[c] >= CLOSE * max(best.values())]
    for choice in (TRIALS - 1) * close if len(close) > 1 else ():
        if time.monotonic() < end:
            best[choice] = max(best[choice], speed(pool, rival, choice))
    return max(close, key=best.get)


def prepare(pool, rival, end):
    """Chooses a variant and leaves it ready to go, or says why there is none."""
    if rival.why_not:
        return
    try:
        only = len(rival.choices) == 1
        rival.chosen = rival.choices[0] if only else fastest(pool, rival, end)
        rival.process = warm(pool, rival.chosen)
        rival.version = rival.version or str(rival.process.facts.get("version", ""))
    except Failed as failed:
        rival.why_not = f"failed: {failed}"


# ---- rounds ----

@dataclass
class Turns:
    """What a case has given so far: the replies of each round, and others' load."""
    core: int
    all_loads: list           # of every case
    ours: list = field(default_factory=list)
    loads: list = field(default_factory=list)

    def go(self, process, seconds):
        load = Load(self.core)
        reply = process.go(seconds)
        self.loads.append(load.foreign(reply.get("cpu", 0.0)))
        self.all_loads.append(self.loads[-1])
        return reply


def run_round(turns, index, process, rivals, seconds):
    """Every contender once; each round begins with the next one."""
    sides = [None, *rivals]
    for i in range(len(sides)):
        side = sides[(i + index) % len(sides)]
        if side is None:
            turns.ours.append(turns.go(process, seconds))
        elif not side.why_not:
            try:
                side.replies.append(turns.go(side.process, seconds * side.share))
            except Failed as failed:
                side.why_not = f"failed: {failed}"


def plan(case, rivals, seconds, rounds):
    """(rounds, slice) that fit into so many seconds."""
    shares = 1.0 + sum(rival.share for rival in rivals)
    whole = int(seconds / (case.slice * shares))
    if whole >= ROUNDS_LEAST:
        return min(rounds, whole), case.slice
    return ROUNDS_LEAST, max(SLICE_LEAST, seconds / (ROUNDS_LEAST * shares))


def run_rounds(turns, process, case, rivals, end, rounds):
    """As many rounds as fit before `end`, and no fewer than the least."""
    begin = time.monotonic()
    count, length = plan(case, rivals, end - begin, rounds)
    for index in range(count):
        now = time.monotonic()
        if index >= ROUNDS_LEAST and now + (now - begin) / index > end:
            break
        run_round(turns, index, process, rivals, length)


def measure(bench, case, pool, seconds, rounds):
    """The rows of a case."""
    end = time.monotonic() + seconds
    for rival in case.rivals:
        prepare(pool, rival, end - seconds / 2)
    rivals = [rival for rival in case.rivals if not rival.why_not]
    turns = Turns(pool.core, pool.loads)
    if rivals:
        run_rounds(turns, warm(pool, case.ours), case, rivals, end, rounds)
    return [row for rival in case.rivals for row in rows_of(bench, case, rival, turns)]


# ---- rows ----

def rows_of(bench, case, rival, turns):
    if rival.why_not:
        return [Row(bench, case.name + r.suffix, rival.peer, rival.version, unit=r.unit,
                    note=rival.why_not) for r in rival.readings]
    return [compare(bench, case, rival, turns, reading) for reading in rival.readings]


def compare(bench, case, rival, turns, reading):
    ours = [reading.ours(reply) for reply in turns.ours]
    theirs = [reading.theirs(reply) for reply in rival.replies]
    ratios = [reading.ratio(a, b) for a, b in zip(ours, theirs)]
    return Row(bench, case.name + reading.suffix, rival.peer, rival.version,
               statistics.median(ours), statistics.median(theirs), reading.unit,
               statistics.median(ratios), note_of(rival, turns, ratios))


def quartiles(values):
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def note_of(rival, turns, ratios):
    low, high = quartiles(ratios)
    facts = rival.process.facts
    variant = "" if rival.chosen.variant == "plain" else rival.chosen.variant
    return "; ".join(part for part in (
        f"quartiles {low:.3g} to {high:.3g} of {len(ratios)} rounds", variant, rival.remark,
        *(f"{key} {value}" for key, value in facts.items() if key != "version"),
        f"foreign load {100 * statistics.median(turns.loads):.0f} %") if part)
