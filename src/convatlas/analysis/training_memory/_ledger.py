"""Who holds which memory while a training step runs."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["forward", "backward", "step"]


@dataclass(slots=True, eq=False)
class Storage:
    """A piece of memory; it goes when its last holder lets go."""

    size: int  # bytes
    holders: int = 1


@dataclass(slots=True)
class Ledger:
    """What is alive, the most that ever was, and which layer was running then."""

    live: int  # bytes
    peak: int = 0
    peak_phase: Phase = "forward"
    peak_layer: str = ""
    phase: Phase = "forward"
    layer: str = ""
    saved: int = 0  # bytes that wait for the backward pass
    saved_by: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _kept: set[int] = field(default_factory=set)

    def allocate(self, size: int) -> Storage:
        """A new storage with one holder."""
        self.live += size
        self.touch(0)
        return Storage(size)

    def touch(self, scratch: int) -> None:
        """`scratch` bytes come and go beside what is alive."""
        if self.live + scratch > self.peak:
            self.peak = self.live + scratch
            self.peak_phase, self.peak_layer = self.phase, self.layer

    def hold(self, storage: Storage) -> Storage:
        """One more holder."""
        storage.holders += 1
        return storage

    def save(self, storage: Storage) -> Storage:
        """Held for the backward pass; a storage that several layers save counts once."""
        if id(storage) not in self._kept:
            self._kept.add(id(storage))
            self.saved += storage.size
            self.saved_by[self.layer] += storage.size
        return self.hold(storage)

    def release(self, storage: Storage) -> None:
        """One holder less."""
        storage.holders -= 1
        if storage.holders == 0:
            self.live -= storage.size
