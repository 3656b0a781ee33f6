"""PyTorch training the transformers of bench/subject.c, in micro-batches whose gradients are
summed: what a batch leaves behind then fits a cache, which is worth up to 1.6 times.

The same arithmetic as ours: the first block has no norm, the last one works out the class
token alone, nothing is dropped. One product gives Q, K and V; attention is two batched
products and a softmax ("eager"), the same traced ("trace"), or PyTorch's own kernel
("sdpa", where it is there). A variant is KIND-ROWS, ROWS a micro-batch.

A contender of bench/run. SPDX-License-Identifier: Apache-2.0
"""
import re

import torch
import torch.nn.functional as F

from talk import contend, timed
from torch_net import CLASSES, INPUTS, facts

BATCH, ROWS = 256, 4096
BLOCKS, HEADS, HIDDEN_STEP = 3, 8, 8


def products(q, k, v):
    """softmax(q k^T / sqrt(width)) v of (rows, heads, tokens, width)."""
    scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-2, -1))
    return torch.matmul(torch.softmax(scores, -1), v)


class Block(torch.nn.Module):
    def __init__(self, width, attend, is_first, is_last):
        super().__init__()
        hidden = HIDDEN_STEP * round(width * 1.33 / HIDDEN_STEP)
        self.attend, self.queries = attend, 1 if is_last else None
        self.norm1 = torch.nn.Identity() if is_first else torch.nn.LayerNorm(width)
        self.qkv = torch.nn.Linear(width, 3 * width)
        self.out = torch.nn.Linear(width, width)
        self.norm2 = torch.nn.LayerNorm(width)
        self.linear1 = torch.nn.Linear(width, 2 * hidden)
        self.linear2 = torch.nn.Linear(hidden, width)

    def forward(self, x):
        rows, tokens, width = x.shape
        qkv = self.qkv(self.norm1(x)).view(rows, tokens, 3, HEADS, width // HEADS)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = self.attend(q[:, :, :self.queries], k, v)
        x = x[:, :self.queries] + self.out(mixed.transpose(1, 2).flatten(2))
        a, b = self.linear1(self.norm2(x)).chunk(2, -1)
        return x + self.linear2(a * F.relu(b))


class Transformer(torch.nn.Module):
    def __init__(self, width, attend):
        super().__init__()
        self.cls = torch.nn.Parameter(torch.empty(width).uniform_(-1, 1) * width ** -0.5)
        self.weight = torch.nn.Parameter(torch.randn(INPUTS, width) * width ** -0.5)
        self.bias = torch.nn.Parameter(torch.randn(INPUTS, width) * width ** -0.5)
        self.blocks = torch.nn.Sequential(*(
            Block(width, attend, i == 0, i + 1 == BLOCKS) for i in range(BLOCKS)))
        self.norm = torch.nn.LayerNorm(width)
        self.head = torch.nn.Linear(width, CLASSES)

    def forward(self, x):
        tokens = torch.addcmul(self.bias, x.unsqueeze(-1), self.weight)
        x = torch.cat([self.cls.expand(x.shape[0], 1, -1), tokens], 1)
        return self.head(F.relu(self.norm(self.blocks(x)[:, 0])))


class Loss(torch.nn.Module):
    """The share of some rows in the mean loss of a batch."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, y):
        return F.cross_entropy(self.net(x), y, reduction="sum") / BATCH


class Training:
    def __init__(self, width, kind, part):
        torch.manual_seed(1)
        attend = F.scaled_dot_product_attention if kind == "sdpa" else products
        self.part = part
        self.x = torch.randn(ROWS, INPUTS)
        self.y = torch.randint(CLASSES, (ROWS,))
        net = Transformer(width, attend)
        self.loss = Loss(net)
        if kind == "trace":
            self.loss = torch.jit.trace(self.loss, (self.x[:part], self.y[:part]))
        self.optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, foreach=True)
        self.order, self.at = torch.randperm(ROWS), 0

    def step(self):
        """A micro-batch, and after those of a batch the optimizer: a slice may end within a
        batch, as the optimizer takes a thousandth of it."""
        rows = self.order[self.at:self.at + self.part]
        self.at += self.part
        self.loss(self.x.index_select(0, rows), self.y.index_select(0, rows)).backward()
        if self.at % BATCH == 0:
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        if self.at == ROWS:
            self.order, self.at = torch.randperm(ROWS), 0
        return self.part


def prepare(name, variant):
    match = re.fullmatch(r"ft-w(\d+)", name)
    if not match:
        raise ValueError(f"no such network here: {name}")
    kind, part = variant.split("-")
    training = Training(int(match[1]), kind, int(part))
    training.step()
    training.step()
    return lambda seconds: timed(training.step, seconds)


torch.set_num_threads(1)
contend(prepare, torch.__version__, **facts())
