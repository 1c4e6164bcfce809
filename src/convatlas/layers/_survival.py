"""Layers that are left out at random while training."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError


class Survival(nn.Module):
    """Stochastic depth: a branch that survives a mini-batch with `probability`.

    A unit asks `drops(x)` before it computes its branch, so a dropped branch costs nothing, and
    passes a surviving branch through this module: unchanged in training, times `probability` in
    evaluation. A mini-batch that several processes share has one `draw` for all of them.

    Source: Huang et al., ECCV 2016 (arXiv:1603.09382), Eq. 2 and 5.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = checked_probability("survival", probability)
        self.draw: Tensor | None = None  # of the next mini-batch, in [0, 1); None: torch's next

    def drops(self, x: Tensor) -> bool:
        """Whether the branch is left out for this mini-batch: never in evaluation."""
        if not self.training:
            return False
        draw = torch.rand(()) if self.draw is None else self.draw
        return bool(draw >= self.probability)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The surviving branch `x`, scaled in evaluation."""
        return x if self.training else x * self.probability

    def extra_repr(self) -> str:
        """For printing the net."""
        return f"probability={self.probability:g}"


class SampleDrop(nn.Module):
    """Drops a branch image by image ("drop-connect", "drop-path").

    In training each image's branch is zero with probability 1 - `survival` and is divided by
    `survival` otherwise; in evaluation nothing happens.

    Source: the released code of NASNet and EfficientNet (tensorflow/models, tensorflow/tpu).
    """

    def __init__(self, survival: float) -> None:
        super().__init__()
        self.survival = checked_probability("survival", survival)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """`x`, with some images' values zero in training."""
        if not self.training or self.survival == 1.0:
            return x
        shape = (x.shape[0], *(1 for _ in x.shape[1:]))
        kept = torch.rand(shape, device=x.device) < self.survival
        return x * kept.to(x.dtype) / self.survival

    def extra_repr(self) -> str:
        """For printing the net."""
        return f"survival={self.survival:g}"


def checked_probability(name: str, value: float) -> float:
    """`value`, if it can be the probability that a branch survives.

    Raises:
        UserError: for values outside (0, 1].
    """
    if not 0 < value <= 1:
        raise UserError(f"{name}={value!r}; it must be above 0 and at most 1.")
    return value
