"""Our training step against a plain script on the peers' nets: same data and threads, interleaved.

    python benchmarks/train.py --threads 2 --seconds 20 [--page docs/training_speed.md]

The plain script is what a tutorial shows: the peer's net in torch's usual memory order,
torch.optim.SGD with momentum, zero_grad, forward, backward, step, loss.item(). Ours is the whole
step of a run: channels-last order, fused optimizer, gradient clipping, the average of the weights,
a random stream for every step. Both get the same images from the same mixture of bytes; `making_s`
is what making a batch takes, which a run does beside the step before. Ratios are medians over
rounds whose order alternates. On a CUDA device both run in bfloat16 and compiled, channels-last.
"""

import argparse
import json
import sys
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
from torch.nn import functional as F

from convatlas import models
from convatlas.data import Augmentation, Preprocessing, StoredPixels
from convatlas.training import Learner, Recipe, World
from convatlas.training._batches import Batches

NETS = (  # ours, changes of its spec, side, batch, the peer's library and name
    ("resnet20_cifar", {}, 32, 128, "pytorchcv", "resnet20_cifar10"),
    ("mobilenet_v1", {}, 32, 128, "timm", "mobilenetv1_100"),
    ("resnet18", {}, 64, 64, "torchvision", "resnet18"),
    ("resnet18", {}, 224, 16, "torchvision", "resnet18"),
    ("mobilenet_v2", {}, 224, 16, "torchvision", "mobilenet_v2"),
    ("densenet_bc_40_small", {}, 32, 64, "pytorchcv", "densenet40_k12_bc_cifar10"),
)
CLASSES = 10


def declare_torchvision():
    """A torchvision wheel beside a CPU-only torch imports once these two operators are declared."""
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def theirs(library, name):
    if library == "torchvision":
        from torchvision.models import get_model

        return get_model(name, weights=None, num_classes=CLASSES)
    if library == "timm":
        import timm

        return timm.create_model(name, num_classes=CLASSES)
    from pytorchcv.model_provider import get_model

    return get_model(name, num_classes=CLASSES)


def batches(side, batch):
    """Where images come from; a run makes its batches while the step before runs."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (4 * batch, side, side, 3), dtype=np.uint8)
    labels = random.integers(0, CLASSES, 4 * batch)
    pixels = StoredPixels(labels=labels, names=[str(i) for i in labels], images=images)
    recipe = Recipe(batch_size=batch, augmentation=Augmentation(flip=True, shift=0.1))
    preprocessing = Preprocessing(side=side, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
    return Batches(pixels, preprocessing, recipe)


def making(source):
    """The next batch, changed and normalised."""
    for step in count():
        source.make(step)
        yield


def ours(net, made, device):
    """Our next step on a batch that is ready."""
    precision = "bfloat16" if device.type == "cuda" else "float32"
    recipe = Recipe(steps=10**6, gradient_clip=1.0, precision=precision)
    learner = Learner(net, recipe, world=World(device=device), compiled=device.type == "cuda")
    for step in count():
        learner.learn(step, made.images, made.labels)
        yield


def plain(net, made, device):
    """A plain script's next step on the same images."""
    cuda = device.type == "cuda"
    if cuda:
        net = net.to(device, memory_format=torch.channels_last)
        net = torch.compile(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    images, labels = made.images.contiguous(), made.labels
    net.train()
    while True:
        x, y = images, labels
        if cuda:
            x = images.to(device, memory_format=torch.channels_last)
            y = labels.to(device)
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=cuda):
            loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        loss.item()
        yield


def timed(steps, device):
    start = perf_counter()
    next(steps)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return perf_counter() - start


def compare(row, *, seconds, device):
    variant, changes, side, batch, library, name = row
    spec = models.spec_of(variant, num_classes=CLASSES, input_side=side, **changes)
    torch.manual_seed(0)
    source = batches(side, batch)
    made = source.make(0)
    net, peer = models.family_of(variant).build(spec), theirs(library, name)
    sides = {"ours": ours(net, made, device), "plain": plain(peer, made, device)}
    if device.type == "cpu":
        sides["making"] = making(source)
    times = {name: [] for name in sides}
    for steps in sides.values():
        for _ in range(3):
            timed(steps, device)
    start = perf_counter()
    while perf_counter() - start < seconds or len(times["ours"]) < 5:
        for name in sorted(sides, reverse=len(times["ours"]) % 2 == 1):
            times[name].append(timed(sides[name], device))
    ratios = [b / a for a, b in zip(times["ours"], times["plain"], strict=True)]
    return {
        "net": f"{variant} @{side}",
        "peer": f"{library} {row[5]}",
        "params": sum(p.numel() for p in net.parameters()),
        "peer_params": sum(p.numel() for p in peer.parameters()),
        "batch": batch,
        "n": len(ratios),
        "ours_s": median(times["ours"]),
        "plain_s": median(times["plain"]),
        "making_s": median(times["making"]) if "making" in times else None,
        "ratio": median(ratios),
        "quartiles": [float(x) for x in np.quantile(ratios, [0.25, 0.75])],
    }


def write_page(path, rows, conditions, geometric_mean):
    lines = [
        "# Training steps against a plain script on the peers' nets",
        "",
        "Made by `benchmarks/train.py`, which says what both sides do. Ratio: the plain script's "
        "time over ours in the same round, median and quartiles; above 1 ours is faster.",
        "",
        f"{conditions}. Geometric mean of the ratios: **{geometric_mean:.2f}**.",
        "",
        "| net | batch | peer | ours ms | plain ms | ratio | quartiles | rounds | a batch ms |",
        "|---|--:|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        low, high = row["quartiles"]
        making = "" if row["making_s"] is None else f"{1e3 * row['making_s']:.1f}"
        lines.append(
            f"| `{row['net']}` | {row['batch']} | {row['peer']} | {1e3 * row['ours_s']:.1f} | "
            f"{1e3 * row['plain_s']:.1f} | {row['ratio']:.2f} | {low:.2f} to {high:.2f} | "
            f"{row['n']} | {making} |"
        )
    Path(path).write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each net")
    parser.add_argument("--net", help="one variant only")
    parser.add_argument("--page", help="a Markdown file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    declared = declare_torchvision() if device.type == "cpu" else None
    rows = []
    for row in NETS:
        if arguments.net in (None, row[0]):
            rows.append(compare(row, seconds=arguments.seconds, device=device))
            print(json.dumps(rows[-1]), flush=True)
    geometric_mean = float(np.exp(np.mean([np.log(row["ratio"]) for row in rows])))
    kind = torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else "CUDA"
    if device.type == "cuda":
        kind = torch.cuda.get_device_name()
    conditions = f"{kind}, {arguments.threads} threads, torch {torch.__version__}"
    print(json.dumps({"geometric_mean": geometric_mean, "conditions": conditions}))
    if arguments.page:
        write_page(arguments.page, rows, conditions, geometric_mean)
    del declared
    return 0


if __name__ == "__main__":
    sys.exit(main())
