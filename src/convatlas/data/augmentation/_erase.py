"""Random erasing: a rectangle of noise over part of an image.

Source: Zhong et al. (arXiv:1708.04896), algorithm 1 and section 4.2: area 2 % to 40 % of the image,
aspect ratio 0.3 to 1 / 0.3, random values. A rectangle that would not fit is cut to fit, where the
paper draws again.
"""

from functools import cache
from math import sqrt

import numpy as np
import numpy.typing as npt

from convatlas.data._random import mixed, uniform, words

_AREA = (0.02, 0.40)
_ASPECT = (0.3, 1 / 0.3)
_WHETHER, _HOW_LARGE, _HOW_TALL, _TOP, _LEFT, _NOISE = range(16, 22)  # streams


def erase(
    images: npt.NDArray[np.uint8],
    probability: float,
    indices: npt.NDArray[np.int64],
    *,
    seed: int,
    epoch: int,
) -> None:
    """Overwrite, in place, a rectangle of each chosen image [n, side, side, channels]."""
    side, channels = images.shape[1], images.shape[3]

    def drawn(stream: int, members: npt.NDArray[np.int64]) -> list[float]:
        return uniform(words(members, seed=seed, epoch=epoch, stream=stream)).tolist()

    chosen = [i for i, u in enumerate(drawn(_WHETHER, indices)) if u < probability]
    draws = (drawn(s, indices[chosen]) for s in (_HOW_LARGE, _HOW_TALL, _TOP, _LEFT, _NOISE))
    noise = _noise(2 * side * side * channels)
    for i, large, tall, at_y, at_x, start in zip(chosen, *draws, strict=True):
        area = (_AREA[0] + large * (_AREA[1] - _AREA[0])) * side * side
        aspect = _ASPECT[0] + tall * (_ASPECT[1] - _ASPECT[0])
        height = min(side, max(1, round(sqrt(area * aspect))))
        width = min(side, max(1, round(sqrt(area / aspect))))
        top, left = int(at_y * (side - height + 1)), int(at_x * (side - width + 1))
        first = int(start * side * side * channels)
        values = noise[first : first + height * width * channels]
        place = images[i, top : top + height, left : left + width]
        place[...] = values.reshape(height, width, channels)


@cache
def _noise(length: int) -> npt.NDArray[np.uint8]:
    """Fixed random bytes; a rectangle takes some, from a place drawn for it."""
    return mixed(np.arange(-(-length // 8), dtype=np.uint64)).astype("<u8").view(np.uint8)[:length]
