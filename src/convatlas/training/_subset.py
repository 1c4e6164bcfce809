"""Some images of a set."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convatlas.data import Pixels

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subset(Pixels):
    """The images of `whole` at `rows`, numbered anew."""

    whole: Pixels
    rows: Rows

    def batch(self, indices: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
        """The images at these places: [n, stored_side, stored_side, channels]."""
        return self.whole.batch(self.rows[indices])


def some_of(whole: Pixels, count: int) -> Subset:
    """`count` images of all classes, as `spread` picks them."""
    rows = spread(whole.labels, count)
    return Subset(
        whole=whole,
        rows=rows,
        labels=whole.labels[rows],
        names=[whole.names[int(row)] for row in rows],
        net_side=whole.net_side,
    )


def spread(labels: Rows, count: int) -> Rows:
    """`count` places (all, if there are fewer): every class in turn, its images at even distances.

    So of few images none of the classes is missing while there are enough for each.
    """
    classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    count = min(count, len(labels))
    shares = [0] * len(classes)
    left = count
    while left:
        for place, members in enumerate(classes):
            if left and shares[place] < len(members):
                shares[place] += 1
                left -= 1
    picked = [
        members[np.arange(share) * len(members) // max(share, 1)]
        for members, share in zip(classes, shares, strict=True)
    ]
    return np.sort(np.concatenate(picked))
