"""Photo files to batches: ours beside the ways people write by hand, interleaved on one core.

    OMP_NUM_THREADS=1 python benchmarks/input_pipeline.py FOLDER [--side 224] [--rounds 5]

FOLDER holds image files, at any depth. Every way gives float32 batches [64, 3, side, side] of the
short side resized to side / 0.875 (side itself for images that are not larger) and the centre cut:
- ours: the pipeline of `convatlas.data`, with the JPEG decoder of the extra `fast` if installed;
- ours, Pillow: the same with Pillow's decoder;
- by hand: Pillow and NumPy, image by image;
- torchvision: Pillow and torchvision.transforms, if installed.
Figures are images per second of CPU time, the median of the rounds; before timing, ours is checked
to give the same bytes with both decoders. `--second` times augmentation and normalisation alone.
`--train` compares training crops (training_input.py), `--page FILE` writes the tables down.
"""

import argparse
import os
import random
import statistics
import time
from pathlib import Path

import numpy as np
import torch
import training_input
from PIL import Image

from convatlas.data import Augmentation, Preprocessing, _jpeg, augment, centre, normalise
from convatlas.data._decode import read_picture
from convatlas.data._fit import fit
from convatlas.data._walk import walk

BATCH = 64
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def ours(paths, preprocessing):
    side = preprocessing.stored_side
    pixels = np.stack([fit(read_picture(path), side, 3) for path in paths])
    return normalise(centre(pixels, preprocessing.side), preprocessing)


def ours_with_pillow(paths, preprocessing):
    decoder, _jpeg._decoder = _jpeg._decoder, lambda: None
    try:
        return ours(paths, preprocessing)
    finally:
        _jpeg._decoder = decoder


def by_hand(paths, preprocessing):
    batch = []
    stored, side = preprocessing.stored_side, preprocessing.side
    for path in paths:
        with Image.open(path) as image:
            image = image.convert("RGB")
            ratio = stored / min(image.size)
            image = image.resize([round(length * ratio) for length in image.size], Image.BILINEAR)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            image = image.crop((left, top, left + side, top + side))
            pixels = (np.asarray(image, np.float32) / 255 - MEAN) / STD
            batch.append(torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1))
    return torch.stack(batch)


def declared_operators():
    """What a torchvision wheel beside a CPU-only torch needs to be imported; to be kept alive."""
    operators = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return operators


def with_torchvision(preprocessing):
    operators = declared_operators()
    from torchvision import transforms

    steps = transforms.Compose([
        transforms.Resize(preprocessing.stored_side), transforms.CenterCrop(preprocessing.side),
        transforms.ToTensor(), transforms.Normalize(MEAN, STD),
    ])  # fmt: skip

    def run(paths, _, operators=operators):
        batch = []
        for path in paths:
            with Image.open(path) as image:
                batch.append(steps(image.convert("RGB")))
        return torch.stack(batch)

    return run


def rates(ways, paths, preprocessing, rounds):
    """Images per second of CPU time, per way and round, the ways in another order each round."""
    measured = {name: [] for name in ways}
    order = list(ways)
    shuffle = random.Random(0).shuffle
    batches = [paths[i : i + BATCH] for i in range(0, len(paths), BATCH)]
    for round_number in range(rounds + 1):  # the first warms up
        shuffle(order)
        for name in order:
            start = time.process_time()
            for batch in batches:
                ways[name](batch, preprocessing)
            if round_number:
                measured[name].append(len(paths) / (time.process_time() - start))
    return measured


def print_rates(measured):
    first = statistics.median(next(iter(measured.values())))
    for name, values in measured.items():
        low, middle, high = statistics.quantiles(values, n=4)
        print(f"{name:14s} {middle:10,.0f} /s  quartiles {low:,.0f} .. {high:,.0f}"
              f"   ours / this {first / middle:.2f}")  # fmt: skip


def rate(work, images, rounds):
    values = []
    for _ in range(rounds + 1):
        start = time.process_time()
        for _ in range(20):
            work()
        values.append(20 * images / (time.process_time() - start))
    return statistics.median(values[1:])


def second_stage(side, channels, rounds):
    """Augmentation and normalisation of batches of 128, on one thread."""
    moves = Augmentation(flip=True, shift=0.125)
    warps = Augmentation(flip=True, shift=0.125, rotate=15.0, scale=0.1)
    batch = np.random.default_rng(0).integers(0, 256, (128, side, side, channels), np.uint8)
    at = {"seed": 0, "epoch": 1, "indices": np.arange(128)}
    preprocessing = Preprocessing(
        side=side, channels=channels, mean=MEAN[:channels], std=STD[:channels]
    )
    for name, work in (
        ("flip, shift", lambda: augment(batch, moves, side, **at)),
        ("and turn, zoom", lambda: augment(batch, warps, side, **at)),
        ("normalise", lambda: normalise(batch, preprocessing)),
    ):
        print(f"{side}x{side}x{channels}  {name:14s} {rate(work, 128, rounds):12,.0f} /s")


def train(paths, side, rounds, page):
    operators = declared_operators()
    size = statistics.mean(os.path.getsize(path) for path in paths)
    text = (
        "# Photo files to training batches\n\nMade by `python benchmarks/input_pipeline.py FOLDER "
        f"--train --page docs/input.md`.\n\n{len(paths)} photos of {size:,.0f} bytes on average to "
        f"normalised float32 batches of {training_input.BATCH}, side {side}; images per second of "
        f"CPU time, median of {rounds} rounds in which the ways take turns. "
        f"{training_input.conditions()}.\n"
    )
    print(text)
    for title, heading, rows in training_input.compare(paths, side, rounds, MEAN, STD):
        part = f"## {title}\n\n{training_input.table(heading, rows)}\n"
        print(part, flush=True)
        text += f"\n{part}"
    if page:
        page.write_text(text)
    del operators


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most", type=int, default=2000, help="files to use")
    parser.add_argument("--second", action="store_true")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.second:
        second_stage(28, 1, options.rounds)
        second_stage(32, 3, options.rounds)
        return
    found = walk(options.folder).images
    paths = found[:: max(1, len(found) // options.most)][: options.most]
    if options.train:
        train(paths, options.side, options.rounds, options.page)
        return
    share = 0.875 if min(Image.open(paths[0]).size) > options.side else 1.0
    preprocessing = Preprocessing(
        side=options.side, channels=3, mean=MEAN, std=STD, crop_share=share
    )
    ways = {"ours": ours, "ours, Pillow": ours_with_pillow, "by hand": by_hand}
    try:
        ways["torchvision"] = with_torchvision(preprocessing)
    except ImportError:
        print("torchvision is not installed: left out")
    readable = [path for path in paths if Path(path).suffix.lower() in (".jpg", ".jpeg", ".png")]
    some = readable[:BATCH]
    if not torch.equal(ours(some, preprocessing), ours_with_pillow(some, preprocessing)):
        raise SystemExit("The two decoders disagree: no figure is worth printing.")
    size = statistics.mean(os.path.getsize(path) for path in readable)
    print(f"{len(readable)} files of {size:,.0f} bytes on average, side {options.side}")
    print_rates(rates(ways, readable, preprocessing, options.rounds))


if __name__ == "__main__":
    main()
