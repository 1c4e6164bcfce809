"""RMSProp as TensorFlow computes it, which the papers of Inception v3 to EfficientNet trained with.

    s <- rho s + (1 - rho) g^2,    v <- momentum v + rate g / sqrt(s + epsilon),    w <- w - v

s begins at 1. torch's RMSprop begins at 0, adds epsilon outside the root and keeps the rate outside
v: with the papers' epsilon of 1.0 or 0.001 that is another method. Decay is added to g first.

Source: tensorflow/python/training/rmsprop.py and its kernel ApplyRMSProp.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class RMSProp(Optimizer):
    """Mean square and velocity per weight, `square` and `velocity` in the state."""

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        *,
        lr: float,
        rho: float,
        momentum: float,
        epsilon: float,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {
            "lr": lr,
            "rho": rho,
            "momentum": momentum,
            "epsilon": epsilon,
            "weight_decay": weight_decay,
        }
        super().__init__(groups, defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move all weights that have a gradient."""
        for group in self.param_groups:
            weights = [p for p in group["params"] if p.grad is not None]
            if not weights:
                continue
            gradients: list[Tensor] = [p.grad for p in weights]
            if group["weight_decay"]:
                gradients = list(
                    torch._foreach_add(gradients, weights, alpha=group["weight_decay"])
                )
            squares, velocities = self._buffers(weights)
            torch._foreach_mul_(squares, group["rho"])
            torch._foreach_addcmul_(squares, gradients, gradients, 1 - group["rho"])
            roots = torch._foreach_add(squares, group["epsilon"])
            torch._foreach_sqrt_(roots)
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_addcdiv_(velocities, gradients, roots, group["lr"])
            torch._foreach_sub_(weights, velocities)

    def _buffers(self, weights: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        for weight in weights:
            state = self.state[weight]
            if not state:
                state["square"] = torch.ones_like(weight)
                state["velocity"] = torch.zeros_like(weight)
        states = [self.state[weight] for weight in weights]
        return [s["square"] for s in states], [s["velocity"] for s in states]
