"""Training on one core: rows a CPU second of forward, backward and AdamW.

SPDX-License-Identifier: Apache-2.0
"""
from .. import peers
from ..measure import Case, Reading, Rival
from ..suite import Suite, ours, rate

INPUTS, CLASSES = 64, 10

WIDTHS = (64, 128, 256, 512)

READINGS = (Reading("1000 rows/s", rate(1e3), rate(1e3)),)


def flop_of_row(width):
    """Three products a layer, but no gradient of the input; a multiply-add counts 2."""
    return 2.0 * (2.0 * INPUTS * width + 3.0 * 2.0 * width * width + 3.0 * width * CLASSES)


def library_rivals(name):
    for library, program, variants in (
            (peers.pytorch_debian(), "torch_train.py", ("eager", "script", "trace")),
            (peers.pytorch_pypi(), "torch_train.py",
             ("eager", "eager-fused", "script-fused", "trace-fused")),
            (peers.sklearn(), "sklearn_train.py", ("plain",))):
        yield peers.rival(library, READINGS, library.choices(program, name, variants))


# Rows of a micro-batch, of which the best counts.
PARTS = (16, 32, 64)


def transformer_rivals(name):
    for library, kinds in ((peers.pytorch_debian(), ("eager", "trace")),
                           (peers.pytorch_pypi(), ("eager", "sdpa"))):
        variants = tuple(f"{kind}-{part}" for kind in kinds for part in PARTS)
        yield peers.rival(library, READINGS,
                          library.choices("torch_tokens.py", name, variants))


def flop_of_transformer_row(width, blocks=3):
    """Three times that of the products forwards; the last block has one query."""
    tokens, hidden = INPUTS + 1, 8 * round(width * 1.33 / 8)
    other = 2.0 * (width * width + 2 * tokens * width + 3 * width * hidden)
    qkv = 2.0 * tokens * 3 * width * width
    return 3.0 * (blocks * qkv + ((blocks - 1) * tokens + 1) * other)


def peak_rival(flop):
    """Our share of what the core can do."""
    def gflops(reply):
        return rate(1e9)(reply) * flop
    return Rival("peak", (Reading("GFLOP/s", gflops, rate(1e9)),),
                 (ours("bench_peak", "fma"),), share=0.3, remark="multiply-adds in registers")


def case_of(width, batch):
    name = f"mlp-h{width}-b{batch}"
    return Case(name, ours("bench_train", name),
                [*library_rivals(name), peak_rival(flop_of_row(width))], slice=0.6)


def case_of_transformer(width):
    name = f"ft-w{width}"
    return Case(name, ours("bench_train", name),
                [*transformer_rivals(name), peak_rival(flop_of_transformer_row(width))])


def cases():
    """Batch 1024 gets what time is left."""
    return [*(case_of(width, 256) for width in WIDTHS),
            *(case_of_transformer(width) for width in (64, 192)),
            *(case_of(width, 1024) for width in WIDTHS)]


TARGETS = {"mlp-h64-b256": (4.5, 6), "mlp-h128-b256": (2.5, 3.3), "mlp-h256-b256": (1.6, 2),
           "mlp-h512-b256": (1.4, 1.6), "ft-w64": (2, 3), "ft-w192": (1.5, 2)}

SUITE = Suite("train", ("bench_train", "bench_peak", "bench_profile"), cases, rounds=7,
              seconds=240, targets=TARGETS, profiled=tuple(TARGETS))
