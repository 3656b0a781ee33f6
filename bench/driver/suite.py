"""What a benchmark is. SPDX-License-Identifier: Apache-2.0"""
from dataclasses import dataclass, field

from .contender import Choice
from .machine import program


@dataclass(frozen=True)
class Suite:
    name: str
    programs: tuple           # of bench/, to be built
    cases: object             # () -> list of Case
    rounds: int
    seconds: float            # for all, from the start
    targets: dict = field(default_factory=dict)  # case: (at least, aim), against PyTorch
    profiled: tuple = ()      # cases of which a step is taken apart


def ours(name, what, extra=(), **fields):
    """The choice of one of our programs."""
    return Choice((program(name), *extra), what, **fields)


def rate(unit):
    """Work a CPU second, in `unit`s of so much work."""
    return lambda reply: reply["work"] / reply["cpu"] / unit
