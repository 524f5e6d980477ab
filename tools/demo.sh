#!/usr/bin/env bash
# The tour: trains a ResNet-20 on real images (Fashion-MNIST), retrains it to
# 1-bit weights and 8-bit feature maps, runs both with Signum's own engine, and
# prints what that came to. About 8 minutes on 2 cores.
#
# usage: tools/demo.sh [FOLDER]     (default: a new folder in runs/)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
signum=$root/build/release/bin/signum
folder=${1-}
if [[ -z $folder ]]; then
  folder=$root/runs/demo
  for ((n = 2; n < 1000; ++n)); do
    [[ -e $folder ]] || break
    folder=$root/runs/demo-$n
  done
fi
mkdir -p "$folder"
data=(--data fashion-mnist)
start=$SECONDS

echo "1. A ResNet-20 in float, trained on Fashion-MNIST's 60,000 images"
"$signum" train resnet20 "${data[@]}" --epochs 2 --crop-padding 2 --run "$folder/float" \
  --output "$folder/float.sgn"
echo
echo "2. Retrained to 1-bit weights and 8-bit feature maps"
"$signum" quantize "$folder/float.sgn" "${data[@]}" --weights 1 --activations 8 --retrain 1 \
  --crop-padding 2 --teacher none --run "$folder/w1a8" --output "$folder/w1a8.sgn"
echo
echo "3. Both on the 10,000 test images, by the runtime"
for model in float w1a8; do
  "$signum" eval "$folder/$model.sgn" "${data[@]}" --json >"$folder/$model.eval.json"
  "$signum" bench "$folder/$model.sgn" --json >"$folder/$model.bench.json"
done
echo
python3 "$root/tools/demo_table.py" "$folder"
echo
echo "took       $(((SECONDS - start) / 60)) min $(((SECONDS - start) % 60)) s"
echo "report     $folder/w1a8/report.html"
echo "model      $folder/w1a8.sgn   (try: $signum info $folder/w1a8.sgn)"
