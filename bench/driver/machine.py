"""The machine: which core is idle, how busy others are, what is built, what it is.

SPDX-License-Identifier: Apache-2.0
"""
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build-bench")
IDLE = 0.1         # a core this busy counts as idle
SECONDS_MOST = 10  # to wait for one

TICK = os.sysconf("SC_CLK_TCK")


class Unusable(Exception):
    """The benchmark cannot run; the text says why and what to do."""


def busy_seconds():
    """Seconds that each processor has worked since the start, for whomever; a hypervisor
    that gave it to somebody else counts too."""
    busy = {}
    with open("/proc/stat", encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words[0].startswith("cpu") and words[0] != "cpu":
                user, nice, system, _idle, _wait, irq, softirq, steal = map(int, words[1:9])
                busy[int(words[0][3:])] = (user + nice + system + irq + softirq +
                                           steal) / TICK
    return busy


class Load:
    """How much of a processor's time goes to others."""

    def __init__(self, core):
        self.core = core
        self.at, self.busy = time.monotonic(), busy_seconds().get(core, 0.0)

    def foreign(self, ours):
        """The share since the start, when `ours` are the CPU seconds of the contender."""
        wall = time.monotonic() - self.at
        busy = busy_seconds().get(self.core, 0.0) - self.busy
        return min(1.0, max(0.0, busy - ours) / wall) if wall > 0 else 0.0


def idlest_core():
    """(core, how busy it was): waits a while for an idle one."""
    usable = sorted(os.sched_getaffinity(0))
    end = time.monotonic() + SECONDS_MOST
    while True:
        loads = {core: Load(core) for core in usable}
        time.sleep(1.0)
        shares = {core: load.foreign(0.0) for core, load in loads.items()}
        core = min(shares, key=lambda c: (shares[c], -c))
        if shares[core] < IDLE or time.monotonic() > end:
            return core, shares[core]


def has_flag(flag):
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        return any(flag in line.split() for line in file if line.startswith("flags"))


def run(command):
    result = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, check=False)
    if result.returncode:
        sys.stderr.write(result.stdout)
        raise Unusable(f"'{' '.join(command)}' failed; its output is above")
    return result.stdout


def build(programs):
    """Builds the programs of bench/ and nas-tl under build-bench/; quick when all is there."""
    try:
        if not os.path.exists(os.path.join(BUILD, "build.ninja")):
            run(["meson", "setup", BUILD, "--buildtype=release"])
        run(["ninja", "-C", BUILD, "src/nas-tl", *(f"bench/{name}" for name in programs)])
    except FileNotFoundError as error:
        raise Unusable(f"{error.filename} is not there; run scripts/setup") from error


def program(name):
    return os.path.join(BUILD, "bench", name)


def hardware():
    """The words of `nas-tl hardware`."""
    return run([os.path.join(BUILD, "src", "nas-tl"), "hardware"]).rstrip()
