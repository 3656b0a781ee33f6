"""Contenders: programs that are told to work for a slice of time and say what they did.

bench/contender.h has the protocol. A Process lives as long as the benchmark; a Launch is a
program that is started anew each time, and is timed until its first line.
SPDX-License-Identifier: Apache-2.0
"""
import os
import resource
import select
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

SECONDS_MOST = 120  # without an answer


class Failed(Exception):
    """A contender that cannot run; the text says why."""


@dataclass(frozen=True)
class Choice:
    """One way to run a contender: a program in an environment, on a case, in a variant."""
    command: tuple
    what: str                 # the case in the program's words
    variant: str = "plain"
    env: tuple = ()           # pairs
    is_launch: bool = False


def facts_of(words):
    """{'cpu': 1.0, …} of 'cpu=1.0 …'; what is no number stays text."""
    facts = {}
    for word in words:
        key, _, value = word.partition("=")
        try:
            facts[key] = float(value) if key != "version" else value
        except ValueError:
            facts[key] = value
    return facts


def start(choice, core, errors, **pipes):
    """The program, pinned to one core, with one thread."""
    one_thread = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                                         "MKL_NUM_THREADS")}
    command = [*(() if core is None else ("taskset", "-c", str(core))), *choice.command]
    try:
        return subprocess.Popen(command, env={**os.environ, **one_thread, **dict(choice.env)},
                                stdout=subprocess.PIPE, stderr=errors, bufsize=0, **pipes)
    except OSError as error:
        raise Failed(f"{command[0]} does not start: {error.strerror}") from error


class Lines:
    """Reads the lines of a pipe, each with a limit of time."""

    def __init__(self, pipe):
        self.pipe, self.rest = pipe, b""

    def next(self, seconds):
        end = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.pipe], [], [], left)[0]:
                raise Failed(f"no answer in {seconds:.0f} s")
            more = os.read(self.pipe.fileno(), 65536)
            if not more:
                raise Failed("it ended")
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode(errors="replace")


@dataclass
class Process:
    """A contender that lives on; `facts` are those of its greeting."""
    choice: Choice
    core: int
    facts: dict = field(default_factory=dict)
    ready: tuple = ()         # the case and variant it is prepared for

    def __post_init__(self):
        self.errors = tempfile.TemporaryFile()
        self.process = start(self.choice, self.core, self.errors, stdin=subprocess.PIPE)
        self.lines = Lines(self.process.stdout)
        self.facts = self.answer("ready")

    def answer(self, wanted):
        try:
            words = self.lines.next(SECONDS_MOST).split()
        except Failed as failed:
            raise Failed(f"{failed}{self.last_words()}") from failed
        if not words or words[0] != wanted:
            raise Failed(" ".join(words[1:] if words[:1] == ["error"] else words))
        return facts_of(words[1:])

    def last_words(self):
        self.errors.seek(0)
        text = self.errors.read().decode(errors="replace").strip()
        return ": " + text.splitlines()[-1] if text else ""

    def tell(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            raise Failed("it ended" + self.last_words()) from None
        return self.answer("ok")

    def prepare(self, choice):
        wanted = choice.what, choice.variant
        if wanted != self.ready:
            self.ready = ()
            self.tell(f"prepare {choice.what} {choice.variant}")
            self.ready = wanted

    def go(self, seconds):
        return self.tell(f"go {seconds:.3f}")

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def children_cpu():
    """CPU seconds of the processes that have been waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@dataclass
class Launch:
    """A program started anew for each slice: the seconds until it says "ok"."""
    choice: Choice
    core: int
    facts: dict = field(default_factory=dict)

    def prepare(self, choice):
        pass

    def go(self, _seconds):
        begin, before = time.monotonic(), children_cpu()
        with tempfile.TemporaryFile() as errors:
            process = start(self.choice, self.core, errors, stdin=subprocess.DEVNULL)
            try:
                line = Lines(process.stdout).next(SECONDS_MOST)
                took = time.monotonic() - begin
            finally:
                process.kill()
                process.wait()
                process.stdout.close()
        if line != "ok":
            raise Failed(line)
        return {"cpu": children_cpu() - before, "wall": took}

    def stop(self):
        pass


class Pool:
    """The contenders that have been started, one a program and environment."""

    def __init__(self, core):
        self.core, self.members = core, {}
        self.loads = []  # others' share of the core in each slice

    def start(self, choice):
        """The contender, or a Failed that is raised each time it is asked for."""
        key = (choice.command, choice.env, choice.is_launch)
        if key not in self.members:
            try:
                kind = Launch if choice.is_launch else Process
                self.members[key] = kind(choice, self.core)
            except Failed as failed:
                self.members[key] = failed
        return self.members[key]

    def get(self, choice):
        """The contender with this choice prepared."""
        member = self.start(choice)
        if isinstance(member, Failed):
            raise member
        member.prepare(choice)
        return member

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for member in self.members.values():
            if not isinstance(member, Failed):
                member.stop()
