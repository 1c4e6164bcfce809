"""Ways in which a picture gets worse, each in a few severities.

Applied to the square that a net's crop is cut from, so that a severity means the same for a photo
of any size. Kinds and severities after Hendrycks, Dietterich, ICLR 2019 (arXiv:1903.12261), who
corrupt the resized image as well; blur is given as a share of the side instead of in pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Square = npt.NDArray[np.uint8]  # [s, s, c]


@dataclass(frozen=True, slots=True)
class Corruption:
    """One way; `apply(image, severity, random)` gives an image of the same shape."""

    name: str
    unit: str  # of a severity, for people
    severities: tuple[float, ...]  # from mild to severe
    apply: Callable[[Square, float, np.random.Generator], Square]


def random_of(seed: int, name: str) -> np.random.Generator:
    """Random numbers of an image by its name, so that its place among others does not matter."""
    return np.random.default_rng([seed, *sha256(name.encode("utf-8", "surrogateescape")).digest()])


def _jpeg(image: Square, quality: float, _: np.random.Generator) -> Square:
    file = BytesIO()
    _picture(image).save(file, "JPEG", quality=round(quality))
    return np.asarray(Image.open(file)).reshape(image.shape)


def _noise(image: Square, deviation: float, random: np.random.Generator) -> Square:
    added = image + random.normal(0.0, deviation / 100 * 255, image.shape)
    return added.round().clip(0, 255).astype(np.uint8)


def _blur(image: Square, share: float, _: np.random.Generator) -> Square:
    radius = share / 100 * image.shape[0]
    return np.asarray(_picture(image).filter(ImageFilter.GaussianBlur(radius))).reshape(image.shape)


def _brightness(image: Square, factor: float, _: np.random.Generator) -> Square:
    return (image.astype(np.float64) * factor).round().clip(0, 255).astype(np.uint8)


def _picture(image: Square) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


CORRUPTIONS = (
    Corruption("JPEG", "quality", (80.0, 50.0, 25.0, 15.0, 7.0), _jpeg),
    Corruption("noise", "standard deviation, % of white", (4.0, 8.0, 12.0, 18.0, 26.0), _noise),
    Corruption("blur", "standard deviation, % of the side", (0.5, 1.0, 1.5, 2.0, 3.0), _blur),
    Corruption("darker", "brightness factor", (0.8, 0.6, 0.4, 0.25, 0.15), _brightness),
    Corruption("brighter", "brightness factor", (1.25, 1.5, 2.0, 3.0, 4.0), _brightness),
)  # fmt: skip
