"""The average of a net's weights over its steps, which scores better than the last weights."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from convatlas.training._recipe import Recipe


class Average:
    """An average of all parameters and floating-point buffers of a net.

    The running statistics of batch norm are averaged too, so the averaged net needs no second pass
    over the images. What is not a floating-point number is the last step's.
    """

    def __init__(self, net: nn.Module, recipe: Recipe) -> None:
        self.net = deepcopy(net).eval().requires_grad_(False)
        self._recipe = recipe
        pairs = list(zip(_tensors(self.net), _tensors(net), strict=True))
        self._averaged = [ours for ours, theirs in pairs if theirs.is_floating_point()]
        self._followed = [theirs for _, theirs in pairs if theirs.is_floating_point()]
        self._counts = [(ours, theirs) for ours, theirs in pairs if not theirs.is_floating_point()]

    def update(self, step: int) -> None:
        """Take in the net's tensors after step `step` (from 0)."""
        with torch.no_grad():
            torch._foreach_lerp_(self._averaged, self._followed, newest_share(self._recipe, step))
            for ours, theirs in self._counts:
                ours.copy_(theirs)


def newest_share(recipe: Recipe, step: int) -> float:
    """Share of the weights after step `step` (from 0) in the average after it.

    "ema": 1 - decay, where the decay of step t is at most (1 + t) / (10 + t): after few steps the
    average forgets the untrained weights quickly. "uniform": the plain mean over all steps from
    `average_from` on; before, the last weights.
    """
    if recipe.average == "ema":
        return 1.0 - min(recipe.ema_decay, (1 + step) / (10 + step))
    first = round(recipe.average_from * recipe.steps)
    return 1.0 / max(1, step - first + 1)


def _tensors(net: nn.Module) -> list[Tensor]:
    return [tensor.detach() for tensor in [*net.parameters(), *net.buffers()]]
