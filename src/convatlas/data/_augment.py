"""Random changes that keep the class, each a function of (seed, epoch, index of the image).

Choices: what a shift uncovers repeats the border, which continues the black ground of digits as
well as a photo's sky. A mirrored image is mirrored in every other epoch, half of the images in the
even ones (arXiv:2404.00498, section 3.2): two epochs show both. Stored images larger than the net's
input are cropped at a random place; a shift moves that window, over the border if need be.
"""

from dataclasses import dataclass
from math import cos, radians, sin
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from jaxtyping import Float32, UInt8
from numpy.lib.stride_tricks import sliding_window_view

from convatlas.data._erase import erase
from convatlas.data._random import Words, uniform, words
from convatlas.errors import UserError

Images = npt.NDArray[np.uint8]
_CROP_Y, _CROP_X, _FLIP, _SHIFT_Y, _SHIFT_X, _ROTATE, _SCALE = range(7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How far images are changed."""

    flip: bool = False  # left to right
    shift: float = 0.0  # at most, in each direction, as a share of the side
    rotate: float = 0.0  # at most, degrees to either side
    scale: float = 0.0  # zoom within [1 - scale, 1 + scale]
    erase: float = 0.0  # probability that a rectangle is overwritten

    def __post_init__(self) -> None:
        most = {"shift": 0.5, "rotate": 180.0, "scale": 0.9, "erase": 1.0}
        for name, limit in most.items():
            value = getattr(self, name)
            if not 0 <= value <= limit:
                raise UserError(f"Augmentation: {name}={value!r}; it must be in [0, {limit}].")


def augment(
    batch: UInt8[np.ndarray, "n h w c"],
    augmentation: Augmentation,
    side: int,
    *,
    seed: int,
    epoch: int,
    indices: npt.NDArray[np.int64],
) -> UInt8[np.ndarray, "n s s c"]:
    """Each image cropped to `side` and changed at random, whatever else is in the batch.

    Args:
        batch: square images of at least `side`.
        indices: the images' numbers in their split, one per image.
    """
    n, stored = batch.shape[:2]
    assert stored == batch.shape[2] >= side, f"{side} from {batch.shape}"  # noqa: S101  an invariant of ours, not input
    assert len(indices) == n, f"{len(indices)} indices for {n} images"  # noqa: S101  an invariant of ours, not input
    draw = _Draw(np.asarray(indices, np.int64), seed, epoch)
    if augmentation.rotate or augmentation.scale:
        result = _warp(batch, augmentation, side, draw)
    else:
        result = _move(batch, augmentation, side, draw)
    if augmentation.erase:
        erase(result, augmentation.erase, draw.indices, seed=seed, epoch=epoch)
    return result


class _Draw(NamedTuple):
    """The random numbers of a batch."""

    indices: npt.NDArray[np.int64]
    seed: int
    epoch: int

    def words(self, stream: int) -> Words:
        return words(self.indices, seed=self.seed, epoch=self.epoch, stream=stream)

    def whole(self, stream: int, most: int) -> npt.NDArray[np.int64]:
        """Whole numbers in [0, most]."""
        return (uniform(self.words(stream)) * (most + 1)).astype(np.int64)

    def signed(self, stream: int, most: float) -> npt.NDArray[np.float64]:
        """Numbers in [-most, most)."""
        return (2 * uniform(self.words(stream)) - 1) * most

    def flips(self) -> npt.NDArray[np.bool_]:
        """Half of the images in an even epoch, the others in the next."""
        first = words(self.indices, seed=self.seed, epoch=0, stream=_FLIP)
        return (first >> np.uint64(63)).astype(np.int64) ^ (self.epoch & 1) == 1


def _move(batch: Images, augmentation: Augmentation, side: int, draw: _Draw) -> Images:
    """Shift, crop and flip: copying whole windows, no pixel is computed."""
    n, stored, _, channels = batch.shape
    most = round(augmentation.shift * side)
    top = draw.whole(_CROP_Y, stored - side) + draw.whole(_SHIFT_Y, 2 * most)
    left = draw.whole(_CROP_X, stored - side) + draw.whole(_SHIFT_X, 2 * most)
    padded = _with_border(batch, most)
    windows = sliding_window_view(padded, (side, side, channels), axis=(1, 2, 3))
    result: Images = windows[np.arange(n), top, left, 0]
    if augmentation.flip:
        mirrored = np.flatnonzero(draw.flips())
        order = np.arange(side * channels).reshape(side, channels)[::-1].ravel()
        rows = result.reshape(n, side, side * channels)
        rows[mirrored] = np.take(rows[mirrored], order, axis=2)
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


def _warp(batch: Images, augmentation: Augmentation, side: int, draw: _Draw) -> Images:
    """Shift, crop, flip, rotation and zoom in one bilinear look-up; rounded to nearest."""
    channels_first = torch.from_numpy(np.ascontiguousarray(batch)).permute(0, 3, 1, 2)
    images = channels_first.to(torch.float32, memory_format=torch.contiguous_format)
    grid = torch.from_numpy(_grid(batch.shape[1], augmentation, side, draw))
    warped = F.grid_sample(images, grid, "bilinear", "border", align_corners=False)
    return warped.round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def _grid(
    stored: int, augmentation: Augmentation, side: int, draw: _Draw
) -> Float32[np.ndarray, "n s s 2"]:
    """Where each output pixel comes from, as (x, y) in [-1, 1] over the stored image."""
    n = len(draw.indices)
    angles = draw.signed(_ROTATE, radians(augmentation.rotate)).tolist()
    zoom = 1 / (1 + draw.signed(_SCALE, augmentation.scale))
    cosines = np.array([cos(angle) for angle in angles]) * zoom
    sines = np.array([sin(angle) for angle in angles]) * zoom
    mirror = np.where(draw.flips(), -1.0, 1.0) if augmentation.flip else np.ones(n)
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
