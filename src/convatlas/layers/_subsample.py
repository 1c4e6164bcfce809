"""Pooling with something to learn."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class SubSample(nn.Module):
    """Sum of each 2x2 window, times one coefficient per map, plus one bias per map.

    Windows do not overlap; an odd last row or column is left out. No squashing inside.

    Source: LeCun et al., Proc. IEEE 86(11), 1998, Section II-B, layer S2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.kernel_size = 2
        self.stride = 2
        self.coefficient = nn.Parameter(torch.full((channels,), 0.25))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        """`x` at half the resolution."""
        window_sum = F.avg_pool2d(x, self.kernel_size, self.stride) * self.kernel_size**2
        return window_sum * self.coefficient.view(-1, 1, 1) + self.bias.view(-1, 1, 1)
