"""Changes of training images that keep their class."""

from convatlas.data.augmentation._augment import augment, finish
from convatlas.data.augmentation._boxes import Box, Boxes
from convatlas.data.augmentation._cut import cut, resized
from convatlas.data.augmentation._draw import Draw
from convatlas.data.augmentation._fields import IMAGENET_COLOURS, Augmentation, Basis

__all__ = [
    "IMAGENET_COLOURS",
    "Augmentation",
    "Basis",
    "Box",
    "Boxes",
    "Draw",
    "augment",
    "cut",
    "finish",
    "resized",
]
