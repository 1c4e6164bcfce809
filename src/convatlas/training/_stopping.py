"""Signals that ask for the end: heard between two steps, so that nothing is lost."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_TERMINATED = 128 + signal.SIGTERM  # the exit code shells give a terminated process


class Stopped(BaseException):
    """A signal asked for the end; the state between two steps is whole."""


class Stop:
    """Whether SIGINT or SIGTERM came. A second SIGINT raises KeyboardInterrupt at once."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self.at_once = False

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self._signal is not None

    def hear(self, number: int, _frame: FrameType | None) -> None:
        """Take note of a signal."""
        if number == self._signal == signal.SIGINT:
            self.at_once = True
            raise KeyboardInterrupt
        self._signal = number

    def check(self) -> None:
        """Raise Stopped if a signal came."""
        if self._signal is not None:
            raise Stopped

    def outcome(self) -> BaseException:
        """What to raise once everything is on disk; without a signal another process had it."""
        return KeyboardInterrupt() if self._signal == signal.SIGINT else SystemExit(_TERMINATED)


@contextmanager
def stopping() -> Iterator[Stop]:
    """Hear SIGINT and SIGTERM inside; only the main thread of a process can, others hear none."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before: dict[signal.Signals, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, stop.hear)
        yield stop
    finally:
        for heard, handler in before.items():
            # None: a handler that was not installed from Python and cannot be given back.
            signal.signal(heard, signal.SIG_DFL if handler is None else handler)
