"""PyTorch's operators by themselves, as autograd calls them; the shapes of bench/ops.c. A
contender of bench/run.

SPDX-License-Identifier: Apache-2.0
"""
import re

import torch

from talk import contend, timed
from torch_net import CLASSES, INPUTS, ROWS, facts, mlp

BATCH, CALLS = 256, 64
aten = torch.ops.aten


def linear_forward(h, _):
    x, w, b, y = (torch.randn(*s) for s in ((BATCH, h), (h, h), (h,), (BATCH, h)))
    w = w.t()
    return lambda: torch.addmm(b, x, w, out=y)


def linear_backward(h, _):
    x, w, dy = torch.randn(BATCH, h), torch.randn(h, h), torch.randn(BATCH, h)
    dx, dw, db = torch.empty(BATCH, h), torch.empty(h, h), torch.empty(h)

    def run():
        torch.mm(dy.t(), x, out=dw)
        torch.sum(dy, 0, out=db)
        torch.mm(dy, w, out=dx)

    return run


def layer_norm(h, _):
    x, dy, w, b = torch.randn(BATCH, h), torch.randn(BATCH, h), torch.ones(h), torch.zeros(h)

    def run():
        _, mean, rstd = aten.native_layer_norm(x, [h], w, b, 1e-5)
        aten.native_layer_norm_backward(dy, x, [h], mean, rstd, w, b, [True] * 3)

    return run


def batch_norm(h, _):
    x, dy, w, b = torch.randn(BATCH, h), torch.randn(BATCH, h), torch.ones(h), torch.zeros(h)
    mean, variance = torch.zeros(h), torch.ones(h)

    def run():
        _, m, s = aten.native_batch_norm(x, w, b, mean, variance, True, 0.1, 1e-5)
        aten.native_batch_norm_backward(dy, x, w, mean, variance, m, s, True, 1e-5,
                                        [True] * 3)

    return run


def gelu(h, _):
    x, dy = torch.randn(BATCH, h), torch.randn(BATCH, h)

    def run():
        aten.gelu(x)
        aten.gelu_backward(dy, x)

    return run


def cross_entropy(_h, _):
    x, y, one = torch.randn(BATCH, CLASSES), torch.randint(CLASSES, (BATCH,)), torch.ones(())

    def run():
        p = aten._log_softmax(x, 1, False)
        _, total = aten.nll_loss_forward(p, y, None, 1, -100)
        d = aten.nll_loss_backward(one, p, y, None, 1, -100, total)
        aten._log_softmax_backward_data(d, p, 1, torch.float32)

    return run


def gather(_h, _):
    x, order, out = torch.randn(ROWS, INPUTS), torch.randperm(ROWS), torch.empty(BATCH, INPUTS)
    batches = order.split(BATCH)
    count = [0]

    def run():
        count[0] += 1
        torch.index_select(x, 0, batches[count[0] % len(batches)], out=out)

    return run


def adamw(h, variant):
    net, _ = mlp(f"mlp-3x{h}")
    for parameter in net.parameters():
        parameter.grad = torch.randn_like(parameter)
    return torch.optim.AdamW(net.parameters(), **{variant: True}).step


OPERATORS = {"linear-forward": linear_forward, "linear-backward": linear_backward,
             "layer-norm": layer_norm, "batch-norm": batch_norm, "gelu": gelu,
             "cross-entropy": cross_entropy, "gather": gather, "adamw": adamw}


def prepare(name, variant):
    match = re.fullmatch(r"([a-z-]+)-h(\d+)", name)
    run = OPERATORS[match[1]](int(match[2]), variant)

    def step():
        for _ in range(CALLS):
            run()
        return CALLS

    def go(seconds):
        with torch.no_grad():
            return timed(step, seconds)

    go(0.0)
    return go


torch.set_num_threads(1)
contend(prepare, torch.__version__, **facts())
