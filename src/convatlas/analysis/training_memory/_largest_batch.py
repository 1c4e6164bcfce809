"""The most images that a budget of memory allows in one training step."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from convatlas.analysis._layer import Conditions
from convatlas.analysis.training_memory._optimizer import OptimizerName
from convatlas.analysis.training_memory._training_memory import (
    MOST_BATCH,
    Autocast,
    Trainee,
    TrainingMemory,
)
from convatlas.errors import UserError

_CONDITIONS = Conditions()


@dataclass(frozen=True, slots=True, kw_only=True)
class LargestBatch:
    """`fits` is the step on the largest batch; None if a single image is too much.

    `one_more` is the step on one image more, which does not fit; None at the largest batch there
    is.
    """

    budget_bytes: int
    fits: TrainingMemory | None
    one_more: TrainingMemory | None

    @property
    def batch(self) -> int:
        """Images; 0 if not even one fits."""
        return 0 if self.fits is None else self.fits.batch

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "budget_bytes": self.budget_bytes,
            "batch": self.batch,
            "peak_bytes": None if self.fits is None else self.fits.peak_bytes,
            "one_more_peak_bytes": None if self.one_more is None else self.one_more.peak_bytes,
        }


def largest_batch(
    net: nn.Module,
    shape: tuple[int, int, int],
    *,
    budget_bytes: int,
    dtype: str = "float32",
    optimizer: OptimizerName = "sgd",
    ema: bool = False,
    autocast: Autocast | None = None,
    conditions: Conditions = _CONDITIONS,
) -> LargestBatch:
    """The largest batch whose peak is within `budget_bytes`; one image more is beyond it.

    Args: as `training_memory` has them.

    Raises:
        UserError: for a budget below 1 byte, and as `training_memory` does.
    """
    if budget_bytes < 1:
        raise UserError(f"budget_bytes={budget_bytes}; it must be 1 or more.")
    trainee = Trainee(net, shape, dtype, optimizer, ema=ema, autocast=autocast)
    fits, beyond = None, trainee.at(1, conditions)
    while beyond.peak_bytes <= budget_bytes:
        if beyond.batch == MOST_BATCH:
            return LargestBatch(budget_bytes=budget_bytes, fits=beyond, one_more=None)
        fits, beyond = beyond, trainee.at(min(2 * beyond.batch, MOST_BATCH), conditions)
    while fits is not None and beyond.batch - fits.batch > 1:
        middle = trainee.at((fits.batch + beyond.batch) // 2, conditions)
        if middle.peak_bytes <= budget_bytes:
            fits = middle
        else:
            beyond = middle
    return LargestBatch(budget_bytes=budget_bytes, fits=fits, one_more=beyond)
