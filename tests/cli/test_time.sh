#!/bin/sh
# --time covers the command from start to exit; a study that ran out of time is a study.
. "$SOURCE_ROOT/tests/cli/lib.sh"
python=$(python_with json)

# keeps SECONDS ARGS…: the search ends within SECONDS + 2 s + 5 %. Other work on this
# machine may delay one attempt, not three.
keeps() {
  seconds=$1
  shift
  for attempt in 1 2 3; do
    rm -rf T
    begun=$(date +%s%N)
    ok search --time "${seconds}s" --study T --quiet "$@"
    took=$((($(date +%s%N) - begun) / 1000000))
    [ $took -gt $((seconds * 1050 + 2000)) ] || return 0
  done
  fail "--time ${seconds}s: took $took ms: $*"
}

# stopped COUNT: T stopped for want of time; at least COUNT trials are complete.
stopped() {
  "$python" - "$1" <<'END' || fail "T is not as it should be"
import csv, json, sys
doc = json.load(open("T/pareto.json"))
rows = list(csv.DictReader(open("T/trials.csv")))
assert doc["stop"] == "time", doc["stop"]
assert doc["trials"]["complete"] >= int(sys.argv[1]), doc["trials"]
assert bool(doc["front"]) == bool(doc["trials"]["complete"])
if not doc["front"]:
    assert doc["knee"] is None and doc["deliver"] is None and doc["hypervolume"] == 0
assert all(m["test"] and m["cost"]["latency"] is not None for m in doc["front"])
assert sum(r["state"] == "complete" for r in rows) == doc["trials"]["complete"]
END
}

# Many members, each to be trained once more and measured.
keeps 6 --objectives accuracy,ece,log_loss,auc,flops
stopped 3

# An epoch alone takes longer than there is time for.
ok data generate --domain macro --rows 150000 --seed 1 --out source.csv
ok data generate --domain small --rows 60000 --seed 2 --out target.csv
set -- --source source.csv --target target.csv --label throughput_class \
  --drop throughput,handover,user,domain --objectives macro_f1,flops
keeps 4 "$@"
stopped 0
keeps 1 "$@"
stopped 0
for command in 'study show T' 'study list' 'report T --format json' \
  'report T --format csv' 'report T --format markdown'; do
  # shellcheck disable=SC2086
  ok $command
done

# More time, and then enough.
ok search --study T --resume --time 8s --quiet
stopped 0
cat >one.yaml <<END
schema: nas-tl/space/v1
name: one
family: mlp
mlp: {layers: 1, width: 8}
training: {max_epochs: {int: [1, 6]}}
END
rm -rf T
ok search --space one.yaml --time 1s --study T "$@" --quiet
ok search --study T --resume --time 60s --trials 2 --quiet
"$python" -c 'import json; d = json.load(open("T/pareto.json")); assert d["front"] and \
  d["stop"] == "trials" and d["trials"]["complete"] == 2, d' || fail "T after more time"
finish
