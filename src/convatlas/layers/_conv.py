"""Convolution, batch norm and activation in their usual order."""

from jaxtyping import Float
from torch import Tensor, nn


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, then `activation` when one is given.

    Padding keeps the side at stride 1 for odd kernels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        groups: int = 1,
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            groups=groups,
            bias=False,
        )
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = activation if activation is not None else nn.Identity()

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The activated, normalised convolution of `x`."""
        return self.activation(self.norm(self.conv(x)))
