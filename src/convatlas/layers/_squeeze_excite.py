"""Squeeze and excitation: channels weighted by what the whole image holds."""

from jaxtyping import Float
from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """`x` times a gate per channel: global average, reduce, activation, expand, sigmoid.

    The two linear layers are 1x1 convolutions with bias.

    Args:
        hidden: channels between them, C / r.
        activation: after the first; ReLU when None.

    Source: Hu et al., CVPR 2018 (arXiv:1709.01507), Sec. 3.
    """

    def __init__(self, channels: int, hidden: int, *, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.activation = activation if activation is not None else nn.ReLU(inplace=True)
        self.expand = nn.Conv2d(hidden, channels, 1)
        self.gate = nn.Sigmoid()

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """`x` with its channels weighted."""
        excitation = self.expand(self.activation(self.reduce(self.squeeze(x))))
        return x * self.gate(excitation)
