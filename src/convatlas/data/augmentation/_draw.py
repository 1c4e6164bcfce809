"""The random numbers of a batch: a row of each stream per image."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data._random import Words, uniform, words


class Draw(NamedTuple):
    """The random numbers of a batch."""

    indices: npt.NDArray[np.int64]
    seed: int
    epoch: int

    def words(self, stream: int) -> Words:
        return words(self.indices, seed=self.seed, epoch=self.epoch, stream=stream)

    def whole(self, stream: int, most: int) -> npt.NDArray[np.int64]:
        """Whole numbers in [0, most]."""
        return (uniform(self.words(stream)) * (most + 1)).astype(np.int64)

    def signed(self, stream: int, most: float) -> npt.NDArray[np.float64]:
        """Numbers in [-most, most)."""
        return (2 * uniform(self.words(stream)) - 1) * most

    def turns(self, stream: int) -> npt.NDArray[np.bool_]:
        """Half of the images in an even epoch, the others in the next."""
        first = words(self.indices, seed=self.seed, epoch=0, stream=stream)
        return (first >> np.uint64(63)).astype(np.int64) ^ (self.epoch & 1) == 1
