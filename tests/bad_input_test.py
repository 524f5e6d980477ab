"""What goes wrong outside of Signum: full disks, folders that cannot be written,
damaged data, training that diverges. Each is one line that says what to do, a
non-zero exit status, and no harm to what was there.

SIGNUM_EXECUTABLE names the executable under test."""

import contextlib
import os
import pathlib
import subprocess
import tempfile
import unittest

SIGNUM = os.environ["SIGNUM_EXECUTABLE"]
SMALL = ["--data", "fashion-mnist", "--epochs", "1", "--train-limit", "512", "--test-limit", "64"]


@contextlib.contextmanager
def small_disk(folder, options):
    """A file system of its own at `folder`; None where this process may not mount one."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
                             check=False, stderr=subprocess.DEVNULL).returncode == 0
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", folder], check=True)


class BadInputTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def fail_with(self, *arguments, says):
        result = subprocess.run([SIGNUM, *map(str, arguments)], text=True, check=False,
                                capture_output=True, timeout=300)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        # Besides what tells the run's progress there is one line.
        lines = [line for line in result.stderr.splitlines()
                 if not line.startswith(("run in ", "resuming the run", "epoch "))]
        self.assertEqual(len(lines), 1, result.stderr)
        message = lines[0]
        for part in says:
            self.assertIn(part, message)
        return message

    def test_a_full_disk(self):
        disk = self.folder / "disk"
        disk.mkdir()
        with small_disk(disk, "size=600k") as mounted:
            if mounted is None:
                self.skipTest("skipped: mounting a small file system needs root")
            self.fail_with("train", "lenet", *SMALL, "--run", disk / "run",
                           says=["cannot write", "free some space"])
            for path in disk.rglob("*"):
                self.assertNotIn(".partial-", path.name)

    def test_a_read_only_folder(self):
        disk = self.folder / "disk"
        disk.mkdir()
        with small_disk(disk, "ro,size=1m") as mounted:
            if mounted is None:
                self.skipTest("skipped: mounting a read-only file system needs root")
            self.fail_with("train", "lenet", *SMALL, "--run", disk / "run",
                           says=[str(disk), "choose a folder that you may write to"])

    def test_training_that_diverges(self):
        self.fail_with("train", "lenet", *SMALL, "--lr", "1000", "--schedule", "constant",
                       "--run", self.folder / "run",
                       says=["epoch 1, step", "training diverged", "layer '", "lower --lr"])

    def test_short_and_missing_data(self):
        empty = self.folder / "empty"
        empty.mkdir()
        self.fail_with("train", "lenet", "--data", "cifar10", "--data-folder", empty,
                       says=["cifar10", "signum data get"])
        batches = empty / "cifar-10-batches-bin"
        batches.mkdir()
        for name in [f"data_batch_{n}.bin" for n in range(1, 6)] + ["test_batch.bin"]:
            (batches / name).write_bytes(bytes(3073 * 3))
        self.fail_with("train", "lenet", "--data", "cifar10", "--data-folder", empty,
                       says=["data_batch_1.bin"])

    def test_names_that_are_nearly_right(self):
        self.fail_with("train", "resnet2", *SMALL, says=["resnet20"])
        self.fail_with("train", "lenet", "--data", "fashon-mnist", says=["fashion-mnist"])
        self.fail_with("train", "lenet", *SMALL, "--optimizer", "sgdm",
                       "--run", self.folder / "run", says=["--optimizer sgdm", "adamw"])
        # The folder is still free for the corrected command.
        self.assertFalse((self.folder / "run").exists())

    def test_quantizing_needs_a_trained_network(self):
        self.fail_with("quantize", "lenet", *SMALL, says=["signum train lenet"])

    def test_an_output_that_cannot_be_written_is_told_before_the_work(self):
        self.fail_with("train", "lenet", *SMALL, "--run", self.folder / "run",
                       "-o", self.folder / "nowhere/lenet.sgn",
                       says=["nowhere/lenet.sgn", "create its folder first"])
        self.assertFalse((self.folder / "run").exists())

    def test_a_run_folder_beside_others_leaves_them_alone(self):
        other = self.folder / "runs/other"
        other.mkdir(parents=True)
        events = other / "events.out.tfevents.1.host"
        events.write_text("kept")
        subprocess.run([SIGNUM, "train", "lenet", *SMALL, "--run", self.folder / "runs"],
                       check=True, capture_output=True)
        self.assertEqual(events.read_text(), "kept")

    def test_resuming_what_is_not_a_run(self):
        self.fail_with("train", "--resume", self.folder / "nowhere", says=["holds no run"])
        self.fail_with("train", "--resume", self.folder, "--lr", "1", says=["--lr", "--resume"])
        run = self.folder / "run"
        run.mkdir()
        (run / "args.toml").write_text("verb = 'train'\nmodel = [")
        self.fail_with("train", "--resume", run, says=["args.toml", "line 2"])

    def test_a_run_folder_is_not_overwritten(self):
        run = self.folder / "run"
        run.mkdir()
        (run / "args.toml").write_text("")
        self.fail_with("train", "lenet", *SMALL, "--run", run, says=["holds a run already"])
        self.assertEqual((run / "args.toml").read_text(), "")


if __name__ == "__main__":
    unittest.main()
