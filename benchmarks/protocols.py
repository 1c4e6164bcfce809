"""Every protocol on one net and one data set: error, images per second, and what overlap costs.

    OMP_NUM_THREADS=1 python benchmarks/protocols.py MODEL DATA [--images 500] [--protocol TEXT ...]

First a row per protocol: what the net sees of each image, the error, images and views per second.
Then dense against multi-crop at equal coverage: on central squares of the images, all n x n places
that the class map has, once as one forward over the whole image, once as n x n crops. The crops
overlap, so multi-crop computes again what dense computes once. Nets that pad inside see zeros
around a crop and the image around a place of the map: the largest difference of a probability says
by how much that changes the answers (nets without padding: nothing but rounding).

Seconds are CPU seconds of this process, decoding included; every protocol is run once before on
a few images.
"""

import argparse
from pathlib import Path
from time import process_time

import numpy as np
import torch

from convatlas.cli._console import print_table
from convatlas.data import Picture, fit, open_images
from convatlas.device import open_model
from convatlas.errors import UserError
from convatlas.evaluation import evaluation_of, plan, score, score_all
from convatlas.evaluation.protocols import Dense, MultiCrop, parse

PROTOCOLS = (
    "single_crop", "flip(single_crop)", "ten_crop", "multi_scale(ten_crop, {0}, {1})",
    "inception_crops", "multi_crop({0})", "multi_crop({0}, {1}, {2})", "dense({0})",
    "dense({0}, {1}, {2})", "dense({0}, {1}, {2}) + multi_crop({0}, {1}, {2})",
)  # fmt: skip
WARM = 8


class Some:
    """Images at equal distances; squares of one side if asked for."""

    def __init__(self, images, count, square=0):
        self.places = np.unique(np.arange(count) * len(images) // count)
        self.names = [images.names[i] for i in self.places]
        self.labels = images.labels[self.places]
        self._images, self._square = images, square

    @property
    def source(self):
        return self

    def picture(self, index):
        picture = self._images.source.picture(int(self.places[index]))
        if not self._square:
            return picture
        pixels = fit(picture, self._square, picture.channels)
        grey = picture.channels == 1
        return Picture(
            np.ascontiguousarray(pixels[..., 0] if grey else pixels), picture.stored_mode
        )


def timed(model, images, protocol):
    score(model, images, protocol, range(min(WARM, len(images.names))))
    start = process_time()
    scored = score_all(model, images, protocol)
    return scored, (process_time() - start) / len(images.names)


def protocol_rows(model, images, texts):
    for text in texts:
        protocol = parse(text)
        try:
            views = plan(protocol, model).protocol.num_views
            scored, seconds = timed(model, images, protocol)
        except UserError as error:
            yield [text, "-", "-", "-", str(error).split(". ")[0][:60]]
            continue
        error = evaluation_of(scored).top1_error
        yield [text, views, f"{error:.2f} %", f"{1 / seconds:,.1f}", f"{views / seconds:,.0f}"]


def coverage_rows(model, images):
    side, channels = model.preprocessing.side, model.preprocessing.channels
    rows = [
        model.class_map(np.zeros((1, channels, side + more, side), np.float32)).shape[2]
        for more in range(2 * side)
    ]
    stride = rows.index(3) - rows.index(2)  # of padded nets the second place comes early
    for count in (2, 3, 5):
        size = side + stride * (count - 1)
        square = Some(images, min(100, len(images)), size)
        crops = MultiCrop((size,), grid=count, average="logits")
        (dense, one), (multi, many) = (
            timed(model, square, protocol) for protocol in (Dense((size,)), crops)
        )
        apart = abs(dense.probabilities - multi.probabilities).max()
        yield [
            size, f"{count} x {count}", stride, f"{1 / one:,.1f}", f"{1 / many:,.1f}",
            f"{many / one:.2f}", f"{count**2 * side**2 / size**2:.2f}", f"{apart:.1e}",
        ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("data")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--protocol", action="append")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    model = open_model(given.model, threads=given.threads).scoring
    images = open_images(given.data, "test", model.classes)
    side = model.preprocessing.side
    sizes = [round(side * ratio) for ratio in (256 / 224, 384 / 224, 512 / 224)]
    texts = given.protocol or [text.format(*sizes) for text in PROTOCOLS]
    some = Some(images, min(given.images, len(images)))
    print(f"{model.name}, {len(some.names):,} images of {images.name}, {given.threads} thread(s)")
    print_table(
        ["protocol", "views", "error", "images/s", "views/s"],
        list(protocol_rows(model, some, texts)),
    )
    if model.class_map is not None:
        columns = ["side", "places", "stride", "dense images/s", "multi-crop images/s",
                   "ratio", "times each pixel is seen", "largest difference"]  # fmt: skip
        print_table(columns, list(coverage_rows(model, images)))


if __name__ == "__main__":
    main()
