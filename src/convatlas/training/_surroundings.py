"""What training changes for a whole process, and gives back."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import torch

from convatlas.data import Progress

_PROGRESS_S = 0.2  # between two reports


@contextmanager
def borrowed(threads: int, *, seed: int) -> Iterator[None]:
    """Use `threads` threads and torch's random stream from `seed`; afterwards all is as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before)


class Reporter:
    """Calls `progress` at most about five times a second, and always at the end of a phase."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._last = float("-inf")

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Report, if it is time."""
        now = monotonic()
        if self._progress is not None and (done >= total or now - self._last >= _PROGRESS_S):
            self._last = now
            self._progress(phase, done, total)
