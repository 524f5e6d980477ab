"""`signum import` and `signum export` as a user meets them, on files made here.

SIGNUM_EXECUTABLE names the executable under test, WRITE_MODEL the program that
makes model files for it."""

import json
import os
import pickle
import struct
import subprocess
import tempfile
import unittest
import zipfile
import zlib

SIGNUM = os.path.abspath(os.environ["SIGNUM_EXECUTABLE"])
WRITE_MODEL = os.environ["WRITE_MODEL"]


def read_safetensors(path):
    """The entries of a safetensors file: shape, dtype and bytes by name."""
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    return metadata, {name: (entry["shape"], entry["dtype"], data[slice(*entry["data_offsets"])])
                      for name, entry in header.items()}


def write_safetensors(path, tensors, metadata=None):
    header, data = {"__metadata__": metadata or {}}, b""
    for name, (shape, dtype, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def text(value):
    value = value.encode()
    return b"X" + struct.pack("<I", len(value)) + value


def number(value):
    return b"J" + struct.pack("<i", value)


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def write_checkpoint(path, tensors):
    """What torch.save writes, of dense float32 tensors."""
    data = b"\x80\x02}("
    for name, (shape, _, content) in tensors.items():
        strides = [1]
        for size in reversed(shape[1:]):
            strides.insert(0, strides[0] * size)
        data += (text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage")
                 + b"ctorch\nFloatStorage\n" + text(name) + text("cpu") + number(len(content) // 4)
                 + b"tQK\0" + numbers(shape) + numbers(strides[:len(shape)])
                 + b"\x89ccollections\nOrderedDict\n)RtR")
    data += b"u."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", data)
        for name, (_, _, content) in tensors.items():
            archive.writestr("net/data/" + name, content)
        archive.writestr("net/version", "3\n")


def protobuf(*fields):
    """A message of protobuf: pairs of a field's number and its value."""
    data = b""
    for tag, value in fields:
        if isinstance(value, int):
            data += varint(tag << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            data += varint(tag << 3 | 2) + varint(len(value)) + value
    return data


def varint(value):
    data = b""
    while value > 127:
        data += bytes([value & 127 | 128])
        value >>= 7
    return data + bytes([value])


def onnx_value(name, sizes, element_type=1):
    """A ValueInfoProto of ONNX; a size that is a text is an open one of that name."""
    dimensions = [(1, protobuf((2 if isinstance(size, str) else 1, size))) for size in sizes]
    tensor = protobuf((1, element_type), (2, protobuf(*dimensions)))
    return protobuf((1, name), (2, protobuf((1, tensor))))


def write_onnx(path, sizes, ops, producer="test", element_type=1):
    """A chain of operators, (op, node name) each, without attributes, from x to y."""
    nodes = []
    for index, (op, name) in enumerate(ops):
        read = f"t{index - 1}" if index else "x"
        made = f"t{index}" if index + 1 < len(ops) else "y"
        nodes.append((1, protobuf((1, read), (2, made), (3, name), (4, op))))
    graph = protobuf(*nodes, (2, "chain"), (11, onnx_value("x", sizes, element_type)),
                     (12, onnx_value("y", [])))
    with open(path, "wb") as file:
        file.write(protobuf((1, 8), (2, producer), (7, graph), (8, protobuf((1, ""), (2, 17)))))


def write_png(path, width, height):
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))

    rows = b"".join(b"\0" + bytes((7 * x + 3 * y + 60 * channel) % 256 for x in range(width)
                                  for channel in range(3)) for y in range(height))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n"
                   + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class ImportTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run_signum(self, *arguments):
        return subprocess.run([SIGNUM, *arguments], capture_output=True, text=True, check=False,
                              timeout=120)

    def succeed(self, *arguments):
        result = self.run_signum(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def fail(self, *arguments, status=1):
        result = self.run_signum(*arguments)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        return result.stderr

    def tensors_of(self, *network):
        self.succeed("export", *network, "--safetensors", self.path("net.safetensors"))
        return read_safetensors(self.path("net.safetensors"))[1]

    def test_every_model_comes_back_equal(self):
        for form in ("float", "1bit"):
            with self.subTest(form=form):
                model, again = self.path("lenet.sgn"), self.path("again.sgn")
                tensors = self.path("lenet.safetensors")
                subprocess.run([WRITE_MODEL, "lenet", form, model], check=True)
                self.assertIn("written to", self.succeed("export", model, "--safetensors", tensors))
                self.succeed("import", tensors, "-o", again)
                with open(model, "rb") as first, open(again, "rb") as second:
                    self.assertEqual(first.read(), second.read())

    def test_checkpoint_tells_channels_and_classes(self):
        tensors = self.tensors_of("resnet20", "--variant", "pad", "--input", "1x32x32",
                                  "--classes", "7")
        tensors = {"module." + name.replace("linear.", "fc."): tensor
                   for name, tensor in tensors.items()}
        write_checkpoint(self.path("net.pth"), tensors)
        text_out = self.succeed("import", self.path("net.pth"), "--arch", "resnet20", "--shortcut",
                                "pad", "--mean", ".5", "--std", ".25", "-o", self.path("net.sgn"))
        self.assertRegex(text_out, r"(?m)^fc\.weight +linear +weight +7x64 +float32$")
        facts = json.loads(self.succeed("info", self.path("net.sgn"), "--json"))
        self.assertEqual(facts["input_shape"], [1, 1, 32, 32])
        self.assertEqual(facts["output_shape"], [1, 7])
        self.assertEqual(facts["metadata"], {"imported_from": "net.pth"})
        self.succeed("export", self.path("net.sgn"), "--safetensors", self.path("b.safetensors"))
        self.assertEqual({"module." + name.replace("linear.", "fc."): tensor for name, tensor
                          in read_safetensors(self.path("b.safetensors"))[1].items()}, tensors)

    def test_every_key_that_does_not_fit_is_named(self):
        tensors = self.tensors_of("lenet")
        tensors["fc4.bias"] = tensors.pop("fc1.bias")
        write_checkpoint(self.path("net.pth"), tensors)
        command = ["import", self.path("net.pth"), "--arch", "lenet", "-o", self.path("net.sgn")]
        message = self.fail(*command)
        self.assertIn("net.pth: does not fit lenet", message)
        self.assertIn("1 key is missing (fc1.bias)", message)
        self.assertIn("1 key is unexpected (fc4.bias)", message)
        facts = json.loads(self.succeed(*command, "--allow-missing", "--allow-unexpected",
                                        "--json"))
        self.assertEqual((facts["missing"], facts["unexpected"]), (["fc1.bias"], ["fc4.bias"]))
        self.assertEqual(len(facts["mapped"]), 9)
        message = self.fail("import", self.path("net.pth"), "--arch", "lenet", "--input", "1x32x32",
                            "-o", self.path("net.sgn"))
        self.assertIn("conv1.weight is 6x3x5x5, needs 6x1x5x5", message)

    def test_foreign_safetensors_need_an_arch(self):
        tensors = self.tensors_of("lenet")
        foreign = self.path("foreign.safetensors")
        write_safetensors(foreign, tensors, {"format": "pt"})
        self.assertIn("name it with --arch", self.fail("import", foreign, "-o", self.path("a.sgn")))
        self.succeed("import", foreign, "--arch", "lenet", "-o", self.path("a.sgn"))
        self.assertIn("did you mean 'lenet'?", self.fail("import", foreign, "--arch", "lenets", "-o",
                                                         self.path("a.sgn")))
        own = self.path("net.safetensors")
        self.assertIn("go with --arch", self.fail("import", own, "--classes", "10", "-o",
                                                  self.path("a.sgn")))

    def test_nothing_in_a_pickle_is_executed(self):
        class Evil:
            def __reduce__(self):
                return os.system, ("touch " + victim,)

        victim = self.path("victim")
        with zipfile.ZipFile(self.path("evil.pth"), "w") as archive:
            archive.writestr("evil/data.pkl", pickle.dumps({"a": Evil()}, protocol=2))
        message = self.fail("import", self.path("evil.pth"), "--arch", "lenet", "-o",
                            self.path("a.sgn"))
        self.assertRegex(message, r"evil\.pth: .*(posix|nt|os)\.system.*nothing is executed")
        self.assertFalse(os.path.exists(victim))
        self.assertFalse(os.path.exists(self.path("a.sgn")))

    def test_what_is_not_imported_is_told(self):
        path = self.path("garbage.pth")
        with open(path, "wb") as file:
            file.write(b"not a checkpoint" * 100)
        self.assertIn("garbage.pth: is neither a PyTorch checkpoint nor",
                      self.fail("import", path, "--arch", "lenet", "-o", self.path("a.sgn")))
        self.assertIn("missing.pth does not exist",
                      self.fail("import", self.path("missing.pth"), "-o", self.path("a.sgn")))
        self.assertIn("cannot write", self.fail("import", path, "--arch", "lenet", "-o",
                                                self.path("no/a.sgn")))
        self.fail("import", path, status=2)
        self.fail("export", "lenet", status=2)

    def test_export_of_onnx(self):
        model, onnx = self.path("lenet.sgn"), self.path("lenet.onnx")
        subprocess.run([WRITE_MODEL, "lenet", "1bit", model], check=True)
        files = []
        for form in ("qdq", "qonnx"):
            facts = json.loads(self.succeed("export", model, "--onnx", onnx, "--form", form,
                                            "--opset", "13", "--json"))
            self.assertEqual((facts["network"], facts["form"], facts["opset"]),
                             ("lenet", form, 13))
            with open(onnx, "rb") as file:
                files.append(file.read())
            self.assertEqual(facts["bytes"], len(files[-1]))
            self.assertEqual(b"qonnx.custom_op.general" in files[-1], form == "qonnx")
            self.assertIn(b'["class0","class1"', files[-1])
            self.assertIn(b"conv1.weight", files[-1])
        self.assertIn("lenet as ONNX of opset 17, qdq form, written to",
                      self.succeed("export", model, "--onnx", onnx))
        message = self.fail("export", model, "--onnx", onnx, "--opset", "9")
        self.assertRegex(message, r"node '.*' \(Quantize\): .* needs opset 10 or newer")
        self.assertIn("cannot write", self.fail("export", model, "--onnx", self.path("no/a.onnx")))

    def test_export_writes_one_kind_of_file(self):
        onnx, tensors = self.path("net.onnx"), self.path("net.safetensors")
        for flags in (["--onnx", onnx, "--safetensors", tensors], [], ["--onnx", onnx, "--opset", "8"],
                      ["--onnx", onnx, "--form", "tflite"],
                      ["--safetensors", tensors, "--opset", "13"],
                      ["--safetensors", tensors, "--form", "qdq"]):
            with self.subTest(flags=flags):
                self.fail("export", "lenet", *flags, status=2)
        self.assertIn("--onnx FILE or --safetensors FILE is required",
                      self.fail("export", "lenet", status=2))
        self.assertIn("did you mean '--onnx'?", self.fail("export", "lenet", "--onx", onnx, status=2))
        self.assertEqual(os.listdir(self.folder.name), [])

    def test_import_of_onnx_comes_back_equal(self):
        model, onnx, again = self.path("lenet.sgn"), self.path("lenet.onnx"), self.path("again.sgn")
        for form in ("float", "1bit"):
            with self.subTest(form=form):
                subprocess.run([WRITE_MODEL, "lenet", form, model], check=True)
                self.succeed("export", model, "--onnx", onnx)
                told = self.succeed("import", onnx, "-o", again)
                self.assertRegex(told, r"(?m)^conv1 +Conv +Convolution *$")
                self.assertIn("lenet from an ONNX model by signum (opset 17), written to", told)
                facts, known = [json.loads(self.succeed("info", path, "--json"))
                                for path in (again, model)]
                for key in ("input_shape", "output_shape", "parameters", "macs"):
                    self.assertEqual(facts.get(key), known.get(key), key)
                self.assertEqual(facts["metadata"]["imported_from"], "lenet.onnx")

    def test_verbs_take_what_was_imported(self):
        model, onnx, again = self.path("lenet.sgn"), self.path("lenet.onnx"), self.path("again.sgn")
        subprocess.run([WRITE_MODEL, "lenet", "1bit", model], check=True)
        self.succeed("export", model, "--onnx", onnx, "--form", "qonnx")
        facts = json.loads(self.succeed("import", onnx, "-o", again, "--json"))
        self.assertEqual((facts["kind"], facts["network"], facts["opset"], facts["notes"]),
                         ("ONNX model", "lenet", 17, []))
        self.assertIn({"node": "conv1", "operator": "Conv", "became": "Convolution"},
                      facts["nodes"])
        self.assertIn("conv1", self.succeed("info", again))
        self.succeed("bench", again, "--iterations", "2", "--seconds", "0.1")
        image = self.path("image.png")
        write_png(image, 40, 30)
        answers = [json.loads(self.succeed("predict", path, image, "--json"))
                   for path in (model, again)]
        self.assertEqual(answers[0][0]["classes"], answers[1][0]["classes"])
        for form in ("qdq", "qonnx"):
            self.succeed("export", again, "--onnx", self.path("b.onnx"), "--form", form)
        self.succeed("export", again, "--safetensors", self.path("b.safetensors"))
        self.succeed("import", self.path("b.onnx"), "-o", self.path("c.sgn"))

    def test_import_of_onnx_with_open_sizes(self):
        onnx, model = self.path("open.onnx"), self.path("open.sgn")
        write_onnx(onnx, ["N", 3, "H", "W"], [("Relu", "r"), ("GlobalAveragePool", "mean")])
        self.assertIn("state all but the first with --input, as in 3x224x224",
                      self.fail("import", onnx, "-o", model))
        self.succeed("import", onnx, "--input", "3x8x6", "--mean", ".5,.4,.3", "--std", "1,2,4",
                     "-o", model)
        facts = json.loads(self.succeed("info", model, "--json"))
        self.assertEqual(facts["input_shape"], [1, 3, 8, 6])
        self.assertIn("Normalize", self.succeed("info", model))
        for input_typed in ("3x8x", "3x-8x6", "3,8,6", "x3"):
            self.assertIn("--input", self.fail("import", onnx, "--input", input_typed, "-o", model))
        self.assertIn("--mean and --std go together", self.fail(
            "import", onnx, "--input", "3x8x6", "--mean", "1,1,1", "-o", model))
        write_onnx(onnx, ["N", "features"], [("Relu", "r")])
        self.succeed("import", onnx, "--input", "12", "-o", model)
        facts = json.loads(self.succeed("info", model, "--json"))
        self.assertEqual(facts["input_shape"], [1, 12])

    def test_import_of_onnx_that_is_refused(self):
        onnx, model = self.path("odd.onnx"), self.path("odd.sgn")
        write_onnx(onnx, [1, 3, 4, 4], [("Einsum", "first"), ("Relu", "r"), ("Lrn", "second")])
        message = self.fail("import", onnx, "-o", model)
        self.assertIn("odd.onnx: 2 nodes cannot be imported: node 'first' (Einsum): ", message)
        self.assertIn("node 'second' (Lrn): ", message)
        self.assertIn("1 node behind these was not looked at", message)
        self.assertFalse(os.path.exists(model))
        write_onnx(onnx, [1, 3, 4, 4], [("Relu", "r")])
        for flags in (["--arch", "lenet"], ["--classes", "10"], ["--allow-missing"]):
            self.assertIn("says itself which network it holds",
                          self.fail("import", onnx, *flags, "-o", model))

    def test_names_of_onnx_do_not_reach_the_terminal_raw(self):
        onnx, model = self.path("net.onnx"), self.path("net.sgn")
        write_onnx(onnx, [1, 3, 4, 4], [("Relu", "\x1b[31mred\n"), ("Sigmoid", "s" * 1000)],
                   producer="\x1b[2Jproducer")
        told = self.succeed("import", onnx, "-o", model)
        self.assertNotIn("\x1b", told)
        self.assertIn("?[31mred?", told)
        self.assertIn("by ?[2Jproducer", told)
        self.assertLess(max(map(len, told.splitlines())), 300)

    def test_onnx_of_integers_is_told_how_to_scale(self):
        onnx, model = self.path("net.onnx"), self.path("net.sgn")
        write_onnx(onnx, [1, 1, 4, 4], [("Identity", "same")], element_type=2)
        told = self.succeed("import", onnx, "-o", model)
        self.assertIn("note: node 'x': takes uint8 values and is given pixels in [0, 1]; import "
                      "with --mean 0 --std 0.003921569 for pixels of 0 to 255", told)
        told = self.succeed("import", onnx, "--mean", "0", "--std", "0.003921569", "-o", model)
        self.assertNotIn("note:", told)

    def test_numbers_that_are_none(self):
        self.tensors_of("lenet")
        for numbers_typed in (".5,", ".5,x", "1 2 3"):
            self.assertIn("--mean", self.fail(
                "import", self.path("net.safetensors"), "--arch", "lenet", "--mean", numbers_typed,
                "--std", "1,1,1", "-o", self.path("a.sgn")))
        self.assertIn("--std 1,0,1", self.fail(
            "import", self.path("net.safetensors"), "--arch", "lenet", "--mean", "0,0,0", "--std",
            "1,0,1", "-o", self.path("a.sgn")))
        self.assertIn("2 channel means for an input of 3", self.fail(
            "import", self.path("net.safetensors"), "--arch", "lenet", "--mean", "1,2", "--std",
            "1,2", "-o", self.path("a.sgn")))


if __name__ == "__main__":
    unittest.main()
