"""What may be done to a training image of a data set without changing its class."""

from convatlas.data._types import Dataset
from convatlas.data.augmentation import Augmentation

_SMALL_SIDE = 64  # above it images are photos: cropped from a larger one, in many sizes
_TINY_SIDE = 16


def augmentation_for(dataset: Dataset) -> Augmentation:
    """Augmentation that fits the data; flips only where mirroring keeps the class.

    Grey images of up to 64 pixels are mostly signs and drawings, written larger or smaller and at a
    slant: they are also turned and zoomed a little. A shift moves a small image by up to an eighth
    of its side; photos move by their random crop.
    """
    side = dataset.native_side
    if side > _SMALL_SIDE:
        return Augmentation(flip=dataset.flip, scale=0.15)
    if dataset.kind == "digits" or (dataset.channels == 1 and not dataset.flip):
        return Augmentation(rotate=10.0, scale=0.1, shift=1 / 8 if side <= _TINY_SIDE else 1 / 14)
    return Augmentation(flip=dataset.flip, shift=1 / 14 if dataset.channels == 1 else 1 / 8)
