"""Single operators at batch 256: time a call, beside PyTorch's operator and the limit of the
core: multiply-adds for products, memory for the rest.

SPDX-License-Identifier: Apache-2.0
"""
from dataclasses import dataclass

from .. import peers
from ..measure import Case, Reading, Rival
from ..suite import Suite, ours, rate

BATCH, INPUTS, CLASSES = 256, 64, 10
NUMBER = 4  # bytes


def parameters(width):
    return INPUTS * width + 2 * width * width + 3 * width + (width + 1) * CLASSES


@dataclass(frozen=True)
class Operator:
    """What it must at least do: FLOP of a product, or numbers read and written."""
    name: str
    widths: tuple
    flop: object = None       # width -> FLOP
    numbers: object = None    # width -> numbers moved
    variants: tuple = ("plain",)


OPERATORS = (
    Operator("linear-forward", (64, 128, 256, 512), flop=lambda h: 2.0 * BATCH * h * h),
    Operator("linear-backward", (64, 128, 256, 512), flop=lambda h: 4.0 * BATCH * h * h),
    # forward: x, y; backward: x, dy, dx
    Operator("layer-norm", (64, 256), numbers=lambda h: 5.0 * BATCH * h),
    Operator("batch-norm", (64, 256), numbers=lambda h: 5.0 * BATCH * h),
    Operator("gelu", (64, 256), numbers=lambda h: 5.0 * BATCH * h),
    # x in, p and its gradient out
    Operator("cross-entropy", (64,), numbers=lambda h: 3.0 * BATCH * CLASSES),
    # p, m and v in and out, g in
    Operator("adamw", (64, 256), numbers=lambda h: 7.0 * parameters(h),
             variants=("foreach", "fused")),
    Operator("gather", (64,), numbers=lambda h: 2.0 * BATCH * INPUTS),
)


def microseconds(reply):
    return 1e6 * reply["cpu"] / reply["work"]


def torch_rivals(operator, name):
    readings = (Reading("µs", microseconds, microseconds, more_is_better=False),)
    for library in (peers.pytorch_debian(), peers.pytorch_pypi()):
        choices = library.choices("torch_ops.py", name, operator.variants)
        yield peers.rival(library, readings, choices)


def peak_rival(operator, width):
    """Our share of the core's multiply-adds, or of a stream over as many bytes."""
    if operator.flop:
        work, unit, what = operator.flop(width), "GFLOP/s", "fma"
        remark = "multiply-adds in registers"
    else:
        work, unit = NUMBER * operator.numbers(width), "GB/s"
        what, remark = f"stream-{int(work)}", "y += s x over as many bytes"
    readings = (Reading(unit, lambda reply: rate(1e9)(reply) * work, rate(1e9)),)
    return Rival("peak", readings, (ours("bench_peak", what),), remark=remark)


def case_of(operator, width):
    name = f"{operator.name}-h{width}"
    return Case(name, ours("bench_ops", name),
                [*torch_rivals(operator, name), peak_rival(operator, width)], slice=0.25)


def cases():
    return [case_of(operator, width) for operator in OPERATORS for width in operator.widths]


SUITE = Suite("ops", ("bench_ops", "bench_peak"), cases, rounds=7, seconds=250)
