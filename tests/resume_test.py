"""A training run that is killed at random moments and resumed ends with the same
bytes as one that was left alone, and leaves no broken file behind.

SIGNUM_EXECUTABLE names the executable under test. The seed of the moments is
printed; SIGNUM_TEST_SEED sets it."""

import json
import os
import pathlib
import random
import signal
import subprocess
import tempfile
import time
import unittest

SIGNUM = os.environ["SIGNUM_EXECUTABLE"]
SEED = int(os.environ.get("SIGNUM_TEST_SEED", random.randrange(1 << 30)))
EPOCHS = 4
KILLS = 5


def command(verb, *arguments):
    return [SIGNUM, verb, *map(str, arguments)]


def run(*arguments):
    subprocess.run(arguments, check=True, timeout=300, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, text=True)


class ResumeTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def train(self, verb, model, name, *extra):
        return command(verb, model, "--data", "fashion-mnist", "--epochs", EPOCHS,
                       "--train-limit", 4096, "--test-limit", 500, "--run", self.folder / name,
                       *extra)

    def kill_and_resume(self, start, name, moments):
        folder = self.folder / name
        arguments, kills, epochs_at_kill = start, 0, []
        verb = start[1]
        while True:
            process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True)
            try:
                _, errors = process.communicate(timeout=moments.uniform(0.5, 6.0)
                                                if kills < KILLS else 300)
                self.assertEqual(process.returncode, 0, errors)
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                kills += 1
            metrics = folder / "metrics.jsonl"
            epochs_at_kill.append(len(metrics.read_text().splitlines()) if metrics.exists() else 0)
            # Killed before the run was there at all: begin anew, as a user would.
            arguments = (command(verb, "--resume", folder) if (folder / "args.toml").exists()
                         else start)
        print(f"{name}: killed {kills} times, after {epochs_at_kill} epochs")
        # A kill loses at most the epoch it falls into, which may be recorded already.
        for before, after in zip(epochs_at_kill, epochs_at_kill[1:]):
            self.assertGreaterEqual(after, before - 1)

    def test_killed_runs_end_in_the_same_bytes(self):
        print(f"SIGNUM_TEST_SEED={SEED}")
        moments = random.Random(SEED)
        run(*self.train("train", "lenet", "whole"))
        self.kill_and_resume(self.train("train", "lenet", "killed"), "killed", moments)
        self.same("whole", "killed")

        model = self.folder / "whole/weights/last.sgn"
        extra = ["--theta", "0.01"]
        run(*self.train("quantize", model, "whole-1bit", *extra))
        self.kill_and_resume(self.train("quantize", model, "killed-1bit", *extra),
                             "killed-1bit", moments)
        self.same("whole-1bit", "killed-1bit")

    def test_a_stopped_quantization_keeps_its_policy(self):
        small = ["--data", "fashion-mnist", "--train-limit", 128, "--test-limit", 50]
        run(*command("train", "resnet20", *small, "--epochs", 1, "--run", self.folder / "float"))

        def quantize(name):
            return command("quantize", self.folder / "float/model.sgn", *small, "--epochs", EPOCHS,
                           "--activations", 1, "--residuals", 8, "--layer",
                           "layer1.*=per-channel=false", "--run", self.folder / name)

        run(*quantize("whole"))
        metrics = self.folder / "stopped/metrics.jsonl"
        process = subprocess.Popen(quantize("stopped"), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        while process.poll() is None and not (metrics.exists() and metrics.read_text()):
            time.sleep(0.01)
        resume = command("quantize", "--resume", self.folder / "stopped")
        process.send_signal(signal.SIGSTOP)
        self.fails_with("is at work in another process", resume)
        process.kill()
        self.assertNotEqual(process.wait(), 0, "it ended before it was stopped")
        teacher = self.folder / "stopped/weights/teacher.sgn"
        teacher.rename(self.folder / "teacher.sgn")
        self.fails_with("weights/teacher.sgn", resume)
        (self.folder / "teacher.sgn").rename(teacher)
        # A run may be older than a setting.
        arguments = self.folder / "stopped/args.toml"
        self.assertIn("scales = [ 'layer1.*=layer' ]", arguments.read_text())
        lines = arguments.read_text().splitlines(keepends=True)
        arguments.write_text("".join(line for line in lines if not line.startswith("rsign")))
        self.assertEqual(len(arguments.read_text().splitlines()), len(lines) - 1)
        run(*resume)
        self.same("whole", "stopped")

        nodes = subprocess.run(command("info", self.folder / "stopped/model.sgn"), check=True,
                               text=True, capture_output=True, timeout=300).stdout
        residuals = [line for line in nodes.splitlines() if ".residual" in line]
        self.assertGreaterEqual(len(residuals), 8, nodes)  # of nine blocks

    def fails_with(self, text, arguments):
        result = subprocess.run(arguments, text=True, capture_output=True, timeout=300)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn(text, result.stderr)

    def same(self, left, right):
        for name in ("weights/last.sgn", "weights/best.sgn", "model.sgn"):
            self.assertEqual((self.folder / left / name).read_bytes(),
                             (self.folder / right / name).read_bytes(), name)
        records = [[json.loads(line) for line in
                    (self.folder / side / "metrics.jsonl").read_text().splitlines()]
                   for side in (left, right)]
        self.assertEqual(len(records[0]), EPOCHS)
        for a, b in zip(*records):
            for measured in ("seconds", "images_per_second"):
                a.pop(measured), b.pop(measured)
            self.assertEqual(a, b)
        leftovers = list((self.folder / right).rglob("*.partial-*"))
        self.assertEqual(leftovers, [])


if __name__ == "__main__":
    unittest.main()
