"""Photographs: made on the spot, or real ones from the folder that CONVATLAS_PHOTOS names."""

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convatlas.data import Picture, read_picture

SIZES = [(50, 38), (38, 50), (47, 47), (64, 40), (41, 61), (33, 90)]


def photo(width, height, seed=0):
    """Smooth surfaces, edges, texture and the blocks of a JPEG."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    pixels = np.empty((height, width, 3))
    for channel in range(3):
        a, b, c, d = rng.normal(0, 4, 4)
        pixels[..., channel] = 128 + 70 * np.sin(a * x + b * y + c) * np.cos(d * x * y)
    for _ in range(4):
        left, top = rng.integers(0, width), rng.integers(0, height)
        pixels[top : top + height // 3, left : left + width // 3] += rng.normal(0, 60, 3)
    pixels += rng.normal(0, 8, (height, width, 1))
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    file = BytesIO()
    image.save(file, "JPEG", quality=92)
    return Image.open(BytesIO(file.getvalue())).convert("RGB")


def made_photos(count):
    return [photo(*SIZES[i % len(SIZES)], seed=i) for i in range(count)]


def real_photos(count):
    folder = os.environ.get("CONVATLAS_PHOTOS")
    if not folder:
        pytest.skip("CONVATLAS_PHOTOS names no folder of photographs")
    paths = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    if len(paths) < count:
        pytest.skip(f"{folder} holds {len(paths)} photographs, {count} are needed")
    return [read_picture(str(path)).image for path in paths[:count]]


class Album:
    """Images as the engine takes them; counts how often each is decoded."""

    def __init__(self, images, labels=None):
        self.images = list(images)
        self.names = [f"photos/{i}.jpg" for i in range(len(self.images))]
        self.labels = np.zeros(len(self.images), np.int64) if labels is None else labels
        self.decoded = [0] * len(self.images)

    @property
    def source(self):
        return self

    def picture(self, index):
        self.decoded[index] += 1
        image = self.images[index]
        if isinstance(image, Exception):
            raise image
        return Picture(image, image.mode)
