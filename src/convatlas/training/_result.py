"""What a training gives."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from convatlas.training._recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """A trained net and how it came about."""

    net: nn.Module  # the average of the weights, in eval mode
    recipe: Recipe
    steps: int
    seconds: float  # over all processes that worked on the run
    history: tuple[dict[str, Any], ...]  # step, epoch, loss, learning_rate
    validation: tuple[dict[str, Any], ...]  # step, accuracy (percent), loss (nats), images
    events: tuple[dict[str, Any], ...] = ()  # kind and step: unreadable, skipped, went_back, memory
    notes: tuple[str, ...] = ()  # what was unusual when the run was taken up again
