#!/bin/sh
# Options, help and exit codes.
. "$SOURCE_ROOT/tests/cli/lib.sh"

ok --version
grep -qx "nas-tl $("$SOURCE_ROOT/scripts/version")" out || fail "--version says $(cat out)"
ok --help
grep -q 'search' out || fail "--help does not list search"
for command in search train predict evaluate 'data describe' 'data convert' 'data split' \
  'data generate' 'study list' 'study show' report hardware; do
  # shellcheck disable=SC2086
  ok $command --help
  grep -q 'Usage: nas-tl' out || fail "$command --help has no usage"
  ! grep -qE '.{80}| $' out || fail "$command --help is too wide: $(grep -E '.{80}| $' out)"
done

rejects 2 "unknown command; give one of: search, " serch
rejects 2 "give one of: data describe, data convert" data
rejects 2 "give one of: study list" study frobnicate
rejects 2 "\\-\\-trails: unknown option; did you mean --trials\\?" search --trails 3
rejects 2 "\\-\\-trials: needs a value" search --trials
rejects 2 "\\-\\-trials ten: not accepted; give a whole number" search --trials ten
rejects 2 "\\-\\-sampler tpe: not accepted; give one of auto, random, nsga2" search --sampler tpe
rejects 2 "\\-\\-time soon: .*30s" search --time soon
rejects 2 "one argument too many" hardware now
rejects 2 "an argument is missing" predict model.h5
rejects 2 "objectives speed: not available for this task; give some of" \
  search --objectives speed
rejects 2 "resume: without a study" search --resume
rejects 2 "folds many: not accepted" search --folds many

ok hardware --json
python=$(python_with json)
"$python" -c 'import json; d = json.load(open("out")); assert d["cpu"], d' || fail "hardware --json"

finish
