"""Small images and folders of them, made on the spot."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image


def noise(width, height, channels=3, seed=0):
    """A picture with structure and noise: work for a decoder, and every pixel tells."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = 127 + 60 * np.sin(x / 5)[..., None] + 50 * np.cos(y / 7)[..., None]
    pixels = waves + rng.normal(0, 20, (height, width, channels))
    pixels = pixels.clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels)


def encoded(image, file_format="JPEG", **options):
    file = BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def write_folder(root: Path, counts: Mapping[str, int], *, channels=3, side=8, start=0):
    """Write `counts[class folder]` different PNGs below `root`."""
    seed = start
    for name, count in counts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            seed += 1
            noise(side, side, channels, seed).save(root / name / f"{number:03d}.png")
    return root
