"""The benchmarks by name. Another one is a module with a Suite, and a line here.

SPDX-License-Identifier: Apache-2.0
"""
from . import latency, ops, train

SUITES = {suite.name: suite for suite in (ops.SUITE, train.SUITE, latency.SUITE)}
