#!/bin/sh
# The same seed gives the same trials: with one job and with two, uninterrupted and
# interrupted twice.
. "$SOURCE_ROOT/tests/cli/lib.sh"
python=$(python_with csv)
set -- --trials 40 --seed 5 --objectives macro_f1,flops --sampler nsga2

ok search "$@" --jobs 1 --study one
ok search "$@" --jobs 2 --study two
"$python" "$SOURCE_ROOT/tests/check_same.py" one two || fail "one job and two jobs differ"

# Networks are trained on one thread each: a team would spin for many times the work.
"$python" - "$NAS_TL" <<'END' || fail "the source is trained by a team"
import os, resource, subprocess, sys
def work(name, threads):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([sys.argv[1], "search", "--trials", "1", "--jobs", "1", "--quiet",
                    "--objectives", "macro_f1,flops", "--study", name],
                   env=dict(os.environ, OMP_NUM_THREADS=str(threads)), check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
one, team = work("alone", 1), work("team", os.cpu_count())
assert team < 2 * one + 0.2, "%g s of work, %g s with one thread" % (team, one)
END
"$python" "$SOURCE_ROOT/tests/check_same.py" alone team || fail "threads change trials"

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
