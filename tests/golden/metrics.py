#!/usr/bin/env python3
"""Writes golden/metrics.h: small cases and what scikit-learn scores them.

    python3 tests/golden/metrics.py > tests/golden/metrics.h

Probabilities are multiples of 1/64: they sum to 1 exactly, and there are many ties.
SPDX-License-Identifier: Apache-2.0
"""
import warnings

import numpy as np
import sklearn
from sklearn import metrics

warnings.simplefilter("ignore")
rng = np.random.default_rng(5)
GRAIN = 64


def probabilities(labels, classes, strength):
    """Rows that favour their label, on a grid of 1/64."""
    weight = rng.gamma(0.7, size=(len(labels), classes))
    for row, label in enumerate(labels):
        if label < classes:
            weight[row, label] += strength * rng.random()
    counts = np.floor(GRAIN * weight / weight.sum(1, keepdims=True)).astype(int)
    counts[np.arange(len(labels)), weight.argmax(1)] += GRAIN - counts.sum(1)
    return counts / GRAIN


def ece(labels, p):
    """Guo et al. 2017 with 15 bins: (m/15, (m+1)/15]."""
    answer, confidence = p.argmax(1), p.max(1)
    edges = np.arange(16) / 15
    total = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            hits = (answer == labels)[inside].mean()
            total += inside.sum() * abs(hits - confidence[inside].mean())
    return total / len(labels)


def auc(labels, p):
    """Rows of a class without a column are part of the rest."""
    try:
        if labels.max() >= p.shape[1]:
            columns = range(p.shape[1])
            return np.mean([metrics.roc_auc_score(labels == c, p[:, c]) for c in columns])
        if p.shape[1] == 2:
            return metrics.roc_auc_score(labels, p[:, 1])
        return metrics.roc_auc_score(labels, p, multi_class="ovr", average="macro")
    except ValueError:
        return np.nan


def log_loss(labels, p):
    """A class without a column: the row's probability is the epsilon."""
    known = labels < p.shape[1]
    part = metrics.log_loss(labels[known], p[known], labels=np.arange(p.shape[1]),
                            normalize=False)
    part -= (~known).sum() * np.log(np.finfo(float).eps)
    return part / len(labels)


def score_classes(labels, p):
    answer = p.argmax(1)
    return {
        "ACCURACY": metrics.accuracy_score(labels, answer),
        "BALANCED_ACCURACY": metrics.balanced_accuracy_score(labels, answer),
        "MACRO_F1": metrics.f1_score(labels, answer, average="macro", zero_division=0),
        "AUC": auc(labels, p),
        "LOG_LOSS": log_loss(labels, p),
        "ECE": ece(labels, p),
    }


def score_values(labels, answer):
    mae = metrics.mean_absolute_error(labels, answer)
    return {
        "RMSE": metrics.mean_squared_error(labels, answer, squared=False),
        "MAE": mae,
        "NMAE": mae / abs(labels.mean()),
        "R2": metrics.r2_score(labels, answer),
    }


def cases():
    y = rng.integers(0, 2, 40)
    yield "binary", 2, y, probabilities(y, 2, 1.5)
    y = np.ones(12, int)
    yield "binary_one_class", 2, y, probabilities(y, 2, 1.0)
    y = rng.integers(0, 4, 60)
    yield "multiclass", 4, y, probabilities(y, 4, 3.0)
    y = rng.choice([0, 1, 3, 4], 50)
    p = probabilities(y, 5, 3.0)
    p[:, 0] += p[:, 3]  # class 3 is never predicted, class 2 never labelled
    p[:, 3] = 0
    yield "multiclass_absent", 5, y, p
    y = rng.integers(0, 4, 50)  # 3 is unknown
    p = probabilities(y, 3, 3.0)
    yield "multiclass_unknown", 3, y, p
    y = rng.integers(0, 3, 20)
    yield "multiclass_certain", 3, y, np.eye(3)[rng.integers(0, 3, 20)]
    y = np.round(rng.normal(3, 2, 40), 3)
    yield "regression", 0, y, np.round(y + rng.normal(0, 0.5, 40), 3)
    y = np.round(rng.normal(-95, 6, 30), 3)
    yield "regression_negative", 0, y, np.round(y + rng.normal(2, 5, 30), 3)
    yield "regression_constant", 0, np.full(5, 2.0), np.array([2, 2, 2, 2, 2.5])
    yield "regression_constant_hit", 0, np.full(4, 2.0), np.full(4, 2.0)


def text(value):
    return "NAN" if np.isnan(value) else repr(float(value))


def rows_of(values):
    line, lines = "   ", []
    for value in values:
        item = f" {value:.10g},"
        if len(line) + len(item) > 90:
            lines.append(line)
            line = "   "
        line += item
    return "\n".join(lines + [line])


def main():
    print("/* metrics.h: made by metrics.py with scikit-learn", sklearn.__version__)
    print(" * SPDX-License-Identifier: Apache-2.0 */")
    print("#ifndef TESTS_GOLDEN_METRICS_H\n#define TESTS_GOLDEN_METRICS_H\n")
    print('#include "nn/metric.h"\n\n#include <math.h>\n\n/* clang-format off */')
    table = []
    for name, classes, labels, predictions in cases():
        for part, values in ("labels", labels), ("predictions", predictions.ravel()):
            print(f"static const double {name}_{part}[] = {{\n{rows_of(values)}\n}};")
        score = score_classes if classes else score_values
        table.append((name, classes, len(labels), score(labels, predictions)))
    print("""
static const struct golden {
    const char *name;
    enum nastl_task task;
    size_t classes, n;
    const double *labels, *predictions;
    double score[NASTL_METRIC_COUNT]; /* of the task */
} golden[] = {""")
    for name, classes, n, scores in table:
        task = name.split("_")[0].upper()
        print(f'    {{"{name}", NASTL_TASK_{task}, {classes}, {n},')
        print(f"     {name}_labels, {name}_predictions, {{")
        for key, value in scores.items():
            print(f"         [NASTL_METRIC_{key}] = {text(value)},")
        print("     }},")
    print("};\n/* clang-format on */\n\n#endif")


if __name__ == "__main__":
    main()
