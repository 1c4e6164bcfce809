"""A person's images: found, looked at, divided, decoded once, changed at random and normalised."""

from convatlas.data._advice import augmentation_for
from convatlas.data._augment import Augmentation, augment
from convatlas.data._decode import MAX_PIXELS
from convatlas.data._fit import centre, load_image
from convatlas.data._material import Material
from convatlas.data._normalise import normalise
from convatlas.data._open import BUILT_IN, open_dataset
from convatlas.data._pixels import Pixels, StoredPixels, channel_statistics
from convatlas.data._prepare import prepare
from convatlas.data._preprocessing import Preprocessing
from convatlas.data._progress import Progress
from convatlas.data._random import order
from convatlas.data._relabel import labelled_as, split_of
from convatlas.data._types import Dataset, Scan, Split, Unreadable

__all__ = [
    "BUILT_IN",
    "MAX_PIXELS",
    "Augmentation",
    "Dataset",
    "Material",
    "Pixels",
    "Preprocessing",
    "Progress",
    "Scan",
    "Split",
    "StoredPixels",
    "Unreadable",
    "augment",
    "augmentation_for",
    "centre",
    "channel_statistics",
    "labelled_as",
    "load_image",
    "normalise",
    "open_dataset",
    "order",
    "prepare",
    "split_of",
]
