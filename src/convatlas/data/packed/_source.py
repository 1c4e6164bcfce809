"""Pictures out of a file that is mapped into memory: nothing is decoded, nothing is copied."""

import mmap
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convatlas.data._decode import Undecodable
from convatlas.data._picture import Picture
from convatlas.data.packed._header import PIXELS_AT
from convatlas.data.packed._table import Table, offsets_of


@dataclass(slots=True, eq=False)
class PackedImages:
    """The pictures of a packed file; another process gets places only and maps the file itself."""

    path: Path
    identity: tuple[int, int, int]  # device, inode and size: of the file that was checked
    widths: npt.NDArray[np.int32]
    heights: npt.NDArray[np.int32]
    channels: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    _mapped: npt.NDArray[np.uint8] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, path: Path, identity: tuple[int, int, int], table: Table) -> "PackedImages":
        """The pictures of a file whose table has been read."""
        offsets = offsets_of(table.widths, table.heights, table.channels)
        return cls(path, identity, table.widths, table.heights, table.channels, offsets)

    def __len__(self) -> int:
        return len(self.widths)

    def __reduce__(self) -> tuple[Any, ...]:
        places = (self.widths, self.heights, self.channels, self.offsets)
        return PackedImages, (self.path, self.identity, *places)

    def picture(self, index: int) -> Picture:
        """The picture of that number; its pixels are the file's own and cannot be written.

        Raises:
            Undecodable: if another file has taken the place of the one that was opened.
        """
        start, stop = self.offsets[index], self.offsets[index + 1]
        pixels = self.pixels[start:stop]
        height, width = self.heights[index], self.widths[index]
        if self.channels[index] == 1:
            return Picture(pixels.reshape(height, width), "L")
        return Picture(pixels.reshape(height, width, 3), "RGB")

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """All pixels of the file, mapped."""
        if self._mapped is None:
            self._mapped = self._map()
        return self._mapped

    def squares(self, side: int, channels: int) -> npt.NDArray[np.uint8] | None:
        """All images as one array [n, side, side, channels], or None if some are not of that."""
        sizes_fit = (self.widths == side).all() and (self.heights == side).all()
        if not sizes_fit or not (self.channels == channels).all():
            return None
        return self.pixels.reshape(len(self), side, side, channels)

    def _map(self) -> npt.NDArray[np.uint8]:
        try:
            with self.path.open("rb") as file:
                if identity_of(file.fileno()) != self.identity:
                    raise Undecodable("another packed file has taken the place of this one")
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise Undecodable((error.strerror or str(error)).lower()) from error
        return np.frombuffer(mapped, np.uint8, int(self.offsets[-1]), PIXELS_AT)


def identity_of(handle: int) -> tuple[int, int, int]:
    """Device, inode and size of an open file."""
    status = os.fstat(handle)
    return status.st_dev, status.st_ino, status.st_size
