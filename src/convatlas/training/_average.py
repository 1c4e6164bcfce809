"""The average of a net's weights over its last steps, which scores better than the last weights."""

from copy import deepcopy

import torch
from torch import Tensor, nn


class Average:
    """An exponential moving average of all parameters and floating-point buffers of a net.

    The running statistics of batch norm are averaged too, so the averaged net needs no second pass
    over the images. The decay of step t is at most (1 + t) / (10 + t): after few steps the average
    forgets the untrained weights quickly.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.net = deepcopy(net).eval().requires_grad_(False)
        self._decay = decay
        pairs = list(zip(_tensors(self.net), _tensors(net), strict=True))
        self._averaged = [ours for ours, theirs in pairs if theirs.is_floating_point()]
        self._followed = [theirs for _, theirs in pairs if theirs.is_floating_point()]
        self._counts = [(ours, theirs) for ours, theirs in pairs if not theirs.is_floating_point()]

    def update(self, step: int) -> None:
        """Take in the net's tensors after step `step` (from 0)."""
        with torch.no_grad():
            torch._foreach_lerp_(self._averaged, self._followed, 1.0 - decay_of(self._decay, step))
            for ours, theirs in self._counts:
                ours.copy_(theirs)


def decay_of(decay: float, step: int) -> float:
    """Share of the old average that step `step` (from 0) keeps."""
    return min(decay, (1 + step) / (10 + step))


def _tensors(net: nn.Module) -> list[Tensor]:
    return [tensor.detach() for tensor in [*net.parameters(), *net.buffers()]]
