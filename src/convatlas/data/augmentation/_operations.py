"""Changes of one image's colours and geometry, bit for bit those of Pillow.

Every function takes an image uint8 [h, w, c], c = 1 or 3, and gives a new one. Pillow's blend is
`first + factor * (second - first)` in float32, cut to a whole level; the tables below are computed
so. Geometry takes the nearest pixel, at Pillow's positions of 16 binary places.
"""

from collections.abc import Callable
from math import cos, floor, radians, sin
from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Levels = npt.NDArray[Any]
Matrix = tuple[float, float, float, float, float, float]
_LEVELS = np.arange(256)
_ONE = 1 << 16  # of a coordinate
_LUMINANCE = np.array([19595, 38470, 7471], np.float32)  # red, green and blue of 2**16


def brightness(image: Image, factor: float) -> Image:
    """Black at 0, the image at 1."""
    return _mapped(image, _blend(np.zeros(256), _LEVELS, factor))


def contrast(image: Image, factor: float) -> Image:
    """The image's mean grey level at 0, the image at 1."""
    levels = grey(image)
    mean = int(int(levels.sum(dtype=np.int64)) / levels.size + 0.5)
    return _mapped(image, _blend(np.full(256, mean), _LEVELS, factor))


def saturation(image: Image, factor: float) -> Image:
    """Grey at 0, the image at 1; an image of one channel stays."""
    if image.shape[2] == 1:
        return image.copy()
    return _blend(np.repeat(grey(image), 3, axis=2), image, factor)


def sharpness(image: Image, factor: float) -> Image:
    """The image smoothed by (1 1 1, 1 5 1, 1 1 1) / 13 at 0, the image at 1."""
    smooth = image.copy()
    if min(image.shape[:2]) >= 3:
        wide = image.astype(np.uint16)
        rows = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
        total = rows[:-2] + rows[1:-1] + rows[2:] + 4 * wide[1:-1, 1:-1]
        smooth[1:-1, 1:-1] = total * np.float32(1 / 13) + np.float32(0.5)  # ties cannot be
    return _blend(smooth, image, factor)


def posterize(image: Image, bits: int) -> Image:
    """The highest `bits` of every level, 0 to 8."""
    return _mapped(image, _LEVELS & ~(2 ** (8 - bits) - 1))


def solarize(image: Image, threshold: float) -> Image:
    """Levels from `threshold` on inverted."""
    return _mapped(image, np.where(threshold > _LEVELS, _LEVELS, 255 - _LEVELS))


def autocontrast(image: Image) -> Image:
    """Each channel stretched to 0..255."""
    return _mapped_by_channel(image, _stretch)


def equalize(image: Image) -> Image:
    """Each channel with a flat histogram, as far as its levels allow."""
    return _mapped_by_channel(image, _flatten)


def shear_x(image: Image, share: float, fill: tuple[int, ...]) -> Image:
    """Rows moved in proportion to their height, about the upper left corner."""
    return affine(image, (1.0, share, 0.0, 0.0, 1.0, 0.0), fill)


def shear_y(image: Image, share: float, fill: tuple[int, ...]) -> Image:
    """Columns moved in proportion to their place, about the upper left corner."""
    return affine(image, (1.0, 0.0, 0.0, share, 1.0, 0.0), fill)


def translate(image: Image, right: int, down: int, fill: tuple[int, ...]) -> Image:
    """Moved by whole pixels."""
    height, width = image.shape[:2]
    result = np.empty_like(image)
    result[...] = fill
    kept = image[max(0, -down) : max(0, height - down), max(0, -right) : max(0, width - right)]
    top, left = max(0, down), max(0, right)
    result[top : top + kept.shape[0], left : left + kept.shape[1]] = kept
    return result


def rotate(image: Image, degrees: float, fill: tuple[int, ...]) -> Image:
    """Turned anticlockwise about the centre."""
    angle = -radians(degrees)
    x, y = image.shape[1] / 2, image.shape[0] / 2
    a, b = round(cos(angle), 15), round(sin(angle), 15)
    return affine(image, (a, b, -a * x - b * y + x, -b, a, b * x - a * y + y), fill)


def affine(image: Image, matrix: Matrix, fill: tuple[int, ...]) -> Image:
    """Each pixel (x, y) from (a x + b y + c, d x + e y + f), or `fill` where that is outside."""
    a, b, c, d, e, f = matrix
    height, width = image.shape[:2]
    columns, rows = np.arange(width), np.arange(height)[:, None]
    from_x = _fixed(c + 0.5 * a + 0.5 * b) + _fixed(a) * columns + _fixed(b) * rows >> 16
    from_y = _fixed(f + 0.5 * d + 0.5 * e) + _fixed(d) * columns + _fixed(e) * rows >> 16
    inside = (from_x >= 0) & (from_x < width) & (from_y >= 0) & (from_y < height)
    places = np.where(inside, from_y * width + from_x, 0)
    result = np.take(image.reshape(height * width, -1), places, axis=0)
    result[~inside] = fill
    return result


def grey(image: Image) -> Image:
    """Luminance, [h, w, 1]."""
    if image.shape[2] == 1:
        return image
    total = image.astype(np.float32) @ _LUMINANCE  # whole numbers below 2**24: exact
    total += 0x8000
    total *= np.float32(2**-16)
    return total.astype(np.uint8)[..., None]


def _fixed(value: float) -> int:
    return floor(value * _ONE + 0.5)


def _blend(first: Levels, second: Levels, factor: float) -> Image:
    start = first.astype(np.float32)
    mixed = second.astype(np.float32)
    mixed -= start
    mixed *= np.float32(factor)
    mixed += start
    return np.clip(mixed, 0, 255, out=mixed).astype(np.uint8)


def _mapped(image: Image, table: Levels) -> Image:
    """Each level replaced by the table's."""
    mapped = bytearray(image.tobytes()).translate(table.astype(np.uint8).tobytes())
    return np.frombuffer(mapped, np.uint8).reshape(image.shape)


def _mapped_by_channel(image: Image, table_of: Callable[[Levels], Levels]) -> Image:
    result = np.empty_like(image)
    for channel in range(image.shape[2]):
        levels = np.ascontiguousarray(image[..., channel])
        histogram = np.bincount(levels.ravel(), minlength=256)
        result[..., channel] = _mapped(levels, table_of(histogram))
    return result


def _stretch(histogram: Levels) -> Levels:
    present = np.flatnonzero(histogram)
    low, high = int(present[0]), int(present[-1])
    if high <= low:
        return _LEVELS
    scale = 255 / (high - low)
    return np.clip(np.trunc(_LEVELS * scale + -low * scale), 0, 255)


def _flatten(histogram: Levels) -> Levels:
    present = np.flatnonzero(histogram)
    step = int(histogram.sum() - histogram[present[-1]]) // 255
    if len(present) == 1 or step == 0:
        return _LEVELS
    below = np.cumsum(histogram) - histogram
    return np.minimum((step // 2 + below) // step, 255)
