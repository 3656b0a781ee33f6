"""PyTorch on one row: TorchScript, frozen, or optimised for inference beyond that.

usage: torch_latency.py                      a contender of bench/run
       torch_latency.py --export CASE FILE   writes the network as ONNX

SPDX-License-Identifier: Apache-2.0
"""
import inspect
import sys

import torch

from talk import contend, quantiles
from torch_net import INPUTS, facts, mlp

WARM_UP = 200


def script(name, variant):
    torch.manual_seed(1)
    net = torch.jit.freeze(torch.jit.script(mlp(name)[0].eval()))
    return torch.jit.optimize_for_inference(net) if variant == "optimized" else net


def prepare(name, variant):
    net = script(name, variant)
    rows = [torch.randn(1, INPUTS) for _ in range(64)]

    def run(seconds):
        with torch.inference_mode():
            return quantiles(net, rows, seconds)

    with torch.inference_mode():
        for i in range(WARM_UP):
            net(rows[i % len(rows)])
    return run


def export(name, path):
    """The exporter that needs no further package, where there are two."""
    more = {"dynamo": False} if "dynamo" in inspect.signature(
        torch.onnx.export).parameters else {}
    torch.onnx.export(mlp(name)[0].eval(), (torch.randn(1, INPUTS),), path,
                      input_names=["x"], output_names=["y"], **more)


def main():
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--export"]:
        export(*sys.argv[2:])
        return
    contend(prepare, torch.__version__, **facts())


main()
