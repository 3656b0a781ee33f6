"""The networks of bench/subject.c in PyTorch. SPDX-License-Identifier: Apache-2.0"""
import re

import torch

from talk import blas, shape_of

INPUTS, CLASSES, ROWS = 64, 10, 10240


def facts():
    """Which BLAS, and which instructions the rest of PyTorch uses."""
    found = re.search(r"CPU capability usage: (\S+)", torch.__config__.show())
    mkl = {"BLAS": "MKL"} if torch.backends.mkl.is_available() else {}
    return {**blas(), **mkl, **({"ATen": found[1]} if found else {})}


def mlp(name):
    """(network, batch size)"""
    layers, width, batch = shape_of(name)
    parts, inputs = [], INPUTS
    for _ in range(layers):
        parts += [torch.nn.Linear(inputs, width), torch.nn.ReLU()]
        inputs = width
    return torch.nn.Sequential(*parts, torch.nn.Linear(inputs, CLASSES)), batch


def reset(net):
    """New weights, in place."""
    for part in net.modules():
        if isinstance(part, torch.nn.Linear):
            part.reset_parameters()
