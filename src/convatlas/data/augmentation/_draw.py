"""The random numbers of a batch, one per image and stream.

Streams in use: 0-6 place, 16-21 erase, 24-25 cutout, 26-31 PCA colour, 32-54 crops, 60-67 jitter,
80-121 RandAugment and TrivialAugment. Another number for one of them changes what a seed gives.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data import _random
from convatlas.data._random import Words


class Draw(NamedTuple):
    """Whose numbers they are."""

    indices: npt.NDArray[np.int64]
    seed: int
    epoch: int

    def words(self, stream: int) -> Words:
        """64 random bits."""
        return _random.words(self.indices, seed=self.seed, epoch=self.epoch, stream=stream)

    def uniform(self, stream: int) -> npt.NDArray[np.float64]:
        """Numbers in [0, 1)."""
        return _random.uniform(self.words(stream))

    def whole(self, stream: int, most: int) -> npt.NDArray[np.int64]:
        """Whole numbers in [0, most]."""
        return (self.uniform(stream) * (most + 1)).astype(np.int64)

    def signed(self, stream: int, most: float) -> npt.NDArray[np.float64]:
        """Numbers in [-most, most)."""
        return (2 * self.uniform(stream) - 1) * most

    def turns(self, stream: int) -> npt.NDArray[np.bool_]:
        """Half of the images in an even epoch, the others in the next."""
        first = _random.words(self.indices, seed=self.seed, epoch=0, stream=stream)
        return (first >> np.uint64(63)).astype(np.int64) ^ (self.epoch & 1) == 1
