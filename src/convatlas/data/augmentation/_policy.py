"""RandAugment and TrivialAugment: operations drawn from a list, of given or drawn strength.

Sources: Cubuk et al. (arXiv:1909.13719): n operations, each of 14 equally likely, all of magnitude
m; Mueller, Hutter (arXiv:2103.10158): one operation, its magnitude drawn from 0 to 30, wider
ranges. Ranges and signs are torchvision's, which follow the papers' code. Geometry takes the
nearest pixel and fills what it uncovers.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data.augmentation import _operations as ops
from convatlas.data.augmentation._draw import Draw
from convatlas.data.augmentation._fields import MAX_MAGNITUDE, NUM_OPERATIONS, Augmentation

Images = npt.NDArray[np.uint8]
Fill = tuple[int, ...]
_CHOICE, _SIGN, _MAGNITUDE = 80, 81, 82  # streams; three more for each further operation


class Ranges(NamedTuple):
    """What magnitude 30 means."""

    shear: float  # pixels per pixel
    translate: float  # pixels
    rotate: float  # degrees
    blend: float  # of brightness, colour, contrast and sharpness: the factor is 1 +- this
    posterize: int  # bits lost


def rand_ranges(side: int) -> Ranges:
    """RandAugment's: translation up to 150 pixels of 331."""
    return Ranges(0.3, 150 / 331 * side, 30.0, 0.9, 4)


TRIVIAL = Ranges(0.99, 32.0, 135.0, 0.99, 6)
_Operation = Callable[[Images, float, Ranges, Fill], Images]

OPERATIONS: dict[str, _Operation] = {  # of an image, a signed share of the range, ranges and fill
    "identity": lambda x, share, r, fill: x,
    "shear_x": lambda x, share, r, fill: ops.shear_x(x, share * r.shear, fill),
    "shear_y": lambda x, share, r, fill: ops.shear_y(x, share * r.shear, fill),
    "translate_x": lambda x, share, r, fill: ops.translate(x, int(share * r.translate), 0, fill),
    "translate_y": lambda x, share, r, fill: ops.translate(x, 0, int(share * r.translate), fill),
    "rotate": lambda x, share, r, fill: ops.rotate(x, share * r.rotate, fill),
    "brightness": lambda x, share, r, fill: ops.brightness(x, 1 + share * r.blend),
    "color": lambda x, share, r, fill: ops.saturation(x, 1 + share * r.blend),
    "contrast": lambda x, share, r, fill: ops.contrast(x, 1 + share * r.blend),
    "sharpness": lambda x, share, r, fill: ops.sharpness(x, 1 + share * r.blend),
    "posterize": lambda x, share, r, fill: ops.posterize(x, 8 - round(abs(share) * r.posterize)),
    "solarize": lambda x, share, r, fill: ops.solarize(x, 255 * (1 - abs(share))),
    "autocontrast": lambda x, share, r, fill: ops.autocontrast(x),
    "equalize": lambda x, share, r, fill: ops.equalize(x),
}
assert len(OPERATIONS) == NUM_OPERATIONS  # noqa: S101  an invariant of ours, not input


def operate(images: Images, augmentation: Augmentation, draw: Draw) -> None:
    """Apply the drawn operations to each image [n, side, side, c], in place."""
    if augmentation.rand_augment is None:
        count, magnitude, ranges = 1, None, TRIVIAL
    else:
        count, magnitude = augmentation.rand_augment
        ranges = rand_ranges(images.shape[1])
    operations = tuple(OPERATIONS.values())
    for first in range(0, 3 * count, 3):
        choices = draw.whole(_CHOICE + first, NUM_OPERATIONS - 1).tolist()
        signs = np.where(draw.uniform(_SIGN + first) < 0.5, -1.0, 1.0).tolist()
        if magnitude is None:
            levels = draw.whole(_MAGNITUDE + first, MAX_MAGNITUDE).tolist()
        else:
            levels = [magnitude] * len(images)
        for image, choice, sign, level in zip(images, choices, signs, levels, strict=True):
            share = sign * level / MAX_MAGNITUDE
            image[...] = operations[choice](image, share, ranges, augmentation.fill)
