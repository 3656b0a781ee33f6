#!/bin/sh
# Malformed input of every kind: one line that says what is wrong, where and what to do;
# the exit code of the contract; nothing written, nothing left behind.
. "$SOURCE_ROOT/tests/cli/lib.sh"
python=$(python_with h5py)
[ -n "$python" ] || skip "no Python with h5py"

# Copies, so that a fixture that is written over is noticed.
cp -r "$fixtures/spaces" "$fixtures/data" "$fixtures/malformed" .
chmod -R u+w .

# ---- spaces -----------------------------------------------------------------------------

for file in spaces/*.yaml; do
  rejects 2 "$file:[0-9]+:[0-9]+: " search --space "$file" --study S
done
rejects 2 "absent.yaml: cannot open: No such file" search --space absent.yaml --study S
rejects 2 "data: is a folder; give a file" search --space data --study S
rejects 2 "good.csv:1:1: no space" search --space data/good.csv --study S
rejects 2 "picture.csv:1:1: .*UTF-8" search --space data/picture.csv --study S

# ---- rows -------------------------------------------------------------------------------

# data FILE PATTERN OPTIONS…: a search on these rows is refused.
data() {
  file=$1
  pattern=$2
  shift 2
  rejects 2 "$pattern" search --target "data/$file" --study S --objectives accuracy,flops "$@"
}
data empty.csv "empty.csv:1: is empty; give a CSV file with a header" --label label
data blank.csv "blank.csv:1: is empty" --label label
data header_only.csv "header_only.csv: .*no rows" --label label
data no_header.csv "no_header.csv:1: numbers where the header should be" --label label
data unnamed_column.csv "unnamed_column.csv:1: column 2: has no name" --label label
data duplicate_name.csv "duplicate_name.csv:1: column 'a': stands twice" --label label
data short_row.csv "short_row.csv:3: 2 fields where the header has 3" --label label
data long_row.csv "long_row.csv:3: 4 fields where the header has 3" --label label
data open_quote.csv "open_quote.csv:2: column 'b': a quote that is never closed" --label label
data text_after_quote.csv "text_after_quote.csv:2: column 'b': text after a closing quote" --label label
data invalid_utf8.csv "invalid_utf8.csv:3: column 'b': invalid UTF-8" --label label
data nul_byte.csv "nul_byte.csv:2: column 'b': a NUL byte" --label label
data picture.csv "picture.csv:1: column 1: invalid UTF-8" --label label
data cut.csv.gz "cut.csv.gz:[0-9]+: the gzip data ends early" --label label
data damaged.csv.gz "damaged.csv.gz:[0-9]+: damaged gzip data" --label label
data no_hdf5.h5 "no_hdf5.h5: is no HDF5 file" --label label
data absent.csv "absent.csv: cannot open: No such file" --label label
data . "data/.: is a folder; give a CSV file" --label label
data constant_label.csv "constant_label.csv:1: column 'label': the label is the same" \
  --label label
data many_labels.csv "many_labels.csv:1: column 'label': .* more than 1000 distinct" \
  --label label
data no_labels.csv "no_labels.csv:1: column 'label': no row .* has a label" --label label
data infinite_label.csv "infinite_label.csv:1: column 'label': an infinite label" \
  --label label
data wrong_part.csv "wrong_part.csv: row 11, column 'split': 'dev' is no part" \
  --label label --split-column split
data few_groups.csv "few_groups.csv: no test rows; give more rows, more groups" \
  --label label --group-column group
data nothing_left.csv "nothing_left.csv: no feature is left" --label label \
  --split-column split
data good.csv "\\-\\-label: nothing says which column is the label"
data good.csv "\\-\\-label lable: no such column in .*good.csv; did you mean 'label'" \
  --label lable
data good.csv "\\-\\-drop c: no such column" --label label --drop c
data good.csv "\\-\\-domain-column city: no such column" --label label --domain-column city
data good.csv "target domain C: no row of .*good.csv is of it" --label label \
  --domain-column site --target-domain C
data good.csv "source domain C: no row of .*good.csv is of it" --label label \
  --domain-column site --source-domain C --target-domain A
data good.csv "\\-\\-target-domain: .*give --domain-column" --label label --target-domain A
data good.csv "column 'label': the label holds texts" --label label \
  --task regression
data good.csv "not available for this task; give some of" --label label --objectives rmse
data good.csv "absent.csv: cannot open" \
  --label label --source data/absent.csv
data good.csv "absent.csv: cannot open" --label label --test data/absent.csv
data good.csv "other_names.csv: no source training rows" --label label \
  --source data/other_names.csv
rejects 2 "\\-\\-target: missing; give the rows" search --source data/good.csv --study S

# ---- descriptors ------------------------------------------------------------------------

for file in data/*.yaml; do
  rejects 2 "(data/$(basename "$file")|data/[a-z_]+.csv|domain [AC])" \
    search --target "$file" --study S --objectives accuracy,flops
done

# ---- options ----------------------------------------------------------------------------

# option PATTERN OPTIONS…: a search with these options on sound rows is refused.
option() {
  pattern=$1
  shift
  rejects 2 "$pattern" search --target data/good.csv --label label --study S \
    --objectives accuracy,flops "$@"
}
option "\\-\\-split: .*add up to 1" --split 0.5,0.5,0.5
option "\\-\\-split: 'x' is no fraction" --split 0.6,x,0.2
option "\\-\\-split: needs three fractions" --split 1
option "\\-\\-folds 99: not accepted; give auto or a whole number" --folds 99
option "\\-\\-folds few: not accepted" --folds few
option "\\-\\-target-rows 1: too few" --target-rows 1
option "\\-\\-seed -1: not accepted; give a whole number from 0" --seed -1
option "\\-\\-trials 1.5: not accepted; give a whole number" --trials 1.5
option "\\-\\-jobs 1e9: not accepted" --jobs 1e9
option "\\-\\-time 3x: not accepted; give a duration" --time 3x
option "\\-\\-keep some: not accepted; give one of front, all" --keep some
option "\\-\\-scheduler halving: not accepted; give one of none" --scheduler halving
option "\\-\\-sampler nsga3: .*did you mean nsga2" --sampler nsga3
option "\\-\\-task ternary: not accepted; give one of auto" --task ternary
option "\\-\\-label: needs a value" --label=
option "\\-\\-objectives ,: not accepted" --objectives ,
option "\\-\\-objectives speed: .*give some of accuracy" --objectives speed
option "\\-\\-objectives: flops is there twice" --objectives flops,flops
option "constraint 'parameters <<': column" --constraint "parameters <<"
option "constraint 'paramters < 9': .*did you mean 'parameters'" --constraint "paramters < 9"
option "constraints: none of [0-9]+ candidates" --constraint "parameters <= 1"
option "data/good.csv: is a file; name another folder" --study data/good.csv
option "no/S: cannot create: No such file" --study no/S
option "good.csv: is no HDF5 file" --warm-start data/good.csv
option "absent.h5: no such file or study" --warm-start absent.h5
option "data: no study is in it" --warm-start data

for file in malformed/config_*.yaml; do
  rejects 2 "$file:[0-9]+:[0-9]+: " search --config "$file" --study S
done
rejects 2 "absent.yaml: cannot open" search --config absent.yaml --study S

rejects 2 "\\-\\-arch: missing" train --target data/good.csv --label label --out M.h5
rejects 2 "space_is_open.yaml: leaves [0-9]+ values open" \
  train --arch malformed/space_is_open.yaml --target data/good.csv --label label --out M.h5
rejects 2 "no/M.h5: cannot create" \
  train --arch malformed/good.yaml --target data/good.csv --label label --out no/M.h5
rejects 2 "data: is a folder; name a file" \
  train --arch malformed/good.yaml --target data/good.csv --label label --out data

# ---- models -----------------------------------------------------------------------------

ok train --arch malformed/good.yaml --target data/good.csv --label label --out model.h5
mkdir damaged
"$python" "$SOURCE_ROOT/tests/damage_model.py" model.h5 damaged
for file in damaged/*.h5 malformed/model_*.h5; do
  rejects 2 "$file:" predict "$file" data/good.csv
  rejects 2 "$file:" search --target data/good.csv --label label --study S \
    --objectives accuracy,flops --warm-start "$file"
done
rejects 2 "model.h5:/trials(/3)?: is not in the file" predict model.h5:/trials/3 data/good.csv
rejects 2 "absent.h5: no such file or study" predict absent.h5 data/good.csv
rejects 2 "data/good.csv: is no HDF5 file" evaluate data/good.csv data/good.csv

# Rows that do not fit the model.
cut -d, -f4 data/good.csv >labels.csv
rejects 2 "labels.csv: it has none of the model's 3 features" predict model.h5 labels.csv
rejects 2 "absent.csv: cannot open" predict model.h5 data/absent.csv
cut -d, -f1-3 data/good.csv >unlabelled.csv
rejects 2 "label" evaluate model.h5 unlabelled.csv
rejects 2 "\\-\\-label c: no such column" evaluate model.h5 data/good.csv --label c
rejects 2 "good.csv: is there already; give another --out, or --force" \
  predict model.h5 data/good.csv --out data/good.csv
rejects 2 "no/rows.csv: cannot create" predict model.h5 data/good.csv --out no/rows.csv

# ---- studies ----------------------------------------------------------------------------

ok search --target data/good.csv --label label --space malformed/good.yaml --study sound \
  --objectives accuracy,flops --quiet
rejects 2 "sound: is a study already; add --resume" search --study sound
rejects 2 "sound:7: no weights are kept of this trial; give one of 0" \
  predict sound:7 data/good.csv
rejects 2 "sound:best: no weights are kept" predict sound:best data/good.csv
rejects 2 "\\-\\-seed 7: the study was begun with 1" search --study sound --resume --seed 7
rejects 2 "\\-\\-resume: without a study" search --resume
rejects 2 "\\-\\-format pdf: .*give one of json, csv, markdown" report sound --format pdf
rejects 2 "sound: is there already" report sound --out sound
rejects 2 "no/report.md: cannot write" report sound --out no/report.md
for command in "study show" report; do
  # shellcheck disable=SC2086
  rejects 2 "data: no study is in it" $command data
  # shellcheck disable=SC2086
  rejects 2 "absent: no study is in it" $command absent
done
rejects 2 "absent: No such file or directory" study list absent
rejects 2 "ledger_is_text/study.db: file is not a database" \
  study show malformed/ledger_is_text

# spoil NAME FILE BYTES: a copy of the study with a file cut short.
spoil() {
  cp -r sound "$1"
  head -c "$3" "sound/$2" >"$1/$2"
}
spoil front_is_cut pareto.json 300
rejects 2 "front_is_cut/pareto.json:[0-9]+:[0-9]+: " report front_is_cut
rejects 2 "front_is_cut/pareto.json:[0-9]+:[0-9]+: " predict front_is_cut data/good.csv
spoil weights_are_cut weights.h5 5000
rejects 2 "weights_are_cut/weights.h5:.*damaged" predict weights_are_cut data/good.csv
spoil record_is_cut study.yaml 30
echo "seed: [" >>record_is_cut/study.yaml
rejects 2 "record_is_cut/study.yaml:[0-9]+:[0-9]+: " search --study record_is_cut --resume
spoil ledger_is_cut study.db 5000
rejects 2 "ledger_is_cut/study.db: .*malformed|ledger_is_cut/study.db: .*damaged" \
  search --study ledger_is_cut --resume --trials 3
cp data/good.csv rows.csv
ok search --target rows.csv --label label --space malformed/good.yaml --study moved \
  --objectives accuracy,flops --quiet
echo 1,2,A,n >>rows.csv
rejects 2 "rows.csv: has changed since the study was begun" \
  search --study moved --resume --trials 9
rm rows.csv
rejects 2 "rows.csv: cannot open" search --study moved --resume --trials 9

# ---- data -------------------------------------------------------------------------------

rejects 2 "absent.csv: cannot open" data describe absent.csv
rejects 2 "short_row.csv:3: 2 fields" data describe data/short_row.csv
rejects 2 "\\-\\-label c: no such column" data describe data/good.csv --label c
rejects 2 "rows.parquet: its ending names no format" data convert data/good.csv rows.parquet
rejects 2 "data/good.csv: it is there already" data convert data/three_rows.csv data/good.csv
rejects 2 "no/rows.csv: cannot create" data convert data/good.csv no/rows.csv
rejects 2 "model.h5: " data convert model.h5 rows.csv
rejects 2 "\\-\\-out: not given" data split data/good.csv
rejects 2 "\\-\\-split: not three parts" data split data/good.csv --out rows.csv --split 1,1,1
rejects 2 "\\-\\-group-column g: no such column" data split data/good.csv --out rows.csv \
  --group-column g
rejects 2 "\\-\\-domain mars: not accepted; give one of macro, small" data generate \
  --domain mars --out rows.csv
rejects 2 "\\-\\-rows 0: not accepted" data generate --rows 0 --out rows.csv
rejects 2 "no file to write; give --out" data generate

# ---- what this machine lacks ------------------------------------------------------------

ok hardware --json
if "$python" -c 'import json; assert json.load(open("out"))["energy"]["available"]' 2>/dev/null
then
  echo "energy can be measured here"
else
  rejects 3 "energy: " search --objectives accuracy,energy --study S
fi
finish
