#!/bin/sh
# Stopped in the midst of a training: what was computed is not computed again, and the
# trials become what those of an uninterrupted search are. A second signal leaves at once.
. "$SOURCE_ROOT/tests/cli/lib.sh"
python=$(python_with json)
ok data generate --domain macro --rows 3000 --seed 1 --out source.csv
ok data generate --domain small --rows 3000 --seed 2 --out target.csv

# space NAME EPOCHS FAMILIES: trials with everything that has a memory.
space() {
  cat >"$1.yaml" <<END
schema: nas-tl/space/v1
name: $1
family: {choice: $3}
mlp: {layers: 2, width: {int: [48, 64]}, normalization: batch, dropout: 0.1}
resnet: {blocks: 1, width: {int: [32, 48]}}
training:
  batch_size: 32
  learning_rate: {float: [0.0005, 0.002]}
  schedule: flat_cosine
  max_epochs: $2
  patience: $2
  weight_average: 4
END
}
space quick 60 '[mlp, resnet]'
space slow 2400 '[mlp]' # seconds: enough for the clock to write checkpoints
if [ -n "${NASTL_SANITIZE:-}" ]; then
  space quick 12 '[mlp, resnet]'
  space slow 400 '[mlp]'
fi
set -- --source source.csv --target target.csv --label throughput_class \
  --drop throughput,handover,user,domain --seed 4 --quiet
quick='--space quick.yaml --objectives macro_f1,flops --folds 2 --trials 4 --jobs 2'
slow='--space slow.yaml --objectives macro_f1,latency --folds 1 --trials 2 --jobs 1'

# start STUDY ARGS…: a search in the background, as $pid.
start() {
  study=$1
  shift
  "$NAS_TL" search --study "$study" --resume "$@" >out 2>err &
  pid=$!
}

# await PATTERN: until such a file is there, or the search is over.
await() {
  for _ in $(seq 2400); do
    # shellcheck disable=SC2086
    ls $1 >/dev/null 2>&1 && return 0
    kill -0 $pid 2>/dev/null || return 0
    sleep 0.05
  done
}

# stop SIGNAL CODE: ends the search by a signal.
stop() {
  kill -"$1" $pid 2>/dev/null || fail "it was over before SIG$1"
  code=0
  wait $pid || code=$?
  [ "$code" -eq "$2" ] || fail "SIG$1: exit $code: $(cat err)"
}

# same WHOLE STUDY: the trials, and what of the front is not timed.
same() {
  "$python" "$SOURCE_ROOT/tests/check_same.py" "$1" "$2" || fail "$2: the trials differ"
  "$python" - "$1" "$2" <<'END' || fail "$2: the front differs"
import json, sys
one, other = ({m["trial"]: m for m in json.load(open(name + "/pareto.json"))["front"]}
              for name in sys.argv[1:3])
for trial in set(one) & set(other):
    for key in ("test", "valid", "warm_start"):
        assert one[trial][key] == other[trial][key], (trial, key)
END
  [ -z "$(ls "$2/checkpoints")" ] || fail "$2: left over: $(ls "$2/checkpoints")"
}

# shellcheck disable=SC2086
ok search "$@" $quick --study quick

# Asked to stop in the training of the source networks, then in that of trials.
# shellcheck disable=SC2086
start cut "$@" $quick
await cut/pareto.json
sleep 0.1
stop INT 130
[ -e cut/source.h5 ] || [ -n "$(ls cut/checkpoints)" ] || fail "no checkpoint of a source"
start cut
await cut/source.h5
sleep 0.3
stop TERM 130
grep -q 'cut: interrupted; --study cut --resume goes on with it' err || fail "$(cat err)"
running=$(sed -n 's/,running.*//p' cut/trials.csv)
[ -n "$running" ] || fail "no trial is running: $(cat cut/trials.csv)"
kept=0 # a trial that was in its first epoch has nothing to keep
for trial in $running; do
  [ ! -e "cut/checkpoints/trial-$trial.h5" ] || kept=1
done
[ $kept -eq 1 ] || fail "no checkpoint of the trials" $running
[ ! -e cut/checkpoints/source-mlp.h5 ] || fail "a source's checkpoint is left"
ok search --study cut --resume
same quick cut

# A second signal does not wait for the front.
# shellcheck disable=SC2086
start twice "$@" $quick
await twice/source.h5
sleep 0.5
kill -INT $pid
kill -TERM $pid 2>/dev/null || true
code=0
wait $pid || code=$?
[ "$code" -eq 130 ] || fail "two signals: exit $code: $(cat err)"
ok search --study twice --resume
same quick twice

# Killed: one trial waits for the quiet lane, of the other the clock has written a file.
# Files that are damaged are a warning each.
# shellcheck disable=SC2086
ok search "$@" $slow --study slow
# shellcheck disable=SC2086
start killed "$@" $slow
await killed/checkpoints/trial-1.h5
stop KILL 137
[ -e killed/checkpoints/trial-0.h5 ] || fail "trial 0 waits without a checkpoint"
cp -r killed damaged
begun=$(date +%s%N)
ok search --study killed --resume
echo "the rest: $((($(date +%s%N) - begun) / 1000000)) ms"
! grep -q warning err || fail "a resume warns: $(cat err)"
same slow killed
for file in damaged/checkpoints/*; do
  head -c 5000 "$file" >cut.h5
  mv cut.h5 "$file"
done
ok search --study damaged --resume
[ "$(grep -c 'is damaged; its training begins again' err)" -eq 2 ] || fail "warns: $(cat err)"
same slow damaged
finish
