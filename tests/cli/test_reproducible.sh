#!/bin/sh
# The same seed gives the same trials: with one job and with two, uninterrupted and
# interrupted twice.
. "$SOURCE_ROOT/tests/cli/lib.sh"
python=$(python_with csv)
cat >space.yaml <<'END'
schema: nas-tl/space/v1
name: quick
mlp:
  layers: {int: [1, 3]}
  width: {int: [16, 64], step: 16, per: layer}
  normalization: {choice: [none, layer, batch]}
  dropout: {float: [0.0, 0.3]}
training:
  learning_rate: {float: [1.0e-3, 1.0e-2], scale: log}
  batch_size: {choice: [64, 128]}
  max_epochs: 40
  patience: 8
  weight_average: 4
transfer:
  strategy: {choice: [scratch, fine_tune]}
ensemble: {choice: [1, 2]}
END
set -- --trials 40 --seed 5 --objectives macro_f1,flops --sampler nsga2 --space space.yaml

ok search "$@" --jobs 1 --study one
ok search "$@" --jobs 2 --study two
(
  [ -n "${NASTL_SANITIZE:-}" ] || ulimit -v 4000000
  ok search "$@" --jobs 4096 --study many
)
"$python" "$SOURCE_ROOT/tests/check_same.py" one many || fail "one job and 4096 differ"
"$python" "$SOURCE_ROOT/tests/check_same.py" one two || fail "one job and two jobs differ"

# Networks are trained on one thread each, whatever OpenMP may use.
OMP_NUM_THREADS=1 ok search "$@" --trials 2 --jobs 1 --study alone
OMP_NUM_THREADS=2 ok search "$@" --trials 2 --jobs 1 --study team
"$python" "$SOURCE_ROOT/tests/check_same.py" alone team || fail "threads change trials"

# The default space has families with a source network each.
if [ -z "${NASTL_SANITIZE:-}" ]; then
  default='--trials 10 --seed 6 --objectives macro_f1,flops'
  # shellcheck disable=SC2086
  ok search $default --jobs 1 --study default-one
  # shellcheck disable=SC2086
  ok search $default --jobs 2 --study default-two
  "$python" "$SOURCE_ROOT/tests/check_same.py" default-one default-two ||
    fail "default space: one job and two jobs differ"
fi

# complete STUDY: how many of its trials are.
complete() {
  "$NAS_TL" study show "$1" --json 2>/dev/null >now || { echo 0; return; }
  "$python" -c 'import json; print(json.load(open("now"))["trials"]["complete"])'
}

# begin STUDY N ARGS…: starts the search; returns when N trials are complete.
begin() {
  study=$1
  most=$2
  shift 2
  "$NAS_TL" search "$@" --jobs 2 --study "$study" --resume >out 2>err &
  pid=$!
  while kill -0 $pid 2>/dev/null && [ "$(complete "$study")" -lt "$most" ]; do sleep 0.05; done
}

interrupt() {
  begin "$@"
  kill -INT $pid 2>/dev/null || true
  code=0
  wait $pid || code=$?
  [ "$code" -eq 130 ] || fail "an interrupted search: exit $code: $(cat err)"
  grep -q 'cut: interrupted; --study cut --resume goes on with it' err || fail "interrupted: $(cat err)"
  "$python" "$SOURCE_ROOT/tests/check_pareto.py" cut || fail "the front of an interrupted search"
}
interrupt cut 5 "$@"
interrupt cut 15 "$@"
ok search "$@" --jobs 2 --study cut --resume
"$python" "$SOURCE_ROOT/tests/check_same.py" one cut || fail "a resumed search differs"

# Killed, not asked: the ledger and the files hold.
begin killed 10 "$@"
kill -KILL $pid 2>/dev/null || fail "the search ended before it could be killed"
wait $pid 2>/dev/null || true
ok search "$@" --jobs 2 --study killed --resume
"$python" "$SOURCE_ROOT/tests/check_same.py" one killed || fail "a killed search differs"
finish
