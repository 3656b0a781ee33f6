#!/bin/sh
# Holds the table of layers in docs/architecture.md against the #include lines of src/: a
# module includes only those listed for it, a foreign library only where it is listed.
set -eu
cd "$(dirname "$0")/.."

# module: modules it may include
layers='
base:
io: base
data: base io
space: base io
pareto: base io
arch: base space
cell: base data
nn: base io arch data
meter: base arch nn
transfer: base io data arch nn
search: base space pareto
study: base io space pareto
run: base io data space pareto arch cell nn meter transfer search study
report: base io study pareto
cli:
'
# header: the files that may include it
foreign='
Random123/: src/base/rng.c
uthash.h: src/base/strmap.c
yaml.h: src/io/yaml.c
zlib.h: src/io/csv.c
jansson.h: src/io/json.h
hdf5.h: src/io/h5
sqlite3.h: src/io/db.c
sha256.h: src/io/file.c
oneapi/: src/nn/dnnl_2.c
papi.h: src/meter/
omp.h: src/nn/ src/run/
'

bad=0
complain() {
  echo "check_layers: $1"
  bad=1
}

allowed_for() {
  printf '%s\n' "$layers" | sed -n "s/^$1:\(.*\)/ $1\1 /p"
}

for file in $(git ls-files 'src/*.[ch]' 2>/dev/null || find src -name '*.[ch]'); do
  module=$(echo "$file" | cut -d/ -f2)
  allowed=$(allowed_for "$module")
  [ -n "$allowed" ] || complain "$file: module $module is not in the table"
  for used in $(sed -n 's|^#include "\([a-z0-9]*\)/.*|\1|p' "$file" | sort -u); do
    case $allowed in
    *" $used "*) ;;
    *) complain "$file: $module may not include $used" ;;
    esac
  done
  printf '%s\n' "$foreign" | while IFS=: read -r header places; do
    [ -n "$header" ] || continue
    grep -q "^#include <$header" "$file" || continue
    for place in $places; do
      case $file in "$place"*) continue 2 ;; esac
    done
    echo "check_layers: $file: <$header…> belongs to$places"
    exit 1
  done || bad=1
done
exit $bad
