"""Cutout: one square of each image filled.

Source: DeVries, Taylor (arXiv:1708.04552), section 3.2: the middle is drawn among all pixels, so
the square may reach over the border. The paper fills with the mean colour of the data; here the
colour is given.
"""

import numpy as np
import numpy.typing as npt

from convatlas.data.augmentation._draw import Draw

_MIDDLE_Y, _MIDDLE_X = 24, 25  # streams


def cutout(images: npt.NDArray[np.uint8], share: float, fill: tuple[int, ...], draw: Draw) -> None:
    """Fill, in place, a square of `share` of the side of each image [n, side, side, channels]."""
    side = images.shape[1]
    length = round(share * side)
    middles = (draw.whole(stream, side - 1).tolist() for stream in (_MIDDLE_Y, _MIDDLE_X))
    for image, y, x in zip(images, *middles, strict=True):
        top, left = y - length // 2, x - length // 2
        image[max(0, top) : max(0, top + length), max(0, left) : max(0, left + length)] = fill
