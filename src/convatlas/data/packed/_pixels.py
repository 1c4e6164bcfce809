"""Packed squares as they are: where the file holds what a net is trained on, nothing is resized."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convatlas.data._pixels import Pixels
from convatlas.data._preprocessing import Preprocessing
from convatlas.data._sources import SomeImages
from convatlas.data._types import Split
from convatlas.data.packed._source import PackedImages


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PackedPixels(Pixels):
    """Some squares of a file that is mapped into memory."""

    images: npt.NDArray[np.uint8]  # [m, side, side, channels], of the whole file
    members: npt.NDArray[np.int64]  # [n], which of them

    def batch(self, indices: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
        """The images of those numbers, copied out of the file."""
        return np.take(self.images, self.members[indices], axis=0)


def packed_squares(split: Split, preprocessing: Preprocessing) -> PackedPixels | None:
    """The split's images where they lie packed exactly as they would be stored, else None."""
    chosen = split.source
    if not isinstance(chosen, SomeImages) or not isinstance(chosen.source, PackedImages):
        return None
    images = chosen.source.squares(preprocessing.stored_side, preprocessing.channels)
    if images is None:
        return None
    return PackedPixels(
        labels=split.labels,
        names=split.names,
        net_side=preprocessing.side,
        images=images,
        members=chosen.members,
    )
