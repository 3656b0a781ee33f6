#!/bin/sh
# Where candidates start from: scratch, a source, a model of other data.
. "$SOURCE_ROOT/tests/cli/lib.sh"
python=$(python_with json)
ok data generate --domain macro --rows 600 --seed 1 --out macro.csv
ok data generate --domain small --rows 300 --seed 2 --out small.csv
space() {
  printf 'schema: nas-tl/space/v1\nname: one\nfamily: mlp\nmlp: {layers: 2, width: 16}\n'
  printf 'training: {max_epochs: 5, learning_rate: {choice: [0.001, 0.01]}}\n'
  [ -z "$1" ] || printf 'transfer: {strategy: %s}\n' "$1"
}
space '' >default.yaml
space fine_tune >tuned.yaml
space '{choice: [scratch, fine_tune]}' >either.yaml
set -- search --trials 2 --folds 1 --objectives macro_f1,flops --target small.csv \
  --label throughput_class --drop throughput,handover,user,domain --quiet

# strategies STUDY: the strategies of its trials.
strategies() {
  "$python" -c 'import csv, sys; print(*sorted({r["param.transfer.strategy"] for r in
    csv.DictReader(open(sys.argv[1] + "/trials.csv"))}))' "$1"
}

# What is delivered has its gain over scratch, or none to be known.
for folds in 1 3; do
  ok "$@" --space either.yaml --study guarded-$folds --source macro.csv --trials 6 --folds $folds
  "$python" "$SOURCE_ROOT/tests/check_pareto.py" guarded-$folds || fail "--folds $folds: the guard"
  ok study show guarded-$folds
  grep -qE '^D: (trained from scratch|gain over scratch -?[0-9.]+, 95 % interval )' out ||
    fail "--folds $folds: no gain: $(cat out)"
done

# Without a source.
for space in default either; do
  ok "$@" --space $space.yaml --study $space
  [ "$(strategies $space)" = scratch ] || fail "$space.yaml: $(strategies $space)"
done
rejects 2 'transfer.strategy: .* no choice but fine_tune.*give --source or --warm-start' \
  "$@" --space tuned.yaml --study tuned
rejects 2 'transfer.strategy: .* no choice but fine_tune' train --arch tuned.yaml \
  --target small.csv --label throughput_class --out one.h5

# With one.
for space in default tuned; do
  ok "$@" --space $space.yaml --study $space-source --source macro.csv
  [ "$(strategies $space-source)" = fine_tune ] || fail "$space.yaml does not fine-tune"
done

# With its rows: nothing is warm-started, and no network is trained for it.
space pooled >pooled.yaml
ok "$@" --space pooled.yaml --study pooled --source macro.csv
[ "$(strategies pooled)" = pooled ] || fail "pooled.yaml does not pool"
[ ! -e pooled/source.h5 ] || fail "pooled.yaml has a source network"
grep -q '"warm_start": null' pooled/pareto.json || fail "pooled is no warm start"
ok report pooled --format markdown --out pooled.md
grep -q "Trained on rows of the source and the target" pooled.md || fail "pooled is not told"
! grep -q "Trained from scratch" pooled.md || fail "pooled is told as scratch"
ok study show pooled
grep -q " pooled" out || fail "the table does not say pooled"
rejects 2 'transfer.strategy: .* no choice but pooled' "$@" --space pooled.yaml --study no
rejects 2 'transfer.strategy: .* no choice but pooled.* --warm-start has none' "$@" \
  --space pooled.yaml --warm-start tuned-source/source.h5 --study no

# Whose statistics.
for normalizer in source both; do
  sed "s/fine_tune/fine_tune, normalizer: $normalizer/" tuned.yaml >$normalizer.yaml
  ok "$@" --space $normalizer.yaml --study $normalizer-rows --source macro.csv
  ok evaluate $normalizer-rows small.csv
done
ok "$@" --space source.yaml --study source-network --warm-start tuned-source
rejects 2 'transfer.normalizer: .* no choice but both.* --warm-start has none' "$@" \
  --space both.yaml --warm-start tuned-source --study no

# From several: a file and a domain of the other one; one has labels that say nothing.
awk -F, -v OFS=, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "throughput_class") c = i }
  { if (NR > 1) { keep = $c; $c = last[NR % 37]; last[NR % 37] = keep } if ($c != "") print }' \
  macro.csv >noise.csv
ok "$@" --space either.yaml --study several --source noise.csv --source macro.csv
"$python" -c 'import json
got = json.load(open("several/pareto.json"))["data"]["sources"]
assert [(s["name"], s["used"]) for s in got] == [("macro.csv", True), ("noise.csv", False)], got
assert all(s["rows"] > 500 and s["h_score"] >= 0 and s["logme"] < 1 for s in got), got' ||
  fail 'the ranking of sources'
ok report several --format markdown --out several.md
grep -q '| noise.csv .*| no' several.md || fail 'the report does not rank the sources'
cp several/pareto.json before.json
ok "$@" --space either.yaml --study several --source noise.csv --source macro.csv --resume \
  --trials 4
"$python" -c 'import json
a, b = (json.load(open(p))["data"] for p in ("before.json", "several/pareto.json"))
assert a == b, (a, b)' || fail 'a resumed study takes from other sources'

# From models: a study's, its source network, a file; with other columns, classes, tasks.
# matched STUDY LOW HIGH: how much of every candidate is taken over.
matched() {
  "$python" -c 'import json, sys
got = [m["warm_start"]["matched"] for m in json.load(open(sys.argv[1] + "/pareto.json"))["front"]]
assert got and all(float(sys.argv[2]) <= x <= float(sys.argv[3]) for x in got), got' "$@" ||
    fail "$1: matched"
}
ok "$@" --space tuned.yaml --study delivered --warm-start tuned-source
ok "$@" --space tuned.yaml --study source --warm-start tuned-source/source.h5
ok "$@" --space tuned.yaml --study group --warm-start tuned-source/source.h5:/mlp
for study in delivered source group; do
  matched $study 1 1
done
set -- search --trials 2 --folds 1 --target small.csv --space tuned.yaml --quiet
ok "$@" --label throughput_class --drop throughput,handover,user,domain,rsrp,speed \
  --objectives macro_f1,flops --warm-start source --study columns
matched columns 1 1
ok "$@" --label handover --drop throughput,throughput_class,user,domain --task binary \
  --objectives macro_f1,flops --warm-start source --study classes
matched classes 0.5 0.999
ok "$@" --label throughput --drop throughput_class,handover,user,domain \
  --objectives rmse,flops --warm-start source --study task
matched task 0.5 0.999
rejects 2 'small.csv: is no HDF5 file' "$@" --label handover --warm-start small.csv --study no
rejects 2 'weights.h5:/: is no model.*name the group' "$@" --label handover \
  --warm-start tuned-source/weights.h5 --study no

# Another model under the same name is not what the study was begun with.
sed 's/{choice: .0.001, 0.01.}/0.001/' default.yaml >one.yaml
ok train --arch one.yaml --target macro.csv --label throughput_class \
  --drop throughput,handover,user,domain --out start.h5
set -- "$@" --label throughput_class --drop throughput,handover,user,domain \
  --objectives macro_f1,flops --warm-start start.h5 --study started
ok "$@"
ok train --arch one.yaml --target macro.csv --label throughput_class --seed 2 --force \
  --drop throughput,handover,user,domain --out start.h5
rejects 2 'start.h5: has changed since the study was begun' "$@" --resume --trials 4
finish
