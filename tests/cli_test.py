"""The command line as a user meets it: help, info, and what errors look like.

SIGNUM_EXECUTABLE names the executable under test, WRITE_MODEL the program that
makes model files for it."""

import json
import os
import pathlib
import resource
import signal
import subprocess
import tempfile
import time
import unittest

SIGNUM = os.path.abspath(os.environ["SIGNUM_EXECUTABLE"])
WRITE_MODEL = os.environ["WRITE_MODEL"]
SANITIZED = bool(os.environ.get("SIGNUM_SANITIZE"))
TRAINER = pathlib.Path(SIGNUM).with_name("signum-train")
VERBS = ["data", "train", "quantize", "info", "eval", "predict", "bench", "import",
         "export"]


def run(*arguments, **options):
    options = {"capture_output": True, **options}
    return subprocess.run([SIGNUM, *arguments], text=True, check=False, timeout=120, **options)


class CommandLineTest(unittest.TestCase):
    def succeed(self, *arguments):
        result = run(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def fail(self, *arguments, status=1, cwd=None):
        """The one line that a failing command prints on standard error."""
        result = run(*arguments, cwd=cwd)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        return result.stderr

    def test_help_lists_every_verb_with_an_example(self):
        text = self.succeed("--help")
        for verb in VERBS:
            self.assertRegex(text, rf"(?m)^  {verb} +\S")
            self.assertIn(f"  signum {verb} ", text)
        self.assertEqual(self.succeed("help"), text)

    def test_no_arguments_show_the_help_as_an_error(self):
        result = run()
        self.assertEqual(result.returncode, 2)
        self.assertIn("usage: signum VERB", result.stderr)

    def test_every_verb_explains_itself(self):
        for verb in VERBS:
            if verb == "train" and not TRAINER.exists():
                continue
            with self.subTest(verb=verb):
                text = self.succeed(verb, "--help")
                self.assertIn("Example:\n  signum " + verb, text)

    def test_version(self):
        self.assertRegex(self.succeed("--version"), r"^signum \d+\.\d+\.\d+\n$")

    def test_unknown_verb_suggests_the_nearest(self):
        self.assertIn("did you mean 'predict'?", self.fail("predct", "x", status=2))
        self.assertIn("did you mean '--help'?", self.fail("--hepl", status=2))
        self.assertNotIn("did you mean", self.fail("xyzzyxyzzy", status=2))

    def test_unknown_option_suggests_the_nearest(self):
        self.assertIn("did you mean '--json'?", self.fail("info", "lenet", "--jsn", status=2))

    def test_commands_of_a_verb_have_help_too(self):
        self.assertIn("Example:\n  signum data info", self.succeed("data", "info", "--help"))
        self.assertIn("did you mean '--json'?", self.fail("data", "info", "--jsn", status=2))

    def test_missing_argument_is_wrong_usage(self):
        self.assertRegex(self.fail("info", status=2), "^signum info: .*MODEL.*required")

    def test_info_prints_the_known_sums(self):
        text = self.succeed("info", "lenet")
        self.assertRegex(text, r"(?m)^conv1 +Convolution +5x5 +6x28x28 +456 +352,800")
        self.assertRegex(text, r"(?m)^trainable +62,006$")
        text = self.succeed("info", "resnet20", "--variant", "keras")
        self.assertRegex(text, r"(?m)^trainable +273,066$")
        self.assertRegex(text, r"(?m)^with buffers +274,442$")

    def test_info_shapes_a_zoo_network(self):
        facts = json.loads(self.succeed("info", "resnet20", "--input", "1x28x28", "--classes", "7",
                                        "--json"))
        self.assertEqual(facts["input_shape"], [1, 1, 28, 28])
        self.assertEqual(facts["output_shape"], [1, 7])
        self.assertEqual(sum(layer["macs"] for layer in facts["layers"]), facts["macs"])

    def test_info_of_a_network_for_imagenet(self):
        facts = json.loads(self.succeed("info", "alexnet", "--json"))
        self.assertEqual(facts["parameters"], 61100840)
        self.assertEqual(facts["input_shape"], [1, 3, 224, 224])

    def test_info_draws(self):
        text = self.succeed("info", "resnet20", "--dot")
        self.assertTrue(text.startswith('digraph "resnet20" {'))
        self.assertTrue(text.endswith("}\n"))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "net.dot")
            self.assertEqual(self.succeed("info", "resnet20", "--dot", "-o", path), "")
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), text)

    def test_info_tells_the_kernels(self):
        text = self.succeed("info", "lenet", "--kernels")
        self.assertRegex(text, r"^instruction set \w+")
        self.assertRegex(text, r"(?m)^conv1 +Convolution\+ReLU +gemm_f32_\w+,")
        self.assertIn("the weights are not quantized", text)

    def test_info_reads_a_model_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "lenet.sgn")
            subprocess.run([WRITE_MODEL, "lenet", "1bit", path], check=True)
            text = self.succeed("info", path)
            self.assertRegex(text, rf"(?m)^file bytes +{os.path.getsize(path):,}$")
            self.assertRegex(text, r"(?m)^classes +class0, class1, ")
            facts = json.loads(self.succeed("info", path, "--json"))
            bits = {layer["name"]: layer["weight_bits"] for layer in facts["layers"]}
            self.assertEqual((bits["conv1"], bits["conv2"], bits["fc3"]), (8, 1, 8))
            self.assertEqual(facts["file_bytes"], os.path.getsize(path))
            self.assertEqual(facts["metadata"], {"data": "none"})
            self.assertLess(facts["stored_bytes"], 62006 * 4 / 16)

    def test_predict_reads_an_image_that_data_show_wrote(self):
        with tempfile.TemporaryDirectory() as folder:
            model, image = os.path.join(folder, "lenet.sgn"), os.path.join(folder, "shoe.png")
            subprocess.run([WRITE_MODEL, "lenet", "1bit", model], check=True)
            shown = run("data", "show", "fashion-mnist", "--image", "0", "-o", image, "--json")
            if shown.returncode != 0:
                self.skipTest("skipped: Fashion-MNIST is not installed")
            self.assertEqual(json.loads(shown.stdout)["class"], "Ankle boot")
            answers = [json.loads(self.succeed("predict", model, image, "--top", "3", "--json",
                                               "--threads", threads)) for threads in ("1", "2")]
            self.assertEqual(answers[0], answers[1])
            self.assertEqual(len(answers[0][0]["classes"]), 3)

    def test_quantize_calibrates_without_training(self):
        with tempfile.TemporaryDirectory() as folder:
            model, output = os.path.join(folder, "lenet.sgn"), os.path.join(folder, "int8.sgn")
            layers = os.path.join(folder, "layers.toml")
            with open(layers, "w", encoding="utf-8") as file:
                file.write('[[layer]]\nname = "fc*"\nweights = 4\nper-channel = false\n')
            subprocess.run([WRITE_MODEL, "lenet", "float", model, "grey"], check=True)
            if run("data", "info", "fashion-mnist").returncode != 0:
                self.skipTest("skipped: Fashion-MNIST is not installed")
            command = ["quantize", model, "--weights", "8", "--activations", "8", "--data",
                       "fashion-mnist", "--calibrate", "20", "-o", output]
            text = self.succeed(*command, "--range", "percentile", "--equalize",
                                "--bias-correction", "--layers", layers, "--layer", "fc2=float")
            self.assertIn("20 images of fashion-mnist, values by percentile 99.99", text)
            tensors = json.loads(self.succeed("info", output, "--quantization", "--json"))
            weights = {t["tensor"]: t["bits"] for t in tensors if t["of"] == "weights"}
            self.assertEqual(weights, {"conv1.weight": 8, "conv2.weight": 8, "fc1.weight": 4,
                                       "fc3.weight": 4})
            scales = {t["tensor"]: len(t["scale"]) for t in tensors if t["of"] == "weights"}
            self.assertEqual(scales, {"conv1.weight": 6, "conv2.weight": 16, "fc1.weight": 1,
                                      "fc3.weight": 1})
            values = [t for t in tensors if t["of"] == "values"]
            # LeNet's values are pixels and what follows ReLU: none is below zero.
            self.assertEqual({t["zero_point"] for t in values}, {0})
            self.assertTrue(all(t["scale"] > 0 for t in values))
            table = self.succeed("info", output, "--quantization")
            self.assertRegex(table, r"(?m)^tensor +of +bits +Y_scale +Y_zero_point")
            self.assertEqual(json.loads(self.succeed("eval", output, "--data", "fashion-mnist",
                                                     "--limit", "10", "--json"))["images"], 10)
            self.assertIn("--lr belongs to retraining", self.fail(*command, "--lr", "1"))
            self.assertIn("min-max, percentile, l2", self.fail(*command, "--range", "kl"))
            self.assertIn("did you mean 'conv1'?", self.fail(*command, "--layer", "conv9=w8a8"))
            self.assertIn("PATTERN=wNaM", self.fail(*command, "--layer", "conv1=w9a8"))
            self.assertIn("per-channel is true or false, not '1'",
                          self.fail(*command, "--layer", "conv1=per-channel=1"))
            with open(layers, "w", encoding="utf-8") as file:
                file.write('[[layer]]\nname = "fc*"\nweights = 40\n')
            self.assertIn("layers.toml: line 1: weights",
                          self.fail(*command, "--layers", layers))

    def test_quantize_chooses_bits_under_a_budget(self):
        with tempfile.TemporaryDirectory() as folder:
            command = self.calibration(folder, 20)
            output = command[-1]
            whole = run(*command)
            self.assertEqual(whole.returncode, 0, whole.stderr)
            budget = os.path.getsize(output) * 2 // 3
            chosen = run(*command, "--auto", "--budget-bytes", str(budget), "--auto-images", "30")
            self.assertEqual(chosen.returncode, 0, chosen.stderr)
            self.assertLessEqual(os.path.getsize(output), budget)
            self.assertRegex(chosen.stderr, r"(?m)^layer +bits +bytes +rise of the loss +accuracy")
            tensors = json.loads(self.succeed("info", output, "--quantization", "--json"))
            bits = [t["bits"] for t in tensors if t["of"] == "weights"]
            self.assertEqual((bits[0], bits[-1]), (8, 8))
            self.assertLess(min(bits), 8)
            with open(output + ".tradeoff.html", encoding="utf-8") as page:
                self.assertIn("<svg", page.read())
            timed = run(*command, "--auto", "--budget-ms", "1000", "--auto-images", "30", "--json")
            self.assertEqual(timed.returncode, 0, timed.stderr)
            self.assertEqual(json.loads(timed.stdout)["layers"]["conv2"], "w8a8")
            little = run(*command, "--auto", "--budget-bytes", "10")
            self.assertEqual(little.returncode, 1)
            self.assertRegex(little.stderr, r"the budget of 10 bytes is too small: with the fewest "
                                            r"bits for each layer it takes [0-9,]+ bytes\n$")
            self.assertIn("needs a budget", self.fail(*command, "--auto"))
            self.assertIn("does nothing without --auto", self.fail(*command, "--budget-ms", "1"))

    def test_quantize_shows_how_far_it_is(self):
        with tempfile.TemporaryDirectory() as folder:
            command = self.calibration(folder, 20, "--bias-correction", "--json")
            result = run(*command)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(json.loads(result.stdout)["images"], 20)
            # Off a terminal: a plain line for each stage that ended.
            lines = result.stderr.splitlines()
            for line, stage, amount in zip(lines, ("ranges", "histograms", "weights", "biases"),
                                           ("20", "20", "[0-9,]+", "120"), strict=True):
                self.assertRegex(line, rf"^calibrate: {stage} .*100% {amount}/{amount} ")
            # Without --weights, 8 bits.
            self.assertIn("W8A8", run("info", command[-1]).stdout)

    def test_quantize_that_fails_leaves_no_file(self):
        with tempfile.TemporaryDirectory() as folder:
            output = self.calibration(folder, 20)[-1]
            self.assertIn("1x28x28; choose another dataset",
                          self.fail(*self.calibration(folder, 20, grey=False)))
            self.assertIn("signum data get cifar10", self.fail(*self.calibration(
                folder, 20, "--data", "cifar10", "--data-folder", folder)))
            self.assertIn("cannot write", self.fail(*self.calibration(folder, 20)[:-1],
                                                    os.path.join(folder, "no", "int8.sgn")))

            def limit_file_size():
                resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))

            result = run(*self.calibration(folder, 20), preexec_fn=limit_file_size)
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertRegex(result.stderr.splitlines()[-1], "cannot write .*ulimit -f")
            self.assertEqual(os.listdir(folder), ["lenet.sgn"])
            with open(output, "w", encoding="utf-8") as file:
                file.write("old")
            with subprocess.Popen([SIGNUM, *self.calibration(folder, 60000)],
                                  stderr=subprocess.DEVNULL) as process:
                time.sleep(0.3)
                process.kill()
            self.assertEqual(process.returncode, -signal.SIGKILL)
            with open(output, encoding="utf-8") as file:
                self.assertEqual(file.read(), "old")

    def test_quantize_refuses_what_would_do_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIn("--percentile does nothing", self.fail(*self.calibration(
                folder, 20, "--percentile", "99")))
            layers = os.path.join(folder, "layers.toml")
            with open(layers, "w", encoding="utf-8") as file:
                file.write('[[layer]]\nname = "*"\nweights = "float"\nactivations = 4\n')
            self.assertIn("a layer with float weights reads floats", self.fail(
                *self.calibration(folder, 20, "--layers", layers)))
            self.assertIn("PATTERN=wNaM", self.fail(
                *self.calibration(folder, 20, "--layer", "*=w32a4")))
            self.assertIn("is a setting of training", self.fail(
                *self.calibration(folder, 20, "--layer", "conv1=w1a8,theta=0.1")))

    def calibration(self, folder, images, *options, grey=True):
        """The arguments that calibrate a LeNet in `folder`; the last one is the output."""
        if run("data", "info", "fashion-mnist").returncode != 0:
            self.skipTest("skipped: Fashion-MNIST is not installed")
        model = os.path.join(folder, "lenet.sgn")
        subprocess.run([WRITE_MODEL, "lenet", "float", model, *(["grey"] if grey else [])],
                       check=True)
        data = [] if "--data" in options else ["--data", "fashion-mnist"]
        return ["quantize", model, "--calibrate", str(images), *data, *options, "-o",
                os.path.join(folder, "int8.sgn")]

    def test_bench_times_a_model_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "lenet.sgn")
            subprocess.run([WRITE_MODEL, "lenet", "1bit", path], check=True)
            quick = ("--iterations", "3", "--seconds", "0.1")
            result = json.loads(self.succeed("bench", path, *quick, "--profile", "--json"))
            for read in result["limits"]["reads"]:
                self.assertGreater(read["gigabytes_per_second"], 0)
            self.assertIn("(commit ", result["build"])
            self.assertGreater(result["load_ms"], 0)
            self.assertEqual(result["session_bytes"],
                             result["weight_bytes"] + result["memory_bytes"])
            self.assertGreater(result["session_bytes"], result["least_bytes"])
            several = json.loads(self.succeed("bench", path, *quick, "--threads", "1,2",
                                              "--batch", "1-4*2,3", "--json"))
            self.assertEqual([(r["threads"], r["batch"]) for r in several["results"]],
                             [(t, b) for t in (1, 2) for b in (1, 2, 4, 3)])
            page = self.succeed("bench", path, *quick, "--markdown", "--explain", "--batch", "2")
            self.assertIn("`signum bench", page)
            self.assertIn("| layer | operators | kernel | refused | because |", page)

    def test_tune_measures_once(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "lenet.sgn")
            subprocess.run([WRITE_MODEL, "lenet", "1bit", path], check=True)
            arguments = [SIGNUM, "bench", path, "--tune", "--iterations", "3", "--json"]
            environment = dict(os.environ, XDG_CACHE_HOME=folder)
            first = subprocess.run(arguments, env=environment, capture_output=True, check=True)
            self.assertIn(b"tactics", first.stderr)
            kept = os.listdir(os.path.join(folder, "signum"))
            self.assertEqual(len(kept), 1)
            self.assertIn("--tune", json.loads(first.stdout)["flags"])
            again = subprocess.run(arguments, env=environment, capture_output=True, check=True)
            self.assertEqual(again.stderr, b"")
            homeless = {k: v for k, v in os.environ.items()
                        if k not in ("HOME", "XDG_CACHE_HOME")}
            refused = subprocess.run(arguments, env=homeless, capture_output=True)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn(b"XDG_CACHE_HOME", refused.stderr)

    def test_bench_refuses_lists_that_are_none(self):
        for counts in ("0", "1,", "a", "4-2", "1-8*1", "1-8+0", "1-8+", "1 2", "99999999"):
            self.assertIn("--batch", self.fail("bench", "lenet", "--batch", counts))
        self.assertIn("256 are possible", self.fail(
            "bench", "lenet", "--batch", "1-200", "--threads", "1-2"))
        self.assertIn("--weight-bits", self.fail("bench", "resnet20", "--residual-bits", "8"))
        self.assertIn("--profile shows one", self.fail(
            "bench", "lenet", "--batch", "1,2", "--profile"))

    def test_unknown_model_suggests_the_nearest(self):
        message = self.fail("info", "resnet21")
        self.assertTrue(message.startswith("signum info: "), message)
        self.assertIn("did you mean 'resnet20'?", message)

    def test_bad_shapes_are_told(self):
        self.assertIn("3x32x32", self.fail("info", "lenet", "--input", "32x32"))
        self.assertIn("'conv2'", self.fail("info", "lenet", "--input", "3x8x8"))
        self.assertIn("projection", self.fail("info", "resnet20", "--variant", "x"))
        self.fail("info", "lenet", "--classes", "-4", status=2)

    def test_bad_files_are_told(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIn("missing.sgn", self.fail("info", "missing.sgn", cwd=folder))
            self.assertIn("is a folder", self.fail("info", folder))
            path = os.path.join(folder, "garbage.sgn")
            with open(path, "wb") as file:
                file.write(b"not a model" * 100)
            self.assertIn("garbage.sgn", self.fail("info", path))
            self.assertIn("is a file", self.fail("info", path, "--classes", "3"))

    def test_full_disk_is_an_error(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            result = run("info", "lenet", capture_output=False, stdout=full,
                         stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot write", result.stderr)

    def test_training_verbs_say_where_they_are(self):
        if TRAINER.exists():
            self.skipTest("this build has signum-train")
        self.assertIn("no training", self.fail("train", "--help"))
        self.assertIn("no training", self.fail("quantize", "lenet.sgn"))

    def test_loads_no_libtorch(self):
        libraries = subprocess.run(["ldd", SIGNUM], capture_output=True, text=True, check=True)
        self.assertNotIn("torch", libraries.stdout)

    @unittest.skipIf(SANITIZED, "sanitizers slow the start down")
    def test_starts_at_once(self):
        for arguments in (["--help"], ["info", "resnet20"]):
            # Time of the CPU, and the best of several: the machine may be busy.
            best = min(self.cpu_seconds(*arguments) for _ in range(10))
            self.assertLess(best, 0.05, arguments)

    def cpu_seconds(self, *arguments):
        before = os.times()
        self.succeed(*arguments)
        after = os.times()
        return (after.children_user - before.children_user
                + after.children_system - before.children_system)


if __name__ == "__main__":
    unittest.main()
