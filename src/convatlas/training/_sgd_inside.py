"""Gradient descent with the learning rate inside the velocity: AlexNet's paper, Caffe.

    v <- momentum v - rate (decay w + gradient),    w <- w + v

torch's SGD keeps the rate outside. While the rate is constant the weights are the same; when it
falls, here the old velocity still moves them at the old rate.

Source: Krizhevsky et al., NIPS 2012, section 5.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class SGDInside(Optimizer):
    """One velocity per weight, `velocity` in the state."""

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        *,
        lr: float,
        momentum: float,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move all weights that have a gradient."""
        for group in self.param_groups:
            weights = [p for p in group["params"] if p.grad is not None]
            if not weights:
                continue
            gradients: list[Tensor] = [p.grad for p in weights]
            velocities = [self._velocity(p) for p in weights]
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_add_(velocities, gradients, alpha=-group["lr"])
            if group["weight_decay"]:
                torch._foreach_add_(velocities, weights, alpha=-group["lr"] * group["weight_decay"])
            torch._foreach_add_(weights, velocities)

    def _velocity(self, weight: Tensor) -> Tensor:
        state = self.state[weight]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(weight)
        found: Tensor = state["velocity"]
        return found
