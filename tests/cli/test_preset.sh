#!/bin/sh
# Presets: one network for classes, one for numbers, the same bits each time.
. "$SOURCE_ROOT/tests/cli/lib.sh"
python=$(python_with json)
[ -n "$python" ] || skip "no Python: reports were not read"

ok data generate --domain macro --rows 150 --seed 3 --out rows.csv
rejects 2 "\\-\\-preset: preset 'realmpl': unknown; give one of: realmlp" \
  train --preset realmpl --target rows.csv --label throughput --out model.h5
rejects 2 "\\-\\-preset: --arch is there, too; give one of them" \
  train --preset realmlp --arch a.yaml --target rows.csv --label throughput --out model.h5
rejects 2 "\\-\\-arch: missing; give .* --preset" \
  train --target rows.csv --label throughput --out model.h5
ok train --help
grep -q '^  realmlp  ' out || fail "train --help does not list the preset: $(cat out)"

# preset LABEL OTHERS OUT [OPTIONS…]
preset() {
  label=$1 drop=$2 model=$3
  shift 3
  ok train --preset realmlp --target rows.csv --label "$label" --drop "$drop" \
    --out "$model" --json --quiet "$@"
}

# says ACTIVATION TASK: what the report is about.
says() {
  "$python" - "$@" <<'END' || fail "the report is not that of the preset: $(cat out)"
import json, sys
report = json.load(open("out"))
candidate = report["candidate"]
assert candidate["mlp.activation"] == sys.argv[1], candidate
assert report["task"] == sys.argv[2] and report["epochs"] == 256, report
END
}

preset throughput_class throughput,handover,domain a.h5
says selu multiclass
preset throughput throughput_class,handover,domain b.h5
says mish regression
preset throughput throughput_class,handover,domain c.h5

# A descriptor's source domain is for searches.
sed -e '2,80s/macro/old/' rows.csv >domains.csv
cat >rows.yaml <<'END'
schema: nas-tl/dataset/v1
name: rows
files: [domains.csv]
label: throughput
drop: [throughput_class, handover]
domain_column: domain
domains: {source: [old], target: [macro]}
END
ok train --preset realmlp --target rows.yaml --data-dir . --out f.h5 --json --quiet
grep -q '"scratch"' out || fail "a training without a warm start took something over"

# Validation rows of one class only cannot pick an epoch: the last is kept.
"$python" - <<'END'
import csv
rows = list(csv.DictReader(open("rows.csv")))
one = rows[0]["throughput_class"]
for i, row in enumerate(rows):
    row["part"] = ("test", "val")[i % 2] if i % 5 < 2 else "train"
    if row["part"] == "val" and row["throughput_class"] != one:
        row["part"] = "train"
writer = csv.DictWriter(open("parts.csv", "w"), list(rows[0]))
writer.writeheader()
writer.writerows(rows)
END
ok train --preset realmlp --target parts.csv --split-column part --label throughput_class \
  --drop throughput,handover,domain --out e.h5 --json --quiet
grep -q '"best_epoch": 256' out || fail "validation rows of one class picked an epoch"

ok predict b.h5 rows.csv --out b.csv
ok predict c.h5 rows.csv --out c.csv
cmp -s b.csv c.csv || fail "two trainings of the same preset differ"
preset throughput throughput_class,handover,domain d.h5 --warm-start b.h5
grep -q '"fine_tune"' out || fail "the warm start did not start from the model: $(cat out)"
finish
