"""ONNX Runtime on one row.

usage: onnx_latency.py FOLDER   a contender of bench/run; FOLDER has CASE.onnx

SPDX-License-Identifier: Apache-2.0
"""
import os
import sys

import numpy
import onnxruntime

from talk import contend, quantiles

INPUTS, WARM_UP = 64, 200


def session(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    return onnxruntime.InferenceSession(os.path.join(sys.argv[1], name + ".onnx"), options,
                                        providers=["CPUExecutionProvider"])


def plain(run):
    return lambda x: run.run(None, {"x": x})


def bound(run):
    """Inputs and outputs in blocks that stay; the row is copied in."""
    x = numpy.zeros((1, INPUTS), numpy.float32)
    binding = run.io_binding()
    binding.bind_cpu_input("x", x)
    binding.bind_output("y")

    def call(row):
        x[:] = row
        run.run_with_iobinding(binding)

    return call


def prepare(name, variant):
    call = {"run": plain, "bound": bound}[variant](session(name))
    random = numpy.random.default_rng(1)
    rows = [random.standard_normal((1, INPUTS)).astype(numpy.float32) for _ in range(64)]
    for i in range(WARM_UP):
        call(rows[i % len(rows)])
    return lambda seconds: quantiles(call, rows, seconds)


contend(prepare, onnxruntime.__version__)
