"""Multiplication by a constant."""

from jaxtyping import Float
from torch import Tensor, nn


class Scale(nn.Module):
    """`x * factor`; the factor is fixed."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The scaled `x`."""
        return x * self.factor

    def extra_repr(self) -> str:
        """For printing the net."""
        return f"factor={self.factor:g}"
