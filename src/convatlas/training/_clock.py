"""The times of a run: how fast it goes and when the next checkpoint is due."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

_SHARE = 20  # checkpoints take at most about a twentieth of the time
_STATUS_S = 0.5  # between two reports to who watches


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast steps go, and what they wait for."""

    images_per_s: float
    wait_share: float  # of the steps' time: waiting for a batch


@dataclass(slots=True)
class _Since:
    """What has happened since somebody last asked."""

    images: int = 0
    busy: float = 0.0
    waited: float = 0.0

    def taken(self) -> Rate:
        busy = max(self.busy, 1e-9)
        found = Rate(images_per_s=self.images / busy, wait_share=self.waited / busy)
        self.images, self.busy, self.waited = 0, 0.0, 0.0
        return found


class Clock:
    """Seconds spent on steps, on checkpoints, and altogether (`seconds`, with those before)."""

    def __init__(self, seconds: float, checkpoint_seconds: float) -> None:
        self._begun = monotonic() - seconds
        self._every = checkpoint_seconds
        self._cost = 0.0
        self._saved = monotonic()
        self._mark = monotonic()
        self._told = monotonic()
        self._line, self._status = _Since(), _Since()

    @property
    def seconds(self) -> float:
        """Seconds of the run so far, over all times it was taken up."""
        return monotonic() - self._begun

    def start(self) -> None:
        """The wait for a step's batch begins."""
        self._mark = monotonic()

    def ready(self) -> None:
        """The batch is there, the step begins."""
        now = monotonic()
        for since in (self._line, self._status):
            since.waited += now - self._mark
            since.busy += now - self._mark
        self._mark = now

    def lap(self, images: int) -> None:
        """A step ends."""
        took = monotonic() - self._mark
        for since in (self._line, self._status):
            since.busy += took
            since.images += images

    def since_line(self) -> Rate:
        """Of the steps since this was last asked."""
        return self._line.taken()

    def since_status(self) -> Rate:
        """Likewise, for those who watch."""
        self._told = monotonic()
        return self._status.taken()

    def status_is_due(self, last: bool) -> bool:
        """Whether who watches should be told, as after the last step in any case."""
        return last or monotonic() - self._told >= _STATUS_S

    def checkpoint_is_due(self) -> bool:
        """Whether the time between checkpoints is over; it grows with what one costs.

        A time of 0 makes one due after every step, whatever it costs.
        """
        return not self._every or monotonic() - self._saved >= max(self._every, _SHARE * self._cost)

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Time a checkpoint."""
        start = monotonic()
        yield
        self._saved = monotonic()
        self._cost = self._saved - start
