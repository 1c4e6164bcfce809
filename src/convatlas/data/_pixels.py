"""Decoded, resized images by number: squares of bytes."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convatlas.data.augmentation import Augmentation, augment, resized


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pixels(ABC):
    """Images as squares of bytes, with their labels and names."""

    labels: npt.NDArray[np.int64]
    names: Sequence[str]
    net_side: int | None = None  # of the nets that the squares are made for; None: of any

    @abstractmethod
    def batch(self, indices: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
        """The images of those numbers, a copy: [b, stored_side, stored_side, channels]."""

    def changed(
        self,
        indices: npt.NDArray[np.integer[Any]],
        augmentation: Augmentation,
        side: int,
        *,
        seed: int,
        epoch: int,
    ) -> npt.NDArray[np.uint8]:
        """Those images as one epoch of training sees them: [b, side, side, channels].

        An image's result is a function of (seed, epoch, its number), whatever else is asked for.
        A smaller side than `net_side` sees smaller images, not smaller parts of them.

        Raises:
            UnreadableImages: if some of them can no longer be read.
        """
        batch = self.batch(indices)
        made_for = None if augmentation.needs_whole_images else self.net_side
        if made_for is not None and side < made_for:
            stored = max(side, round(batch.shape[1] * side / made_for))
            batch = resized(batch, stored) if stored < batch.shape[1] else batch
        numbers = np.asarray(indices, np.int64)
        return augment(batch, augmentation, side, seed=seed, epoch=epoch, indices=numbers)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredPixels(Pixels):
    """Images in an array, usually one that is mapped from a file."""

    images: npt.NDArray[np.uint8]  # [n, stored_side, stored_side, channels]

    def __post_init__(self) -> None:
        assert self.images.dtype == np.uint8  # noqa: S101  an invariant of ours, not input
        assert self.images.ndim == 4  # noqa: S101  an invariant of ours, not input
        assert len(self.images) == len(self.labels) == len(self.names)  # noqa: S101  an invariant of ours, not input

    def batch(self, indices: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
        """The images of those numbers, copied out of the array."""
        return np.take(self.images, indices, axis=0)
