#!/bin/sh
# Resuming: what is left over, missing or damaged, and who else is at work.
. "$SOURCE_ROOT/tests/cli/lib.sh"
python=$(python_with json)
cat >small.yaml <<END
schema: nas-tl/space/v1
name: small
family: mlp
mlp: {layers: {int: [1, 2]}, width: {int: [8, 32], per: layer}}
training: {learning_rate: {float: [0.001, 0.01]}, max_epochs: 8}
END
set -- --space small.yaml --seed 3 --objectives macro_f1,flops --quiet

# One search at a time in a folder.
"$NAS_TL" search "$@" --time 60s --study busy &
pid=$!
while [ ! -e busy/source.h5 ]; do sleep 0.1; done
run search "$@" --study busy --resume
kill -KILL $pid
wait $pid 2>/dev/null || true
[ "$code" -eq 2 ] || fail "two searches in one folder: exit $code"
grep -q '^nas-tl: error: busy: another process works in it' err || fail "says $(cat err)"

# What a killed search leaves behind goes away.
touch busy/trials.csv.99999-0123abcd.tmp busy/checkpoints/trial-0.h5.99999-0123abcd.tmp
ok search "$@" --study busy --resume --trials 5 --time 60s
[ -z "$(find busy -name '*.tmp')" ] || fail "left over: $(find busy -name '*.tmp')"
[ -z "$(ls busy/checkpoints)" ] || fail "left over: $(ls busy/checkpoints)"

# Interrupted before there is a trial.
ok data generate --domain macro --rows 60000 --seed 1 --out source.csv
ok data generate --domain small --rows 1000 --seed 2 --out target.csv
for signal in INT TERM; do
  rm -rf early
  "$NAS_TL" search --source source.csv --target target.csv --label throughput_class --drop \
    throughput,handover,user,domain --objectives macro_f1,flops --study early >out 2>err &
  pid=$!
  while [ ! -e early/pareto.json ]; do sleep 0.1; done
  kill -$signal $pid
  code=0
  wait $pid || code=$?
  [ "$code" -eq 130 ] || fail "SIG$signal: exit $code"
  grep -q 'early: interrupted; --study early --resume goes on with it' err || fail "SIG$signal: $(cat err)"
  grep -q '"stop": "interrupted"' early/pareto.json || fail "SIG$signal: no such stop"
done

# Files that are lost or damaged between two runs. What the study is in the end:
ok search "$@" --study whole --folds 1 --trials 12
same() {
  "$python" "$SOURCE_ROOT/tests/check_same.py" whole "$1" || fail "$2: the trials differ"
  "$python" - "$1" <<'END' || fail "$2: the front differs"
import json, sys
one, other = (json.load(open(name + "/pareto.json")) for name in ("whole", sys.argv[1]))
for key in ("trials", "hypervolume", "knee", "stop"):
    assert one[key] == other[key], (key, one[key], other[key])
assert [m["test"] for m in one["front"]] == [m["test"] for m in other["front"]]
END
}
begin() {
  rm -rf S
  ok search "$@" --study S --folds 1 --trials 8
}
go_on() {
  ok search --study S --resume --trials 12
}
for file in weights.h5 source.h5 pareto.json trials.csv pareto.csv; do
  begin "$@"
  rm S/$file
  go_on
  same S "without $file"
done
for file in weights.h5 source.h5; do
  for damage in 'head -c 3000' 'tr "\0" x'; do
    begin "$@"
    mv S/$file kept
    sh -c "$damage" <kept >S/$file
    rejects 2 "S/$file: is damaged; restore it, or remove it" search --study S --resume \
      --trials 12 --quiet
    rm S/$file
    go_on
    same S "$file mended"
  done
done
begin "$@"
mv S/study.db kept
tr '\0' x <kept >S/study.db
rejects 2 'S/study.db: ' search --study S --resume --trials 12
mv kept S/study.db
go_on
same S 'study.db mended'

# Without a ledger it is begun afresh, and nothing that lies there is taken for its own.
rm S/study.db
rejects 2 'S/weights.h5: is there, but no study' search "$@" --study S --trials 6
ok search "$@" --study fresh --trials 6 --folds 1 --seed 8
ok search "$@" --study S --resume --trials 6 --folds 1 --seed 8
"$python" "$SOURCE_ROOT/tests/check_same.py" fresh S || fail "begun afresh, but not quite"
mkdir empty
ok search "$@" --study empty --resume --trials 1 --folds 1
begin "$@"
go_on

# A finished study gets back what it can.
for file in weights.h5 pareto.json trials.csv pareto.csv; do
  rm S/$file
  ok search --study S --resume
  [ -s S/$file ] || fail "$file is not there again"
  same S "$file again"
done
grep -q 'training it again, for its weights are lost' err && fail "a warning too many"
rm S/weights.h5
ok search --study S --resume
grep -q 'trial [0-9]*: training it again' err || fail "no warning: $(cat err)"
finish
