"""Photo files to training batches: ours beside torchvision's transforms, interleaved on one core.

    OMP_NUM_THREADS=1 python benchmarks/input_pipeline.py FOLDER --train [--page docs/input.md]

Every way gives normalised float32 batches [64, 3, side, side]: crops of 8 % to 100 % of the area
and aspect 3/4 to 4/3, resized with antialiasing, half of them mirrored:
- ours: `Pixels.changed` of images decoded when asked for, and `normalise`;
- torchvision, Pillow: Pillow's decoder, RandomResizedCrop, RandomHorizontalFlip, ToTensor,
  Normalize, stack;
- torchvision, tensors: simplejpeg's decoder and the transforms of torchvision.transforms.v2 on
  tensors of bytes, the fastest mix of ready-made parts.
Figures are images per second of CPU time, the median of the rounds.
"""

import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from convatlas.data import Augmentation, Preprocessing, _decoded, augment, normalise
from convatlas.data._decode import read_content, read_picture
from convatlas.data._decoded import DecodedPixels
from convatlas.data._types import Split

BATCH = 64
CROP = {"flip": True, "crop_area": (0.08, 1.0)}
RECIPES = {
    "crop, flip": {},
    "and colour jitter 0.4": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4},
    "and RandAugment(2, 9)": {"rand_augment": (2, 9)},
    "and TrivialAugment": {"trivial_augment": True},
}
ALONE = {
    "flip": {"flip": True},
    "shift": {"shift": 0.125},
    "rotate, scale": {"rotate": 15.0, "scale": 0.1},
    "crop resized, bilinear": {"crop_area": (0.08, 1.0)},
    "crop resized, bicubic": {"crop_area": (0.08, 1.0), "interpolation": "bicubic"},
    "short side drawn": {"short_side": (256 / 224, 512 / 224)},
    "brightness, contrast, saturation": RECIPES["and colour jitter 0.4"],
    "hue": {"hue": 0.1},
    "PCA colour": {"pca_colour": 0.1},
    "RandAugment(2, 9)": {"rand_augment": (2, 9)},
    "TrivialAugment": {"trivial_augment": True},
    "erase": {"erase": 1.0},
    "cutout": {"cutout": 0.5},
}


class Files:
    """Where our pixels come from; the time spent in decoding is kept."""

    def __init__(self, paths):
        self.paths = paths
        self.decoding_s = 0.0

    def picture(self, index):
        start = time.thread_time()
        picture = read_picture(self.paths[index])
        self.decoding_s += time.thread_time() - start
        return picture

    def content(self, index):
        return read_content(self.paths[index])


def pixels_of(source):
    n = len(source.paths)
    split = Split(
        name="train",
        labels=np.zeros(n, np.int64),
        names=source.paths,
        source=source,
        fingerprint="",
    )
    return DecodedPixels(
        labels=split.labels, names=split.names, split=split, side=256, channels=3, threads=1
    )


def ours(paths, preprocessing, **changes):
    pixels = pixels_of(Files(paths))
    augmentation = Augmentation(**CROP, **changes)
    numbers = np.arange(len(paths))

    def run(epoch):
        for start in range(0, len(paths), BATCH):
            rows = numbers[start : start + BATCH]
            changed = pixels.changed(rows, augmentation, preprocessing.side, seed=0, epoch=epoch)
            normalise(changed, preprocessing)

    return run


def torchvision_with_pillow(paths, preprocessing, policy):
    from torchvision import transforms

    steps = transforms.Compose([
        transforms.RandomResizedCrop(preprocessing.side), transforms.RandomHorizontalFlip(),
        *policy(transforms), transforms.ToTensor(),
        transforms.Normalize(preprocessing.mean, preprocessing.std),
    ])  # fmt: skip

    def one(path):
        with Image.open(path) as image:
            return steps(image.convert("RGB"))

    return _stacked(paths, one)


def torchvision_with_tensors(paths, preprocessing, policy):
    from simplejpeg import decode_jpeg
    from torchvision.transforms import v2

    steps = v2.Compose([
        v2.RandomResizedCrop(preprocessing.side, antialias=True), v2.RandomHorizontalFlip(),
        *policy(v2), v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(preprocessing.mean, preprocessing.std),
    ])  # fmt: skip

    def one(path):
        try:
            pixels = decode_jpeg(Path(path).read_bytes(), "RGB")
        except ValueError:  # a JPEG in CMYK
            pixels = np.array(Image.open(path).convert("RGB"))
        return steps(torch.from_numpy(pixels).permute(2, 0, 1))

    return _stacked(paths, one)


def _stacked(paths, one):
    def run(_):
        for start in range(0, len(paths), BATCH):
            torch.stack([one(path) for path in paths[start : start + BATCH]])

    return run


POLICIES = {
    "crop, flip": lambda t: [],
    "and colour jitter 0.4": lambda t: [t.ColorJitter(0.4, 0.4, 0.4)],
    "and RandAugment(2, 9)": lambda t: [t.RandAugment(2, 9)],
    "and TrivialAugment": lambda t: [t.TrivialAugmentWide()],
}


def interleaved(ways, count, rounds):
    """Images per second of CPU time, per way and round; the first round warms up."""
    measured = {name: [] for name in ways}
    names = list(ways)
    for number in range(rounds + 1):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            start = time.process_time()
            ways[name](number)
            if number:
                measured[name].append(count / (time.process_time() - start))
    return measured


def rows_of(measured):
    first = statistics.median(next(iter(measured.values())))
    rows = []
    for name, values in measured.items():
        low, middle, high = statistics.quantiles(values, n=4)
        rows.append((name, f"{middle:,.0f}", f"{low:,.0f} .. {high:,.0f}", f"{first / middle:.2f}"))
    return rows


def shares(paths, preprocessing, rounds):
    """Where ours spends its time: percent, the median of the rounds."""
    source = Files(paths)
    pixels, augmentation = pixels_of(source), Augmentation(**CROP)
    cut, found, spent = _decoded.cut, [], [0.0, 0.0]

    def timed(*arguments):
        start = time.thread_time()
        result = cut(*arguments)
        spent[0] += time.thread_time() - start
        return result

    _decoded.cut = timed
    for epoch in range(rounds):
        source.decoding_s, spent[:] = 0.0, (0.0, 0.0)
        start = time.process_time()
        for first in range(0, len(paths), BATCH):
            rows = np.arange(first, min(first + BATCH, len(paths)))
            changed = pixels.changed(rows, augmentation, preprocessing.side, seed=0, epoch=epoch)
            before = time.process_time()
            normalise(changed, preprocessing)
            spent[1] += time.process_time() - before
        total = time.process_time() - start
        parts = (source.decoding_s, *spent)
        found.append([*(100 * part / total for part in parts), 100 * (1 - sum(parts) / total)])
    _decoded.cut = cut
    names = ("reading and decoding", "cutting and resizing", "normalising", "the rest")
    return list(zip(names, np.median(found, axis=0).tolist(), strict=True))


def alone(rounds):
    """Microseconds per image of each operation by itself, side 224 and 32."""
    rows = []
    for name, changes in ALONE.items():
        augmentation, times = Augmentation(**changes), []
        for side, n in ((224, 16), (32, 128)):
            batch = np.random.default_rng(0).integers(0, 256, (n, side, side, 3), np.uint8)
            taken = []
            for epoch in range(rounds + 1):
                start = time.process_time()
                augment(batch, augmentation, side, seed=0, epoch=epoch, indices=np.arange(n))
                taken.append(1e6 * (time.process_time() - start) / n)
            times.append(f"{statistics.median(taken[1:]):,.0f}")
        rows.append((name, *times))
    return rows


def conditions():
    names = ("torch", "numpy", "pillow", "simplejpeg", "torchvision")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"{platform.machine()} with {torch.backends.cpu.get_cpu_capability()}, 1 thread, {versions}"
    )


def compare(paths, side, rounds, mean, std):
    """Every table of the page, as (title, heading, rows)."""
    preprocessing = Preprocessing(side=side, channels=3, mean=mean, std=std)
    ways = {
        "ours": ours(paths, preprocessing),
        "torchvision, Pillow": torchvision_with_pillow(paths, preprocessing, lambda t: []),
        "torchvision, tensors": torchvision_with_tensors(paths, preprocessing, lambda t: []),
        "ours, scaled decoding (other pixels)": ours(paths, preprocessing, scaled_decoding=True),
    }
    heading = ("way", "images/s", "quartiles", "ours / this")
    yield "Training crops", heading, rows_of(interleaved(ways, len(paths), rounds))
    rows = [(name, f"{share:.0f} %") for name, share in shares(paths, preprocessing, rounds)]
    yield "Where ours spends its time", ("part", "share of CPU time"), rows
    rows = []
    for name, changes in RECIPES.items():
        ways = {
            "ours": ours(paths, preprocessing, **changes),
            "Pillow": torchvision_with_pillow(paths, preprocessing, POLICIES[name]),
            "tensors": torchvision_with_tensors(paths, preprocessing, POLICIES[name]),
        }
        medians = [
            statistics.median(values) for values in interleaved(ways, len(paths), rounds).values()
        ]
        rows.append((name, *(f"{middle:,.0f}" for middle in medians),
                     *(f"{medians[0] / middle:.2f}" for middle in medians[1:])))  # fmt: skip
    heading = ("augmentation", "ours, images/s", "torchvision, Pillow", "torchvision, tensors",
               "ours / Pillow", "ours / tensors")  # fmt: skip
    yield "With more augmentation", heading, rows
    heading = ("operation", "us per image, side 224", "side 32")
    yield "Each operation by itself", heading, alone(4 * rounds)


def table(heading, rows):
    lines = [heading, ["---", *["---:"] * (len(heading) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
