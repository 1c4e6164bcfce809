"""Where the input of a net lies on the picture that it was made from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convatlas.analysis import FieldGrid, Sides
from convatlas.data import LONGEST, Preprocessing


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A picture of `size` was resized to `resized`; the input is `shape` from `corner` on.

    All are (down, across) in pixels.
    """

    size: Sides
    resized: Sides
    corner: Sides
    shape: Sides

    @classmethod
    def centred(cls, size: Sides, preprocessing: Preprocessing) -> "Placement":
        """The crop that a net is evaluated on."""
        stored, side = preprocessing.stored_side, preprocessing.side
        rows, columns = resized = with_short_side(size, stored)
        cut = (stored - side) // 2
        corner = ((rows - stored) // 2 + cut, (columns - stored) // 2 + cut)
        return cls(size=size, resized=resized, corner=corner, shape=(side, side))

    @classmethod
    def whole(cls, size: Sides, short_side: int) -> "Placement":
        """The whole picture, its short side resized; of one longer than 8:1, its centre."""
        rows, columns = resized = with_short_side(size, short_side)
        shape = (min(rows, LONGEST * short_side), min(columns, LONGEST * short_side))
        corner = ((rows - shape[0]) // 2, (columns - shape[1]) // 2)
        return cls(size=size, resized=resized, corner=corner, shape=shape)

    def drawn(self, values: npt.NDArray[np.float32], grid: FieldGrid, size: Sides) -> np.ndarray:
        """The cells `values` spread over the picture drawn at `size`: float32 [rows, columns].

        A cell has its value in the middle of the pixels that it sees; between middles it is
        interpolated along both axes, beyond the last it stays. NaN where the input did not reach.
        """
        centres = grid.centres((values.shape[0], values.shape[1]))
        down, across = (
            _weights(self._coordinates(axis, size[axis]), centres[axis], self.shape[axis])
            for axis in (0, 1)
        )
        return down @ values @ across.T

    def _coordinates(self, axis: int, drawn: int) -> npt.NDArray[np.float32]:
        """Of every drawn row or column: where its middle lies on the input."""
        share = (np.arange(drawn, dtype=np.float64) + 0.5) / drawn
        return (share * self.resized[axis] - 0.5 - self.corner[axis]).astype(np.float32)


def with_short_side(size: Sides, side: int) -> Sides:
    """A picture's size when its short side is resized to `side`, the long one rounded."""
    short = min(size)
    return max(side, round(size[0] * side / short)), max(side, round(size[1] * side / short))


def _weights(places: npt.NDArray[np.float32], centres: list[float], side: int) -> np.ndarray:
    """[places, cells]: the share of each cell in the value at each place; NaN beyond the input."""
    middle = np.asarray(centres, np.float32)
    right = np.clip(np.searchsorted(middle, places), 1, max(1, len(middle) - 1))
    shares = np.zeros((len(places), len(middle)), np.float32)
    rows = np.arange(len(places))
    if len(middle) == 1:
        shares[:, 0] = 1.0
    else:
        left = right - 1
        part = (places - middle[left]) / (middle[right] - middle[left])
        part = np.clip(part, 0.0, 1.0)
        shares[rows, left] = 1.0 - part
        shares[rows, right] = part
    shares[(places < -0.5) | (places >= side - 0.5)] = np.nan
    return shares
