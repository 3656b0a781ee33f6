#!/bin/sh
# A saved model, rebuilt by h5py and NumPy alone, predicts the same; what it predicts for
# rows without labels has the score that evaluate states.
. "$SOURCE_ROOT/tests/cli/lib.sh"
python=$(python_with h5py)
[ -n "$python" ] || skip "no Python with h5py: a saved model was not rebuilt"

# arch NAME NORMALIZATION ACTIVATION SCALING LABEL_TRANSFORM [EMBEDDING]
arch() {
  printf 'schema: nas-tl/space/v1\nname: %s\ninput:\n  numeric_scaling: %s\n' "$1" "$4"
  printf '  numeric_embedding: %s\n' "${6:-none}"
  printf 'family: mlp\nmlp:\n  layers: 2\n  width: 24\n  normalization: %s\n' "$2"
  printf '  activation: %s\n  dropout: 0.1\ntraining:\n  max_epochs: 3\n' "$3"
  printf '  label_transform: %s\n' "$5"
}
arch one layer gelu quantile quantile >one.yaml
arch two batch silu standard log1p >two.yaml
arch three none relu quantile none >three.yaml
arch four none relu robust none piecewise_linear >four.yaml
arch five layer gelu standard quantile periodic >five.yaml

# Every eleventh sinr is missing; `user` has so many levels that it gets a table.
ok data generate --domain macro --rows 1500 --seed 5 --out all.csv
awk -F, -v OFS=, 'NR > 1 && NR % 11 == 0 { $3 = "" } { print }' all.csv >rows.csv

# check ARCH LABEL OTHERS: a model for LABEL, its predictions and its score.
check() {
  model=$1-$2
  ok train --arch "$1.yaml" --target rows.csv --label "$2" --drop "$3" --out "$model.h5" \
    --quiet
  "$python" - "$2" <<'END'
import csv, sys
rows = list(csv.reader(open("rows.csv")))
label = rows[0].index(sys.argv[1])
csv.writer(open("bare.csv", "w")).writerows(r[:label] + r[label + 1:] for r in rows)
END
  ok predict "$model.h5" bare.csv --out "$model.csv"
  "$python" "$SOURCE_ROOT/tests/check_model.py" "$model.h5" / bare.csv "$model.csv" >check.log ||
    fail "$model.h5 rebuilt: $(cat check.log)"
  ok evaluate "$model.h5" rows.csv --json
  "$python" - "$2" "$model.csv" <<'END' || fail "the score of $model.csv is not that of evaluate"
import csv, json, math, sys
truth = [row[sys.argv[1]] for row in csv.DictReader(open("rows.csv"))]
found = [row["prediction"] for row in csv.DictReader(open(sys.argv[2]))]
scores = json.load(open("out"))["scores"]
if "mae" in scores:
    score = sum(abs(float(a) - float(b)) for a, b in zip(truth, found)) / len(truth)
    assert math.isclose(score, scores["mae"], rel_tol=1e-6), (score, scores)
else:
    score = sum(a == b for a, b in zip(truth, found)) / len(truth)
    assert math.isclose(score, scores["accuracy"], abs_tol=1e-12), (score, scores)
END
}
check one throughput throughput_class,handover,domain
check two throughput throughput_class,handover,domain
check two handover throughput,throughput_class,domain
check three throughput_class throughput,handover,domain
check four throughput throughput_class,handover,domain
check five throughput_class throughput,handover,domain

# The presets, with fewer epochs and smaller steps: weights that are still far too large
# would turn rounding in float into errors of more than the rebuilding allows.
for kind in classification regression; do
  sed -e 's/max_epochs: 256/max_epochs: 4/' -e 's/learning_rate: .*/learning_rate: 0.01/' \
    "$SOURCE_ROOT/search_spaces/presets/realmlp_$kind.yaml" >"$kind.yaml"
done
check classification throughput_class throughput,handover,domain
check classification handover throughput,throughput_class,domain
check regression throughput throughput_class,handover,domain
finish
