#!/bin/sh
# What validation rows say about a model: probabilities that are less sure of themselves,
# intervals that hold their share of new labels; in train's models and in a study's.
. "$SOURCE_ROOT/tests/cli/lib.sh"
python=$(python_with h5py)
[ -n "$python" ] || skip "no Python with h5py"

cat >arch.yaml <<'YAML'
schema: nas-tl/space/v1
name: sure
family: mlp
mlp: {layers: 2, width: 64}
training: {learning_rate: 0.003, max_epochs: 40, patience: 40, batch_size: 64}
YAML
classes="--label throughput_class --drop throughput,handover,domain,user"
values="--label throughput --drop throughput_class,handover,domain,user"
ok data generate --domain macro --rows 1500 --seed 5 --out rows.csv
ok data generate --domain macro --rows 3000 --seed 6 --out new.csv

# scores MODEL SCORES.json
scores() {
  ok evaluate "$1" new.csv --json
  mv out "$2"
}

# Without its temperature it is surer than it should be, and right as often.
# shellcheck disable=SC2086
ok train --arch arch.yaml --target rows.csv $classes --out classes.h5 --quiet
cp classes.h5 plain.h5
"$python" -c 'import h5py; del h5py.File("plain.h5", "r+")["calibration"]'
scores classes.h5 with.json
scores plain.h5 without.json
"$python" - <<'PYTHON' || fail "the temperature"
import h5py, json
kept, plain = (json.load(open(f"{name}.json"))["scores"] for name in ("with", "without"))
assert h5py.File("classes.h5")["calibration"].attrs["temperature"] > 1
for same in ("accuracy", "balanced_accuracy", "macro_f1"):
    assert kept[same] == plain[same], same
assert kept["log_loss"] < plain["log_loss"] and kept["ece"] < plain["ece"], (kept, plain)
PYTHON
rejects 2 "interval: the model answers with classes" predict classes.h5 new.csv --interval 0.9
rejects 2 "\\-\\-interval 0.5: not accepted; give one of 0.8, 0.9, 0.95" \
  predict classes.h5 new.csv --interval 0.5

# held MODEL [OPTION…]: the model's intervals hold their share, as evaluate says too. Of 300
# validation rows the share deviates by 0.023 at 0.8, of 3,000 new ones by 0.007: 0.1 is
# four of both together.
held() {
  scores "$1" scores.json
  for share in 0.8 0.9 0.95; do
    ok predict "$1" new.csv --interval $share --out $share.csv --force
  done
  ok predict "$1" new.csv --out usual.csv --force
  cmp -s usual.csv 0.9.csv || fail "$1: 0.9 is not what predict writes by itself"
  "$python" - <<'PYTHON' || fail "the intervals of $1"
import csv, json
truth = [float(row["throughput"]) for row in csv.DictReader(open("new.csv"))]
said = {one["level"]: one for one in json.load(open("scores.json"))["intervals"]}
last = 0
for share in (0.8, 0.9, 0.95):
    rows = [[float(text) for text in row] for row in list(csv.reader(open(f"{share}.csv")))[1:]]
    assert all(low <= value <= high for value, low, high in rows)
    held = sum(low <= y <= high for y, (_, low, high) in zip(truth, rows)) / len(truth)
    assert abs(held - said[share]["coverage"]) < 1e-12, (held, said[share])
    assert abs(held - share) < 0.1, (held, share)
    assert said[share]["width"] > last
    last = said[share]["width"]
PYTHON
}
# shellcheck disable=SC2086
ok train --arch arch.yaml --target rows.csv $values --out values.h5 --quiet
held values.h5
"$python" -c 'import h5py; del h5py.File("values.h5", "r+")["calibration"]'
rejects 2 "interval: the model has none" predict values.h5 new.csv --interval 0.9
ok predict values.h5 new.csv
[ "$(head -1 out)" = prediction ] || fail "a model without intervals: $(head -1 out)"

# A study's models, from a split and from folds.
for folds in 1 3; do
  # shellcheck disable=SC2086
  ok search --space arch.yaml --target rows.csv $values --objectives rmse,flops --trials 1 \
    --folds $folds --study "S$folds" --seed 1 --quiet
  held "S$folds"
done
finish
