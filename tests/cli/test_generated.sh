#!/bin/sh
# The embedded default: a small search, its files, predictions and scores from them.
. "$SOURCE_ROOT/tests/cli/lib.sh"
python=$(python_with numpy)
[ -n "$python" ] || skip "no Python with NumPy"

[ -n "${NASTL_SANITIZE:-}" ] && trials=4 || trials=12
ok search --trials $trials --objectives macro_f1,latency,flops --study S --seed 3
grep -q 'task: multiclass, 4 classes' err || fail "the task is not named: $(cat err)"
grep -q '^study: S$' out || fail "the study is not named: $(cat out)"
for file in study.yaml study.db source.h5 weights.h5 pareto.json pareto.csv trials.csv; do
  [ -s "S/$file" ] || fail "S/$file is missing"
done
"$python" "$SOURCE_ROOT/tests/check_pareto.py" S || fail "the front of S"
rejects 2 "S: is a study already; add --resume" search --study S --trials 20
rejects 2 "\\-\\-seed 4: the study was begun with 3" search --study S --resume --seed 4
cp S/trials.csv trials.before
ok search --study S --resume
cmp -s S/trials.csv trials.before || fail "a finished study was changed by --resume"

# The same again from study.yaml.
ok search --config S/study.yaml --study T --quiet
[ ! -s out ] && [ ! -s err ] || fail "--quiet prints: $(cat out err)"
"$python" "$SOURCE_ROOT/tests/check_same.py" S T || fail "study.yaml does not repeat the study"

ok search --config S/study.yaml --study J --json --trials 3 --objectives macro_f1,flops
"$python" -c 'import json; assert json.load(open("out"))["schema"] == "nas-tl/pareto/v1"' ||
  fail "--json is not the front"

# Models of the study, applied.
ok data generate --domain small --rows 500 --seed 99 --out rows.csv
rejects 2 "rows.csv" data generate --domain small --rows 10 --out rows.csv
ok predict S rows.csv --out predictions.csv
[ "$(wc -l <predictions.csv)" -eq 501 ] || fail "predictions for every row"
rejects 2 "predictions.csv" predict S rows.csv --out predictions.csv
ok evaluate S rows.csv --json
"$python" -c 'import json; d = json.load(open("out")); assert d["rows"] == 500, d; \
  assert 0 < d["scores"]["macro_f1"] <= 1, d' || fail "evaluate --json"

# A warm start from another study, and training of one architecture.
ok search --trials 3 --study W --warm-start S --target rows.csv --label throughput_class \
  --drop throughput,handover,user,domain --objectives accuracy,flops
printf 'schema: nas-tl/space/v1\nname: one\nfamily: mlp\nmlp:\n  layers: 2\n  width: 32\n' >one.yaml
ok train --arch one.yaml --target rows.csv --label throughput_class \
  --drop throughput,handover,user,domain --out one.h5 --json
ok evaluate one.h5 rows.csv
rejects 2 "one.h5: is there already" train --arch one.yaml --target rows.csv \
  --label throughput_class --out one.h5

# Every command has one JSON document to say.
rm -rf parts.csv rows.h5 more.csv
for command in "predict S rows.csv --out more.csv" "evaluate S rows.csv" "study list" \
  "study show S" "report S" hardware "data describe rows.csv" "data convert rows.csv rows.h5" \
  "data split rows.csv --out parts.csv" "data generate --rows 9 --out nine.csv"; do
  # shellcheck disable=SC2086
  ok $command --json
  "$python" -c 'import json; json.load(open("out"))' || fail "$command --json: $(cat out)"
done
rejects 2 "\\-\\-json: predictions are CSV" predict S rows.csv --json

for format in json csv markdown; do
  ok report S --format "$format" --out "report.$format"
  [ -s "report.$format" ] || fail "report.$format is empty"
done
ok study list
ok study show S
finish
