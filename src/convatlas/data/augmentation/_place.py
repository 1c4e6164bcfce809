"""Crop, shift, flip, rotation and zoom of square images.

Choices: what a shift uncovers repeats the border, which continues the black ground of digits as
well as a photo's sky. A mirrored image is mirrored in every other epoch, half of the images in the
even ones (arXiv:2404.00498, section 3.2): two epochs show both. Stored images larger than the net's
input are cropped at a random place; a shift moves that window, over the border if need be.
"""

from math import cos, radians, sin

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from jaxtyping import Float32
from numpy.lib.stride_tricks import sliding_window_view

from convatlas.data.augmentation._draw import Draw
from convatlas.data.augmentation._fields import Augmentation

Images = npt.NDArray[np.uint8]
_CROP_Y, _CROP_X, _FLIP, _SHIFT_Y, _SHIFT_X, _ROTATE, _SCALE = range(7)  # streams
_LARGE = 1 << 14  # bytes of an image from which torch mirrors it faster than NumPy all of them


def placed(batch: Images, augmentation: Augmentation, side: int, draw: Draw) -> Images:
    """Windows of `side`, cropped, shifted, flipped, turned and zoomed; never views of `batch`."""
    if augmentation.rotate or augmentation.scale:
        return _warp(batch, augmentation, side, draw)
    return _move(batch, augmentation, side, draw)


def _flips(augmentation: Augmentation, draw: Draw) -> npt.NDArray[np.bool_]:
    """Which images are mirrored."""
    if augmentation.flip_rule == "random":
        return draw.signed(_FLIP, 1.0) < 0
    return draw.turns(_FLIP)


def mirror(images: Images, augmentation: Augmentation, draw: Draw) -> None:
    """Mirror, in place, the images whose turn it is."""
    mirrored = np.flatnonzero(_flips(augmentation, draw))
    n, side, _, channels = images.shape
    if side * side * channels >= _LARGE:
        for number in mirrored:
            image = torch.from_numpy(images[number])
            image.copy_(image.flip(1))
        return
    order = np.arange(side * channels).reshape(side, channels)[::-1].ravel()
    rows = images.reshape(n, side, side * channels)
    rows[mirrored] = np.take(rows[mirrored], order, axis=2)


def _move(batch: Images, augmentation: Augmentation, side: int, draw: Draw) -> Images:
    """Shift, crop and flip: copying whole windows, no pixel is computed."""
    n, stored, _, channels = batch.shape
    most = round(augmentation.shift * side)
    top = draw.whole(_CROP_Y, stored - side) + draw.whole(_SHIFT_Y, 2 * most)
    left = draw.whole(_CROP_X, stored - side) + draw.whole(_SHIFT_X, 2 * most)
    padded = _with_border(batch, most)
    windows = sliding_window_view(padded, (side, side, channels), axis=(1, 2, 3))
    result: Images = windows[np.arange(n), top, left, 0]
    if augmentation.flip:
        mirror(result, augmentation, draw)
    return result


def _with_border(batch: Images, width: int) -> Images:
    """The images with their outermost pixels repeated `width` times."""
    if width == 0:
        return batch
    n, side, _, channels = batch.shape
    inner = slice(width, width + side)
    padded = np.empty((n, side + 2 * width, side + 2 * width, channels), np.uint8)
    padded[:, inner, inner] = batch
    padded[:, :width, inner] = batch[:, :1]
    padded[:, width + side :, inner] = batch[:, -1:]
    padded[:, :, :width] = padded[:, :, width : width + 1]
    padded[:, :, width + side :] = padded[:, :, width + side - 1 : width + side]
    return padded


def _warp(batch: Images, augmentation: Augmentation, side: int, draw: Draw) -> Images:
    """Shift, crop, flip, rotation and zoom in one bilinear look-up; rounded to nearest."""
    channels_first = torch.from_numpy(np.ascontiguousarray(batch)).permute(0, 3, 1, 2)
    images = channels_first.to(torch.float32, memory_format=torch.contiguous_format)
    grid = torch.from_numpy(_grid(batch.shape[1], augmentation, side, draw))
    warped = F.grid_sample(images, grid, "bilinear", "border", align_corners=False)
    return warped.round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def _grid(
    stored: int, augmentation: Augmentation, side: int, draw: Draw
) -> Float32[np.ndarray, "n s s 2"]:
    """Where each output pixel comes from, as (x, y) in [-1, 1] over the stored image."""
    n = len(draw.indices)
    angles = draw.signed(_ROTATE, radians(augmentation.rotate)).tolist()
    zoom = 1 / (1 + draw.signed(_SCALE, augmentation.scale))
    cosines = np.array([cos(angle) for angle in angles]) * zoom
    sines = np.array([sin(angle) for angle in angles]) * zoom
    mirror = np.where(_flips(augmentation, draw), -1.0, 1.0) if augmentation.flip else np.ones(n)
    most = augmentation.shift * side
    free = stored - side
    centre_x = (draw.whole(_CROP_X, free) * 2 - free + 2 * draw.signed(_SHIFT_X, most)) / stored
    centre_y = (draw.whole(_CROP_Y, free) * 2 - free + 2 * draw.signed(_SHIFT_Y, most)) / stored
    line = (np.arange(side) * 2 + 1 - side) / stored
    grid = np.empty((n, side, side, 2), np.float32)
    for axis, (along_x, along_y, start) in enumerate(
        ((cosines * mirror, -sines, centre_x), (sines * mirror, cosines, centre_y))
    ):
        by_x = (along_x[:, None] * line).astype(np.float32)
        by_y = (along_y[:, None] * line + start[:, None]).astype(np.float32)
        np.add(by_x[:, None, :], by_y[:, :, None], out=grid[..., axis])
    return grid
