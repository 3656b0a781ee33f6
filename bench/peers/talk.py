"""A contender of bench/run in Python; bench/contender.h has the protocol.

SPDX-License-Identifier: Apache-2.0
"""
import ctypes
import re
import sys
import time


def answer(word, facts):
    print(word, *(f"{key}={value}" for key, value in facts.items()), flush=True)


def contend(prepare, version, **facts):
    """prepare(name, variant) returns what runs a slice: seconds -> {key: value}; it is kept
    until another case comes. The facts say what computes; they go into the notes."""
    answer("ready", {"version": version, **facts})
    run, ready = None, {}
    for line in sys.stdin:
        words = line.split()
        try:
            if words[0] == "prepare":
                ready = {key: ready[key] for key in ready if key[0] == words[1]}
                key = tuple(words[1:])
                run = ready[key] = ready.get(key) or prepare(*key)
                answer("ok", {})
            else:
                answer("ok", run(float(words[1])))
        except Exception as error:  # whatever a library throws is the driver's to tell
            text = " ".join(f"{type(error).__name__}: {error}".split())
            print("error", text[:300], flush=True)


def timed(step, seconds):
    """Calls step(), which returns the work it did, for about so long."""
    end, start, work = time.perf_counter() + seconds, time.process_time(), 0
    while True:
        work += step()
        if time.perf_counter() >= end:
            return {"work": work, "cpu": time.process_time() - start}


def quantiles(call, inputs, seconds, most=1 << 18):
    """Times each call by itself: median and 99 % in microseconds."""
    clock, took = time.perf_counter_ns, []
    start, end = time.process_time(), clock() + int(seconds * 1e9)
    before = clock()
    while before < end and len(took) < most:
        call(inputs[len(took) % len(inputs)])
        after = clock()
        took.append(after - before)
        before = after
    cpu = time.process_time() - start
    took.sort()
    return {"cpu": cpu, "p50": took[len(took) // 2] / 1e3,
            "p99": took[len(took) * 99 // 100] / 1e3}


def shape_of(name):
    """(layers, width, batch) of mlp-hH-bB or mlp-LxH."""
    match = re.fullmatch(r"mlp-h(\d+)-b(\d+)", name)
    if match:
        return 3, int(match[1]), int(match[2])
    match = re.fullmatch(r"mlp-(\d+)x(\d+)", name)
    if match:
        return int(match[1]), int(match[2]), 256
    raise ValueError(f"no such network here: {name}")


def blas():
    """{"BLAS": "OpenBLAS-SkylakeX"}, or {} where it is none of Debian's. Refuses the one
    that nobody would choose."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        paths = {line.split()[-1] for line in file if "blas" in line}
    if any(path.rsplit("/", 1)[-1].startswith("libblas.so.3.") for path in paths):
        raise SystemExit("the reference BLAS is in use; install libopenblas0-pthread")
    for path in sorted(paths):
        for name in ("openblas_get_corename", "scipy_openblas_get_corename64_"):
            function = getattr(ctypes.CDLL(path), name, None)
            if function:
                function.restype = ctypes.c_char_p
                return {"BLAS": "OpenBLAS-" + function().decode()}
    return {}
