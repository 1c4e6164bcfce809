"""A training step of ours against a plain loop's: same net, batch, threads; rounds interleaved.

The plain loop is what a tutorial shows: torch's usual memory order, torch.optim.SGD with momentum,
zero_grad, forward, backward, step, loss.item(). Ours also clips the gradients, averages the weights
and gives every step its random stream. Both get the same batch, ready; `making_s` is the time to
make one from bytes (changed at random, normalised), which a run does in the background. Run it on a
quiet machine:

    python benchmarks/training_step.py --threads 2 --seconds 20
"""

import argparse
import json
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
    ("resnet14_small", 1.0, 32, 128),
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


def batches(side, batch):
    """Where our images come from; a run makes its batches while the step before runs."""
    recipe = Recipe(batch_size=batch, augmentation=Augmentation(flip=True, shift=0.1))
    preprocessing = Preprocessing(side=side, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
    return Batches(pixels(4 * batch, side), preprocessing, recipe)


def making(source):
    """The next batch, changed and normalised."""
    for step in count():
        source.make(step)
        yield


def ours(net, made):
    """Our next step on a batch that is ready."""
    learner = Learner(net, Recipe(steps=10**6, gradient_clip=1.0))
    for step in count():
        learner.learn(step, made.images, made.labels)
        yield


def plain(net, made):
    """A plain loop's next step on the same images in torch's usual order."""
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    images, labels = made.images.contiguous(), made.labels
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
    source = batches(side, batch)
    made = source.make(0)
    sides = {
        "ours": ours(build(spec), made),
        "plain": plain(build(spec), made),
        "making": making(source),
    }
    times = {name: [] for name in sides}
    for steps in sides.values():
        timed(steps)
    start = perf_counter()
    while perf_counter() - start < seconds or len(times["ours"]) < 3:
        for name in sorted(sides, reverse=len(times["ours"]) % 2 == 1):
            times[name].append(timed(sides[name]))
    ratios = [b / a for a, b in zip(times["ours"], times["plain"], strict=True)]
    return {
        "net": f"{variant} x{width:g} @{side}",
        "batch": batch,
        "n": len(ratios),
        "ours_s": median(times["ours"]),
        "plain_s": median(times["plain"]),
        "making_s": median(times["making"]),
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
    print(
        json.dumps(
            {"geometric_mean": mean, **conditions, "cpu": torch.backends.cpu.get_cpu_capability()}
        )
    )


if __name__ == "__main__":
    main()
