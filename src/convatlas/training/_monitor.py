"""Who watches a run: told what is written to the log, and how it goes between the lines."""

import resource
import sys
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A run between two steps."""

    step: int  # done
    steps: int
    epoch: float
    loss: float  # of the last step
    learning_rate: float
    images_per_s: float  # of all processes, since the status before
    wait_share: float  # of that time: waiting for images
    seconds: float  # trained so far
    seconds_left: float  # at the speed since the status before
    memory_bytes: int  # largest so far, of this process


class Monitor(Protocol):
    """What a run tells."""

    def status(self, status: Status) -> None:
        """About twice a second, and at the end."""

    def entry(self, kind: str, values: dict[str, Any]) -> None:
        """A line of the log; after an interruption the lines since the checkpoint come again."""


def peak_memory_bytes() -> int:
    """The largest memory this process has held, on the device where there is one."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
