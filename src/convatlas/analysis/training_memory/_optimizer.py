"""What optimizers keep, and what a step takes for a moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from torch import nn

from convatlas.analysis._layer import StepKernels

OptimizerName = Literal["sgd", "momentum", "adam", "adamw", "rmsprop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimizer:
    """An optimizer of torch with weight decay, in copies of the parameters.

    Args:
        state: kept from step to step.
        scratch: alive at once while a step goes parameter by parameter.
        scratch_of_all: the same while it treats all parameters at once.
        counts: whether it counts the steps of every parameter, in 4 bytes.
        fused: whether torch has kernels that need no scratch.
    """

    state: int
    scratch: int
    scratch_of_all: int = 1
    counts: bool = False
    fused: bool = True


OPTIMIZERS: Mapping[OptimizerName, Optimizer] = MappingProxyType(
    {
        "sgd": Optimizer(state=0, scratch=1),  # the gradient with its decay
        "momentum": Optimizer(state=1, scratch=1),
        "adam": Optimizer(state=2, scratch=3, counts=True),  # with the root twice
        "adamw": Optimizer(state=2, scratch=2, counts=True),
        "rmsprop": Optimizer(state=1, scratch=2, scratch_of_all=2, counts=True, fused=False),
    }
)


def state_bytes(optimizer: Optimizer, parameters: Sequence[nn.Parameter], width: int) -> int:
    """What is kept between steps."""
    counts = 4 * len(parameters) if optimizer.counts else 0
    return optimizer.state * width * sum(p.numel() for p in parameters) + counts


def step_scratch(
    optimizer: Optimizer, parameters: Sequence[nn.Parameter], width: int, kernels: StepKernels
) -> int:
    """Bytes beside parameters, gradients and state while a step runs.

    Without fused kernels, "foreach" takes the scratch for all parameters at once and "loop" for one
    after the other.
    """
    sizes = [width * p.numel() for p in parameters]
    if kernels == "fused" and optimizer.fused:
        return 0
    if kernels == "foreach":
        return optimizer.scratch_of_all * sum(sizes)
    return optimizer.scratch * max(sizes, default=0)
