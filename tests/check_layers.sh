#!/bin/sh
# Holds the table of layers in docs/architecture.md against the #include lines of src/: a
# module includes only those listed for it, a foreign library only where it is listed.
set -eu
cd "$(dirname "$0")/.."

find src -name '*.[ch]' -exec grep -H '^#include ' {} + | awk '
  # module: modules it may include
  BEGIN {
    allow["base"] = ""
    allow["io"] = "base"
    allow["data"] = "base io"
    allow["space"] = "base io"
    allow["pareto"] = "base io"
    allow["arch"] = "base space"
    allow["cell"] = "base data"
    allow["nn"] = "base io arch data"
    allow["meter"] = "base io arch nn"
    allow["transfer"] = "base io data arch nn"
    allow["search"] = "base space pareto"
    allow["study"] = "base io space pareto"
    allow["run"] = "base io data space pareto arch cell nn meter transfer search study"
    allow["report"] = "base io study pareto"
    allow["cli"] = ""
    # foreign header: the beginnings of the files that may include it
    place["Random123/"] = "src/base/rng.c"
    place["uthash.h"] = "src/base/strmap.c"
    place["yaml.h"] = "src/io/yaml"
    place["zlib.h"] = "src/io/csv.c"
    place["jansson.h"] = "src/io/json.h"
    place["hdf5.h"] = "src/io/h5"
    place["sqlite3.h"] = "src/io/db.c"
    place["sha256.h"] = "src/io/file.c"
    place["oneapi/"] = "src/nn/dnnl_"
    place["papi.h"] = "src/meter/"
    place["omp.h"] = "src/nn/ src/run/"
  }
  function complain(text) { print "check_layers: " text; bad = 1 }
  function starts_with(text, start) { return substr(text, 1, length(start)) == start }
  function check_module(file, module, used) {
    if (!(module in allow)) complain(file ": module " module " is not in the table")
    else if (used != module && index(" " allow[module] " ", " " used " ") == 0)
      complain(file ": " module " may not include " used)
  }
  function check_foreign(file, header,    name, count, places, i, fine) {
    for (name in place) {
      if (!starts_with(header, name)) continue
      count = split(place[name], places, " ")
      fine = 0
      for (i = 1; i <= count; i++) if (starts_with(file, places[i])) fine = 1
      if (!fine) complain(file ": <" header "> belongs to " place[name])
    }
  }
  {
    file = substr($0, 1, index($0, ":") - 1)
    split(file, part, "/")
    rest = substr($0, index($0, "#include ") + 9)
    name = rest
    gsub(/[<>"]/, "", name)
    slash = index(name, "/")
    if (starts_with(rest, "\"") && slash) check_module(file, part[2], substr(name, 1, slash - 1))
    if (starts_with(rest, "<")) check_foreign(file, name)
    files++
  }
  END {
    if (files == 0) complain("no source was found")
    exit bad
  }'
