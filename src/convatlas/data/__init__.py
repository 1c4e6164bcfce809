"""A person's images: found, looked at, divided, decoded once, changed at random and normalised."""

from convatlas.data._advice import augmentation_for
from convatlas.data._balance import balanced_order, class_weights
from convatlas.data._contact_sheet import contact_sheet
from convatlas.data._decode import MAX_PIXELS, Undecodable, read_picture
from convatlas.data._fit import LONGEST, centre, fit, fit_whole, load_image
from convatlas.data._image_files import image_files
from convatlas.data._images import PARTS, Images, Part, open_images
from convatlas.data._material import Material
from convatlas.data._names import Names
from convatlas.data._normalise import normalise
from convatlas.data._open import BUILT_IN, open_dataset
from convatlas.data._pack import Packed, pack
from convatlas.data._picture import Picture
from convatlas.data._pixels import Pixels, StoredPixels
from convatlas.data._pool import in_chunks
from convatlas.data._prepare import prepare
from convatlas.data._preprocessing import MAX_SIDE, ChannelOrder, Interpolation, Preprocessing
from convatlas.data._progress import Progress
from convatlas.data._random import order
from convatlas.data._relabel import labelled_as, numbering, split_of
from convatlas.data._statistics import channel_statistics, colour_basis
from convatlas.data._types import Dataset, ImageSource, Scan, Split, Unreadable
from convatlas.data._unreadable import UnreadableImages
from convatlas.data.augmentation import IMAGENET_COLOURS, Augmentation, augment, resized
from convatlas.data.packed import PackedForm

__all__ = [
    "BUILT_IN",
    "IMAGENET_COLOURS",
    "LONGEST",
    "MAX_PIXELS",
    "MAX_SIDE",
    "PARTS",
    "Augmentation",
    "ChannelOrder",
    "Dataset",
    "ImageSource",
    "Images",
    "Interpolation",
    "Material",
    "Names",
    "Packed",
    "PackedForm",
    "Part",
    "Picture",
    "Pixels",
    "Preprocessing",
    "Progress",
    "Scan",
    "Split",
    "StoredPixels",
    "Undecodable",
    "Unreadable",
    "UnreadableImages",
    "augment",
    "augmentation_for",
    "balanced_order",
    "centre",
    "channel_statistics",
    "class_weights",
    "colour_basis",
    "contact_sheet",
    "fit",
    "fit_whole",
    "image_files",
    "in_chunks",
    "labelled_as",
    "load_image",
    "normalise",
    "numbering",
    "open_dataset",
    "open_images",
    "order",
    "pack",
    "prepare",
    "read_picture",
    "resized",
    "split_of",
]
