"""What is done to pictures before they are packed."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from convatlas.data._fit import LONGEST, fit, fit_whole, whole
from convatlas.data._picture import Picture
from convatlas.data._preprocessing import MAX_SIDE
from convatlas.data._scan import Looks
from convatlas.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedForm:
    """Squares of `side`, or whole pictures of at most that short side; neither: as decoded.

    Whole pictures are never enlarged, and lose what is beyond 8:1.
    """

    side: int | None = None
    short_side: int | None = None

    def __post_init__(self) -> None:
        if self.side is not None and self.short_side is not None:
            raise UserError(
                f"side={self.side} and short_side={self.short_side}: squares or whole pictures, "
                "not both. Give one."
            )
        for name in ("side", "short_side"):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= MAX_SIDE:
                raise UserError(f"{name}={value}; it must be 1 to {MAX_SIDE:,}.")

    def __str__(self) -> str:
        if self.side is not None:
            return f"squares of {self.side}"
        return "" if self.short_side is None else f"short side of {self.short_side}"

    def sizes(
        self, looks: Looks, channels: Literal[1, 3]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
        """Widths, heights and channels that the pictures will have.

        Grey ones take one channel, but where all are of one size they take the data's `channels`,
        so that the file holds an array.
        """
        widths, heights = self._lengths(looks)
        uniform = len(np.unique(widths)) == len(np.unique(heights)) == 1
        own = np.where(looks.grey, 1, 3) if not uniform else np.full(len(looks), channels)
        return widths, heights, own.astype(np.uint8)

    def _lengths(self, looks: Looks) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        if self.side is not None:
            square = np.full(len(looks), self.side, np.int32)
            return square, square.copy()
        if self.short_side is None:
            return looks.widths, looks.heights
        short = np.minimum(looks.widths, looks.heights).astype(np.float64)
        resized = [
            np.where(
                short <= self.short_side,
                lengths,
                np.clip(
                    np.rint(lengths.astype(np.float64) * self.short_side / short),
                    self.short_side,
                    None,
                ),
            )
            for lengths in (looks.widths, looks.heights)
        ]
        most = np.where(short <= self.short_side, np.inf, LONGEST * self.short_side)
        width, height = (np.minimum(lengths, most).astype(np.int32) for lengths in resized)
        return width, height

    def pixels(self, picture: Picture, channels: Literal[1, 3]) -> npt.NDArray[np.uint8]:
        """The picture's bytes, [h, w, channels]."""
        if self.side is not None:
            return fit(picture, self.side, channels)
        if self.short_side is not None and min(picture.size) > self.short_side:
            return fit_whole(picture, self.short_side, channels)
        return whole(picture, channels)
