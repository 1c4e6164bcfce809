"""Images that cannot be read any more: left out and told, or refused; never replaced by others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from convatlas.data import Pixels, Unreadable, UnreadableImages
from convatlas.errors import UserError

Policy = (
    Literal["skip", "refuse"] | None
)  # None: left out of training, refused where nets are scored

_AT_ONCE = 64  # images read to see whether they can be
_NAMED = 5


class MustBeRead(UserError):
    """Images that are to be scored, or that the user wants, cannot be read."""

    def __init__(self, images: Sequence[Unreadable]) -> None:
        shown = "; ".join(f"{one.name!r}: {one.reason}" for one in images[:_NAMED])
        more = f"; and {len(images) - _NAMED} more" if len(images) > _NAMED else ""
        super().__init__(
            f"{len(images)} images cannot be read any more: {shown}{more}. Restore them, or leave "
            "such images out, counted and named, with --unreadable skip."
        )


def readable(
    read: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.uint8]],
    rows: npt.NDArray[np.int64],
    *,
    skip: bool,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], tuple[Unreadable, ...]]:
    """What `read` gives for those of `rows` that can be read; these rows; and the others.

    Raises:
        MustBeRead: without `skip`, for images that cannot be read.
    """
    lost: tuple[Unreadable, ...] = ()
    while len(rows):
        try:
            images = read(rows)
        except UnreadableImages as error:
            lost += tuple(map(Unreadable, error.names, error.reasons))
            if not skip:
                raise MustBeRead(lost) from error
            rows = rows[~np.isin(rows, error.rows)]
        else:
            return images, rows, lost
    return np.empty(0, np.uint8), rows, lost


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Some(Pixels):
    """Some of a set of images."""

    whole: Pixels
    rows: npt.NDArray[np.int64]

    def batch(self, indices: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
        """Those of these numbers, among the some."""
        return self.whole.batch(self.rows[indices])


def readable_part(pixels: Pixels) -> tuple[Pixels, tuple[Unreadable, ...]]:
    """The images that can be read now, and the others; every image is read once."""
    rows: list[npt.NDArray[np.int64]] = []
    lost: tuple[Unreadable, ...] = ()
    for start in range(0, len(pixels), _AT_ONCE):
        asked = np.arange(start, min(start + _AT_ONCE, len(pixels)))
        _, there, gone = readable(pixels.batch, asked, skip=True)
        rows.append(there)
        lost += gone
    kept = np.concatenate(rows)
    names = [pixels.names[int(row)] for row in kept]
    part = _Some(
        labels=pixels.labels[kept], names=names, net_side=pixels.net_side, whole=pixels, rows=kept
    )
    return part, lost
