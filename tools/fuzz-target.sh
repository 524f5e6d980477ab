#!/usr/bin/env bash
# Runs one fuzz target of the asan build on its committed corpus, for `./dev fuzz`:
# one line when it ends well; its last words and how to repeat them when it does not.
#
# usage: tools/fuzz-target.sh TARGET SECONDS FOLDER
# New inputs go to FOLDER/TARGET, its log and what broke it to FOLDER.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=$1 seconds=$2 folder=$3
program=build/asan/bin/${target}_fuzz log=$folder/$target.log
# Readers promise little memory for small files; the targets themselves check how
# little.
limits=(-max_len=16384 -timeout=25 -rss_limit_mb=2048 -malloc_limit_mb=512)

mkdir -p "$folder/$target"
if "$program" -max_total_time="$seconds" "${limits[@]}" -print_final_stats=1 \
  -artifact_prefix="$folder/$target-" "$folder/$target" "tests/corpus/$target" >"$log" 2>&1; then
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  echo "fuzz: $target: $runs inputs in $seconds s, nothing found"
  exit 0
fi
tail -n 40 "$log" >&2
reproducer=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
echo "fuzz: $target FAILED; the log is $log" >&2
if [[ -n $reproducer ]]; then
  echo "fuzz: repeat it with: $program $reproducer" >&2
  echo "fuzz: once mended, put $reproducer into tests/corpus/$target" >&2
fi
exit 1
