#!/usr/bin/python3
"""Writes tests/golden/zoo.json: what torchvision's networks answer with weights that
tests/zoo_golden_test.cc can make, too. Nothing but the answers is stored: weights and
images are uniform draws of the zoo's counter-based generator (src/zoo/initialize.h),
which depend on the seed, the tensor's name and the element's index only.

Needs Debian's python3-torchvision (0.14.1), which the test does not.

usage: tools/make-zoo-goldens.py [FILE]
"""

import json
import os
import sys

import numpy as np
import torch
import torchvision

SEED = 7
CLASSES = 20
IMAGES = 2
# The zoo's name, torchvision's, height, width, and the variance of weights times fan
# in, at which signals neither vanish nor explode on their way. Sizes are small and
# unequal, odd in places; AlexNet's meets both ways of pooling to 6x6.
NETWORKS = [
    ("alexnet", "alexnet", 63, 420, 1.5),
    ("resnet18", "resnet18", 64, 47, 1.5),
    ("resnet34", "resnet34", 64, 47, 1.5),
    ("resnet50", "resnet50", 64, 95, 1.5),
    ("mobilenet-v2", "mobilenet_v2", 64, 95, 1.5),
    ("efficientnet-b0", "efficientnet_b0", 64, 95, 2.0),
]
U64 = np.uint64


def mix(z):
    z = (z ^ (z >> U64(30))) * U64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> U64(27))) * U64(0x94D049BB133111EB)
    return z ^ (z >> U64(31))


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def uniform(name, shape, low, high):
    """RandomStream(SEED, name).Uniform, scaled from [0, 1) to [low, high)."""
    gamma = U64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        key = mix(U64(SEED) + gamma) ^ mix(U64(fnv1a(name)))
        index = np.arange(1, int(np.prod(shape)) + 1, dtype=U64)
        draws = (mix(key + index * gamma) >> U64(11)).astype(np.float64) * 2.0**-53
    return torch.from_numpy((low + (high - low) * draws).astype(np.float32).reshape(shape))


def parameter(key, shape, gain):
    """Kept in step with Draw in the test. Scales and shifts of batch norm are far
    from 1 and 0, so that a wrong order or epsilon shows."""
    if key.endswith(".running_var"):
        return uniform(key, shape, 0.5, 1.5)
    if len(shape) == 1:
        return uniform(key, shape, 0.5, 1.5) if key.endswith(".weight") else uniform(
            key, shape, -0.25, 0.25)
    bound = (3 * gain / np.prod(shape[1:])) ** 0.5
    return uniform(key, shape, -bound, bound)


def digest(keys):
    """Of the names and shapes of a state_dict, whatever their order."""
    return f"{fnv1a(''.join(f'{key} {shape};' for key, shape in sorted(keys.items()))):016x}"


def shape_text(tensor):
    return "x".join(str(size) for size in tensor.shape)


def golden(zoo_name, name, height, width, gain):
    make = getattr(torchvision.models, name)
    keys = {key: shape_text(tensor) for key, tensor in make().state_dict().items()
            if not key.endswith("num_batches_tracked")}
    network = make(num_classes=CLASSES).eval()
    state = network.state_dict()
    for key, tensor in state.items():
        if not key.endswith("num_batches_tracked"):
            tensor.copy_(parameter(key, tuple(tensor.shape), gain))
    with torch.no_grad():
        outputs = network(uniform("image", (IMAGES, 3, height, width), -2, 2))
    print(f"{zoo_name}: deviation {outputs.std():.3g}, between images "
          f"{(outputs[0] - outputs[1]).std():.3g}", file=sys.stderr)
    return {"network": zoo_name, "height": height, "width": width, "gain": gain,
            "classes": CLASSES, "keys": len(keys), "digest": digest(keys),
            "outputs": [[float(f"{value:.7g}") for value in row] for row in outputs.tolist()]}


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(root, "tests/golden/zoo.json")
    made_with = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    networks = [golden(*network) for network in NETWORKS]
    with open(path, "w", encoding="utf-8") as file:
        lines = ",\n".join("  " + json.dumps(network) for network in networks)
        file.write(f'{{"made_with": "{made_with}", "seed": {SEED}, "networks": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
