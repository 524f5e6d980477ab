#!/usr/bin/env python3
"""Holds the source tree to its rules: which room may include which (the arrows in
ARCHITECTURE.md), where libtorch, HTTP, protobuf and CPU intrinsics may appear,
folder names, and file lengths. Prints one line for each breach; exit status 1 if
there is one.

usage: tools/check-includes.py [ROOT]
"""

import os
import re
import subprocess
import sys

# A room of src/, and the rooms that its files may include besides itself. The
# public headers (include/signum) are open to all.
ARROWS = {
    "base": set(),
    "graph": {"base"},
    "kernels": {"base"},
    "limits": {"base"},
    "dataflow": {"base"},
    "data": {"base"},
    "report": {"base"},
    "quant": {"base", "graph"},
    "format": {"base", "graph"},
    "onnx": {"base", "graph", "quant"},
    "zoo": {"base", "graph"},
    "adapt": {"base", "graph"},
    "runtime": {"base", "graph", "kernels", "quant", "format"},
    "calibration": {"base", "graph", "quant", "runtime", "data"},
    "train": {"base", "graph", "quant", "data"},
    "server": {"base", "graph", "format", "runtime", "report"},
}

# Libraries that are kept in one place: what their headers look like, which files
# may include them, and how to say so.
KEPT_LIBRARIES = [
    (r"(torch|ATen|c10)/", r"src/train/", "libtorch stays in src/train"),
    (r"httplib\.h$", r"src/(data/download|server/)", "HTTP stays in src/data/download* and src/server"),
    (r"google/protobuf/|onnx/(onnx[-_]|checker|defs/|shape_inference/)", r"src/onnx/",
     "protobuf stays in src/onnx"),
    (r"zip\.h$", r"src/format/zip_archive", "libzip stays in src/format/zip_archive"),
    (r"CLI/", r"apps/", "command-line parsing stays in apps"),
    (r"(\w*intrin|arm_neon|arm_sve)\.h$", r"(.*/)?(x86|arm64)_\w+\.cc$",
     "intrinsics stay in files named x86_*.cc or arm64_*.cc"),
]

FORBIDDEN_FOLDERS = {"util", "utils", "helper", "helpers", "misc", "common"}
CODE = (".h", ".cc", ".inc")
LENGTH_CHECKED = CODE + (".py", ".sh", ".cmake", ".js", ".ts", ".css")
MAX_LINES = 500
# What the files of one instruction set share; no other file may be compiled with it.
ISA_HEADER = re.compile(r"(?:^|/)(?:\w+_)?((?:x86|arm64)_\w+)\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def is_test(path):
    """Tests and benchmarks may include any room: they look at rooms together."""
    stem = os.path.splitext(os.path.basename(path))[0]
    return (path.startswith(("tests/", "bench/")) or "/testing/" in path
            or re.search(r"(^|_)(test|bench|fuzz)(_|$)", stem) is not None)


def room_of(path):
    """The room that a path, or an include as written, belongs to; None if none."""
    parts = path.split("/")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if path.startswith("include/signum/"):
        return "public"
    return parts[0] if parts[0] in ("apps", "tests", "bench", "examples") else None


def allowed(room, target, path):
    if target in ("public", room):
        return True
    if target == "apps" or room in ("public", "examples"):
        return False
    if room == "apps" or is_test(path):
        return True
    return target in ARROWS.get(room, set())


def included_room(header):
    first = header.split("/")[0]
    if "/" not in header:
        return None
    if first == "signum":
        return "public"
    return first if first in ARROWS or first == "apps" else None


def users_of(isa):
    """The instruction sets whose files may use what is there for `isa`."""
    return {"x86_avx512": ("x86_avx512", "x86_amx"),
            "arm64_neon": ("arm64_neon", "arm64_dotprod")}.get(isa, (isa,))


def check_include(path, header):
    """The breaches of one #include line, as messages."""
    for pattern, home, message in KEPT_LIBRARIES:
        if re.match(pattern, header) and not re.match(home, path):
            yield f"includes {header}, but {message}"
    isa = ISA_HEADER.search(header)
    own = ISA_HEADER.search(path)
    users = users_of(isa.group(1)) if isa else ()
    if isa and not (own and own.group(1) in users) and not any(
            path.endswith(f"/{user}.cc") for user in users):
        yield f"includes {header}, which is for files named {isa.group(1)}.cc"
    room, target = room_of(path), included_room(header)
    if room is None or target is None:
        return
    if room not in ARROWS and path.startswith("src/"):
        yield f"room '{room}' has no arrows; add it to ARROWS in tools/check-includes.py"
    elif not allowed(room, target, path):
        reach = ", ".join(sorted(ARROWS.get(room, set()))) or "only the public headers"
        yield f"includes {header}, but {room} may include {reach}"


def head_comment(lines):
    """The comment lines at the top of a file."""
    head = []
    for line in lines:
        if not re.match(r"\s*(//|#|/\*|\*|\"\"\"|$)", line):
            break
        head.append(line)
    return " ".join(head)


def check_file(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    if path.endswith(CODE):
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if match:
                for message in check_include(path, match.group(2)):
                    yield f"{path}:{number}: {message}"
    if path.endswith(LENGTH_CHECKED) and len(lines) > MAX_LINES:
        if f"{MAX_LINES} lines" not in head_comment(lines):
            yield (f"{path}: has {len(lines)} lines; split it, or have its head comment say why "
                   f"it is above {MAX_LINES} lines")


def check_folders(paths):
    folders = {parent for path in paths for parent in path.split("/")[:-1]}
    for name in sorted(folders & FORBIDDEN_FOLDERS):
        yield f"a folder is called '{name}'; name it by what is in it"


def files_of(root):
    """Paths that git tracks or would track; every file where there is no git."""
    command = ["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        listed = None
    if listed and listed.returncode == 0:
        paths = {path for path in listed.stdout.decode().split("\0") if path}
        return sorted(path for path in paths if os.path.isfile(os.path.join(root, path)))
    return sorted(os.path.relpath(os.path.join(folder, name), root)
                  for folder, _, names in os.walk(root) for name in names)


def check(root):
    paths = files_of(root)
    breaches = list(check_folders(paths))
    for path in paths:
        if path.endswith(LENGTH_CHECKED):
            breaches += check_file(root, path)
    return breaches


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(
        os.path.abspath(__file__)))
    breaches = check(root)
    for breach in breaches:
        print(breach, file=sys.stderr)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
