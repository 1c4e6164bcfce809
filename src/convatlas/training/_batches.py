"""The batch of every step, a function of the step alone, prepared while the step before runs."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from convatlas.data import Preprocessing, augment, normalise, order
from convatlas.training._images import Images
from convatlas.training._recipe import Recipe

_DEPTH = 2  # batches ready or in the making

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Batch:
    """Images as the net takes them, with their labels."""

    images: Tensor
    labels: Tensor


class Stream:
    """Rows of a set of `n` images, epoch after epoch in ever new orders, cut into equal batches.

    A batch may span two epochs: none is short, and every image comes once an epoch.
    """

    def __init__(self, n: int, recipe: Recipe) -> None:
        self._n = n
        self._size = recipe.batch_size
        self._seed = recipe.seed
        self._epoch = -1
        self._order = np.empty(0, np.int64)

    def parts(self, step: int) -> Iterator[tuple[int, np.ndarray]]:
        """Epochs and rows of the batch of step `step` (from 0)."""
        start, stop = step * self._size, (step + 1) * self._size
        while start < stop:
            epoch, place = divmod(start, self._n)
            if self._epoch != epoch:
                self._order = order(self._n, seed=self._seed, epoch=epoch)
                self._epoch = epoch
            rows = self._order[place : place + stop - start]
            yield epoch, rows
            start += len(rows)


class Batches:
    """The batch of every step, from the step's number alone.

    The order of an epoch depends on (seed, epoch) and the change of an image on (seed, epoch,
    image), so a batch can be made at any time without those before it.
    """

    def __init__(self, pixels: Images, preprocessing: Preprocessing, recipe: Recipe) -> None:
        self._pixels = pixels
        self._preprocessing = preprocessing
        self._recipe = recipe
        self._labels = torch.from_numpy(np.array(pixels.labels, dtype=np.int64))
        self._stream = Stream(len(pixels), recipe)

    def make(self, step: int) -> Batch:
        """The batch of step `step` (from 0); not to be called from two threads at a time."""
        parts = list(self._stream.parts(step))
        rows = np.concatenate([rows for _, rows in parts])
        changed = np.concatenate([self._changed(epoch, rows) for epoch, rows in parts])
        images = normalise(changed, self._preprocessing)
        return Batch(images, self._labels[torch.from_numpy(rows)])

    def names(self, step: int) -> list[str]:
        """Names of the images of step `step` (from 0)."""
        parts = Stream(len(self._pixels), self._recipe).parts(step)
        return [self._pixels.names[int(row)] for _, rows in parts for row in rows]

    def epochs(self, steps: int) -> float:
        """How often `steps` steps see the whole training set."""
        return steps * self._recipe.batch_size / len(self._pixels)

    def _changed(self, epoch: int, rows: np.ndarray) -> np.ndarray:
        return augment(
            self._pixels.batch(rows),
            self._recipe.augmentation,
            self._preprocessing.side,
            seed=self._recipe.seed,
            epoch=epoch,
            indices=rows,
        )


@contextmanager
def prefetched(make: Callable[[K], V], keys: Iterable[K]) -> Iterator[Iterator[V]]:
    """The values `make` gives for `keys`, in order, made by one thread ahead of their use.

    What `make` raises is raised where its value is asked for. The thread computes alone: a team
    of its own beside the net's would make both wait for cores.
    """
    threads = torch.get_num_threads()
    executor = ThreadPoolExecutor(1, "batches", initializer=torch.set_num_threads, initargs=(1,))
    executor.submit(int).result()  # the thread is there, and torch says 1 to this one too
    torch.set_num_threads(threads)
    try:
        yield _in_order(executor, make, iter(keys))
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _in_order(
    executor: ThreadPoolExecutor, make: Callable[[K], V], keys: Iterator[K]
) -> Iterator[V]:
    waiting: deque[Future[V]] = deque()
    for key in keys:
        waiting.append(executor.submit(make, key))
        if len(waiting) > _DEPTH:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
