"""Time given and time used, kept through stops: a run that is killed goes on where it was."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from convatlas.files import write_json

_EVERY_S = 2.0


class Clock:
    """Seconds used by all processes that worked in a directory so far, by phase."""

    def __init__(self, path: Path, total_s: float) -> None:
        self.path = path
        self.total_s = total_s
        self.phases: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
        self._writing = threading.Lock()

    @property
    def used_s(self) -> float:
        """Seconds used so far."""
        return sum(self.phases.values())

    @property
    def left_s(self) -> float:
        """Seconds left; negative when the time is over."""
        return self.total_s - self.used_s

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count what runs inside towards `name`, on disk every few seconds."""
        before, start = self.phases.get(name, 0.0), monotonic()
        over = threading.Event()

        def count() -> None:
            with self._writing:
                self.phases[name] = before + monotonic() - start
                write_json(self.path, self.phases)

        def tick() -> None:
            while not over.wait(_EVERY_S):
                count()

        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
        try:
            yield
        finally:
            over.set()
            ticker.join()
            count()
