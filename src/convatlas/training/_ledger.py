"""Where the processes of a run note what they have done, and who failed first.

It is torchrun's key-value store, which outlives a process that ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import sleep

from torch.distributed import DistError
from torch.distributed.distributed_c10d import Store

from convatlas.errors import UserError

_FAILED = "failed"
_LOOK_S = 0.1  # between two looks
_AFTER_S = 1.0  # so that torchrun sees the process first that has failed first
_CODE = 2  # of a process that leaves because another has said why


class _Ended(Exception):
    """Another process has failed."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Counters that all processes of a run see."""

    store: Store

    def count(self, name: str) -> None:
        """Add 1 to a counter."""
        self.store.add(name, 1)

    def wait_for(self, name: str, number: int) -> None:
        """Go on when a counter has reached `number`, or another process has failed."""
        while self.store.add(name, 0) < number:
            if self.store.check([_FAILED]):
                raise _Ended
            sleep(_LOOK_S)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Let errors of the block pass from the process that fails first only."""
        try:
            yield
        except Exception as error:
            first = self._first()
            gone = _lost(error)
            if first and gone:
                raise UserError(
                    "Another process of this run is gone: it was killed, or its machine failed. "
                    "The last checkpoint is whole; the same command goes on from it, and torchrun "
                    "does so by itself with --max-restarts."
                ) from error
            if not first and (gone or isinstance(error, UserError)):
                sleep(_AFTER_S)
                raise SystemExit(_CODE) from error
            raise

    def _first(self) -> bool:
        """Note that this process fails; whether none had before."""
        try:
            return self.store.add(_FAILED, 1) == 1
        except DistError:  # the store went with the process that held it
            return True


def _lost(error: BaseException) -> bool:
    """Whether `error` is what a process sees when another one ends."""
    return isinstance(error, _Ended | DistError) or (
        isinstance(error, RuntimeError) and "gloo" in str(error)
    )
