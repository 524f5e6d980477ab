#!/usr/bin/python3
"""Compares a training step of Signum with one of Python's PyTorch on the same
libtorch: ResNet-20, 128 images of 3x32x32, SGD with Nesterov momentum, both
channels-last, in alternating rounds on the same threads. Prints both medians in
milliseconds and their ratio.

usage: bench/train_step.py [ROUNDS]
Needs Debian's python3-torch (tools/install-deps.sh --bench) and a build."""

import os
import pathlib
import statistics
import subprocess
import sys
import time

STEPS = 25
PROGRAM = pathlib.Path(__file__).parent.parent / "build/release/bin/train_step_bench"


def python_round(threads):
    """The median step in milliseconds, run in a process of its own."""
    code = f"import sys; sys.argv = ['']; import train_step; train_step.measure({threads})"
    return float(subprocess.run(["/usr/bin/python3", "-c", code], check=True, text=True,
                                cwd=pathlib.Path(__file__).parent, stdout=subprocess.PIPE,
                                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}).stdout)


def measure(threads):
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            self.shortcut = nn.Sequential() if stride == 1 else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

        def forward(self, x):
            y = F.relu(self.bn1(self.conv1(x)))
            return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))

    blocks = [Block(a, b, s) for a, b, s in
              [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)]
              + [(64, 64, 1)] * 2]
    network = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
                            *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    assert sum(p.numel() for p in network.parameters()) == 272474
    torch.set_num_threads(threads)
    network = network.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True,
                                weight_decay=5e-4)
    images = torch.rand(128, 3, 32, 32)
    labels = torch.randint(0, 10, (128,))
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        x = ((images - 0.5) / 0.25).to(memory_format=torch.channels_last)
        loss = F.cross_entropy(network(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        times.append(1000 * (time.perf_counter() - start))
    print(statistics.median(times[1:]))


def signum_round(threads):
    return float(subprocess.run([PROGRAM, str(STEPS), str(threads)], check=True, text=True,
                                stdout=subprocess.PIPE).stdout)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    if subprocess.run(["/usr/bin/python3", "-c", "import torch"], check=False,
                      stderr=subprocess.DEVNULL).returncode != 0:
        sys.exit("train_step: Python's PyTorch is missing; run tools/install-deps.sh --bench")
    if not PROGRAM.exists():
        sys.exit(f"train_step: {PROGRAM} is not built; run ./dev build")
    threads = len(os.sched_getaffinity(0))
    pairs = [(signum_round(threads), python_round(threads)) for _ in range(rounds)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"ResNet-20 training step, batch 128, {threads} threads, {rounds} rounds of {STEPS} steps")
    print(f"signum          {ours:7.1f} ms")
    print(f"Python PyTorch  {theirs:7.1f} ms")
    print(f"ratio           {ratio:7.3f}  (signum / PyTorch, median of the rounds)")


if __name__ == "__main__":
    main()
