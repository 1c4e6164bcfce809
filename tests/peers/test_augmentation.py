"""RandAugment's and TrivialAugment's operations with torchvision's, at every magnitude."""

import numpy as np
import pytest
from PIL import Image

from convatlas.data.augmentation._boxes import Boxes
from convatlas.data.augmentation._draw import Draw
from convatlas.data.augmentation._fields import Augmentation
from convatlas.data.augmentation._policy import OPERATIONS, TRIVIAL, rand_ranges
from tests.data.images import noise
from tests.peers.peer import peer

SIDE = 40
FILL = (128, 128, 128)
LEVELS = (0, 1, 9, 14, 30)
# torchvision's factors are rounded to float32 twice: a product next to a whole level may fall below
BLENDS = ("Brightness", "Color", "Contrast", "Sharpness")


@pytest.mark.parametrize("policy", ["RandAugment", "TrivialAugmentWide"])
def test_operations_and_ranges(policy):
    transforms = peer("torchvision.transforms.autoaugment")
    modes = peer("torchvision.transforms").InterpolationMode
    theirs = getattr(transforms, policy)()
    if policy == "RandAugment":
        ranges, space = rand_ranges(SIDE), theirs._augmentation_space(31, (SIDE, SIDE))
    else:
        ranges, space = TRIVIAL, theirs._augmentation_space(31)
    image = noise(SIDE, SIDE)
    pixels = np.asarray(image)
    names = [name.lower() for name in space]
    assert names == [name.replace("_", "") for name in OPERATIONS]
    for ours, (name, (magnitudes, signed)) in zip(OPERATIONS.values(), space.items(), strict=True):
        for level in LEVELS:
            magnitude = float(magnitudes[level]) if magnitudes.ndim else 0.0
            for sign in (1, -1):
                expected = transforms._apply_op(
                    image, name, magnitude * (sign if signed else 1), modes.NEAREST, [*FILL]
                )
                found = ours(pixels, sign * level / 30, ranges, FILL)
                furthest = abs(found.astype(int) - np.asarray(expected)).max()
                assert furthest <= (name in BLENDS), (name, level, sign)


@pytest.mark.parametrize(("width", "height"), [(400, 10), (10, 400), (300, 90), (33, 500)])
def test_the_crop_when_nothing_fits(width, height):
    crop = peer("torchvision.transforms").RandomResizedCrop
    image = Image.new("L", (width, height))
    top, left, high, wide = crop.get_params(image, (1.0, 1.0), (3 / 4, 4 / 3))
    boxes = Boxes(Augmentation(crop_area=(1.0, 1.0)), 8, Draw(np.arange(1), 0, 0))
    assert boxes.box(0, width, height) == (left, top, wide, high)
