"""One image file to one upright picture in mode L or RGB, however odd or hostile the file is.

Choices: transparency is laid over white; 16 bits become 8 by dropping the low 8; of an animation
or of pages the first counts; colour profiles are not applied.
"""

import os
import stat
import threading
import warnings
from contextlib import nullcontext
from io import BytesIO

import numpy as np
from PIL import (
    Image,
    TiffImagePlugin,  # noqa: F401  importing these two registers their formats
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401  as above
)

from convatlas.data._jpeg import decode_plain_jpeg, plain_frame
from convatlas.data._picture import Picture

MAX_PIXELS = 100_000_000  # 30,000 x 30,000 would need 2.7 GB; a 100-megapixel camera still fits
MAX_FILE_BYTES = 512 << 20
MAX_JPEG_SCANS = 100  # progressive files have about 10; thousands are an attack on time
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
FORMATS_IN_WORDS = "JPEG, PNG, WebP, BMP, GIF, TIFF, PPM"
_LARGE_PIXELS = 16_000_000
_ONE_LARGE_IMAGE = threading.Lock()  # so that memory does not grow with the number of threads
_ORIENTATION = 0x0112
_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Undecodable(ValueError):
    """Why a file gives no picture, in words that end a sentence "cannot read x: ..."."""


def read_picture(path: str) -> Picture:
    """The picture in a file.

    Raises:
        Undecodable: if the file cannot be read or holds no allowed image.
    """
    return decode(read_content(path))


def read_content(path: str) -> bytes:
    """The bytes of a regular file of bearable size; never waits on a pipe or a device.

    Raises:
        Undecodable: if it cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb", buffering=0) as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise Undecodable("it is not a regular file")
            if status.st_size > MAX_FILE_BYTES:
                raise Undecodable(f"{status.st_size:,} bytes; the limit is {MAX_FILE_BYTES:,}")
            return file.read(MAX_FILE_BYTES)
    except OSError as error:
        if os.path.islink(path) and isinstance(error, FileNotFoundError):
            raise Undecodable("it is a link to a file that does not exist") from error
        raise Undecodable((error.strerror or str(error)).lower()) from error


def decode(content: bytes) -> Picture:
    """The picture in the bytes of an image file.

    Raises:
        Undecodable: if they hold no allowed image, or too large a one.
    """
    if not content:
        raise Undecodable("the file is empty (0 bytes)")
    if content.startswith(b"\xff\xd8") and _scans_beyond_limit(content):
        raise Undecodable(f"a JPEG of more than {MAX_JPEG_SCANS} scans")
    if (plain := decode_plain_jpeg(content, max_pixels=_LARGE_PIXELS)) is not None:
        return plain
    _silence_pillow()
    try:
        return _decode_with_pillow(content)
    except Undecodable:
        raise
    except Image.DecompressionBombError as error:
        raise Undecodable(f"it has more than {MAX_PIXELS:,} pixels, the limit") from error
    except UnidentifiedImageError as error:
        raise Undecodable(f"no image in an allowed format ({FORMATS_IN_WORDS})") from error
    except Exception as error:  # parsers of hostile files raise nearly everything
        raise Undecodable(str(error) or type(error).__name__) from error


def _scans_beyond_limit(content: bytes) -> bool:
    frame = plain_frame(content)
    if frame is not None and frame.one_scan:
        return False  # whatever follows is not read; counting would cost a tenth of decoding
    return content.count(b"\xff\xda") > MAX_JPEG_SCANS


def _decode_with_pillow(content: bytes) -> Picture:
    image = Image.open(BytesIO(content), formats=FORMATS)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Undecodable(
            f"{width} x {height} is {width * height:,} pixels; the limit is {MAX_PIXELS:,}"
        )
    with _ONE_LARGE_IMAGE if width * height > _LARGE_PIXELS else nullcontext():
        image.load()
        stored_mode, turn = image.mode, _TURN.get(_orientation(image))
        picture = _grey_or_colour(image)
        return Picture(picture if turn is None else picture.transpose(turn), stored_mode)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged EXIF block does not spoil the pixels
        return 1
    return value if isinstance(value, int) else 1


def _grey_or_colour(image: Image.Image) -> Image.Image:
    mode = image.mode
    if mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if mode == "I":
        return Image.fromarray((np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8))
    if mode == "F":
        raise Undecodable("floating-point pixels have no fixed range; save it with 8 or 16 bits")
    if mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        return _over_white(image)
    if mode == "1":
        return image.convert("L")
    if mode in ("L", "RGB"):
        return image
    return image.convert("RGB")


def _over_white(image: Image.Image) -> Image.Image:
    grey = image.mode in ("1", "L", "LA", "La")
    if image.mode in ("RGBa", "La"):  # colours already multiplied by their opacity
        image = image.convert(image.mode.upper())
    if image.mode != "RGBA":
        image = image.convert("RGBA")
    white = Image.new("RGB", image.size, (255, 255, 255))
    white.paste(image, mask=image.getchannel("A"))
    return white.convert("L") if grey else white


def _silence_pillow() -> None:
    """Keep Pillow's warnings about odd files from people: what matters is told as a reason.

    The filter stays, for warnings raised inside Pillow only: switching it off again would race
    with other threads, since the filters belong to the process.
    """
    pattern = r"PIL(\..*)?$"
    first = warnings.filters[0] if warnings.filters else None
    compiled = getattr(first[3], "pattern", None) if first else None
    if first is None or first[0] != "ignore" or compiled != pattern:
        warnings.filterwarnings("ignore", module=pattern)
