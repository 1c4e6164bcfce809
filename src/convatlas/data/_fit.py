"""A picture of any shape to the square that a net's crops are cut from."""

import os
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8
from PIL import Image

from convatlas.data._decode import MAX_FILE_BYTES, Undecodable, decode, read_content
from convatlas.data._picture import Picture
from convatlas.data._preprocessing import Preprocessing
from convatlas.errors import UserError

_LONG = 4  # ratio of the sides from which only the centre is resized


def fit(picture: Picture, side: int, channels: Literal[1, 3]) -> npt.NDArray[np.uint8]:
    """The short side resized to `side` (bilinear, antialiased), then the centre: [side, side, c].

    Bit for bit Pillow's `resize((w, h), BILINEAR)`, the long side rounded, and `crop`. Of images
    longer than 4:1 only the centre is computed, within one grey level of that: a strip of 60000 x 1
    would otherwise grow beyond memory.
    """
    if picture.size == (side, side) and picture.channels == channels:
        return picture.pixels.reshape(side, side, channels)
    image, mode = picture.image, "L" if channels == 1 else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    short = min(image.size)
    width, height = (max(side, round(length * side / short)) for length in image.size)
    left, top = (width - side) // 2, (height - side) // 2
    if max(width, height) <= _LONG * side:
        image = image.resize((width, height), Image.Resampling.BILINEAR)
        image = image.crop((left, top, left + side, top + side))
    else:
        across, down = image.width / width, image.height / height  # source pixels per pixel
        box = (
            left * across,
            top * down,
            min((left + side) * across, image.width),
            min((top + side) * down, image.height),
        )
        image = image.resize((side, side), Image.Resampling.BILINEAR, box=box)
    return np.asarray(image).reshape(side, side, channels)


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
    stored = fit(picture, preprocessing.stored_side, preprocessing.channels)
    return centre(stored[None], preprocessing.side)[0]
