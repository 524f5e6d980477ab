#!/usr/bin/env bash
# Post-training quantization in every way there is, and what each does to a model's
# accuracy: prints the tables of docs/quantization.md.
#
# usage: tools/ptq-table.sh MODEL.sgn DATASET [WEIGHT_BITS [IMAGES]]   (default: 8 and 1024)
set -euo pipefail
shopt -s inherit_errexit
if (($# < 2)); then
  sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
signum=$root/build/release/bin/signum
model=$1 data=$2 bits=${3-8} images=${4-1024}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

accuracy() {
  local report
  report=$("$signum" eval "$1" --data "$data")
  sed -n 's/^top-1 accuracy *//p' <<<"$report"
}

quantized() { # options of signum quantize
  rm -f "$folder/quantized.sgn"
  "$signum" quantize "$model" --data "$data" --weights "$bits" --activations 8 \
    --calibrate "$images" -o "$folder/quantized.sgn" "$@" >&2
  accuracy "$folder/quantized.sgn"
}

row() { # name, options of signum quantize
  local per_channel per_layer
  per_channel=$(quantized "${@:2}")
  per_layer=$(quantized "${@:2}" --per-layer)
  printf '| %s | %s | %s |\n' "$1" "$per_channel" "$per_layer"
}

printf '| ranges of values | a scale per channel | a scale per layer |\n|---|---|---|\n'
float=$(accuracy "$model")
printf '| float | %s | |\n' "$float"
row "min-max"
row "percentile 99.99" --range percentile
row "percentile 99.9" --range percentile --percentile 99.9
row "l2" --range l2
row "l2, weights too" --range l2 --weight-range l2
row "min-max, equalized" --equalize
row "min-max, biases corrected" --bias-correction
row "min-max, both" --equalize --bias-correction
