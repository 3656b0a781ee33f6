"""The command line of bench/run. SPDX-License-Identifier: Apache-2.0"""
import argparse
import datetime
import fnmatch
import os
import statistics
import sys
import time

from . import machine, report
from .contender import Failed, Pool
from .measure import Row, measure
from .suites import SUITES


def parse(words, names):
    parser = argparse.ArgumentParser(
        prog="bench/run", description="Runs nas-tl and its peers in turn, and compares.")
    parser.add_argument("name", metavar="NAME", help="one of " + ", ".join(names))
    parser.add_argument("--csv", metavar="FILE", help="write the rows there too")
    parser.add_argument("--only", metavar="PATTERN", default="*",
                        help="cases to run, such as 'mlp-h64-*'")
    parser.add_argument("--write", action="store_true",
                        help="leave the report in docs/results/NAME-DATE.md too")
    return parser.parse_args(words)


def say(text):
    print(f"bench/run: {text}", file=sys.stderr, flush=True)


def run_cases(suite, cases, pool, end):
    """Shares the time that is left among the cases that are left: (rows, failed)."""
    rows, failed = [], False
    for case in cases:
        for choice in (case.ours, *(c for rival in case.rivals for c in rival.choices)):
            pool.start(choice)
    for index, case in enumerate(cases):
        seconds = (end - time.monotonic()) / (len(cases) - index)
        say(f"{suite.name} {case.name}: {max(0.0, seconds):.0f} s")
        if seconds <= 0.0:
            for rival in case.rivals:
                rival.why_not = rival.why_not or "not run: no time was left"
        try:
            rows += measure(suite.name, case, pool, seconds, suite.rounds)
        except Failed as failure:
            failed = True
            rows.append(Row(suite.name, case.name, "", note=f"nas-tl failed: {failure}"))
    return rows, failed


def describe(pool, busy_before):
    """The machine, for the foot of the table."""
    loads = [100.0 * load for load in pool.loads] or [0.0]
    return "\n".join([
        "```", machine.hardware(),
        f"core       {pool.core}: {100 * busy_before:.0f} % busy with others before the start;"
        f" in the slices {statistics.median(loads):.0f} % (median), at most"
        f" {max(loads):.0f} %", "```"])


def profile(suite, cases, core):
    """What a step of the suite's profiled cases consists of."""
    names = [case.name for case in cases if case.name in suite.profiled]
    if not names:
        return ""
    return ("A step of ours, on the clock:\n\n" +
            machine.run(["taskset", "-c", str(core), machine.program("bench_profile"),
                         *names]).rstrip())


def write(suite, text):
    """docs/results/NAME-DATE.md"""
    today = datetime.date.today().isoformat()
    path = os.path.join(machine.ROOT, "docs", "results", f"{suite.name}-{today}.md")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"# bench/run {suite.name}\n\n{today}, by `bench/run {suite.name} --write`;"
                   f" bench/README.md says how it is measured.\n\n{text}\n")
    say(f"{os.path.relpath(path)} is written")


def bench(suite, options):
    begin = time.monotonic()
    machine.build(suite.programs)
    cases = [case for case in suite.cases() if fnmatch.fnmatch(case.name, options.only)]
    core, busy = machine.idlest_core()
    if busy > machine.IDLE:
        say(f"no core is idle; core {core} is {100 * busy:.0f} % busy with others' work, "
            "and what follows is as good as ratios of neighbours in time can be")
    with Pool(core) as pool:
        rows, failed = run_cases(suite, cases, pool, begin + suite.seconds)
    parts = [report.markdown(rows), report.against_targets(rows, suite.targets),
             profile(suite, cases, core), describe(pool, busy)]
    text = "\n\n".join(part for part in parts if part)
    print(text)
    if options.csv:
        report.write_csv(options.csv, rows)
    if options.write:
        write(suite, text)
    return 1 if failed else 0


def main(words, suites=None):
    suites = SUITES if suites is None else suites
    options = parse(words, suites)
    if options.name not in suites:
        say(f"'{options.name}' is not offered; there are " + ", ".join(suites))
        return 2
    try:
        return bench(suites[options.name], options)
    except machine.Unusable as error:
        say(error)
        return 1
