#!/bin/sh
# Constraints: decided before training, after it, after measuring; and small spaces.
. "$SOURCE_ROOT/tests/cli/lib.sh"
python=$(python_with json)
cat >small.yaml <<END
schema: nas-tl/space/v1
name: small
family: mlp
mlp: {layers: {int: [1, 2]}, width: {choice: [8, 16], per: layer}}
training: {learning_rate: {choice: [0.001, 0.01]}, max_epochs: 3}
constraints: ["width.1 <= 8"] # holds where there is no second layer
END
set -- search --space small.yaml --seed 1 --objectives macro_f1,flops

# pareto EXPRESSION: of the study S, with its pareto.json as d and its trials as rows.
pareto() {
  "$python" -c 'import csv, json, sys
d, rows = json.load(open("S/pareto.json")), list(csv.DictReader(open("S/trials.csv")))
assert eval(sys.argv[1]), (d["trials"], d["stop"], rows)' "$1" || fail "not so: $1"
}

# All eight candidates, whatever was asked for.
ok "$@" --trials 300 --study S
pareto 'd["trials"]["rejected"] == 4'
pareto 'd["stop"] == "exhausted" and d["trials"]["complete"] == 8 == len(rows)'
ok search --study S --resume --trials 400
rm -r S

# Without training.
ok "$@" --trials 300 --study S --constraint 'parameters <= 400'
pareto 'd["stop"] == "exhausted" and d["trials"]["rejected"] == 8 and len(rows) == 4'
pareto '{m["cost"]["parameters"] <= 400 for m in d["front"]} == {True}'
rm -r S

# None is left: an error, and no study.
rejects 2 'constraints: none of [0-9]+ candidates drawn holds them' "$@" --study S \
  --constraint 'parameters <= 10'
rejects 2 'constraints: none of [0-9]+ candidates drawn holds them' "$@" --resume --study S \
  --constraint 'parameters <= 10'

# After training, and after measuring.
ok "$@" --trials 300 --study S --constraint 'accuracy >= 2' --folds 1
pareto 'd["trials"]["infeasible"] == 8 and not d["front"] and d["stop"] == "exhausted"'
pareto '{r["reason"] for r in rows} == {"violates accuracy >= 2"}'
pareto 'all(r["value.flops"] and r["state"] == "infeasible" for r in rows)'
ok study show S
ok report S --format markdown
rm -r S
ok "$@" --trials 300 --study S --constraint 'latency <= 0.000001'
pareto '{r["reason"] for r in rows} == {"violates latency <= 0.000001"}'
rm -r S

# A figure that there is not.
rejects 2 "constraint 'rmse <= 1': rmse is not available for this task" "$@" --study S \
  --constraint 'rmse <= 1'
rejects 2 "constraint 'training_energy <= 1': training_energy is not available" "$@" \
  --study S --constraint 'training_energy <= 1'
printf 'a,b,split,y\n' >one_class.csv
for i in 1 2 3 4 5 6 7 8 9; do
  printf '%s,1,train,yes\n2,%s,train,no\n%s,3,val,yes\n' $i $i $i
done >>one_class.csv
ok "$@" --target one_class.csv --label y --split-column split --folds 1 --trials 2 --study S \
  --constraint 'auc >= 0.1'
pareto '[(r["state"], r["reason"]) for r in rows] == 2 * [("failed", "cannot decide auc >= 0.1")]'
rm -r S

# Trainings are timed one at a time.
ok "$@" --trials 2 --study S --jobs 2 --constraint 'training_time <= 1000'
grep -q 'warning: training_time is measured with one job' err || fail "no warning: $(cat err)"
finish
