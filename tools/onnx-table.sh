#!/usr/bin/env bash
# Runs ONNX's own backend tests (Debian's libonnx-testdata) and prints what became of
# them: the table of docs/onnx.md.
#
# usage: tools/onnx-table.sh [--write | --check]
#   --write  puts it into docs/onnx.md, between its two markers
#   --check  fails, and shows the difference, where docs/onnx.md has another one
#
# ONNX_TABLE in the environment names the program that runs the tests; it is built as
# build/release/bin/onnx_conformance_table.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=${ONNX_TABLE-$root/build/release/bin/onnx_conformance_table}
page=$root/docs/onnx.md
begin='<!-- tools/onnx-table.sh -->'
end='<!-- end of tools/onnx-table.sh -->'

case ${1-} in
  '' | --write | --check) ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
table=$("$program")
# The page with the table in its place.
filled() {
  TABLE=$table awk -v begin="$begin" -v end="$end" '
    $0 == end { inside = 0 }
    !inside { print }
    $0 == begin { print ""; print ENVIRON["TABLE"]; print ""; inside = 1 }' "$page"
}

case ${1-} in
  '') printf '%s\n' "$table" ;;
  --write) page_text=$(filled); printf '%s\n' "$page_text" >"$page" ;;
  --check)
    if ! diff -u --label docs/onnx.md --label "now" "$page" <(filled); then
      echo "onnx-table: docs/onnx.md is out of date; run tools/onnx-table.sh --write" >&2
      exit 1
    fi ;;
esac
