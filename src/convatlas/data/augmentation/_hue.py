"""Hue, saturation and value, bit for bit Pillow's: in single or double precision as there."""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
_F, _D = np.float32, np.float64


def hue(image: Image, turn: int) -> Image:
    """The hue moved by `turn` of 256 steps round the circle; an image of one channel stays."""
    if image.shape[2] == 1:
        return image.copy()
    hues, saturations, values = to_hsv(image)
    return from_hsv(hues + np.uint8(turn % 256), saturations, values)


def to_hsv(image: Image) -> tuple[Image, Image, Image]:
    """Hue, saturation and value of each pixel of [h, w, 3]."""
    red, green, blue = (np.ascontiguousarray(image[..., channel]) for channel in range(3))
    most, least = (pick(pick(red, green), blue) for pick in (np.maximum, np.minimum))
    plain = most == least
    span = np.where(plain, 1, most - least).astype(_F)
    from_red, from_green, from_blue = (
        (most - channel).astype(_F) / span for channel in (red, green, blue)
    )
    turns = np.where(
        red == most,
        from_blue - from_green,
        np.where(
            green == most,
            (2.0 + from_red.astype(_D) - from_blue).astype(_F),
            (4.0 + from_green.astype(_D) - from_red).astype(_F),
        ),
    )
    circle = turns.astype(_D) / 6.0 + 1.0
    turns = (circle - np.floor(circle)).astype(_F)
    shares = span / np.maximum(most, 1).astype(_F)
    hues = np.where(plain, 0, turns.astype(_D) * 255.0).astype(np.uint8)
    saturations = np.where(plain, 0, shares.astype(_D) * 255.0).astype(np.uint8)
    return hues, saturations, most


def from_hsv(hues: Image, saturations: Image, values: Image) -> Image:
    """The inverse: [h, w, 3]."""
    sextant, place = _sextants()
    within = place[hues]
    share = (saturations.astype(_D) / 255.0).astype(_F)
    value = values.astype(_D)
    low = _rounded(value * (1.0 - share.astype(_D)))
    falling = _rounded(value * (1.0 - (share * within).astype(_D)))
    rising = _rounded(value * (1.0 - share * (1.0 - within.astype(_D))))
    six = sextant[hues]
    result = np.empty((*hues.shape, 3), np.uint8)
    high = values
    for channel, parts in enumerate(
        (
            (high, falling, low, low, rising, high),
            (rising, high, high, falling, low, low),
            (low, low, rising, high, high, falling),
        )
    ):
        result[..., channel] = np.choose(six, parts)
    result[saturations == 0] = values[saturations == 0, None]
    return result


@cache
def _sextants() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Of every hue: which sixth of the circle, and how far in it."""
    exact = np.arange(256) * 6.0 / 255.0
    whole = np.floor(exact)
    return (whole % 6).astype(np.uint8), (exact - whole).astype(_F)


def _rounded(values: npt.NDArray[Any]) -> Image:
    """To the nearest whole number, halves up: the values are not negative."""
    return np.floor(values + 0.5).astype(np.uint8)
