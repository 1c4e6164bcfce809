"""What the papers' recipes start from, and how they cut and colour images.

`PLAIN` is momentum on plain labels with the last weights kept: none of what `Recipe` has by default
and older papers have not. A mirrored image is drawn at random, as in every paper.
"""

from dataclasses import replace

from convatlas.data import Augmentation
from convatlas.training._recipe import Recipe

PLAIN = Recipe(
    nesterov=False,
    schedule="constant",
    warmup_share=0.0,
    label_smoothing=0.0,
    ema_decay=0.0,
)
STEPS = replace(PLAIN, schedule="steps", decay_factor=0.1)

FLIPPED = Augmentation(flip=True, flip_rule="random")
SHIFTED = replace(FLIPPED, shift=1 / 8)  # CIFAR: by up to 4 of 32 pixels
PATCHES = replace(FLIPPED, crop_area=(0.08, 1.0))  # GoogLeNet, section 6
TORCH = replace(  # fb.resnet.torch, datasets/imagenet.lua
    PATCHES,
    interpolation="bicubic",
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    pca_colour=0.1,
)
INCEPTION = replace(  # tensorflow/models, inception/image_processing.py: distort_color
    PATCHES, brightness=32 / 255, contrast=0.5, saturation=0.5, hue=0.2
)

BORDER = "What a shift uncovers repeats the border; the source pads with zeros."
NO_BOXES = "Crops are drawn by area and aspect from the whole image, boxes of objects are not used."
SMALL, LARGE = (24, 64), (64, 1024)  # sides of the input: CIFAR's, ImageNet's


def scaled(low: int, high: int, side: int, *, pca_colour: float = 0.0) -> Augmentation:
    """Crops of `side` from images whose shorter side is drawn from [low, high] pixels; mirrored."""
    return replace(FLIPPED, short_side=(low / side, high / side), pca_colour=pca_colour)
