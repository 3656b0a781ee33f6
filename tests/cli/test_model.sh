#!/bin/sh
# A saved perceptron, rebuilt by h5py and NumPy alone, predicts the same; what it predicts
# for rows without labels has the score that evaluate states.
. "$SOURCE_ROOT/tests/cli/lib.sh"
. "$SOURCE_ROOT/tests/cli/model.sh"

# arch NAME NORMALIZATION ACTIVATION SCALING LABEL_TRANSFORM [EMBEDDING [SHARE]]
arch() {
  printf 'schema: nas-tl/space/v1\nname: %s\ninput:\n  numeric_scaling: %s\n' "$1" "$4"
  printf '  numeric_embedding: %s\n' "${6:-none}"
  [ $# -lt 7 ] || printf '  front_scale: learned\n'
  printf 'family: mlp\nmlp:\n  layers: 2\n  width: 24\n  normalization: %s\n' "$2"
  printf '  activation_share: %s\n' "${7:-fixed}"
  printf '  activation: %s\n  dropout: 0.1\ntraining:\n  max_epochs: 3\n' "$3"
  printf '  label_transform: %s\n' "$5"
}
arch one layer gelu quantile quantile >one.yaml
arch two batch silu standard log1p >two.yaml
arch three none relu quantile none >three.yaml
arch four none relu robust none piecewise_linear >four.yaml
arch five layer gelu standard quantile periodic >five.yaml
arch six none selu robust none pbld learned >six.yaml
arch seven batch mish standard none none learned >seven.yaml

rows_with_gaps 1500
check_values one
check_values two
check_binary two
check_classes three
check_values four
check_classes five
check_classes six
check_values six
check_values seven

# The presets, with fewer epochs and smaller steps: weights that are still far too large
# would turn rounding in float into errors of more than the rebuilding allows.
for kind in classification regression; do
  sed -e 's/max_epochs: 256/max_epochs: 4/' -e 's/learning_rate: .*/learning_rate: 0.01/' \
    "$SOURCE_ROOT/search_spaces/presets/realmlp_$kind.yaml" >"$kind.yaml"
done
check_classes classification
check_binary classification
check_values regression
finish
