"""Where images come from: files, an array in memory, or some of another source's."""

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convatlas.data._decode import Undecodable, read_content, read_picture
from convatlas.data._names import Names
from convatlas.data._picture import Picture
from convatlas.data._types import HasContent, ImageSource
from convatlas.data._walk import FOREIGN_EXTENSIONS
from convatlas.errors import UserError


@dataclass(frozen=True, slots=True, eq=False)
class FileImages:
    """Images in files; a name that is no whole path counts from `root`."""

    root: str
    keys: Names

    def path(self, index: int) -> str:
        """Where the file of that number lies."""
        return os.path.join(self.root, self.keys[index])

    def picture(self, index: int) -> Picture:
        """The picture in the file of that number.

        Raises:
            Undecodable: if it cannot be read.
        """
        path = self.path(index)
        try:
            return read_picture(path)
        except Undecodable as error:
            extension = os.path.splitext(path)[1].lower()
            if extension in FOREIGN_EXTENSIONS:
                raise Undecodable(
                    f"{extension} files are not supported; convert it to JPEG or PNG"
                ) from error
            raise

    def content(self, index: int) -> bytes | None:
        """The bytes of the file of that number.

        Raises:
            Undecodable: if it cannot be read.
        """
        return read_content(self.path(index))


@dataclass(frozen=True, slots=True, eq=False)
class ArrayImages:
    """Images in memory."""

    pixels: npt.NDArray[np.uint8]  # [n, h, w], grey, or [n, 3, h, w]

    def picture(self, index: int) -> Picture:
        """The picture of that number."""
        pixels = self.pixels[index]
        if pixels.ndim == 2:
            return Picture(pixels, "L")
        return Picture(np.ascontiguousarray(pixels.transpose(1, 2, 0)), "RGB")


@dataclass(frozen=True, slots=True, eq=False)
class SomeImages:
    """The images of a split: some of a source's, which were readable when they were looked at."""

    source: ImageSource
    names: Names
    members: npt.NDArray[np.int64]  # numbers in `source`

    def picture(self, index: int) -> Picture:
        """The picture of that number among them.

        Raises:
            UserError: naming it, if it can no longer be read.
        """
        try:
            return self.source.picture(int(self.members[index]))
        except Undecodable as error:
            raise UserError(
                f"Image {self.names[index]!r} was readable before and now is not: {error}. "
                "Open the data set again."
            ) from error

    def content(self, index: int) -> bytes | None:
        """The bytes of the image file of that number among them."""
        source = self.source
        return source.content(int(self.members[index])) if isinstance(source, HasContent) else None
