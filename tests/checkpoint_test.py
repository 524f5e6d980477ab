"""A real checkpoint, imported and evaluated. It needs two things that are no part
of Signum, named by environment variables, and is skipped without them:

SIGNUM_TEST_CHECKPOINT: a public PyTorch checkpoint of the CIFAR ResNet-32 of He et
al. 2016 with zero-pad shortcuts, which gets 8,256 of the test images right.
SIGNUM_TEST_CIFAR10: the folder that has CIFAR-10 as `signum data get` leaves it.
SIGNUM_EXECUTABLE names the executable under test."""

import json
import os
import subprocess
import tempfile
import unittest

SIGNUM = os.path.abspath(os.environ["SIGNUM_EXECUTABLE"])
CHECKPOINT = os.environ.get("SIGNUM_TEST_CHECKPOINT", "")
CIFAR10 = os.environ.get("SIGNUM_TEST_CIFAR10", "")
MISSING = [name for name in ("SIGNUM_TEST_CHECKPOINT", "SIGNUM_TEST_CIFAR10")
           if not os.path.exists(os.environ.get(name, ""))]


@unittest.skipIf(MISSING, f"skipped: {' and '.join(MISSING)} name nothing that is there")
class CheckpointTest(unittest.TestCase):
    def succeed(self, *arguments):
        result = subprocess.run([SIGNUM, *arguments], capture_output=True, text=True, check=False,
                                timeout=900)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_resnet32_keeps_its_accuracy(self):
        with tempfile.TemporaryDirectory() as folder:
            model, again = os.path.join(folder, "a.sgn"), os.path.join(folder, "b.sgn")
            facts = json.loads(self.succeed(
                "import", CHECKPOINT, "--arch", "resnet32", "--shortcut", "pad", "--mean",
                ".485,.456,.406", "--std", ".229,.224,.225", "--json", "-o", model))
            self.assertEqual(len(facts["mapped"]), 157)
            self.assertEqual(facts["missing"] + facts["unexpected"], [])
            score = json.loads(self.succeed("eval", model, "--data", "cifar10", "--data-folder",
                                            CIFAR10, "--json"))
            right = round(score["top1"] * score["images"])
            self.assertEqual(score["images"], 10000)
            self.assertLessEqual(abs(right - 8256), 2)

            tensors = os.path.join(folder, "a.safetensors")
            self.succeed("export", model, "--safetensors", tensors)
            self.succeed("import", tensors, "-o", again)
            with open(model, "rb") as first, open(again, "rb") as second:
                self.assertEqual(first.read(), second.read())

    def test_another_shortcut_does_not_fit(self):
        with tempfile.TemporaryDirectory() as folder:
            result = subprocess.run(
                [SIGNUM, "import", CHECKPOINT, "--arch", "resnet32", "-o",
                 os.path.join(folder, "a.sgn")], capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 1)
            self.assertIn("layer2.0.shortcut.0.weight", result.stderr)
            self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    unittest.main()
