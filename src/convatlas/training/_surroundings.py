"""What training changes for a whole process, and gives back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import torch

from convatlas.data import Progress

_PROGRESS_S = 0.2  # between two reports


@contextmanager
def borrowed(threads: int, *, seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Use `threads` threads and torch's random stream from `seed`; afterwards all is as before.

    On a CUDA device only kernels that give the same bits every time are used where there are any.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    cuda = device is not None and device.type == "cuda"
    try:
        with torch.random.fork_rng(devices=[device] if cuda else []):
            torch.manual_seed(seed)
            if not cuda:
                yield
                return
            with _repeatable():
                yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _repeatable() -> Iterator[None]:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it at first use
    strict = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    memory: Any = torch.utils.deterministic
    fills = memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    memory.fill_uninitialized_memory = False  # a pass over all new memory
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark
        memory.fill_uninitialized_memory = fills


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
