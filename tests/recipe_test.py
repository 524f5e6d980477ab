"""What `signum train` does beyond one run: recipes of steps, that go on where they were
stopped, networks of several precisions in one file, and the check of --sanity.

SIGNUM_EXECUTABLE names the executable under test."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SIGNUM = os.environ["SIGNUM_EXECUTABLE"]
SOURCE = pathlib.Path(__file__).resolve().parent.parent

RECIPE = """
[[step]]
verb = "train"
epochs = 1
lr = 0.02
rprelu = true
[[step]]
verb = "quantize"
weights = "float"
activations = 2
epochs = 1
[[step]]
verb = "quantize"
weights = 1
activations = 2
epochs = 1
weight-decay = 0
layers = ["fc2=w4a8,weight-method=lsq"]
"""
DATA = ["--data", "fashion-mnist", "--train-limit", "1280", "--test-limit", "200", "--threads", "2"]


def run(*arguments, **how):
    return subprocess.run([SIGNUM, *map(str, arguments)], capture_output=True, text=True,
                          timeout=300, **how)


class RecipeTest(unittest.TestCase):
    def setUp(self):
        if run("data", "info", "fashion-mnist").returncode != 0:
            self.skipTest("skipped: Fashion-MNIST is not installed")
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.recipe = self.folder / "steps.toml"
        self.recipe.write_text(RECIPE, encoding="utf-8")

    def succeed(self, *arguments):
        result = run(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def fail_with(self, text, *arguments):
        result = run(*arguments)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn(text, result.stderr)

    def compare(self, recipe, steps):
        """A recipe's first and last step side by side."""
        page = self.folder / "compared.html"
        command = ["compare", recipe / "1-train", recipe, "--limit", "200", "--seconds", "0.01"]
        compared = json.loads(self.succeed(*command, "--reference", "lenet=47.6@7", "-o", page,
                                           "--json"))
        for run_of, step in zip(compared["runs"], (steps["1-train"], steps["3-quantize"])):
            self.assertEqual(run_of["top1"], step["agreement"]["runtime_accuracy"])
            self.assertEqual(run_of["precision"], step["precision"])
            self.assertEqual(len(run_of["epochs"]), 1)
        self.assertAlmostEqual(compared["references"][0]["top1"], 0.476)
        markup = page.read_text(encoding="utf-8")
        self.assertEqual(markup.count("<svg"), 3)  # accuracy, loss, and bits that flip
        self.assertRegex(self.succeed(*command), r"(?m)^2 +lenet +W1A2; .*/3-quantize$")
        self.fail_with("takes NETWORK=PERCENT@EPOCHS", *command, "--reference", "lenet=47.6")
        self.fail_with("none of the runs is of a network", *command, "--reference", "lent=4@7")
        self.fail_with("holds no run of training", "compare", self.folder)
        self.fail_with("no-such-data", *command, "--data", "no-such-data")
        begun = self.folder / "begun"
        shutil.copytree(recipe, begun)
        shutil.rmtree(begun / "3-quantize")
        self.fail_with("3-quantize is not finished", "compare", begun)

    def test_steps_follow_each_other_and_go_on(self):
        whole, model = self.folder / "whole", self.folder / "whole.sgn"
        steps = json.loads(self.succeed("train", "lenet", "--recipe", self.recipe, *DATA, "--run",
                                        whole, "-o", model, "--json"))
        self.assertEqual(list(steps), ["1-train", "2-quantize", "3-quantize"])
        first, second, third = steps.values()
        self.assertEqual(first["precision"], "float")
        self.assertTrue(second["precision"].startswith("W32A2; first and last layer W8A8"))
        self.assertTrue(third["precision"].startswith("W1A2; "))
        for step in steps.values():
            self.assertEqual(step["agreement"]["images"], 200)
            self.assertGreaterEqual(step["agreement"]["same_class"], 199)
        tensors = json.loads(self.succeed("info", model, "--quantization", "--json"))
        bits = {t["tensor"]: t["bits"] for t in tensors if t["of"] == "weights"}
        self.assertEqual((bits["conv2.weight"], bits["fc2.weight"]), (1, 4))
        # What values learned in one step goes on in the next.
        before, after = ({t["tensor"]: t["scale"] for t in json.loads(self.succeed(
            "info", whole / name, "--quantization", "--json")) if t["of"] == "values"}
                         for name in ("2-quantize/weights/latent.sgn",
                                      "3-quantize/weights/initial.sgn"))
        self.assertNotIn(1, before.values())
        self.assertEqual(len(after), len(before))
        # But for that of fc2, which has more bits.
        self.assertEqual(len(before.items() - after.items()), 1)
        self.compare(whole, steps)
        # A recipe that was stopped after its first step ends in the same model.
        stopped = self.folder / "stopped"
        shutil.copytree(whole, stopped)
        for step in ("2-quantize", "3-quantize"):
            shutil.rmtree(stopped / step)
        (stopped / "steps.json").write_text(json.dumps({"1-train": first}), encoding="utf-8")
        again = self.folder / "again.sgn"
        table = self.succeed("train", "--resume", stopped, "-o", again)
        self.assertRegex(table, r"(?m)^3-quantize +W1A2; .* of 200$")
        self.assertEqual(again.read_bytes(), model.read_bytes())
        # One that was done gives its model once more, by whatever path it is called.
        again.unlink()
        table = self.succeed("train", "--resume", f"{stopped}/../stopped/", "-o", again)
        self.assertEqual(again.read_bytes(), model.read_bytes())
        self.assertEqual(len(table.splitlines()), 2 + 3 + 2)
        for damaged in ("[1]", '{"1-train": {"model": "m", "agreement": {}}}'):
            (stopped / "steps.json").write_text(damaged, encoding="utf-8")
            self.fail_with("holds something else than steps", "train", "--resume", stopped)
        self.fail_with("holds a recipe's runs", "train", "lenet", *DATA, "--run", stopped)
        self.fail_with("holds a run already", "train", "lenet", "--recipe", self.recipe, *DATA,
                       "--run", whole)
        # A trained network takes the place of the steps in float.
        given = self.folder / "given"
        steps = json.loads(self.succeed("quantize", whole / "1-train/weights/last.sgn", "--recipe",
                                        self.recipe, *DATA, "--run", given, "--json"))
        self.assertEqual(list(steps), ["2-quantize", "3-quantize"])
        # Its ReLUs are PReLUs already, as the recipe's first step would have made them.
        self.assertEqual((given / "3-quantize/model.sgn").read_bytes(), model.read_bytes())

    def test_a_trained_network_takes_the_shape_of_the_steps_it_stands_for(self):
        plain = self.folder / "plain.sgn"
        self.succeed("train", "lenet", *DATA, "--epochs", "1", "--lr", "0.02", "--run",
                     self.folder / "float", "-o", plain)
        self.succeed("quantize", plain, "--recipe", self.recipe, *DATA, "--run",
                     self.folder / "run", "-o", self.folder / "low.sgn")
        self.assertIn("PReLU", self.succeed("info", self.folder / "low.sgn"))
        self.fail_with("keeps its own shape", "train", plain, "--recipe", self.recipe, *DATA,
                       "--classes", "7")
        floats = self.folder / "floats.toml"
        floats.write_text("[[step]]\nverb = \"train\"\n", encoding="utf-8")
        self.fail_with("floats has steps in float alone", "train", plain, "--recipe", floats,
                       *DATA, "--run", self.folder / "none")
        self.assertFalse((self.folder / "none").exists())

    def test_recipes_that_do_not_fit_are_refused(self):
        self.fail_with("did you mean 'fast-w1a8'?", "train", "lenet", "--recipe", "fast-w1a88")
        self.fail_with("--epochs does not go with --recipe", "train", "lenet", "--recipe",
                       self.recipe, "--epochs", "3")
        for text, error in (("[[step]]\nverb = \"learn\"\n", "line 1: a step needs verb"),
                            ("[[step]]\nverb = \"train\"\nepoch = 1\n", "did you mean 'epochs'?"),
                            ("[[step]]\nverb = \"train\"\nweights = 1\n", "no setting 'weights'"),
                            ("[[step]]\nverb = \"quantize\"\nlayers = [\"fc=w9\"]\n", "'fc=w9'"),
                            ("[[step]]\nverb = \"train\"\nseed = 2\n", "for the command line"),
                            ("[[step]]\nverb = \"quantize\"\nlayers = [\"fc=w4a8,wight=1\"]\n",
                             "layers have no 'wight'"),
                            ("step = 1\n", "[[step]] tables"), ("[[step", "line 1")):
            self.recipe.write_text(text, encoding="utf-8")
            self.fail_with(error, "train", "lenet", "--recipe", self.recipe)

        # Before the first step takes its time.
        self.recipe.write_text(RECIPE.replace("fc2=", "fc22="), encoding="utf-8")
        result = run("train", "lenet", "--recipe", self.recipe, *DATA, "--run",
                     self.folder / "none")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "^signum train: step 3: no convolution .*'fc22'")
        self.assertFalse((self.folder / "none").exists())

    def test_recipes_that_come_with_signum_are_read(self):
        recipes = sorted(path.stem for path in (SOURCE / "recipes").glob("*.toml"))
        self.assertIn("fast-w1a8", recipes)
        for name in recipes:
            # The data is looked for when the recipe was understood.
            self.fail_with("no-such-data", "train", "resnet20", "--recipe", name, "--data",
                           "no-such-data", "--run", self.folder / name)

    def test_a_switchable_network_runs_at_each_precision(self):
        model = self.folder / "switchable.sgn"
        result = json.loads(self.succeed("train", "lenet", "--switchable", "1,2,32", *DATA,
                                         "--epochs", "2", "--lr", "0.02", "--run",
                                         self.folder / "run", "-o", model, "--json"))
        self.assertEqual(list(result["precisions"]), ["32", "2", "1"])
        for bits, agreement in result["precisions"].items():
            self.assertGreaterEqual(agreement["same_class"], 199)
            measured = json.loads(self.succeed("eval", model, "--bits", bits, "--data",
                                               "fashion-mnist", "--limit", "200", "--json"))
            self.assertEqual(measured["top1"], agreement["runtime_accuracy"])
            self.assertEqual(measured["precision"].split(";")[0],
                             "float" if bits == "32" else f"W{bits}A{bits}")
        compared = json.loads(self.succeed("compare", self.folder / "run", "--limit", "200",
                                           "--seconds", "0.01", "--json"))["runs"]
        self.assertEqual([row["precision"].split(";")[0] for row in compared],
                         ["float", "W2A2", "W1A1"])
        self.assertEqual([row["top1"] for row in compared],
                         [a["runtime_accuracy"] for a in result["precisions"].values()])
        self.assertEqual([len(row["epochs"]) for row in compared], [2, 2, 2])
        for first, *others in zip(*(row["epochs"] for row in compared)):
            self.assertEqual([first["accuracies"][bits] for bits in ("32", "2", "1")],
                             [epoch["test_accuracy"] for epoch in (first, *others)])
        self.assertIn("Test accuracy by precision",
                      (self.folder / "run/report.html").read_text("utf-8"))
        self.assertIn("test_accuracy_at_1_bits", (self.folder / "run/results.csv").read_text())
        self.fail_with("it has 1, 2, 32", "eval", model, "--bits", "3")
        self.fail_with("1 to 8 or 32", "train", "lenet", "--switchable", "1,9", *DATA)
        self.fail_with("two precisions or more", "train", "lenet", "--switchable", "8", *DATA)

    def test_weights_with_an_offset_go_on(self):
        learn = [*DATA, "--epochs", "1", "--lr", "0.02"]
        self.succeed("train", "lenet", *learn, "--run", self.folder / "float")
        floats, first = self.folder / "float/model.sgn", self.folder / "first"
        result = json.loads(self.succeed("quantize", floats, *learn, "--binary-method", "adabin",
                                         "--run", first, "--json"))
        self.assertGreaterEqual(result["agreement"]["same_class"], 199)
        model = first / "model.sgn"
        self.assertIn("fc1.shifted", self.succeed("info", model))
        self.succeed("export", model, "--onnx", self.folder / "model.onnx")
        self.succeed("import", self.folder / "model.onnx", "-o", self.folder / "again.sgn")
        measured = [json.loads(self.succeed("eval", file, "--limit", "200", "--data",
                                            "fashion-mnist", "--json"))["top1"]
                    for file in (model, self.folder / "again.sgn")]
        self.assertAlmostEqual(measured[0], measured[1], delta=0.0051)
        # As float weights, it may be quantized again.
        second = self.folder / "second"
        self.succeed("quantize", model, *learn, "--binary-method", "adabin", "--run", second)
        self.assertEqual(self.succeed("info", second / "model.sgn").count(".shifted"), 3)
        self.fail_with("weights/latent.sgn", "train", model, *learn)
        # The floats behind the codes are neither a teacher nor to be calibrated.
        latent = first / "weights/latent.sgn"
        self.fail_with("--teacher float: these are the float weights behind", "quantize", latent,
                       *learn)
        self.fail_with("not to run or to teach", "train", "lenet", "--teacher", latent, *learn)
        self.fail_with("not to run or to teach", "quantize", latent, "--calibrate", "8", "-o",
                       self.folder / "x.sgn", "--data", "fashion-mnist")
        third = self.folder / "third"
        self.succeed("quantize", latent, *learn, "--teacher", floats, "--run", third)
        facts = json.loads(self.succeed("info", third / "model.sgn", "--json"))["metadata"]
        self.assertEqual(facts["data"], "fashion-mnist")
        self.assertNotIn("weights", facts)
        self.fail_with("not to run or to teach", "eval", latent, "--data", "fashion-mnist")
        # Runs of one precision are told apart by their settings.
        page = self.folder / "compared.html"
        self.succeed("compare", first, third, "--limit", "200", "--seconds", "0.01", "-o", page)
        curves = page.read_text(encoding="utf-8")
        self.assertIn("W1A8, #1<", curves)
        self.assertIn("W1A8, #2 binary-method=xnor<", curves)
        self.fail_with("is for `signum quantize`", "train", "lenet", "--teacher", "float", *learn)

    def test_linear_layers_get_the_kernels_of_this_processor(self):
        """OpenBLAS, left alone, takes those of 2004 for a processor that it does not know."""
        flags = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
        result = run("train", "lenet", *DATA, "--epochs", "1", "--run", self.folder / "r")
        self.assertEqual(result.returncode, 0, result.stderr)
        text = result.stdout + result.stderr
        if "avx2" not in flags or "openblas" not in text:
            self.skipTest("skipped: no AVX2, or no OpenBLAS")
        kernels = "SkylakeX" if "avx512vl" in flags else "Haswell"
        self.assertIn(f"BLAS: openblas ({kernels} kernels)", text)

    def test_sanity_tells_without_a_run(self):
        text = self.succeed("train", "lenet", *DATA, "--sanity", "--json")
        self.assertTrue(json.loads(text)["passed"])
        self.fail_with("leaves nothing behind", "train", "lenet", *DATA, "--sanity", "--run",
                       self.folder / "none")
        before = os.listdir(self.folder)
        recipe = self.folder / "two.toml"
        recipe.write_text('[[step]]\nverb = "train"\n\n'
                          '[[step]]\nverb = "quantize"\nlayers = ["fc1=per-channel=false"]\n',
                          encoding="utf-8")
        text = self.succeed("train", "lenet", *DATA, "--sanity", "--recipe", recipe)
        self.assertRegex(text, "(?m)^sanity +1-train: loss of one batch .*: passed")
        self.assertRegex(text, "(?m)^sanity +2-quantize: loss of one batch .*: passed")
        self.assertEqual(sorted(os.listdir(self.folder)), sorted([*before, "two.toml"]))
        self.fail_with("leaves nothing behind", "train", "lenet", *DATA, "--sanity", "--recipe",
                       recipe, "-o", self.folder / "none")
        recipe.write_text('[[step]]\nverb = "train"\n\n'
                          '[[step]]\nverb = "quantize"\nlayers = ["fc9=per-channel=false"]\n',
                          encoding="utf-8")
        self.fail_with("step 2: no convolution or linear layer is named 'fc9'", "train", "lenet",
                       *DATA, "--sanity", "--recipe", recipe)

    def test_threads_wait_without_spinning_for_long(self):
        """Of trainings beside each other, each would keep away the threads that it waits for."""
        def spins(**variables):
            own = {name: value for name, value in os.environ.items()
                   if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
            result = run("train", "lenet", *DATA, "--sanity",
                         env={**own, "OMP_DISPLAY_ENV": "VERBOSE", **variables})
            return re.findall(r"GOMP_SPINCOUNT = '(\w+)'", result.stderr)
        if not spins():
            self.skipTest("skipped: not GNU's OpenMP")
        self.assertEqual(set(spins()), {"1000"})
        self.assertEqual(set(spins(GOMP_SPINCOUNT="7")), {"7"})
        self.assertNotEqual(set(spins(OMP_WAIT_POLICY="active")), {"1000"})


if __name__ == "__main__":
    unittest.main()
