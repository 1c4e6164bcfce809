"""Halving the side of feature maps without losing a pixel."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class FactorisedReduction(nn.Module):
    """ReLU, two 1x1 of stride 2 of which one reads the maps shifted by a pixel, batch norm.

    Each makes half of the channels. The shift goes up and left and brings in zeros below and right.

    Args:
        out_channels: an even number.
        eps: of the batch norm.
    """

    def __init__(self, in_channels: int, out_channels: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        half = out_channels // 2
        self.relu = nn.ReLU()
        self.unshifted = nn.Conv2d(in_channels, half, 1, stride=2, bias=False)
        self.shift = nn.ZeroPad2d((-1, 1, -1, 1))
        self.shifted = nn.Conv2d(in_channels, half, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(2 * half, eps=eps)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """Both halves."""
        x = self.relu(x)
        return self.norm(torch.cat([self.unshifted(x), self.shifted(self.shift(x))], dim=1))
