#!/usr/bin/env python3
# check_generator.py GENERATE_ROWS: the two domains of the generator really differ, and
# few target rows are really few. Boosted trees, scored by macro-F1 on users of `small`
# that they have not seen, means over seeds:
#
#   target rows alone, 100 of them          stays 0.05 below all of them
#   source (`macro`) alone, no target row   stays 0.10 below all of them
#
# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import f1_score
except ImportError as missing:
    print(f"SKIP: {missing}; install python3-sklearn and python3-pandas")
    sys.exit(77)

ROWS, FEW, SEEDS = 6000, 100, 5
FEW_MARGIN, SOURCE_MARGIN = 0.05, 0.10
LABEL = "throughput_class"
TEXTS = {"user_type": ["pedestrian", "cyclist", "car"],
         "terminal": ["sensor", "phone", "router"]}


def load(program, domain, folder):
    path = os.path.join(folder, domain + ".csv")
    subprocess.run([program, domain, str(ROWS), "1", path], check=True)
    table = pd.read_csv(path)
    features = table.drop(columns=["throughput", "handover", LABEL, "domain", "user"])
    for column, texts in TEXTS.items():
        features[column] = features[column].map(texts.index)
    return features, table[LABEL].to_numpy(), table["user"].to_numpy()


def train(features, labels):
    kinds = [column in TEXTS for column in features.columns]
    model = HistGradientBoostingClassifier(categorical_features=kinds, max_iter=60,
                                           random_state=0)
    return model.fit(features, labels)


def score(model, features, labels):
    return f1_score(labels, model.predict(features), average="macro")


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        source, source_labels, _ = load(program, "macro", folder)
        target, labels, users = load(program, "small", folder)
    from_source = train(source, source_labels)
    scores = {"source": [], "few": [], "all": []}
    for seed in range(SEEDS):
        random = np.random.RandomState(seed)
        unseen = random.permutation(np.unique(users))[:len(np.unique(users)) // 5]
        is_test = np.isin(users, unseen)
        known, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
        few = random.choice(known, FEW, replace=False)
        models = {"source": from_source,
                  "few": train(target.iloc[few], labels[few]),
                  "all": train(target.iloc[known], labels[known])}
        for name, model in models.items():
            scores[name].append(score(model, target.iloc[test], labels[test]))
    mean = {name: float(np.mean(values)) for name, values in scores.items()}
    for name, values in scores.items():
        print(f"{name:7} macro-F1 {mean[name]:.3f} +- {np.std(values):.3f}")
    good = (mean["few"] <= mean["all"] - FEW_MARGIN
            and mean["source"] <= mean["all"] - SOURCE_MARGIN)
    print("the domains differ" if good else "FAIL: the domains are too much alike")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
