"""Crops resized to the net's side, antialiased; each one by itself."""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from PIL import Image

from convatlas.data._preprocessing import Interpolation
from convatlas.data.augmentation._boxes import Box, Boxes
from convatlas.data.augmentation._draw import Draw
from convatlas.data.augmentation._fields import Augmentation

Images = npt.NDArray[np.uint8]
_RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def cut(pixels: Images, box: Box, side: int, interpolation: Interpolation) -> Images:
    """The box of an image [h, w, c], resized: [side, side, c].

    A box of whole pixels is cut out and then resized by torch, three times as fast as Pillow and
    at most one grey level from Pillow's `crop` and `resize`, two with "bicubic", if that resizes
    across before down: torch's weights have 16 bits or fewer, Pillow's 22. (Where it is less work,
    as in tall boxes, Pillow resizes down first; bicubic values beyond 0 and 255, cut after the
    first pass, then differ by up to ten levels of noise.) Any other box is a part of the resized
    image: Pillow's `resize` with `box`.
    """
    left, top, width, height = box
    if all(isinstance(number, int) for number in box):
        part = pixels[int(top) : int(top + height), int(left) : int(left + width)]
        return resized(part[None], side, interpolation)[0]
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])
    right, bottom = min(left + width, image.width), min(top + height, image.height)
    made = image.resize((side, side), _RESAMPLING[interpolation], box=(left, top, right, bottom))
    return np.asarray(made).reshape(side, side, -1)


def cut_squares(batch: Images, augmentation: Augmentation, side: int, draw: Draw) -> Images:
    """The drawn crop of each image of a batch, resized."""
    n, height, width, channels = batch.shape
    boxes = Boxes(augmentation, side, draw)
    result = np.empty((n, side, side, channels), np.uint8)
    for place, pixels in enumerate(batch):
        box = boxes.box(place, width, height)
        result[place] = cut(pixels, box, side, augmentation.interpolation)
    return result


def resized(
    batch: UInt8[np.ndarray, "n h w c"], side: int, interpolation: Interpolation = "bilinear"
) -> UInt8[np.ndarray, "n s s c"]:
    """Images of any shape resized to squares, antialiased, near Pillow's (`cut`).

    Those that are such squares are given back as they are.
    """
    if batch.shape[1] == batch.shape[2] == side:
        return batch
    copy = torch.from_numpy(np.array(batch, order="C"))  # torch refuses what may not be written
    planes = copy.permute(0, 3, 1, 2)
    made = F.interpolate(planes, (side, side), mode=interpolation, antialias=True)
    return made.permute(0, 2, 3, 1).contiguous().numpy()
