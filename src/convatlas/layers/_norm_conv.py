"""Convolution after batch norm and ReLU: the order of pre-activation."""

from jaxtyping import Float
from torch import Tensor, nn


class NormConv(nn.Module):
    """Batch norm, ReLU, then a convolution without bias; odd kernels keep the side."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        """The convolution of the normalised, rectified `x`."""
        return self.conv(self.relu(self.norm(x)))
