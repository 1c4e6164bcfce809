"""The IDX format of the MNIST family: a magic word, the lengths of the axes, then bytes."""

import gzip
import zlib
from math import prod
from pathlib import Path
from struct import unpack_from
from typing import Literal

import numpy as np
import numpy.typing as npt

from convatlas.errors import UserError

MAX_BYTES = 256 << 20  # decompressed; the largest file of the family has 47 MB
_UNSIGNED_BYTES = 0x08
_GZIP = b"\x1f\x8b"


def parse_idx(content: bytes, axes: Literal[1, 3], name: str) -> npt.NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes.

    Args:
        axes: 1 for labels, 3 for images.
        name: the file, for the message.

    Raises:
        UserError: if the magic word or the length is not exactly right.
    """
    header = 4 + 4 * axes
    magic = bytes((0, 0, _UNSIGNED_BYTES, axes))
    if len(content) < header or content[:4] != magic:
        raise UserError(
            f"{name!r} starts with {content[:4].hex() or 'nothing'}; an IDX file of "
            f"{'labels' if axes == 1 else 'images'} starts with {magic.hex()}. Get the file again."
        )
    lengths = unpack_from(f">{axes}I", content, 4)
    if prod(lengths) != len(content) - header or not prod(lengths):
        raise UserError(
            f"{name!r} declares {' x '.join(map(str, lengths))} bytes and holds "
            f"{len(content) - header:,}. Get the file again."
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(lengths)


def read_idx(path: Path, axes: Literal[1, 3]) -> npt.NDArray[np.uint8]:
    """The array in an IDX file, gzip-compressed or not."""
    return parse_idx(decompressed(path), axes, str(path))


def decompressed(path: Path, *, limit: int = MAX_BYTES) -> bytes:
    """The content of a file, gzip-compressed or not, of at most `limit` bytes.

    Raises:
        UserError: if it cannot be read, is damaged or is longer.
    """
    try:
        with path.open("rb") as file:
            compressed = file.read(2) == _GZIP
            file.seek(0)
            with gzip.open(file) if compressed else file as stream:
                content = stream.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"Cannot read {str(path)!r}: {error}. Get the file again.") from error
    if len(content) > limit:
        raise UserError(f"{str(path)!r} holds more than {limit:,} bytes, the limit for IDX files.")
    return content
