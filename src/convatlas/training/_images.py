"""What training asks of a set of images: data.Pixels has it, and so has anything like it."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from convatlas.data import Augmentation


class Images(Protocol):
    """Square images with labels and names."""

    @property
    def labels(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Class of each image."""

    @property
    def names(self) -> Sequence[str]:
        """Name of each image, for people."""

    def __len__(self) -> int: ...

    def batch(self, indices: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, Any]:
        """The images at these places: uint8 [n, stored_side, stored_side, channels]."""

    def changed(
        self,
        indices: np.ndarray[Any, np.dtype[np.int64]],
        augmentation: Augmentation,
        side: int,
        *,
        seed: int,
        epoch: int,
    ) -> np.ndarray[Any, Any]:
        """Those images as one epoch of training sees them: uint8 [n, side, side, channels].

        Raises:
            UnreadableImages: if some of them can no longer be read.
        """
