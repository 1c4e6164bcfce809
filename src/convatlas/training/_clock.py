"""The times of a run: how fast it goes and when the next checkpoint is due."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

_SHARE = 20  # checkpoints take at most about a twentieth of the time


class Clock:
    """Seconds spent on steps, on checkpoints, and altogether (`seconds`, with those before)."""

    def __init__(self, seconds: float, checkpoint_seconds: float) -> None:
        self._begun = monotonic() - seconds
        self._every = checkpoint_seconds
        self._cost = 0.0
        self._saved = monotonic()
        self._mark = monotonic()
        self._images = 0
        self._busy = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of the run so far, over all its processes."""
        return monotonic() - self._begun

    def start(self) -> None:
        """A step begins, with waiting for its batch."""
        self._mark = monotonic()

    def lap(self, images: int) -> None:
        """A step ends."""
        self._busy += monotonic() - self._mark
        self._images += images

    def images_per_s(self) -> float:
        """Of the steps since this was last asked."""
        rate = self._images / max(self._busy, 1e-9)
        self._images, self._busy = 0, 0.0
        return rate

    def checkpoint_is_due(self) -> bool:
        """Whether the time between checkpoints is over; it grows with what one costs."""
        return monotonic() - self._saved >= max(self._every, _SHARE * self._cost)

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Time a checkpoint."""
        start = monotonic()
        yield
        self._saved = monotonic()
        self._cost = self._saved - start
