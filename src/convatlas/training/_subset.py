"""Some images of a set."""

from typing import Any

import numpy as np
import numpy.typing as npt

from convatlas.data import Augmentation, Pixels

Rows = npt.NDArray[np.int64]


class Subset(Pixels):
    """The images of `whole` at `rows`, numbered anew."""

    def __init__(self, whole: Pixels, rows: Rows) -> None:
        self._whole = whole
        self._rows = rows
        self.labels = np.asarray(whole.labels)[rows]
        self.names = [whole.names[int(row)] for row in rows]
        self.net_side = whole.net_side

    def batch(self, indices: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
        """The images at these places: [n, stored_side, stored_side, channels]."""
        return self._whole.batch(self._rows[indices])

    def changed(
        self,
        indices: npt.NDArray[np.integer[Any]],
        augmentation: Augmentation,
        side: int,
        *,
        seed: int,
        epoch: int,
    ) -> npt.NDArray[np.uint8]:
        """Those images as one epoch of training sees them: as in the whole set."""
        rows = self._rows[indices]
        return self._whole.changed(rows, augmentation, side, seed=seed, epoch=epoch)


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
