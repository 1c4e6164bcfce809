"""A training step of ours against a plain loop's: same net, batch, threads; rounds interleaved.

The plain loop is what a tutorial shows: NCHW, torch.optim.SGD with its defaults and momentum,
zero_grad, forward, backward, step, on a tensor that is ready. Ours does more in its time: changing
and normalising uint8 images, averaging the weights, checking the loss. Run it on a quiet machine:

    python benchmarks/training_step.py --threads 2 --seconds 20
"""

import argparse
import json
import platform
from dataclasses import replace
from itertools import count
from statistics import median
from time import perf_counter

import numpy as np
import torch
from torch.nn import functional as F

from convatlas import models
from convatlas.data import Augmentation, Preprocessing, StoredPixels
from convatlas.training import Learner, Recipe
from convatlas.training._batches import Batches

NETS = (  # variant, width multiplier, side, batch
    ("lenet5_small", 1.0, 28, 128),
    ("resnet8_small", 0.5, 28, 128),
    ("resnet20", 1.0, 32, 128),
    ("mobilenet_v1_small", 0.5, 28, 128),
    ("mobilenet_v2_small", 0.5, 28, 128),
    ("alexnet_small", 0.5, 32, 128),
    ("densenet_bc_22_small", 1.0, 32, 64),
)


def pixels(n, side):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (n, side, side, 3), dtype=np.uint8)
    names = [str(i) for i in range(n)]
    return StoredPixels(labels=random.integers(0, 10, n), names=names, images=images)


def ours(net, side, batch):
    """Our next step, images included: a run prepares them in the background, here they count."""
    recipe = Recipe(batch_size=batch, steps=10**6, augmentation=Augmentation(flip=True, shift=0.1))
    preprocessing = Preprocessing(side=side, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
    batches = Batches(pixels(4 * batch, side), preprocessing, recipe)
    learner = Learner(net, recipe)
    for step in count():
        made = batches.make(step)
        learner.learn(step, made.images, made.labels)
        yield


def plain(net, side, batch):
    """A plain loop's next step on tensors that are ready."""
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    images, labels = torch.randn(batch, 3, side, side), torch.randint(0, 10, (batch,))
    net.train()
    while True:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()
        yield


def timed(steps):
    start = perf_counter()
    next(steps)
    return perf_counter() - start


def compare(variant, width, side, batch, *, seconds):
    spec = models.spec_of(variant, num_classes=10, in_channels=3, input_side=side)
    spec = replace(spec, width_multiplier=width)
    build = models.family_of(variant).build
    torch.manual_seed(0)
    sides = {"ours": ours(build(spec), side, batch), "plain": plain(build(spec), side, batch)}
    times = {name: [] for name in sides}
    for steps in sides.values():
        timed(steps)
    start = perf_counter()
    while perf_counter() - start < seconds or len(times["ours"]) < 3:
        for name in ("ours", "plain") if len(times["ours"]) % 2 else ("plain", "ours"):
            times[name].append(timed(sides[name]))
    for steps in sides.values():
        steps.close()
    ratios = [b / a for a, b in zip(times["ours"], times["plain"], strict=True)]
    return {
        "net": f"{variant} x{width:g} @{side}",
        "batch": batch,
        "n": len(ratios),
        "ours_s": median(times["ours"]),
        "plain_s": median(times["plain"]),
        "ratio": median(ratios),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each net")
    parser.add_argument("--net", help="one variant only")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    for row in NETS:
        if arguments.net in (None, row[0]):
            rows.append(compare(*row, seconds=arguments.seconds))
            print(json.dumps(rows[-1]), flush=True)
    mean = float(np.exp(np.mean([np.log(row["ratio"]) for row in rows])))
    conditions = {"threads": arguments.threads, "torch": torch.__version__}
    print(json.dumps({"geometric_mean": mean, **conditions, "cpu": platform.processor()}))


if __name__ == "__main__":
    main()
