#!/usr/bin/env python3
"""Prints the demo's table from what `signum eval --json` and `signum bench --json`
wrote into its folder.

usage: tools/demo_table.py FOLDER"""

import json
import pathlib
import sys


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    rows = {}
    for model in ("float", "w1a8"):
        accuracy = json.loads((folder / f"{model}.eval.json").read_text())["top1"]
        milliseconds = json.loads((folder / f"{model}.bench.json").read_text())["median_ms"]
        rows[model] = (accuracy, (folder / f"{model}.sgn").stat().st_size, milliseconds)
    (a, bytes_a, ms_a), (b, bytes_b, ms_b) = rows["float"], rows["w1a8"]
    print(f"{'':22}{'float':>12}{'W1A8':>12}  ratio")
    print(f"{'test accuracy':22}{100 * a:>10.2f} %{100 * b:>10.2f} %  {100 * (b - a):+.2f} points")
    print(f"{'file bytes':22}{bytes_a:>12,}{bytes_b:>12,}  {bytes_a / bytes_b:.1f} times smaller")
    print(f"{'ms per image':22}{ms_a:>12.3f}{ms_b:>12.3f}  {ms_a / ms_b:.1f} times faster")


if __name__ == "__main__":
    main()
