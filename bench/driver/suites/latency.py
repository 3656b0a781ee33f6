"""One row on one thread, and from the start of a process to its first training step.

SPDX-License-Identifier: Apache-2.0
"""
import atexit
import os
import shutil
import subprocess
import tempfile
from dataclasses import replace

from .. import peers
from ..measure import Case, Reading
from ..suite import Suite, ours

NETWORK, FIRST = "mlp-3x256", "mlp-h256-b256"


def value(key, factor=1.0):
    return lambda reply: factor * reply[key]


READINGS = (Reading("µs, median", value("p50"), value("p50"), more_is_better=False),
            Reading("µs, 99 %", value("p99"), value("p99"), more_is_better=False,
                    suffix="-p99"))
START = (Reading("ms", value("wall", 1e3), value("wall", 1e3), more_is_better=False),
         Reading("ms of CPU", value("cpu", 1e3), value("cpu", 1e3), more_is_better=False,
                 suffix="-cpu"))


def torch_rivals():
    for library in (peers.pytorch_debian(), peers.pytorch_pypi()):
        yield peers.rival(library, READINGS,
                          library.choices("torch_latency.py", NETWORK,
                                          ("frozen", "optimized")), "TorchScript")


def exported():
    """(folder of NETWORK.onnx, why not): written by the first PyTorch that can."""
    why_not = f"no PyTorch was found to write the network as ONNX; {peers.INSTALL}"
    for library in (peers.pytorch_debian(), peers.pytorch_pypi()):
        if not library.python:
            continue
        folder = tempfile.mkdtemp(prefix="nas-tl-bench-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        command = [library.python, os.path.join(peers.PROGRAMS, "torch_latency.py"), "--export",
                   NETWORK, os.path.join(folder, NETWORK + ".onnx")]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode == 0:
            return folder, ""
        lines = result.stderr.strip().splitlines() or ["it said nothing"]
        why_not = f"{library.peer} could not write the network as ONNX: {lines[-1]}"
    return "", why_not


def onnx_rival():
    library = peers.onnxruntime()
    folder, why_not = exported() if library.python else ("", library.why_not)
    choices = library.choices("onnx_latency.py", NETWORK, ("run", "bound"), (folder,))
    return peers.rival(replace(library, why_not=why_not), READINGS, choices)


def start_rivals():
    """No setting changes how long an import takes: one environment will do."""
    for library in (peers.pytorch_debian(), peers.pytorch_pypi()):
        choices = library.choices("torch_train.py", FIRST, extra=("--first-step", FIRST))
        yield peers.rival(library, START,
                          tuple(replace(c, is_launch=True) for c in choices[:1]),
                          f"process start to the first step of {FIRST}")


def start_case():
    mine = ours("bench_train", FIRST, extra=("--first-step", FIRST), is_launch=True)
    return Case("start", mine, list(start_rivals()))


def cases():
    row = Case(NETWORK, ours("bench_latency", NETWORK), [*torch_rivals(), onnx_rival()])
    return [row, start_case()]


SUITE = Suite("latency", ("bench_latency", "bench_train"), cases, rounds=9, seconds=150,
              targets={NETWORK: (2.3, 3), "start": (30, 60)})
