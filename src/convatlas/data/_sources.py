"""Where the images of a split come from: files, or an array in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convatlas.data._decode import Undecodable, read_picture
from convatlas.data._picture import Picture
from convatlas.data._walk import shown
from convatlas.errors import UserError


@dataclass(frozen=True, slots=True)
class FileImages:
    """Images in files."""

    paths: Sequence[str]

    def picture(self, index: int) -> Picture:
        """The picture in the file of that number."""
        path = self.paths[index]
        try:
            return read_picture(path)
        except Undecodable as error:
            raise UserError(
                f"Image {shown(path)!r} was readable before and now is not: {error}. "
                "Open the data set again."
            ) from error


@dataclass(frozen=True, slots=True, eq=False)
class ArrayImages:
    """Grey images in memory."""

    pixels: npt.NDArray[np.uint8]  # [n, side, side]

    def picture(self, index: int) -> Picture:
        """The picture of that number."""
        return Picture(self.pixels[index], "L")
