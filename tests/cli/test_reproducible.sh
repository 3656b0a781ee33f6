#!/bin/sh
# The same seed gives the same trials: with one job and with two, uninterrupted and
# interrupted twice.
. "$SOURCE_ROOT/tests/cli/lib.sh"
python=$(python_with csv)
set -- --trials 40 --seed 5 --objectives macro_f1,flops --sampler nsga2

ok search "$@" --jobs 1 --study one
ok search "$@" --jobs 2 --study two
"$python" "$SOURCE_ROOT/tests/check_same.py" one two || fail "one job and two jobs differ"

# Interrupts the search when its ledger has about N trials.
interrupt() {
  "$NAS_TL" search "$@" --jobs 2 --study cut --resume >out 2>err &
  pid=$!
  sleep 1
  kill -INT $pid 2>/dev/null || true
  code=0
  wait $pid || code=$?
  [ "$code" -eq 130 ] || [ "$code" -eq 0 ] || fail "an interrupted search: exit $code: $(cat err)"
}
interrupt "$@"
interrupt "$@"
ok search "$@" --jobs 2 --study cut --resume
"$python" "$SOURCE_ROOT/tests/check_same.py" one cut || fail "a resumed search differs"

# Killed, not asked: the ledger and the files hold.
"$NAS_TL" search "$@" --jobs 2 --study killed >out 2>err &
pid=$!
sleep 1
kill -KILL $pid
wait $pid 2>/dev/null || true
ok search "$@" --jobs 2 --study killed --resume
"$python" "$SOURCE_ROOT/tests/check_same.py" one killed || fail "a killed search differs"
finish
