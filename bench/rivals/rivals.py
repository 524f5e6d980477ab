#!/usr/bin/env python3
"""Signum against its rivals on this machine: ONNX Runtime (int8, the model that `signum
export` writes), and a bare chain of oneDNN's int8 primitives. All take turns in one run,
so that what else the machine does meets them alike. Prints tables of medians and ratios,
of one thread and one image, of two threads, and of batches, and writes them to
docs/performance.md with --write.

usage: bench/rivals/rivals.py [--write] [--rounds N] [--network NAME]
Needs a build (./dev build), libdnnl-dev and npm (tools/install-deps.sh --bench)."""

import argparse
import array
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import typing

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("SIGNUM_BUILD", ROOT / "build/release"))
PROGRAMS = BUILD / "bin"
sys.path.insert(0, str(ROOT / "tests/onnxruntime"))
from install import install  # pylint: disable=wrong-import-position

NETWORKS = {"resnet20": (3, 32, 32), "alexnet-cifar": (3, 32, 32), "alexnet": (3, 224, 224),
            "resnet18": (3, 224, 224), "resnet50": (3, 224, 224)}
PRECISIONS = {"W1A8": (1, 8), "W1A1": (1, 1), "W8A8": (8, 8)}
# A cap of the instruction set: its name in the table, and what it is called by each.
CAPS = {"AMX": ("amx", "DEFAULT"), "AVX-512": ("avx512", "AVX512_CORE_VNNI"),
        "AVX2": ("avx2", "AVX2")}
# Images of a run, where there are many.
BATCHES = {network: 128 if size[1] <= 64 else 16 for network, size in NETWORKS.items()}
# Where a second thread should help, and by how much.
THREADED = {"alexnet": 1.7, "resnet18": 1.7, "resnet50": 1.7}
BATCH_TARGET = 4
# Ratios of issue 4: rival, cap, precision -> one number for each network.
TARGETS = {
    ("ONNX Runtime", None, "W1A8"): (6, 5, 6, 6, 6),
    ("oneDNN", "AMX", "W1A8"): (2, 4.5, 3.5, 1.5, 2),
    ("oneDNN", "AMX", "W1A1"): (2, 5, 4, 2, 2.5),
    ("oneDNN", "AVX-512", "W1A1"): (1.8, 4, 3.2, 2.3, 2.3),
    ("oneDNN", "AVX2", "W1A1"): (2, 4, 3.5, 3, 3),
}


class Key(typing.NamedTuple):
    """What a contender is; `cap` is None where it runs as it likes."""
    engine: str
    cap: typing.Optional[str]
    precision: str
    threads: int = 1
    batch: int = 1


class Contender:
    """A program that says "ready" and then times runs on demand (see timed_rounds.h)."""

    def __init__(self, command, environment=None, folder=None):
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1",
                                        **(environment or {})})
        if self.process.stdout.readline().strip() != "ready":
            sys.exit(f"rivals: {command[0]} failed")
        self.times = []

    def runs(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return [float(word) for word in self.process.stdout.readline().split()]

    def take_turn(self, milliseconds):
        count = max(1, min(200, int(milliseconds / max(1e-3, min(self.times)))))
        self.times += self.runs(count)

    def median(self):
        return statistics.median(self.times)

    def spread(self):
        """From the first to the third quartile, as a share of the median."""
        quartiles = statistics.quantiles(self.times, n=4)
        return (quartiles[2] - quartiles[0]) / quartiles[1]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def write_model(folder, network, precision):
    path = folder / f"{network}-{precision}.sgn"
    size = "x".join(str(n) for n in NETWORKS[network])
    bits = PRECISIONS[precision]
    subprocess.run([PROGRAMS / "write_network", network, size, str(bits[0]), str(bits[1]), path],
                   check=True)
    return path


def check_bits(folder, model, image, contenders_output):
    """Signum's outputs must be those of its references, bit for bit, which it returns."""
    expected = folder / "expected.f32"
    scalar = Contender([PROGRAMS / "signum_session", model, image, expected],
                       {"SIGNUM_ISA": "scalar"})
    scalar.close()
    for output in contenders_output:
        if output.read_bytes() != expected.read_bytes():
            sys.exit(f"rivals: {model.name}: outputs differ between instruction sets")
    return expected.read_bytes()


def caps_here():
    """The caps that this machine reaches."""
    reached = {}
    for name, (ours, theirs) in CAPS.items():
        result = subprocess.run([PROGRAMS / "signum", "info", "lenet", "--kernels"],
                                env={**os.environ, "SIGNUM_ISA": ours}, capture_output=True,
                                check=False)
        if result.returncode == 0:
            reached[name] = (ours, theirs)
    return reached


def write_images(path, network, count):
    generator = random.Random(1)
    channels, height, width = NETWORKS[network]
    one = array.array("f", (generator.random() for _ in range(channels * height * width)))
    with open(path, "wb") as file:
        for _ in range(count):
            one.tofile(file)


def measure(network, rounds, milliseconds, onnxruntime):
    """Contenders of one network after their turns, by Key."""
    contenders = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        image, images = folder / "image.f32", folder / "images.f32"
        batch = BATCHES[network]
        write_images(image, network, 1)
        write_images(images, network, batch)
        caps = caps_here()
        best = next(iter(caps))
        for precision in PRECISIONS:
            model = write_model(folder, network, precision)
            outputs = []
            for cap, (ours, _) in caps.items():
                outputs.append(folder / f"{precision}-{ours}.f32")
                contenders[Key("Signum", cap, precision)] = Contender(
                    [PROGRAMS / "signum_session", model, image, outputs[-1]],
                    {"SIGNUM_ISA": ours})
            environment = {"SIGNUM_ISA": caps[best][0]}
            if network in THREADED:
                outputs.append(folder / f"{precision}-threads.f32")
                contenders[Key("Signum", best, precision, threads=2)] = Contender(
                    [PROGRAMS / "signum_session", model, image, outputs[-1], 2], environment)
            expected = check_bits(folder, model, image, outputs)
            contenders[Key("Signum", best, precision, batch=batch)] = Contender(
                [PROGRAMS / "signum_session", model, images, folder / "batch.f32", 1, batch],
                environment)
            # All images are the same one.
            if (folder / "batch.f32").read_bytes() != expected * batch:
                sys.exit(f"rivals: {model.name}: outputs differ between batches")
            if precision == "W8A8" and onnxruntime:
                onnx = folder / "model.onnx"
                subprocess.run([PROGRAMS / "signum", "export", model, "--onnx", onnx], check=True,
                               stdout=subprocess.DEVNULL)
                command = ["node", HERE / "onnxruntime.mjs", onnx]
                contenders[Key("ONNX Runtime", None, "int8")] = Contender(
                    [*command, image, folder / "ort.f32"], folder=onnxruntime)
                contenders[Key("ONNX Runtime", None, "int8", batch=batch)] = Contender(
                    [*command, images, folder / "ort.f32", 1, batch], folder=onnxruntime)
        size = "x".join(str(n) for n in NETWORKS[network])
        for cap, (_, theirs) in caps.items():
            contenders[Key("oneDNN", cap, "int8")] = Contender(
                [PROGRAMS / "onednn_chain", network, size, "1"], {"ONEDNN_MAX_CPU_ISA": theirs})
        for contender in contenders.values():
            contender.runs(3)  # what meets cold caches does not count
            contender.times = contender.runs(3)
        for _ in range(rounds):
            for contender in contenders.values():
                contender.take_turn(milliseconds)
        for contender in contenders.values():
            contender.close()
    return contenders


def lines_of(heading, networks, rows):
    """A table in Markdown; each row is its name and a cell for each network."""
    lines = [f"| {heading} | " + " | ".join(networks) + " |", "|---|" + "---|" * len(networks)]
    return lines + [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows] + [""]


def milliseconds_of(contender):
    return f"{contender.median():.3f} ({contender.spread():.0%})"


def single_tables(results):
    """One thread, one image: every contender, and the ratios."""
    networks = list(results)
    keys = [key for key in next(iter(results.values())) if key.threads == key.batch == 1]
    times = []
    for key in keys:
        capped = f", {key.cap}" if key.cap else ""
        times.append((f"{key.engine} {key.precision}{capped}",
                      [milliseconds_of(results[n][key]) for n in networks]))
    best = next(key.cap for key in keys if key.engine == "Signum")
    ratios = []
    for key in keys:
        for precision in PRECISIONS if key.engine != "Signum" else ():
            cells = []
            for n in networks:
                ours = results[n][Key("Signum", key.cap or best, precision)]
                targets = TARGETS.get((key.engine, key.cap, precision))
                wanted = f" ({targets[list(NETWORKS).index(n)]})" if targets else ""
                cells.append(f"{results[n][key].median() / ours.median():.2f}{wanted}")
            capped = f", both capped to {key.cap}" if key.cap else ""
            ratios.append((f"{precision} against {key.engine}{capped}", cells))
    return (lines_of("ms, median (spread)", networks, times)
            + lines_of("rival's time / ours (target)", networks, ratios))


def thread_table(results):
    """Two threads against one."""
    networks = [n for n in results if n in THREADED]
    keys = [key for key in results[networks[0]] if key.threads == 2] if networks else []
    rows = []
    for key in keys:
        cells = []
        for n in networks:
            ratio = results[n][key._replace(threads=1)].median() / results[n][key].median()
            cells.append(f"{milliseconds_of(results[n][key])}, {ratio:.2f} ({THREADED[n]})")
        rows.append((f"{key.engine} {key.precision}, {key.cap}", cells))
    if not rows:
        return []
    return lines_of("two threads: ms (spread), times faster (target)", networks, rows)


def batch_table(results):
    """Many images in a run: milliseconds of an image, and ratios to ONNX Runtime."""
    networks = list(results)
    rows = []
    for key in [key for key in next(iter(results.values())) if key.batch > 1]:
        cells = []
        for n in networks:
            here = key._replace(batch=BATCHES[n])
            cell = f"{results[n][here].median() / BATCHES[n]:.3f}"
            rival = results[n].get(Key("ONNX Runtime", None, "int8", batch=BATCHES[n]))
            if rival and key.engine == "Signum":
                ratio = rival.median() / results[n][here].median()
                wanted = f" ({BATCH_TARGET})" if key.precision == "W1A8" else ""
                cell += f", {ratio:.2f}{wanted}"
            cells.append(cell)
        capped = f", {key.cap}" if key.cap else ""
        rows.append((f"{key.engine} {key.precision}{capped}", cells))
    heading = "ms of an image of a batch of " + ", ".join(str(BATCHES[n]) for n in networks)
    return lines_of(heading + "; ONNX Runtime's time / ours (target)", networks, rows)


def tables(results):
    return "\n".join(single_tables(results) + thread_table(results) + batch_table(results))


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(": ", 1)[1]
    return "an unknown processor"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--milliseconds", type=float, default=60, help="of each turn")
    parser.add_argument("--network", choices=NETWORKS, action="append")
    flags = parser.parse_args()
    for program in ("signum", "signum_session", "onednn_chain", "write_network"):
        if not (PROGRAMS / program).exists():
            sys.exit(f"rivals: {PROGRAMS / program} is not built; run tools/install-deps.sh "
                     "--bench and ./dev build")
    onnxruntime = BUILD / "tests/onnxruntime"
    if failure := install(str(onnxruntime)):
        print(f"rivals: ONNX Runtime is left out: {failure}", file=sys.stderr)
        onnxruntime = None
    results = {}
    for network in flags.network or NETWORKS:
        print(f"rivals: {network}", file=sys.stderr)
        results[network] = measure(network, flags.rounds, flags.milliseconds, onnxruntime)
    text = tables(results)
    print(text)
    if flags.write:
        page = ROOT / "docs/performance.md"
        begin, end = "<!-- rivals: begin -->\n", "<!-- rivals: end -->\n"
        before, rest = page.read_text(encoding="utf-8").split(begin)
        after = rest.split(end)[1]
        heading = f"On {processor()}, one thread and one image where nothing else is said:\n\n"
        page.write_text(before + begin + heading + text + end + after, encoding="utf-8")


if __name__ == "__main__":
    main()
