#!/usr/bin/env python3
"""The driver of bench/run on contenders that are made up: what it writes, not how long
anything takes.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import csv
import io
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "bench"))

from driver import main, machine  # noqa: E402
from driver.contender import Choice, Failed, Pool, Process  # noqa: E402
from driver.measure import Case, Reading, Rival  # noqa: E402
from driver.suite import Suite, rate  # noqa: E402

COLUMNS = ["bench", "case", "peer", "peer_version", "ours", "theirs", "unit", "ratio", "note"]

# Says that it did WORK in a CPU second, whatever it is told; "broken" cannot be prepared,
# "mute" ends at once.
FAKE = """
import sys
if sys.argv[1] == "mute":
    sys.exit("no tongue")
print("ready version=7.0 BLAS=none", flush=True)
work = 0.0
for line in sys.stdin:
    words = line.split()
    if words[0] == "prepare":
        if words[2] == "broken":
            print("error ValueError: it is broken", flush=True)
            continue
        work = float(sys.argv[1]) * (2 if words[2] == "twice" else 1)
    print(f"ok work={work} cpu=1.0" if words[0] == "go" else "ok", flush=True)
"""

MORE = (Reading("rows/s", rate(1), rate(1)),)
LESS = (Reading("s", lambda r: r["cpu"] / r["work"], lambda r: r["cpu"] / r["work"],
                more_is_better=False, suffix="-time"),)


def fake(work, variant="plain"):
    return Choice((sys.executable, "-c", FAKE, str(work)), "toy-1", variant)


def cases():
    return [Case("toy-1", fake(600), [
        Rival("slow", MORE + LESS, (fake(100), fake(100, "twice"), fake(100, "broken"))),
        Rival("absent", MORE, why_not="it is not installed, nor wanted"),
        Rival("broken", MORE, (fake(5, "broken"),)),
        Rival("mute", MORE, (fake("mute"),)),
    ], slice=0.01), Case("toy-2", fake(600), [Rival("slow", MORE, (fake(300),))], slice=0.01)]


def run(words):
    """(exit code, standard output, standard error) of bench/run with the toy alone."""
    toy = Suite("toy", (), cases, rounds=4, seconds=30)
    machine.build = lambda programs: None
    machine.hardware = lambda: "processor  none"
    machine.idlest_core = lambda: (min(os.sched_getaffinity(0)), 0.0)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main.main(words, {"toy": toy})
    return code, out.getvalue(), err.getvalue()


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == COLUMNS, reader.fieldnames
        return {(row["case"], row["peer"]): row for row in reader}


def csv_has_every_peer_with_its_ratio_or_the_reason(rows):
    assert len(rows) == 6, list(rows)
    slow = rows["toy-1", "slow"]
    assert (slow["bench"], slow["peer_version"], slow["unit"]) == ("toy", "7.0", "rows/s")
    assert float(slow["ours"]) == 600 and float(slow["theirs"]) == 200
    assert float(slow["ratio"]) == 3, "the better variant counts, above 1 is ours"
    assert "twice" in slow["note"] and "BLAS none" in slow["note"], slow["note"]
    assert float(rows["toy-1-time", "slow"]["ratio"]) == 3, "less is better"
    assert float(rows["toy-2", "slow"]["ratio"]) == 2
    for peer, reason in (("absent", "it is not installed, nor wanted"),
                         ("broken", "it is broken"), ("mute", "no tongue")):
        row = rows["toy-1", peer]
        assert (row["ours"], row["theirs"], row["ratio"]) == ("", "", ""), row
        assert reason in row["note"], row["note"]


def table_has_the_same_columns(out):
    lines = out.splitlines()
    assert [cell.strip() for cell in lines[0].strip("|").split("|")] == COLUMNS
    assert len([line for line in lines if line.startswith("| toy")]) == 6
    assert "processor  none" in out


def an_unknown_name_lists_what_there_is():
    code, out, err = run(["scale"])
    assert code == 2 and out == "" and "'scale'" in err and "toy" in err, err


def a_pattern_selects_cases():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "toy.csv")
        code, _, _ = run(["toy", "--only", "toy-2", "--csv", path])
        assert code == 0 and list(rows_of(path)) == [("toy-2", "slow")]


def our_own_failure_is_no_success():
    bad = [Case("toy-1", fake(1, "broken"), [Rival("slow", MORE, (fake(300),))], slice=0.01)]
    with Pool(min(os.sched_getaffinity(0))) as pool:
        suite = Suite("toy", (), None, rounds=4, seconds=30)
        with contextlib.redirect_stderr(io.StringIO()):
            rows, failed = main.run_cases(suite, bad, pool, float("inf"))
    assert failed and "it is broken" in rows[0].note


def our_programs_speak_as_the_driver_expects(program):
    """A real contender, one slice as short as can be."""
    choice = Choice((program,), "fma")
    contender = Process(choice, None)
    contender.prepare(choice)
    reply = contender.go(0.0)
    assert reply["work"] > 0 and reply["cpu"] > 0, reply
    try:
        contender.prepare(Choice((program,), "nothing"))
        raise AssertionError("it takes what it does not know")
    except Failed as failed:
        assert "'nothing'" in str(failed), failed
    contender.stop()


def check():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "toy.csv")
        code, out, _ = run(["toy", "--csv", path])
        assert code == 0
        csv_has_every_peer_with_its_ratio_or_the_reason(rows_of(path))
    table_has_the_same_columns(out)
    an_unknown_name_lists_what_there_is()
    a_pattern_selects_cases()
    our_own_failure_is_no_success()
    for program in sys.argv[1:]:
        our_programs_speak_as_the_driver_expects(program)


check()
