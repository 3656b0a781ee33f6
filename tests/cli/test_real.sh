#!/bin/sh
# Short searches on real network data: fronts that hold, predictions that reproduce the
# test scores of pareto.json, models that h5py and NumPy rebuild.
. "$SOURCE_ROOT/tests/cli/lib.sh"
[ -d "$data" ] || skip "no real data at $data; set NASTL_DATA_DIR"
python=$(python_with h5py)
[ -n "$python" ] || skip "no Python with h5py"
NASTL_DATA_DIR=$data
export NASTL_DATA_DIR

# ---- the main job -----------------------------------------------------------------------

trials=8
[ -z "${NASTL_SANITIZE:-}" ] || trials=2
ok search --target "$data/tractor_oran/data.csv.gz" --domain-column domain \
  --source-domain single_ue --target-domain multi_ue --split-column split --label label \
  --drop row_id,trace,seg,w,ue,playback,idle_frac \
  --space "$SOURCE_ROOT/search_spaces/mlp.yaml" --objectives macro_f1,latency,flops \
  --trials $trials --jobs 2 --study S
"$python" "$SOURCE_ROOT/tests/check_pareto.py" S || fail "the front of S"

"$python" "$SOURCE_ROOT/tests/target_rows.py" "$data/tractor_oran/data.csv.gz" multi_ue \
  label 1000000
ok predict S bare.csv --out predictions.csv
ok evaluate S rows.csv --json
"$python" - <<'END' || fail "predict and evaluate do not reproduce the test score"
import csv, json

front = json.load(open("S/pareto.json"))
stated = next(m for m in front["front"] if m["trial"] == front["deliver"]["trial"])["test"]
found = json.load(open("out"))
assert found["rows"] == front["data"]["rows"]["test"], found
assert found["scores"] == stated, (found["scores"], stated)

truth = [row["label"] for row in csv.DictReader(open("rows.csv"))]
answers = [row["prediction"] for row in csv.DictReader(open("predictions.csv"))]
f1 = []
for name in sorted(set(truth)):
    hits = sum(a == b == name for a, b in zip(truth, answers))
    f1.append(2 * hits / (truth.count(name) + answers.count(name)))
assert len(answers) == len(truth)
assert abs(sum(f1) / len(f1) - stated["macro_f1"]) < 1e-12, (f1, stated)
END

# ---- models rebuilt ---------------------------------------------------------------------

cat >small.yaml <<'END'
schema: nas-tl/space/v1
name: small
family: {choice: [mlp, resnet, tabm, ft_transformer]}
input:
  numeric_scaling: {choice: [standard, quantile, robust]}
  numeric_embedding: {choice: [none, piecewise_linear, periodic]}
mlp:
  layers: {int: [1, 2]}
  width: {int: [8, 32]}
  activation: {choice: [relu, gelu, silu]}
  normalization: {choice: [none, layer, batch]}
resnet:
  width: 16
tabm:
  members: 4
  kind: {choice: [mini, full]}
  width: 16
ft_transformer:
  blocks: 1
  token_width: 16
  heads: 2
training:
  label_transform: {choice: [none, quantile]}
  batch_size: 512
  max_epochs: 3
transfer:
  strategy: {choice: [scratch, fine_tune]}
END

# rebuild NAME DOMAINS LABEL METRIC: a search by descriptor; every front member, rebuilt.
rebuild() {
  ok search --target "$SOURCE_ROOT/datasets/$1.yaml" --space small.yaml --trials 3 \
    --target-rows 2500 --study "$1" --objectives "$4,flops" --quiet
  "$python" "$SOURCE_ROOT/tests/check_pareto.py" "$1" || fail "the front of $1"
  "$python" "$SOURCE_ROOT/tests/target_rows.py" "$data/$1/data.csv.gz" "$2" "$3" 500
  for trial in $("$python" -c 'import json, sys
for member in json.load(open(sys.argv[1] + "/pareto.json"))["front"]: print(member["trial"])' "$1")
  do
    ok predict "$1:$trial" bare.csv --out "$1.csv" --force
    "$python" "$SOURCE_ROOT/tests/check_model.py" "$1/weights.h5" "/trials/$trial" bare.csv \
      "$1.csv" || fail "$1:$trial rebuilt"
  done
}
rebuild tractor_oran multi_ue label macro_f1
rebuild nsl_kdd testplus attack_class macro_f1
rebuild ucc5g Amazon_Prime_Driving,Netflix_Driving,Download_Driving DL_next5 r2
finish
