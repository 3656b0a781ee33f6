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
finish
