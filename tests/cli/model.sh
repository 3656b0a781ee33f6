# model.sh: saved models, rebuilt by h5py and NumPy alone. Sourced after lib.sh.
python=$(python_with h5py)
[ -n "$python" ] || skip "no Python with h5py: a saved model was not rebuilt"

# Every eleventh sinr is missing; `user` has so many levels that it gets a table.
rows_with_gaps() {
  ok data generate --domain macro --rows "$1" --seed 5 --out all.csv
  awk -F, -v OFS=, 'NR > 1 && NR % 11 == 0 { $3 = "" } { print }' all.csv >rows.csv
}

# The families that the program knows, by the message about one that it does not.
families() {
  printf 'schema: nas-tl/space/v1\nname: none\nfamily: none\n' >none.yaml
  run train --arch none.yaml --target none.csv --label none --out none.h5
  sed -n "s/.*'none' is unknown; accepted: //p" err | tr -d ','
}

# rebuilt MODEL.h5 PREDICTIONS.csv [MEMBERS]: what the model predicts for bare.csv, written
# there, is what a stranger gets from the file.
rebuilt() {
  ok predict "$1" bare.csv --out "$2" --force ${3:+--members "$3"}
  "$python" "$SOURCE_ROOT/tests/check_model.py" "$1" / bare.csv "$2" ${3:-} >check.log ||
    fail "$1 rebuilt: $(cat check.log)"
}

# check ARCH LABEL OTHERS: trains ARCH.yaml for LABEL, without OTHERS; its predictions for
# rows without labels are rebuilt, and have the score that evaluate states.
check() {
  model=$1-$2
  ok train --arch "$1.yaml" --target rows.csv --label "$2" --drop "$3" --out "$model.h5" \
    --quiet
  "$python" - "$2" <<'PYTHON'
import csv, sys
rows = list(csv.reader(open("rows.csv")))
label = rows[0].index(sys.argv[1])
csv.writer(open("bare.csv", "w")).writerows(r[:label] + r[label + 1:] for r in rows)
PYTHON
  rebuilt "$model.h5" "$model.csv"
  ok evaluate "$model.h5" rows.csv --json
  "$python" - "$2" "$model.csv" <<'PYTHON' || fail "the score of $model.csv is not that of evaluate"
import csv, json, math, sys
truth = [row[sys.argv[1]] for row in csv.DictReader(open("rows.csv"))]
found = [row["prediction"] for row in csv.DictReader(open(sys.argv[2]))]
scores = json.load(open("out"))["scores"]
if "mae" in scores:
    score = sum(abs(float(a) - float(b)) for a, b in zip(truth, found)) / len(truth)
    assert math.isclose(score, scores["mae"], rel_tol=1e-6), (score, scores)
else:
    score = sum(a == b for a, b in zip(truth, found)) / len(truth)
    assert math.isclose(score, scores["accuracy"], abs_tol=1e-12), (score, scores)
PYTHON
}

check_values() {
  check "$1" throughput throughput_class,handover,domain
}

check_classes() {
  check "$1" throughput_class throughput,handover,domain
}

check_binary() {
  check "$1" handover throughput,throughput_class,domain
}
