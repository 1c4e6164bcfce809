"""What training asks of a set of images: data.Pixels has it, and so has anything like it."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np


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
