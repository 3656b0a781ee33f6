"""Peers: which interpreters have what, and how each is run at its best.

OpenBLAS 0.3.21 takes processors that it does not know for old ones: without a word about
the core it may compute with SSE. PyTorch before 2 uses AVX2 where AVX-512 is there, unless
told. So every peer is told, and where there is more than one good answer, all are tried.
SPDX-License-Identifier: Apache-2.0
"""
import functools
import glob
import json
import os
import shutil
import subprocess
from dataclasses import dataclass

from .contender import Choice
from .machine import ROOT, has_flag
from .measure import Rival

PROGRAMS = os.path.join(ROOT, "bench", "peers")
DEBIAN = "/usr/bin/python3"
INSTALL = "run scripts/setup --peers"

PROBE = """
import importlib.metadata, importlib.util, json
found = {}
for name in ("torch", "sklearn", "onnxruntime"):
    spec = importlib.util.find_spec(name)
    if spec is None:
        continue
    try:
        version = importlib.metadata.version({"sklearn": "scikit-learn"}.get(name, name))
    except importlib.metadata.PackageNotFoundError:
        version = ""
    found[name] = [version, spec.origin or ""]
print(json.dumps(found))
"""


def interpreters():
    """Each Python once: that of build-peers/, Debian's, those of the path."""
    paths = [os.path.join(ROOT, "build-peers", "bin", "python3"), DEBIAN]
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        paths += sorted(glob.glob(os.path.join(folder, "python3")))
    return list(dict.fromkeys(path for path in paths if os.access(path, os.X_OK)))


@functools.lru_cache(maxsize=None)
def probe(python):
    """{module: (version, file)}"""
    try:
        result = subprocess.run([python, "-c", PROBE], capture_output=True, text=True,
                                timeout=60, check=True)
        return json.loads(result.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return {}


def find(module, accepts=lambda version, origin: True):
    """(interpreter, version) of the first that has it, else None."""
    for python in interpreters():
        version, origin = probe(python).get(module, (None, ""))
        if version is not None and accepts(version, origin):
            return python, version
    return None


def debian_version(package):
    """The upstream version of an installed package, "" if it is not there."""
    query = shutil.which("dpkg-query")
    if not query:
        return ""
    result = subprocess.run([query, "-W", "-f", "${Version}", package], text=True,
                            capture_output=True, check=False)
    return result.stdout.split("+")[0].split("-")[0] if result.returncode == 0 else ""


def is_debian(_version, origin):
    return origin.startswith("/usr/lib/python3/")


def is_pypi_2(version, origin):
    return not is_debian(version, origin) and int((version or "0").split(".")[0]) >= 2


@functools.lru_cache(maxsize=None)
def environments():
    """The settings that may be the best for Debian's libraries on this processor. Where 512
    bits are no faster than 256, Haswell's kernels of OpenBLAS may be, or ATen's for AVX2."""
    if not has_flag("avx512bw"):
        return ({"OPENBLAS_CORETYPE": "Haswell"} if has_flag("avx2") else {},)
    return ({"OPENBLAS_CORETYPE": "SkylakeX", "ATEN_CPU_CAPABILITY": "avx512"},
            {"OPENBLAS_CORETYPE": "Haswell", "ATEN_CPU_CAPABILITY": "avx512"},
            {"OPENBLAS_CORETYPE": "SkylakeX", "ATEN_CPU_CAPABILITY": "avx2"})


@dataclass(frozen=True)
class Library:
    """A peer that is a Python module; `python` is None where it is absent."""
    peer: str
    python: str = None
    version: str = ""
    why_not: str = ""
    environments: tuple = ()

    def choices(self, program, what, variants=("plain",), extra=()):
        """Every variant of a program of bench/peers in every environment."""
        command = (self.python, os.path.join(PROGRAMS, program), *extra)
        return tuple(Choice(command, what, variant, tuple(env.items()))
                     for env in self.environments for variant in variants)


def library(peer, found, why_not, most):
    """The module that was found, with the first `most` environments."""
    if not found:
        return Library(peer, why_not=why_not)
    return Library(peer, *found, environments=environments()[:most])


def pytorch_debian():
    found = find("torch", is_debian)
    if found:
        found = found[0], debian_version("python3-torch") or found[1]
    return library("pytorch-debian", found, f"python3-torch is not installed; {INSTALL}", 3)


def pytorch_pypi():
    """It brings MKL, and takes AVX-512 by itself: there is nothing to choose."""
    return library("pytorch-pypi", find("torch", is_pypi_2),
                   f"no python3 with PyTorch 2 or newer was found; {INSTALL}", 1)


def sklearn():
    return library("sklearn", find("sklearn"),
                   "scikit-learn is not installed; run scripts/setup", 2)


def onnxruntime():
    return library("onnxruntime", find("onnxruntime"),
                   f"no python3 with onnxruntime was found; {INSTALL}", 1)


def rival(found, readings, choices, remark=""):
    return Rival(found.peer, readings, choices, found.version, found.why_not, remark)
