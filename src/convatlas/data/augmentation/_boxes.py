"""Which part of an image becomes the net's input: random-resized crops and scale jitter.

Sources: crops of a random area and shape are GoogLeNet's (arXiv:1409.4842, section 6), drawn as
torchvision draws them: the logarithm of the aspect is uniform; a crop that does not fit is drawn
again, and after ten that do not the largest one in the middle whose aspect is allowed is taken.
Jitter of the short side is VGG's (arXiv:1409.1556, section 3.1): it is resized to S, uniform over
whole numbers, and the net's side is cropped at a random place.
"""

from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np

from convatlas.data.augmentation._draw import Draw
from convatlas.data.augmentation._fields import Augmentation

_TRIES = 10
_AREA, _ASPECT = 32, 42  # streams, one per try
_TOP, _LEFT, _SHORT = 52, 53, 54


class Box(NamedTuple):
    """A rectangle in an image, in pixels, not always whole ones."""

    left: float
    top: float
    width: float
    height: float


class Boxes:
    """The crop of each image of a batch; which one it is the image's size decides too."""

    def __init__(self, augmentation: Augmentation, side: int, draw: Draw) -> None:
        self._area = augmentation.crop_area
        self._aspect = augmentation.crop_aspect
        self._side = side
        shorts = augmentation.short_side or (1.0, 1.0)
        least, most = (max(side, round(share * side)) for share in shorts)
        self._top, self._left = draw.uniform(_TOP).tolist(), draw.uniform(_LEFT).tolist()
        if self._area is None:
            self._short = (least + draw.whole(_SHORT, most - least)).tolist()
        else:
            self._shares = _table(draw, _AREA)
            self._shapes = _table(draw, _ASPECT)

    def box(self, place: int, width: int, height: int) -> Box:
        """The crop of the image at `place` in the batch, which is that large."""
        if self._area is None:
            return self._of_resized(place, width, height)
        return self._resized(place, width, height, self._area)

    def _resized(self, place: int, width: int, height: int, area: tuple[float, float]) -> Box:
        low, high = map(log, self._aspect)
        for share, shape in zip(self._shares[place], self._shapes[place], strict=True):
            pixels = (area[0] + share * (area[1] - area[0])) * width * height
            aspect = exp(low + shape * (high - low))
            wide, tall = round(sqrt(pixels * aspect)), round(sqrt(pixels / aspect))
            if 0 < wide <= width and 0 < tall <= height:
                left = int(self._left[place] * (width - wide + 1))
                top = int(self._top[place] * (height - tall + 1))
                return Box(left, top, wide, tall)
        return _middle(width, height, self._aspect)

    def _of_resized(self, place: int, width: int, height: int) -> Box:
        short = self._short[place]
        wide, tall = (
            max(short, round(length * short / min(width, height))) for length in (width, height)
        )
        across, down = width / wide, height / tall  # pixels of the image per resized one
        left = int(self._left[place] * (wide - self._side + 1)) * across
        top = int(self._top[place] * (tall - self._side + 1)) * down
        return Box(left, top, self._side * across, self._side * down)


def _table(draw: Draw, first: int) -> list[list[float]]:
    """A row of tries per image."""
    columns = [draw.uniform(first + number) for number in range(_TRIES)]
    table: list[list[float]] = np.stack(columns, axis=1).tolist()
    return table


def _middle(width: int, height: int, aspect: tuple[float, float]) -> Box:
    wide, tall = width, height
    if width / height < aspect[0]:
        tall = min(height, max(1, round(width / aspect[0])))
    elif width / height > aspect[1]:
        wide = min(width, max(1, round(height * aspect[1])))
    return Box((width - wide) // 2, (height - tall) // 2, wide, tall)
