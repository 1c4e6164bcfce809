"""Event files that TensorBoard reads: scalars, each a record of its own.

The format is TFRecord (length, checksum, content, checksum) around an `Event` message; source:
tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, framework/summary.proto.
Scalars need five fields of it, so nothing is installed to write them; TensorBoard itself shows
them.
"""

import os
import socket
import struct
from pathlib import Path
from time import time

from convatlas.errors import UserError

_POLYNOMIAL = 0x82F63B78  # CRC-32C, reflected
_MASK_DELTA = 0xA282EAD8
_START = 1  # SessionLog.START: what readers have of this step and later ones is void


def _entry_of_table(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(map(_entry_of_table, range(256)))


class EventFile:
    """A new file in `folder`, in TensorBoard's order after those that are there.

    Raises:
        UserError: if it cannot be written.
    """

    def __init__(self, folder: Path, *, from_step: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self._path = folder / name
        self._file = self._path.open("ab", buffering=0)
        self._write(_text(3, "brain.Event:2"))
        if from_step is not None:
            self._write(_varint(2, from_step) + _bytes(7, _varint(1, _START)))

    def add(self, step: int, scalars: dict[str, float]) -> None:
        """Write one point of each curve, by the curve's name."""
        values = b"".join(
            _bytes(1, _text(1, name) + _key(2, 5) + struct.pack("<f", value))
            for name, value in scalars.items()
        )
        self._write(_varint(2, step) + _bytes(5, values))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, event: bytes) -> None:
        content = _key(1, 1) + struct.pack("<d", time()) + event
        length = struct.pack("<Q", len(content))
        record = length + _checksum(length) + content + _checksum(content)
        try:
            written = self._file.write(record)
        except OSError as error:
            raise self._failed(error.strerror) from error
        if written != len(record):
            raise self._failed("no space left")

    def _failed(self, reason: str | None) -> UserError:
        return UserError(
            f"Cannot write {str(self._path)!r}: {reason}. Free some space, or run again without "
            "--tensorboard: it goes on from the last checkpoint."
        )


def _key(field: int, kind: int) -> bytes:
    return bytes([field << 3 | kind])


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _varint(field: int, value: int) -> bytes:
    return _key(field, 0) + _number(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _key(field, 2) + _number(len(content)) + content


def _text(field: int, content: str) -> bytes:
    return _bytes(field, content.encode())


def _checksum(content: bytes) -> bytes:
    """The masked CRC-32C of TFRecord files."""
    value = 0xFFFFFFFF
    for byte in content:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    value ^= 0xFFFFFFFF
    rotated = (value >> 15 | value << 17) & 0xFFFFFFFF
    return struct.pack("<I", (rotated + _MASK_DELTA) & 0xFFFFFFFF)
