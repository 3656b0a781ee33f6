"""scikit-learn training the networks of bench/subject.c. A contender of bench/run.

SPDX-License-Identifier: Apache-2.0
"""
import numpy
import sklearn
from sklearn.neural_network import MLPClassifier

from talk import blas, contend, shape_of, timed

INPUTS, CLASSES, ROWS = 64, 10, 10240
PIECE = 2048  # rows a call: a slice ends after one


def prepare(name, _variant):
    layers, width, batch = shape_of(name)
    random = numpy.random.default_rng(1)
    x = random.standard_normal((ROWS, INPUTS)).astype(numpy.float32)
    y = random.integers(CLASSES, size=ROWS)
    classes = numpy.arange(CLASSES)

    def run(seconds):
        net = MLPClassifier((width,) * layers, batch_size=batch, random_state=1)
        done = 0

        def step():
            nonlocal done
            at = done % ROWS
            net.partial_fit(x[at:at + PIECE], y[at:at + PIECE], classes)
            done += PIECE
            return PIECE

        return timed(step, seconds)

    run(0.0)
    return run


contend(prepare, sklearn.__version__, **blas())
