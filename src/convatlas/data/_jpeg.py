"""The fast way through a plain JPEG: libjpeg-turbo by simplejpeg, bit for bit what Pillow gives.

Plain means: 8 bits, grey or three components, Huffman coded, upright. Anything else, anything odd
in the header and any complaint of the decoder gives None, and Pillow decides.
"""

from collections.abc import Callable
from functools import cache
from struct import error as StructError
from struct import unpack_from
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data._picture import Picture

_START = b"\xff\xd8\xff"
_EXIF = b"Exif\0\0"
_HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive
_PROGRESSIVE = 0xC2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_EXIF_SEGMENT = 0xE1
_ORIENTATION = 0x0112
_SHORT = 3


class Frame(NamedTuple):
    """What the header of a plain JPEG says."""

    width: int
    height: int
    channels: int
    one_scan: bool  # whether the first scan is the last: not progressive, nor channel by channel


def decode_plain_jpeg(content: bytes, *, max_pixels: int, factor: int = 1) -> Picture | None:
    """The picture, or None where Pillow must be asked.

    Args:
        factor: 1, or 2, 4, 8: the sides are divided by it, rounded up.
    """
    decoder, frame = _decoder(), plain_frame(content)
    if decoder is None or frame is None or frame.width * frame.height > max_pixels:
        return None
    size = (-(-frame.height // factor), -(-frame.width // factor)) if factor > 1 else (0, 0)
    try:
        pixels = decoder(content, "GRAY" if frame.channels == 1 else "RGB", False, False, *size)
    except (ValueError, RuntimeError, MemoryError):
        return None
    return Picture(pixels[..., 0], "L") if frame.channels == 1 else Picture(pixels, "RGB")


@cache
def _decoder() -> Callable[..., npt.NDArray[np.uint8]] | None:
    try:
        from simplejpeg import decode_jpeg
    except ImportError:
        return None
    return decode_jpeg


def plain_frame(content: bytes) -> Frame | None:
    """What the header says, if it is that of a plain JPEG."""
    try:
        return _frame(content) if content.startswith(_START) else None
    except (StructError, IndexError):
        return None


def _frame(content: bytes) -> Frame | None:
    frame, position, has_exif = None, 2, False
    while True:
        fill, marker, length = unpack_from(">BBH", content, position)
        if fill != 0xFF or marker < 0xC0 or 0xD0 <= marker <= 0xD9 or length < 2:
            return None
        if marker == _SCAN:
            whole = frame is not None and content[position + 4] == frame.channels
            return frame and frame._replace(one_scan=frame.one_scan and whole)
        if marker in _FRAMES:
            bits, height, width, channels = unpack_from(">BHHB", content, position + 4)
            plain = marker in _HUFFMAN_FRAMES and bits == 8 and channels in (1, 3)
            if not plain or frame is not None or not (width and height):
                return None
            frame = Frame(width, height, channels, marker != _PROGRESSIVE)
        elif marker == _EXIF_SEGMENT:
            segment = content[position + 4 : position + 2 + length]
            is_exif = segment.startswith(_EXIF)
            if b"tiff:Orientation" in segment or (is_exif and (has_exif or not _upright(segment))):
                return None
            has_exif |= is_exif
        position += 2 + length


def _upright(segment: bytes) -> bool:
    """Whether the first directory of an EXIF segment plainly says orientation 1, or nothing."""
    base = len(_EXIF)
    ends = {b"II*\0": "<", b"MM\0*": ">"}
    end = ends.get(segment[base : base + 4])
    if end is None:
        return False
    directory = base + unpack_from(f"{end}I", segment, base + 4)[0]
    entries = unpack_from(f"{end}H", segment, directory)[0]
    for entry in range(directory + 2, directory + 2 + 12 * entries, 12):
        tag, kind, count, value = unpack_from(f"{end}HHIH", segment, entry)
        if tag == _ORIENTATION and (kind, count, value) != (_SHORT, 1, 1):
            return False
    return True
