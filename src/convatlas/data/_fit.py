"""A picture of any shape to the square that a net's crops are cut from."""

import os
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8
from PIL import Image

from convatlas.data._decode import MAX_FILE_BYTES, Undecodable, decode, read_content
from convatlas.data._picture import Picture
from convatlas.data._preprocessing import Interpolation, Preprocessing
from convatlas.errors import UserError

_LONG = 4  # ratio of the sides from which only the centre is resized
LONGEST = 8  # ratio of the sides beyond which a whole image loses its ends
_RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def fit(
    picture: Picture,
    side: int,
    channels: Literal[1, 3],
    interpolation: Interpolation = "bilinear",
) -> npt.NDArray[np.uint8]:
    """The short side resized to `side`, antialiased, then the centre: [side, side, c].

    Bit for bit Pillow's `resize((w, h), BILINEAR)`, the long side rounded, and `crop`. Of images
    longer than 4:1 only the centre is computed, within one grey level of that: a strip of 60000 x 1
    would otherwise grow beyond memory.
    """
    if picture.size == (side, side) and picture.channels == channels:
        return picture.pixels.reshape(side, side, channels)
    image = _in_channels(picture, channels)
    width, height = _resized_size(image.size, side)
    if max(width, height) <= _LONG * side:
        left, top = (width - side) // 2, (height - side) // 2
        image = image.resize((width, height), _RESAMPLING[interpolation])
        image = image.crop((left, top, left + side, top + side))
    else:
        image = _resized_centre(image, (width, height), (side, side), interpolation)
    return np.asarray(image).reshape(side, side, channels)


def fit_whole(
    picture: Picture,
    side: int,
    channels: Literal[1, 3],
    interpolation: Interpolation = "bilinear",
) -> npt.NDArray[np.uint8]:
    """The short side resized to `side`, the long one in proportion: [h, w, c].

    Bit for bit Pillow's `resize((w, h), BILINEAR)`. Images longer than 8:1 lose their ends: the
    central 8:1 remain, within one grey level.
    """
    image = _in_channels(picture, channels)
    width, height = _resized_size(image.size, side)
    most = LONGEST * side
    if max(width, height) <= most:
        image = image.resize((width, height), _RESAMPLING[interpolation])
    else:
        kept = (min(width, most), min(height, most))
        image = _resized_centre(image, (width, height), kept, interpolation)
    return np.asarray(image).reshape(image.height, image.width, channels)


def whole(picture: Picture, channels: Literal[1, 3]) -> npt.NDArray[np.uint8]:
    """The picture as it is, in grey or in colours: [h, w, c]; perhaps not to be written to."""
    if picture.channels == channels:
        pixels = picture.pixels
    else:
        pixels = np.asarray(_in_channels(picture, channels))
    return pixels.reshape(*pixels.shape[:2], channels)


def _in_channels(picture: Picture, channels: Literal[1, 3]) -> Image.Image:
    image, mode = picture.image, "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _resized_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    short = min(size)
    width, height = (max(side, round(length * side / short)) for length in size)
    return width, height


def _resized_centre(
    image: Image.Image, size: tuple[int, int], kept: tuple[int, int], interpolation: Interpolation
) -> Image.Image:
    """The centre, of size `kept`, of `image` resized to `size`; the rest is never computed."""
    (width, height), (wide, high) = size, kept
    left, top = (width - wide) // 2, (height - high) // 2
    across, down = image.width / width, image.height / height  # source pixels per pixel
    box = (
        left * across,
        top * down,
        min((left + wide) * across, image.width),
        min((top + high) * down, image.height),
    )
    return image.resize(kept, _RESAMPLING[interpolation], box=box)


def centre(batch: UInt8[np.ndarray, "n h w c"], side: int) -> UInt8[np.ndarray, "n s s c"]:
    """The central square of each image; a view where possible."""
    assert side <= batch.shape[1], f"centre of {side} from images of {batch.shape[1]}"  # noqa: S101  an invariant of ours, not input
    first = (batch.shape[1] - side) // 2
    return batch[:, first : first + side, first : first + side]


def load_image(
    source: str | os.PathLike[str] | BinaryIO, preprocessing: Preprocessing
) -> UInt8[np.ndarray, "s s c"]:
    """One image as a net is evaluated on it: upright, resized, its centre cut.

    Args:
        source: a path, or a file opened for reading bytes.

    Raises:
        UserError: naming the file, if it cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
    else:
        name = str(getattr(source, "name", "the given file"))
    try:
        if isinstance(source, str | os.PathLike):
            content = read_content(name)
        elif len(content := source.read(MAX_FILE_BYTES + 1)) > MAX_FILE_BYTES:
            raise Undecodable(f"more than {MAX_FILE_BYTES:,} bytes, the limit")
        picture = decode(content)
    except Undecodable as error:
        raise UserError(f"Cannot read image {name!r}: {error}. Give another file.") from error
    stored = fit(
        picture, preprocessing.stored_side, preprocessing.channels, preprocessing.interpolation
    )
    return centre(stored[None], preprocessing.side)[0]
