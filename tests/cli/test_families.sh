#!/bin/sh
# Each family, trained, saved, applied and scored: the model in the file is all there is
# to it, with every embedding of numbers that the family reads, and whatever it predicts.
. "$SOURCE_ROOT/tests/cli/lib.sh"
. "$SOURCE_ROOT/tests/cli/model.sh"

known=$(families)
[ "$(echo "$known" | wc -w)" -ge 4 ] || fail "the families are '$known'"

# arch NAME FAMILY EMBEDDING SCALING [LINE…]: the lines are the family's keys.
arch() {
  name=$1
  printf 'schema: nas-tl/space/v1\nname: %s\nfamily: %s\ninput:\n' "$name" "$2" >"$name.yaml"
  printf '  numeric_embedding: %s\n  numeric_scaling: %s\n' "$3" "$4" >>"$name.yaml"
  printf 'training:\n  max_epochs: 2\n' >>"$name.yaml"
  [ $# -eq 4 ] || printf '%s:\n' "$2" >>"$name.yaml"
  shift 4
  for line in "$@"; do printf '  %s\n' "$line" >>"$name.yaml"; done
}

rows_with_gaps 600

for family in $known; do
  for embedding in none piecewise_linear periodic pbld; do
    arch "$family-$embedding" "$family" "$embedding" standard
    check_classes "$family-$embedding"
  done
  check_values "$family-none"
  check_binary "$family-none"
done

# What the defaults leave out.
arch resnet resnet periodic robust 'blocks: 3' 'width: 24' 'expansion: 1.4' 'dropout: 0.1'
check_values resnet
for kind in mini full; do
  for layers in 1 3; do
    arch "tabm-$kind-$layers" tabm piecewise_linear robust "kind: $kind" "layers: $layers" \
      'members: 5' 'width: 24' 'dropout: 0.1'
    check_classes "tabm-$kind-$layers"
  done
  check_values "tabm-$kind-3"
  check_binary "tabm-$kind-1"
done

# Networks that answer together.
for family in mlp resnet tabm; do
  arch "three-$family" "$family" piecewise_linear standard
  printf 'ensemble: 3\n' >>"three-$family.yaml"
  check_classes "three-$family"
  check_values "three-$family"
  check_binary "three-$family"
done

# The first members of an ensemble alone.
rebuilt tabm-mini-3-throughput.h5 cut.csv 2
rebuilt tabm-full-1-handover.h5 cut.csv 1
for model in tabm-full-3-throughput_class.h5 tabm-mini-3-throughput_class.h5; do
  rebuilt "$model" all.csv 5
  rebuilt "$model" cut.csv 3
  ! cmp -s all.csv cut.csv || fail "$model: 3 members answer as all 5"
done
ok evaluate tabm-mini-3-throughput.h5 rows.csv --members 2 --json
cp out two
ok evaluate tabm-mini-3-throughput.h5 rows.csv --json
! cmp -s out two || fail "2 members have the score of 5"
printf 'schema: nas-tl/space/v1\nname: three\nensemble: 3\ntraining:\n  max_epochs: 2\n' >three.yaml
check_classes three
rebuilt three-throughput_class.h5 cut.csv 2
rebuilt three-throughput_class.h5 cut.csv 1
rejects 2 "members: 4 of the model's 3" evaluate three-throughput_class.h5 rows.csv --members 4
rejects 2 "members: 6 of the model's 5" predict tabm-mini-3-throughput.h5 bare.csv --members 6
rejects 2 "family 'mlp' has none" evaluate mlp-none-throughput.h5 rows.csv --members 1

arch gelu ft_transformer none quantile 'blocks: 1' 'token_width: 24' 'heads: 3' \
  'activation: gelu' 'ffn_expansion: 0.9'
check_values gelu
check_binary gelu
finish
