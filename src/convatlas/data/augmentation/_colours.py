"""Random changes of colour: jitter, and shifts along the data's principal components.

Jitter takes a factor for each of brightness, contrast and saturation and a turn of the hue, and
applies them in a random order, with Pillow's arithmetic.

PCA colour is AlexNet's (Krizhevsky et al., NIPS 2012, section 4.1): to every pixel of an image is
added the sum of the components, each times its eigenvalue and a normal number of deviation 0.1
drawn for the image. The paper does not say on what scale pixels are; with 0..1, as everybody has
it, one deviation of the first component moves every channel by 3 levels. An image
of one channel moves by the luminance of the shift.
"""

from collections.abc import Callable
from math import cos, log, pi, sqrt

import numpy as np
import numpy.typing as npt

from convatlas.data._random import uniform
from convatlas.data.augmentation._draw import Draw
from convatlas.data.augmentation._fields import Augmentation, Basis
from convatlas.data.augmentation._hue import hue
from convatlas.data.augmentation._operations import brightness, contrast, saturation

Images = npt.NDArray[np.uint8]
_NORMAL = 26  # streams, two per component
_STRENGTH, _RANK = 60, 64  # streams, one per operation
_LUMINANCE = (0.299, 0.587, 0.114)


def _turned(image: Images, share: float) -> Images:
    return hue(image, round(255 * share))


_OPERATIONS: dict[str, Callable[[Images, float], Images]] = {
    "brightness": brightness,
    "contrast": contrast,
    "saturation": saturation,
    "hue": _turned,
}


def jitters(augmentation: Augmentation) -> bool:
    """Whether colours are jittered at all."""
    return any(getattr(augmentation, name) for name in _OPERATIONS)


def jitter(images: Images, augmentation: Augmentation, draw: Draw) -> None:
    """Change the colours of each image [n, h, w, c], in place."""
    numbers, ranks, changes = [], [], []
    for stream, (name, operation) in enumerate(_OPERATIONS.items()):
        if most := getattr(augmentation, name):
            low, high = (-most, most) if name == "hue" else (max(0.0, 1 - most), 1 + most)
            numbers.append(low + (high - low) * draw.uniform(_STRENGTH + stream))
            ranks.append(uniform(draw.words(_RANK + stream)))
            changes.append(operation)
    orders = np.argsort(np.stack(ranks), axis=0, kind="stable").T.tolist()
    strengths = np.stack(numbers, axis=1).tolist()
    for place, (order, strength) in enumerate(zip(orders, strengths, strict=True)):
        image = images[place]
        for which in order:
            image = changes[which](image, strength[which])
        images[place] = image


def shift_colours(images: Images, deviation: float, basis: Basis, draw: Draw) -> None:
    """Move the colours of each image [n, h, w, c] along the components, in place."""
    shifts = 255 * (_normal(draw, len(basis)) * deviation) @ np.array(basis)  # [n, 3]
    if images.shape[3] == 1:
        shifts = shifts @ np.array(_LUMINANCE)[:, None]
    levels = np.floor(shifts + 0.5).astype(np.int16)  # of whole levels this is rounding to nearest
    for image, level in zip(images, levels, strict=True):
        image[...] = np.clip(image + level, 0, 255)


def _normal(draw: Draw, count: int) -> npt.NDArray[np.float64]:
    """Normal numbers [n, count], by Box and Muller."""
    result = np.empty((len(draw.indices), count))
    for column in range(count):
        sizes = draw.uniform(_NORMAL + 2 * column).tolist()
        angles = draw.uniform(_NORMAL + 2 * column + 1).tolist()
        result[:, column] = [
            sqrt(-2 * log(1 - size)) * cos(2 * pi * angle)
            for size, angle in zip(sizes, angles, strict=True)
        ]
    return result
