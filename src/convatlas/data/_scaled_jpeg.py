"""JPEGs decoded at a half, a quarter or an eighth of their size: faster, but other pixels.

libjpeg leaves out the higher frequencies of every block of 8 x 8; it does not average over pixels.
"""

from io import BytesIO

from PIL import Image, JpegImagePlugin

from convatlas.data._decode import MAX_PIXELS
from convatlas.data._jpeg import Frame, decode_plain_jpeg
from convatlas.data._picture import Picture
from convatlas.data.augmentation import Box

_FACTORS = (8, 4, 2)


def factor_for(box: Box, side: int) -> int:
    """By how much a crop may shrink in decoding and still have `side` pixels each way."""
    room = min(box.width, box.height) / side
    return next((factor for factor in _FACTORS if factor <= room), 1)


def decode_scaled(content: bytes, frame: Frame, factor: int) -> Picture | None:
    """The picture, its sides divided by 2, 4 or 8 and rounded up; None if it must be whole."""
    if not frame.one_scan or frame.width * frame.height > MAX_PIXELS:
        return None
    fast = decode_plain_jpeg(content, max_pixels=MAX_PIXELS, factor=factor)
    return fast or _with_pillow(content, frame, factor)


def _with_pillow(content: bytes, frame: Frame, factor: int) -> Picture | None:
    mode = "L" if frame.channels == 1 else "RGB"
    try:
        with Image.open(BytesIO(content), formats=("JPEG",)) as image:
            assert isinstance(image, JpegImagePlugin.JpegImageFile)  # noqa: S101  as asked for
            image.draft(mode, (max(1, frame.width // factor), max(1, frame.height // factor)))
            image.load()
            return Picture(image.copy(), image.mode)
    except Exception:  # parsers of hostile files raise nearly everything
        return None


def in_scaled(box: Box, factor: int) -> Box:
    """The box of an image in a scaled copy, one pixel of which stands for `factor` each way."""
    left, top, width, height = (number / factor for number in box)
    return Box(left, top, width, height)
