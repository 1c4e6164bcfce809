"""Decoded, resized images by number: from a file mapped into memory, or decoded when asked for."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from convatlas.data._fit import fit
from convatlas.data._preprocessing import Interpolation
from convatlas.data._types import Split
from convatlas.data.augmentation import Augmentation, augment


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pixels(ABC):
    """Images as squares of bytes, with their labels and names."""

    labels: npt.NDArray[np.int64]
    names: Sequence[str]

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

        Raises:
            UnreadableImages: if some of them can no longer be read.
        """
        numbers = np.asarray(indices, np.int64)
        return augment(
            self.batch(indices), augmentation, side, seed=seed, epoch=epoch, indices=numbers
        )

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedPixels(Pixels):
    """Images decoded whenever they are asked for: slower, but no disk holds them twice."""

    split: Split
    side: int
    channels: Literal[1, 3]
    threads: int
    interpolation: Interpolation = "bilinear"
    _pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="convatlas-data")
        object.__setattr__(self, "_pool", pool)

    def batch(self, indices: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
        """The images of those numbers, decoded now."""
        shape = (len(indices), self.side, self.side, self.channels)
        images = np.empty(shape, np.uint8)

        def decode(place: int) -> None:
            picture = self.split.source.picture(int(indices[place]))
            images[place] = fit(picture, self.side, self.channels, self.interpolation)

        list(self._pool.map(decode, range(len(indices))))
        return images


def channel_statistics(pixels: Pixels) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel on the 0..1 scale, from exact integer sums.

    At most 10,000 images at equal distances are read, fewer where images are large.
    """
    first = pixels.batch(np.zeros(1, np.int64))
    most = min(len(pixels), 10_000, max(256, _MOST_BYTES // first.nbytes))
    chosen = np.arange(most) * len(pixels) // most
    channels = first.shape[-1]
    histogram = np.zeros((channels, 256), np.int64)
    for start in range(0, most, _AT_ONCE):
        batch = pixels.batch(chosen[start : start + _AT_ONCE])
        for channel in range(channels):
            histogram[channel] += np.bincount(batch[..., channel].ravel(), minlength=256)
    levels = np.arange(256)
    means, deviations = [], []
    for counts in histogram:
        total, first_sum = int(counts.sum()), int(counts @ levels)
        square_sum = int(counts @ levels**2)
        variance = (square_sum * total - first_sum**2) / total**2  # whole numbers up to here
        means.append(first_sum / total / 255)
        deviations.append(max(variance, _LEAST_VARIANCE) ** 0.5 / 255)
    return tuple(means), tuple(deviations)


_MOST_BYTES = 1 << 28
_AT_ONCE = 256
_LEAST_VARIANCE = 1.0  # of one grey level: images of a single colour still can be divided by it
