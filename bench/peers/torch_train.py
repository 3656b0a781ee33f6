"""PyTorch training the networks of bench/subject.c: rows gathered by index tensors, AdamW
over lists of tensors ("foreach") or in one kernel ("fused", where it is there), the forward
pass eager or as TorchScript.

usage: torch_train.py                     a contender of bench/run
       torch_train.py --first-step CASE   one step, then "ok"

SPDX-License-Identifier: Apache-2.0
"""
import sys

import torch
import torch.nn.functional as F

from talk import contend, timed
from torch_net import CLASSES, INPUTS, ROWS, facts, mlp, reset

WARM_UP = 8        # TorchScript profiles its first runs
FIRST_ROWS = 1024  # for one step


class Loss(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, y):
        return F.cross_entropy(self.net(x), y)


class Training:
    def __init__(self, name, variant, rows=ROWS):
        torch.manual_seed(1)
        mode, _, kind = variant.partition("-")
        self.net, self.batch = mlp(name)
        self.settings = {"fused": True} if kind == "fused" else {"foreach": True}
        self.x = torch.randn(rows, INPUTS)
        self.y = torch.randint(CLASSES, (rows,))
        self.loss = self.compile(mode)
        self.restart()

    def compile(self, mode):
        loss = Loss(self.net)
        if mode == "script":
            return torch.jit.script(loss)
        if mode == "trace":
            return torch.jit.trace(loss, (self.x[:self.batch], self.y[:self.batch]))
        return loss

    def restart(self):
        reset(self.net)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=1e-3, **self.settings)
        self.order, self.at = torch.randperm(len(self.x)), 0

    def step(self):
        if self.at >= len(self.x):
            self.order, self.at = torch.randperm(len(self.x)), 0
        rows = self.order[self.at:self.at + self.batch]
        self.at += self.batch
        loss = self.loss(self.x.index_select(0, rows), self.y.index_select(0, rows))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return self.batch

    def slice(self, seconds):
        self.restart()
        return timed(self.step, seconds)


def prepare(name, variant):
    training = Training(name, variant)
    for _ in range(WARM_UP):
        training.step()
    return training.slice


def main():
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--first-step"]:
        Training(sys.argv[2], "eager", FIRST_ROWS).step()
        print("ok", flush=True)
        return
    contend(prepare, torch.__version__, **facts())


main()
