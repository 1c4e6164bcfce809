"""The IDX format of the MNIST family: a magic word, the lengths of the axes, then bytes."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from struct import unpack_from
from typing import BinaryIO, Literal, cast

import numpy as np
import numpy.typing as npt

from convatlas.errors import UserError

MAX_BYTES = 2 << 30  # decompressed; the largest file of the family (EMNIST) has 547 MB
_UNSIGNED_BYTES = 0x08
_PART_BYTES = 1 << 20
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
    """The array in an IDX file, gzip-compressed or not; no more is read than it declares.

    Raises:
        UserError: if it cannot be read, is damaged, or declares more than 2 GiB.
    """
    header = 4 + 4 * axes
    with _opened(path) as stream:
        start = stream.read(header)
        if len(start) < header or start[:3] != bytes((0, 0, _UNSIGNED_BYTES)):
            return parse_idx(start, axes, str(path))  # says what is wrong
        size = prod(unpack_from(f">{axes}I", start, 4))
        if size > MAX_BYTES:
            raise UserError(f"{str(path)!r} declares {size:,} bytes; the limit is {MAX_BYTES:,}.")
        return parse_idx(start + _read(stream, size + 1), axes, str(path))


def decompressed(path: Path, *, limit: int = MAX_BYTES) -> bytes:
    """The content of a file, gzip-compressed or not, of at most `limit` bytes.

    Raises:
        UserError: if it cannot be read, is damaged or is longer.
    """
    with _opened(path) as stream:
        content = _read(stream, limit + 1)
    if len(content) > limit:
        raise UserError(f"{str(path)!r} holds more than {limit:,} bytes, the limit for IDX files.")
    return content


def _read(stream: BinaryIO, most: int) -> bytes:
    """What is there, up to `most` bytes; a reader would make room for all of them at once."""
    content = bytearray()
    while len(content) < most and (part := stream.read(min(_PART_BYTES, most - len(content)))):
        content += part
    return bytes(content)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file to read from, decompressed on the way if need be."""
    try:
        with path.open("rb") as file:
            compressed = file.read(2) == _GZIP
            file.seek(0)
            with gzip.open(file) if compressed else file as stream:
                yield cast(BinaryIO, stream)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"Cannot read {str(path)!r}: {error}. Get the file again.") from error
