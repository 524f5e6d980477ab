"""Models that `signum export --onnx` writes, run in ONNX Runtime, against the same
models in Signum's runtime.

SIGNUM_EXECUTABLE names the executable under test; WRITE_MODEL, RUN_MODEL and CUT_MODEL
the test programs; ONNXRUNTIME_FOLDER where ONNX Runtime is installed to, by npm."""

import array
import math
import os
import random
import subprocess
import sys
import tempfile
import unittest

SIGNUM = os.path.abspath(os.environ["SIGNUM_EXECUTABLE"])
WRITE_MODEL, RUN_MODEL, CUT_MODEL = (
    os.path.abspath(os.environ[name]) for name in ("WRITE_MODEL", "RUN_MODEL", "CUT_MODEL"))
FOLDER = os.path.abspath(os.environ["ONNXRUNTIME_FOLDER"])
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "onnxruntime"))
from install import install  # pylint: disable=wrong-import-position

MODELS = os.path.join(HERE, "..", "models")


def write_floats(path, values):
    with open(path, "wb") as file:
        array.array("f", values).tofile(file)


def read_floats(path):
    values = array.array("f")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    return values


class OnnxRuntimeTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run_signum(self, *arguments):
        result = subprocess.run([SIGNUM, *arguments], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def write_model(self, network, size):
        model = self.path(network + ".sgn")
        subprocess.run([WRITE_MODEL, network, "float", model, size], check=True)
        return model

    def write_images(self, size, count, seed=1):
        """Pixels of 0 to 255 over 255, a third of them black."""
        elements = 1
        for axis in ("1x28x28" if size == "grey" else size).split("x"):
            elements *= int(axis)
        draw = random.Random(seed)
        write_floats(self.path("images"), [max(0, draw.randrange(-128, 256)) / 255
                                           for _ in range(count * elements)])
        return self.path("images")

    def run_onnxruntime(self, models, images, plain=False):
        """The outputs of each ONNX file."""
        jobs, outputs = [], []
        for model in models:
            outputs.append(model + ".ort")
            jobs += [model, images, outputs[-1]]
        result = subprocess.run(
            ["node", os.path.join(HERE, "onnxruntime", "run.mjs")] + ["--plain"] * plain + jobs,
            cwd=FOLDER, capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        return [read_floats(output) for output in outputs]

    def run_here(self, model, images):
        subprocess.run([RUN_MODEL, model, images, model + ".out"], check=True)
        return read_floats(model + ".out")

    def import_again(self, model):
        self.run_signum("import", model, "-o", model + ".sgn")
        return model + ".sgn"

    def export(self, model, *flags):
        self.run_signum("export", model, "--onnx", model + ".onnx", *flags)
        return model + ".onnx"

    def check_floats(self, network, size, opset):
        model = self.write_model(network, size)
        images = self.write_images(size, 2)
        theirs, = self.run_onnxruntime([self.export(model, "--opset", str(opset))], images)
        ours = self.run_here(model, images)
        self.assertEqual(len(theirs), len(ours))
        largest = max(map(abs, ours))
        error = max(abs(a - b) for a, b in zip(ours, theirs)) / largest
        print(f"{network} at {size}, opset {opset}: largest difference {error:.1e} of the "
              f"largest output {largest:.3g}")
        self.assertLess(error, 1e-4)

    def test_float_networks(self):
        for network, size, opset in [("lenet", "grey", 17), ("resnet20", "3x32x32", 17),
                                     ("alexnet-cifar", "3x32x32", 17),
                                     ("mobilenet-v2", "3x64x64", 17),
                                     ("efficientnet-b0", "3x64x64", 17),
                                     ("lenet", "grey", 9), ("efficientnet-b0", "3x64x64", 9),
                                     ("efficientnet-b0", "3x64x64", 11),
                                     ("efficientnet-b0", "3x64x64", 13)]:
            with self.subTest(network=network, opset=opset):
                self.check_floats(network, size, opset)

    def test_float_networks_imported_again(self):
        """Exported, imported and exported again: the same outputs, here and there."""
        for network, size in [("lenet", "grey"), ("resnet20", "3x32x32"),
                              ("mobilenet-v2", "3x64x64"), ("efficientnet-b0", "3x64x64")]:
            with self.subTest(network=network):
                model = self.write_model(network, size)
                images = self.write_images(size, 2)
                again = self.import_again(self.export(model))
                theirs, = self.run_onnxruntime([self.export(again)], images)
                before, after = self.run_here(model, images), self.run_here(again, images)
                largest = max(map(abs, before))
                for values in (after, theirs):
                    self.assertEqual(len(values), len(before))
                    error = max(abs(a - b) for a, b in zip(before, values)) / largest
                    self.assertLess(error, 1e-4)

    def test_quantized_networks_imported_again(self):
        """The same for quantized ones, in both forms, with the scales of powers of two:
        every number is equal."""
        for model, size in self.quantized_models():
            images = self.write_images(size, 4)
            cuts = tempfile.mkdtemp(dir=self.folder.name)
            lines = subprocess.run([CUT_MODEL, model, cuts, "exact"], check=True,
                                   capture_output=True, text=True).stdout.splitlines()
            whole = os.path.join(cuts, f"{len(lines) - 1}.sgn")
            before = self.run_here(whole, images)
            self.assertGreater(len(set(before)), 1)
            for form in ("qdq", "qonnx"):
                with self.subTest(model=os.path.basename(model), form=form):
                    again = self.import_again(self.export(whole, "--form", form))
                    self.assertEqual(self.run_here(again, images), before)
                    theirs, = self.run_onnxruntime([self.export(again)], images)
                    self.assertEqual(sum(a != b for a, b in zip(before, theirs)), 0)

    def quantize(self, weights, activations):
        model = self.write_model("resnet20", "grey")
        quantized = self.path(f"w{weights}a{activations}.sgn")
        self.run_signum("quantize", model, "--data", "fashion-mnist", "--calibrate", "64",
                        "--weights", str(weights), "--activations", str(activations), "-o",
                        quantized)
        return quantized

    def quantized_models(self):
        models = [(self.quantize(w, a), "grey") for w, a in [(8, 8), (4, 4), (1, 8), (1, 1)]]
        return models + [(os.path.join(MODELS, "resnet20-w1a8-cifar10.sgn"), "3x32x32")]

    def compare_cuts(self, model, images, plain, exact=False):
        """For each quantizer of the model, and at last its output: name, bits, scale, file,
        and both runtimes' values."""
        cuts = tempfile.mkdtemp(dir=self.folder.name)
        lines = subprocess.run([CUT_MODEL, model, cuts] + ["exact"] * exact, check=True,
                               capture_output=True, text=True).stdout.splitlines()
        files = [os.path.join(cuts, f"{i}.sgn") for i in range(len(lines))]
        exported = [self.export(file) for file in files]
        theirs = self.run_onnxruntime(exported, images, plain)
        if not plain:
            with open(exported[-1] + ".ort.onnx", "rb") as file:
                self.assertEqual(b"QLinearConv" in file.read(), not model.endswith("a1.sgn"))
        for line, file, their in zip(lines, files, theirs):
            name, bits, scale = line.split()
            ours = self.run_here(file, images)
            self.assertEqual(len(ours), len(their))
            # Else equal values would say nothing.
            self.assertGreater(len(set(ours)), 1, name)
            yield name, int(bits), float(scale), file, ours, their

    def test_without_rounding_every_number_is_equal(self):
        """With scales that are powers of two floats compute exactly, in whatever order, and
        values just between two codes are frequent."""
        for model, size in self.quantized_models():
            images = self.write_images(size, 4)
            for plain in (False, True):
                with self.subTest(model=os.path.basename(model), plain=plain):
                    for name, _, _, _, ours, theirs in self.compare_cuts(model, images, plain,
                                                                         exact=True):
                        self.assertEqual(sum(a != b for a, b in zip(ours, theirs)), 0, name)

    def check_borders(self, file, images, bits, scale, differing):
        """Where runtimes differ first, the value is within rounding of a border: 16 units
        in the last place of the largest, of a sum of up to 576 products. Returns how far
        in codes (1 bit: of the largest value)."""
        values = self.run_here(file.replace(".sgn", ".float.sgn"), images)
        unit = scale if bits > 1 else max(map(abs, values))
        furthest = 0
        for i in differing:
            code = values[i] / unit
            furthest = max(furthest, abs(code - (math.floor(code) + 0.5 if bits > 1 else 0)))
        self.assertLess(furthest, 16 * 2**-23 * (2**bits if bits > 1 else 1))
        return furthest

    def check_model(self, model, images, plain):
        title = os.path.basename(model) + (", node by node" if plain else ", fused")
        equal = True
        for name, bits, scale, file, ours, theirs in self.compare_cuts(model, images, plain):
            if bits == 0:
                largest = max(map(abs, ours))
                error = max(abs(a - b) for a, b in zip(ours, theirs)) / largest
                print(f"{title}: output differs by up to {error:.1e} of the largest")
                if equal:
                    self.assertLess(error, 1e-6)
                continue
            steps = [round((b - a) / scale) for a, b in zip(ours, theirs)]
            differing = [i for i, step in enumerate(steps) if step]
            if not differing:
                continue
            note = ""
            if equal:
                furthest = self.check_borders(file, images, bits, scale, differing)
                note = f"; at most {furthest:.1e} from a border"
            equal = False
            print(f"{title}: {name}: {len(differing)} of {len(ours)} codes differ, by up to "
                  f"{max(map(abs, steps))}{note}")

    def test_quantized_networks_differ_by_rounding_alone(self):
        """Codes are equal up to the first quantizer that finds a value on the border between
        two codes, which the runtimes round differently; from there on differences spread,
        and are printed."""
        for model, size in self.quantized_models():
            images = self.write_images(size, 4)
            for plain in (False, True):
                with self.subTest(model=os.path.basename(model), plain=plain):
                    self.check_model(model, images, plain)


if __name__ == "__main__":
    failure = install(FOLDER)
    if failure:
        print(f"ONNX Runtime is not there: {failure}")
        sys.exit(0)
    unittest.main()
