"""Changes of training images that keep their class."""

from convatlas.data.augmentation._augment import augment
from convatlas.data.augmentation._fields import IMAGENET_COLOURS, Augmentation

__all__ = ["IMAGENET_COLOURS", "Augmentation", "augment"]
