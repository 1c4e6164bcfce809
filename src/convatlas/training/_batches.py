"""The batch of every step, a function of the step alone, prepared while the step before runs."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from convatlas.data import (
    Preprocessing,
    Unreadable,
    UnreadableImages,
    balanced_order,
    normalise,
    order,
    resized,
)
from convatlas.errors import UserError
from convatlas.training._images import Images
from convatlas.training._recipe import Recipe
from convatlas.training._schedule import side_at
from convatlas.training._world import World

_DEPTH = 2  # batches ready or in the making

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Batch:
    """Images as the net takes them, with their labels."""

    images: Tensor
    labels: Tensor
    lost: tuple[Unreadable, ...] = ()  # images that could not be read and are left out


class Stream:
    """Rows of a set of images, epoch after epoch in ever new orders, cut into equal batches.

    A batch may span two epochs: none is short, and with the sampler "shuffled" every image comes
    once an epoch.
    """

    def __init__(self, labels: npt.NDArray[np.int64], recipe: Recipe) -> None:
        self._labels = labels
        self._recipe = recipe
        self._epoch = -1
        self._order = np.empty(0, np.int64)

    def parts(self, step: int) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """Epochs and rows of the batch of step `step` (from 0)."""
        size = self._recipe.batch_size
        start, stop = step * size, (step + 1) * size
        while start < stop:
            epoch, place = divmod(start, len(self._labels))
            if self._epoch != epoch:
                self._order = self._order_of(epoch)
                self._epoch = epoch
            rows = self._order[place : place + stop - start]
            yield epoch, rows
            start += len(rows)

    def _order_of(self, epoch: int) -> npt.NDArray[np.int64]:
        if self._recipe.sampler == "balanced":
            return balanced_order(self._labels, seed=self._recipe.seed, epoch=epoch)
        return order(len(self._labels), seed=self._recipe.seed, epoch=epoch)


class Batches:
    """The batch of every step, from the step's number alone.

    The order of an epoch depends on (seed, epoch) and the change of an image on (seed, epoch,
    image), so a batch can be made at any time without those before it. Of many processes each makes
    its own equal part.

    Raises:
        UserError: if the batch cannot be shared equally.
    """

    def __init__(
        self,
        pixels: Images,
        preprocessing: Preprocessing,
        recipe: Recipe,
        world: World | None = None,
    ) -> None:
        self._pixels = pixels
        self._preprocessing = preprocessing
        self._recipe = recipe
        self._labels = np.array(pixels.labels, dtype=np.int64)
        self._stream = Stream(self._labels, recipe)
        self._world = world or World()
        if recipe.batch_size % self._world.size:
            raise UserError(
                f"batch_size={recipe.batch_size} cannot be shared equally by {self._world.size} "
                f"processes. Use a multiple of {self._world.size}, or another number of processes."
            )

    def make(self, step: int) -> Batch:
        """This process's part of the batch of step `step` (from 0).

        Not to be called from two threads at a time.

        Raises:
            UserError: if none of its images can be read.
        """
        made = [self._changed(epoch, rows) for epoch, rows in self._own_parts(step)]
        rows = np.concatenate([rows for _, rows, _ in made])
        lost = tuple(one for _, _, lost in made for one in lost)
        if not len(rows):
            raise UserError(
                f"None of the images of step {step + 1} can be read; {lost[0].name!r}: "
                f"{lost[0].reason}. Is the disk still there?"
            )
        changed = np.concatenate([images for images, _, _ in made if len(images)])
        side = side_at(self._recipe, step, self._preprocessing.side)
        if side != self._preprocessing.side:
            changed = resized(changed, side)
        images = normalise(changed, self._preprocessing)
        labels = torch.from_numpy(self._labels[rows])
        if self._world.device.type == "cuda":  # a copy from pinned memory runs beside the step
            images, labels = images.pin_memory(), labels.pin_memory()
        return Batch(images, labels, lost)

    def names(self, step: int) -> list[str]:
        """Names of the images of step `step` (from 0), of all processes."""
        parts = Stream(self._labels, self._recipe).parts(step)
        return [self._pixels.names[int(row)] for _, rows in parts for row in rows]

    def epochs(self, steps: int) -> float:
        """How often `steps` steps see the whole training set."""
        return steps * self._recipe.batch_size / len(self._pixels)

    def _own_parts(self, step: int) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """Of the batch's parts what falls to this process: an equal, contiguous share."""
        share = self._recipe.batch_size // self._world.size
        first = self._world.rank * share
        start = 0
        for epoch, rows in self._stream.parts(step):
            own = rows[max(0, first - start) : max(0, first + share - start)]
            if len(own):
                yield epoch, own
            start += len(rows)

    def _changed(
        self, epoch: int, rows: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], tuple[Unreadable, ...]]:
        """The images of these rows, changed; the rows that could be read; and the others."""
        lost: tuple[Unreadable, ...] = ()
        while len(rows):
            try:
                images = self._pixels.changed(
                    rows,
                    self._recipe.augmentation,
                    self._preprocessing.side,
                    seed=self._recipe.seed,
                    epoch=epoch,
                )
            except UnreadableImages as error:
                lost += tuple(map(Unreadable, error.names, error.reasons))
                rows = rows[~np.isin(rows, error.rows)]
            else:
                return images, rows, lost
        return np.empty(0, np.uint8), rows, lost


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
